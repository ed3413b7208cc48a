"""The command line: reads what the host typed, wires the rooms together, and answers in one clear line."""

from __future__ import annotations

import asyncio
import difflib
import importlib.metadata
import io
import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine import config as configuration
from engine import log, weights
from engine.config import Config, LoraConfig, ModelConfig
from engine.errors import ConfigError, LimitError, NotFound, PromptError, UserError
from engine.jobs import State

if TYPE_CHECKING:
    from engine.library.backup import Report

RELOADED_WITHIN = 10.0
"""Seconds the running bot may take to say what became of a reload."""
EXIT_USER = 2
"""The exit code for what the host can mend: a wrong key, a missing token, no disk space."""


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

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="The host's choices; else $LIMNER_CONFIG, else ./config.toml."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON, for other programs.")]


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


def _set_up_logs(level: str, style: str) -> None:
    """Log as the configuration says, here and in the worker processes."""
    log.setup(level, style)
    os.environ |= {"LIMNER_LOG_LEVEL": level, "LIMNER_LOG_FORMAT": style}


def _need_weights(config: Config) -> None:
    """Raise ConfigError where a configured model is not on this machine."""
    if os.environ.get("LIMNER_RENDERER"):
        return  # a renderer that needs none
    for model in config.models:
        weights.require(model)


@app.command()
def run(
    config: ConfigOption = None,
    attached: Annotated[bool, typer.Option("--attached", hidden=True)] = False,
) -> None:
    """Run the bot until Ctrl-C or SIGTERM."""
    loaded = configuration.load(config)
    _set_up_logs(loaded.log_level, loaded.log_format)
    token = configuration.token(loaded)
    log.hide(token)
    _need_weights(loaded)
    from bot import client
    from bot.cli import check

    check.require_space(loaded)
    if attached:
        threading.Thread(target=_stop_at_end_of_input, daemon=True).start()
    asyncio.run(client.run(loaded, token.get_secret_value(), lambda: configuration.load(config)))


def _stop_at_end_of_input() -> None:
    """Ask this process to stop once whoever holds the other end of its input is gone."""
    # not sys.stdin: its lock, held by this thread, would break the interpreter's own end
    while os.read(0, 4096):
        pass
    # two: nobody is left to wait for what is being drawn
    for signum in (signal.SIGTERM, signal.SIGINT):
        os.kill(os.getpid(), signum)


