"""The denoising loop: pictures of different people share one UNet call; knows no jobs, no words, no files.

A picture in flight is a latent, the texts it is steered by, a scheduler of its own and a random generator of
its own. One call of `advance` stacks the rows of every picture it is given into one batch, runs the UNet
once, and lets each picture take one step of its own schedule::

    picture A   step  3 of 20   Euler      guidance 7     ┌ unconditional │ condition ┐
    picture B   step 18 of 30   DPM++ 2M   no guidance    │ condition     │           │  ──▶ one UNet call
    picture C   step  0 of  8   DDIM       two texts      └ unconditional │ a │ b     ┘

Nothing in a batch looks at another row, so a picture comes out as it would alone, up to the rounding of
larger matrix products. `choose` decides who shares the next call; pictures may come and go between any two
calls.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from engine.render.conditioning.ip_adapter import Glance, told
from engine.render.conditioning.reference_attention import Look, Looks, shared

BUCKETS = (1, 2, 4, 8, 12, 16, 24, 32)
"""Row counts a call is padded to where compiled graphs are reused (CUDA)."""


@dataclass(frozen=True, eq=False)
class Embedding:
    """A text as the UNet reads it: ``tokens`` (1, length, width) and, for SDXL, ``pooled`` (1, width)."""

    tokens: Tensor
    pooled: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Kept:
    """What masked painting puts back after each step. ``mask`` is 1 where it repaints."""

    latents: Tensor
    noise: Tensor
    mask: Tensor


@dataclass(frozen=True, eq=False)
class Reference:
    """A picture that another one looks at while it forms: its latents run along, noised as far as that one.

    ``latents`` and ``noise`` are (1, channels, height, width) in the picture's own size, ``text`` is what its
    row is read with. ``style``: for its style alone.
    """

    latents: Tensor
    noise: Tensor
    text: Embedding
    weight: float
    style: bool


@dataclass(frozen=True, eq=False)
class Shown:
    """A picture that an IP-Adapter reads to another one's wanted conditions, and what it says to the rest."""

    wanted: Glance
    unwanted: Glance


