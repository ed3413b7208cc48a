"""The denoising loop: people's pictures share one network call; knows no jobs, words, files or families.

Long: the whole loop in one place, with its shapes and sources.

A picture in flight is a latent, the texts it is steered by, a scheduler of its own and a random generator of
its own. `predict` stacks the rows of every picture it is given into one batch and runs the network once;
`Picture.step` lets each take one step of its own schedule::

    picture A   step  3 of 20   Euler      guidance 7     ┌ unconditional │ condition ┐
    picture B   step 18 of 30   DPM++ 2M   no guidance    │ condition     │           │  ──▶ one call
    picture C   step  0 of  8   DDIM       two texts      └ unconditional │ a │ b     ┘

Nothing in a batch looks at another row, so a picture comes out as it would alone, up to the rounding of
larger matrix products. `choose` decides who shares the next call; pictures may come and go between any two
calls. What a row is to the network is its family's matter (`engine.render.families`), what a prediction says
about the final picture its scheduler's (`engine.render.noise`).
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from engine.render import noise
from engine.render.conditioning import lora_rows
from engine.render.conditioning.ip_adapter import IPAdapterInput
from engine.render.conditioning.reference_attention import ReferenceRow
from engine.render.families.base import Embedding, Family, Row

BUCKETS = (1, 2, 4, 8, 12, 16, 24, 32)
"""Row counts a call is padded to where compiled graphs are reused (CUDA)."""


@dataclass(frozen=True, eq=False)
class InpaintBlend:
    """What repainting puts back after each step. ``mask`` is 1 where it repaints."""

    latents: Tensor
    noise: Tensor
    mask: Tensor


@dataclass(frozen=True, eq=False)
class EncodedReference:
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
class AdapterPicture:
    """A picture that an IP-Adapter reads to another one's wanted conditions, and what it says to the rest."""

    wanted: IPAdapterInput
    unwanted: IPAdapterInput


@dataclass(eq=False)
class Picture:
    """One picture in flight. Latents are (1, channels, height, width) in its family's dtype."""

    family: Family
    group: Hashable
    """The join key: pictures with equal keys may share a call."""
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
    inputs: Mapping[str, Tensor] = field(default_factory=dict)
    """What the network takes besides (`Family.inputs`)."""
    extra_channels: Tensor | None = None
    """Mask and what is around it, for networks made to repaint."""
    blend: InpaintBlend | None = None
    beside: Sequence[Tensor] = ()
    """Latents of pictures it sees beside itself, for families that edit by instruction."""
    steer: Callable[[Tensor, float], Tensor] | None = None
    """Bends a condition's tokens, given the share of the schedule still to run (1 at first, 0 at the end)."""
    push: Callable[[Tensor, float], Tensor] | None = None
    """Bends the current estimate of the final latents, given the same share."""
    references: Sequence[EncodedReference] = ()
    """What its wanted conditions look at beside themselves; one more row each."""
    adapted: Sequence[AdapterPicture] = ()
    """What its rows are told of beside their texts; no further rows."""
    loras: lora_rows.Worn = ()
    """What its rows are drawn with, those of its references too."""
    index: int = 0
    turn: int = 0
    """When this picture was last served; the one that waited longest goes first."""
    estimate: Tensor | None = field(default=None, repr=False)
    """The final latents as the last step foresaw them, without guidance: previews, films and ``--stop``."""

    def __post_init__(self) -> None:
        """Look up once what this scheduler's ``step`` takes."""
        takes = inspect.signature(self.scheduler.step).parameters
        self._options = {"generator": self.generator} if "generator" in takes else {}
        self._order = getattr(self.scheduler, "order", 1)
        self._predicts = noise.prediction_type(self.scheduler)

    @property
    def rows(self) -> int:
        """Rows this picture takes in a UNet call."""
        return self.own_rows + len(self.references)

    @property
    def own_rows(self) -> int:
        """Rows without those of its references, which come last."""
        return len(self.conditions) + (self.unconditional is not None)

    def reference_rows(self, first: int) -> list[list[ReferenceRow]]:
        """Return what each of its rows looks at, where its rows begin at row ``first`` of a call."""
        seen = [
            ReferenceRow(first + self.own_rows + index, reference.weight, reference.style)
            for index, reference in enumerate(self.references)
        ]
        weights = [1.0] * (self.unconditional is not None) + list(self.weights)
        return [seen if weight > 0 else [] for weight in weights] + [[] for _ in self.references]

    def adapter_inputs(self) -> list[list[IPAdapterInput]]:
        """Return what each of its rows is told of beside its text."""
        weights = [-1.0] * (self.unconditional is not None) + list(self.weights)
        own = [[one.wanted if weight > 0 else one.unwanted for one in self.adapted] for weight in weights]
        return own + [[] for _ in self.references]

    @property
    def lengths(self) -> list[int]:
        """How long its family says that its rows are."""
        texts = [c for c in (*self.conditions, self.unconditional) if c is not None]
        return self.family.lengths(self.latents, texts, self.beside)

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

        ``prediction`` is what the network said for each of its rows, ``model_input`` (1, …) what it saw.
        """
        timestep = self.timesteps[self.index]
        alpha, sigma = noise.signal_and_noise(self.scheduler, float(timestep))
        combined = self.combine(prediction)
        if self.unconditional is not None:
            wanted = self.combine(prediction, 1.0)
            combined = self.family.rescaled(combined, wanted)
        self.estimate = noise.expected(self._predicts, model_input, combined, alpha, sigma)
        if self.push is not None:
            self.estimate = self.push(self.estimate, self.remaining)
            combined = noise.predicting(self._predicts, model_input, self.estimate, alpha, sigma)
        self.latents = self.scheduler.step(
            combined, timestep, self.latents, **self._options, return_dict=False
        )[0]
        self.index += 1
        if self.unconditional is not None:
            # shown is what is expected: guidance overstates, in glaring colours, what is still uncertain
            self.estimate = noise.expected(self._predicts, model_input, wanted, alpha, sigma)
            if self.push is not None:
                self.estimate = self.push(self.estimate, self.remaining)
        if self.blend is not None:
            self._blend(self.blend)

    def _blend(self, blend: InpaintBlend) -> None:
        """Put the parent's latents, noised to the next timestep, back where nothing is repainted."""
        kept = blend.latents
        if self.index < len(self.timesteps):
            kept = noise.noised(
                self.scheduler, kept, blend.noise, self.timesteps[self.index : self.index + 1]
            )
        self.latents = (1 - blend.mask) * kept + blend.mask * self.latents


