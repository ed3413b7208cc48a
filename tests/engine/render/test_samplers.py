"""Samplers made of a model's own schedule: few steps, what it predicts, schedules of other kinds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import diffusers
import pytest
import torch

from engine.config import ModelConfig
from engine.jobs import Input, Kind, Role
from engine.render import decode
from engine.render.models import DeviceSpec, Model, load
from engine.render.samplers import SAMPLERS, described, make, understood
from tests.engine.render import tiny
from tests.engine.render.conftest import ENGINE
from tests.engine.render.test_oracle import ours, photo, spec


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_draws_with_one_to_five_steps(models: Callable[[str], Model], sampler: str) -> None:
    model = models("sd")
    inputs = {"p": decode.png(photo())}
    for steps in range(1, 6):
        [drawn] = ours(model, spec(sampler=sampler, steps=steps, count=1))
        assert torch.isfinite(drawn).all(), steps
        if int(steps * 0.35):
            first = (Input(sha256="p", role=Role.INIT),)
            more = {"kind": Kind.VARY, "strength": 0.35, "inputs": first}
            [varied] = ours(model, spec(sampler=sampler, steps=steps, count=1, **more), inputs)
            assert torch.isfinite(varied).all(), steps


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_ends_in_noise_alone_where_the_model_was_taught_so(
    models: Callable[[str], Model], sampler: str
) -> None:
    base = described(models("sd").pipe.scheduler, "v", True)
    by_diffusers = diffusers.DDIMScheduler.from_config(base.config).alphas_cumprod
    made = make(sampler, base, 5)
    assert made.config.prediction_type == "v_prediction"
    assert float(made.alphas_cumprod[-1]) < 1e-6
    assert torch.allclose(made.alphas_cumprod[:-1].float(), by_diffusers[:-1], rtol=1e-3, atol=1e-6)


def test_the_entry_says_what_the_files_do_not(configs: Callable[[str], ModelConfig]) -> None:
    told = configs("sd").model_copy(update={"prediction": "v", "zero_snr": True})
    config = load("sd", told, DeviceSpec.find(ENGINE), ENGINE).pipe.scheduler.config
    assert (config.prediction_type, config.rescale_betas_zero_snr) == ("v_prediction", True)
    back = described(described(tiny.scheduler(), "v", True), "epsilon", False)
    assert (back.config.prediction_type, back.config.rescale_betas_zero_snr) == ("epsilon", False)


@pytest.mark.parametrize(
    "scheduler",
    [
        diffusers.EDMDPMSolverMultistepScheduler(),
        diffusers.EDMEulerScheduler(),
        diffusers.FlowMatchEulerDiscreteScheduler(),
        diffusers.CMStochasticIterativeScheduler(),
        diffusers.DPMSolverMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, steps_offset=1
        ),
    ],
)
def test_a_schedule_of_another_kind_is_drawn_by_its_own(
    folders: Callable[[str], Path], tmp_path: Path, scheduler: diffusers.SchedulerMixin
) -> None:
    assert not understood(scheduler)
    pipe = diffusers.StableDiffusionPipeline.from_pretrained(folders("sd"))
    pipe.scheduler = scheduler
    pipe.save_pretrained(tmp_path / "model")
    config = ModelConfig(name="edm", source=str(tmp_path / "model"))
    model = load("edm", config, DeviceSpec.find(ENGINE), ENGINE)
    assert model.family is None
    assert type(model.pipe.scheduler) is type(scheduler)
