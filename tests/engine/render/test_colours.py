"""Fast previews are near what decoding shows, for autoencoders that nobody published a table of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from engine.config import ModelConfig
from engine.render import decode
from engine.render.families import colours
from engine.render.models import DeviceSpec, Model, load
from tests.engine.render.conftest import ENGINE
from tests.engine.render.test_oracle import ours, spec


def alike(preview: Image.Image, picture: Image.Image) -> float:
    """Return the correlation of a preview with a picture shrunk to its size."""
    small = np.asarray(picture.resize(preview.size, Image.Resampling.BOX), dtype=float)
    return float(np.corrcoef(np.asarray(preview, dtype=float).ravel(), small.ravel())[0, 1])


def test_the_colours_of_an_autoencoder_that_was_taught_are_found() -> None:
    pocket = load("pocket", ModelConfig(name="pocket", source="pocket"), DeviceSpec.find(ENGINE), ENGINE)
    assert pocket.family is not None
    mix = colours.fitted(pocket.family)
    ramp = Image.linear_gradient("L").resize((64, 64))
    field = Image.merge("RGB", (ramp, ramp.rotate(90), ramp.rotate(180)))
    scene = Image.new("RGB", (64, 64), (90, 150, 220))
    ImageDraw.Draw(scene).ellipse((12, 12, 44, 44), fill=(220, 60, 40))
    ImageDraw.Draw(scene).rectangle((0, 48, 63, 63), fill=(60, 140, 50))
    for picture in (field, scene):
        latents = pocket.family.encode(decode.to_pixels(picture, pocket.family.device), torch.Generator())
        assert alike(decode.to_picture(colours.mixed(latents, mix)), picture) > 0.9


@pytest.mark.parametrize("name", ["z_image", "klein", "flux", "sd3", "qwen_image"])
def test_a_preview_is_a_pixel_a_latent_and_decodes_nothing(
    models: Callable[[str], Model], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    family = models(name).family
    assert family is not None
    monkeypatch.setattr(family.vae, "decode", None)
    latents = ours(models(name), spec(name, steps=1, count=1, guidance_scale=1.0))[0]
    shown = decode.preview(family, latents)
    assert shown.size == (latents.shape[3], latents.shape[2])
    assert decode.preview(family, latents).tobytes() == shown.tobytes()
