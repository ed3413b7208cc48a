"""Every word of ``/admin`` and of the log channel: text in, text out; refuses to know discord.py."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.messages.common import CONTENT_LIMIT, mention, plural, quoted, shown
from engine.config import ModelConfig
from engine.jobs import Job, State
from engine.rules.people import AuditEntry
from engine.rules.permissions import Allowance, Ban, Rules
from engine.rules.stats import Stats

ALREADY = "It stood so already."
REST_IN_FILE = "The rest is in the file."
HOST_ONLY = "Only the bot's owner can do that for all servers. Leave `everywhere` out for this one."
HOME_LOADS = "The engine serves other servers too, so only the bot's owner loads and unloads models."
HOME_FRONT = "Other servers' jobs wait too: only the bot's owner moves one before them all. `back` is yours."
HOME_WEIGHT = "The engine serves other servers too, so only the bot's owner gives a weight above 1."
HOME_ALLOWANCE = (
    "The engine serves other servers too, so only the bot's owner gives more than everybody has: {most}."
)
IN_A_SERVER = "Use this in the server it is about."
NOT_THE_HOST = "That is the bot's owner, who cannot be kept out."
NOT_AN_ADMIN = "They manage this server, so a ban would not hold. Take that right from them first."
NOT_ME = "That is me. `/admin pause` stops the drawing."
NOT_LISTED = "None of these words is on a list. `/admin words list` shows both."
NOT_HERE = "There is no such job in this server."
WHICH_JOB = "Name a job or a person, or choose `all`."
ALL_CHANNELS_RESET = "Every channel is as at the start: I answer everywhere, and pictures are strict."
LOG_OFF = "What those in charge do is reported nowhere now; `/admin audit` still shows it."
PAUSED = "Paused: nothing new is started, what is asked for waits. `/admin resume` goes on."
DRAINING = "Draining: nothing new is taken, what waits is still drawn. `/admin resume` ends it."
RESUMED = "Going on."
STILL_PAUSED = "The bot's owner has paused or is draining all servers, so it does not show yet."
BAD_STYLE_NAME = "A style's name begins with a letter; letters, digits, `-` and `_` follow, 32 at most."
EVERYWHERE = "All servers"

_STATE = {"open": "", "paused": "Paused.", "draining": "Draining: nothing new is taken."}


def _codes(texts: Iterable[str]) -> str:
    return ", ".join(quoted(text) for text in texts)


def _span(seconds: float) -> str:
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * size or (seconds >= size and seconds % size == 0):
            return plural(round(seconds / size), unit)
    return plural(round(seconds), "second")


def _near(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean `{close[0]}`?" if close else f" There are {_codes(known[:40])}."


# ---- places -------------------------------------------------------------------------------------------


def no_channel(named: str) -> str:
    """Return the refusal of a channel that is not there."""
    named = quoted(named, 60)
    return f"I see no channel {named} here. Choose one that is offered, or give its mention or id."


def allowed(place: str) -> str:
    """Return what is said of a place that was opened."""
    return f"I answer in {place}, and only in the places allowed so. `/admin channels list` shows them."


def allowed_inside(place: str) -> str:
    """Return what is said of a place opened inside one that has a rule of its own."""
    return f"I answer in {place}, whatever is said of what it lies in."


def denied(place: str) -> str:
    """Return what is said of a place that was closed."""
    return f"I do not answer in {place} any more, nor in what lies in it. `/admin` still works there."


def channel_reset(place: str) -> str:
    """Return what is said of a place without rules."""
    return f"{place} has no rules of its own any more."


def content(place: str | None, level: str, past: str) -> str:
    """Return what is said of a content level."""
    where = place or "this server"
    how = {"refuse": "refused", "spoiler": "hidden behind a spoiler"}[past]
    if level == "strict":
        return f"No adult pictures in {where}; one that slips through is {how}."
    return (
        f"Adult pictures are allowed in {where} where Discord restricts a channel by age; "
        f"elsewhere they are {how}."
    )


def log_kept(place: str) -> str:
    """Return what is said of a log channel."""
    return f"What admins do and what is held back is reported in {place}. I must be able to write there."


def channels(rules: Rules) -> str:
    """Return the rules of channels as a list."""
    lines = ["**Where I answer**"]
    lines += [f"- <#{one}>: {'yes' if yes else 'no'}" for one, yes in rules.channels.items()]
    if rules.named:
        lines.append("- everywhere else: no")
    elif rules.channels:
        lines.append("- everywhere else: yes")
    else:
        lines.append("- everywhere")
    lines.append("**Adult pictures**")
    for one, level in rules.content.items():
        where = f"<#{one}>" if one else "the server"
        lines.append(f"- {where}: {level.level}, otherwise {level.showing}")
    if "" not in rules.content:
        lines.append("- everywhere else: strict" if rules.content else "- everywhere: strict")
    lines.append(f"**Log channel**\n- {f'<#{rules.log}>' if rules.log else 'none'}")
    return "\n".join(lines)


# ---- roles --------------------------------------------------------------------------------------------


def no_command(name: str, known: Sequence[str]) -> str:
    """Return the refusal of a command that is not there, or cannot be kept for roles."""
    return f"There is no command {quoted(name, 40)} that can be kept for roles.{_near(name, known)}"


def no_model(name: str, known: Sequence[str]) -> str:
    """Return the refusal of a model that is not there."""
    return f"There is no model {quoted(name, 64)}.{_near(name.lower(), known)}"


def _roles(ids: Iterable[str]) -> str:
    return ", ".join(f"<@&{one}>" for one in sorted(ids))


def permit(kind: str, name: str, roles: Iterable[str]) -> str:
    """Return who may use something now."""
    what = {"command": f"`/{name}`", "model": f"The model `{name}`", "speed": f"The speed `{name}`"}[kind]
    who = _roles(roles)
    if not who:
        return f"{what} is for everybody."
    return f"{what} is for {who}, and for those who manage this server."


def size(role: str, side: int | None) -> str:
    """Return what is said of a role's size."""
    if side is None:
        return f"{role} sets no limit to the size."
    return f"{role} draws up to {side} × {side} pixels (or as many in another shape)."


