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

FAMILIES: Mapping[str, type[Family]] = {
    "Flux2KleinInpaintPipeline": Flux2Klein,
    "Flux2KleinPipeline": Flux2Klein,
    "Flux2Pipeline": Flux2Dev,
    "FluxFillPipeline": FluxFill,
    "FluxImg2ImgPipeline": Flux,
    "FluxInpaintPipeline": Flux,
    "FluxKontextInpaintPipeline": FluxKontext,
    "FluxKontextPipeline": FluxKontext,
    "FluxPipeline": Flux,
    "LatentConsistencyModelPipeline": StableDiffusion,
    "QwenImageEditInpaintPipeline": QwenImageEdit,
    "QwenImageEditPipeline": QwenImageEdit,
    "QwenImageEditPlusPipeline": QwenImageEditPlus,
    "QwenImageImg2ImgPipeline": QwenImage,
    "QwenImageInpaintPipeline": QwenImage,
    "QwenImagePipeline": QwenImage,
    "StableDiffusion3Img2ImgPipeline": StableDiffusion3,
    "StableDiffusion3InpaintPipeline": StableDiffusion3,
    "StableDiffusion3Pipeline": StableDiffusion3,
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
