"""docs/admin.md names every subcommand of ``/admin``, once each."""

from __future__ import annotations

import re
from collections.abc import Iterator

import typer
from discord import app_commands

from bot.cli import admin as admin_cli
from bot.commands.admin import admin
from tests import ROOT


def leaves(group: app_commands.Group) -> Iterator[str]:
    for command in group.commands:
        if isinstance(command, app_commands.Group):
            yield from leaves(command)
        else:
            yield command.qualified_name


def test_the_table_has_every_command() -> None:
    text = (ROOT / "docs" / "admin.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `/(admin [a-z ]+)` \|", text, re.MULTILINE)
    assert sorted(listed) == sorted(leaves(admin))


OTHERWISE = {
    "timeout": "ban", "bankey": "ban", "jobs list": "jobs", "jobs move": "move", "jobs cancel": "cancel",
    "models load": "load", "models unload": "unload", "models disable": "disable", "models enable": "enable",
    "words block": "words", "words allow": "words", "words remove": "words", "words list": "words",
    "words try": "words", "models list": None,
}  # fmt: skip
"""What is called otherwise on the command line; ``limner models`` lists the models."""


def commands(app: typer.Typer, before: str = "") -> Iterator[str]:
    for one in app.registered_commands:
        assert one.callback is not None
        yield f"{before}{one.name or one.callback.__name__}"
    for group in app.registered_groups:
        assert group.typer_instance is not None
        yield from commands(group.typer_instance, f"{before}{group.name} ")


def test_the_command_line_does_all_that_admin_does() -> None:
    wanted = {name.removeprefix("admin ") for name in leaves(admin)}
    named = {OTHERWISE.get(name, name) for name in wanted} - {None}
    assert named - set(commands(admin_cli.app)) == set()


def size(payload: dict[str, object]) -> int:
    """Return the characters Discord counts of a command: names, descriptions, values of choices."""
    own = len(str(payload.get("name", ""))) + len(str(payload.get("description", "")))
    for choice in payload.get("choices") or []:  # type: ignore[attr-defined]
        own += len(choice["name"]) + len(str(choice["value"]))
    return own + sum(map(size, payload.get("options") or []))  # type: ignore[call-overload]


def test_the_command_stays_below_discords_limits() -> None:
    import discord

    client = discord.Client(intents=discord.Intents.none())
    tree = app_commands.CommandTree(client)
    tree.add_command(admin)
    payload = admin.to_dict(tree)
    assert size(payload) < 7500, "Discord takes 8,000 characters, translations counted"
    assert len(payload["options"]) <= 25
    assert all(len(option.get("options", ())) <= 25 for option in payload["options"])
