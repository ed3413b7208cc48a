"""A model that is sound to look at and cannot be loaded: its job fails with the reason, for the host."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from engine.config import EngineConfig, ModelConfig
from engine.errors import ModelError
from engine.planning.plan import plain
from engine.render import Renderer
from engine.workers.protocol import Event, Failed
from tests.engine.render import tiny


def test_a_model_that_cannot_be_loaded_fails_as_a_model(tmp_path: Path) -> None:
    tiny.sd(tmp_path / "words").save_pretrained(tmp_path / "model")
    config = ModelConfig(name="odd", source=str(tmp_path / "model"), width=32, height=32)
    settings = tmp_path / "model/unet/config.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"cross_attention_dim": 24}))
    renderer = Renderer([config], EngineConfig(device="cpu"))
    renderer.start("job", plain(config).model_copy(update={"steps": 1}))
    events: list[Event] = []
    while not events:
        events = renderer.tick()
    [failed] = events
    assert isinstance(failed, Failed)
    assert failed.kind == "model"
    assert "size" in failed.message.lower() or "shape" in failed.message.lower()
    shutil.rmtree(tmp_path / "model")
    with pytest.raises(ModelError, match="nothing is there"):
        renderer.load("odd")
