"""The command line: reads what the host typed, wires the rooms together, and answers in one clear line."""

from __future__ import annotations

import importlib.metadata
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from engine import config as configuration
from engine import weights
from engine.errors import NotFound, UserError

EXIT_USER = 2
"""The exit code for what the host can mend: a wrong key, a missing token, no disk space."""


class _Group(typer.core.TyperGroup):
    """The commands, with the host's own mistakes as one line on stderr instead of a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except UserError as error:
            typer.echo(f"limner: {error}", err=True)
            raise typer.Exit(EXIT_USER) from None


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
    typer.Option("--config", metavar="FILE", help="Else $LIMNER_CONFIG, else ./config.toml."),
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


def _lines() -> Iterator[str]:
    """Yield the lines of standard input, split at newlines only; bytes that are no text become surrogates."""
    for raw in sys.stdin.buffer:
        yield raw.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "surrogateescape")


@app.command(context_settings=PROMPT_SETTINGS)
def parse(
    prompt: Annotated[list[str] | None, typer.Argument(help="The prompt, or - to read one a line.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show how a prompt and its flags are read, without drawing anything."""
    from engine.prompt import as_json as read

    lines: Iterator[str] = iter([" ".join(prompt)]) if prompt and prompt != ["-"] else _lines()
    for line in lines:
        answer = read(line)
        if as_json:
            # ASCII only: a lone surrogate stays an escape that every JSON reader takes
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
        else:
            _show_parsed(answer)


def _show_parsed(answer: dict[str, Any]) -> None:
    """Print one parsed prompt for a person."""

    def plain(text: object) -> str:
        return str(text).encode("utf-8", "backslashreplace").decode()

    typer.echo(f"prompt  {plain(answer['prompt'])}")
    for name, flag in answer["flags"].items():
        typer.echo(f"  --{name} {plain(flag['value'])}  (from {flag['from']})")
    for note in answer["notes"]:
        typer.echo(f"note    {plain(note)}")
    if answer["jobs"] != 1:
        typer.echo(f"jobs    {answer['jobs']}")
    if answer["error"]:
        typer.echo(f"error   {plain(answer['error'])}")


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
    """Fetch models from the hub they are named on. Nothing else in Limner ever does."""
    loaded = configuration.load(config)
    known = {model.name: model for model in loaded.models}
    for name in names or known:
        if name not in known:
            raise NotFound(f"There is no model `{name}` in the configuration. There are {', '.join(known)}.")
    for name in names or known:
        typer.echo(f"{name}: {weights.pull(known[name])}")
