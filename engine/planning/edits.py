"""Everything that can be made of a stored picture: one row an edit, in ``EDITS``. Pure; loads nothing.

A new edit is a row here and, to be pressed, a row of ``bot.custom_ids.Verb``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from engine.config import LimitsConfig, ModelConfig
from engine.errors import UserError
from engine.jobs import JobSpec, Kind
from engine.planning import edit_specs as specs
from engine.words import Sentence

FACTORS = (1.0, 2.0)
"""How far one zoom may go out, as in Midjourney's dialog."""
MOST_SEEN = 4
"""How many pictures an instruction may speak of."""
CANVAS, MASK = "canvas", "mask"
"""What stands for a canvas and its mask in a spec until they are painted."""

Margins = tuple[int, int, int, int]
"""Pixels added to the left, above, to the right and below."""


@dataclass(frozen=True, slots=True)
class Canvas:
    """A larger picture to begin with: ``picture`` (its SHA-256) with ``margins`` around it.

    Without margins it is a zoom: the picture made smaller by ``factor`` in the middle of ``size`` pixels.
    """

    picture: str
    size: tuple[int, int]
    margins: Margins | None = None
    factor: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EditInput:
    """What an edit starts from: the kept ``picture`` (its SHA-256) of ``size`` pixels, and what was asked.

    ``said``: the spec the words and flags stand for, those of the picture's own request (``before``) unless
    ``reworded``. ``cell`` counts from 0. ``seed``: that of the new pictures. ``beside``:
    further pictures that an instruction speaks of.
    """

    said: JobSpec
    picture: str
    size: tuple[int, int]
    seed: int
    model: ModelConfig
    limits: LimitsConfig
    before: JobSpec | None = None
    reworded: bool = False
    cell: int = 0
    factor: float = 2.0
    strength: float | None = None
    mask: str | None = None
    beside: tuple[str, ...] = ()

    @property
    def spec(self) -> JobSpec:
        """What was said, with the new seed and without what a strong variation had added."""
        return specs.calm(self.said.model_copy(update={"seed": self.seed}), self.model)

    @property
    def times(self) -> float:
        """How many times as wide as drawn the picture is."""
        return specs.enlargement(self.before, self.size, self.model)

    def drawn(self, size: tuple[int, int] | None = None) -> tuple[int, int]:
        """Return the size at which a picture of ``size`` (the picture's own) is drawn. Raises UserError."""
        return specs.drawn(self.size if size is None else size, self.times, self.model, self.limits)


@dataclass(frozen=True, slots=True)
class Derived:
    """What an edit draws: the spec, and the canvas that must be painted first, if any."""

    spec: JobSpec
    canvas: Canvas | None = None

    @property
    def factor(self) -> float | None:
        """How far a zoom goes out; None: it is none."""
        return None if self.canvas is None or self.canvas.margins is not None else self.canvas.factor


Derive = Callable[[EditInput], Derived]
Grow = Callable[[tuple[int, int], int], Margins]


@dataclass(frozen=True, slots=True)
class EditType:
    """One edit. ``command``: under whose rules it stands. ``derive``: its spec; None draws a request again.

    ``title``: what is said above the result; ``{factor}`` is how far a zoom went out. ``remix``: whether
    Remix asks for other words first.
    """

    name: str
    command: str
    derive: Derive | None
    title: str = ""
    remix: bool = False
    rereads: bool = False  # the prompt is read anew, though nobody changed it
    needs_words: bool = True  # of a picture from outside
    from_before: bool = False  # starts from what the picture itself was made from, at the same scale
    of_grid: str | None = None  # which edit it is where no single picture was named
    by_editors: bool = False  # only models that edit by instruction do it


# ------------------------------------------------------------------------------------ how specs are derived


def _vary(strength: Callable[[ModelConfig], float], *, loosely: bool = False) -> Derive:
    def derive(start: EditInput) -> Derived:
        share = strength(start.model) if start.strength is None else start.strength
        spec = specs.whole(start.spec, start.model)
        spec = specs.varied(spec, start.picture, start.drawn(), share)
        return Derived(specs.loosened(spec, start.model) if loosely else spec)

    return derive


def _faithful(scale: int | None) -> Derive:
    """Enlarge as it is; ``scale`` None: as many times as before."""

    def derive(start: EditInput) -> Derived:
        times = scale or (4 if start.factor > 2 else 2)
        spec = start.spec.model_copy(update={"seed": start.said.seed_of(start.cell)})
        return Derived(specs.upscaled(spec, start.picture, start.size, times))

    return derive


def _creative(start: EditInput) -> Derived:
    share = start.model.creative_strength if start.strength is None else start.strength
    scale = 4 if start.factor > 2 else 2
    spec = specs.whole(start.spec, start.model)
    args = (start.picture, start.size, scale, start.times, start.model, start.limits, share)
    return Derived(specs.quiet(specs.enriched(spec, *args), start.before, start.model))


def _locate(start: EditInput) -> Derived:
    return Derived(specs.located(start.spec, start.picture, start.drawn()))


def _inpaint(start: EditInput) -> Derived:
    if start.mask is None:
        raise UserError(Sentence("Say first which part to repaint."))
    share = specs.REPAINT if start.strength is None else start.strength
    spec = specs.whole(start.spec, start.model)
    return Derived(specs.repainted(spec, start.picture, start.mask, start.drawn(), share))


