"""The fields of AUTOMATIC1111's requests that mean something here, with their limits; the rest is ignored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from engine.jobs import SEED_MAX
from engine.web.errors import Fault

SIDES = (64, 2048)
PICTURES_MOST = 10
USUAL_HR = 0.7
"""How much of the schedule draws over an enlarged picture where no strength is sent."""
_ASKS_NOTHING: tuple[object, ...] = (None, False, 0, -1, "", [], {}, "None", "Automatic")

Side = Annotated[int, Field(ge=SIDES[0], le=SIDES[1])]
Share = Annotated[float, Field(ge=0, le=1)]


class _Fields(BaseModel):
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)


class Overridden(BaseModel):
    """Settings for one request."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())
    sd_model_checkpoint: str | None = None


class Drawn(_Fields):
    """What both drawing endpoints take."""

    prompt: str = ""
    negative_prompt: str = ""
    width: Side = 512
    height: Side = 512
    steps: Annotated[int, Field(ge=1, le=150)] = 50
    cfg_scale: Annotated[float, Field(ge=0, le=35)] = 7.0
    seed: Annotated[int, Field(ge=-1, le=SEED_MAX)] = -1
    sampler_name: str = ""
    sampler_index: str = ""
    scheduler: str = ""
    batch_size: Annotated[int, Field(ge=1, le=PICTURES_MOST)] = 1
    n_iter: Annotated[int, Field(ge=1, le=PICTURES_MOST)] = 1
    styles: list[str] = []
    tiling: bool = False
    send_images: bool = True
    override_settings: Overridden = Overridden()
    denoising_strength: Share | None = None

    @property
    def count(self) -> int:
        """Pictures in all. Raises Fault: too many."""
        if self.batch_size * self.n_iter > PICTURES_MOST:
            sentence = f"batch_size times n_iter may be at most {PICTURES_MOST}"
            raise Fault("invalid", sentence, field="batch_size", code="less_than_equal")
        return self.batch_size * self.n_iter

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the first drawing."""
        return self.width, self.height


class Txt2Img(Drawn):
    """A picture from words, perhaps enlarged and drawn over."""

    enable_hr: bool = False
    hr_scale: Annotated[float, Field(ge=1, le=4)] = 2.0
    hr_resize_x: Annotated[int, Field(ge=0)] = 0
    hr_resize_y: Annotated[int, Field(ge=0)] = 0

    @property
    def enlarged(self) -> tuple[int, int]:
        """Width and height of the file where it is enlarged: one side given, the shape stays."""
        wide, high = self.hr_resize_x, self.hr_resize_y
        if wide and high:
            return wide, high
        times = wide / self.width if wide else high / self.height if high else self.hr_scale
        return wide or round(self.width * times), high or round(self.height * times)


class Img2Img(Drawn):
    """A picture from a picture."""

    init_images: Annotated[list[str], Field(min_length=1, max_length=1)]
    mask: str | None = None
    inpainting_mask_invert: Annotated[int, Field(ge=0, le=1)] = 0
    resize_mode: Annotated[int, Field(ge=0, le=2)] = 0
    include_init_images: bool = False


class Extra(_Fields):
    """A picture to enlarge."""

    image: str
    resize_mode: Annotated[int, Field(ge=0, le=1)] = 0
    upscaling_resize: Annotated[float, Field(ge=1, le=4)] = 2.0
    upscaling_resize_w: Side = 512
    upscaling_resize_h: Side = 512
    upscaling_crop: bool = True
    upscaler_1: str = ""

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Return the size of the result of a picture of this size; not cropped, it covers what is asked."""
        if self.resize_mode == 0:
            return round(width * self.upscaling_resize), round(height * self.upscaling_resize)
        wide, high = self.upscaling_resize_w, self.upscaling_resize_h
        if self.upscaling_crop:
            return wide, high
        times = max(wide / width, high / height)
        return round(width * times), round(height * times)


class WithPicture(_Fields):
    """A picture to look at."""

    image: str


class Options(_Fields):
    """What may be set."""

    sd_model_checkpoint: str | None = None


def without_effect(sent: Mapping[str, Any], model: type[BaseModel]) -> Iterator[str]:
    """Yield the names of fields that ask for something and have no effect."""
    second = bool(sent.get("enable_hr"))
    for name, value in sent.items():
        known = name in model.model_fields or (name.startswith("hr_") and not second)
        if not known and value not in _ASKS_NOTHING:
            yield name
    settings = sent.get("override_settings")
    if "override_settings" in model.model_fields and isinstance(settings, dict):
        for name, value in settings.items():
            usual = name == "CLIP_stop_at_last_layers" and value == 1
            if name != "sd_model_checkpoint" and value not in _ASKS_NOTHING and not usual:
                yield f"override_settings.{name}"
