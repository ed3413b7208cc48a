"""The bends behind the flags, against arithmetic done by hand, and how rows are combined and chosen."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, EulerDiscreteScheduler

from engine.jobs import Condition
from engine.render import samplers
from engine.render.conditioning import steer, styles
from engine.render.denoise import Picture, choose
from engine.render.drawing import begin, rim
from engine.render.families.base import Embedding
from engine.render.families.sd import StableDiffusion
from engine.render.models import Model
from engine.render.noise import signal_and_noise
from tests.engine.render import tiny
from tests.engine.render.test_oracle import ours, spec

TOKENS = Embedding(torch.randn(1, 8, 16, generator=torch.Generator().manual_seed(0)))
OTHER = Embedding(torch.randn(1, 8, 16, generator=torch.Generator().manual_seed(1)))


def distance(a: Embedding, b: Embedding) -> float:
    return float((a.tokens - b.tokens).norm())


def test_stylize_goes_from_plain_to_styled() -> None:
    assert torch.equal(steer.stylized(TOKENS, OTHER, 0).tokens, TOKENS.tokens)
    assert torch.allclose(steer.stylized(TOKENS, OTHER, 1000).tokens, OTHER.tokens)
    halfway = steer.stylized(TOKENS, OTHER, 250)  # √0.25
    assert torch.allclose(halfway.tokens, (TOKENS.tokens + OTHER.tokens) / 2, atol=1e-6)
    left = [distance(steer.stylized(TOKENS, OTHER, s), OTHER) for s in (0, 50, 100, 250, 750, 1000)]
    assert left == sorted(left, reverse=True)


def test_stylize_at_its_end_is_the_prompt_in_the_style(models: Callable[[str], Model]) -> None:
    model = models("sd")  # its house style is "old photo"
    styled = begin("a", spec(stylize=1000), model, {}).pictures[0].conditions[0]
    typed = spec(conditions=(Condition(text="a red apple on the tree, old photo"),))
    assert torch.allclose(styled.tokens, begin("b", typed, model, {}).pictures[0].conditions[0].tokens)


def test_weird_moves_further_the_more_and_by_the_seed() -> None:
    moved = [distance(steer.weirded(TOKENS, w, 5), TOKENS) for w in (0, 250, 1000, 3000)]
    assert moved[0] == 0
    assert moved == sorted(moved)
    assert distance(steer.weirded(TOKENS, 500, 5), steer.weirded(TOKENS, 500, 6)) > 0
    assert distance(steer.weirded(TOKENS, 500, 5), steer.weirded(TOKENS, 500, 5)) == 0


def test_chaos_leans_toward_scatter_words_soon() -> None:
    assert torch.equal(steer.leaned(TOKENS, OTHER, 0).tokens, TOKENS.tokens)
    gone = [distance(steer.leaned(TOKENS, OTHER, c), TOKENS) / distance(OTHER, TOKENS) for c in (25, 50, 100)]
    # 0.85 times the chaos, of 1, to the power of 0.4
    assert gone == pytest.approx([0.4882, 0.6442, 0.85], abs=1e-3)


def test_cells_take_turns_with_the_scatter_words(models: Callable[[str], Model]) -> None:
    model = models("sd")
    plain, wild = spec(count=3, seed=6), spec(count=3, seed=6, chaos=100)
    alike = [p.conditions[0].tokens for p in begin("a", wild, model, {}).pictures]
    assert torch.equal(alike[0], alike[1])  # without such words only their noise parts them

    words = replace(model, config=model.config.model_copy(update={"scatter": ("at sea", "by night")}))
    typed = spec(conditions=(Condition(text="a red apple on the tree, at sea"),))
    sea = begin("b", typed, words, {}).pictures[0].conditions[0].tokens
    first, second, third = (p.conditions[0].tokens for p in begin("c", wild, words, {}).pictures)
    assert torch.equal(first, third)  # seeds 6, 7 and 8 over two words
    usual = alike[0]
    assert torch.allclose(first, torch.lerp(usual, sea, 0.85), atol=1e-6)
    assert not torch.equal(first, second)
    assert all(torch.equal(p.conditions[0].tokens, usual) for p in begin("d", plain, words, {}).pictures)


def test_scatter_words_may_need_another_chunk_of_tokens(models: Callable[[str], Model]) -> None:
    model = models("sd")
    words = replace(model, config=model.config.model_copy(update={"scatter": ("at sea", "by night")}))
    long = " ".join(["apple"] * 75)
    for text, negative in ((long, ""), ("an apple", long + " tree")):
        wild = spec(conditions=(Condition(text=text),), negative_prompt=negative, count=2, chaos=100)
        for picture in begin("a", wild, words, {}).pictures:
            assert {one.tokens.shape for one in picture.embeddings()} == {picture.conditions[0].tokens.shape}


def test_chaos_spreads_the_cells_at_first_and_lets_go_before_the_end() -> None:
    spread = []
    for chaos in (0, 25, 50, 75, 100):
        cells = [steer.chaotic(chaos, seed)(TOKENS.tokens, 1.0) for seed in range(4)]
        spread.append(sum(float((a - b).norm()) for a, b in combinations(cells, 2)))
    assert spread[0] == pytest.approx(0, abs=1e-3)
    assert spread == sorted(spread)
    assert torch.equal(steer.chaotic(100, 1)(TOKENS.tokens, 0.2), TOKENS.tokens)


def test_chaos_leans_each_cell_to_colours_of_its_own() -> None:
    estimate = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(2))
    spread = []
    for chaos in (25, 50, 75, 100):
        cells = [steer.scattered(chaos, seed)(estimate, 1.0).mean((2, 3)) for seed in range(4)]
        spread.append(sum(float((a - b).norm()) for a, b in combinations(cells, 2)))
    assert spread == sorted(spread)
    push = steer.scattered(100, 5)
    assert torch.equal(push(estimate, 0.2), estimate)  # the details are left alone
    assert torch.equal(push(estimate, 0.9), steer.scattered(100, 5)(estimate, 0.9))
    # as far as its tint, and the coarse pattern on top, in units of the estimate's own spread
    moved = (push(estimate, 1.0) - estimate) / estimate.std()
    assert float(moved.mean((2, 3)).norm()) == pytest.approx(steer.CHAOS_TINT, abs=2 * steer.CHAOS_PATTERN)
    assert push(torch.randn(1, 4, 8, 24), 1.0).shape == (1, 4, 8, 24)
    there, back = (steer.scattered(100, seed)(estimate, 1.0) - estimate for seed in (8, 9))
    assert torch.allclose(there, -back, atol=1e-5)  # opposite ways


def test_pushes_follow_one_another() -> None:
    double, more = (lambda e, r: 2 * e), (lambda e, r: e + r)
    assert steer.both(None, None) is None
    assert steer.both(double, None) is double
    assert steer.both(None, more) is more
    chained = steer.both(double, more)
    assert chained is not None
    assert float(chained(torch.tensor(3.0), 1.0)) == 7
    bent = steer.chaotic(100, 1)(TOKENS.tokens, 1.0)
    assert float(bent.mean()) == pytest.approx(float(TOKENS.tokens.mean()), abs=1e-5)
    assert float(bent.std()) == pytest.approx(float(TOKENS.tokens.std()), abs=1e-5)


def test_exp_stretches_around_the_mean_and_sharpens() -> None:
    latents = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(2)) + 3
    deviation, detail = [], []
    for amount in (0, 25, 50, 100):
        pushed = steer.expressive(amount, 20)(latents, 0.5)
        deviation.append(float(pushed.std()))
        detail.append(float(pushed.diff(dim=3).abs().mean()))
        assert torch.allclose(pushed.mean(dim=(2, 3)), latents.mean(dim=(2, 3)), atol=0.05)
    assert deviation == sorted(set(deviation))
    assert detail == sorted(set(detail))
    assert torch.equal(steer.expressive(100, 20)(latents, 0.9), latents), "the composition is left alone"


@functools.cache
def family() -> StableDiffusion:
    """Take a tiny pipeline apart."""
    with tempfile.TemporaryDirectory() as folder:
        return StableDiffusion(tiny.sd(Path(folder)), torch.device("cpu"))


def picture(weights: list[float], guided: bool = True, guidance: float = 3.0, **more: Any) -> Picture:
    scheduler = samplers.make("euler", tiny.scheduler(), 4)
    values: dict[str, Any] = {
        "family": family(),
        "group": "g",
        "latents": torch.zeros(1, 4, 4, 4),
        "conditions": [TOKENS] * len(weights),
        "weights": weights,
        "unconditional": OTHER if guided else None,
        "guidance_scale": guidance,
        "scheduler": scheduler,
        "timesteps": scheduler.timesteps,
        "generator": torch.Generator(),
        "end": 4,
    }
    return Picture(**{**values, **more})


def rows(*values: float) -> torch.Tensor:
    return torch.tensor(values).view(-1, 1, 1, 1)


def test_rows_are_combined_as_stated() -> None:
    assert picture([1.0]).combine(rows(1, 2)).item() == pytest.approx(1 + 3 * (2 - 1))
    # weights are relative: 2 : 1 as 4 : 2
    assert picture([4.0, 2.0]).combine(rows(0, 3, 6)).item() == pytest.approx(3 * (2 * 3 + 1 * 6) / 3)
    # "--no": the wanted keeps its whole guidance, the unwanted pushes away with half of it
    assert picture([1.0, -0.5]).combine(rows(1, 2, 5)).item() == pytest.approx(1 + 3 * 1 - 2 * 2 * 0.5 * 4)
    # without guidance the wanted itself is what to steer from; weights that cancel out harm nobody
    assert picture([1.0, -0.5], guided=False).combine(rows(2, 4)).item() == pytest.approx(2 + 0.5 * (2 - 4))
    assert picture([1.0, 3.0], guided=False).combine(rows(2, 4)).item() == pytest.approx((2 + 3 * 4) / 4)
    assert picture([1.0, -0.5, -0.5], guided=False).combine(rows(2, 4, 2)).item() == pytest.approx(1)
    assert picture([1.0], guided=False).combine(rows(7)).item() == 7


def test_equal_texts_of_any_weights_are_one_text(models: Callable[[str], Model]) -> None:
    model = models("sd")
    text = "a blue car"
    one = ours(model, spec(conditions=(Condition(text=text),), count=1))
    two = ours(
        model, spec(conditions=(Condition(text=text, weight=2.0), Condition(text=text, weight=0.7)), count=1)
    )
    assert float((one[0] - two[0]).abs().max()) < 1e-4


def test_who_waited_longest_goes_first_and_takes_along_who_fits() -> None:
    a, b, c, d = (picture([1.0], turn=turn) for turn in (3, 1, 2, 4))
    assert choose([a, b, c, d], 6) == [b, c, a]
    c.group = "another"
    assert choose([a, b, c, d], 16) == [b, a, d]
    assert choose([a], 1) == [a], "one that fits nowhere still runs"
    assert choose([], 16) == []


def test_texts_of_awkward_lengths_are_not_stretched_without_end() -> None:
    def long(chunks: int) -> Picture:
        return picture([1.0], guided=False, conditions=[Embedding(torch.zeros(1, chunks * 8, 16))])

    three, four, five = long(3), long(4), long(5)
    assert choose([three, four], 16) == [three, four]
    assert choose([three, four, five], 16) == [three, four]


@pytest.mark.parametrize("timestep", [0, 500, 999])
def test_signal_and_noise_are_the_schedules_own(timestep: int) -> None:
    scheduler = DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    alpha, sigma = signal_and_noise(scheduler, timestep)
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    expected = (1 - betas)[: timestep + 1].prod()
    assert alpha**2 == pytest.approx(float(expected), rel=1e-4)
    assert alpha**2 + sigma**2 == pytest.approx(1)


def test_the_estimate_is_the_schedulers_own(models: Callable[[str], Model]) -> None:
    """diffusers tells its estimate for Euler; ours must agree, and so must DDIM's."""
    from engine.render.denoise import predict

    for name in ("euler", "ddim"):
        model = models("sd")
        (each,) = begin("job", spec(sampler=name, count=1), model, {}).pictures
        ((prediction, seen),) = predict(model.family, [each])
        twin = samplers.make(name, model.pipe.scheduler, 5)
        assert isinstance(twin, EulerDiscreteScheduler | DDIMScheduler)
        twin.scale_model_input(each.latents, each.timesteps[0])
        expected = twin.step(
            each.combine(prediction, 1.0), each.timesteps[0], each.latents
        ).pred_original_sample
        each.step(prediction, seen)
        assert each.estimate is not None
        assert float((each.estimate - expected).norm() / expected.norm()) < 1e-4


