"""Which pipelines of diffusers run in our own loop, and as which family; all others run as written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.render.families.base import Family
from engine.render.families.flux import Flux
from engine.render.families.flux2 import Flux2Klein
from engine.render.families.flux2_dev import Flux2Dev
from engine.render.families.flux_fill import FluxFill
from engine.render.families.flux_kontext import FluxKontext
from engine.render.families.qwen_edit import QwenImageEdit, QwenImageEditPlus
from engine.render.families.qwen_image import QwenImage
from engine.render.families.sd import StableDiffusion
from engine.render.families.sd3 import StableDiffusion3
from engine.render.families.sdxl import StableDiffusionXL
from engine.render.families.z_image import ZImage

OVER = ("", "Img2Img", "Inpaint")
"""What diffusers adds to the name of a pipeline: from words, over a picture, in part of one."""

FAMILIES: Mapping[str, type[Family]] = {
    f"{name}{way}Pipeline": family
    for family, name, ways in (
        (Flux, "Flux", OVER),
        (Flux2Dev, "Flux2", ("",)),
        (Flux2Klein, "Flux2Klein", ("", "Inpaint")),
        (FluxFill, "FluxFill", ("",)),
        (FluxKontext, "FluxKontext", ("", "Inpaint")),
        (QwenImage, "QwenImage", OVER),
        (QwenImageEdit, "QwenImageEdit", ("", "Inpaint")),
        (QwenImageEditPlus, "QwenImageEditPlus", ("",)),
        (StableDiffusion, "LatentConsistencyModel", ("",)),
        (StableDiffusion, "StableDiffusion", OVER),
        (StableDiffusion3, "StableDiffusion3", OVER),
        (StableDiffusionXL, "StableDiffusionXL", OVER),
        (ZImage, "ZImage", OVER),
    )
    for way in ways
}
"""By the name of the pipeline's class."""


def kind_of(pipe: Any) -> type[Family] | None:
    """Return the family of a pipeline, or None where its loop is not ours."""
    return FAMILIES.get(type(pipe).__name__)
