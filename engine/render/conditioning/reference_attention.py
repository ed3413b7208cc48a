"""Attention shared with reference pictures while denoising, for any UNet and without further weights.

A reference runs along as one more row of the call: its latents, noised to the picture's own timestep. In the
self-attention layers the picture's rows then look at the reference's keys and values beside their own, as in
"reference only" (Mikubill's sd-webui-controlnet, May 2023) and StyleAligned (Hertz et al. 2023). A weight w
multiplies a reference's share of the attention: ``log w`` is added to its logits. Refuses to know schedulers,
guidance and jobs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.models.attention_processor import Attention
from torch import Tensor

from engine.render.conditioning import lora_rows


@dataclass(frozen=True)
class ReferenceRow:
    """A row of a call that others look at: which, how strongly, and whether for its style alone.

    Style is looked at in the second half of the UNet only (its ``up_blocks``), where layout is settled, and
    the picture's queries and keys take over the reference's mean and spread there (StyleAligned's AdaIN).
    """

    row: int
    weight: float
    style: bool


@contextmanager
def shared(unet: Any, references: Sequence[Sequence[ReferenceRow]]) -> Iterator[None]:
    """Let rows look at others while inside; where nobody does, the UNet is as it was, to the bit.

    ``references``: for each row of the call, what it looks at beside itself.
    """
    if not any(references):
        yield
        return

    def sharing(name: str, layer: Attention) -> Any:
        if layer.is_cross_attention:
            return layer.processor
        return _Shared(layer.processor, references, late=name.startswith("up_blocks"))

    with processed(unet, sharing):
        yield


@contextmanager
def processed(unet: Any, by: Callable[[str, Attention], Any]) -> Iterator[None]:
    """Let each attention layer of a UNet, by its name, be processed by another than its own while inside."""
    layers = [(name, one) for name, one in unet.named_modules() if isinstance(one, Attention)]
    before = [layer.processor for _, layer in layers]
    try:
        for name, layer in layers:
            layer.processor = by(name, layer)
        yield
    finally:
        for (_, layer), processor in zip(layers, before, strict=True):
            layer.processor = processor


class _Shared:
    """An attention processor in which some rows see more than themselves."""

    def __init__(self, plain: Any, references: Sequence[Sequence[ReferenceRow]], late: bool) -> None:
        self._plain = plain
        self._references = [[each for each in row if late or not each.style] for row in references]

    def __call__(self, attn: Attention, hidden_states: Tensor, *args: Any, **options: Any) -> Tensor:
        """Return the layer's output (rows, tokens, width)."""
        output: Tensor = self._plain(attn, hidden_states, *args, **options)
        if hidden_states.ndim != 3 or attn.group_norm is not None or attn.residual_connection:
            return output  # the VAE's kind of layer, of which a UNet of ours has none
        seen = self._seen(attn, hidden_states)
        if seen is None:
            return output
        output = output.clone()
        for row, tokens in seen:
            with lora_rows.only([row]):
                output[row] = attn.to_out[1](attn.to_out[0](tokens[None]))[0] / attn.rescale_output_factor
        return output

    def _seen(self, attn: Attention, hidden: Tensor) -> list[tuple[int, Tensor]] | None:
        """Return what the rows that look elsewhere attend to: (row, (tokens, width))."""
        looking = [(row, seen) for row, seen in enumerate(self._references) if seen]
        if not looking:
            return None
        parts = (attn.to_q, attn.to_k, attn.to_v)
        # (rows, heads, tokens, width of a head)
        query, key, value = (attn.head_to_batch_dim(part(hidden), out_dim=4) for part in parts)
        if attn.norm_q is not None:
            query = attn.norm_q(query)
        if attn.norm_k is not None:
            key = attn.norm_k(key)
        found = []
        for row, seen in looking:
            own_query, own_key = query[row], key[row]
            for each in seen:
                if each.style:
                    share = min(1.0, each.weight)
                    own_query = torch.lerp(own_query, _like(own_query, query[each.row]), share)
                    own_key = torch.lerp(own_key, _like(own_key, key[each.row]), share)
            keys = torch.cat([own_key, *(key[each.row] for each in seen)], dim=1)
            values = torch.cat([value[row], *(value[each.row] for each in seen)], dim=1)
            tokens = own_key.shape[1]
            bias = torch.cat(
                [keys.new_zeros(tokens), *(keys.new_full((tokens,), math.log(each.weight)) for each in seen)]
            )
            mixed = torch.nn.functional.scaled_dot_product_attention(
                own_query[None], keys[None], values[None], attn_mask=bias[None, None, None], scale=attn.scale
            )
            found.append((row, mixed[0].transpose(0, 1).reshape(tokens, -1)))
        return found


def _like(own: Tensor, other: Tensor) -> Tensor:
    """Return ``own`` with the mean and spread over tokens of ``other`` (AdaIN, Huang & Belongie 2017)."""
    mean, spread = own.mean(-2, keepdim=True), own.std(-2, keepdim=True) + 1e-5
    return (own - mean) / spread * other.std(-2, keepdim=True) + other.mean(-2, keepdim=True)


def toned(estimate: Tensor, reference: Tensor, share: float) -> Tensor:
    """Return an estimate of the final latents, its channels' mean and spread moved toward a reference's.

    Both are (1, channels, height, width); ``share`` is how far, 0 to 1. In the latents of Stable Diffusion's
    VAEs the channels carry light and colour, so this is how a style reference's colours come through.
    """
    return matched(estimate, Tone.of(reference), share)


@dataclass(frozen=True)
class Tone:
    """The light and colour of a picture: mean and spread of its latents' channels, (1, channels, 1, 1)."""

    mean: Tensor
    spread: Tensor

    @classmethod
    def of(cls, latents: Tensor) -> Tone:
        """Measure latents (1, channels, height, width)."""
        return cls(latents.mean((2, 3), keepdim=True), latents.std((2, 3), keepdim=True))

    @classmethod
    def average(cls, tones: Sequence[Tone], weights: Sequence[float]) -> Tone:
        """Return what is between several, each counted by its weight."""
        total = sum(weights)
        pairs = list(zip(tones, weights, strict=True))
        mean = torch.stack([one.mean * (weight / total) for one, weight in pairs]).sum(0)
        return cls(mean, torch.stack([one.spread * (weight / total) for one, weight in pairs]).sum(0))


def matched(estimate: Tensor, tone: Tone, share: float) -> Tensor:
    """Return an estimate of the final latents, its own tone moved toward another by ``share``, 0 to 1."""
    own = Tone.of(estimate)
    wanted = (estimate - own.mean) / (own.spread + 1e-5) * tone.spread
    return torch.lerp(estimate, wanted + tone.mean, share)


def coloured(estimate: Tensor, reference: Tensor, share: float) -> Tensor:
    """Return an estimate of the final latents whose subject leans to the colours of a reference's subject.

    As `toned`, but what stands out from the picture's edges counts, in both, and the ground is left alone.
    """
    here, there = _standing_out(estimate), _standing_out(reference)
    mean, spread = _weighed(estimate, here)
    wanted_mean, wanted_spread = _weighed(reference, there)
    moved = (estimate - mean) / spread * wanted_spread + wanted_mean
    return torch.lerp(estimate, moved, share * here)


def _standing_out(latents: Tensor) -> Tensor:
    """Return (1, 1, height, width) from 0 to 1: how far each place is from the mean of the four edges."""
    edges = [latents[..., 0, :], latents[..., -1, :], latents[..., :, 0], latents[..., :, -1]]
    ground = torch.cat(edges, dim=-1).mean(-1)[..., None, None]
    distance = (latents - ground).float().norm(dim=1, keepdim=True)
    most = distance.flatten().quantile(0.9).clamp_min(1e-6)
    return (distance / most).clamp(0, 1).to(latents.dtype)


def _weighed(latents: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and spread of each channel, places counted by their weights."""
    total = weights.sum((2, 3), keepdim=True).clamp_min(1e-6)
    mean = (latents * weights).sum((2, 3), keepdim=True) / total
    variance = ((latents - mean) ** 2 * weights).sum((2, 3), keepdim=True) / total
    return mean, variance.sqrt() + 1e-5


def between(latents: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Return latents (1, …) between several: along the arc, so that they keep their length (slerp).

    With more than two, each is brought in by its share of the weights so far.
    """
    mixed, total = latents[0], weights[0]
    for one, weight in zip(latents[1:], weights[1:], strict=True):
        total += weight
        mixed = _arc(mixed, one, weight / total if total else 0.0)
    return mixed


def _arc(a: Tensor, b: Tensor, share: float) -> Tensor:
    flat_a, flat_b = a.flatten().float(), b.flatten().float()
    cosine = torch.nn.functional.cosine_similarity(flat_a, flat_b, dim=0).clamp(-1, 1)
    angle = torch.arccos(cosine)
    if float(torch.sin(angle)) < 1e-3:
        return torch.lerp(a, b, share)
    first, second = torch.sin((1 - share) * angle), torch.sin(share * angle)
    return ((first * a + second * b) / torch.sin(angle)).to(a.dtype)
