"""Attention shared with references: the arithmetic by hand, and that nobody else notices."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pytest
import torch
from diffusers.models.attention_processor import Attention

from engine.jobs import Input, JobSpec, Kind, Role
from engine.render import decode
from engine.render.conditioning.reference_attention import (
    ReferenceRow,
    Tone,
    between,
    coloured,
    matched,
    shared,
    toned,
)
from engine.render.denoise import Picture
from engine.render.drawing import begin
from engine.render.models import Model
from tests.engine.render.loop import advance
from tests.engine.render.test_oracle import TOGETHER, assert_same, ours, photo, run, spec

HEADS, WIDTH = 2, 16


def layer() -> torch.nn.ModuleDict:
    """A UNet with one self-attention layer in each half."""
    torch.manual_seed(3)
    return torch.nn.ModuleDict(
        {name: Attention(WIDTH, heads=HEADS, dim_head=8) for name in ("down_blocks", "up_blocks")}
    )


def by_hand(attn: Attention, hidden: torch.Tensor, row: int, other: int, weight: float) -> torch.Tensor:
    """Softmax over a row's own tokens and another's, these counted ``weight`` times."""
    q, k, v = attn.to_q(hidden), attn.to_k(hidden), attn.to_v(hidden)
    mixed = []
    for head in range(HEADS):
        part = slice(head * 8, head * 8 + 8)
        keys, values = (torch.cat([one[row, :, part], one[other, :, part]]) for one in (k, v))
        scores = torch.exp(q[row, :, part] @ keys.T / math.sqrt(8))
        scores[:, hidden.shape[1] :] *= weight
        mixed.append(scores / scores.sum(1, keepdim=True) @ values)
    return attn.to_out[0](torch.cat(mixed, dim=1))


@torch.inference_mode()
def test_a_row_sees_another_as_often_as_its_weight_says() -> None:
    unet, hidden = layer(), torch.randn(3, 5, WIDTH)
    plain = unet["down_blocks"](hidden)
    for weight in (0.25, 1.0, 4.0):
        with shared(unet, [[ReferenceRow(2, weight, False)], [], []]):
            seen = unet["down_blocks"](hidden)
        expected = by_hand(unet["down_blocks"], hidden, 0, 2, weight)
        assert torch.allclose(seen[0], expected, atol=1e-5)
        assert torch.equal(seen[1:], plain[1:])
    assert torch.equal(unet["down_blocks"](hidden), plain), "as it was"


@torch.inference_mode()
def test_style_is_looked_at_in_the_second_half_only() -> None:
    unet, hidden = layer(), torch.randn(2, 5, WIDTH)
    plain = {name: attn(hidden) for name, attn in unet.items()}
    with shared(unet, [[ReferenceRow(1, 1.0, True)], []]):
        assert torch.equal(unet["down_blocks"](hidden), plain["down_blocks"])
        assert not torch.allclose(unet["up_blocks"](hidden)[0], plain["up_blocks"][0], atol=1e-3)


def test_the_layers_are_as_before_also_after_an_error() -> None:
    unet = layer()
    before = [attn.processor for attn in unet.values()]
    inside = []

    def fail() -> None:
        with shared(unet, [[ReferenceRow(1, 1.0, False)], []]):
            inside.extend(attn.processor for attn in unet.values())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not set(map(id, inside)) & set(map(id, before))
    assert [attn.processor for attn in unet.values()] == before


def test_colours_are_taken_over_by_mean_and_spread() -> None:
    picture, other = torch.randn(1, 4, 8, 8), torch.randn(1, 4, 8, 8) * 3 + 2
    whole = toned(picture, other, 1.0)
    assert torch.allclose(whole.mean((2, 3)), other.mean((2, 3)), atol=1e-4)
    assert torch.allclose(whole.std((2, 3)), other.std((2, 3)), atol=1e-3)
    assert torch.equal(toned(picture, other, 0.0), picture)
    half = toned(picture, other, 0.5)
    assert torch.allclose(half, (picture + whole) / 2, atol=1e-5)


def test_a_subject_takes_colours_over_and_the_ground_stays() -> None:
    picture, other = torch.zeros(1, 4, 16, 16), torch.zeros(1, 4, 16, 16)
    inside = (..., slice(4, 12), slice(4, 12))
    picture[inside] = 3 + 0.1 * torch.randn(1, 4, 8, 8)
    other[inside] = -2 + 0.1 * torch.randn(1, 4, 8, 8)
    moved = coloured(picture, other, 1.0)
    assert torch.equal(moved[..., :4, :], picture[..., :4, :])
    assert torch.allclose(moved[inside].mean((2, 3)), other[inside].mean((2, 3)), atol=0.3)
    assert torch.equal(coloured(picture, other, 0.0), picture)


def test_an_averaged_tone_counts_each_picture_alike() -> None:
    flat, wide = torch.full((1, 1, 1, 2), 4.0), torch.tensor([[[[0.0, 2.0, 0.0, 2.0]]]])
    average = Tone.average([Tone.of(flat), Tone.of(wide)], [0.5, 0.5])
    assert average.mean.item() == 2.5  # (4 + 1) / 2, whatever their sizes
    assert abs(average.spread.item() - math.sqrt(4 / 3) / 2) < 1e-6
    moved = matched(torch.tensor([[[[10.0, 30.0]]]]), average, 1.0)
    assert abs(moved.mean().item() - 2.5) < 1e-5
    assert abs(moved.std().item() - average.spread.item()) < 1e-5


def test_between_two_is_on_the_arc() -> None:
    a, b = torch.zeros(1, 4, 2, 2), torch.zeros(1, 4, 2, 2)
    a[0, 0], b[0, 1] = 1.0, 1.0
    assert torch.allclose(between([a, b], [1, 1]), (a + b) / math.sqrt(2), atol=1e-6)
    third = between([a, b], [2, 1])  # 30 degrees of 90
    assert torch.allclose(third, math.cos(math.pi / 6) * a + math.sin(math.pi / 6) * b, atol=1e-6)
    assert torch.allclose(between([a, a], [1, 3]), a)
    assert torch.equal(between([a], [0.0]), a)


INPUTS = {"r": decode.png(photo(64, 48)), "q": decode.png(photo(32, 32).transpose(0))}


def referring(model: str, role: Role, weight: float = 1.0, **changes: object) -> JobSpec:
    return spec(model, inputs=(Input(sha256="r", role=role, weight=weight),), **changes)


def assert_near(mine: Sequence[torch.Tensor], others: Sequence[torch.Tensor]) -> None:
    """Equal up to rounding, by the size of the largest latent: these untrained weights give large ones."""
    assert_same(mine, others, TOGETHER * max(1.0, *(float(one.abs().max()) for one in others)))


def pictures(model: Model, wanted: JobSpec) -> list[Picture]:
    return list(begin("job", wanted, model, INPUTS).pictures)


@pytest.mark.parametrize("name", ["sd", "sdxl", "pocket"])
@pytest.mark.parametrize("role", [Role.STYLE, Role.SUBJECT])
def test_a_reference_changes_the_picture_and_a_light_one_hardly(
    models: Callable[[str], Model], name: str, role: Role
) -> None:
    model = models(name)
    plain = ours(model, spec(name))
    strong = ours(model, referring(name, role), INPUTS)
    light = ours(model, referring(name, role, 1e-7), INPUTS)
    for before, none, much in zip(plain, light, strong, strict=True):
        assert float((before - none).abs().max()) < 1e-3
        assert float((before - much).abs().max()) > 0.02


def test_in_a_mix_everybody_is_as_alone(models: Callable[[str], Model]) -> None:
    model = models("sd")
    wanted = [
        spec(),
        referring("sd", Role.STYLE, 2.0),
        referring("sd", Role.SUBJECT, seed=50),
        spec(
            kind=Kind.BLEND,
            conditions=(),
            inputs=tuple(Input(sha256=one, role=Role.PROMPT) for one in "rq"),
        ),
        referring("sd", Role.SUBJECT, seed=9, guidance_scale=1.0, sampler="ddim"),
    ]
    alone = [run(pictures(model, one), model) for one in wanted]
    flying = [pictures(model, one) for one in wanted]
    for one in flying[1:]:
        for picture in one:
            picture.group = flying[0][0].group  # also in one call with those who refer to nothing
    run([picture for one in flying for picture in one], model, max_rows=24)
    for before, together in zip(alone, flying, strict=True):
        assert_near([picture.latents for picture in together], before)


def test_short_of_memory_a_picture_stays_with_its_references(models: Callable[[str], Model]) -> None:
    model = models("sd")
    wanted = referring("sd", Role.SUBJECT, 2.0, count=3)
    alone = run(pictures(model, wanted), model)
    split = pictures(model, wanted)
    for _ in range(wanted.steps):
        advance(split, at_once=4, pad=True)  # three rows a picture
    assert_near([picture.latents for picture in split], alone)


def test_a_cell_that_refers_can_be_drawn_again_alone(models: Callable[[str], Model]) -> None:
    model = models("sd")
    both = ours(model, referring("sd", Role.STYLE), INPUTS)
    second = ours(model, referring("sd", Role.STYLE, seed=8, count=2), INPUTS)
    assert float((both[1] - second[0]).abs().max()) < TOGETHER
