"""The names people give to samplers, brought to one name each. Knows words only, no scheduler."""

from __future__ import annotations

import difflib
import re
from itertools import islice

from engine.prompt.tokens import MARKS, QUOTES, TRAILING

SAMPLERS: dict[str, tuple[str, ...]] = {
    "ddim": ("DDIM", "DDIMScheduler"),
    "ddpm": ("DDPM", "DDPMScheduler"),
    "euler": ("Euler", "K_EULER", "EulerDiscreteScheduler"),
    "euler_karras": ("Euler Karras",),
    "euler_ancestral": ("Euler a", "K_EULER_ANCESTRAL", "EulerAncestralDiscreteScheduler"),
    "dpmpp_2m": ("DPM++ 2M", "K_DPMPP_2M", "DPMSolverMultistepScheduler"),
    "dpmpp_2m_karras": ("DPM++ 2M Karras",),
    "dpmpp_2m_sde": ("DPM++ 2M SDE",),
    "dpmpp_2m_sde_karras": ("DPM++ 2M SDE Karras",),
    "dpmpp_2s": (
        "DPM++ 2S a",
        "K_DPMPP_2S_ANCESTRAL",
        "dpmpp_2s_ancestral",
        "DPM++ SDE",
        "DPMSolverSinglestepScheduler",
    ),
    "dpmpp_2s_karras": ("DPM++ 2S a Karras", "DPM++ SDE Karras"),
    "heun": ("Heun", "K_HEUN", "HeunDiscreteScheduler"),
    "kdpm2": ("DPM2", "K_DPM_2", "dpm_2", "KDPM2DiscreteScheduler"),
    "kdpm2_karras": ("DPM2 Karras",),
    "kdpm2_ancestral": (
        "DPM2 a",
        "K_DPM_2_ANCESTRAL",
        "dpm_2_ancestral",
        "kdpm_2_a",
        "KDPM2AncestralDiscreteScheduler",
    ),
    "kdpm2_ancestral_karras": ("DPM2 a Karras",),
    "lms": ("LMS", "K_LMS", "LMSDiscreteScheduler"),
    "lms_karras": ("LMS Karras",),
    "unipc": ("UniPC", "UniPCMultistepScheduler", "uni_pc_bh2"),
    "pndm": ("PLMS", "PNDMScheduler"),
    "lcm": ("LCM", "LCMScheduler"),
}
"""Our name; then AUTOMATIC1111's, by which it is told, and the Stability API's, diffusers', ComfyUI's.

Which class stands for AUTOMATIC1111's names is diffusers' own table ("Schedulers", API overview).
"""

_SCHEDULES = {
    "karras": "Karras", "exponential": "Exponential", "beta": "Beta", "sgm_uniform": "SGM Uniform",
    "simple": "Simple", "normal": "Normal",
}  # fmt: skip
"""Names of the web UI's release 1.10 (``modules/sd_samplers*.py``, ``modules/sd_schedulers.py``)."""

_NOT_HERE = (
    "DPM++ 3M SDE", "DPM++ 3M", "DPM++ 2M SDE Heun", "DPM fast", "DPM adaptive", "DPM++ 2M CFG++", "Restart",
    "DDIM CFG++", "DDIM CFG pp", "Euler CFG++", "Euler a CFG++", "Euler SMEA", "Euler Dy", "Euler SMEA Dy",
    "Euler Negative", "DPM++ SDE Turbo", "DPM++ 2M Turbo", "HeunPP2", "Heun++", "Heun++ 2",
    "DPM++ 2M v2", "DPM++ 2M alt", "DPM Solver++", "TCD", "DPM++ 1S", "DPM SDE", "DC Solver", "VDM Solver",
    "BDIA DDIM", "Euler Max", "Flux Realistic", "Forge Flux Realistic",
    "DEIS", "ER SDE", "SA Solver", "Res Multistep",
)  # fmt: skip
"""Samplers of several words of AUTOMATIC1111, Forge, SD.Next and ComfyUI that are not drawn here."""
_SPACINGS = (
    "Karras", "Exponential", "Polyexponential", "Beta", "Beta57", "Simple", "Normal", "Uniform", "Automatic",
    "SGM Uniform", "DDIM Uniform", "KL Optimal", "Linear Quadratic", "Align Your Steps",
    "Align Your Steps 11", "Align Your Steps 32", "Align Your Steps GITS", "AYS", "AYS 32", "GITS", "Turbo",
    "SGM", "EDM", "Trailing", "Bong Tangent",
)  # fmt: skip
"""How programs call the spacing of the noise, behind a sampler's name."""
_ANY_SPACING = frozenset({"automatic", "normal", "simple", "uniform", "trailing"})
_PROSE = frozenset(
    {"beta", "exponential", "simple", "normal", "uniform", "automatic", "turbo", "trailing", "k"}
)
"""Spacings that are words of prompts too: taken in capitals, or where nothing follows."""
_MOST_WORDS = 4


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower().replace("++", "pp")).strip("_")


