"""The text-image encoder, held against transformers' own forward pass on the same weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPModel, CLIPTokenizer

from engine.render.tools.encoder import BATCH, CLIP_MEAN, CLIP_STD, Encoder
from tests.engine.render import tiny

TEXTS = ("a red apple", "a blue car on the house", "cat")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.clip(tmp_path_factory.mktemp("clip"))


def picture(seed: int, size: tuple[int, int] = (32, 32)) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def test_it_scores_as_transformers_does(folder: Path) -> None:
    encoder, model = Encoder(folder), CLIPModel.from_pretrained(folder).eval()
    pictures = [picture(seed) for seed in range(2)]
    ids = CLIPTokenizer.from_pretrained(folder)(
        list(TEXTS), padding="max_length", max_length=tiny.LENGTH, return_tensors="pt"
    )
    pixels = torch.from_numpy(np.stack([np.asarray(one) / 255.0 for one in pictures])).permute(0, 3, 1, 2)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (CLIP_MEAN, CLIP_STD))
    with torch.no_grad():
        theirs = model(pixel_values=(pixels.float() - mean) / std, **ids)
    ours = encoder.images(pictures) @ encoder.texts(TEXTS).T
    torch.testing.assert_close(ours, theirs.logits_per_image / model.logit_scale.exp(), atol=1e-5, rtol=1e-4)


def test_vectors_are_of_unit_length_and_do_not_depend_on_company(folder: Path) -> None:
    encoder = Encoder(folder)
    pictures = [picture(seed) for seed in range(BATCH + 1)]
    vectors = encoder.images(pictures)
    assert vectors.shape == (BATCH + 1, 16)
    torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(BATCH + 1))
    torch.testing.assert_close(vectors[-1:], encoder.images(pictures[-1:]), atol=1e-5, rtol=1e-4)
    texts = encoder.texts(TEXTS)
    torch.testing.assert_close(texts[2:], encoder.texts(TEXTS[2:]), atol=1e-5, rtol=1e-4)
    assert encoder.images([]).shape == (0, 16)


def test_a_text_of_any_length_is_read(folder: Path) -> None:
    assert Encoder(folder).texts(["apple " * 500, ""]).isfinite().all()


def test_a_wide_picture_is_cropped_as_clip_does_or_squeezed_where_the_folder_says_so(folder: Path) -> None:
    wide = picture(0, (64, 32))
    middle = wide.crop((16, 0, 48, 32))
    cropping = Encoder(folder)
    torch.testing.assert_close(cropping.images([wide]), cropping.images([middle]))
    said = folder / "preprocessor_config.json"
    said.write_text(json.dumps({"do_center_crop": False}))
    try:
        squeezing = Encoder(folder)
    finally:
        said.unlink()
    squeezed = wide.resize((32, 32), Image.Resampling.BICUBIC)
    torch.testing.assert_close(squeezing.images([wide]), cropping.images([squeezed]))


def test_transparent_is_white_as_in_a_chat(folder: Path) -> None:
    encoder = Encoder(folder)
    clear = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    torch.testing.assert_close(encoder.images([clear]), encoder.images([Image.new("RGB", (32, 32), "white")]))


def test_a_folder_without_an_encoder_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no text-image encoder"):
        Encoder(tmp_path)