def test_every_sampler_comes_to_the_end_of_its_schedule() -> None:
    for name in samplers.SAMPLERS:
        scheduler = samplers.make(name, tiny.scheduler(), 4)
        latents = torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(0))
        latents = latents * scheduler.init_noise_sigma
        for timestep in scheduler.timesteps:
            seen = scheduler.scale_model_input(latents, timestep)
            latents = scheduler.step(torch.zeros_like(seen), timestep, latents, return_dict=False)[0]
        assert torch.isfinite(latents).all(), name


def test_linear_multistep_coefficients_are_the_exact_integrals() -> None:
    """Order 1 is Euler's step; order 2 integrates (τ − s₁)/(s₀ − s₁) by hand."""
    scheduler = samplers.make("lms", tiny.scheduler(), 4)
    s1, s0, end = (float(sigma) for sigma in scheduler.sigmas[:3])
    assert scheduler.get_lms_coefficient(1, 1, 0) == pytest.approx(end - s0, rel=1e-6)
    by_hand = ((end**2 - s0**2) / 2 - s1 * (end - s0)) / (s0 - s1)
    assert scheduler.get_lms_coefficient(2, 1, 0) == pytest.approx(by_hand, rel=1e-6)


def test_styles_are_words() -> None:
    assert len(styles.STYLES) == 17
    assert styles.styled("a fox", "") == "a fox"
    assert styles.styled("a fox", "origami").startswith("a fox, flat style, origami")
    assert styles.styled("", "origami") == styles.STYLES["origami"]


def test_the_rim_is_a_64th_of_the_shorter_side() -> None:
    assert [rim(64, 64), rim(512, 768), rim(1024, 1024)] == [2, 8, 16]
