"""The words of the record of what those in charge did: a line each; refuses to know discord.py."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.messages.text import CONTENT_LIMIT, mention, quoted, shown
from engine.rules.people import AuditEntry
from engine.words import say


def entry(one: AuditEntry) -> str:
    """Return one thing done by those in charge, in a line."""
    actor = {"cli": say("the bot's owner (command line)"), "limner": "Limner"}.get(one.actor) or mention(
        one.actor
    )
    target = "" if one.target is None else f" {_target(one)}"
    parts = []
    for key, value in one.detail.items():
        if value in (None, "", False):
            continue
        if key == "prompt":
            parts.append(say("prompt: {value}", value=shown(str(value), 300)))
        elif key == "why":  # with what to do about it
            parts.append(quoted(str(value), 900))
        elif key == "until":
            parts.append(say("until <t:{value:.0f}:f>", value=float(value)))
        else:
            parts.append(f"{key} {quoted(', '.join(value) if isinstance(value, list) else str(value))}")
    detail = f" ({', '.join(parts)})" if parts else ""
    where = " " + say("everywhere") if one.guild is None and one.actor != "limner" else ""
    return say(
        "**{action}**{where}{target} by {actor}{detail}",
        action=one.action,
        where=where,
        target=target,
        actor=actor,
        detail=detail,
    )


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
        return say("Nothing has been done yet.")
    return "\n".join(f"- <t:{one.at:.0f}:f> {entry(one)}" for one in entries)
