"""Every word of ``/admin`` and of the log channel: text in, text out; refuses to know discord.py."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.messages.text import CONTENT_LIMIT, mention, plural, quoted, shown
from engine.config import ModelConfig
from engine.jobs import Job, State
from engine.rules.people import AuditEntry
from engine.rules.rules import Ban
from engine.rules.stats import Stats

ALREADY = "It stood so already."
REST_IN_FILE = "The rest is in the file."
HOST_ONLY = "Only the bot's owner can do that for all servers. Leave `everywhere` out for this one."
HOME_LOADS = "The engine serves other servers too, so only the bot's owner loads and unloads models."
HOME_FRONT = "Other servers' jobs wait too: only the bot's owner moves one before them all. `back` is yours."
IN_A_SERVER = "Use this in the server it is about."
NOT_THE_HOST = "That is the bot's owner, who cannot be kept out."
NOT_AN_ADMIN = "They manage this server, so a ban would not hold. Take that right from them first."
NOT_ME = "That is me. `/admin pause` stops the drawing."
NOT_HERE = "There is no such job in this server."
WHICH_JOB = "Name a job or a person, or choose `all`."
LOG_OFF = "What those in charge do is reported nowhere now; `/admin audit` still shows it."
DRAINING = "Draining: nothing new is taken, what waits is still drawn. `/admin resume` ends it."
RESUMED = "Going on."
STILL_PAUSED = "The bot's owner has paused or is draining all servers, so it does not show yet."
EVERYWHERE = "All servers"

_STATE = {"open": "", "paused": "Paused.", "draining": "Draining: nothing new is taken."}


def paused(until: float | None = None) -> str:
    """Return what is said of a pause."""
    end = "" if until is None else f" until <t:{int(until)}:f>"
    return f"Paused{end}: nothing new is started, what is asked for waits. `/admin resume` goes on."


def codes(texts: Iterable[str]) -> str:
    """Return texts as a list of code spans."""
    return ", ".join(quoted(text) for text in texts)


def span(seconds: float) -> str:
    """Return a length of time in its largest whole unit."""
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * size or (seconds >= size and seconds % size == 0):
            return plural(round(seconds / size), unit)
    return plural(round(seconds), "second")


def near(name: str, known: Sequence[str]) -> str:
    """Return what may have been meant, or what there is."""
    close = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean `{close[0]}`?" if close else f" There are {codes(known[:40])}."


# ---- people -------------------------------------------------------------------------------------------


def bad_length(text: str) -> str:
    """Return the refusal of a length of time."""
    return f"{quoted(text, 40)} is no length of time. Write `30m`, `2h`, `7d` or `1w 2d`; at most a year."


def banned(who: str, reason: str, seconds: float | None, everywhere: bool) -> str:
    """Return what is said of a ban."""
    where = " in any server" if everywhere else " in this server"
    until = "" if seconds is None else f" for {span(seconds)}"
    why = f" They read: {quoted(reason, 300)}" if reason else ""
    return f"{who} does not draw{where}{until}. What they have waiting goes on: `/admin jobs cancel`.{why}"


def no_person(text: str) -> str:
    """Return the refusal of what names nobody."""
    return f"{quoted(text, 40)} names nobody. Give a mention or an id; `/admin bans` lists them."


def no_key(number: int) -> str:
    """Return the refusal of a key that is not there."""
    return f"There is no key {number} that holds. `limner keys list` shows all."


def not_banned(owner: str) -> str:
    """Return the refusal of lifting a ban that is not there."""
    return f"{mention(owner)} is not banned here. `/admin bans` lists who is."


def unbanned(owner: str) -> str:
    """Return what is said of a ban that was lifted."""
    return f"{mention(owner)} may draw again."


def bans(held: Sequence[Ban]) -> str:
    """Return the bans as a list, newest first."""
    if not held:
        return "Nobody is banned."
    lines = [f"**{plural(len(held), 'ban')}**"]
    for ban in reversed(held):
        who = mention(ban.owner) if ban.owner else "somebody who had their data deleted"
        until = "for good" if ban.until is None else f"until <t:{ban.until:.0f}:f>"
        why = f": {quoted(ban.reason)}" if ban.reason else ""
        lines.append(f"- {who} {until}, since <t:{ban.since:.0f}:d> by {mention(ban.actor)}{why}")
    return "\n".join(lines)


# ---- the engine ---------------------------------------------------------------------------------------


def jobs(standing: Sequence[tuple[Job, int | None]], count: int, state: str, everywhere: str) -> str:
    """Return open jobs as a list, each with its place among those that wait (from 0)."""
    head = " ".join(one for one in (_STATE[state], _STATE[everywhere] if state == "open" else "") if one)
    lines = [f"**{plural(count, 'job')} waiting or being drawn** {head}".strip()]
    for job, place in standing:
        now = (
            "being drawn" if job.state is State.RUNNING else "held back" if place is None else f"{place + 1}."
        )
        spec = job.spec
        lines.append(
            f"- `{job.id}` {now} {mention(job.owner)} {spec.model} {spec.width}×{spec.height} "
            f"{job.speed.value}, <t:{job.created_at:.0f}:R>: {shown(job.prompt, 60)}"
        )
    return "\n".join(lines)


def moved(job: Job, to: str) -> str:
    """Return what is said of a job that was moved."""
    where = "before all others" if to == "front" else "after all others"
    return f"`{job.id}` of {mention(job.owner)} goes {where}."


def cancelled(gone: Sequence[Job], asked: int) -> str:
    """Return what is said of jobs that were taken back."""
    if not asked:
        return "There was nothing to cancel."
    if not gone:
        return "Nothing was cancelled: what you named had ended already."
    listed = ", ".join(f"`{job.id}` of {mention(job.owner)}" for job in gone[:20])
    more = f" and {len(gone) - 20} more" if len(gone) > 20 else ""
    return f"Cancelled {plural(len(gone), 'job')}: {listed}{more}. Nothing is charged for them."


def models(
    configured: Sequence[ModelConfig], workers: Sequence[Mapping[str, Any]], off: frozenset[str]
) -> str:
    """Return the models, which are in memory and which are switched off, and what each worker holds."""
    loaded = {name for worker in workers for name in worker["models"]}
    lines = ["**Models**"]
    for model in configured:
        notes = [
            "in memory" if model.name in loaded else "",
            "switched off" if model.name in off else "",
            "default" if model.default else "",
            model.licence,
        ]
        lines.append(f"- `{model.name}` {', '.join(one for one in notes if one)}".rstrip())
    lines.append("**Workers**")
    for number, worker in enumerate(workers, start=1):
        if not worker["ready"]:
            lines.append(f"- {number}: starting")
            continue
        lines.append(
            f"- {number}: {worker['name']} ({worker['device']}), "
            + (f"{worker['memory'] / 2**30:.1f} GiB, " if worker["memory"] else "")  # not known of a CPU
            + f"{plural(worker['room'], 'free row')}, {plural(worker['restarts'], 'restart')}"
        )
    return "\n".join(lines)


def loading(name: str, wanted: bool) -> str:
    """Return what is said of an order to load or unload a model."""
    if wanted:
        return f"`{name}` is being brought into memory. `/admin models list` shows when it is there."
    return f"`{name}` is dropped from memory as soon as nothing is drawn with it."


def switched(name: str, on: bool) -> str:
    """Return what is said of a model that was switched on or off."""
    return f"`{name}` can be drawn with." if on else f"Nobody draws with `{name}`; what waits is still drawn."


# ---- figures ------------------------------------------------------------------------------------------


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def stats(figures: Stats) -> str:
    """Return the figures in words."""
    people = "1 person" if figures.people == 1 else f"{figures.people} people"
    lines = [
        f"**The last {plural(figures.days, 'day')}** (days and hours in UTC)",
        f"- {plural(figures.jobs, 'job')} by {people}, {plural(figures.pictures, 'picture')}",
        f"- {_time(figures.seconds)} of drawing",
        f"- {figures.failed} failed, {figures.blocked} held back, {figures.cancelled} cancelled",
    ]
    if figures.waits:
        lines.append(
            f"- waits: half under {_time(figures.wait(0.5))}, 95 % under {_time(figures.wait(0.95))}, "
            f"longest {_time(figures.wait(1.0))}"
        )
    return "\n".join(lines)


def devices(workers: Sequence[Mapping[str, Any]]) -> str:
    """Return how each device fares, a line each, so that a message with the figures holds twenty of them."""
    lines = ["**Devices**"]
    for worker in workers[:20]:
        what = worker["device"] if worker["ready"] else "starting"
        name = f"{worker['name']} " if worker["name"] else ""
        held = ", ".join(f"`{model}`" for model in worker["models"][:3]) or "nothing"
        lines.append(
            f"- {name}({what}): drawing {worker['drawing']}, {worker['drawn']} drawn since the start, "
            f"holds {held}"
        )
    if len(workers) > 20:
        lines.append(f"- and {len(workers) - 20} more (`/metrics` has them all)")
    return "\n".join(lines)


def chart_alt(figures: Stats) -> str:
    """Return the description of the figures' picture for those who do not see it."""
    busiest = max(figures.by_day, key=lambda day: day.jobs, default=None)
    peak = "" if busiest is None else f" Most, {busiest.jobs}, on {busiest.day:%d %B %Y}."
    return f"Jobs by day, and by weekday and hour, over {plural(figures.days, 'day')}: {figures.jobs}.{peak}"


