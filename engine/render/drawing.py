"""One job being drawn: from its spec to pictures in flight, and back to pictures; refuses to know other jobs.

What decides a pixel is the spec alone. Cell ``i`` has a CPU generator of its own, seeded with ``seed + i``,
so a cell can be made again without its neighbours.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image
from torch import Tensor

from engine.errors import UserError
from engine.images import evened, feathered, rim
from engine.jobs import SEED_MAX, JobSpec, Kind, Lora
from engine.render import decode, samplers
from engine.render.conditioning import reference_attention, steer, styles
from engine.render.conditioning.inputs import Sources, risen
from engine.render.conditioning.ip_adapter import Glance
from engine.render.denoise import Embedding, Kept, Picture, Reference, Shown
from engine.render.loras import FEW_STEPS
from engine.render.models import Model
from engine.render.tiles import Tiles

TONE = 0.6
"""How far the colours of a style reference of weight 1 are taken over at each step."""
SUBJECT_TONE = 0.8
"""The same for a subject reference, within the subject."""
Push = Callable[[Tensor, float], Tensor]


@dataclass(eq=False)
class Drawing:
    """A job whose pictures are in flight, and what has come of them so far."""

    job: str
    spec: JobSpec
    model: Model
    pictures: list[Picture]
    loras: tuple[Lora, ...] = ()
    size: Hashable = None
    """Model and latent shape: what the memory of a call depends on."""
    notes: list[str] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)
    parent: Image.Image | None = None
    """INPAINT: the picture whose unmasked part stays as it is, in the size of the results. UPSCALE: what is
    enlarged, where its light and colours are kept."""
    mask: Image.Image | None = None
    tiles: Tiles | None = None
    """UPSCALE: its pictures are the tiles of one larger one."""
    whole: tuple[int, int] | None = None
    """UPSCALE: width and height of the result."""
    results: dict[int, Image.Image] = field(default_factory=dict)
    frames: list[Image.Image] = field(default_factory=list)
    shown: int = -1
    """The step the last preview or film frame was taken at."""
    started: float = field(default_factory=time.perf_counter)

    @property
    def step(self) -> int:
        """Steps its slowest picture has taken."""
        return min(picture.steps_done for picture in self.pictures)

    @property
    def total(self) -> int:
        """Steps it will have taken."""
        return max(picture.steps_total for picture in self.pictures)

    def spent(self, stage: str, since: float) -> None:
        """Add the time since ``since`` to a stage."""
        self.timings[stage] = self.timings.get(stage, 0.0) + time.perf_counter() - since

    def so_far(self) -> Image.Image | None:
        """Return the grid of what its pictures look like now, or None before the first step."""
        if any(picture.estimate is None for picture in self.pictures):
            return None
        estimates = [picture.estimate for picture in self.pictures]
        if self.tiles is not None:
            estimates = [self.tiles.joined(estimates)]
        return decode.grid([decode.preview(self.model, estimate) for estimate in estimates])

    def ahead(self, picture: Picture) -> bool:
        """Say whether this tile has taken a step that others have not; tiles keep in step."""
        return self.tiles is not None and picture.index > min(other.index for other in self.pictures)

    def stepped(self) -> None:
        """Blend the tiles, once all of them have taken the same step."""
        if self.tiles is None or len({picture.index for picture in self.pictures}) > 1:
            return
        whole = self.tiles.joined([picture.latents for picture in self.pictures])
        for picture, part in zip(self.pictures, self.tiles.cut(whole), strict=True):
            picture.latents = part

    def ready(self) -> list[int]:
        """Return the cells that are drawn and not yet decoded."""
        if self.tiles is not None:
            return [0] if not self.results and all(picture.finished for picture in self.pictures) else []
        return [
            cell
            for cell, picture in enumerate(self.pictures)
            if picture.finished and cell not in self.results
        ]

    def latents(self, cell: int) -> Tensor:
        """Return the final latents of a cell; of one that was stopped early, as it was foreseen."""
        chosen = self.pictures if self.tiles is not None else [self.pictures[cell]]
        finals = [
            picture.estimate
            if picture.end < len(picture.timesteps) and picture.estimate is not None
            else picture.latents
            for picture in chosen
        ]
        return finals[0] if self.tiles is None else self.tiles.joined(finals)

    def finish(self, cell: int, picture: Image.Image) -> None:
        """Take a decoded (and enlarged) cell; what masked painting must not touch is put back to the bit.

        The result has the parent's size, whatever size it was drawn at.
        """
        if self.whole is not None and picture.size != self.whole:
            picture = picture.resize(self.whole, Image.Resampling.LANCZOS)
        if self.whole is not None and self.parent is not None:
            picture = evened(picture, self.parent.resize(self.whole, Image.Resampling.LANCZOS))
        elif self.parent is not None and self.mask is not None:
            parent, size = self.parent, self.parent.size
            if picture.size != size:
                picture = picture.resize(size, Image.Resampling.LANCZOS)
            mask = self.mask if self.mask.size == size else self.mask.resize(size, Image.Resampling.BILINEAR)
            picture = evened(picture, parent, mask)
            picture = Image.composite(picture, parent, feathered(mask, rim(*size)))
        self.results[cell] = picture


@torch.inference_mode()
def begin(
    job: str,
    spec: JobSpec,
    model: Model,
    inputs: Mapping[str, bytes],
    enlarge: Callable[[Image.Image, int], Image.Image] | None = None,
) -> Drawing:
    """Prepare every cell of a job for the denoising loop.

    ``enlarge`` is what UPSCALE starts with: a picture, and how many times as wide it shall be.
    Raises UserError where the spec asks for what this model cannot do.
    """
    began = time.perf_counter()
    assert model.loras is not None
    loras = spec.loras
    if spec.few_steps and FEW_STEPS in model.loras.files:
        loras = (*loras, Lora(name=FEW_STEPS))
    loras = tuple(lora for lora in loras if lora.weight != 0)
    model.loras.use(loras)

    sources = Sources.of(spec, model, inputs, enlarge)
    turns, unconditional = _texts(spec, model, loras)
    conditions = turns[0]
    references = _references(sources, model, unconditional or conditions[0])
    toned = [one for one, look in zip(references, sources.references, strict=True) if look.toned]
    shown = _shown(sources, model)
    taste = _taste(sources, model)
    length = conditions[0].tokens.shape[1] if model.text_joins_by_length else None
    shape = (1, model.channels, spec.height // model.scale, spec.width // model.scale)
    looking = bool(references)
    tiles = None
    if spec.kind is Kind.UPSCALE:
        usual = model.config.height // model.scale, model.config.width // model.scale
        tiles = Tiles.over((shape[2], shape[3]), usual)
        shape = (*shape[:2], *tiles.window)
    group = (model.name, shape, spec.tile, loras, length, model.unet.config.in_channels, looking)
    drawing = Drawing(job, spec, model, [], loras, (model.name, shape), notes=sources.notes)
    if tiles is not None:
        drawing.tiles, drawing.whole = tiles, sources.whole
        shape = (*shape[:2], *tiles.size)
    for cell in range(spec.count):
        own = turns[(spec.seed + cell) % len(turns)]
        picture = _picture(spec, model, cell, shape, group, own, unconditional, sources)
        picture.shown = shown
        if references:
            _refer(picture, references, (spec.seed + cell) % (SEED_MAX + 1))
            if spec.kind is not Kind.BLEND:  # that one starts from their colours
                picture.push = _toning(toned, picture.push)
        if taste is not None:  # outermost, so before a style asked for by name, which then has the last word
            picture.push = _tasteful(taste, sum(weight for _, weight in sources.tastes), picture.push)
        if tiles is None:
            drawing.pictures.append(picture)
        else:
            for part in tiles.cut(picture.latents):
                own = copy.deepcopy(picture.scheduler)
                seen = [_beside(one, part) for one in picture.references]
                drawing.pictures.append(replace(picture, latents=part, scheduler=own, references=seen))
    referring = references or shown or taste is not None  # they may bring other colours
    if spec.kind is Kind.INPAINT or (spec.kind is Kind.UPSCALE and not referring):
        drawing.parent, drawing.mask = sources.parent, sources.mask
    drawing.notes += model.loras.notes(loras)
    drawing.spent("prepare", began)
    return drawing


def _texts(spec: JobSpec, model: Model, state: Hashable) -> tuple[list[list[Embedding]], Embedding | None]:
    """Return the embeddings that cells take turns with, bent by the flags, and that of the negative prompt.

    One list of a spec's conditions, or one for each of the model's scatter words where chaos asks for them:
    for models that draw one thing in one way whatever the seed, so that only words part the four. All are
    encoded together, so that all have as many tokens.
    """
    assert model.text is not None
    if spec.wordless:
        [nothing], _ = model.text.encode_all([""], None, state)
        return [[nothing]], None
    plain = [styles.styled(c.text, spec.style) if c.weight > 0 else c.text for c in spec.conditions] or [""]
    wanted = [index for index, c in enumerate(spec.conditions) if c.weight > 0]
    house = [model.config.house_style] if model.config.house_style and spec.stylize else []
    scatter = model.config.scatter if spec.chaos and spec.kind is Kind.IMAGINE and wanted else ()
    texts = plain + [styles.styled(plain[index], words) for words in (*house, *scatter) for index in wanted]
    guided = spec.guidance_scale > 1 and model.unet.config.time_cond_proj_dim is None
    encoded, unconditional = model.text.encode_all(texts, spec.negative_prompt if guided else None, state)
    embeddings, worded = encoded[: len(plain)], iter(encoded[len(plain) :])
    if house:
        for index in wanted:
            embeddings[index] = steer.stylized(embeddings[index], next(worded), spec.stylize)
    if spec.weird:
        embeddings = [
            steer.weirded(e, spec.weird, spec.seed) if weight > 0 else e
            for e, weight in zip(embeddings, _weights(spec), strict=True)
        ]
    turns = [
        [
            steer.leaned(e, next(worded), spec.chaos) if index in wanted else e
            for index, e in enumerate(embeddings)
        ]
        for _ in scatter
    ]
    return turns or [embeddings], unconditional


def _references(sources: Sources, model: Model, text: Embedding) -> list[Reference]:
    """Return what the pictures look at, in latents; their noise is each picture's own matter."""
    found = []
    for look in sources.references:
        # one draw from the posterior for all cells, whatever their seeds
        latents = decode.encode(model, look.pixels, torch.Generator().manual_seed(0))
        found.append(Reference(latents, torch.zeros_like(latents), text, look.weight, look.style))
    return found


