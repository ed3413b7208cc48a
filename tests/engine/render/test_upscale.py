"""Enlarging: tiles without seams, the ESRGAN family's file layouts, and no network at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch.nn import functional

from engine.errors import EngineError
from engine.pocket.srvgg import SRVGGNetCompact
from engine.render.models import DeviceSpec
from engine.render.tools import upscale
from tests.engine.render.conftest import ENGINE


def upscalers(refusals: int = 0) -> upscale.Upscalers:
    left = [refusals]

    def reserve(stage: str, rows: int) -> None:
        if left[0]:
            left[0] -= 1
            raise torch.OutOfMemoryError("CUDA out of memory (for a test)")

    return upscale.Upscalers(DeviceSpec.find(ENGINE), reserve)


@pytest.fixture(scope="module")
def compact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("nets") / "compact.safetensors"
    save_file(SRVGGNetCompact(3, 3, 4, 2, 4).state_dict(), path)
    return path


def picture(width: int, height: int) -> Image.Image:
    values = np.random.default_rng(1).integers(0, 255, (height // 4, width // 4, 3), dtype=np.uint8)
    return Image.fromarray(values).resize((width, height), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("refusals", [0, 2])
@torch.inference_mode()
def test_tiles_meet_without_a_seam(compact: Path, refusals: int) -> None:
    source = picture(300, 280)  # two tiles by two
    enlarged, note = upscalers(refusals).enlarge(source, 4, str(compact))
    assert (enlarged.size, note) == ((1200, 1120), "")

    net, scale, _ = upscale.network(compact)
    pixels = torch.from_numpy(np.array(source, dtype=np.float32) / 255).permute(2, 0, 1)[None]
    whole = net(functional.pad(pixels, (8,) * 4, mode="replicate"))[:, :, 32:-32, 32:-32]
    expected = (whole[0].clamp(0, 1) * 255).permute(1, 2, 0).numpy()
    assert scale == 4
    assert np.abs(np.asarray(enlarged, dtype=float) - expected).max() <= 1


def test_a_picture_that_tiles_still_tiles_when_enlarged(compact: Path) -> None:
    source = picture(64, 64)
    moved = Image.fromarray(np.roll(np.asarray(source), 20, axis=1))
    one, _ = upscalers().enlarge(source, 4, str(compact), tile=True)
    two, _ = upscalers().enlarge(moved, 4, str(compact), tile=True)
    assert np.abs(np.roll(np.asarray(one, dtype=int), 80, axis=1) - np.asarray(two)).max() <= 1


def test_twice_is_half_of_four_times(compact: Path) -> None:
    enlarged, note = upscalers().enlarge(picture(40, 24), 2, str(compact))
    assert (enlarged.size, note) == ((80, 48), "")


def rrdb(scale: int) -> upscale.RRDBNet:
    torch.manual_seed(2)
    return upscale.RRDBNet(8, 4, 2, scale)


OLD_NAMES = {
    "conv_first": "model.0",
    "conv_body": "model.1.sub.2",  # after two blocks
    "conv_up1": "model.3",
    "conv_up2": "model.6",
    "conv_hr": "model.8",
    "conv_last": "model.10",
}
"""As in ESRGAN's first release (xinntao/ESRGAN, ``RRDB_ESRGAN_x4_old_arch``)."""


def old(name: str) -> str:
    parts = name.split(".")
    if parts[0] != "body":
        return f"{OLD_NAMES[parts[0]]}.{parts[1]}"
    _, block, dense, conv, kind = parts
    return f"model.1.sub.{block}.RDB{dense[-1]}.conv{conv[-1]}.0.{kind}"


@pytest.mark.parametrize("layout", ["new", "old", "params_ema"])
@torch.inference_mode()
def test_every_layout_of_an_rrdb_file_is_read(tmp_path: Path, layout: str) -> None:
    weights = rrdb(4).state_dict()
    rename = {"new": lambda name: name, "old": old, "params_ema": lambda name: f"params_ema.{name}"}[layout]
    path = tmp_path / "rrdb.safetensors"
    save_file({rename(name): value for name, value in weights.items()}, path)
    net, scale, _ = upscale.network(path)
    pixels = torch.rand(1, 3, 8, 12)
    assert scale == 4
    assert torch.equal(net(pixels), rrdb(4)(pixels))
    assert net(pixels).shape == (1, 3, 32, 48)


@pytest.mark.parametrize("scale", [1, 2])
def test_networks_of_other_scales_serve_the_asked_one(tmp_path: Path, scale: int) -> None:
    path = tmp_path / "rrdb.safetensors"
    save_file(rrdb(scale).state_dict(), path)
    assert upscale.network(path).scale == scale
    enlarged, _ = upscalers().enlarge(picture(20, 16), 4, str(path))
    assert enlarged.size == (80, 64)


def test_unknown_files_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"layer.weight": torch.zeros(1)}, path)
    with pytest.raises(EngineError, match="other"):
        upscale.network(path)
    with pytest.raises(EngineError, match="never opened"):
        upscale.network(tmp_path / "net.pth")


def test_without_a_network_it_says_so(tmp_path: Path) -> None:
    enlarged, note = upscalers().enlarge(picture(20, 16), 2, str(tmp_path / "absent.safetensors"))
    assert enlarged.size == (40, 32)
    assert "interpolation" in note
