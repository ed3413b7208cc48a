"""What each stock pipeline of diffusers calls guidance; knows no jobs and no weights.

People give one number, ``--cfg g``, and mean classifier-free guidance as Stable Diffusion has it:
``negative + g · (positive − negative)``, off at 1. Pipelines of other families take it under another name,
counted from another origin, not without a negative prompt, as an input that the network was taught, or not
at all (read from the sources of diffusers 0.42.1; the lines are in the classes' ``__call__``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Way = Literal["two texts", "input", "none"]
"""How it guides: two predictions, with and against the text; a number the network reads; not at all."""


@dataclass(frozen=True)
class Guidance:
    """How one pipeline class takes guidance."""

    argument: str = "guidance_scale"
    origin: float = 0.0
    """What is taken from ``g``: 1 where the pipeline computes ``positive + g · (positive − negative)``."""
    needs_negative: bool = False
    """Off without a negative prompt; one blank is none."""
    way: Way = "two texts"
    others: tuple[tuple[str, Any], ...] = ()
    """Further arguments it takes for that."""

    def arguments(self, guidance_scale: float, negative_prompt: str) -> tuple[dict[str, Any], list[str]]:
        """Return the arguments for ``g`` and a negative prompt, and the flags that do nothing here."""
        idle = ["--negative"] if negative_prompt else []
        if self.way == "none":
            return {}, ["--cfg", *idle] if guidance_scale > 1 else idle
        arguments: dict[str, Any] = {self.argument: guidance_scale - self.origin, **dict(self.others)}
        if self.way == "input":
            return arguments, idle
        if guidance_scale <= 1:  # off: no second text is read
            arguments[self.argument] = 1.0 - self.origin
            return arguments, idle
        if negative_prompt or self.needs_negative:
            arguments["negative_prompt"] = negative_prompt or " "
        return arguments, []


_PLAIN = Guidance()
_INPUT = Guidance(way="input")
_NONE = Guidance(way="none")
_OFFSET = Guidance(origin=1.0)
_TRUE = Guidance("true_cfg_scale", needs_negative=True)

PIPELINES: Mapping[str, Guidance] = {
    "Cosmos2TextToImagePipeline": _OFFSET,
    "Flux2KleinKVPipeline": _NONE,
    "Flux2Pipeline": _INPUT,
    "FluxFillPipeline": _INPUT,
    "FluxImg2ImgPipeline": _INPUT,
    "FluxInpaintPipeline": _INPUT,
    "FluxKontextPipeline": _INPUT,
    "FluxPipeline": _INPUT,
    "HunyuanImagePipeline": Guidance("distilled_guidance_scale", way="input"),
    "Ideogram4Pipeline": Guidance(others=(("guidance_schedule", None),)),
    "Kandinsky3Pipeline": _OFFSET,
    "Krea2Pipeline": _OFFSET,
    "QwenImage21Pipeline": _TRUE,
    "QwenImageEditPipeline": _TRUE,
    "QwenImageEditPlusPipeline": _TRUE,
    "QwenImageImg2ImgPipeline": _TRUE,
    "QwenImageInpaintPipeline": _TRUE,
    "QwenImageLayeredPipeline": _TRUE,
    "QwenImagePipeline": _TRUE,
    "SanaSprintPipeline": _INPUT,
    "StableCascadeCombinedPipeline": Guidance("prior_guidance_scale"),
    "ZImageImg2ImgPipeline": _OFFSET,
    "ZImageInpaintPipeline": _OFFSET,
    "ZImageOmniPipeline": _OFFSET,
    "ZImagePipeline": _OFFSET,
}
"""The classes that do not take it as Stable Diffusion's does."""


def of(pipe: Any) -> Guidance:
    """Return how a pipeline takes guidance, its own settings included: distilled models take none."""
    guidance = PIPELINES.get(type(pipe).__name__, _PLAIN)
    if pipe.config.get("is_distilled") and type(pipe).__name__.startswith("Flux2Klein"):
        return _NONE  # Krea 2's distilled models are guided where one asks for it
    if guidance.way == "input" and not _reads_guidance(pipe):
        return _NONE  # FLUX.1 schnell
    return guidance


def _reads_guidance(pipe: Any) -> bool:
    """Return whether a network reads guidance as a number; one that does not say so is taken to."""
    config = getattr(getattr(pipe, "transformer", None), "config", {})
    return bool(config.get("guidance_embeds", True))
