"""The sentences that say where a picture comes from; every door says the same ones."""

from __future__ import annotations

import datetime
from collections.abc import Callable

from engine.jobs import Job
from engine.provenance.values import Verdict
from engine.words import Sentence

NOTHING = Sentence(
    "Nothing was found in this picture: no signature, no mark, no recipe. Nothing found does "
    "not mean that no machine made it."
)
TAMPERED = Sentence("Its signature does not hold: the file was changed after it was signed.")
BROKEN = Sentence("It has a signature that cannot be read.")
UNREADABLE = Sentence("What is written in it is too long or broken, and was not read.")
ANYBODY = Sentence("Anybody can write a recipe into a file, so it proves nothing.")


def verdict(found: Verdict, job: Job | None, *, told: bool, shown: Callable[[str, int], str]) -> str:
    """Return what is known of a picture's origin, line by line.

    ``told``: whoever asks may know which job it was. ``shown`` makes what a file says fit to be shown, at
    most so long.
    """
    lines = [_maker(found, shown)]
    if found.ours and told:
        if job is not None:
            made = datetime.datetime.fromtimestamp(job.created_at, datetime.UTC)
            lines.append(f"Job `{job.id}`, {made:%Y-%m-%d}.")
        elif found.job is not None:
            lines.append(f"Job `{shown(found.job, 40)}`, which is no longer kept.")
    if (signature := found.signature) is not None:
        if signature.state == "valid":
            by = "this host" if signature.ours else f"`{shown(signature.by, 80)}`, whom we do not know"
            lines.append(f"Signature: valid, by {by}; the file is just as it was signed.")
        else:
            lines.append(TAMPERED if signature.state == "tampered" else BROKEN)
    if found.mark is not None:
        lines.append(f"Invisible mark: found ({found.mark.agreeing} of {found.mark.of} signs agree).")
    if found.recipe is not None:
        lines.append(f"Recipe: written by {shown(found.recipe.program, 40)}. {ANYBODY}")
    elif found.unreadable:
        lines.append(UNREADABLE)
    return "\n".join(lines)


def _maker(found: Verdict, shown: Callable[[str, int], str]) -> str:
    if found.ours:
        return "Made by this Limner."
    if found.limner:
        return "Made by another Limner."
    if found.signature is not None and found.signature.state == "valid" and found.signature.made:
        return f"Made by a machine, says its signature: `{shown(found.signature.software, 80)}`."
    if found.signature is None and found.recipe is None:
        return NOTHING
    return "No mark of a Limner was found. That does not mean that no machine made it."
