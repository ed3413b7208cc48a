"""What all commands share: their options, their exit code, and the models that are ready to draw."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from engine import config as configuration
from engine import log, readiness
from engine.config import Config
from engine.readiness import Choice

EXIT_USER = 2
"""The exit code for what the host can mend: a wrong key, a missing token, no disk space."""

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="The host's choices; else $LIMNER_CONFIG, else ./config.toml."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON, for other programs.")]


def set_up_logs(level: str, style: str) -> None:
    """Log as the configuration says, here and in the worker processes."""
    log.setup(level, style)
    os.environ |= {"LIMNER_LOG_LEVEL": level, "LIMNER_LOG_FORMAT": style}


def read(file: Path | None) -> Config:
    """Return the host's configuration, its open keys as the weights say. Raises ConfigError."""
    return readiness.described(configuration.load(file))


def ready(config: Config) -> Choice:
    """Leave out the models and LoRAs that cannot draw. Raises ConfigError where no model can."""
    if os.environ.get("LIMNER_RENDERER"):
        return Choice(readiness.described(config), {})  # a renderer that needs no weights
    return readiness.choose(config)


def called() -> str:
    """Return how `limner` was called here, to be typed again: its name where the shell finds that."""
    name = sys.argv[0]
    return name if Path(name).name == "limner" and shutil.which("limner") is None else "limner"
