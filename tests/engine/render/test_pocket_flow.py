"""The small flow model that ships, drawn by the loop as by diffusers' own pipelines on its files."""

from __future__ import annotations

from typing import Any

import diffusers
import pytest
import torch
from PIL import Image

from engine.config.shipped import pocket_flow
from engine.jobs import Input, JobSpec, Kind, Role
from engine.pocket import FLOW, shared
from engine.render import decode
from engine.render.models import DeviceSpec, Model, load
from tests.engine.render.conftest import ENGINE
from tests.engine.render.test_families import flowing, theirs
from tests.engine.render.test_oracle import assert_same, ours, photo

pytestmark = [
    pytest.mark.skipif(
        not (FLOW / "model_index.json").exists(), reason="the weights are not in this checkout"
    ),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

SIZES = ((128, 128), (96, 160))


@pytest.fixture(scope="module")
def model() -> Model:
    torch.set_num_threads(1)
    return load("pocket-flow", pocket_flow(), DeviceSpec.find(ENGINE), ENGINE)


def stock(kind: str) -> Any:
    pipe = getattr(diffusers, f"ZImage{kind}Pipeline").from_pretrained(FLOW, **shared.parts())
    pipe.set_progress_bar_config(disable=True)
    return pipe


def wanted(size: tuple[int, int], **changes: Any) -> JobSpec:
    return flowing("pocket-flow", width=size[0], height=size[1], **{"steps": 4, **changes})


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_words(model: Model, size: tuple[int, int], scale: float) -> None:
    asked = wanted(size, guidance_scale=scale)
    assert_same(ours(model, asked), theirs(stock(""), "z_image", asked))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_varying(model: Model, size: tuple[int, int]) -> None:
    parent = photo(*size)
    asked = wanted(size, kind=Kind.VARY, strength=0.75, inputs=(Input(sha256="p", role=Role.INIT),))
    mine = ours(model, asked, {"p": decode.png(parent)})
    assert_same(mine, theirs(stock("Img2Img"), "z_image", asked, image=parent, strength=0.75))


def test_repainting(model: Model) -> None:
    parent, mask = photo(128, 128), Image.new("L", (128, 128))
    mask.paste(255, (0, 0, 64, 128))
    asked = wanted(
        (128, 128),
        kind=Kind.INPAINT,
        strength=1.0,
        inputs=(Input(sha256="p", role=Role.INIT), Input(sha256="m", role=Role.MASK)),
    )
    mine = ours(model, asked, {"p": decode.png(parent), "m": decode.png(mask)})
    assert_same(mine, theirs(stock("Inpaint"), "z_image", asked, image=parent, mask_image=mask, strength=1.0))
