"""``limner admin defaults`` and ``styles``: what a server draws with where a prompt says nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer

from bot.cli.offline import ACTOR, Office, model_name, server_id, work
from bot.cli.options import ConfigOption
from bot.cli.rules import ServerOption, derive, look, say
from bot.messages import rules as rules_words
from engine import config as configuration
from engine.rules import changes
from engine.rules.rules import EVERYWHERE
from engine.service import LABEL, SETTINGS, SUFFIX
from engine.service import server as place
from engine.store import preferences as store_preferences

defaults = typer.Typer(no_args_is_help=True, help="What a server draws with where nobody says otherwise.")
styles = typer.Typer(no_args_is_help=True, help="A server's own names for --style.")


def _default(
    config: Path | None, server: str, key: str, action: str, flags: Callable[[str], str | None]
) -> str | None:
    """Keep a server's default flags, made from those it has; return them."""
    guild = server_id(server)

    async def do(office: Office) -> str | None:
        assert guild is not None
        held = await office.store.read(store_preferences.of, place(guild))
        kept = flags(held.get(key, ""))
        await office.store.write(store_preferences.prefer, place(guild), key, kept)
        await office.admin.audit(ACTOR, action, guild=guild, detail={"flags": kept})
        return kept

    return work(config, do)


FlagsArgument = Annotated[str | None, typer.Argument(help="In quotes, such as '--ar 3:2'; without, none.")]


@defaults.command("settings")
def settings(server: ServerOption, flags: FlagsArgument = None, config: ConfigOption = None) -> None:
    """Set flags for whoever has not set them."""
    from bot.commands.admin.defaults import read

    kept = read(flags)
    say(rules_words.settings_kept(_default(config, server, SETTINGS, "defaults settings", lambda held: kept)))


@defaults.command("suffix")
def suffix(server: ServerOption, flags: FlagsArgument = None, config: ConfigOption = None) -> None:
    """Set flags that come before the default settings."""
    from bot.commands.admin.defaults import read

    kept = read(flags)
    say(rules_words.suffix_kept(_default(config, server, SUFFIX, "defaults suffix", lambda held: kept)))


@defaults.command("model")
def default_model(
    server: ServerOption,
    model: Annotated[str | None, typer.Argument(help="Without one, the bot's own.")] = None,
    config: ConfigOption = None,
) -> None:
    """Set the model for whoever chooses none."""
    from bot.commands.admin.defaults import with_model

    name = None if model is None else model_name(configuration.load(config), model)
    _default(config, server, SETTINGS, "defaults model", lambda held: with_model(held, name))
    say(rules_words.model_kept(name))


@defaults.command("label")
def label(
    server: ServerOption,
    where: Annotated[Literal["message", "corner"] | None, typer.Argument(help="Without it, nowhere.")] = None,
    config: ConfigOption = None,
) -> None:
    """Set a visible word for people that pictures there are AI-generated."""
    _default(config, server, LABEL, "defaults label", lambda held: where)
    say(rules_words.label_kept(where))


@defaults.command("show")
def show(server: ServerOption, config: ConfigOption = None) -> None:
    """Show a server's defaults."""

    async def do(office: Office) -> str:
        held = await office.store.read(store_preferences.of, place(server_id(server) or EVERYWHERE))
        return rules_words.defaults(held.get(SETTINGS), held.get(SUFFIX))

    say(work(config, do))


@styles.command("set")
def style_set(name: str, adds: str, server: ServerOption, config: ConfigOption = None) -> None:
    """Make a style, used as --style NAME."""
    derive(
        config, server, lambda held: changes.set_style(held, name, adds),
        lambda made: rules_words.style_kept(made.target or name, made.detail["adds"]),
    )  # fmt: skip


@styles.command("remove")
def style_remove(name: str, server: ServerOption, config: ConfigOption = None) -> None:
    """Take a style away."""
    derive(
        config, server, lambda held: changes.remove_style(held, name),
        lambda made: rules_words.style_gone(made.target or name),
    )  # fmt: skip


@styles.command("list")
def style_list(server: ServerOption, config: ConfigOption = None) -> None:
    """Show a server's styles."""
    look(config, server, lambda held: rules_words.styles(held.styles))
