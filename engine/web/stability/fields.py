"""The fields of the Stability API's requests, with their limits. Values come as JSON or as a form's text."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from engine.jobs import SEED_MAX
from engine.prompt.flags import StyleName

UPSCALED_LEAST = 512

Sampler = Literal[
    "DDIM",
    "DDPM",
    "K_DPMPP_2M",
    "K_DPMPP_2S_ANCESTRAL",
    "K_DPM_2",
    "K_DPM_2_ANCESTRAL",
    "K_EULER",
    "K_EULER_ANCESTRAL",
    "K_HEUN",
    "K_LMS",
]
Guidance = Literal["NONE", "FAST_BLUE", "FAST_GREEN", "SIMPLE", "SLOW", "SLOWER", "SLOWEST"]


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


class _Fields(BaseModel):
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)


class TextPrompt(_Fields):
    """A text and its weight; a negative one keeps it out."""

    text: Annotated[str, Field(max_length=2000)]
    weight: float = 1.0


class Options(_Fields):
    """What every drawing endpoint takes."""

    text_prompts: Annotated[list[TextPrompt], Field(min_length=1)]
    cfg_scale: Annotated[float, Field(ge=0, le=35)] = 7.0
    clip_guidance_preset: Annotated[Guidance, BeforeValidator(_upper)] = "NONE"
    sampler: Annotated[Sampler, BeforeValidator(_upper)] | None = None
    samples: Annotated[int, Field(ge=1, le=10)] = 1
    seed: Annotated[int, Field(ge=0, le=SEED_MAX)] = 0
    steps: Annotated[int, Field(ge=10, le=150)] = 50
    style_preset: StyleName | None = None
    extras: object = None

    def without_effect(self) -> list[str]:
        """Return the names of what is understood and does nothing here."""
        told = {
            "clip_guidance_preset": self.clip_guidance_preset != "NONE",
            "extras": self.extras is not None,
        }
        return [name for name, said in told.items() if said]


class TextToImage(Options):
    """A picture from words. The sizes' further rules are the engine's."""

    width: Annotated[int, Field(ge=1)] | None = None
    height: Annotated[int, Field(ge=1)] | None = None


class ImageToImage(Options):
    """A picture from a picture: how much of it stays."""

    init_image_mode: Annotated[Literal["IMAGE_STRENGTH", "STEP_SCHEDULE"], BeforeValidator(_upper)] = (
        "IMAGE_STRENGTH"
    )
    image_strength: Annotated[float, Field(ge=0, le=1)] = 0.35
    step_schedule_start: Annotated[float, Field(ge=0, le=1)] = 0.65
    step_schedule_end: Annotated[float, Field(ge=0, le=1)] = 0.0

    @property
    def strength(self) -> float:
        """The share of the noise schedule that is run."""
        start = self.step_schedule_start
        return start if self.init_image_mode == "STEP_SCHEDULE" else round(1 - self.image_strength, 9)

    @property
    def uses_end(self) -> bool:
        """Whether the schedule's end is left out."""
        return self.init_image_mode == "STEP_SCHEDULE"


class Masking(Options):
    """A part of a picture painted afresh."""

    mask_source: Annotated[
        Literal["MASK_IMAGE_WHITE", "MASK_IMAGE_BLACK", "INIT_IMAGE_ALPHA"], BeforeValidator(_upper)
    ]


class Upscale(_Fields):
    """A larger picture; only one of width and height may be given."""

    width: Annotated[int, Field(ge=UPSCALED_LEAST)] | None = None
    height: Annotated[int, Field(ge=UPSCALED_LEAST)] | None = None
    text_prompts: list[TextPrompt] = []
    seed: Annotated[int, Field(ge=0, le=SEED_MAX)] | None = None
    steps: Annotated[int, Field(ge=10, le=150)] | None = None
    cfg_scale: Annotated[float, Field(ge=0, le=35)] | None = None

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Return the size of the result of a picture of this size."""
        if self.width:
            return self.width, max(1, round(self.width * height / width))
        if self.height:
            return max(1, round(self.height * width / height)), self.height
        return 2 * width, 2 * height

    def without_effect(self) -> list[str]:
        """Return the names of what does nothing here: none beside those that only a latent upscaler takes."""
        return []
