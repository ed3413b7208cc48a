"""A model that is sound to look at and cannot be loaded: its job fails with the reason, for the host."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from engine.config import EngineConfig, LoraConfig, ModelConfig
from engine.errors import ModelError
from engine.jobs import Lora
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
    assert failed.for_host == ""  # the scheduler says it, for every way to find out
    shutil.rmtree(tmp_path / "model")
    with pytest.raises(ModelError, match="nothing is there"):
        renderer.load("odd")


def test_a_lora_whose_file_is_broken_is_told_to_who_can_fetch_it(tmp_path: Path) -> None:
    tiny.sd(tmp_path / "words").save_pretrained(tmp_path / "model")
    (tmp_path / "ink.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    config = ModelConfig(name="good", source=str(tmp_path / "model"), width=32, height=32)
    ink = LoraConfig(name="ink", source=str(tmp_path / "ink.safetensors"))
    renderer = Renderer([config], EngineConfig(device="cpu"), [ink])
    spec = plain(config).model_copy(update={"steps": 1, "count": 1, "loras": (Lora(name="ink", weight=1.0),)})
    renderer.start("job", spec)
    failed = None
    while failed is None:
        failed = next((event for event in renderer.tick() if isinstance(event, Failed)), None)
    assert failed.kind == "user"
    assert "Draw without it" in failed.message
    assert "Git LFS pointer" in failed.for_host
    assert str(tmp_path / "ink.safetensors") in failed.for_host  # people need not know where things lie
    assert str(tmp_path) not in failed.message
