"""Words of ``/admin`` about rules: places, roles, defaults, lists of words; refuses to know discord.py.

Long: a function for each answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bot.messages.admin import codes, near
from bot.messages.text import quoted
from engine.rules.rules import Allowance, Rules
from engine.words import Sentence, counted, say

HOME_WEIGHT = Sentence("The engine serves other servers too, so only the bot's owner gives a weight above 1.")
HOME_ALLOWANCE = Sentence(
    "The engine serves other servers too, so only the bot's owner gives more than everybody has: {most}."
)
ALL_CHANNELS_RESET = Sentence(
    "Every channel is as at the start: I answer everywhere, and pictures are strict."
)

# ---- places -------------------------------------------------------------------------------------------


def no_channel(named: str) -> str:
    """Return the refusal of a channel that is not there."""
    named = quoted(named, 60)
    return say(
        "I see no channel {named} here. Choose one that is offered, or give its mention or id.", named=named
    )


def allowed(place: str) -> str:
    """Return what is said of a place that was opened."""
    return say(
        "I now answer in {place}, and elsewhere only where that is allowed too. "
        "`/admin channels list` shows where.",
        place=place,
    )


def allowed_inside(place: str) -> str:
    """Return what is said of a place opened inside one that has a rule of its own."""
    return say("I answer in {place}, whatever is said of what it lies in.", place=place)


def denied(place: str) -> str:
    """Return what is said of a place that was closed."""
    return say(
        "I do not answer in {place} any more, nor in what lies in it. `/admin` still works there.",
        place=place,
    )


def channel_reset(place: str) -> str:
    """Return what is said of a place without rules."""
    return say("{place} has no rules of its own any more.", place=place)


def content(place: str | None, level: str, past: str) -> str:
    """Return what is said of a content level."""
    where = place or say("this server")
    how = {"refuse": say("refused"), "spoiler": say("hidden behind a spoiler")}[past]
    if level == "strict":
        return say("No adult pictures in {where}; one that slips through is {how}.", where=where, how=how)
    return say(
        "Adult pictures are allowed in {where} where Discord restricts a channel by age; "
        "elsewhere they are {how}.",
        where=where,
        how=how,
    )


def log_kept(place: str) -> str:
    """Return what is said of a log channel."""
    return say(
        "What admins do and what is held back is reported in {place}. I must be able to write there.",
        place=place,
    )


def channels(rules: Rules) -> str:
    """Return the rules of channels as a list."""
    lines = [say("**Where I answer**")]
    lines += [f"- <#{one}>: {say('yes') if yes else say('no')}" for one, yes in rules.channels.items()]
    if rules.named:
        lines.append(say("- everywhere else: no"))
    elif rules.channels:
        lines.append(say("- everywhere else: yes"))
    else:
        lines.append(say("- everywhere"))
    lines.append(say("**Adult pictures**"))
    for one, level in rules.content.items():
        lines.append("- " + content(f"<#{one}>" if one else None, level.level, level.showing))
    if "" not in rules.content:
        lines.append(say("- everywhere else: none") if rules.content else say("- everywhere: none"))
    lines.append(say("**Log channel**\n- {what}", what=f"<#{rules.log}>" if rules.log else say("none")))
    return "\n".join(lines)


# ---- roles --------------------------------------------------------------------------------------------


def no_command(name: str, known: Sequence[str]) -> str:
    """Return the refusal of a command that is not there, or cannot be kept for roles."""
    return say(
        "There is no command {name} that can be kept for roles.{near}",
        name=quoted(name, 40),
        near=near(name, known),
    )


def _roles(ids: Iterable[str]) -> str:
    return ", ".join(f"<@&{one}>" for one in sorted(ids))


def permit(kind: str, name: str, roles: Iterable[str]) -> str:
    """Return who may use something now."""
    what = {
        "command": f"`/{name}`",
        "model": say("The model `{name}`", name=name),
        "speed": say("The speed `{name}`", name=name),
    }[kind]
    who = _roles(roles)
    if not who:
        return say("{what} is for everybody.", what=what)
    return say("{what} is for {who}, and for those who manage this server.", what=what, who=who)


def size(role: str, side: int | None) -> str:
    """Return what is said of a role's size."""
    if side is None:
        return say("{role} has no limit to the size of its own.", role=role)
    return say(
        "{role} draws up to {side} × {side} pixels (or as many in another shape).", role=role, side=side
    )


def weight(role: str, number: float | None) -> str:
    """Return what is said of a role's weight."""
    return (
        say("{role} counts as everybody.", role=role)
        if number is None
        else say("{role} counts {number:g} times in the queue.", role=role, number=number)
    )


def allowance(role: str, seconds: float | None, per: str) -> str:
    """Return what is said of a role's allowance."""
    if seconds is None:
        return say("{role} has no allowance of its own.", role=role)
    fields = {"role": role, "seconds": seconds}
    if per == "day":
        return say("Each person with {role} may use {seconds:g} seconds of the engine in a day.", **fields)
    return say("Each person with {role} may use {seconds:g} seconds of the engine in a month.", **fields)


def roles_reset(role: str | None) -> str:
    """Return what is said of a role without rules."""
    if role is None:
        return say("No role has rules any more: everybody may use everything.")
    return say("{role} has no rules any more.", role=role)


