"""Which pictures a prompt refers to, for what and how strongly. Pure: fetches nothing, draws nothing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from engine.errors import PromptError
from engine.jobs import Input, Role
from engine.planning.values import decimal
from engine.prompt.prompt import Prompt, number
from engine.prompt.tokens import quote
from engine.words import Sentence

MOST = 8
"""Pictures one prompt may refer to."""
IMAGE_WEIGHT = 1.0
"""``--iw`` where nobody gave it."""
FULL = 100
"""What ``--sw``, ``--cw`` and ``--ow`` are where nobody gave them: the weight 1."""
CODE, KEPT = "code:", "picture:"
"""How styles by number and pictures in the gallery are named beside links."""
KEPT_LENGTH = 16
"""Characters of a SHA-256 that name a kept picture in a prompt."""
RANDOM = "random"
LIKED_LEAST, LIKED_MOST = 5, 8
"""How many pictures somebody must have marked for ``--profile``, and how many of the newest count."""

_LIKED = "liked:"

_WEIGHED = re.compile(r"(.+?)::([+-]?[\d.]+)")


@dataclass(frozen=True, slots=True)
class Reference:
    """A picture that a prompt refers to: a link, ``picture:…`` or ``code:…``, for what, how strongly."""

    name: str
    role: Role
    weight: float


def kept(sha256: str) -> str:
    """Return how a prompt names a picture of the gallery."""
    return KEPT + sha256[:KEPT_LENGTH]


def named(prompt: Prompt) -> tuple[Reference, ...]:
    """Return what a prompt refers to, in its order; what weighs nothing is left out.

    The weights of image prompts add up to ``--iw``, those of style references to a hundredth of ``--sw``, and
    so on; among themselves they stand as their ``::weights`` do. Raises PromptError.
    """
    images = [(image.url, 1.0 if image.weight is None else image.weight) for image in prompt.images]
    found = _shared(images, Role.PROMPT, decimal(prompt, "iw", IMAGE_WEIGHT))
    for flag, weight, role in (
        ("sref", "sw", Role.STYLE),
        ("cref", "cw", Role.SUBJECT),
        ("oref", "ow", Role.SUBJECT),
    ):
        given = prompt.get(flag)
        if isinstance(given, tuple):
            share = decimal(prompt, weight, FULL) / FULL
            found += _shared([_read(flag, text) for text in given], role, share)
    if len(found) > MOST:
        raise PromptError(
            Sentence(
                "A prompt can refer to {most} pictures, and this one names {found}.",
                most=MOST,
                found=len(found),
            )
        )
    return tuple(found)


def inputs(prompt: Prompt, pictures: Mapping[str, str]) -> tuple[Input, ...]:
    """Return a prompt's input pictures, given the SHA-256 of what each name stands for.

    Raises PromptError where one is missing: a picture is never ignored in silence.
    """
    found = []
    for one in named(prompt):
        if one.name not in pictures:
            bare = Prompt(prompt.parts, (), prompt.given)
            bare = bare.with_flags(dict.fromkeys(("iw", "sref", "sw", "cref", "cw", "oref", "ow")))
            raise PromptError(
                Sentence(
                    "Pictures as part of a prompt cannot be drawn from here. Leave the link out and describe "
                    "the picture."
                ),
                bare.to_line(("prompt",)) if prompt.parts else None,
            )
        found.append(Input(sha256=pictures[one.name], role=one.role, weight=one.weight))
    if prompt.get("profile"):
        marked = [sha256 for name, sha256 in pictures.items() if name.startswith(_LIKED)]
        if not marked:
            raise _too_few(prompt, 0)
        found += [Input(sha256=one, role=Role.TASTE, weight=1 / len(marked)) for one in marked]
    return tuple(found)


def liked(pictures: Sequence[str]) -> dict[str, str]:
    """Return names for the pictures somebody marked (SHA-256, the newest first), as ``inputs`` takes them."""
    return {f"{_LIKED}{number}": sha256 for number, sha256 in enumerate(pictures[:LIKED_MOST])}


def profiled(prompt: Prompt, count: int) -> tuple[Prompt, str | None]:
    """Return the prompt as it is drawn for somebody who marked ``count`` pictures, and what to tell them.

    With too few, a ``--profile`` that stands in somebody's settings is left out. Raises PromptError where
    they asked for it themselves.
    """
    code, source = prompt.get("profile"), prompt.source("profile")
    if not code:
        return prompt, None
    if count < LIKED_LEAST:
        if source == "prompt":
            raise _too_few(prompt, count)
        return prompt.with_flags({"profile": None}), _few(count)
    if isinstance(code, str):
        return prompt, Sentence(
            "{code} is one of Midjourney's profiles. A profile here is what you marked with ❤️ yourself, and "
            "that is what it was drawn with.",
            code=quote(code),
        )
    return prompt, None


def _too_few(prompt: Prompt, count: int) -> PromptError:
    return PromptError(_few(count), prompt.with_flags({"profile": None}).to_line(("prompt",)))


def _few(count: int) -> str:
    return Sentence(
        "`--profile` draws in the colours of the pictures you marked with ❤️. It takes {least}, and you have "
        "{count} so far. To mark more, press ❤️ under a picture, or react to one with ❤️."
        if count
        else "`--profile` draws in the colours of the pictures you marked with ❤️. It takes {least}, and you "
        "have none yet. To mark more, press ❤️ under a picture, or react to one with ❤️.",
        least=LIKED_LEAST,
        count=count,
    )


def settled(prompt: Prompt, dice: Callable[[], int]) -> Prompt:
    """Return the prompt with ``--sref random`` as the code of one style, so that it can be had again."""
    given = prompt.get("sref")
    if not isinstance(given, tuple) or not any(text.lower().startswith(RANDOM) for text in given):
        return prompt
    chosen = tuple(
        f"{dice()}{text[len(RANDOM) :]}" if text.lower().startswith(RANDOM) else text for text in given
    )
    return prompt.with_flags({"sref": chosen}, prompt.source("sref") or "prompt")


def stand_ins(prompt: Prompt) -> dict[str, str]:
    """Return a name for each picture: how a line is read does not depend on fetching them."""
    names = [one.name for one in named(prompt)]
    if prompt.get("profile"):
        names += [f"{_LIKED}{number}" for number in range(LIKED_MOST)]
    return {name: stand_in(name) for name in names}


def stand_in(name: str) -> str:
    """Return what stands in a spec for a picture that was not fetched yet."""
    return hashlib.sha256(name.encode()).hexdigest()


def _shared(given: list[tuple[str, float]], role: Role, weight: float) -> list[Reference]:
    total = sum(own for _, own in given)
    if weight <= 0 or total <= 0:
        return []
    return [Reference(name, role, weight * own / total) for name, own in given if own > 0]


def _read(flag: str, text: str) -> tuple[str, float]:
    """Return the name and the weight that a value of ``--sref`` and its like says."""
    match = _WEIGHED.fullmatch(text)
    name, weight = (match[1], float(match[2])) if match else (text, 1.0)
    if weight < 0:
        shown = quote(f"{name}::{number(weight)}")
        raise PromptError(Sentence("A reference cannot weigh less than nothing: {shown}.", shown=shown))
    if "://" in name or name.startswith(KEPT):
        return name, weight
    if flag != "sref":
        raise PromptError(
            Sentence(
                "`--{flag}` takes a link to a picture; {name} is none. Codes are for `--sref`.",
                flag=flag,
                name=quote(name),
            )
        )
    return CODE + name.lower(), weight
