"""Creative enlarging: tiles cover a picture and blend without a seam; one alone is image-to-image."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from PIL import Image

from engine.config import ModelConfig
from engine.images.tone import evened
from engine.jobs import Condition, Input, JobSpec, Kind, Role
from engine.render import Renderer
from engine.render.tiles import OVERLAP, Tiles, starts
from engine.workers.protocol import Done, Progress
from tests.engine.render.conftest import ENGINE


@pytest.mark.parametrize(
    ("length", "window"), [(64, 64), (65, 64), (100, 64), (128, 64), (256, 64), (20, 64)]
)
def test_tiles_cover_everything_and_overlap_enough(length: int, window: int) -> None:
    corners = starts(length, window)
    assert corners[0] == 0
    assert corners[-1] == max(0, length - window)
    for one, other in itertools.pairwise(corners):
        assert one + window - other >= int(OVERLAP * window)


def test_parts_of_one_whole_join_to_it_again() -> None:
    whole = torch.randn(1, 4, 37, 53)
    tiles = Tiles.over((37, 53), (16, 16))
    assert torch.allclose(tiles.joined(tiles.cut(whole)), whole, atol=1e-6)


def test_where_tiles_disagree_the_change_is_gradual() -> None:
    tiles = Tiles.over((16, 28), (16, 16))
    left, right = torch.zeros(1, 1, 16, 16), torch.ones(1, 1, 16, 16)
    row = tiles.joined([left, right])[0, 0, 8]
    assert tiles.corners == ((0, 0), (0, 12))
    assert row[:12].max() == 0
    assert row[16:].min() == 1
    assert torch.allclose(row[12:16], torch.tensor([1 / 5, 2 / 5, 3 / 5, 4 / 5]))


def picture(width: int, height: int) -> bytes:
    values = np.random.default_rng(1).integers(0, 255, (height // 16, width // 16, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(values).resize((width, height), Image.Resampling.BICUBIC).save(buffer, "PNG")
    return buffer.getvalue()


def spec(name: str, width: int, height: int, **more: object) -> JobSpec:
    usual: dict[str, object] = {"kind": Kind.UPSCALE, "scale": 2, "count": 1, "strength": 0.5, "steps": 4}
    usual["inputs"] = (Input(sha256="p", role=Role.INIT),)
    return JobSpec(
        model=name, conditions=(Condition(text="a red apple"),), width=width, height=height,
        guidance_scale=5.0, sampler="euler", seed=3,
        **{**usual, **more},
    )  # fmt: skip


def run(
    renderer: Renderer, jobs: Mapping[str, JobSpec], inputs: Mapping[str, bytes]
) -> dict[str, list[bytes]]:
    for job, one in jobs.items():
        renderer.start(job, one, inputs)
    found = {}
    while renderer.busy():
        for event in renderer.tick():
            if isinstance(event, Done):
                found[event.job] = list(event.outcome.pictures)
            else:
                assert isinstance(event, Progress), event
    return found


@pytest.fixture
def small(configs: Callable[[str], ModelConfig]) -> ModelConfig:
    """Give a tiny model that draws 64 x 64 pixels."""
    return configs("sd").model_copy(update={"width": 64, "height": 64})


def test_one_tile_is_image_to_image(small: ModelConfig) -> None:
    renderer = Renderer([small], ENGINE)
    inputs = {"p": picture(32, 32)}
    large = run(renderer, {"a": spec("sd", 64, 64)}, inputs)["a"][0]
    assert Image.open(io.BytesIO(large)).size == (64, 64)
    # the same picture enlarged as it is, then varied
    once = run(renderer, {"b": spec("sd", 64, 64, strength=None)}, inputs)["b"][0]
    varied = spec("sd", 64, 64, kind=Kind.VARY, scale=1)
    [again] = run(renderer, {"c": varied}, {"p": once})["c"]
    drawn, parent = (Image.open(io.BytesIO(data)).convert("RGB") for data in (again, inputs["p"]))
    # and its light and colours are those of the picture it came from
    assert np.array_equal(
        evened(drawn, parent.resize((64, 64), Image.Resampling.LANCZOS)), Image.open(io.BytesIO(large))
    )
    renderer.close()


def test_tiles_share_calls_and_come_out_the_same_in_company(small: ModelConfig) -> None:
    inputs = {"p": picture(64, 48)}
    alone, mixed = Renderer([small], ENGINE), Renderer([small], ENGINE)
    mixed.load("sd")
    tiled = spec("sd", 128, 96)
    other = spec("sd", 64, 64, kind=Kind.IMAGINE, inputs=(), strength=None, scale=1, count=2)
    [one] = run(alone, {"a": tiled}, inputs)["a"]
    both = run(mixed, {"a": tiled, "b": other}, inputs)
    # 3 x 2 tiles of 2 rows, 2 steps; 2 cells of 2 rows, 4 steps: never a call for either alone
    assert mixed.unet_calls == 4
    first, second = (np.asarray(Image.open(io.BytesIO(data)), dtype=int) for data in (one, both["a"][0]))
    assert first.shape == (96, 128, 3)
    assert np.abs(first - second).max() <= 1
    alone.close()
    mixed.close()