@dataclass(eq=False)
class Picture:
    """One picture in flight. Latents are (1, channels, height / 8, width / 8) in the model's dtype."""

    group: Hashable
    """The join key: pictures with equal keys may share a UNet call."""
    latents: Tensor
    conditions: Sequence[Embedding]
    weights: Sequence[float]
    unconditional: Embedding | None
    """None = no guidance: one row per condition and no more."""
    guidance_scale: float
    scheduler: Any
    timesteps: Tensor
    """What is left to run of the scheduler's timesteps, on the CPU."""
    generator: torch.Generator
    end: int
    """How many of ``timesteps`` are run (``--stop`` makes it fewer)."""
    eta: float = 0.0
    time_ids: Tensor | None = None
    guidance_embedding: Tensor | None = None
    """For models distilled to take the guidance as an input (``time_cond_proj_dim``)."""
    extra_channels: Tensor | None = None
    """Mask and masked latents, for 9-channel inpainting UNets."""
    kept: Kept | None = None
    steer: Callable[[Tensor, float], Tensor] | None = None
    """Bends a condition's tokens, given the share of the schedule still to run (1 at first, 0 at the end)."""
    push: Callable[[Tensor, float], Tensor] | None = None
    """Bends the current estimate of the final latents, given the same share."""
    references: Sequence[Reference] = ()
    """What its wanted conditions look at beside themselves; one more row each."""
    shown: Sequence[Shown] = ()
    """What its rows are told of beside their texts; no further rows."""
    index: int = 0
    turn: int = 0
    """When this picture was last served; the one that waited longest goes first."""
    estimate: Tensor | None = field(default=None, repr=False)
    """The final latents as the last step foresaw them, without guidance: previews, films and ``--stop``."""

    def __post_init__(self) -> None:
        """Look up once what this scheduler's ``step`` takes."""
        takes = inspect.signature(self.scheduler.step).parameters
        self._options: dict[str, Any] = {}
        if "generator" in takes:
            self._options["generator"] = self.generator
        if "eta" in takes:
            self._options["eta"] = self.eta
        self._order = getattr(self.scheduler, "order", 1)

    @property
    def rows(self) -> int:
        """Rows this picture takes in a UNet call."""
        return self.own_rows + len(self.references)

    @property
    def own_rows(self) -> int:
        """Rows without those of its references, which come last."""
        return len(self.conditions) + (self.unconditional is not None)

    def looks(self, first: int) -> list[list[Look]]:
        """Return what each of its rows looks at, where its rows begin at row ``first`` of a call."""
        seen = [
            Look(first + self.own_rows + index, one.weight, one.style)
            for index, one in enumerate(self.references)
        ]
        weights = [1.0] * (self.unconditional is not None) + list(self.weights)
        return [seen if weight > 0 else [] for weight in weights] + [[] for _ in self.references]

    @property
    def glances(self) -> list[list[Glance]]:
        """Return what each of its rows is told of beside its text."""
        weights = [-1.0] * (self.unconditional is not None) + list(self.weights)
        told = [[one.wanted if weight > 0 else one.unwanted for one in self.shown] for weight in weights]
        return told + [[] for _ in self.references]

    @property
    def length(self) -> int:
        """Tokens of its texts, padding included: 77 for most, 154 for a prompt of two chunks."""
        return math.lcm(*(c.tokens.shape[1] for c in (*self.conditions, self.unconditional) if c is not None))

    @property
    def finished(self) -> bool:
        """Whether its last step is behind it."""
        return self.index >= self.end

    @property
    def steps_done(self) -> int:
        """Steps taken so far, as people count them (two-call samplers count one)."""
        return math.ceil(self.index / self._order)

    @property
    def steps_total(self) -> int:
        """Steps that will have been taken when it is finished."""
        return math.ceil(self.end / self._order)

    @property
    def remaining(self) -> float:
        """The share of the schedule still to run: 1 at first, near 0 at the last step."""
        return 1.0 - self.index / max(1, len(self.timesteps))

    def embeddings(self) -> list[Embedding]:
        """Return the embedding of each row, the unconditional first."""
        conditions = list(self.conditions)
        if self.steer is not None:
            conditions = [Embedding(self.steer(c.tokens, self.remaining), c.pooled) for c in conditions]
        return conditions if self.unconditional is None else [self.unconditional, *conditions]

    def combine(self, prediction: Tensor, guidance_scale: float | None = None) -> Tensor:
        """Combine this picture's rows into one prediction; ``guidance_scale`` where it is not the picture's.

        With guidance ``g``, the unconditional prediction ``u``, wanted conditions ``cᵢ`` of weight ``wᵢ`` and
        unwanted ones ``nⱼ``::

            u + (g · Σ wᵢ (cᵢ − u) − (g − 1) · Σ 2 |wⱼ| (nⱼ − u)) / Σ wᵢ

        which for one condition is diffusers' ``u + g · (c − u)``: weights are relative, and a negative one
        steers away without making the rest stronger. One of −0.5 beside one of 1 steers away as hard as
        diffusers' ``negative_prompt``, and without another negative it is that: ``n + g · (c − n)``.
        Without guidance the weighted mean ``m`` of the wanted stands in for both:
        ``m + Σ |wⱼ| (m − nⱼ) / Σ wᵢ``.
        """
        total = sum(max(w, 0.0) for w in self.weights) or 1.0
        if self.unconditional is None:
            if len(self.conditions) == 1:
                return prediction
            weighed = [(w / total, c) for w, c in zip(self.weights, prediction.split(1), strict=True)]
            mean = sum((w * c for w, c in weighed if w > 0), torch.zeros_like(prediction[:1]))
            return mean + sum((w * (c - mean) for w, c in weighed if w < 0), torch.zeros_like(mean))
        guidance_scale = self.guidance_scale if guidance_scale is None else guidance_scale
        u, *conditions = prediction.split(1)
        if len(conditions) == 1:
            return u + guidance_scale * (conditions[0] - u)
        scales = (guidance_scale * w if w > 0 else 2 * (guidance_scale - 1) * w for w in self.weights)
        return u + sum(s / total * (c - u) for s, c in zip(scales, conditions, strict=True))

    @torch.inference_mode()
    def step(self, prediction: Tensor, model_input: Tensor) -> None:
        """Take one step of this picture's own schedule.

        ``prediction`` is what the UNet said for each of its rows, ``model_input`` the (1, …) latents it saw.
        """
        timestep = self.timesteps[self.index]
        combined = self.combine(prediction)
        combined = self._foresee(combined, model_input, timestep)
        self.latents = self.scheduler.step(
            combined, timestep, self.latents, **self._options, return_dict=False
        )[0]
        self.index += 1
        if self.unconditional is not None:
            # shown is what is expected: guidance overstates, in glaring colours, what is still uncertain
            self._foresee(self.combine(prediction, 1.0), model_input, timestep)
        if self.kept is not None:
            self._put_back(self.kept)

    def _foresee(self, prediction: Tensor, model_input: Tensor, timestep: Tensor) -> Tensor:
        """Keep the estimate of the final latents; return the prediction, bent where ``push`` asks for it.

        The UNet always sees a variance-preserving sample ``z = α x + σ ε`` (``scale_model_input`` sees to
        that), so one formula serves every scheduler, whatever the scale it keeps its own latents in.
        """
        alpha, sigma = signal_and_noise(self.scheduler, float(timestep))
        kind = self.scheduler.config.prediction_type
        if kind == "epsilon":
            estimate = (model_input - sigma * prediction) / max(alpha, 1e-3)
        elif kind == "v_prediction":
            estimate = alpha * model_input - sigma * prediction
        else:  # "sample"
            estimate = prediction
        if self.push is not None:
            estimate = self.push(estimate, self.remaining)
            if kind == "epsilon":
                prediction = (model_input - alpha * estimate) / max(sigma, 1e-3)
            elif kind == "v_prediction":
                prediction = (alpha * model_input - estimate) / max(sigma, 1e-3)
            else:
                prediction = estimate
        self.estimate = estimate
        return prediction

    def _put_back(self, kept: Kept) -> None:
        """Put the parent's latents, noised to the next timestep, back where nothing is repainted."""
        there = kept.latents
        if self.index < len(self.timesteps):
            there = self.scheduler.add_noise(there, kept.noise, self.timesteps[self.index : self.index + 1])
        self.latents = (1 - kept.mask) * there + kept.mask * self.latents


