"""From a spec to a picture in flight: its texts, where it starts, what is put back; runs nothing."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import torch
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image
from torch import Tensor

from engine.errors import UserError
from engine.jobs import JobSpec, Kind
from engine.render import decode, noise, samplers
from engine.render.conditioning import lora_rows, reference_attention, steer, styles
from engine.render.conditioning.inputs import Sources
from engine.render.conditioning.lora_rows import Worn
from engine.render.denoise import InpaintBlend, Picture
from engine.render.families.base import Embedding, Family, Texts
from engine.render.loras import said_with
from engine.render.models import Model
from engine.words import Sentence


def texts(
    spec: JobSpec, model: Model, family: Family, loras: Worn, seen: Sequence[Image.Image] = ()
) -> tuple[list[list[Embedding]], Embedding | None]:
    """Return the embeddings that cells take turns with, bent by the flags, and that of the negative prompt.

    One list of a spec's conditions, or one for each of the model's scatter words where chaos asks for them:
    for models that draw one thing in one way whatever the seed, so that only words part the four. All are
    encoded together, so that all have as many tokens. ``seen``: the pictures an instruction is about.
    """

    def read(conditions: Sequence[str], negative: str | None) -> tuple[list[Embedding], Embedding | None]:
        with lora_rows.wearing([loras], family.device):  # the encoders' own too
            return family.encode_texts(Texts(conditions, negative, said_with(loras), seen))

    if spec.wordless:
        nothing, _ = read([""], None)
        return [nothing], None
    plain = [styles.styled(c.text, spec.style) if c.weight > 0 else c.text for c in spec.conditions] or [""]
    wanted = [index for index, c in enumerate(spec.conditions) if c.weight > 0]
    house = [model.config.house_style] if model.config.house_style and spec.stylize else []
    scatter = model.config.scatter if spec.chaos and spec.kind is Kind.IMAGINE and wanted else ()
    every = plain + [styles.styled(plain[index], words) for words in (*house, *scatter) for index in wanted]
    negative = spec.negative_prompt if family.guided(spec.guidance_scale) else None
    encoded, unconditional = read(every, negative)
    embeddings, worded = encoded[: len(plain)], iter(encoded[len(plain) :])
    if house:
        for index in wanted:
            embeddings[index] = steer.stylized(embeddings[index], next(worded), spec.stylize)
    if spec.weird:
        embeddings = [
            steer.weirded(e, spec.weird, spec.seed) if weight > 0 else e
            for e, weight in zip(embeddings, weights_of(spec), strict=True)
        ]
    turns = [
        [
            steer.leaned(e, next(worded), spec.chaos) if index in wanted else e
            for index, e in enumerate(embeddings)
        ]
        for _ in scatter
    ]
    return turns or [embeddings], unconditional


def weights_of(spec: JobSpec) -> list[float]:
    """Return the weights of a spec's texts."""
    return [1.0] if spec.wordless else [condition.weight for condition in spec.conditions] or [1.0]


