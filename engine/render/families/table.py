"""Which pipelines of diffusers run in our own loop, and as which family; all others run as written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.render.families.base import Family
from engine.render.families.sd import StableDiffusion
from engine.render.families.sdxl import StableDiffusionXL
from engine.render.families.z_image import ZImage

FAMILIES: Mapping[str, type[Family]] = {
    "LatentConsistencyModelPipeline": StableDiffusion,
    "StableDiffusionImg2ImgPipeline": StableDiffusion,
    "StableDiffusionInpaintPipeline": StableDiffusion,
    "StableDiffusionPipeline": StableDiffusion,
    "StableDiffusionXLImg2ImgPipeline": StableDiffusionXL,
    "StableDiffusionXLInpaintPipeline": StableDiffusionXL,
    "StableDiffusionXLPipeline": StableDiffusionXL,
    "ZImageImg2ImgPipeline": ZImage,
    "ZImageInpaintPipeline": ZImage,
    "ZImagePipeline": ZImage,
}
"""By the name of the pipeline's class."""


def kind_of(pipe: Any) -> type[Family] | None:
    """Return the family of a pipeline, or None where its loop is not ours."""
    return FAMILIES.get(type(pipe).__name__)