def _shown(sources: Sources, model: Model) -> list[Shown]:
    """Return what the model's IP-Adapter reads in pictures."""
    found = []
    for picture, scale, style in sources.adapted:
        assert model.adapter is not None
        blocks = model.adapter.style_blocks if style else ()
        seen, nothing = model.adapter.look(picture, model.machine.device)
        found.append(Shown(Glance(seen, scale, blocks), Glance(nothing, scale, blocks)))
    return found


def _taste(sources: Sources, model: Model) -> reference_attention.Tone | None:
    """Return the averaged light and colour of the pictures somebody likes; None where there are none."""
    if not sources.tastes:
        return None
    tones = [
        reference_attention.Tone.of(decode.encode(model, pixels, torch.Generator().manual_seed(0)))
        for pixels, _ in sources.tastes
    ]
    return reference_attention.Tone.average(tones, [weight for _, weight in sources.tastes])


def _tasteful(taste: reference_attention.Tone, weight: float, before: Push | None) -> Push:
    """Return what lets colours that somebody likes come through at each step, before what bent it so far."""
    share = _share(TONE, weight)

    def push(estimate: Tensor, remaining: float) -> Tensor:
        estimate = reference_attention.matched(estimate, taste, share)
        return estimate if before is None else before(estimate, remaining)

    return push