def allowed_seconds(given: Allowance) -> str:
    """Return an allowance in few words."""
    return say(
        "{seconds:g} s a day" if given.per == "day" else "{seconds:g} s a month", seconds=given.seconds
    )


def roles(rules: Rules, everyone: str) -> str:
    """Return the rules of roles as a list; ``everyone`` is the id of the role all have."""
    lines = []
    for kind, heading in (("command", say("Commands")), ("model", say("Models")), ("speed", say("Speeds"))):
        named = {name: who for (one, name), who in rules.permits.items() if one == kind}
        lines += [say("**{heading} kept for roles**", heading=heading)] if named else []
        lines += [f"- `{name}`: {_roles(who)}" for name, who in sorted(named.items())]
    lines += [say("**What roles get** (of several roles the most counts)")] if rules.roles else []
    for role, rule in rules.roles.items():
        gets = [
            say("weight {weight:g}", weight=rule.weight) if rule.weight is not None else "",
            allowed_seconds(rule.allowance) if rule.allowance else "",
            say("up to {pixels} × {pixels}", pixels=int(rule.pixels**0.5)) if rule.pixels else "",
        ]
        name = "@everyone" if role == everyone else f"<@&{role}>"
        lines.append(f"- {name}: {', '.join(one for one in gets if one)}")
    if rules.allowance or rules.weight != 1:
        all_ = [
            say("weight {weight:g}", weight=rules.weight),
            allowed_seconds(rules.allowance) if rules.allowance else "",
        ]
        lines.append(
            say(
                "- the whole server: {all} (set by the bot's owner)",
                all=", ".join(one for one in all_ if one),
            )
        )
    return "\n".join(lines) or say("No role has rules: everybody may use everything.")


# ---- defaults -----------------------------------------------------------------------------------------


def settings_kept(flags: str | None) -> str:
    """Return what is said of default flags."""
    if flags is None:
        return say("This server has no default settings.")
    return say("Whoever says nothing else draws with {flags} here.", flags=quoted(flags, 1000))


def suffix_kept(flags: str | None) -> str:
    """Return what is said of the suffix."""
    if flags is None:
        return say("This server has no suffix.")
    return say(
        "{flags} is put after prompts here; the prompt and the person's own settings win.",
        flags=quoted(flags, 1000),
    )


def label_kept(where: str | None) -> str:
    """Return what is said of the visible word."""
    if where is None:
        return say("Pictures posted here carry no visible word. Their marks stay (`/verify`).")
    place = say("in their corner") if where == "corner" else say("in their message")
    return say("Pictures posted here say that a machine made them, {place}.", place=place)


def model_kept(name: str | None) -> str:
    """Return what is said of the default model."""
    if name is None:
        return say("Whoever chooses no model gets the bot's own default.")
    return say("Whoever chooses no model draws with `{name}` here.", name=name)


def defaults(flags: str | None, suffix: str | None) -> str:
    """Return the defaults as they stand."""
    return say(
        "Settings: {flags}\nSuffix: {suffix}\nWhat wins: the prompt, the person's suffix, their "
        "settings, this server's suffix, its settings, the model.",
        flags=quoted(flags, 800) if flags else say("none"),
        suffix=quoted(suffix, 800) if suffix else say("none"),
    )


def style_kept(name: str, adds: str) -> str:
    """Return what is said of a style that was made."""
    return say("`--style {name}` adds: {adds}", name=name, adds=quoted(adds, 500))


def style_gone(name: str) -> str:
    """Return what is said of a style that was taken away."""
    return say("There is no style `{name}` here any more.", name=name)


def styles(held: Mapping[str, str]) -> str:
    """Return the styles as a list."""
    if not held:
        return say("This server has no styles of its own. `/admin styles set` makes one.")
    return "\n".join(f"- `--style {name}`: {quoted(adds, 500)}" for name, adds in sorted(held.items()))


def words_kept(which: str, named: Sequence[str]) -> str:
    """Return what is said of words that were listed."""
    if which == "block":
        return say("Not drawn here, however it is spelled: {named}", named=codes(named[:40]))
    return say("Let through here after all: {named}", named=codes(named[:40]))


def words_gone(named: Sequence[str]) -> str:
    """Return what is said of words that are listed no more."""
    return say("Off the lists: {named}", named=codes(named[:40]))


def lists(blocked: Sequence[str], allowed_: Sequence[str], host: int) -> str:
    """Return both lists."""
    lines = [
        say("**Blocked** ({blocked})", blocked=len(blocked)),
        codes(sorted(blocked)) or say("none"),
        say("**Allowed** ({allowed})", allowed=len(allowed_)),
        codes(sorted(allowed_)) or say("none"),
    ]
    if host:
        lines.append(
            say(
                "The bot's owner blocks {more_words} everywhere.",
                more_words=counted(host, "{n} more word", "{n} more words"),
            )
        )
    return "\n".join(lines)


def verdict(prompt: str, why: str | None) -> str:
    """Return whether a prompt would be let through, and which rule holds it back."""
    if why is None:
        return say("Let through: {prompt}", prompt=quoted(prompt, 1200))
    return say("Held back ({why}): {prompt}", why=quoted(why, 300), prompt=quoted(prompt, 1200))
