"""Pictures that others refer to, ready for the loop: rows that run along, colours that come through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

from engine.render.conditioning import reference_attention
from engine.render.conditioning.inputs import Sources, risen
from engine.render.conditioning.ip_adapter import IPAdapterInput
from engine.render.conditioning.steer import Bend
from engine.render.denoise import AdapterPicture, EncodedReference, Picture
from engine.render.families.base import Embedding, Family
from engine.render.models import Model

TONE = 0.6
"""How far the colours of a style reference of weight 1 are taken over at each step."""
SUBJECT_TONE = 0.8
"""The same for a subject reference, within the subject."""


def encoded(sources: Sources, family: Family, text: Embedding) -> list[EncodedReference]:
    """Return what the pictures look at, in latents; their noise is each picture's own matter."""
    found = []
    for image in sources.references:
        # one draw from the posterior for all cells, whatever their seeds
        latents = family.encode(image.pixels, torch.Generator().manual_seed(0))
        found.append(EncodedReference(latents, torch.zeros_like(latents), text, image.weight, image.style))
    return found


def adapter_pictures(sources: Sources, model: Model) -> list[AdapterPicture]:
    """Return what the model's IP-Adapter reads in pictures."""
    found = []
    for picture, scale, style in sources.adapted:
        assert model.adapter is not None
        blocks = model.adapter.style_blocks if style else ()
        seen, nothing = model.adapter.look(picture, model.machine.device)
        wanted, unwanted = (IPAdapterInput(memory, scale, blocks) for memory in (seen, nothing))
        found.append(AdapterPicture(wanted, unwanted))
    return found


def taste(sources: Sources, family: Family) -> reference_attention.Tone | None:
    """Return the averaged light and colour of the pictures somebody likes; None where there are none."""
    if not sources.tastes:
        return None
    tones = [
        reference_attention.Tone.of(family.encode(pixels, torch.Generator().manual_seed(0)))
        for pixels, _ in sources.tastes
    ]
    return reference_attention.Tone.average(tones, [weight for _, weight in sources.tastes])


def tasteful(taste: reference_attention.Tone, weight: float) -> Bend:
    """Return what lets colours that somebody likes come through at each step."""
    share = _share(TONE, weight)
    return lambda estimate, remaining: reference_attention.matched(estimate, taste, share)


def refer(picture: Picture, references: Sequence[EncodedReference], seed: int) -> None:
    """Let a picture look at references, whose noise comes from a generator of its own."""
    generator = torch.Generator().manual_seed(seed ^ 0x5E7)

    def noise(like: Tensor) -> Tensor:
        return randn_tensor(like.shape, generator=generator, device=like.device, dtype=like.dtype)

    picture.references = [replace(one, noise=noise(one.latents)) for one in references]


def in_tile(reference: EncodedReference, tile: Tensor) -> EncodedReference:
    """Return a reference in the size of a tile: rows of one call are of one size."""
    high, wide = tile.shape[2:]
    small = torch.nn.functional.interpolate(reference.latents, (high, wide), mode="bilinear")
    return replace(reference, latents=small, noise=reference.noise[..., :high, :wide])


def toning(references: Sequence[EncodedReference]) -> Bend | None:
    """Return what lets the colours of references come through at each step."""
    styles_of = [each for each in references if each.style]
    subjects = [each for each in references if not each.style]
    if not references:
        return None
    # several styles side by side have one mean and spread
    style = torch.cat([one.latents for one in styles_of], dim=3) if styles_of else None
    style_share = _share(TONE, sum(one.weight for one in styles_of))

    def push(estimate: Tensor, remaining: float) -> Tensor:
        for one in subjects:
            estimate = reference_attention.coloured(estimate, one.latents, _share(SUBJECT_TONE, one.weight))
        if style is not None:
            estimate = reference_attention.toned(estimate, style, style_share)
        return estimate

    return push


def _share(usual: float, weight: float) -> float:
    """Return how far to go at a weight: ``usual`` at 1, nothing at 0, never all the way."""
    return min(0.95, risen(usual, weight))
