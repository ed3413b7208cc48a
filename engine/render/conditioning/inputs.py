"""The input pictures of a job, opened, in its size, and what each is for; refuses to draw.

With an IP-Adapter (``JobSpec.adapter``) the pictures of a prompt are read by it. Without, image prompts are
what drawing starts from, and the others are looked at through shared attention (``sharing``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from PIL import Image, ImageOps
from torch import Tensor

from engine.errors import UserError
from engine.images import opened
from engine.jobs import JobSpec, Kind, Role
from engine.render import decode
from engine.render.families.base import Family
from engine.render.models import Model
from engine.words import Sentence

STRENGTHS: Mapping[Kind, float] = {Kind.VARY: 0.6, Kind.UPSCALE: 0.6, Kind.INPAINT: 1.0}
"""Share of the schedule that is run over the picture it starts from, where the spec does not say."""
BLEND_STRENGTH = 0.7
"""The same for a blend: enough that the two pictures stop showing through each other."""
IMAGE_HALF = 2.0
"""The ``--iw`` at which half the schedule is run: 1 leaves two thirds, 3 leaves two fifths."""
ADAPTED: Mapping[Role, float] = {Role.PROMPT: 0.5, Role.STYLE: 1.0, Role.SUBJECT: 0.7}
"""An IP-Adapter's scale at weight 1: half beside a text, as its authors advise; for style, InstantStyle's."""
BLENDED = 1.0
"""The scales of a blend's pictures together, which have no text beside them (as the authors advise)."""


@dataclass(frozen=True, eq=False)
class ReferenceImage:
    """A picture to look at while drawing."""

    pixels: Tensor
    weight: float
    style: bool = False  # for its style alone
    toned: bool = True  # its colours are taken over too