def weight(role: str, number: float | None) -> str:
    """Return what is said of a role's weight."""
    return (
        f"{role} counts as everybody." if number is None else f"{role} counts {number:g} times in the queue."
    )


def allowance(role: str, seconds: float | None, per: str) -> str:
    """Return what is said of a role's allowance."""
    if seconds is None:
        return f"{role} sets no allowance."
    return f"Each person with {role} may use {seconds:g} seconds of the engine in a {per}."


def roles_reset(role: str | None) -> str:
    """Return what is said of a role without rules."""
    if role is None:
        return "No role has rules any more: everybody may use everything."
    return f"{role} has no rules any more."


def allowed_seconds(given: Allowance) -> str:
    """Return an allowance in few words."""
    return f"{given.seconds:g} s a {given.per}"


def roles(rules: Rules, everyone: str) -> str:
    """Return the rules of roles as a list; ``everyone`` is the id of the role all have."""
    lines = []
    for kind, heading in (("command", "Commands"), ("model", "Models"), ("speed", "Speeds")):
        named = {name: who for (one, name), who in rules.permits.items() if one == kind}
        lines += [f"**{heading} kept for roles**"] if named else []
        lines += [f"- `{name}`: {_roles(who)}" for name, who in sorted(named.items())]
    lines += ["**What roles get** (of several roles the most counts)"] if rules.roles else []
    for role, rule in rules.roles.items():
        gets = [
            f"weight {rule.weight:g}" if rule.weight is not None else "",
            allowed_seconds(rule.allowance) if rule.allowance else "",
            f"up to {int(rule.pixels**0.5)} × {int(rule.pixels**0.5)}" if rule.pixels else "",
        ]
        name = "@everyone" if role == everyone else f"<@&{role}>"
        lines.append(f"- {name}: {', '.join(one for one in gets if one)}")
    if rules.allowance or rules.weight != 1:
        all_ = [f"weight {rules.weight:g}", allowed_seconds(rules.allowance) if rules.allowance else ""]
        lines.append(f"- the whole server: {', '.join(one for one in all_ if one)} (set by the bot's owner)")
    return "\n".join(lines) or "No role has rules: everybody may use everything."


# ---- defaults -----------------------------------------------------------------------------------------


def settings_kept(flags: str | None) -> str:
    """Return what is said of default flags."""
    if flags is None:
        return "This server has no default settings."
    return f"Whoever says nothing else draws with {quoted(flags, 1000)} here."


