"""The engines of the Stability API by their ids: what each is called and which sizes it takes. Facts only.

Ids, texts and rules are the contract's own (its OpenAPI document of 2023 and 2024).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from engine.web.errors import Fault

Family = Literal["512", "768", "beta", "xl", "1.6", "upscaler", "ours"]
STEP = 64
LEAST = 128
MOST_PIXELS = 1_048_576
UPSCALED_MOST = 4_194_304
XL_SIZES = frozenset(
    {
        *((1024, 1024), (1152, 896), (1216, 832), (1344, 768), (1536, 640)),
        *((640, 1536), (768, 1344), (832, 1216), (896, 1152)),
    }
)


class Engine(NamedTuple):
    """An engine as it is listed."""

    id: str
    name: str
    description: str
    family: Family

    @property
    def size(self) -> tuple[int, int]:
        """Width and height where none are asked for: those it was made for."""
        side = {"768": 768, "xl": 1024}.get(self.family, 512)
        return side, side


_LISTED: tuple[tuple[str, str, Family], ...] = (
    ("stable-diffusion-xl-1024-v1-0", "Stable Diffusion XL v1.0", "xl"),
    ("stable-diffusion-xl-1024-v0-9", "Stable Diffusion XL v0.9", "xl"),
    ("stable-diffusion-xl-beta-v2-2-2", "Stable Diffusion v2.2.2-XL Beta", "beta"),
    ("stable-diffusion-v1-6", "Stable Diffusion v1.6", "1.6"),
    ("stable-diffusion-v1-5", "Stable Diffusion v1.5", "512"),
    ("stable-diffusion-512-v2-1", "Stable Diffusion v2.1", "512"),
    ("stable-diffusion-768-v2-1", "Stable Diffusion v2.1-768", "768"),
    ("stable-inpainting-512-v2-0", "Stable Inpainting v2.0", "512"),
    ("esrgan-v1-x2plus", "Real-ESRGAN x2", "upscaler"),
    ("stable-diffusion-x4-latent-upscaler", "Stable Diffusion x4 Latent Upscaler", "upscaler"),
)
_DESCRIBED = {
    "stable-diffusion-xl-beta-v2-2-2": "Stability-AI Stable Diffusion XL Beta v2.2.2",
    "stable-diffusion-768-v2-1": "Stability-AI Stable Diffusion 768 v2.1",
    "esrgan-v1-x2plus": "Real-ESRGAN_x2plus upscaler model",
}
"""What is said of those whose descriptions are not made of their names."""
ENGINES: Mapping[str, Engine] = {
    name: Engine(name, title, _DESCRIBED.get(name, f"Stability-AI {title}"), family)
    for name, title, family in _LISTED
}


def check_size(engine: Engine, width: int, height: int) -> None:
    """Raise Fault where an engine does not draw this size; ``code`` is the contract's name for it."""
    if engine.family == "xl":
        if (width, height) not in XL_SIZES:
            sizes = ", ".join(f"{wide}x{high}" for wide, high in sorted(XL_SIZES))
            raise Fault(
                "invalid",
                f"for {engine.id} the allowed dimensions are {sizes}, but we received {width}x{height}",
                code="invalid_sdxl_v1_dimensions",
            )
        return
    short, long = sorted((width, height))
    if width % STEP or height % STEP:
        sentence = f"height and width must be specified in increments of {STEP}"
        raise Fault("invalid", sentence, code="invalid_height_or_width")
    if short < LEAST:
        sentence = f"height and width must be at least {LEAST}"
        raise Fault("invalid", sentence, code="invalid_height_or_width")
    match engine.family:
        case "beta" if short > 512 or long > 896:
            sentence = "one side may be above 512, and none above 896 (at most 512x896 or 896x512)"
            raise Fault("invalid", sentence, code="invalid_sdxl_v222_dimensions")
        case "1.6" if not 320 <= short <= long <= 1536:
            sentence = "height and width must be between 320x320 and 1536x1536"
            raise Fault("invalid", sentence, code="invalid_height_or_width")
        case "512" | "768" | "upscaler":
            least = 589_824 if engine.family == "768" else 262_144
            if not least <= width * height <= MOST_PIXELS:
                sentence = f"width x height must be between {least} and {MOST_PIXELS} pixels"
                raise Fault("invalid", sentence, code="invalid_pixel_count")
