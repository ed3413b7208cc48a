"""`limner imagine` and `limner edit`: what is typed, the bars while it is drawn, and what came of it."""

from __future__ import annotations

import asyncio
import difflib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from tempfile import gettempdir
from typing import Annotated, Any

import typer

from bot.cli.options import ConfigOption, JsonOption, ready, set_up_logs
from bot.cli.places import require_space, writable
from engine import config as configuration
from engine.errors import UserError
from engine.jobs import State

# flags of the prompt (--ar 3:2) are not options of ours: they are left in the prompt
PROMPT_SETTINGS = {"ignore_unknown_options": True}

OutOption = Annotated[
    Path | None, typer.Option("-o", "--out", metavar="DIR", help="Where to; else output/<job>.")
]


def imagine(
    prompt: Annotated[list[str], typer.Argument(help="What to draw, with its flags.")],
    out: OutOption = None,
    image: Annotated[
        list[str] | None,
        typer.Option("-i", "--image", metavar="PICTURE", help="A picture to go by: a file or a link."),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Draw without Discord: writes 1.png to 4.png and grid.png."""
    _draw(prompt, out, image or (), as_json, config)


def edit(
    picture: Annotated[str, typer.Argument(metavar="PICTURE", help="What to change: a file or a link.")],
    instruction: Annotated[list[str], typer.Argument(help="How, such as: make it night. Flags may follow.")],
    out: OutOption = None,
    image: Annotated[
        list[str] | None,
        typer.Option("-i", "--image", metavar="PICTURE", help="One more that the words speak of."),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Change a picture by saying what to change: writes 1.png to 4.png and grid.png."""
    _draw(instruction, out, (picture, *(image or ())), as_json, config, edit=True)


def _draw(
    words: Sequence[str],
    out: Path | None,
    pictures: Sequence[str],
    as_json: bool,
    config: Path | None,
    *,
    edit: bool = False,
) -> None:
    """Draw, with bars on the way, and tell what was drawn."""
    no_slip(words, ("--out", "--image", "--json", "--config"))
    loaded = configuration.load(config)
    set_up_logs("WARNING" if loaded.log_level == "INFO" else loaded.log_level, loaded.log_format)
    chosen = ready(loaded)
    if chosen.left_out:
        names = ", ".join(f"`{name}`" for name in chosen.left_out)
        typer.echo(f"limner: not ready, so not offered: {names}. `limner check` says why.", err=True)
    loaded, place = chosen.config, out or Path("output")
    with writable(place):
        for folder, remedy in ((place, "name another folder with --out"), (Path(gettempdir()), "set TMPDIR")):
            require_space(folder, loaded.min_free_mb, remedy)
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from bot.cli import imagine

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    progress = Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=as_json)
    bars: dict[str, Any] = {}

    def show(snapshot: Any) -> None:
        progress.start()  # here, so that a refused prompt leaves one line and no empty bar
        if snapshot.job.id not in bars:
            bars[snapshot.job.id] = progress.add_task("waiting for the engine", total=100)
        words = {State.QUEUED: "waiting for the engine", State.RUNNING: "drawing"}
        progress.update(
            bars[snapshot.job.id],
            completed=snapshot.percent,
            description=words.get(snapshot.state, snapshot.state.value),
        )

    try:
        with writable(place):
            answers = asyncio.run(imagine.drawn(loaded, " ".join(words), out, show, pictures, edit=edit))
    finally:
        if bars:
            progress.stop()
    _drawn(answers, as_json)


def _drawn(answers: Sequence[dict[str, Any]], as_json: bool) -> None:
    """Tell what was drawn; the status is 1 where something was not."""
    if as_json:
        # the first job's recipe and timings on top: that is all there is, unless the prompt made several jobs
        files = [file for answer in answers for file in answer["files"]]
        typer.echo(json.dumps(answers[0] | {"files": files, "jobs": answers}, indent=2))
    for answer in () if as_json else answers:
        for line in (*answer["notes"], *answer["texts"], *answer["files"]):
            typer.echo(line)
    failed = [answer["error"] for answer in answers if answer["state"] != State.RENDERED]
    for sentence in failed:
        typer.echo(f"limner: {sentence or 'The job was cancelled.'}", err=True)
    if failed:
        raise typer.Exit(1)


def no_slip(prompt: Sequence[str], options: Sequence[str]) -> None:
    """Raise UserError where a word of a prompt is a misspelt option of this command, not a flag."""
    from engine.prompt import BY_NAME

    for word in prompt:
        name = word.partition("=")[0]
        if not re.fullmatch(r"--[a-z]{2,12}", name) or name[2:] in BY_NAME or name in options:
            continue
        known = [*options, *(f"--{flag}" for flag in BY_NAME)]
        meant = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
        if meant and meant[0] in options:
            raise UserError(f"There is no option `{name}`. Did you mean `{meant[0]}`?")
