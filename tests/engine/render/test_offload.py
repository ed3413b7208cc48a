"""Where a card is too small for all parts: what draws makes way for what reads, when there is to read."""

from __future__ import annotations

from collections.abc import Callable

import torch
from accelerate.hooks import CpuOffload, UserCpuOffloadHook, add_hook_to_module

from engine.config import ModelConfig
from engine.jobs import Condition
from engine.render.models import DeviceSpec, load
from tests.engine.render.conftest import ENGINE
from tests.engine.render.test_families import flowing
from tests.engine.render.test_oracle import ours


def test_what_draws_leaves_the_card_before_texts_are_read_and_not_for_texts_that_are_kept(
    configs: Callable[[str], ModelConfig],
) -> None:
    model = load("z_image", configs("z_image"), DeviceSpec.find(ENGINE), ENGINE)
    left: list[str] = []

    class Counted(UserCpuOffloadHook):
        def offload(self) -> None:
            left.append(type(self.model).__name__)
            super().offload()

    plain = ours(model, flowing("z_image", steps=2))
    hooks = []
    for part in (model.pipe.text_encoder, model.pipe.transformer, model.pipe.vae):
        hook = CpuOffload(execution_device="cpu")
        add_hook_to_module(part, hook, append=True)
        hooks.append(Counted(part, hook))
    model.pipe._all_hooks = hooks
    assert all(map(torch.equal, ours(model, flowing("z_image", steps=2)), plain))
    assert left == [], "its texts are kept"
    unlike = flowing("z_image", steps=2, conditions=(Condition(text="a blue house"),))
    ours(model, unlike)
    assert left == ["Qwen3Model", "ZImageTransformer2DModel", "AutoencoderKL"], "once, for one new text"
    ours(model, unlike.model_copy(update={"seed": 8}))
    assert len(left) == 3
