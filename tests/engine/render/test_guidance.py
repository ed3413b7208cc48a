"""What ``--cfg g`` becomes for pipelines that count guidance their own way, on tiny ones of each class."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from torch import Tensor

from engine.render import guidance
from engine.workers.protocol import Done
from tests.engine.render import tiny_flow
from tests.engine.render.test_oracle import spec
from tests.engine.render.test_renderer import Make, drain, pictures, renderer

__all__ = ["renderer"]


def velocity(pipe: Any, prompt: str, scale: float, negative: str = "") -> Tensor:
    """Return what one step of a pipeline moves its latents by, which is its combined prediction."""
    arguments, _ = guidance.of(pipe).arguments(scale, negative)
    pipe.set_progress_bar_config(disable=True)
    options = {"width": 32, "height": 32, "num_inference_steps": 1, "output_type": "latent"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        drawn: Tensor = pipe(
            prompt=prompt, generator=torch.Generator().manual_seed(3), **options, **arguments
        ).images
    noise = torch.randn((1, 4, 16, 16), generator=torch.Generator().manual_seed(3))
    if drawn.ndim == 3:  # packed in patches of two by two
        noise = noise.view(1, 4, 8, 2, 8, 2).permute(0, 2, 4, 1, 3, 5).reshape(1, 64, 16)
    return noise - drawn


@pytest.mark.parametrize("name", ["z_image", "krea2", "qwen_image", "sd3"])
def test_it_is_what_people_mean(folders: Callable[[str], Path], name: str) -> None:
    """``negative + g · (positive − negative)``, each of them drawn on its own without guidance."""
    absent = {"text_encoder_3": None, "tokenizer_3": None} if name == "sd3" else {}
    pipe = diffusers.DiffusionPipeline.from_pretrained(folders(name), **absent)
    for negative in ("a blue car", ""):
        wanted = velocity(pipe, "a red apple", 1.0)
        unwanted = velocity(pipe, negative or (" " if name == "qwen_image" else ""), 1.0)
        expected = unwanted + 3.0 * (wanted - unwanted)
        if name == "qwen_image":  # which keeps each patch's length (pipeline_qwenimage.py, "comb_pred")
            expected *= wanted.norm(dim=-1, keepdim=True) / expected.norm(dim=-1, keepdim=True)
        guided = velocity(pipe, "a red apple", 3.0, negative)
        torch.testing.assert_close(guided, expected, rtol=2e-4, atol=2e-4)
        assert float((guided - wanted).abs().max()) > 1e-2


def test_base_models_of_klein_are_guided_and_distilled_ones_say_they_are_not(
    folders: Callable[[str], Path],
) -> None:
    base = diffusers.DiffusionPipeline.from_pretrained(folders("klein_base"))
    assert guidance.of(base).arguments(4.0, "") == ({"guidance_scale": 4.0}, [])
    distilled = diffusers.DiffusionPipeline.from_pretrained(folders("klein"))
    assert guidance.of(distilled).arguments(4.0, "a dog") == ({}, ["--cfg", "--negative"])
    assert guidance.of(distilled).arguments(1.0, "") == ({}, [])


def test_flux_reads_it_as_a_number_and_schnell_not_at_all(folders: Callable[[str], Path]) -> None:
    dev = diffusers.DiffusionPipeline.from_pretrained(folders("flux"))
    assert guidance.of(dev).arguments(3.5, "") == ({"guidance_scale": 3.5}, [])
    assert guidance.of(dev).arguments(3.5, "a dog")[1] == ["--negative"]
    few, many = (dev(**one).images for one in (drawing(dev, 1.5), drawing(dev, 6.0)))
    assert float((few - many).abs().max()) > 1e-2
    schnell = tiny_flow.flux(folders("flux").parent / "schnell-tokens", guidance=False)
    assert guidance.of(schnell).arguments(3.5, "") == ({}, ["--cfg"])


def drawing(pipe: Any, scale: float) -> dict[str, Any]:
    pipe.set_progress_bar_config(disable=True)
    return {
        "prompt": "a dog", "width": 32, "height": 32, "num_inference_steps": 1, "output_type": "latent",
        "generator": torch.Generator().manual_seed(1), **guidance.of(pipe).arguments(scale, "")[0],
    }  # fmt: skip


def test_every_class_in_the_table_takes_what_it_is_given() -> None:
    for name, entry in guidance.PIPELINES.items():
        takes = inspect.signature(getattr(diffusers, name).__call__).parameters
        if entry.way != "none":
            assert entry.argument in takes, name
        assert all(argument in takes for argument, _ in entry.others), name


def test_a_picture_of_a_stock_pipeline_moves_with_cfg(renderer: Make) -> None:
    render = renderer("krea2")
    scales = (1.0, 2.0, 6.0)
    for scale in scales:
        wanted = spec("krea2", steps=2, count=1, sampler="dpmpp_2m", guidance_scale=scale)
        render.start(str(scale), wanted)
    unguided = spec("krea2", steps=2, count=1, guidance_scale=1.0, negative_prompt="a dog")
    render.start("unguided", unguided.model_copy(update={"sampler": "dpmpp_2m"}))
    told = drain(render)
    drawn = [np.asarray(pictures(told[str(scale)])[0]).astype(int) for scale in scales]
    assert np.abs(drawn[0] - drawn[1]).max() > 0
    assert np.abs(drawn[1] - drawn[2]).max() > 0
    done = told["unguided"][-1]
    assert isinstance(done, Done)
    assert done.outcome.notes == ("`--negative` has no effect with krea2.",)
