"""FLUX.1 Kontext: FLUX.1 dev that sees a picture beside the one it draws, and changes what it is told."""

from __future__ import annotations

from diffusers.pipelines.flux import pipeline_flux_kontext as kontext
from PIL import Image

from engine.render.families.base import Can
from engine.render.families.flux import Flux


class FluxKontext(Flux):
    """It was taught with one picture, in one of seventeen shapes of about a megapixel."""

    name = "flux_kontext"
    title = "FLUX.1 Kontext"
    can = Can(negative=False, edit=1)
    sees_repainted = True  # FluxKontextInpaintPipeline
    drawn = False

    def shown(self, picture: Image.Image) -> Image.Image:
        """Show it in the nearest of the shapes it was taught with, squeezed a little."""
        ratio = picture.width / picture.height
        _, *near = min((abs(ratio - w / h), w, h) for w, h in kontext.PREFERRED_KONTEXT_RESOLUTIONS)
        wide, high = (side // self.multiple * self.multiple for side in near)
        return picture.resize((wide, high), Image.Resampling.LANCZOS)