def _squashed(name: str) -> str:
    return _plain(name).replace("_", "")


_BY_NAME = {_squashed(name): ours for ours, names in SAMPLERS.items() for name in (ours, *names)}
_OTHERS = frozenset(map(_squashed, _NOT_HERE))
_SPACED = {_squashed(name): name for name in _SPACINGS} | {"k": "Karras"}


def sampler(name: str) -> str | None:
    """Return our name for a sampler as people write it, or None.

    >>> sampler("DPM++ 2M Karras"), sampler("K_EULER"), sampler("Euler a"), sampler("best")
    ('dpmpp_2m_karras', 'euler', 'euler_ancestral', None)
    >>> sampler("k_euler_a"), sampler("dpmpp_2m_sde_gpu"), sampler("dpmpp_2m_k"), sampler("DPM++2M")
    ('euler_ancestral', 'dpmpp_2m_sde', 'dpmpp_2m_karras', 'dpmpp_2m')
    """
    plain = _plain(name).replace("_gpu", "")
    for spelled in (plain, re.sub(r"_k$", "_karras", plain), plain.removeprefix("k_"), f"{plain}scheduler"):
        if (found := _BY_NAME.get(spelled.replace("_", ""))) is not None:
            return found
    return None


def sampler_names(name: str) -> dict[str, str]:
    """Return ``Sampler`` and ``Schedule type`` as the web UI writes them.

    >>> sampler_names("dpmpp_2m_karras"), sampler_names("euler_ancestral")
    ({'Sampler': 'DPM++ 2M', 'Schedule type': 'Karras'}, {'Sampler': 'Euler a'})
    """
    for schedule, shown in _SCHEDULES.items():
        base = name.removesuffix(f"_{schedule}")
        if base != name:
            return sampler_names(base) | {"Schedule type": shown}
    return {"Sampler": SAMPLERS.get(name, (name,))[0]}


def nearest(name: str) -> tuple[str | None, str]:
    """Return our name for a sampler, and the spacing of its noise that had to be left out ("" for none).

    >>> nearest("Heun Karras"), nearest("DPM++ 2M Simple"), nearest("DPM++ 3M SDE Karras")
    (('heun', 'Karras'), ('dpmpp_2m', ''), (None, ''))
    """
    if (found := sampler(name)) is not None:
        return found, ""
    solver, spacing = _apart(name)
    found = sampler(solver)
    return found, "" if found is None or spacing.lower() in _ANY_SPACING else spacing


def _apart(name: str) -> tuple[str, str]:
    """Return a sampler's name without the spacing behind it, and the spacing."""
    plain = _plain(name)
    for words in sorted({_plain(one) for one in (*_SPACINGS, "k")}, key=len, reverse=True):
        if plain.endswith(f"_{words}"):
            return plain.removesuffix(f"_{words}"), _SPACED[_squashed(words)]
    return plain, ""


def alike(name: str) -> str | None:
    """Return our name of the sampler whose whole name is nearest, or None where none is near.

    >>> alike("DPM++ 3M SDE Karras"), alike("eulr"), alike("banana")
    ('dpmpp_2m_sde_karras', 'euler', None)
    """
    if _squashed(name) in _SPACED:  # how the steps lie, and no sampler
        return None
    for spelled in (name, _apart(name)[0]):
        found = difflib.get_close_matches(_squashed(spelled)[:60], list(_BY_NAME), n=1, cutoff=0.75)
        if found:
            return _BY_NAME[found[0]]
    begun = [known for known in _BY_NAME if len(known) > 3 and _squashed(name).startswith(known)]
    return _BY_NAME[max(begun, key=len)] if begun else None


def longest(text: str) -> tuple[str, int]:
    """Return the words at a text's start that belong to a sampler's name, known or not, and their length.

    >>> longest("DPM++ 3M SDE Karras, a cat"), longest("euler simple drawing")
    (('DPM++ 3M SDE Karras,', 20), ('euler', 5))
    """
    if text[:1] in "\"'`" and (end := text.find(text[0], 1, 80)) > 0:
        return text[: end + 1], end + 1
    ends = [word.end() for word in islice(re.finditer(r"\S+", text), _MOST_WORDS * 2)]
    count = 1
    for words in range(min(_MOST_WORDS, len(ends)), 0, -1):
        name = _bare(text[: ends[words - 1]])
        if sampler(name) is not None or _squashed(name) in _OTHERS:
            count = words
            break
    for more in range(min(_MOST_WORDS, len(ends) - count), 0, -1):
        spacing = _bare(text[ends[count - 1] : ends[count + more - 1]])
        end = ends[count + more - 1]
        alone = not text[end:].strip() or text[end - 1] in ",;."
        known = _squashed(spacing) in _SPACED and not text[: ends[count - 1]].endswith((",", ";"))
        if known and (alone or spacing not in _PROSE):
            count += more
            break
    return text[: ends[count - 1]], ends[count - 1]


def _bare(words: str) -> str:
    return words.strip(" " + QUOTES + MARKS + TRAILING)