@app.command()
def demo(
    no_open: Annotated[bool, typer.Option("--no-open", help="Do not open the page in a browser.")] = False,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Where to answer; 0 = any free one.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what earlier demos left.")] = False,
    record: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep the talk as one page (.html), or all traffic (.jsonl)."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The bot's configuration; else the built-in one.")
    ] = None,
) -> None:
    """Show the whole bot on this machine: no Discord, no token, no GPU, no download."""
    loaded = configuration.load(config) if config else Config(models=(configuration.pocket(),))
    _need_weights(loaded)
    from bot.demo.launch import LaunchError, launch

    folder = Path(os.environ.get("LIMNER_DATA_DIR") or "data") / "demo"
    demo = launch(
        folder,
        typer.echo,
        port=port,
        open_page=not no_open,
        fresh=fresh,
        record=record,
        config=config,
    )
    try:
        status = asyncio.run(demo)
    except LaunchError as error:
        raise ConfigError(str(error)) from None
    raise typer.Exit(status)


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
    _set_up_logs("WARNING" if loaded.log_level == "INFO" else loaded.log_level, loaded.log_format)
    _need_weights(loaded)
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
        answers = asyncio.run(imagine.imagine(loaded, " ".join(prompt), out, show, image or ()))
    finally:
        if bars:
            progress.stop()
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
def check(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Look at everything the bot needs, and say of each what to do."""
    from bot.cli import check

    async def collect() -> bool:
        sound = True
        async for finding in check.check(config):
            sound &= finding.state != "wrong"
            if as_json:
                typer.echo(json.dumps({"state": finding.state, "topic": finding.topic, "text": finding.text}))
            else:
                colour = {"ok": "green", "note": "yellow", "wrong": "red"}[finding.state]
                typer.secho(f"{finding.state:<6}", fg=colour, nl=False)
                typer.echo(f"{finding.topic:<9} {finding.text}")
        return sound

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
    from engine.planning.plan import as_json as read

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


def _told(report: Report, done: str) -> None:
    new = f"{report.copied} of them new"
    jobs = "1 job" if report.jobs == 1 else f"{report.jobs} jobs"
    typer.echo(f"{done}: {jobs}, {report.files} pictures and films ({new}).")
    if report.missing:
        typer.echo(f"{report.missing} files that the database names are not there any more.", err=True)


@app.command()
def reload(config: ConfigOption = None) -> None:
    """Have the running bot read its configuration anew; says what changed and what needs a restart."""
    from engine.library.lock import holder
    from engine.service.reload import OUTCOME
    from engine.store.database import peek

    loaded = configuration.load(config)  # a mistake is said here, and the bot is left alone
    bot = holder(loaded.data_dir / "limner.lock")
    if bot is None:
        raise NotFound(f"No bot is running on `{loaded.data_dir}`. `limner run` starts one.")
    database, began = loaded.data_dir / "limner.db", time.time()
    os.kill(bot, signal.SIGHUP)
    while time.time() < began + RELOADED_WITHIN:
        outcome = json.loads(peek(database, OUTCOME) or "{}")
        if outcome.get("at", 0) >= began:
            for sentence in outcome["said"]:
                typer.echo(sentence)
            raise typer.Exit(EXIT_USER if outcome.get("wrong") else 0)
        time.sleep(0.1)
    typer.echo("limner: the bot has not answered; its log may say why", err=True)
    raise typer.Exit(1)


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


def _add_groups() -> None:
    from bot.cli import admin, keys

    app.add_typer(admin.app, name="admin")
    app.add_typer(keys.app, name="keys")


_add_groups()
models = typer.Typer(no_args_is_help=True, help="The models people can ask for.")
app.add_typer(models, name="models")


@models.command("list")
def models_list(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show every configured model and whether its weights are on this machine."""
    loaded = configuration.load(config)
    rows = [
        {
            "name": model.name,
            "default": model.default,
            "aliases": list(model.aliases),
            "source": model.source,
            "size": f"{model.width}x{model.height}",
            "licence": model.licence,
            "here": weights.find(model) is not None,
        }
        for model in loaded.models
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        state = "ready" if row["here"] else "not on this machine"
        star = "*" if row["default"] else " "
        typer.echo(f"{star} {row['name']:<20} {row['size']:<10} {row['licence'] or '-':<24} {state}")


@models.command("pull")
def models_pull(
    names: Annotated[list[str] | None, typer.Argument(help="Which; else every configured one.")] = None,
    config: ConfigOption = None,
) -> None:
    """Fetch models and LoRAs from the hub they are named on. Nothing else in Limner ever does."""
    loaded = configuration.load(config)
    everything: list[ModelConfig | LoraConfig] = [*loaded.models, *loaded.loras]
    known: dict[str, ModelConfig | LoraConfig | str] = {one.name: one for one in everything}
    if loaded.engine.describer:
        known.setdefault("describer", loaded.engine.describer)
    for name in names or known:
        if name not in known:
            raise NotFound(f"There is no model `{name}` in the configuration. There are {', '.join(known)}.")
    for name in names or known:
        wanted = known[name]
        if isinstance(wanted, str):
            found = [weights.pull_describer(wanted)]
        else:
            found = weights.pull(wanted) if isinstance(wanted, ModelConfig) else [weights.pull_lora(wanted)]
        for path in found:
            typer.echo(f"{name}: {path}")
