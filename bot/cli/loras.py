"""`limner loras`: which there are, a new one while the bot runs, and fetching them."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from bot.cli import serve
from bot.cli.models import fetch
from bot.cli.options import ConfigOption, JsonOption, read
from engine import config as configuration
from engine import readiness, weights
from engine.config import LoraConfig
from engine.errors import ConfigError, NotFound
from engine.library.lock import holder

app = typer.Typer(no_args_is_help=True, help="The LoRAs people can ask for.")


@app.command("list")
def loras_list(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show every LoRA, the words that call it, and whether it is on this machine."""
    rows: list[dict[str, Any]] = [
        {
            "name": lora.name,
            "model": lora.model,
            "trigger_words": list(lora.trigger_words or ()),
            "source": lora.source,
            "here": not trouble,
            "why": trouble,
        }
        for lora, trouble in ((one, readiness.lora_trouble(one)) for one in read(config).loras)
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        typer.echo("There are none. Add one with: limner loras add FILE")
    wide = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        words = ", ".join(row["trigger_words"])
        state = "ready" if row["here"] else "not ready"
        typer.echo(f"{row['name']:<{wide}}  {state:<10} {row['model'] or 'every model':<12} {words or '-'}")
        if row["why"]:
            typer.echo(f"    {row['why']}")


@app.command("add")
def loras_add(
    source: Annotated[str, typer.Argument(metavar="FILE", help="A .safetensors, or a name on the hub.")],
    name: Annotated[str | None, typer.Option("--name", help="What people call it; else the file's.")] = None,
    model: Annotated[str, typer.Option("--model", help="The one model it is for; else all.")] = "",
    config: ConfigOption = None,
) -> None:
    """Write a LoRA into the configuration; a bot that runs offers it at once."""
    loaded, file = configuration.load(config), configuration.find(config) or Path(configuration.CONFIG_NAME)
    path = Path(source).expanduser()
    file_meant = path.exists() or source.endswith(".safetensors")
    where = str(path.absolute()) if file_meant else source
    stem = path.name.lower().removesuffix(".safetensors")
    called = name or re.sub(r"[^a-z0-9_.-]+", "-", stem).strip("-._") or "lora"
    if any(one.name == called for one in loaded.loras):
        raise ConfigError(f"There is a LoRA `{called}` already. Give this one another name with `--name`.")
    if model and model not in {one.name for one in loaded.models}:
        raise ConfigError(f"There is no model `{model}` in the configuration.")
    lora = _entry(called, where, model)
    if weights.is_hub(where):
        weights.pull_lora(lora)
    if trouble := readiness.lora_trouble(lora):
        raise ConfigError(trouble)
    _append(file, lora)
    typer.echo(f"{called}: {weights.find_lora(lora)}")
    if holder(loaded.data_dir / "limner.lock") is None:
        typer.echo("The bot offers it from its next start on.")
        return
    serve.reload(config)


@app.command("pull")
def loras_pull(
    names: Annotated[list[str] | None, typer.Argument(help="Which; else every configured one.")] = None,
    config: ConfigOption = None,
) -> None:
    """Fetch LoRAs from the hub they are named on."""
    known = {lora.name: lora for lora in configuration.load(config).loras}
    for name in names or known:
        if name not in known:
            listed = ", ".join(f"`{one}`" for one in known)
            raise NotFound(f"There is no LoRA `{name}`. " + (f"There are {listed}." if known else ""))
    fetch(names or known, known)


def _entry(name: str, source: str, model: str) -> LoraConfig:
    try:
        return LoraConfig(name=name, source=source, model=model)
    except ValidationError:
        raise ConfigError(
            f"`{name}` cannot be a LoRA's name: small letters, digits, dots, dashes and underscores can."
        ) from None


def _append(file: Path, lora: LoraConfig) -> None:
    """Write an entry at the end of a configuration, whole or not at all. Raises ConfigError."""
    lines = ["[[loras]]", f"name = {json.dumps(lora.name)}", f"source = {json.dumps(lora.source)}"]
    if lora.model:
        lines.append(f"model = {json.dumps(lora.model)}")
    before = file.read_text(encoding="utf-8-sig").rstrip() if file.exists() else ""
    draft = file.with_name(f".{file.name}.new")
    try:
        draft.write_text((f"{before}\n\n" if before else "") + "\n".join(lines) + "\n", encoding="utf-8")
        if file.exists():
            shutil.copymode(file, draft)
        configuration.load(draft)  # an entry may not fit what stands there, such as `loras = [...]` in a line
        os.replace(draft, file)
    except OSError as error:
        raise ConfigError(f"`{file}` cannot be written: {error.strerror}.") from None
    finally:
        draft.unlink(missing_ok=True)
