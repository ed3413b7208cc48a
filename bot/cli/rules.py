"""``limner admin channels``, ``roles``, ``log`` and ``rules``: a server's rules, by its id.

Long: command groups that mirror `/admin`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.offline import ACTOR, ConfigOption, Office, server_id, work
from bot.messages import admin as words
from bot.messages import rules as rules_words
from engine.config import pocket
from engine.errors import PromptError
from engine.planning.plan import plan
from engine.planning.references import stand_ins
from engine.prompt import parse
from engine.rules.people import Requester
from engine.rules.rules import Rule
from engine.service.screening import Screening

ServerOption = Annotated[str, typer.Option("--server", metavar="ID", help="Which server.")]
Channel = Annotated[str, typer.Argument(metavar="CHANNEL", help="The id of a channel, thread or category.")]
Role = Annotated[str, typer.Argument(metavar="ROLE", help="Its id; the server's own id is @everyone.")]
RemoveOption = Annotated[bool, typer.Option("--remove", help="Take this role off the list again.")]


class Level(StrEnum):
    """How far pictures may go."""

    STRICT = "strict"
    RESTRICTED = "restricted"


class Past(StrEnum):
    """What becomes of what goes past the level."""

    REFUSE = "refuse"
    SPOILER = "spoiler"


class Per(StrEnum):
    """How long an allowance lasts."""

    DAY = "day"
    MONTH = "month"


class Pace(StrEnum):
    """The speeds."""

    TURBO = "turbo"
    FAST = "fast"
    RELAX = "relax"


channels = typer.Typer(no_args_is_help=True, help="Where the bot answers, and what is drawn there.")
roles = typer.Typer(no_args_is_help=True, help="What a server's roles may use, and how much.")


def say(text: str) -> None:
    """Write what Discord would show, without its marks."""
    typer.echo(text.replace("**", ""))


def _id(named: str) -> str:
    if not (named.isdecimal() and 15 <= len(named) <= 20):
        raise PromptError(f"`{named}` is not an id: it is 17 to 20 digits (Copy ID, in developer mode).")
    return named


def change(
    config: Path | None,
    server: str | None,
    action: str,
    said: str,
    *,
    keep: Sequence[Rule] = (),
    drop: Sequence[Rule] = (),
    target: str | None = None,
) -> None:
    """Change rules on the record, and say so."""
    guild = server_id(server)
    detail = {rule.kind: rule.value for rule in keep if rule.value}

    async def do(office: Office) -> bool:
        return await office.admin.change(
            ACTOR, action, guild, keep=keep, drop=drop, target=target, detail=detail
        )

    say(said if work(config, do) else f"{words.ALREADY} {said}")


def look(config: Path | None, do: Callable[[Office], Awaitable[str]]) -> None:
    """Say what stands there."""
    say(work(config, do))


# ---- channels -----------------------------------------------------------------------------------------


@channels.command("allow")
def allow(
    channel: Channel,
    server: ServerOption,
    inside: Annotated[
        list[str] | None,
        typer.Option(help="What it lies in (channel, category): inside a closed one it is an exception."),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Answer there; once a place is allowed, all others are closed."""
    rule = Rule("channel", _id(channel), value=" ".join(("yes", *map(_id, inside or ()))))
    change(config, server, "channels allow", rules_words.allowed(channel), keep=[rule], target=channel)


@channels.command("deny")
def deny(channel: Channel, server: ServerOption, config: ConfigOption = None) -> None:
    """Do not answer there."""
    rule = Rule("channel", _id(channel), value="no")
    change(config, server, "channels deny", rules_words.denied(channel), keep=[rule], target=channel)


@channels.command("reset")
def reset(channel: Channel, server: ServerOption, config: ConfigOption = None) -> None:
    """Forget the rules of a channel."""
    drop = [Rule("channel", _id(channel)), Rule("content", channel)]
    change(config, server, "channels reset", rules_words.channel_reset(channel), drop=drop, target=channel)


@channels.command("content")
def content(
    level: Annotated[Level, typer.Argument(help="restricted: where Discord restricts the channel by age.")],
    server: ServerOption,
    past: Annotated[Past, typer.Option(help="What becomes of other pictures.")] = Past.REFUSE,
    channel: Annotated[str | None, typer.Option(metavar="ID", help="Only there; else in all.")] = None,
    config: ConfigOption = None,
) -> None:
    """Set how far pictures may go."""
    rule = Rule("content", "" if channel is None else _id(channel), value=f"{level.value} {past.value}")
    said = rules_words.content(channel, level.value, past.value)
    change(config, server, "channels content", said, keep=[rule], target=channel)


@channels.command("list")
def channels_list(server: ServerOption, config: ConfigOption = None) -> None:
    """Show the rules of places."""

    async def do(office: Office) -> str:
        return rules_words.channels(office.admin.rules(server_id(server)))

    look(config, do)


