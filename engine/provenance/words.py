"""The sentences that say where a picture comes from; every door says the same ones."""

from __future__ import annotations

import datetime
from collections.abc import Callable

from engine.jobs import Job
from engine.provenance.values import Verdict
from engine.words import Sentence, say

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
            lines.append(say("Job `{job}`, {made:%Y-%m-%d}.", job=job.id, made=made))
        elif found.job is not None:
            lines.append(say("Job `{job}`, which is no longer kept.", job=shown(found.job, 40)))
    if (signature := found.signature) is not None:
        if signature.state == "valid":
            by = Sentence("this host")
            if not signature.ours:
                by = Sentence("`{by}`, whom we do not know", by=shown(signature.by, 80))
            lines.append(say("Signature: valid, by {by}; the file is just as it was signed.", by=by))
        else:
            lines.append(say(TAMPERED if signature.state == "tampered" else BROKEN))
    if found.mark is not None:
        agreeing, of = found.mark.agreeing, found.mark.of
        lines.append(say("Invisible mark: found ({agreeing} of {of} signs agree).", agreeing=agreeing, of=of))
    if found.recipe is not None:
        program = shown(found.recipe.program, 40)
        lines.append(say("Recipe: written by {program}. {warning}", program=program, warning=ANYBODY))
    elif found.unreadable:
        lines.append(say(UNREADABLE))
    return "\n".join(lines)


def _maker(found: Verdict, shown: Callable[[str, int], str]) -> str:
    if found.ours:
        return say("Made by this Limner.")
    if found.limner:
        return say("Made by another Limner.")
    if found.signature is not None and found.signature.state == "valid" and found.signature.made:
        software = shown(found.signature.software, 80)
        return say("Made by a machine, says its signature: `{software}`.", software=software)
    if found.signature is None and found.recipe is None:
        return say(NOTHING)
    return say("No mark of a Limner was found. That does not mean that no machine made it.")
