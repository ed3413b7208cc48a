"""Words about a person: what they have, use, set and delete; refuses to know discord.py and the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.messages.asking import allowance
from bot.messages.jobs import Standing, job_line
from bot.messages.text import CONTENT_LIMIT, plural, quoted, shown
from engine.config import LimitsConfig
from engine.jobs import Job, State
from engine.rules.allowance import Balance

FORGOTTEN = (
    "Deleted: your jobs, their pictures, your settings and everything else about you. Pictures that somebody "
    "else made something of stay for them. What was posted in channels stays there until it is deleted there."
)
INFO_TITLE = "About you"
REMIX_ON = "Remix is on: variations and 🔄 ask for a changed prompt first."
REMIX_OFF = "Remix is off: variations and 🔄 start at once."
VARIATION_HIGH = "V1–V4 make strong variations now."
VARIATION_LOW = "V1–V4 make subtle variations now."
BAD_OPTION_NAME = "A flag's name is made of letters, digits, `-` and `_`, at most 32. Choose another name."
SPEED_KEPT = {
    "fast": "Fast is on: normal priority.",
    "relax": "Relax is on: your jobs let others go first.",
    "turbo": "Turbo is on: your jobs go ahead of others, in few steps if the model can, at twice the price.",
}


def export_part(number: int) -> str:
    """Return what stands above a part of an export."""
    return f"Everything kept about you, part {number}."


def exported(parts: int) -> str:
    """Return the end of an export."""
    return (
        f"That is all: {plural(parts, 'file')}. `data-1.json` holds the rows about you, the folders your "
        "pictures. Save them now; Discord forgets messages that only you see."
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
        ("Your jobs", "\n".join(lines) or "None waiting or running."),
        ("Your newest results", "\n".join(map(job_line, done)) or "None yet. `/imagine` makes one."),
        (
            "Your limits",
            f"{plural(limits.running, 'job')} drawn at the same time, {limits.waiting} waiting, "
            f"{limits.permutations} from one prompt.",
        ),
        *([("Your allowance", allowance(balances))] if balances else []),
        ("Your settings", "\n".join(habits) or "You have not changed any. `/settings` and `/prefer` do."),
    ]


def no_option(name: str) -> str:
    """Return the refusal to delete what is not there."""
    return f"You have no flag {quoted(name)}. `/prefer option list` shows yours."


def option_taken(name: str) -> str:
    """Return the refusal of a name that is a flag already."""
    return f"{quoted('--' + name)} is a flag already. Choose another name."


def too_many_options(most: int) -> str:
    """Return the refusal of one option too many."""
    return f"You have {most} flags of your own, and no more are kept. Delete one with `/prefer option set`."


def option_kept(name: str, value: str) -> str:
    """Return the confirmation of a new option."""
    return f"{quoted('--' + name)} now stands for: {shown(value, 900)}"


def option_deleted(name: str) -> str:
    """Return the confirmation of a deleted option."""
    return f"{quoted('--' + name)} is deleted."


def options(own: Mapping[str, str]) -> str:
    """Return the list of a person's own flags."""
    if not own:
        return "You have no flags of your own. `/prefer option set` makes one."
    lines = [f"{quoted('--' + name)}: {shown(text, 60)}" for name, text in own.items()]
    return "\n".join(lines)[:CONTENT_LIMIT]


def suffix_kept(flags: str | None) -> str:
    """Return the confirmation of a suffix, or of none."""
    if flags is None:
        return "Nothing is put after your prompts."
    return f"After each prompt: {shown(flags, 900)}"
