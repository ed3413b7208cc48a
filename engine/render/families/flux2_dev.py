"""FLUX.2 dev: klein's larger parent; Mistral reads the text, the guidance scale is a number it is told."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from engine.render.families.base import Can
from engine.render.families.flow import Flow
from engine.render.families.flux2 import Flux2Klein


class Flux2Dev(Flux2Klein):
    """All texts are filled up to 512 tokens, as klein's are."""

    name = "flux2_dev"
    title = "FLUX.2 dev"
    can = Can(negative=False, edit=4)

    def guided(self, guidance_scale: float) -> bool:
        """One prediction; the number is all the guidance there is."""
        return False

    @property
    def reads_guidance(self) -> bool:
        """It does, unless it was distilled further."""
        return bool(self.network.config.guidance_embeds)

    def inputs(self, size: tuple[int, int], guidance_scale: float) -> Mapping[str, Tensor]:
        """Give the number, unlike klein."""
        return Flow.inputs(self, size, guidance_scale)
