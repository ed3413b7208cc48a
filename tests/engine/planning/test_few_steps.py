"""Few-step weights that are configured and not here: people draw all the same, and are told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from engine.config import Config, ModelConfig
from engine.service import Service
from tests.engine.conftest import FAKE, asking, submit


@pytest.mark.parametrize("there", [True, False])
async def test_few_step_weights_that_are_not_here_are_done_without(
    tmp_path: Path, there: bool, caplog: pytest.LogCaptureFixture
) -> None:
    lora = tmp_path / "fast.safetensors"
    if there:
        part = np.zeros((1, 1), np.float32)
        save_file({f"unet.mid.lora_{side}.weight": part for side in "AB"}, lora)
    model = ModelConfig(
        name="big", source="/nowhere", steps=30, few_steps=4, few_steps_source=str(lora), default=True
    )
    async with Service.open(Config(data_dir=tmp_path / "data", models=(model,)), renderer=FAKE) as service:
        service.control.pause()
        job = (await submit(service, asking("1", "a cat --draft", "anna", "discord:1/2"))).jobs[0]
    assert (job.spec.steps, job.spec.few_steps) == ((4, True) if there else (15, False))
    told = "`big` has no few-step weights: `--draft` took half the usual steps."
    assert (told in job.notes) == (not there)
    assert ("limner models pull big" in caplog.text) == (not there)
