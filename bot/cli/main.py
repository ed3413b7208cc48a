"""The command line: reads what the host typed, wires the rooms together, and answers in one clear line."""

from __future__ import annotations

import asyncio
import difflib
import importlib.metadata
import io
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import admin, init, keys, models, origin, serve, update
from bot.cli.options import EXIT_USER, ConfigOption, JsonOption, ready, set_up_logs
from bot.cli.places import require_space, writable
from engine import config as configuration
from engine.errors import LimitError, PromptError, UserError
from engine.jobs import State

if TYPE_CHECKING:
    from engine.library.backup import BackupSummary


class _Group(typer.core.TyperGroup):
    """The commands, with the host's own mistakes as one line on stderr instead of a traceback."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # a terminal may not know every character of a prompt
                stream.reconfigure(errors="backslashreplace")
        return super().main(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (UserError, ExceptionGroup) as error:
            mistake = _mistake(error)
            if mistake is None:
                raise
            typer.echo(f"limner: {mistake}", err=True)
            if isinstance(mistake, PromptError) and mistake.repaired:
                typer.echo(f"to copy: {mistake.repaired}", err=True)
            if isinstance(mistake, LimitError) and mistake.prompt:
                typer.echo(f"to copy: {mistake.prompt}", err=True)
            raise typer.Exit(EXIT_USER) from None


def _mistake(error: BaseException) -> UserError | None:
    """Return the host's mistake inside an error: task groups wrap what ends them."""
    if isinstance(error, UserError):
        return error
    inner = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    return next((found for one in inner if (found := _mistake(one))), None)


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Limner: a self-hosted Discord bot that draws, with its own engine.",
)

# flags of the prompt (--ar 3:2) are not options of ours: they are left in the prompt
PROMPT_SETTINGS = {"ignore_unknown_options": True}


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"limner {importlib.metadata.version('limner')}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


app.command()(init.init)
app.command()(update.update)
app.command()(serve.run)
app.command("serve")(serve.api)
app.command()(serve.demo)


@app.command(context_settings=PROMPT_SETTINGS)
def imagine(
    prompt: Annotated[list[str], typer.Argument(help="What to draw, with its flags.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="DIR", help="Where to; else output/<job>.")
    ] = None,
    image: Annotated[
        list[str] | None,
        typer.Option("-i", "--image", metavar="PICTURE", help="A picture to go by: a file or a link."),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Draw without Discord: writes 1.png to 4.png and grid.png."""
    _no_slip(prompt, ("--out", "--image", "--json", "--config"))
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
            answers = asyncio.run(imagine.imagine(loaded, " ".join(prompt), out, show, image or ()))
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


@app.command()
def check(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="Also draw one step with each model and LoRA; takes a while.")
    ] = False,
) -> None:
    """Look at everything the bot needs, and say of each what to do."""
    from bot.cli import check

    async def collect() -> bool:
        wrong: list[str] = []
        async for finding in check.check(config, deep=deep):
            if finding.state == "wrong":
                wrong.append(finding.text)
            if as_json:
                typer.echo(json.dumps({"state": finding.state, "topic": finding.topic, "text": finding.text}))
            else:
                colour = {"ok": "green", "note": "yellow", "wrong": "red"}[finding.state]
                typer.secho(f"{finding.state:<6}", fg=colour, nl=False)
                typer.echo(f"{finding.topic:<9} {finding.text}")
        if not as_json:
            typer.echo(f"Next step: {wrong[0]}" if wrong else "Ready. Start the bot with: limner run")
        return not wrong

    if not asyncio.run(collect()):
        raise typer.Exit(EXIT_USER)


def _lines() -> Iterator[str]:
    """Yield the lines of standard input, split at newlines only; bytes that are no text become surrogates."""
    for raw in sys.stdin.buffer:
        yield raw.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "surrogateescape")


@app.command(context_settings=PROMPT_SETTINGS)
def parse(
    prompt: Annotated[list[str] | None, typer.Argument(help="The prompt, or - to read one a line.")] = None,
    as_json: JsonOption = False,
    server: Annotated[
        str | None, typer.Option("--server", metavar="ID", help="With this server's defaults and styles.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Show how a prompt and its flags are read, without drawing anything."""
    from engine.planning.explain import as_json as read

    loaded = configuration.load(config)
    more: dict[str, Any] = {}
    if server is not None:
        from bot.cli.admin import defaults_of

        more = defaults_of(config, server)
    one = bool(prompt) and prompt != ["-"]
    if one:
        _no_slip(prompt or (), ("--server", "--json", "--config"))
    lines: Iterator[str] = iter([" ".join(prompt or ())]) if one else _lines()
    for line in lines:
        answer = read(line, loaded, **more)
        if as_json:
            # ASCII only: a lone surrogate stays an escape that every JSON reader takes
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
        else:
            _show_parsed(answer)
        if one and answer["error"]:  # of many lines, each answer says it of itself
            raise typer.Exit(EXIT_USER)


def _no_slip(prompt: Sequence[str], options: Sequence[str]) -> None:
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


def _show_parsed(answer: dict[str, Any]) -> None:
    """Print one parsed prompt for a person."""
    typer.echo(f"prompt  {answer['prompt']}")
    for name, flag in answer["flags"].items():
        typer.echo(f"  --{name} {flag['value']}  (from {flag['from']})")
    for note in answer["notes"]:
        typer.echo(f"note    {note}")
    if answer["jobs"] != 1:
        typer.echo(f"jobs    {answer['jobs']}")
    if answer["error"]:
        typer.echo(f"error   {answer['error']}")


def _told(report: BackupSummary, done: str) -> None:
    new = f"{report.copied} of them new"
    jobs = "1 job" if report.jobs == 1 else f"{report.jobs} jobs"
    typer.echo(f"{done}: {jobs}, {report.files} pictures and films ({new}).")
    if report.missing:
        typer.echo(f"{report.missing} files that the database names are not there any more.", err=True)


@app.command()
def backup(
    destination: Annotated[Path, typer.Argument(metavar="DEST", help="A folder; again, it is renewed.")],
    config: ConfigOption = None,
) -> None:
    """Copy database and pictures while the bot runs or not, and verify the copy."""
    from engine.library.backup import backup as copy

    _told(copy(configuration.load(config).data_dir, destination), f"Backed up to {destination}")


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="A folder that `limner backup` made.")],
    force: Annotated[bool, typer.Option("--force", help="Replace what is there; it is kept beside.")] = False,
    config: ConfigOption = None,
) -> None:
    """Put a backup back, verified; the bot must not run meanwhile."""
    from engine.library.backup import restore as put_back

    _told(put_back(source, configuration.load(config).data_dir, force=force), f"Restored from {source}")


app.command()(serve.reload)
app.command()(origin.verify)
app.command()(origin.info)
app.add_typer(models.app, name="models")
app.add_typer(admin.app, name="admin")
app.add_typer(keys.app, name="keys")
