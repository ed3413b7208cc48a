"""Words of ``/admin`` about rules: places, roles, defaults, lists of words; refuses to know discord.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bot.messages.admin import codes, near
from bot.messages.text import plural, quoted
from engine.rules.rules import Allowance, Rules

HOME_WEIGHT = "The engine serves other servers too, so only the bot's owner gives a weight above 1."
HOME_ALLOWANCE = (
    "The engine serves other servers too, so only the bot's owner gives more than everybody has: {most}."
)
ALL_CHANNELS_RESET = "Every channel is as at the start: I answer everywhere, and pictures are strict."

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
    return f"There is no command {quoted(name, 40)} that can be kept for roles.{near(name, known)}"


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


def label_kept(where: str | None) -> str:
    """Return what is said of the visible word."""
    if where is None:
        return "Pictures posted here carry no visible word. Their marks stay (`/verify`)."
    place = "in their corner" if where == "corner" else "in their message"
    return f"Pictures posted here say that a machine made them, {place}."


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


def style_kept(name: str, adds: str) -> str:
    """Return what is said of a style that was made."""
    return f"`--style {name}` adds: {quoted(adds, 500)}"


def style_gone(name: str) -> str:
    """Return what is said of a style that was taken away."""
    return f"There is no style `{name}` here any more."


def styles(held: Mapping[str, str]) -> str:
    """Return the styles as a list."""
    if not held:
        return "This server has no styles of its own. `/admin styles set` makes one."
    return "\n".join(f"- `--style {name}`: {quoted(adds, 500)}" for name, adds in sorted(held.items()))


def words_kept(which: str, named: Sequence[str]) -> str:
    """Return what is said of words that were listed."""
    if which == "block":
        return f"Not drawn here, however it is spelled: {codes(named[:40])}"
    return f"Let through here after all: {codes(named[:40])}"


def words_gone(named: Sequence[str]) -> str:
    """Return what is said of words that are listed no more."""
    return f"Off the lists: {codes(named[:40])}"


def lists(blocked: Sequence[str], allowed_: Sequence[str], host: int) -> str:
    """Return both lists."""
    lines = [
        f"**Blocked** ({len(blocked)})",
        codes(sorted(blocked)) or "none",
        f"**Allowed** ({len(allowed_)})",
        codes(sorted(allowed_)) or "none",
    ]
    if host:
        lines.append(f"The bot's owner blocks {plural(host, 'more word')} everywhere.")
    return "\n".join(lines)


def verdict(prompt: str, why: str | None) -> str:
    """Return whether a prompt would be let through, and which rule holds it back."""
    if why is None:
        return f"Let through: {quoted(prompt, 1200)}"
    return f"Held back ({quoted(why, 300)}): {quoted(prompt, 1200)}"
