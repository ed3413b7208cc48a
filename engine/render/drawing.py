"""One job being drawn: from its spec to pictures in flight, and back to pictures; refuses to know other jobs.

What decides a pixel is the spec alone. Cell ``i`` has a CPU generator of its own, seeded with ``seed + i``,
so a cell can be made again without its neighbours.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace

import torch
from PIL import Image
from torch import Tensor

from engine.errors import UserError
from engine.images import feathered, fitted, grid, rim
from engine.images.tone import evened
from engine.jobs import JobSpec, Kind
from engine.render import decode, prepare
from engine.render.conditioning import references, steer
from engine.render.conditioning.inputs import Sources
from engine.render.denoise import Picture
from engine.render.families import capabilities
from engine.render.families.base import Family
from engine.render.models import Model
from engine.render.tiles import Tiles
from engine.words import Sentence
from engine.workers.protocol import Outcome


@dataclass(eq=False)
class Drawing:
    """A job whose pictures are in flight, and what has come of them so far."""

    job: str
    spec: JobSpec
    model: Model
    family: Family
    size: tuple[str, tuple[int, ...]]
    """Model and latent shape: what the memory of a call depends on."""
    notes: list[str]
    tiles: Tiles | None = None
    """UPSCALE: its pictures are the tiles of one larger one."""
    whole: tuple[int, int] | None = None
    """UPSCALE: width and height of the result."""
    pictures: list[Picture] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)
    parent: Image.Image | None = None
    """INPAINT: the picture whose unmasked part stays as it is, in the size of the results. UPSCALE: what is
    enlarged, where its light and colours are kept."""
    mask: Image.Image | None = None
    results: dict[int, Image.Image] = field(default_factory=dict)
    frames: list[Image.Image] = field(default_factory=list)
    previewed: int = -1
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

    def add(self, picture: Picture) -> None:
        """Take a picture in, cut into tiles where it is larger than its model draws."""
        if self.tiles is None:
            self.pictures.append(picture)
            return
        for part in self.tiles.cut(picture.latents):
            own = copy.deepcopy(picture.scheduler)
            seen = [references.in_tile(one, part) for one in picture.references]
            self.pictures.append(replace(picture, latents=part, scheduler=own, references=seen))

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
        return grid([decode.preview(self.family, estimate) for estimate in estimates])

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
        if self.whole is not None:
            picture = picture.resize(self.whole, Image.Resampling.LANCZOS)
            if self.parent is not None:
                picture = evened(picture, self.parent.resize(self.whole, Image.Resampling.LANCZOS))
        elif self.parent is not None and self.mask is not None:
            parent, size = self.parent, self.parent.size
            picture = picture.resize(size, Image.Resampling.LANCZOS)
            mask = self.mask.resize(size, Image.Resampling.BILINEAR)
            picture = evened(picture, parent, mask)
            picture = Image.composite(picture, parent, feathered(mask, rim(*size)))
        self.results[cell] = picture

    def outcome(self) -> Outcome:
        """Encode what was drawn; run in a thread, where Pillow lets others work."""
        began = time.perf_counter()
        size = self.spec.fitted
        pictures = tuple(decode.png(fitted(self.results[cell], size)) for cell in sorted(self.results))
        film = decode.film(self.frames) if self.spec.film and self.frames else None
        self.spent("encode", began)
        self.spent("total", self.started)
        return Outcome(pictures, film=film, notes=tuple(self.notes), timings=dict(self.timings))


def _sizes(spec: JobSpec, family: Family, shape: tuple[int, ...], sources: Sources) -> Hashable:
    """Return what latents of a shape, and of what is seen beside them, share a call by."""
    whole = spec.kind is Kind.INPAINT and family.sees_repainted
    return family.size_key(shape, [shape] if whole else [tuple(one.shape) for one in sources.beside])


def _check_sides(spec: JobSpec, name: str, multiple: int) -> None:
    """Raise UserError for sides that the model's family cannot draw."""
    if spec.width % multiple or spec.height % multiple:
        raise UserError(
            Sentence(
                "{model} draws sides that are multiples of {multiple}, which {width} × {height} are not; the "
                "host was told. Draw with another model until then.",
                model=name,
                multiple=multiple,
                width=spec.width,
                height=spec.height,
            )
        ).telling_host(
            f"{name} was asked for {spec.width} × {spec.height} and draws multiples of {multiple}. Give its "
            f"entry `multiple = {multiple}`."
        )


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
    began, family = time.perf_counter(), model.family
    assert family is not None
    loras = model.worn(spec)
    _check_sides(spec, model.name, family.multiple)
    sources = Sources.of(spec, model, inputs, enlarge)
    turns, unconditional = prepare.texts(spec, model, family, loras, sources.instructed(spec, family))
    text = unconditional or turns[0][0]
    looked_at = references.encoded(sources, family, text)
    toned = [one for one, image in zip(looked_at, sources.references, strict=True) if image.toned]
    adapted = references.adapter_pictures(sources, model)
    taste = references.taste(sources, family)
    shape = (1, family.channels, spec.height // family.scale, spec.width // family.scale)
    window, tiles = shape, None
    if spec.kind is Kind.UPSCALE:
        usual = model.config.height // family.scale, model.config.width // family.scale
        tiles = Tiles.over((shape[2], shape[3]), usual)
        window = (*shape[:2], *tiles.window)
    looking = bool(looked_at) and family.can.references
    sources.beside = [family.beside(picture) for picture in sources.edited]
    sizes, key = _sizes(spec, family, window, sources), family.text_key(turns[0][0])
    group = (model.name, sizes, spec.tile, key, looking)
    drawing = Drawing(job, spec, model, family, (model.name, window), sources.notes, tiles, sources.whole)
    for cell in range(spec.count):
        own, shapes = turns[(spec.seed + cell) % len(turns)], (shape, window)
        picture = prepare.picture(spec, model, family, cell, shapes, group, own, unconditional, sources)
        picture.adapted, picture.loras = adapted, loras
        if looking:
            references.refer(picture, looked_at, spec.seed_of(cell))
        if spec.kind is not Kind.BLEND:  # that one starts from their colours
            picture.push = steer.both(references.toning(toned), picture.push)
        if taste is not None:  # outermost, so before a style asked for by name, which then has the last word
            liked = sum(weight for _, weight in sources.tastes)
            picture.push = steer.both(references.tasteful(taste, liked), picture.push)
        drawing.add(picture)
    recoloured = looked_at or adapted or taste is not None  # they may bring other colours
    if spec.kind is Kind.INPAINT or (spec.kind is Kind.UPSCALE and not recoloured):
        drawing.parent, drawing.mask = sources.parent, sources.mask
    drawing.notes += capabilities.notes(spec, family, model.name)
    drawing.notes += [note for one, _ in loras for note in one.notes]
    drawing.spent("prepare", began)
    return drawing
