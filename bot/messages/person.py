"""Words about a person: what they have, use, set and delete; refuses to know discord.py and the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.messages.asking import allowance
from bot.messages.jobs import Standing, job_line
from bot.messages.text import CONTENT_LIMIT, quoted, shown
from engine.config import LimitsConfig
from engine.jobs import Job, State
from engine.rules.allowance import Balance
from engine.words import Sentence, counted, say

FORGOTTEN = Sentence(
    "Deleted: your jobs, their pictures, your settings and everything else about you. "
    "Pictures that somebody else made something of stay for them. What was posted in "
    "channels stays there until it is deleted there."
)
INFO_TITLE = Sentence("About you")
REMIX_ON = Sentence("Remix is on: variations and 🔄 ask for a changed prompt first.")
REMIX_OFF = Sentence("Remix is off: variations and 🔄 start at once.")
VARIATION_HIGH = Sentence("V1–V4 make strong variations now.")
VARIATION_LOW = Sentence("V1–V4 make subtle variations now.")
BAD_OPTION_NAME = Sentence(
    "A flag's name is made of letters, digits, `-` and `_`, at most 32. Choose another name."
)
SPEED_KEPT = {
    "fast": Sentence("Fast is on: normal priority."),
    "relax": Sentence("Relax is on: your jobs let others go first."),
    "turbo": Sentence(
        "Turbo is on: your jobs go ahead of others, in few steps if the model can, at twice the price."
    ),
}


def export_part(number: int) -> str:
    """Return what stands above a part of an export."""
    return say("Everything kept about you, part {number}.", number=number)


def exported(parts: int) -> str:
    """Return the end of an export."""
    return say(
        "That is all: {files}. `data-1.json` holds the rows about you, the folders your "
        "pictures. Save them now; Discord forgets messages that only you see.",
        files=counted(parts, "{n} file", "{n} files"),
    )


def person_facts(
    open_jobs: Sequence[tuple[Job, Standing]],
    recent: Sequence[Job],
    limits: LimitsConfig,
    preferences: Mapping[str, str],
    balances: Sequence[Balance] = (),
) -> list[tuple[str, str]]:
    """Return what ``/info`` tells, as (name, value) pairs. ``open_jobs``: each job and how it stands."""
    lines = [job_line(job, now) for job, now in open_jobs[:10]]
    done = [job for job in recent if job.state is State.RENDERED][:5]
    kept = [(key, preferences[key]) for key in ("settings", "suffix") if key in preferences]
    habits = [f"`{key}`: {shown(flags, 200)}" for key, flags in kept]
    return [
        (say("Your jobs"), "\n".join(lines) or say("None waiting or running.")),
        (
            say("Your newest results"),
            "\n".join(map(job_line, done)) or say("None yet. `/imagine` makes one."),
        ),
        (
            say("Your limits"),
            say(
                "{jobs} drawn at the same time, {waiting} waiting, {permutations} from one prompt.",
                jobs=counted(limits.running, "{n} job", "{n} jobs"),
                waiting=limits.waiting,
                permutations=limits.permutations,
            ),
        ),
        *([(say("Your allowance"), allowance(balances))] if balances else []),
        (
            say("Your settings"),
            "\n".join(habits) or say("You have not changed any; `/settings` and `/prefer` change them."),
        ),
    ]


def no_option(name: str) -> str:
    """Return the refusal to delete what is not there."""
    return say("You have no flag {name}. `/prefer option list` shows yours.", name=quoted(name))


def option_taken(name: str) -> str:
    """Return the refusal of a name that is a flag already."""
    return say("{name} is a flag already. Choose another name.", name=quoted("--" + name))


def too_many_options(most: int) -> str:
    """Return the refusal of one option too many."""
    return say(
        "You have {most} flags of your own, and no more are kept. Delete one with `/prefer option set`.",
        most=most,
    )


def option_kept(name: str, value: str) -> str:
    """Return the confirmation of a new option."""
    return say("{name} now stands for: {value}", name=quoted("--" + name), value=shown(value, 900))


def option_deleted(name: str) -> str:
    """Return the confirmation of a deleted option."""
    return say("{name} is deleted.", name=quoted("--" + name))


def options(own: Mapping[str, str]) -> str:
    """Return the list of a person's own flags."""
    if not own:
        return say("You have no flags of your own. `/prefer option set` makes one.")
    lines = [f"{quoted('--' + name)}: {shown(text, 60)}" for name, text in own.items()]
    return "\n".join(lines)[:CONTENT_LIMIT]


def suffix_kept(flags: str | None) -> str:
    """Return the confirmation of a suffix, or of none."""
    if flags is None:
        return say("Nothing is put after your prompts.")
    return say("After each prompt: {flags}", flags=shown(flags, 900))
