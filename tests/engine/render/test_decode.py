"""Pixels that half precision cannot hold: computed again in single precision, or refused, never black."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.config import ModelConfig
from engine.errors import EngineError
from engine.render import decode
from engine.render.families.base import Family
from engine.render.models import DeviceSpec, load
from tests.engine.render import tiny
from tests.engine.render.conftest import ENGINE
from tests.engine.render.test_oracle import photo


def overflowing(folders: Callable[[str], Path], root: Path, by: float, dtype: str) -> Family:
    """Load the tiny model with the first layer of its VAE's two halves made larger, which norms undo."""
    folder = root / f"{by}-{dtype}"
    tiny.StableDiffusionPipeline.from_pretrained(folders("sd")).save_pretrained(folder)
    file = folder / "vae" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(file)
    for name in ("decoder.conv_in", "encoder.conv_in"):
        tensors[f"{name}.weight"] = tensors[f"{name}.weight"] * by
    save_file(tensors, file, {"format": "pt"})
    engine = ENGINE.model_copy(update={"dtype": dtype})
    model = load("sd", ModelConfig(name="sd", source=str(folder)), DeviceSpec.find(engine), engine)
    assert model.family is not None
    return model.family


@torch.inference_mode()
def test_what_overflows_in_half_precision_is_decoded_again(
    folders: Callable[[str], Path], tmp_path: Path
) -> None:
    half, single = (overflowing(folders, tmp_path, 1e5, dtype) for dtype in ("float16", "float32"))
    latents = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(0)).half()
    assert not torch.isfinite(half.vae.decode(latents).sample).all(), "it does overflow"
    found, expected = (np.asarray(decode.decode(one, latents), dtype=int) for one in (half, single))
    assert np.abs(found - expected).max() <= 24
    assert np.abs(found - expected).mean() < 2
    assert expected.std() > 5
    assert half.vae.dtype == torch.float16, "as before"


@torch.inference_mode()
def test_what_overflows_in_half_precision_is_encoded_again(
    folders: Callable[[str], Path], tmp_path: Path
) -> None:
    half, single = (overflowing(folders, tmp_path, 1e5, dtype) for dtype in ("float16", "float32"))
    found, expected = (
        one.encode(decode.to_pixels(photo(), one.device), torch.Generator().manual_seed(3)).float()
        for one in (half, single)
    )
    assert torch.isfinite(found).all()
    assert float((found - expected).abs().max()) < 0.1 * float(expected.abs().max())


def test_what_is_no_number_in_single_precision_either_is_refused(
    folders: Callable[[str], Path], tmp_path: Path
) -> None:
    family = overflowing(folders, tmp_path, float("nan"), "float16")
    with pytest.raises(EngineError, match="no numbers"):
        decode.decode(family, torch.zeros(1, 4, 8, 8).half())
    with pytest.raises(EngineError, match="no numbers"):
        family.encode(decode.to_pixels(photo(), family.device), torch.Generator())
