"""The fields of the OpenAI Images API's requests, with their limits."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.config import LimitsConfig, ModelConfig
from engine.images import Format
from engine.jobs import SEED_MAX
from engine.web.errors import wrong
from engine.web.formats import format_of

SIDES = (64, 4096)
IMAGES = 8
"""Pictures of an edit: the one that is edited, and those to go by."""
FREEDOM = {"high": 0.35, "low": 0.75}
"""Shares of the noise schedule that an edit without a mask runs, by ``input_fidelity``."""
QUALITIES = {"low": 0.5, "medium": 1.0, "high": 2.0, "xhigh": 4.0, "max": 4.0}
"""Times the model's own steps."""
_SAME = {"auto": "medium", "standard": "medium", "hd": "high"}
_SIZE = re.compile(r"(\d{1,5})[xX](\d{1,5})")


class Images(BaseModel):
    """What generations and edits take."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)
    NOT_DONE: ClassVar[tuple[str, ...]] = ("frame_count", "frame_duration_ms", "svg")
    """Fields of moving and drawn formats, and of marks in words."""

    prompt: Annotated[str, Field(min_length=1)]
    model: str | None = None
    n: Annotated[int, Field(ge=1, le=10)] = 1
    size: str = "auto"
    quality: Literal["low", "medium", "high", "xhigh", "max", "auto", "standard", "hd"] = "auto"
    style: Literal["vivid", "natural"] | None = None
    background: Literal["opaque", "auto", "transparent"] = "auto"
    output_format: Literal["png", "jpeg", "webp", "gif", "svg"] = "png"
    output_compression: Annotated[int, Field(ge=0, le=100)] | None = None
    response_format: Literal["url", "b64_json"] | None = None
    moderation: Literal["low", "auto"] = "auto"
    stream: bool = False
    partial_images: Annotated[int, Field(ge=0, le=3)] | None = None
    user: Annotated[str, Field(max_length=512)] = ""
    safety_identifier: Annotated[str, Field(max_length=512)] = ""
    complexity: Literal["low", "medium", "high"] | None = None
    frame_count: object = None
    frame_duration_ms: object = None
    svg: object = None
    # ours, documented
    seed: Annotated[int, Field(ge=0, le=SEED_MAX)] | None = None
    negative_prompt: str | None = None
    steps: Annotated[int, Field(ge=1, le=500)] | None = None
    cfg_scale: Annotated[float, Field(ge=0, le=35)] | None = None
    sampler: str | None = None

    def check(self, limits: LimitsConfig) -> None:
        """Raise Fault for what is understood and not done here."""
        if len(self.prompt) > limits.prompt_length:
            raise wrong("prompt", f"may have at most {limits.prompt_length} characters", "string_too_long")
        if not self.prompt.strip():
            raise wrong("prompt", "must say what to draw")
        if self.background == "transparent":
            raise wrong("background", "pictures are opaque here; leave it out", "unsupported_value")
        if self.output_format in ("gif", "svg"):
            raise wrong("output_format", "is png, jpeg or webp here", "unsupported_value")
        for name in self.NOT_DONE:
            if getattr(self, name) is not None:
                raise wrong(name, "is not done here", "unsupported_value")
        if self.output_compression is not None and self.output_format == "png":
            raise wrong("output_compression", "is for jpeg and webp; a png loses nothing")
        if self.partial_images is not None and not self.stream:
            raise wrong("partial_images", "needs stream to be true")

    @property
    def tier(self) -> str:
        """The quality as answers name it."""
        return _SAME.get(self.quality, self.quality)

    @property
    def identifier(self) -> str:
        """Who the caller says is asking."""
        return self.safety_identifier or self.user

    @property
    def form(self) -> Format:
        """The kind of file; gif and svg were refused before."""
        return format_of(self.output_format) or "png"

    @property
    def compression(self) -> int:
        """The quality of the file, 0 to 100."""
        usual = 95 if self.output_format == "jpeg" else 100
        return usual if self.output_compression is None else self.output_compression

    def by_url(self) -> bool:
        """Whether pictures come as links."""
        old = self.model is None or self.model.startswith("dall-e-")
        return (self.response_format or ("url" if old else "b64_json")) == "url"

    def without_effect(self) -> list[str]:
        """Return the names of what is understood and does nothing here."""
        told = {
            "style": self.style is not None,
            "moderation": self.moderation == "low",
            "complexity": self.complexity is not None,
        }
        return [name for name, said in told.items() if said]

    def run(self, model: ModelConfig, limits: LimitsConfig) -> int:
        """Return how many steps are taken."""
        if self.steps is not None:
            return self.steps
        return max(1, min(round(model.steps * QUALITIES[self.tier]), limits.max_steps))


class Edits(Images):
    """What edits take beside it."""

    NOT_DONE: ClassVar[tuple[str, ...]] = (*Images.NOT_DONE, "markup")

    input_fidelity: Literal["high", "low"] = "low"
    markup: object = None


class Variations(Images):
    """What variations take: no words."""

    prompt: str = "-"


def size_of(said: str, model: ModelConfig, limits: LimitsConfig) -> tuple[int, int] | None:
    """Return the size that is asked for, None where it is left to us. Raises Fault with the nearest one."""
    if said == "auto":
        return None
    match = _SIZE.fullmatch(said.strip())
    if match is None:
        raise wrong("size", "is written as width x height, such as 1024x1024, or auto", "invalid_size")
    size = width, height = int(match[1]), int(match[2])
    near = _nearest(width, height, model.max_ratio, limits.max_pixels)
    if near != size:
        what = f"{width}x{height} cannot be made; the nearest that can is {near[0]}x{near[1]}"
        raise wrong("size", what, "invalid_size")
    return size


def _nearest(width: int, height: int, ratio: float, pixels: int) -> tuple[int, int]:
    least, most = SIDES
    width, height = (min(max(side, least), most) for side in (width, height))
    if width * height > pixels:
        share = (pixels / (width * height)) ** 0.5
        width, height = max(least, int(width * share)), max(least, int(height * share))
    longest = max(least, int(min(width, height) * ratio))
    return min(width, longest), min(height, longest)
