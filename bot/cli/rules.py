"""``limner admin channels``, ``roles``, ``log`` and ``rules``: a server's rules, by its id.

Long: command groups that mirror `/admin`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.offline import ACTOR, Office, model_name, server_id, work
from bot.cli.options import ConfigOption
from bot.messages import admin as words
from bot.messages import rules as rules_words
from engine import config as configuration
from engine.config import pocket
from engine.errors import PromptError
from engine.jobs import Speed
from engine.planning.plan import plan
from engine.planning.references import stand_ins
from engine.prompt import parse
from engine.rules import changes
from engine.rules.changes import Change
from engine.rules.people import Requester
from engine.rules.rules import EVERYWHERE, Allowance, Level, Period, Restricted, Rules, Showing
from engine.service.screening import Screening

ServerOption = Annotated[str, typer.Option("--server", metavar="ID", help="Which server.")]
Channel = Annotated[str, typer.Argument(metavar="CHANNEL", help="The id of a channel, thread or category.")]
Role = Annotated[str, typer.Argument(metavar="ROLE", help="Its id; the server's own id is @everyone.")]
RemoveOption = Annotated[bool, typer.Option("--remove", help="Take this role off the list again.")]


channels = typer.Typer(no_args_is_help=True, help="Where the bot answers, and what is drawn there.")
roles = typer.Typer(no_args_is_help=True, help="What a server's roles may use, and how much.")


def say(text: str) -> None:
    """Write what Discord would show, without its marks."""
    typer.echo(text.replace("**", ""))


def _id(named: str) -> str:
    if not (named.isdecimal() and 15 <= len(named) <= 20):
        raise PromptError(f"`{named}` is not an id: it is 17 to 20 digits (Copy ID, in developer mode).")
    return named


def change(config: Path | None, server: str | None, made: Change, said: str) -> None:
    """Change rules on the record, and say so."""
    derive(config, server, lambda held: made, lambda _: said)


def derive(
    config: Path | None,
    server: str | None,
    make: Callable[[Rules], Change],
    said: Callable[[Change], str],
) -> None:
    """Change rules by how they stand, on the record, and say so."""
    guild = server_id(server)

    async def do(office: Office) -> tuple[bool, Change]:
        change = make(office.admin.rules(EVERYWHERE if guild is None else guild))
        return await office.admin.change(ACTOR, guild, change), change

    changed, made = work(config, do)
    say(said(made) if changed else f"{words.ALREADY} {said(made)}")


def look(config: Path | None, server: str, said: Callable[[Rules], str]) -> None:
    """Say how the rules of a server stand."""

    async def do(office: Office) -> Rules:
        return office.admin.rules(server_id(server))

    say(said(work(config, do)))


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
    made = changes.allow_channel(_id(channel), map(_id, inside or ()))
    change(config, server, made, rules_words.allowed(channel))


@channels.command("deny")
def deny(channel: Channel, server: ServerOption, config: ConfigOption = None) -> None:
    """Do not answer there."""
    made = changes.deny_channel(_id(channel))
    change(config, server, made, rules_words.denied(channel))


@channels.command("reset")
def reset(
    server: ServerOption,
    channel: Annotated[str | None, typer.Argument(metavar="CHANNEL", help="Its id; else all.")] = None,
    config: ConfigOption = None,
) -> None:
    """Forget the rules of a channel, or of all."""
    named = None if channel is None else _id(channel)
    said = rules_words.ALL_CHANNELS_RESET if named is None else rules_words.channel_reset(named)
    derive(config, server, lambda held: changes.reset_channels(held, named), lambda _: said)


@channels.command("content")
def content(
    level: Annotated[Level, typer.Argument(help="restricted: where Discord restricts the channel by age.")],
    server: ServerOption,
    past: Annotated[Showing, typer.Option(help="What becomes of other pictures.")] = "refuse",
    channel: Annotated[str | None, typer.Option(metavar="ID", help="Only there; else in all.")] = None,
    config: ConfigOption = None,
) -> None:
    """Set how far pictures may go."""
    made = changes.set_content(level, past, None if channel is None else _id(channel))
    change(config, server, made, rules_words.content(channel, level, past))


@channels.command("list")
def channels_list(server: ServerOption, config: ConfigOption = None) -> None:
    """Show the rules of places."""
    look(config, server, rules_words.channels)


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
    made = changes.report_in(None if channel is None else _id(channel))
    said = words.LOG_OFF if channel is None else rules_words.log_kept(channel)
    change(config, server, made, said)


# ---- roles --------------------------------------------------------------------------------------------


def _permit(config: Path | None, server: str, kind: Restricted, name: str, role: str, remove: bool) -> None:
    made = changes.permit(kind, name, _id(role), remove=remove)
    said = f"{name}: {'off the list' if remove else 'on the list'}: role {role}."
    change(config, server, made, said)


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
    _permit(config, server, "model", model_name(configuration.load(config), model), role, remove)


@roles.command("speed")
def role_speed(
    speed: Speed,
    role: Role,
    server: ServerOption,
    remove: RemoveOption = False,
    config: ConfigOption = None,
) -> None:
    """Keep a speed for certain roles; each call adds one."""
    _permit(config, server, "speed", speed.value, role, remove)


@roles.command("size")
def role_size(
    role: Role,
    server: ServerOption,
    side: Annotated[int | None, typer.Argument(min=8, max=8192, help="Of a square; else no limit.")] = None,
    config: ConfigOption = None,
) -> None:
    """Set the largest picture of a role."""
    made = changes.limit_size(_id(role), side)
    change(config, server, made, rules_words.size(role, side))


@roles.command("weight")
def role_weight(
    role: Role,
    server: ServerOption,
    share: Annotated[float | None, typer.Argument(min=0.1, max=10, help="Without it, the usual 1.")] = None,
    config: ConfigOption = None,
) -> None:
    """Set a role's share of the engine."""
    made = changes.weigh_role(_id(role), share)
    change(config, server, made, rules_words.weight(role, share))


@roles.command("allowance")
def role_allowance(
    role: Role,
    server: ServerOption,
    seconds: Annotated[float | None, typer.Argument(min=0, help="Without them, none is set.")] = None,
    per: Period = "day",
    config: ConfigOption = None,
) -> None:
    """Set engine seconds for each person with a role."""
    made = changes.allow_role(_id(role), None if seconds is None else Allowance(seconds, per))
    change(config, server, made, rules_words.allowance(role, seconds, per))


@roles.command("reset")
def role_reset(
    server: ServerOption,
    role: Annotated[str | None, typer.Argument(metavar="ROLE", help="Its id; else all roles.")] = None,
    config: ConfigOption = None,
) -> None:
    """Forget the rules of a role, or of all."""
    named = None if role is None else _id(role)
    said = rules_words.roles_reset(role)
    derive(config, server, lambda held: changes.forget_roles(held, named), lambda _: said)


@roles.command("list")
def role_list(server: ServerOption, config: ConfigOption = None) -> None:
    """Show the rules of roles."""
    look(config, server, lambda held: rules_words.roles(held, server))


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

    say(work(config, do))
