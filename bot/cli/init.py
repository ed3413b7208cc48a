"""`limner init`: six questions, a configuration that works, the model, the link that invites the bot."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from bot.cli import models
from bot.cli.offers import OFFERS, Offer
from bot.cli.offline import ACTOR, work
from bot.cli.options import ConfigOption, called
from engine import config as configuration
from engine import weights
from engine.config import Config
from engine.config.secret import formed
from engine.errors import ConfigError, PromptError
from engine.rules.changes import Change
from engine.rules.rules import Rule

CARDS = {
    "auto": "an NVIDIA card, else an Apple GPU, else the CPU",
    "cuda": "an NVIDIA card",
    "mps": "an Apple GPU",
    "cpu": "the CPU",
}
ADULT = {
    "refuse": "adult pictures are not drawn",
    "spoiler": "drawn in age-restricted channels, behind a spoiler",
    "allow": "drawn in age-restricted channels",
}


def init(
    config: ConfigOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file; it is kept beside.")] = False,
) -> None:
    """Ask six questions and write a configuration that works; fetch the model; show the invite link."""
    file = config or Path(os.environ.get("LIMNER_CONFIG") or configuration.CONFIG_NAME)
    if file.exists() and not force:
        raise ConfigError(
            f"`{file}` is there already. `limner init --force` replaces it and keeps the old one."
        )
    card = _choose("1. Which card should draw?", CARDS, "auto")
    offer = OFFERS[_choose("2. Which model?", {name: one.about for name, one in OFFERS.items()}, "pocket")]
    fetch = _agreed(offer)
    token_file = _token(file.parent)
    server = _ask("4. Your server's id (Enter: any server)", "", _id_or_nothing)
    role = _ask("5. Who may draw: everybody, or a role's id", "everybody", _id_or_everybody)
    adult = _choose("6. Adult content?", ADULT, "refuse")
    if file.exists():
        file.replace(file.with_name(f"{file.name}.before"))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text(card, offer, token_file, server, adult), encoding="utf-8")
    typer.echo(f"Written: {file}")
    loaded = configuration.load(file)
    _keep_rules(file, loaded, server, role, adult)
    if fetch:
        _fetch(file, offer)
    typer.echo(f"Invite the bot with: {invite(configuration.token(loaded, {}).get_secret_value())}")
    typer.echo(f"Open that link and choose your server; then: {called()} check")


def text(card: str, offer: Offer, token_file: str, server: str, adult: str) -> str:
    """Return the configuration that the answers make."""
    guilds = f"guilds = [{server}]\n" if server else ""
    return (
        "# Written by `limner init`. config.example.toml shows everything else there is to choose.\n\n"
        f"[discord]\ntoken_file = {json.dumps(token_file)}\n{guilds}\n"
        f'[engine]\ndevice = "{card}"\n\n'
        f'[moderation]\ndirect_messages = "{adult}"\n\n{offer.entry}'
    )


def invite(token: str) -> str:
    """Return the link that invites a bot, from its token alone: the first part of one is the bot's id."""
    import discord  # here: other commands do without

    from bot.cli.check import PERMISSIONS

    first = token.partition(".")[0]
    try:
        number = int(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    except (binascii.Error, ValueError):
        return "(`limner check` prints the link once Discord can be reached)"
    scopes = ("bot", "applications.commands")
    return discord.utils.oauth_url(number, permissions=PERMISSIONS, scopes=scopes)


# ---- questions -----------------------------------------------------------------------------------------


def _ask(question: str, default: str | None, read: Callable[[str], str], *, hide: bool = False) -> str:
    """Ask until the answer can be read."""
    while True:
        answer = typer.prompt(question, default=default, show_default=bool(default), hide_input=hide)
        try:
            return read(str(answer).strip())
        except PromptError as error:
            typer.echo(str(error))


def _choose(question: str, choices: dict[str, str], default: str) -> str:
    typer.echo(question)
    for name, about in choices.items():
        typer.echo(f"   {name:<11} {about}")

    def read(answer: str) -> str:
        if answer not in choices:
            raise PromptError(f"Answer with one of {', '.join(choices)}.")
        return answer

    return _ask("  ", default, read)


def _id_or_nothing(answer: str) -> str:
    if answer and not re.fullmatch(r"\d{17,20}", answer):
        raise PromptError(
            "A server's id is 17 to 20 digits: right-click its name, Copy Server ID (first turn on "
            "Developer Mode, in your settings under Advanced)."
        )
    return answer


def _id_or_everybody(answer: str) -> str:
    if answer != "everybody" and not re.fullmatch(r"\d{17,20}", answer):
        raise PromptError("Answer everybody, or with a role's id: 17 to 20 digits (Copy Role ID).")
    return answer


def _agreed(offer: Offer) -> bool:
    """Show licence and size of a model; return whether it is to be fetched."""
    if not weights.is_hub(offer.source):
        return False
    size = weights.download_size(offer.source)
    shown = "of unknown size (the hub cannot be reached)" if size is None else f"{size / 1e9:.1f} GB"
    typer.echo(f"   {offer.source}: licence {offer.licence}, {shown}. https://huggingface.co/{offer.source}")
    return typer.confirm("   Do you accept the licence, and shall it be fetched?", default=True)


def _token(folder: Path) -> str:
    """Ask for the token's file, and, where it is not there, for the token to keep in it; return its name."""
    typer.echo("3. The bot's token: discord.com/developers/applications, your application, Bot, Reset Token.")
    name = _ask("   A file with it, or where to keep it", "token", lambda answer: answer)
    file = folder / Path(name).expanduser()
    if file.exists():
        return name

    def read(answer: str) -> str:
        if not formed(answer):
            raise PromptError("That is no bot token: one has three parts with dots between them.")
        return answer

    token = _ask("   Paste the token (it is not shown)", None, read, hide=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(f"{token}\n")
    return name


# ---- what the answers do -------------------------------------------------------------------------------


def _keep_rules(file: Path, config: Config, server: str, role: str, adult: str) -> None:
    """Keep, in the database, what is a server's own: which role may draw, and how far pictures may go."""
    rules: list[Rule] = []
    if role != "everybody" and server:
        rules += [Rule("model", model.name, role) for model in config.models]
    if adult != "refuse" and server:
        rules.append(
            Rule("content", value="restricted spoiler" if adult == "spoiler" else "restricted refuse")
        )
    if role != "everybody" and not server:
        typer.echo("A role belongs to a server: name it there, with /admin roles.")
    if rules:
        change = Change("init", keep=rules)
        work(file, lambda office: office.admin.change(ACTOR, server, change), make=True)


def _fetch(file: Path, offer: Offer) -> None:
    """Fetch the model; where that fails, say how to do it later."""
    try:
        models.fetch([offer.name], {model.name: model for model in configuration.load(file).models})
    except ConfigError as error:
        typer.echo(f"{error}\nTry again later with: limner models pull {offer.name}")
