"""From latents to pictures people can open: decoding, previews, films, files; knows no prompts, no jobs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from engine import images
from engine.errors import EngineError
from engine.render.families import colours
from engine.render.families.base import Family


@torch.inference_mode()
def decode(family: Family, latents: Tensor) -> Image.Image:
    """Decode one picture's latents (1, channels, h, w) to RGB, scaled as diffusers' pipelines do.

    Raises EngineError where the pixels are not finite even in single precision.
    """
    pixels = family.decode(latents)
    if not torch.isfinite(pixels).all():
        raise EngineError(f"the autoencoder ({type(family.vae).__name__}) gave pixels that are no numbers")
    return to_picture(pixels)


def to_picture(pixels: Tensor) -> Image.Image:
    """Turn (1, 3, height, width) in −1…1 into a picture, rounded to 8 bits on the device."""
    array = ((pixels[0].float() / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0)
    return Image.fromarray(array.cpu().numpy())


def to_pixels(picture: Image.Image, device: torch.device) -> Tensor:
    """Turn a picture into (1, 3, height, width) in −1…1 on a device."""
    array = torch.from_numpy(np.asarray(picture.convert("RGB"), dtype=np.float32) / 255.0)
    return (array.permute(2, 0, 1)[None] * 2 - 1).to(device)


@torch.inference_mode()
def preview(family: Family, latents: Tensor) -> Image.Image:
    """Return a small picture of latents: decoded where the decoder is tiny, else a pixel per latent."""
    if type(family.vae).__name__ == "AutoencoderTiny":
        return to_picture(family.decode(latents).nan_to_num())
    if latents.shape[1] == len(family.rgb):
        mix = torch.tensor([*family.rgb, (0.0, 0.0, 0.0)])
    else:
        if family.colours is None:
            family.colours = colours.fitted(family)
        mix = family.colours
    return to_picture(colours.mixed(latents, mix).nan_to_num())


def png(picture: Image.Image) -> bytes:
    """Return the picture as PNG bytes, to be kept: level 4 takes twice level 1's time for a tenth less."""
    return images.png(picture, level=4)


def shown(picture: Image.Image, longest: int = 512) -> Image.Image:
    """The picture at a size to look at, at most ``longest`` pixels a side; enlarged in whole steps."""
    factor = longest / max(picture.size)
    factor = math.floor(factor) if factor >= 1 else factor
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    return picture if size == picture.size else picture.resize(size, Image.Resampling.BILINEAR)


def jpeg(picture: Image.Image) -> bytes:
    """Return the picture as a small JPEG."""
    return images.jpeg(shown(picture), quality=80)


def film(frames: Sequence[Image.Image], seconds: float = 4.0) -> bytes:
    """Return the frames as an endlessly looping WebP that plays in about ``seconds`` and rests on the last.

    The container is written here because libwebp's own encoder drops frames that hardly differ, and a film
    has a frame a step (layout: "WebP Container Specification", developers.google.com/speed/webp).
    """
    frames = [shown(frame) for frame in frames]
    width, height = frames[0].size
    each = max(40, int(seconds * 1000 / len(frames)))
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = _chunk(b"VP8X", b"\x02\0\0\0" + size)  # one flag: it moves
    body += _chunk(b"ANIM", b"\0" * 6)  # no background, for ever
    for index, frame in enumerate(frames):
        duration = each if index < len(frames) - 1 else 1500
        head = b"\0" * 6 + size + duration.to_bytes(3, "little") + b"\x02"  # replaces what was there
        body += _chunk(b"ANMF", head + images.saved(frame.convert("RGB"), "WEBP", quality=85)[12:])
    return b"RIFF" + (len(body) + 4).to_bytes(4, "little") + b"WEBP" + body


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + len(content).to_bytes(4, "little") + content + b"\0" * (len(content) % 2)
