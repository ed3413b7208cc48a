"""Every word of ``/admin`` and of the log channel: text in, text out; refuses to know discord.py.

Long: a function for each answer.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.messages.text import mention, quoted, shown
from engine.config import ModelConfig
from engine.jobs import Job, State
from engine.rules.rules import Ban
from engine.rules.stats import Stats
from engine.words import Sentence, counted, say

ALREADY = Sentence("It was already like that.")
REST_IN_FILE = Sentence("The rest is in the file.")
HOST_ONLY = Sentence("Only the bot's owner can do that for all servers. Leave `everywhere` out for this one.")
HOME_LOADS = Sentence(
    "The engine serves other servers too, so only the bot's owner loads and unloads models."
)
HOME_FRONT = Sentence(
    "Other servers' jobs wait too: only the bot's owner moves one before them all. `back` is yours."
)
IN_A_SERVER = Sentence("Use this in the server it is about.")
NOT_THE_HOST = Sentence("That is the bot's owner, who cannot be kept out.")
NOT_AN_ADMIN = Sentence("They manage this server, so a ban would not hold. Take that right from them first.")
NOT_ME = Sentence("That is me. `/admin pause` stops the drawing.")
NOT_HERE = Sentence("There is no such job in this server.")
WHICH_JOB = Sentence("Name a job or a person, or choose `all`.")
LOG_OFF = Sentence("What admins do is no longer posted anywhere; `/admin audit` still shows it.")
DRAINING = Sentence("Draining: nothing new is taken, what waits is still drawn. `/admin resume` ends it.")
RESUMED = Sentence("Going on.")
STILL_PAUSED = Sentence("The bot's owner has paused or is draining all servers, so it does not show yet.")
EVERYWHERE = Sentence("All servers")

_STATE = {"open": "", "paused": Sentence("Paused."), "draining": Sentence("Draining: nothing new is taken.")}


def paused(until: float | None = None) -> str:
    """Return what is said of a pause."""
    if until is None:
        return say("Paused: nothing new starts, and requests wait. `/admin resume` goes on.")
    return say(
        "Paused until <t:{until}:f>: nothing new starts, and requests wait. `/admin resume` goes on.",
        until=int(until),
    )


def codes(texts: Iterable[str]) -> str:
    """Return texts as a list of code spans."""
    return ", ".join(quoted(text) for text in texts)


def span(seconds: float) -> str:
    """Return a length of time in its largest whole unit."""
    for size, one, many in (
        (86400, "{n} day", "{n} days"),
        (3600, "{n} hour", "{n} hours"),
        (60, "{n} minute", "{n} minutes"),
    ):
        if seconds >= 2 * size or (seconds >= size and seconds % size == 0):
            return counted(round(seconds / size), one, many)
    return counted(round(seconds), "{n} second", "{n} seconds")


def near(name: str, known: Sequence[str]) -> str:
    """Return what may have been meant, or what there is."""
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return " " + say("Did you mean `{close}`?", close=close[0])
    return " " + say("There are {known}.", known=codes(known[:40]))


# ---- people -------------------------------------------------------------------------------------------


def bad_length(text: str) -> str:
    """Return the refusal of a length of time."""
    return say(
        "{said} is no length of time. Write `30m`, `2h`, `7d` or `1w 2d`; at most a year.",
        said=quoted(text, 40),
    )


def banned(who: str, reason: str, seconds: float | None, everywhere: bool) -> str:
    """Return what is said of a ban."""
    where = " " + say("in any server") if everywhere else " " + say("in this server")
    until = "" if seconds is None else " " + say("for {seconds}", seconds=span(seconds))
    why = " " + say("They read: {reason}", reason=quoted(reason, 300)) if reason else ""
    return say(
        "{who} does not draw{where}{until}. What they have waiting goes on: `/admin jobs cancel`.{why}",
        who=who,
        where=where,
        until=until,
        why=why,
    )


def no_person(text: str) -> str:
    """Return the refusal of what names nobody."""
    return say(
        "{said} names nobody. Give a mention or an id; `/admin bans` lists them.", said=quoted(text, 40)
    )


def no_key(number: int) -> str:
    """Return the refusal of a key that is not there."""
    return say("There is no key {number} that holds. `limner keys list` shows all.", number=number)


def not_banned(owner: str) -> str:
    """Return the refusal of lifting a ban that is not there."""
    return say("{owner} is not banned here. `/admin bans` lists who is.", owner=mention(owner))


def unbanned(owner: str) -> str:
    """Return what is said of a ban that was lifted."""
    return say("{owner} may draw again.", owner=mention(owner))


def bans(held: Sequence[Ban]) -> str:
    """Return the bans as a list, newest first."""
    if not held:
        return say("Nobody is banned.")
    lines = [f"**{counted(len(held), '{n} ban', '{n} bans')}**"]
    for ban in reversed(held):
        who = mention(ban.owner) if ban.owner else say("somebody who had their data deleted")
        until = say("for good") if ban.until is None else say("until <t:{until:.0f}:f>", until=ban.until)
        why = f": {quoted(ban.reason)}" if ban.reason else ""
        lines.append(
            say(
                "- {who} {until}, since <t:{since:.0f}:d> by {actor}{why}",
                who=who,
                until=until,
                since=ban.since,
                actor=mention(ban.actor),
                why=why,
            )
        )
    return "\n".join(lines)


# ---- the engine ---------------------------------------------------------------------------------------


def jobs(standing: Sequence[tuple[Job, int | None]], count: int, state: str, everywhere: str) -> str:
    """Return open jobs as a list, each with its place among those that wait (from 0)."""
    head = " ".join(
        one for one in (say(_STATE[state]), say(_STATE[everywhere]) if state == "open" else "") if one
    )
    lines = [
        say(
            "**{jobs} waiting or being drawn** {head}", jobs=counted(count, "{n} job", "{n} jobs"), head=head
        ).strip()
    ]
    for job, place in standing:
        now = (
            say("being drawn")
            if job.state is State.RUNNING
            else say("held back")
            if place is None
            else f"{place + 1}."
        )
        spec = job.spec
        lines.append(
            f"- `{job.id}` {now} {mention(job.owner)} {spec.model} {spec.width}×{spec.height} "
            f"{job.speed.value}, <t:{job.created_at:.0f}:R>: {shown(job.prompt, 60)}"
        )
    return "\n".join(lines)


def moved(job: Job, to: str) -> str:
    """Return what is said of a job that was moved."""
    where = say("before all others") if to == "front" else say("after all others")
    return say("`{id}` of {owner} goes {where}.", id=job.id, owner=mention(job.owner), where=where)


def cancelled(gone: Sequence[Job], asked: int) -> str:
    """Return what is said of jobs that were taken back."""
    if not asked:
        return say("There was nothing to cancel.")
    if not gone:
        return say("Nothing was cancelled: what you named had ended already.")
    listed = ", ".join(say("`{id}` of {owner}", id=job.id, owner=mention(job.owner)) for job in gone[:20])
    more = " " + say("and {gone} more", gone=len(gone) - 20) if len(gone) > 20 else ""
    return say(
        "Cancelled {jobs}: {listed}{more}. Nothing is charged for them.",
        jobs=counted(len(gone), "{n} job", "{n} jobs"),
        listed=listed,
        more=more,
    )


def models(
    configured: Sequence[ModelConfig], workers: Sequence[Mapping[str, Any]], off: frozenset[str]
) -> str:
    """Return the models, which are in memory and which are switched off, and what each worker holds."""
    loaded = {name for worker in workers for name in worker["models"]}
    lines = [say("**Models**")]
    for model in configured:
        notes = [
            say("in memory") if model.name in loaded else "",
            say("switched off") if model.name in off else "",
            say("default") if model.default else "",
            model.licence,
        ]
        lines.append(f"- `{model.name}` {', '.join(one for one in notes if one)}".rstrip())
    lines.append(say("**Workers**"))
    for number, worker in enumerate(workers, start=1):
        if not worker["ready"]:
            lines.append(f"- {number}: {say('starting')}")
            continue
        lines.append(
            f"- {number}: {worker['name']} ({worker['device']}), "
            + (f"{worker['memory'] / 2**30:.1f} GiB, " if worker["memory"] else "")  # not known of a CPU
            + counted(worker["room"], "{n} free row", "{n} free rows")
            + ", "
            + counted(worker["restarts"], "{n} restart", "{n} restarts")
        )
    return "\n".join(lines)


def loading(name: str, wanted: bool) -> str:
    """Return what is said of an order to load or unload a model."""
    if wanted:
        return say(
            "`{name}` is being brought into memory. `/admin models list` shows when it is there.", name=name
        )
    return say("`{name}` is dropped from memory as soon as nothing is drawn with it.", name=name)


def switched(name: str, on: bool) -> str:
    """Return what is said of a model that was switched on or off."""
    return (
        say("`{name}` can be drawn with.", name=name)
        if on
        else say("Nobody draws with `{name}`; what waits is still drawn.", name=name)
    )


# ---- figures ------------------------------------------------------------------------------------------


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def stats(figures: Stats) -> str:
    """Return the figures in words."""
    people = counted(figures.people, "{n} person", "{n} people")
    lines = [
        say("**The last {days}** (days and hours in UTC)", days=counted(figures.days, "{n} day", "{n} days")),
        say(
            "- {jobs} by {people}, {pictures}",
            jobs=counted(figures.jobs, "{n} job", "{n} jobs"),
            people=people,
            pictures=counted(figures.pictures, "{n} picture", "{n} pictures"),
        ),
        say("- {seconds} of drawing", seconds=_time(figures.seconds)),
        say(
            "- {failed} failed, {blocked} held back, {cancelled} cancelled",
            failed=figures.failed,
            blocked=figures.blocked,
            cancelled=figures.cancelled,
        ),
    ]
    if figures.waits:
        lines.append(
            say(
                "- waits: half under {half}, 95 % under {most}, longest {longest}",
                half=_time(figures.wait(0.5)),
                most=_time(figures.wait(0.95)),
                longest=_time(figures.wait(1.0)),
            )
        )
    return "\n".join(lines)


def devices(workers: Sequence[Mapping[str, Any]]) -> str:
    """Return how each device fares, a line each, so that a message with the figures holds twenty of them."""
    lines = [say("**Devices**")]
    for worker in workers[:20]:
        what = worker["device"] if worker["ready"] else say("starting")
        name = f"{worker['name']} " if worker["name"] else ""
        held = ", ".join(f"`{model}`" for model in worker["models"][:3]) or say("nothing")
        lines.append(
            say(
                "- {name}({what}): drawing {drawing}, {drawn} drawn since the start, holds {held}",
                name=name,
                what=what,
                drawing=worker["drawing"],
                drawn=worker["drawn"],
                held=held,
            )
        )
    if len(workers) > 20:
        lines.append(say("- and {workers} more (`/metrics` has them all)", workers=len(workers) - 20))
    return "\n".join(lines)


def chart_alt(figures: Stats) -> str:
    """Return the description of the figures' picture for those who do not see it."""
    busiest = max(figures.by_day, key=lambda day: day.jobs, default=None)
    peak = (
        ""
        if busiest is None
        else " " + say("Most, {jobs}, on {day:%d %B %Y}.", jobs=busiest.jobs, day=busiest.day)
    )
    return say(
        "Jobs by day, and by weekday and hour, over {days}: {jobs}.{peak}",
        days=counted(figures.days, "{n} day", "{n} days"),
        jobs=figures.jobs,
        peak=peak,
    )


def exported(count: int, left: int, days: int) -> str:
    """Return what is said with an export."""
    more = (
        " "
        + say(
            "{older_jobs} did not fit the file; ask for fewer days.",
            older_jobs=counted(left, "{n} older job", "{n} older jobs"),
        )
        if left
        else ""
    )
    return say(
        "{jobs} of the last {days}.{more}",
        jobs=counted(count, "{n} job", "{n} jobs"),
        days=counted(days, "{n} day", "{n} days"),
        more=more,
    )