def signal_and_noise(scheduler: Any, timestep: float) -> tuple[float, float]:
    """Return ``(α, σ)`` with α² + σ² = 1 at a timestep, fractional ones (Karras spacing) interpolated."""
    table = scheduler.alphas_cumprod
    low = min(max(math.floor(timestep), 0), len(table) - 1)
    high = min(low + 1, len(table) - 1)
    share = min(max(timestep - low, 0.0), 1.0)
    signal = (1 - share) * float(table[low]) + share * float(table[high])
    return math.sqrt(signal), math.sqrt(1 - signal)


def choose(waiting: Iterable[Picture], max_rows: int) -> list[Picture]:
    """Return the pictures that share the next call: the one that waited longest, and all that fit beside it.

    At least one is returned, even if it alone has more rows than ``max_rows``.
    """
    order = sorted(waiting, key=lambda picture: picture.turn)
    if not order:
        return []
    chosen, rows, length = [order[0]], order[0].rows, order[0].length
    for picture in order[1:]:
        if picture.group != order[0].group or rows + picture.rows > max_rows:
            continue
        common = math.lcm(length, picture.length)
        if common > 4 * max(length, picture.length):
            continue  # texts of 3, 4 and 5 chunks would all be stretched to 60
        chosen.append(picture)
        rows, length = rows + picture.rows, common
    return chosen