def exported(count: int, left: int, days: int) -> str:
    """Return what is said with an export."""
    more = f" {plural(left, 'older job')} did not fit the file; ask for fewer days." if left else ""
    return f"{plural(count, 'job')} of the last {plural(days, 'day')}.{more}"


# ---- the record ---------------------------------------------------------------------------------------


def entry(one: AuditEntry) -> str:
    """Return one thing done by those in charge, in a line."""
    actor = {"cli": "the bot's owner (command line)", "limner": "Limner"}.get(one.actor) or mention(one.actor)
    target = "" if one.target is None else f" {_target(one)}"
    parts = []
    for key, value in one.detail.items():
        if value in (None, "", False):
            continue
        if key == "prompt":
            parts.append(f"prompt: {shown(str(value), 300)}")
        elif key == "why":  # with what to do about it
            parts.append(quoted(str(value), 900))
        elif key == "until":
            parts.append(f"until <t:{float(value):.0f}:f>")
        else:
            parts.append(f"{key} {quoted(', '.join(value) if isinstance(value, list) else str(value))}")
    detail = f" ({', '.join(parts)})" if parts else ""
    where = " everywhere" if one.guild is None and one.actor != "limner" else ""
    return f"**{one.action}**{where}{target} by {actor}{detail}"


def joined(lines: Iterable[str]) -> list[str]:
    """Return lines as few messages, each of a length that Discord takes."""
    texts: list[str] = []
    for line in lines:
        line = line[:CONTENT_LIMIT]
        if texts and len(texts[-1]) + 1 + len(line) <= CONTENT_LIMIT:
            texts[-1] += f"\n{line}"
        else:
            texts.append(line)
    return texts


def _target(one: AuditEntry) -> str:
    target, room = str(one.target), one.action.split()[0]
    if not target.isdecimal():
        return quoted(target, 64)
    if room in ("channels", "log"):
        return f"<#{target}>"
    return f"<@&{target}>" if room == "roles" else mention(target)


def audits(entries: Sequence[AuditEntry]) -> str:
    """Return what those in charge did, newest first."""
    if not entries:
        return "Nothing has been done yet."
    return "\n".join(f"- <t:{one.at:.0f}:f> {entry(one)}" for one in entries)
