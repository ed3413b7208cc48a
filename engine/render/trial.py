"""One step with each model and LoRA, to see that they draw: ``python -m engine.render.trial``.

Reads ``models``, ``loras`` and ``engine`` of a configuration as JSON from stdin; writes a line of JSON
for each trial: ``model``, ``lora`` ("" = none), ``seconds``, ``error`` ("" = drawn).
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from typing import Any

from engine.config import Config, ModelConfig
from engine.errors import LimnerError, reason
from engine.jobs import Lora
from engine.planning.plan import plain
from engine.render.renderer import Renderer
from engine.workers.protocol import Done, Failed


def trials(config: Config) -> Iterator[dict[str, Any]]:
    """Draw with each model alone, then with each LoRA that is for it; yield what came of each."""
    for model in config.models:
        renderer = Renderer(config.models, config.engine, config.loras)
        first = _trial(renderer, model, "")
        yield first
        for lora in config.loras:
            if not first["error"] and lora.model in ("", model.name):
                yield _trial(renderer, model, lora.name)
        renderer.close()


def _trial(renderer: Renderer, model: ModelConfig, lora: str) -> dict[str, Any]:
    began = time.monotonic()
    try:
        renderer.load(model.name)  # by itself, for the reason: a job says only that something broke
        error = _drawn(renderer, model, lora)
    except LimnerError as refused:
        error = str(refused)
    except Exception as broken:  # whatever a library makes of a file
        error = reason(broken)
    return {"model": model.name, "lora": lora, "seconds": time.monotonic() - began, "error": error}


def _drawn(renderer: Renderer, model: ModelConfig, lora: str) -> str:
    """Draw one step of one picture; return what went wrong, empty where it is drawn."""
    loras = (Lora(name=lora, weight=1.0),) if lora else ()
    renderer.start("trial", plain(model).model_copy(update={"steps": 1, "count": 1, "loras": loras}))
    while True:
        for event in renderer.tick():
            if isinstance(event, Failed):
                return event.message
            if isinstance(event, Done):
                return "" if event.outcome.pictures else "No picture came of it."


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    for trial in trials(Config.model_validate_json(sys.stdin.read())):
        sys.stdout.write(json.dumps(trial) + "\n")
        sys.stdout.flush()