def _refer(picture: Picture, references: Sequence[Reference], seed: int) -> None:
    """Let a picture look at references, whose noise comes from a generator of its own."""
    generator = torch.Generator().manual_seed(seed ^ 0x5E7)
    picture.references = [
        replace(
            one,
            noise=randn_tensor(
                one.latents.shape,
                generator=generator,
                device=one.latents.device,
                dtype=one.latents.dtype,
            ),
        )
        for one in references
    ]


def _beside(reference: Reference, tile: Tensor) -> Reference:
    """Return a reference in the size of a tile: rows of one call are of one size."""
    high, wide = tile.shape[2:]
    small = torch.nn.functional.interpolate(reference.latents, (high, wide), mode="bilinear")
    return replace(reference, latents=small, noise=reference.noise[..., :high, :wide])


def _toning(references: Sequence[Reference], before: Push | None) -> Push | None:
    """Return what lets the colours of references come through at each step, before what bent it so far."""
    styles_of = [one for one in references if one.style]
    subjects = [one for one in references if not one.style]
    if not references:
        return before
    # several styles side by side have one mean and spread
    style = torch.cat([one.latents for one in styles_of], dim=3) if styles_of else None
    style_share = _share(TONE, sum(one.weight for one in styles_of))

    def push(estimate: Tensor, remaining: float) -> Tensor:
        for one in subjects:
            estimate = reference_attention.coloured(estimate, one.latents, _share(SUBJECT_TONE, one.weight))
        if style is not None:
            estimate = reference_attention.toned(estimate, style, style_share)
        return estimate if before is None else before(estimate, remaining)

    return push


def _share(usual: float, weight: float) -> float:
    """Return how far to go at a weight: ``usual`` at 1, nothing at 0, never all the way."""
    return min(0.95, risen(usual, weight))


def _weights(spec: JobSpec) -> list[float]:
    return [1.0] if spec.wordless else [condition.weight for condition in spec.conditions] or [1.0]


