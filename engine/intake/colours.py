"""What pixel numbers mean: colour profiles, depths and alpha channels become plain sRGB over white."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, TypeGuard

from PIL import Image, ImageCms, ImageMath

from engine.intake import spaces

SRGB = ImageCms.createProfile("sRGB")
MOST_PROFILE = 4 * 2**20
"""Bytes of a profile that is looked at: those of printers have up to 2 MiB or so."""
SAME = 2
"""Levels by which a profile may change colours and still be called sRGB: such pictures keep their bits."""
OPAQUE = 250
"""Alpha from which nobody sees anything through: such pictures are no cut-outs."""
USUAL_GAMMA = 1 / 2.2
"""What a PNG says that means sRGB's curve (PNG specification, third edition, 11.3.2.2)."""
LEAST_GAMMA, MOST_GAMMA = 0.1, 2.0
CODE_POINTS = "cicp"
"""Under what name a picture's info holds the four numbers of a cICP."""
_LATTICE = bytes(range(0, 256, 17))


def as_rgb(picture: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Return a picture in sRGB over white, and its alpha channel (mode L) where anything is seen through."""
    told = picture.info
    picture, alpha = _apart(picture)
    picture = _meant(picture, told)
    if alpha is None:
        return picture, None
    white = Image.new("RGB", picture.size, (255, 255, 255))
    white.paste(picture, mask=alpha)
    return white, alpha if any(alpha.histogram()[:OPAQUE]) else None


def srgb_profile() -> bytes:
    """Return the bytes of an sRGB profile."""
    return ImageCms.ImageCmsProfile(SRGB).tobytes()


def _apart(picture: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Return colours (L, RGB or CMYK, 8 bits) and alpha (L; None where there is none)."""
    if picture.mode.startswith("I"):  # 16 bits of grey, which conversion alone would cut off at 255
        deep = picture.convert("I")
        grey = deep.point(lambda value: value / 257).convert("L")
        key = picture.info.get("transparency")
        if not isinstance(key, int):
            return grey, None
        return grey, ImageMath.lambda_eval(lambda use: use["convert"]((use["a"] != key) * 255, "L"), a=deep)
    if picture.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in picture.info:
        full = picture.convert("RGBA")
        alpha = full.getchannel("A")
        colours = full.convert("RGB")
        return (colours.getchannel("R") if picture.mode in ("L", "LA", "La") else colours), alpha
    if picture.mode in ("L", "1"):
        return picture.convert("L"), None
    return picture if picture.mode in ("RGB", "CMYK") else picture.convert("RGB"), None


def _meant(picture: Image.Image, told: Mapping[str | tuple[int, int], Any]) -> Image.Image:
    """Return a picture in sRGB by the first that is told: cICP, iCCP, sRGB, cHRM and gAMA.

    That is their order in PNG (specification, third edition, 4.3); other formats know profiles alone.
    """
    points: tuple[int, ...] = told.get(CODE_POINTS) or (0, 0, 0, 0)
    space = spaces.from_code_points(points)
    if space is not None:
        picture = picture.convert("RGB")
        if not points[3]:  # narrow range: 16 is black, and 235 white
            levels = [min(255, max(0, round((level - 16) * 255 / 219))) for level in range(256)]
            picture = picture.point(levels * 3)
        if isinstance(space, spaces.Bright):
            return space.shown(picture)
        return _in_srgb(picture, space)
    profile = told.get("icc_profile")
    if profile or "srgb" in told:
        return _in_srgb(picture, profile)
    gamma, primaries = told.get("gamma"), told.get("chromaticity")
    if primaries and picture.mode == "RGB":  # grey stays grey, whatever the lights
        space = spaces.profile(primaries, spaces.power(1 / gamma) if _own(gamma) else spaces.srgb_light)
        if space is not None:
            return _in_srgb(picture, space)
    return _brightened(_in_srgb(picture, None), gamma)


def _own(gamma: object) -> TypeGuard[float]:
    """Tell whether a gamma says anything: neither nonsense, nor what means sRGB's curve."""
    if not isinstance(gamma, float) or not LEAST_GAMMA <= gamma <= MOST_GAMMA:
        return False
    return abs(gamma - USUAL_GAMMA) >= 0.01


def _in_srgb(picture: Image.Image, profile: object) -> Image.Image:
    """Return a picture in sRGB, by its profile where that fits (relative colorimetric, as browsers show it).

    A profile that is broken, or for another kind of pixels, changes nothing.
    """
    if isinstance(profile, bytes) and 0 < len(profile) <= MOST_PROFILE:
        try:
            transform = ImageCms.buildTransform(
                ImageCms.ImageCmsProfile(io.BytesIO(profile)), SRGB, picture.mode, "RGB",
                renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            )  # fmt: skip
            if not _is_srgb(transform, picture.mode):
                return ImageCms.applyTransform(picture, transform) or picture.convert("RGB")
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _brightened(picture: Image.Image, gamma: object) -> Image.Image:
    """Return an RGB picture whose numbers stand for light by a power of their own (PNG, gAMA) in sRGB."""
    if not _own(gamma):
        return picture
    levels = [(level / 255) ** (1 / gamma) for level in range(256)]
    shown = [spaces.srgb_number(one) for one in levels]
    return picture.point([round(255 * one) for one in shown] * 3)


def _is_srgb(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Tell whether a transform leaves colours where plain conversion has them, on a lattice of 16 a side."""
    if mode == "L":
        probe = Image.frombytes("L", (256, 1), bytes(range(256)))
    elif mode == "RGB":
        triples = bytes(v for r in _LATTICE for g in _LATTICE for b in _LATTICE for v in (r, g, b))
        probe = Image.frombytes("RGB", (64, 64), triples)
    else:
        return False
    shown = ImageCms.applyTransform(probe, transform)
    pairs = zip(shown.tobytes(), probe.convert("RGB").tobytes(), strict=True) if shown else ()
    return all(abs(one - other) <= SAME for one, other in pairs)
