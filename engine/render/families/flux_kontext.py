"""FLUX.1 Kontext: FLUX.1 dev that sees a picture beside the one it draws, and changes what it is told."""

from __future__ import annotations

import torch
from diffusers.pipelines.flux import pipeline_flux_kontext as kontext
from PIL import Image
from torch import Tensor

from engine.render import decode
from engine.render.families import vae
from engine.render.families.base import Can
from engine.render.families.flux import Flux


class FluxKontext(Flux):
    """It was taught with one picture, in one of seventeen shapes of about a megapixel."""

    name = "flux_kontext"
    title = "FLUX.1 Kontext"
    can = Can(negative=False, edit=1)
    sees_repainted = True  # FluxKontextInpaintPipeline

    def beside(self, picture: Image.Image) -> Tensor:
        """Show it in the nearest of the shapes it was taught with, squeezed a little."""
        ratio = picture.width / picture.height
        _, *near = min((abs(ratio - w / h), w, h) for w, h in kontext.PREFERRED_KONTEXT_RESOLUTIONS)
        wide, high = (side // self.multiple * self.multiple for side in near)
        fitted = picture.resize((wide, high), Image.Resampling.LANCZOS)
        return self.encode(decode.to_pixels(fitted, self.device), torch.Generator())

    def encode(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        """Take the posterior's mode, moved and scaled."""
        config = self.vae.config
        latents = vae.encoded(self.vae, pixels, generator, sample=False)
        return ((latents - config.shift_factor) * config.scaling_factor).to(self.dtype)
