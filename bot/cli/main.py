"""The command line: reads what the host typed, wires the rooms together, and answers in one clear line."""

from __future__ import annotations

import asyncio
import importlib.metadata
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import admin, draw, init, keys, loras, models, origin, serve, update, worker
from bot.cli.draw import PROMPT_SETTINGS, no_slip
from bot.cli.options import EXIT_USER, ConfigOption, JsonOption, called, read
from engine import config as configuration
from engine.errors import LimitError, PromptError, UserError

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
app.command()(worker.worker)
app.command("serve")(serve.api)
app.command()(serve.demo)
app.command(context_settings=PROMPT_SETTINGS)(draw.imagine)
app.command(context_settings=PROMPT_SETTINGS)(draw.edit)


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
            start = f"Ready. Start the bot with: {called()} run"
            typer.echo(f"Next step: {wrong[0]}" if wrong else start)
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
    from engine.planning.explain import as_json as explained

    loaded = read(config)
    more: dict[str, Any] = {}
    if server is not None:
        from bot.cli.admin import defaults_of

        more = defaults_of(config, server)
    one = bool(prompt) and prompt != ["-"]
    if one:
        no_slip(prompt or (), ("--server", "--json", "--config"))
    lines: Iterator[str] = iter([" ".join(prompt or ())]) if one else _lines()
    for line in lines:
        answer = explained(line, loaded, **more)
        if as_json:
            # ASCII only: a lone surrogate stays an escape that every JSON reader takes
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
        else:
            _show_parsed(answer)
        if one and answer["error"]:  # of many lines, each answer says it of itself
            raise typer.Exit(EXIT_USER)


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
app.add_typer(loras.app, name="loras")
app.add_typer(admin.app, name="admin")
app.add_typer(keys.app, name="keys")