@torch.inference_mode()
def predict(
    unet: Any, pictures: Sequence[Picture], at_once: int | None = None, pad: bool = False
) -> list[tuple[Tensor, Tensor]]:
    """Ask the UNet about all ``pictures`` at once; return for each what `Picture.step` takes.

    ``at_once`` cuts the call into smaller ones (short of memory); ``pad`` rounds the rows up to one of
    `BUCKETS` by repeating the last, for compiled graphs.
    """
    inputs = [p.scheduler.scale_model_input(p.latents, p.timesteps[p.index]) for p in pictures]
    # a text repeated k times attends exactly as the text itself: softmax spreads evenly over the copies
    length = math.lcm(*(picture.length for picture in pictures))

    rows: list[tuple[Tensor | None, ...]] = []
    for picture, seen in zip(pictures, inputs, strict=True):
        sample = seen if picture.extra_channels is None else torch.cat([seen, picture.extra_channels], dim=1)
        timestep = picture.timesteps[picture.index : picture.index + 1]
        seen_by = [(sample, text) for text in picture.embeddings()]
        seen_by += [(_along(picture, one, timestep), one.text) for one in picture.references]
        for sample, text in seen_by:
            tokens = text.tokens.repeat(1, length // text.tokens.shape[1], 1)
            rows.append((sample, timestep, tokens, text.pooled, picture.time_ids, picture.guidance_embedding))
    count = len(rows)
    if pad:
        rows += [rows[-1]] * (next((bucket for bucket in BUCKETS if bucket >= count), count) - count)

    glances = [row for picture in pictures for row in picture.glances]
    predictions = []
    for first, last, looks in _calls(pictures, len(rows), at_once):
        columns = zip(*rows[first:last], strict=True)
        sample, timestep, tokens, pooled, time_ids, guidance = (
            None if column[0] is None else torch.cat(column) for column in columns
        )
        with shared(unet, looks), told(unet, glances[first:last]):
            predictions.append(
                unet(
                    sample,
                    timestep.to(sample.device, torch.float32),  # type: ignore[union-attr]
                    encoder_hidden_states=tokens,
                    timestep_cond=guidance,
                    added_cond_kwargs=None
                    if time_ids is None
                    else {"text_embeds": pooled, "time_ids": time_ids},
                    return_dict=False,
                )[0]
            )
    all_rows = torch.cat(predictions)[:count].split([picture.rows for picture in pictures])
    own = [part[: picture.own_rows] for part, picture in zip(all_rows, pictures, strict=True)]
    return list(zip(own, inputs, strict=True))


def _along(picture: Picture, reference: Reference, timestep: Tensor) -> Tensor:
    """Return a reference as the UNet sees it at the picture's timestep, with as many channels."""
    alpha, sigma = signal_and_noise(picture.scheduler, float(timestep))
    noised = alpha * reference.latents + sigma * reference.noise
    if picture.extra_channels is None:
        return noised
    nothing_masked = torch.zeros_like(picture.extra_channels[:, :1])
    return torch.cat([noised, nothing_masked, reference.latents], dim=1)


def _calls(pictures: Sequence[Picture], count: int, at_once: int | None) -> Iterator[tuple[int, int, Looks]]:
    """Yield the first row, the one behind the last, and the looks of each UNet call.

    A picture with references stays in one call with them, even if that has more rows than ``at_once``.
    """
    at_once = at_once or count
    if not any(picture.references for picture in pictures):
        for first in range(0, count, at_once):
            yield first, min(first + at_once, count), ()
        return
    first, last, looks = 0, 0, list[list[Look]]()
    for picture in pictures:
        if looks and last + picture.rows - first > at_once:
            yield first, last, looks
            first, looks = last, []
        looks += picture.looks(last - first)
        last += picture.rows
    looks += [[] for _ in range(count - last)]  # rows that pad the call
    yield first, count, looks


@torch.inference_mode()
def advance(unet: Any, pictures: Sequence[Picture], at_once: int | None = None, pad: bool = False) -> None:
    """Run the UNet once for all ``pictures`` and let each take its step."""
    for picture, (prediction, seen) in zip(pictures, predict(unet, pictures, at_once, pad), strict=True):
        picture.step(prediction, seen)
