"""``limner verify`` and ``limner info``: where picture files come from, and what they were drawn with."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.cli.options import EXIT_USER, ConfigOption, JsonOption
from engine import config as configuration
from engine.config import Config
from engine.errors import UserError
from engine.jobs import Job
from engine.provenance.values import Verdict

Files = Annotated[list[Path], typer.Argument(help="Pictures: PNG, JPEG, WebP or GIF.", metavar="FILE…")]


def verify(files: Files, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Say of picture files whether they were made here, by another Limner, or by another machine."""
    from bot.messages import origin as messages

    loaded, failed = configuration.load(config), False
    for name, found in asyncio.run(_judged(files, loaded)):
        failed |= isinstance(found, str)
        if as_json:
            facts = {"error": found} if isinstance(found, str) else found.as_json() | {"ours": found.ours}
            sys.stdout.write(json.dumps({"file": name, **facts}) + "\n")
        else:
            said = found
            if isinstance(found, Verdict):
                said = messages.verdict(found, _job(found, loaded), told=True)
            typer.echo(f"{name}\n  " + str(said).replace("\n", "\n  "))
    if failed:
        raise typer.Exit(EXIT_USER)


def info(files: Files, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Give the recipes in picture files back, as prompts to draw again."""
    from bot.messages import origin as messages
    from engine.prompt import foreign
    from engine.provenance import words

    loaded, failed = configuration.load(config), False
    models = [name for model in loaded.models for name in (model.name, *model.aliases)]
    for name, found in asyncio.run(_judged(files, loaded)):
        recipe = None if isinstance(found, str) else found.recipe
        line = foreign.as_line(recipe.as_text(), [], models) if recipe is not None and recipe.prompt else ""
        failed |= recipe is None
        if as_json:
            facts: dict[str, Any] = {"error": found} if isinstance(found, str) else {"line": line}
            facts["recipe"] = None if recipe is None else recipe.as_json()
            sys.stdout.write(json.dumps({"file": name, **facts}) + "\n")
            continue
        typer.echo(name)
        if isinstance(found, str) or recipe is None:
            if isinstance(found, Verdict):
                found = f"{messages.NO_RECIPE} {words.UNREADABLE if found.unreadable else ''}".rstrip()
            typer.echo(f"  {found}")
            continue
        typer.echo("  " + recipe.as_text().replace("\n", "\n  "))
        typer.echo(f"  to draw it again: {line}" if line else f"  {recipe.program} wrote no prompt into it.")
    if failed:
        raise typer.Exit(EXIT_USER)


async def _judged(files: list[Path], config: Config) -> list[tuple[str, Verdict | str]]:
    """Return each file's name with its verdict, or with the sentence that says why there is none."""
    from engine.intake import Decoder
    from engine.provenance.keys import ROOT

    certificates = config.provenance.certificate or config.data_dir / "provenance" / ROOT
    root = await asyncio.to_thread(_text, Path(certificates))
    decoder, answers = Decoder(), []
    try:
        for file in files:
            found: Verdict | str
            try:
                found = await decoder.verify(await asyncio.to_thread(file.expanduser().read_bytes), root)
            except UserError as error:
                found = str(error)
            except OSError as error:
                found = f"It cannot be read: {error.strerror}."
            answers.append((str(file), found))
    finally:
        await decoder.close()
    return answers


def _job(found: Verdict, config: Config) -> Job | None:
    """Return the job that a picture of ours is of, from the host's database, which a bot may be using."""
    from engine.store import jobs as store_jobs
    from engine.store.database import peek

    database = config.data_dir / "limner.db"
    if not found.ours or not database.exists():
        return None
    return peek(database, store_jobs.of_origin, found.job, found.is_of)


def _text(file: Path) -> str | None:
    file = file.expanduser()
    return file.read_text("ascii") if file.exists() else None
