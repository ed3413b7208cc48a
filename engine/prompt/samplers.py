"""The names people give to samplers, brought to one name each. Knows words only, no scheduler."""

from __future__ import annotations

import re

SAMPLERS: dict[str, tuple[str, ...]] = {
    "ddim": ("DDIM", "DDIMScheduler"),
    "ddpm": ("DDPM", "DDPMScheduler"),
    "euler": ("K_EULER", "Euler", "EulerDiscreteScheduler"),
    "euler_karras": ("Euler Karras",),
    "euler_ancestral": ("K_EULER_ANCESTRAL", "Euler a", "EulerAncestralDiscreteScheduler"),
    "dpmpp_2m": ("K_DPMPP_2M", "DPM++ 2M", "DPMSolverMultistepScheduler"),
    "dpmpp_2m_karras": ("DPM++ 2M Karras",),
    "dpmpp_2m_sde": ("DPM++ 2M SDE",),
    "dpmpp_2m_sde_karras": ("DPM++ 2M SDE Karras",),
    "dpmpp_2s": (
        "K_DPMPP_2S_ANCESTRAL",
        "dpmpp_2s_ancestral",
        "DPM++ 2S a",
        "DPM++ SDE",
        "DPMSolverSinglestepScheduler",
    ),
    "dpmpp_2s_karras": ("DPM++ 2S a Karras", "DPM++ SDE Karras"),
    "heun": ("K_HEUN", "Heun", "HeunDiscreteScheduler"),
    "kdpm2": ("K_DPM_2", "dpm_2", "DPM2", "KDPM2DiscreteScheduler"),
    "kdpm2_karras": ("DPM2 Karras",),
    "kdpm2_ancestral": (
        "K_DPM_2_ANCESTRAL",
        "dpm_2_ancestral",
        "dpm2_ancestral",
        "DPM2 a",
        "KDPM2AncestralDiscreteScheduler",
    ),
    "kdpm2_ancestral_karras": ("DPM2 a Karras",),
    "lms": ("K_LMS", "LMS", "LMSDiscreteScheduler"),
    "lms_karras": ("LMS Karras",),
    "unipc": ("UniPC", "UniPCMultistepScheduler"),
    "pndm": ("PLMS", "PNDMScheduler"),
    "lcm": ("LCM", "LCMScheduler"),
}
"""Our name; then the Stability API's, AUTOMATIC1111's and diffusers' names for it.

Which class stands for AUTOMATIC1111's names is diffusers' own table ("Schedulers", API overview).
"""


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower().replace("++", "pp")).strip("_")


_BY_PLAIN = {_plain(name): ours for ours, names in SAMPLERS.items() for name in (ours, *names)}


def sampler(name: str) -> str | None:
    """Return our name for a sampler as people write it, or None.

    >>> sampler("DPM++ 2M Karras"), sampler("K_EULER"), sampler("Euler a"), sampler("best")
    ('dpmpp_2m_karras', 'euler', 'euler_ancestral', None)
    """
    plain = _plain(name)
    return _BY_PLAIN.get(plain) or _BY_PLAIN.get(f"{plain}scheduler")