def picture(
    spec: JobSpec,
    model: Model,
    family: Family,
    cell: int,
    shapes: tuple[tuple[int, ...], tuple[int, ...]],
    group: Hashable,
    conditions: Sequence[Embedding],
    unconditional: Embedding | None,
    sources: Sources,
) -> Picture:
    """Prepare one cell. Random numbers are drawn in the order in which diffusers' pipelines draw them.

    ``shapes`` are those of its latents, and of what is drawn in one call: a tile, where it is cut into some.
    """
    shape, window = shapes
    generator = torch.Generator().manual_seed(seed := spec.seed_of(cell))
    scheduler = family.schedule(_sampler(spec, model, family), spec.steps, window)
    timesteps = _from_start(scheduler, family.skipped(spec.steps, sources.strength) if sources.start else 0)

    blend = extra = None
    if spec.kind is Kind.INPAINT:
        latents, blend, extra = _masked(sources, family, scheduler, timesteps, shape, generator)
    elif family.extra_channels:
        told = Sentence("{model} is a model for repainting only. Choose another with `--model`.")
        raise UserError(Sentence(told, model=model.name))
    elif sources.start:
        total = sum(weight for _, weight in sources.start) or 1.0
        encoded = [(family.encode(pixels, generator), weight / total) for pixels, weight in sources.start]
        start = reference_attention.between([one for one, _ in encoded], [weight for _, weight in encoded])
        drawn = randn_tensor(shape, generator=generator, device=family.device, dtype=family.dtype)
        latents = noise.noised(scheduler, start, drawn, timesteps[:1])
    else:
        drawn = randn_tensor(shape, generator=generator, device=family.device, dtype=family.dtype)
        latents = noise.pure(scheduler, drawn)

    end = len(timesteps) if spec.stop == 100 else max(1, -(-len(timesteps) * spec.stop // 100))
    return Picture(
        family=family,
        group=group,
        latents=latents,
        conditions=conditions,
        weights=weights_of(spec),
        unconditional=unconditional,
        guidance_scale=spec.guidance_scale,
        scheduler=scheduler,
        timesteps=timesteps,
        generator=generator,
        end=end,
        inputs=family.inputs((spec.width, spec.height), spec.guidance_scale),
        extra_channels=extra,
        blend=blend,
        beside=[blend.latents] if blend is not None and family.sees_repainted else sources.beside,
        steer=steer.chaotic(spec.chaos, seed) if spec.chaos else None,
        push=steer.both(
            steer.scattered(spec.chaos, seed) if spec.chaos else None,
            steer.expressive(spec.exp, len(timesteps)) if spec.exp else None,
        ),
    )


def _from_start(scheduler: Any, skipped: int) -> Tensor:
    """Return the timesteps after those skipped; the scheduler begins there. Raises UserError: none left."""
    first = skipped * getattr(scheduler, "order", 1)
    timesteps: Tensor = scheduler.timesteps[first:]
    if len(timesteps) == 0:
        raise UserError(
            Sentence("So little strength leaves no step to take. Raise the strength or the steps.")
        )
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(first)
    return timesteps


def _sampler(spec: JobSpec, model: Model, family: Family) -> str:
    """Return the sampler a spec is drawn with. Raises UserError for one that does not fit the family."""
    name = samplers.canonical(spec.sampler)
    if name in family.samplers:
        return name
    if spec.sampler == model.config.sampler:  # the entry's, which nobody asked for
        return family.samplers[0]
    raise UserError(
        Sentence(
            "`--sampler {sampler}` does not fit {model}. These do: {samplers}.",
            sampler=spec.sampler,
            model=model.name,
            samplers=", ".join(family.samplers),
        )
    )


def _masked(
    sources: Sources,
    family: Family,
    scheduler: object,
    timesteps: Tensor,
    shape: tuple[int, ...],
    generator: torch.Generator,
) -> tuple[Tensor, InpaintBlend | None, Tensor | None]:
    """Prepare repainting as diffusers' inpainting pipelines do: latents, what is put back, extra channels."""
    assert sources.mask is not None
    device, dtype = family.device, family.dtype
    pixels = sources.start[0][0]
    size = (pixels.shape[3], pixels.shape[2])
    grey = sources.mask if sources.mask.size == size else sources.mask.resize(size, Image.Resampling.LANCZOS)
    mask = (decode.to_pixels(grey, device)[:, :1] >= 0).to(torch.float32)  # white from half grey on
    small = family.mask(mask, (shape[2], shape[3])).to(device, dtype)
    whole = sources.strength >= 1.0

    needed = not family.extra_channels or family.draws_over or not whole
    parent = family.encode(pixels, generator) if needed else None
    drawn = randn_tensor(shape, generator=generator, device=device, dtype=dtype)
    if whole or parent is None:
        latents = noise.pure(scheduler, drawn)
    else:
        latents = noise.noised(scheduler, parent, drawn, timesteps[:1])
    if family.extra_channels:
        return latents, None, family.around(mask, small, pixels, generator)
    assert parent is not None
    # diffusers draws the masked picture's latents too, unused with four channels: generators move alike
    family.encode(pixels * (mask < 0.5), generator)
    return latents, InpaintBlend(parent, drawn, small), None
