"""`limner models`: what people can ask for, whether it is ready, and fetching it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.cli.options import ConfigOption, JsonOption, read
from engine import config as configuration
from engine import readiness, weights
from engine.config import LoraConfig, ModelConfig
from engine.errors import ConfigError, NotFound, no_model

app = typer.Typer(no_args_is_help=True, help="The models people can ask for.")


@app.command("list")
def models_list(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show every configured model and whether its weights are on this machine."""
    rows: list[dict[str, Any]] = [
        {
            "name": model.name,
            "default": model.default,
            "aliases": list(model.aliases),
            "source": model.source,
            "size": f"{model.width}x{model.height}",
            "licence": model.licence,
            "here": not trouble,
            "why": trouble,
        }
        for model, trouble in ((one, readiness.model_trouble(one)) for one in read(config).models)
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    wide = max(len(row["name"]) for row in rows)
    for row in rows:
        state = "ready" if row["here"] else "not ready"
        star = "*" if row["default"] else " "
        typer.echo(f"{star} {row['name']:<{wide}}  {row['size']:<10} {state:<10} {row['licence'] or '-'}")
        if row["why"]:
            typer.echo(f"    {row['why']}")


@app.command("pull")
def modelspull(
    names: Annotated[list[str] | None, typer.Argument(help="Which; else every configured one.")] = None,
    config: ConfigOption = None,
) -> None:
    """Fetch models and LoRAs from the hub they are named on. Nothing else in Limner ever does."""
    loaded = configuration.load(config)
    everything: list[ModelConfig | LoraConfig] = [*loaded.models, *loaded.loras]
    known: dict[str, ModelConfig | LoraConfig | str] = {one.name: one for one in everything}
    for key, source in loaded.engine.tools.items():
        known.setdefault(key, source)
    for name in names or known:
        if name not in known:
            raise NotFound(no_model(name, known))
    fetch(names or known, known)


def fetch(names: Iterable[str], known: Mapping[str, ModelConfig | LoraConfig | str]) -> None:
    """Fetch those that are named, and say where each lies. Raises ConfigError, as ``pull``."""
    for name in names:
        for path in pull(name, known[name]):
            typer.echo(f"{name}: {path}")


def pull(name: str, wanted: ModelConfig | LoraConfig | str) -> list[Path]:
    """Fetch one model, LoRA or tool. Raises ConfigError where what came cannot be used."""
    if isinstance(wanted, str):
        found, trouble = [weights.pull_tool(name, wanted)], readiness.tool_trouble(name, wanted)
    elif isinstance(wanted, LoraConfig):
        found, trouble = [weights.pull_lora(wanted)], readiness.lora_trouble(wanted)
    else:
        found = weights.pull(wanted)
        trouble = readiness.model_trouble(wanted)
        if trouble and weights.is_hub(wanted.source) and weights.has_variants(wanted.source):
            trouble = (
                f"`{wanted.source}` has its weights in half-precision variants alone (`*.fp16.safetensors`), "
                "which Limner does not read. Name another repository of this model in `source`."
            )
        trouble = trouble or readiness.few_steps_trouble(wanted) or readiness.adapter_trouble(wanted)
    if trouble:
        raise ConfigError(trouble)
    return found