def log(
    channel: Annotated[
        str | None, typer.Argument(metavar="CHANNEL", help="The channel's id; without one, nowhere.")
    ] = None,
    server: Annotated[
        str | None, typer.Option("--server", metavar="ID", help="Of this server; else of those without one.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Report in a channel what those in charge do."""
    if channel is None:
        change(config, server, "log off", words.LOG_OFF, drop=[Rule("log")])
    else:
        rule = Rule("log", value=_id(channel))
        change(config, server, "log", rules_words.log_kept(channel), keep=[rule], target=channel)


# ---- roles --------------------------------------------------------------------------------------------


def _permit(config: Path | None, server: str, kind: str, name: str, role: str, remove: bool) -> None:
    rule, role = Rule(kind, name, _id(role)), _id(role)
    said = f"{name}: {'off the list' if remove else 'on the list'}: role {role}."
    change(
        config, server, f"roles {kind}", said, keep=() if remove else [rule], drop=[rule] if remove else (),
        target=role,
    )  # fmt: skip


@roles.command("command")
def role_command(
    command: Annotated[str, typer.Argument(help="Such as imagine, or vary for the V buttons.")],
    role: Role,
    server: ServerOption,
    remove: RemoveOption = False,
    config: ConfigOption = None,
) -> None:
    """Keep a command for certain roles; each call adds one."""
    from bot.commands import COMMANDS
    from bot.commands.admin.roles import keepable, named

    _permit(config, server, "command", named(command, keepable(COMMANDS)), role, remove)


@roles.command("model")
def role_model(
    model: str, role: Role, server: ServerOption, remove: RemoveOption = False, config: ConfigOption = None
) -> None:
    """Keep a model for certain roles; each call adds one."""

    async def do(office: Office) -> str:
        return office.model(model)

    _permit(config, server, "model", work(config, do), role, remove)


@roles.command("speed")
def role_speed(
    speed: Pace, role: Role, server: ServerOption, remove: RemoveOption = False, config: ConfigOption = None
) -> None:
    """Keep a speed for certain roles; each call adds one."""
    _permit(config, server, "speed", speed.value, role, remove)


def _number(config: Path | None, server: str, kind: str, role: str, value: str | None, said: str) -> None:
    rule, name = Rule(kind, _id(role), value=value or ""), "size" if kind == "pixels" else kind
    change(
        config, server, f"roles {name}", said, keep=[rule] if value else (), drop=() if value else [rule],
        target=role,
    )  # fmt: skip


@roles.command("size")
def role_size(
    role: Role,
    server: ServerOption,
    side: Annotated[int | None, typer.Argument(min=8, max=8192, help="Of a square; else no limit.")] = None,
    config: ConfigOption = None,
) -> None:
    """Set the largest picture of a role."""
    value = None if side is None else str(side * side)
    _number(config, server, "pixels", role, value, rules_words.size(role, side))


@roles.command("weight")
def role_weight(
    role: Role,
    server: ServerOption,
    share: Annotated[float | None, typer.Argument(min=0.1, max=10, help="Without it, the usual 1.")] = None,
    config: ConfigOption = None,
) -> None:
    """Set a role's share of the engine."""
    value = None if share is None else f"{share:g}"
    _number(config, server, "weight", role, value, rules_words.weight(role, share))


@roles.command("allowance")
def role_allowance(
    role: Role,
    server: ServerOption,
    seconds: Annotated[float | None, typer.Argument(min=0, help="Without them, none is set.")] = None,
    per: Per = Per.DAY,
    config: ConfigOption = None,
) -> None:
    """Set engine seconds for each person with a role."""
    value = None if seconds is None else f"{seconds:g} {per.value}"
    _number(config, server, "allowance", role, value, rules_words.allowance(role, seconds, per.value))


@roles.command("reset")
def role_reset(
    server: ServerOption,
    role: Annotated[str | None, typer.Argument(metavar="ROLE", help="Its id; else all roles.")] = None,
    config: ConfigOption = None,
) -> None:
    """Forget the rules of a role, or of all."""
    from bot.commands.admin.roles import about

    async def do(office: Office) -> list[Rule]:
        return about(office.admin.rules(server_id(server)), None if role is None else _id(role))

    change(config, server, "roles reset", rules_words.roles_reset(role), drop=work(config, do), target=role)


@roles.command("list")
def role_list(server: ServerOption, config: ConfigOption = None) -> None:
    """Show the rules of roles."""

    async def do(office: Office) -> str:
        return rules_words.roles(office.admin.rules(server_id(server)), server)

    look(config, do)


# ---- words --------------------------------------------------------------------------------------------


def try_words(config: Path | None, server: str | None, line: str) -> None:
    """Say whether a prompt would be let through in a server (None: in direct messages), and why not."""
    guild = server_id(server)

    async def do(office: Office) -> str:
        host = office.config
        models = host.models or (pocket(),)
        screening = Screening(host.moderation, models, office.store, office.admin)
        read = parse(line, limit=host.limits.permutations, length=host.limits.prompt_length)
        why = None
        for prompt in read.prompts:
            made = plan(
                prompt, models, host.limits, loras=host.loras, styles=office.admin.rules(guild).styles,
                pictures=stand_ins(prompt),
            )  # fmt: skip
            why = why or screening.trial(made.spec, Requester(ACTOR, guild))
        return rules_words.verdict(line, why)

    look(config, do)