def _instructed(start: EditInput) -> Derived:
    pictures = (start.picture, *start.beside)
    # another model than the one that drew it draws at a scale of its own
    ours = start.before is not None and start.before.model == start.model.name
    times = start.times if ours else start.model.enlarged
    size = specs.drawn(start.size, times, start.model, start.limits)
    spec = start.spec.model_copy(update={"seed": start.said.seed})  # an instruction is a line of its own
    return Derived(specs.instructed(spec, pictures, size))


def _zoom(start: EditInput) -> Derived:
    if not FACTORS[0] < start.factor <= FACTORS[1]:
        raise UserError(
            Sentence(
                "`{factor:g}` is not a zoom factor. Take more than 1, up to 2, such as 1.5.",
                factor=start.factor,
            )
        )
    spec = specs.whole(start.spec, start.model)
    drawn = spec.width, spec.height
    enlarged = start.before is not None and start.before.kind is Kind.UPSCALE
    if enlarged and not start.reworded:
        drawn = start.drawn()
    size = round(drawn[0] * start.times), round(drawn[1] * start.times)
    return _onto(Canvas(start.picture, size, factor=start.factor), start, spec)


def _grown(grow: Grow) -> Derive:
    def derive(start: EditInput) -> Derived:
        multiple = max(1, round(start.model.multiple * start.times))
        margins = left, top, right, bottom = grow(start.size, multiple)
        size = start.size[0] + left + right, start.size[1] + top + bottom
        spec = specs.whole(start.spec, start.model)
        return _onto(Canvas(start.picture, size, margins), start, spec)

    return derive


def _onto(canvas: Canvas, start: EditInput, spec: JobSpec) -> Derived:
    """Paint what is new on a canvas."""
    at = start.drawn(canvas.size)
    spec = specs.repainted(spec, CANVAS, MASK, at, start.model.outward_strength)
    return Derived(specs.quiet(spec, start.before, start.model), canvas)


def _growth(side: int, multiple: int) -> int:
    """Return how many pixels a pan adds to a side: half of it, on the multiple, at least one step."""
    return max(1, round(side * 0.5 / multiple)) * multiple


def _square(size: tuple[int, int], multiple: int) -> Margins:
    wider, higher = max(0, size[1] - size[0]), max(0, size[0] - size[1])
    return wider // 2, higher // 2, wider - wider // 2, higher - higher // 2


# ------------------------------------------------------------------------------------ the table


_ROWS = (
    EditType("reroll", "imagine", None, remix=True),
    EditType(
        "remix", "imagine", _vary(lambda model: model.strong_strength), "Remix",
        rereads=True, of_grid="reroll",
    ),
    EditType(
        "vary", "vary", _vary(lambda model: model.strong_strength, loosely=True), "Variations", remix=True
    ),
    EditType(
        "vary_subtle", "vary", _vary(lambda model: model.subtle_strength),
        "Variations (Subtle)", remix=True,
    ),
    EditType(
        "vary_strong", "vary", _vary(lambda model: model.strong_strength, loosely=True),
        "Variations (Strong)", remix=True,
    ),
    EditType("remaster", "remaster", _vary(lambda _: specs.REMASTER), "Remaster", rereads=True),
    EditType("upscale_2x", "upscale", _faithful(2), "Upscale (Subtle)", needs_words=False),
    EditType("upscale_4x", "upscale", _faithful(4), "Upscale (4x)", needs_words=False),
    EditType("upscale_creative", "upscale", _creative, "Upscale (Creative)", needs_words=False),
    EditType(
        "upscale_again_subtle", "upscale", _faithful(None), "Upscale (Subtle)",
        needs_words=False, from_before=True,
    ),
    EditType(
        "upscale_again_creative", "upscale", _creative, "Upscale (Creative)",
        needs_words=False, from_before=True,
    ),
    EditType("zoom", "zoom", _zoom, "Zoom Out {factor:g}x"),
    EditType("square", "zoom", _grown(_square), "Make Square"),
    EditType(
        "pan_left", "zoom", _grown(lambda size, step: (_growth(size[0], step), 0, 0, 0)),
        "Pan left", remix=True,
    ),
    EditType(
        "pan_right", "zoom", _grown(lambda size, step: (0, 0, _growth(size[0], step), 0)),
        "Pan right", remix=True,
    ),
    EditType(
        "pan_up", "zoom", _grown(lambda size, step: (0, _growth(size[1], step), 0, 0)),
        "Pan up", remix=True,
    ),
    EditType(
        "pan_down", "zoom", _grown(lambda size, step: (0, 0, 0, _growth(size[1], step))),
        "Pan down", remix=True,
    ),
    EditType("inpaint", "inpaint", _inpaint, "Repaint"),
    EditType("locate", "inpaint", _locate, "Find"),
    EditType("edit", "edit", _instructed, "Edit", by_editors=True),
)  # fmt: skip
EDITS: Mapping[str, EditType] = MappingProxyType({row.name: row for row in _ROWS})
"""Every edit, by the name doors give it."""


def named(name: str) -> EditType:
    """Return an edit. Raises UserError where there is none of that name."""
    if name not in EDITS:
        raise UserError(
            Sentence(
                "There is no edit `{name}`. There are {edits}.",
                name=name[:40],
                edits=", ".join(f"`{one}`" for one in EDITS),
            )
        )
    return EDITS[name]


def painted(spec: JobSpec, pictures: Mapping[str, str]) -> JobSpec:
    """Return the spec with pictures in the place of their stand-ins (``pictures``: stand-in → SHA-256)."""
    inputs = tuple(
        one.model_copy(update={"sha256": pictures[one.sha256]}) if one.sha256 in pictures else one
        for one in spec.inputs
    )
    return spec if inputs == spec.inputs else spec.model_copy(update={"inputs": inputs})