def choose(waiting: Iterable[Picture], max_rows: int) -> list[Picture]:
    """Return the pictures that share the next call: the one that waited longest, and all that fit beside it.

    At least one is returned, even if it alone has more rows than ``max_rows``.
    """
    order = sorted(waiting, key=lambda picture: picture.turn)
    if not order:
        return []
    chosen, rows, lengths = [order[0]], order[0].rows, order[0].lengths
    for picture in order[1:]:
        if picture.group != order[0].group or rows + picture.rows > max_rows:
            continue
        if not picture.family.fits([*lengths, *picture.lengths]):
            continue
        chosen.append(picture)
        rows, lengths = rows + picture.rows, [*lengths, *picture.lengths]
    return chosen


@torch.inference_mode()
def predict(
    family: Family, pictures: Sequence[Picture], at_once: int | None = None, pad: bool = False
) -> list[tuple[Tensor, Tensor]]:
    """Run the network once over the rows of all ``pictures``; return (prediction, model input) for each.

    ``at_once`` cuts the call into smaller ones (short of memory); ``pad`` rounds the rows up to one of
    `BUCKETS` by repeating the last, for compiled graphs.
    """
    seen = [noise.model_input(p.scheduler, p.latents, p.timesteps[p.index]) for p in pictures]
    rows = [row for picture, sample in zip(pictures, seen, strict=True) for row in _rows(picture, sample)]
    count = len(rows)
    if pad:
        spare = next((bucket for bucket in BUCKETS if bucket >= count), count) - count
        rows += [replace(rows[-1], adapter=(), loras=())] * spare
    predictions: list[Tensor] = []
    for first, last, references in _calls(pictures, len(rows), at_once):
        call = rows[first:last]
        if references:
            call = [replace(row, references=each) for row, each in zip(call, references, strict=True)]
        with lora_rows.wearing([row.loras for row in call], family.device):
            predictions += family.predict(call)
    answers = []
    first = 0
    for picture, sample in zip(pictures, seen, strict=True):
        answers.append((torch.cat(predictions[first : first + picture.own_rows]), sample))
        first += picture.rows
    return answers


def _rows(picture: Picture, seen: Tensor) -> list[Row]:
    """Return a picture's rows of a call, those of its references last."""
    sample = seen if picture.extra_channels is None else torch.cat([seen, picture.extra_channels], dim=1)
    timestep = picture.timesteps[picture.index : picture.index + 1]
    pairs = [(sample, text) for text in picture.embeddings()]
    pairs += [(_along(picture, one, timestep), one.text) for one in picture.references]
    return [
        Row(sample, timestep, text, picture.inputs, picture.beside, (), adapter, picture.loras)
        for (sample, text), adapter in zip(pairs, picture.adapter_inputs(), strict=True)
    ]


def _along(picture: Picture, reference: EncodedReference, timestep: Tensor) -> Tensor:
    """Return a reference as the network sees it at the picture's timestep, with as many channels."""
    alpha, sigma = noise.signal_and_noise(picture.scheduler, float(timestep))
    noised = alpha * reference.latents + sigma * reference.noise
    if picture.extra_channels is None:
        return noised
    nothing_masked = torch.zeros_like(picture.extra_channels[:, :1])
    return torch.cat([noised, nothing_masked, reference.latents], dim=1)


def _calls(
    pictures: Sequence[Picture], count: int, at_once: int | None
) -> Iterator[tuple[int, int, list[list[ReferenceRow]]]]:
    """Yield the first row, the one behind the last, and what its rows look at, of each call.

    A picture with references stays in one call with them, even if that has more rows than ``at_once``.
    """
    at_once = at_once or count
    if not any(picture.references for picture in pictures):
        for first in range(0, count, at_once):
            yield first, min(first + at_once, count), []
        return
    first, last, seen = 0, 0, list[list[ReferenceRow]]()
    for picture in pictures:
        if seen and last + picture.rows - first > at_once:
            yield first, last, seen
            first, seen = last, []
        seen += picture.reference_rows(last - first)
        last += picture.rows
    seen += [[] for _ in range(count - last)]  # rows that pad the call
    yield first, count, seen