def suffix_kept(flags: str | None) -> str:
    """Return what is said of the suffix."""
    if flags is None:
        return "This server has no suffix."
    return f"{quoted(flags, 1000)} is put after prompts here; the prompt and the person's own settings win."


def model_kept(name: str | None) -> str:
    """Return what is said of the default model."""
    if name is None:
        return "Whoever chooses no model gets the bot's own default."
    return f"Whoever chooses no model draws with `{name}` here."


def defaults(flags: str | None, suffix: str | None) -> str:
    """Return the defaults as they stand."""
    return (
        f"Settings: {quoted(flags, 800) if flags else 'none'}\n"
        f"Suffix: {quoted(suffix, 800) if suffix else 'none'}\n"
        "What wins: the prompt, the person's suffix, their settings, this server's suffix, its settings, "
        "the model."
    )


def style_taken(name: str) -> str:
    """Return the refusal of a style's name that every server has."""
    return f"There is a style `{name}` everywhere already. Choose another name."


def style_kept(name: str, adds: str) -> str:
    """Return what is said of a style that was made."""
    return f"`--style {name}` adds: {quoted(adds, 500)}"


def style_gone(name: str) -> str:
    """Return what is said of a style that was taken away."""
    return f"There is no style `{name}` here any more."


def no_style(name: str) -> str:
    """Return the refusal of a style that is not there."""
    return f"This server has no style {quoted(name, 40)}. `/admin styles list` shows what there is."


def styles(held: Mapping[str, str]) -> str:
    """Return the styles as a list."""
    if not held:
        return "This server has no styles of its own. `/admin styles set` makes one."
    return "\n".join(f"- `--style {name}`: {quoted(adds, 500)}" for name, adds in sorted(held.items()))


def too_many(what: str, most: int) -> str:
    """Return the refusal of more than a server may keep."""
    return f"A server keeps at most {most} {what}. Remove some first; this limit does not pass with time."


def no_word(unread: Sequence[str]) -> str:
    """Return the refusal of what holds no letter."""
    if not unread:
        return "Name at least one word."
    return f"{_codes(unread[:5])} holds no letters or digits, so nothing could match it."


def words_kept(which: str, named: Sequence[str]) -> str:
    """Return what is said of words that were listed."""
    if which == "block":
        return f"Not drawn here, however it is spelled: {_codes(named[:40])}"
    return f"Let through here after all: {_codes(named[:40])}"


def words_gone(named: Sequence[str]) -> str:
    """Return what is said of words that are listed no more."""
    return f"Off the lists: {_codes(named[:40])}"


def lists(blocked: Sequence[str], allowed_: Sequence[str], host: int) -> str:
    """Return both lists."""
    lines = [
        f"**Blocked** ({len(blocked)})",
        _codes(sorted(blocked)) or "none",
        f"**Allowed** ({len(allowed_)})",
        _codes(sorted(allowed_)) or "none",
    ]
    if host:
        lines.append(f"The bot's owner blocks {plural(host, 'more word')} everywhere.")
    return "\n".join(lines)


def verdict(prompt: str, why: str | None) -> str:
    """Return whether a prompt would be let through, and which rule holds it back."""
    if why is None:
        return f"Let through: {quoted(prompt, 1200)}"
    return f"Held back ({quoted(why, 300)}): {quoted(prompt, 1200)}"


# ---- people -------------------------------------------------------------------------------------------


def bad_length(text: str) -> str:
    """Return the refusal of a length of time."""
    return f"{quoted(text, 40)} is no length of time. Write `30m`, `2h`, `7d` or `1w 2d`; at most a year."


def banned(who: str, reason: str, seconds: float | None, everywhere: bool) -> str:
    """Return what is said of a ban."""
    where = " in any server" if everywhere else " in this server"
    until = "" if seconds is None else f" for {_span(seconds)}"
    why = f" They read: {quoted(reason, 300)}" if reason else ""
    return f"{who} does not draw{where}{until}. What they have waiting goes on: `/admin jobs cancel`.{why}"


def no_person(text: str) -> str:
    """Return the refusal of what names nobody."""
    return f"{quoted(text, 40)} names nobody. Give a mention or an id; `/admin bans` lists them."


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
            f"- {number}: {worker['device']}, "
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