@dataclass
class Sources:
    """The input pictures of a spec, opened and in its size."""

    start: list[tuple[Tensor, float]] = field(default_factory=list)
    """Pixels (1, 3, height, width) to start from, and their weights."""
    strength: float = 1.0
    parent: Image.Image | None = None
    mask: Image.Image | None = None
    whole: tuple[int, int] | None = None
    notes: list[str] = field(default_factory=list)
    references: list[ReferenceImage] = field(default_factory=list)
    adapted: list[tuple[Image.Image, float, bool]] = field(default_factory=list)
    """What the model's IP-Adapter reads: pictures, their scales, and whether for their style alone."""
    tastes: list[tuple[Tensor, float]] = field(default_factory=list)
    """Pixels of pictures somebody likes, in the model's own size, and their weights."""
    edited: list[Image.Image] = field(default_factory=list)
    """EDIT: what is to be changed or taken from."""
    beside: list[Tensor] = field(default_factory=list)
    """The same as latents of the model's family, once they are encoded."""

    @classmethod
    def of(
        cls,
        spec: JobSpec,
        model: Model,
        inputs: Mapping[str, bytes],
        enlarge: Callable[[Image.Image, int], Image.Image] | None = None,
    ) -> Sources:
        """Open what the spec names. Raises UserError where a picture would have to be ignored."""
        sources = cls()
        size = (spec.width, spec.height)
        prompts: list[float] = []
        adapted = spec.adapter and model.adapter is not None
        if spec.adapter and not adapted:
            told = Sentence("{model} no longer has an IP-Adapter; its pictures were used without.")
            sources.notes.append(Sentence(told, model=model.name))
        for source in spec.inputs:
            picture = opened(inputs[source.sha256])
            if adapted and source.role in ADAPTED:
                blend = spec.kind is Kind.BLEND
                scale = source.weight if blend else risen(ADAPTED[source.role], source.weight)
                sources.adapted.append((picture, scale, source.role is Role.STYLE))
                continue
            if source.role is Role.TASTE:  # the same colours whatever size is drawn
                own = ImageOps.fit(picture, (model.config.width, model.config.height))
                sources.tastes.append((decode.to_pixels(own, model.machine.device), source.weight))
                continue
            if spec.kind is Kind.EDIT and source.role is Role.INIT:
                sources.edited.append(picture)
                continue
            if source.role is Role.MASK:
                sources.mask = picture.convert("L")
                continue
            if source.role is Role.INIT:
                sources.parent = picture
                if spec.kind is Kind.UPSCALE and enlarge is not None and size[0] > picture.width:
                    picture = enlarge(picture, spec.scale)
                fitted = picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)
            else:
                fitted = ImageOps.fit(picture, size, Image.Resampling.LANCZOS)  # cut, never squeezed
            pixels = decode.to_pixels(fitted, model.machine.device)
            if source.role in (Role.STYLE, Role.SUBJECT):
                sources.references.append(ReferenceImage(pixels, source.weight, source.role is Role.STYLE))
                continue
            if source.role is Role.PROMPT:
                if spec.kind not in (Kind.IMAGINE, Kind.BLEND):  # an edit starts from its parent
                    sources.references.append(ReferenceImage(pixels, source.weight, toned=False))
                    continue
                prompts.append(source.weight)
            sources.start.append((pixels, source.weight))
        sources._settle(spec, model, prompts)
        return sources

    def instructed(self, spec: JobSpec, family: Family) -> list[Image.Image]:
        """Return the pictures that a spec's words speak of, for text encoders that look at them too."""
        if spec.kind is Kind.INPAINT and family.sees_repainted and self.parent is not None:
            size = (spec.width, spec.height)
            return [self.parent.resize(size, Image.Resampling.LANCZOS)]
        return self.edited

    def _settle(self, spec: JobSpec, model: Model, prompts: list[float]) -> None:
        """Decide how much of the schedule runs; ``prompts``: the weights of image prompts."""
        if self.adapted:
            self.notes.append(_told_how(self.adapted))
        if spec.kind is Kind.BLEND and self.adapted:
            total = sum(scale for _, scale, _ in self.adapted)
            self.adapted = [(one, BLENDED * scale / total, style) for one, scale, style in self.adapted]
        elif spec.kind is Kind.BLEND:
            if not self.start:
                raise UserError(Sentence("There is nothing to blend. Give two to five pictures."))
            self.strength = BLEND_STRENGTH
            equal = sum(prompts) / len(prompts) or 1.0
            self.references += [ReferenceImage(pixels, weight / equal) for pixels, weight in self.start]
            looking = model.family is not None and model.family.can.references
            self.notes.append(
                Sentence("Drawn over a mix of the pictures, and looking at each of them.")
                if looking
                else Sentence("Drawn over a mix of the pictures.")
            )
        elif spec.kind is Kind.IMAGINE and self.start:
            self.strength = 1 / (1 + sum(prompts) / IMAGE_HALF)
            told = Sentence(
                "The image prompt was used as a starting picture; {part} of the steps were drawn over it."
            )
            self.notes.append(Sentence(told, part=f"{self.strength:.0%}"))
        elif spec.kind in STRENGTHS:
            self.strength = STRENGTHS[spec.kind] if spec.strength is None else spec.strength
            if self.parent is None:
                told = Sentence(
                    "The picture to start from is missing. Try again from the picture's own buttons."
                )
                raise UserError(told)
            if spec.kind is Kind.UPSCALE:
                self.whole = self.parent.width * spec.scale, self.parent.height * spec.scale
        if spec.kind is Kind.EDIT:
            if model.family is None or not model.family.can.edit:
                told = Sentence("{model} cannot edit by instruction. FLUX.2 klein can.", model=model.name)
                raise UserError(told)
            if not self.edited:
                raise UserError(Sentence("The picture to edit is missing. Give one."))
            if len(self.edited) > (most := model.family.can.edit):
                told = Sentence("{model} looks at {most} at most, of {given} pictures given.")
                raise UserError(Sentence(told, model=model.name, most=most, given=len(self.edited)))
        if spec.kind is Kind.INPAINT and self.mask is None:
            raise UserError(Sentence("The mask is missing. Say first which part to repaint."))


def risen(usual: float, weight: float) -> float:
    """Return ``usual`` at weight 1, 0 at 0, and twice that at most, however heavy."""
    return usual * 2 * weight / (1 + weight)


def _told_how(adapted: Sequence[tuple[Image.Image, float, bool]]) -> str:
    """Say how pictures were used that an IP-Adapter read."""
    if len(adapted) == 1:
        return Sentence(
            "The IP-Adapter read the picture for its style."
            if adapted[0][2]
            else "The IP-Adapter read the picture."
        )
    return Sentence("The IP-Adapter read the {count} pictures.", count=len(adapted))