def _picture(
    spec: JobSpec,
    model: Model,
    cell: int,
    shape: tuple[int, ...],
    group: Hashable,
    conditions: Sequence[Embedding],
    unconditional: Embedding | None,
    sources: Sources,
) -> Picture:
    """Prepare one cell. Random numbers are drawn in the order in which diffusers' pipelines draw them."""
    seed = (spec.seed + cell) % (SEED_MAX + 1)
    generator = torch.Generator().manual_seed(seed)
    device, dtype = model.machine.device, model.unet.dtype
    scheduler = samplers.make(spec.sampler, model.pipe.scheduler, spec.steps)
    order = getattr(scheduler, "order", 1)
    skipped = max(spec.steps - min(int(spec.steps * sources.strength), spec.steps), 0) if sources.start else 0
    timesteps = scheduler.timesteps[skipped * order :]
    if len(timesteps) == 0:
        raise UserError("So little strength leaves no step to take. Raise the strength or the steps.")
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(skipped * order)

    kept = extra = None
    nine = model.unet.config.in_channels > model.channels
    if spec.kind is Kind.INPAINT:
        latents, kept, extra = _masked(sources, model, scheduler, timesteps, shape, generator, nine)
    elif nine:
        raise UserError(f"{model.name} is a model for repainting only. Choose another with `--model`.")
    elif sources.start:
        total = sum(weight for _, weight in sources.start) or 1.0
        encoded = [
            (decode.encode(model, pixels, generator), weight / total) for pixels, weight in sources.start
        ]
        start = reference_attention.between([one for one, _ in encoded], [weight for _, weight in encoded])
        noise = randn_tensor(shape, generator=generator, device=device, dtype=dtype)
        latents = scheduler.add_noise(start, noise, timesteps[:1])
    else:
        latents = randn_tensor(shape, generator=generator, device=device, dtype=dtype)
        latents = latents * scheduler.init_noise_sigma

    end = len(timesteps) if spec.stop == 100 else max(1, -(-len(timesteps) * spec.stop // 100))
    time_ids = guidance_embedding = None
    if model.family == "sdxl":
        time_ids = torch.tensor(
            [[spec.height, spec.width, 0, 0, spec.height, spec.width]], dtype=dtype, device=device
        )
    if model.unet.config.time_cond_proj_dim is not None:
        guidance_embedding = _guidance_embedding(
            spec.guidance_scale - 1, model.unet.config.time_cond_proj_dim
        ).to(device, dtype)
    return Picture(
        group=group,
        latents=latents,
        conditions=conditions,
        weights=_weights(spec),
        unconditional=unconditional,
        guidance_scale=spec.guidance_scale,
        scheduler=scheduler,
        timesteps=timesteps,
        generator=generator,
        end=end,
        time_ids=time_ids,
        guidance_embedding=guidance_embedding,
        extra_channels=extra,
        kept=kept,
        steer=steer.chaotic(spec.chaos, seed) if spec.chaos else None,
        push=steer.both(
            steer.scattered(spec.chaos, seed) if spec.chaos else None,
            steer.expressive(spec.exp, len(timesteps)) if spec.exp else None,
        ),
    )


def _masked(
    sources: Sources,
    model: Model,
    scheduler: object,
    timesteps: Tensor,
    shape: tuple[int, ...],
    generator: torch.Generator,
    nine: bool,
) -> tuple[Tensor, Kept | None, Tensor | None]:
    """Prepare masked painting as StableDiffusionInpaintPipeline does: latents, what is kept, channels."""
    assert sources.mask is not None
    device, dtype = model.machine.device, model.unet.dtype
    pixels = sources.start[0][0]
    size = (pixels.shape[3], pixels.shape[2])
    grey = sources.mask if sources.mask.size == size else sources.mask.resize(size, Image.Resampling.LANCZOS)
    mask = (decode.to_pixels(grey, model)[:, :1] >= 0).to(torch.float32)  # white from half grey on
    small = torch.nn.functional.interpolate(mask, size=shape[2:]).to(device, dtype)
    whole = sources.strength >= 1.0

    parent = decode.encode(model, pixels, generator) if not nine or not whole else None
    noise = randn_tensor(shape, generator=generator, device=device, dtype=dtype)
    if whole:
        latents = noise * scheduler.init_noise_sigma  # type: ignore[attr-defined]
    else:
        latents = scheduler.add_noise(parent, noise, timesteps[:1])  # type: ignore[attr-defined]
    if nine:
        around = decode.encode(model, pixels * (mask < 0.5), generator)
        return latents, None, torch.cat([small, around], dim=1)
    assert parent is not None
    # diffusers draws the masked picture's latents too, unused with four channels: generators move alike
    decode.encode(model, pixels * (mask < 0.5), generator)
    return latents, Kept(parent, noise, small), None


def _guidance_embedding(guidance: float, width: int) -> Tensor:
    """Return the sinusoidal embedding of a guidance scale (1, width) that distilled UNets take."""
    half = width // 2
    frequencies = torch.exp(torch.arange(half) * -(torch.log(torch.tensor(10000.0)) / (half - 1)))
    angles = guidance * 1000.0 * frequencies[None]
    embedding = torch.cat([angles.sin(), angles.cos()], dim=1)
    return torch.nn.functional.pad(embedding, (0, width - embedding.shape[1]))
