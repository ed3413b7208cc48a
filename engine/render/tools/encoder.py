"""The text-image encoder: pictures and texts as unit vectors in one space; knows no jobs and no people.

    encoder = Encoder()
    scores = encoder.images([picture]) @ encoder.texts(["a red apple", "a blue car"]).T   # cosines, (1, 2)

A folder is a plain transformers `CLIPModel` with its tokenizer, so a bigger CLIP may stand in the shipped
one's place. The shipped one reads the words the shipped model draws (`vocabulary.json`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional
from transformers import AutoTokenizer, CLIPModel

from engine.pocket import ENCODER

T = TypeVar("T")

BATCH = 32
"""Pictures or texts of one call: what is asked for may be a whole evaluation."""

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
"""What pictures are normalised by where the folder says nothing: OpenAI's CLIP, as transformers has it."""


class Encoder:
    """See the module. Not thread-safe: one worker uses it between two UNet calls."""

    def __init__(self, folder: Path | str = ENCODER) -> None:
        """Load a folder; nothing is fetched and no code of its own is run. Raises OSError where it is not."""
        folder = Path(folder)
        if not (folder / "config.json").is_file():
            raise FileNotFoundError(f"there is no text-image encoder in {folder}")
        model = CLIPModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
        self._model = model.eval()
        self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        said = _read(folder / "preprocessor_config.json")
        self._mean = torch.tensor(said.get("image_mean", CLIP_MEAN)).view(1, 3, 1, 1)
        self._std = torch.tensor(said.get("image_std", CLIP_STD)).view(1, 3, 1, 1)
        self._crop = bool(said.get("do_center_crop", True))
        self.vocabulary: Mapping[str, Sequence[str]] = _read(folder / "vocabulary.json")
        """Phrases by slot (objects, colours, grounds, places, styles) that descriptions are made of."""

    @property
    def size(self) -> int:
        """Pixels a side of what the encoder sees; pictures of any size are brought to it."""
        return int(self._model.config.vision_config.image_size)

    @torch.no_grad()
    def images(self, pictures: Sequence[Image.Image]) -> Tensor:
        """Return one unit vector a picture, (n, d) on the CPU in float32."""
        found = [
            self._model.visual_projection(
                self._model.vision_model(pixel_values=self._pixels(part)).pooler_output
            )
            for part in _parts(pictures)
        ]
        return self._joined(found)

    @torch.no_grad()
    def texts(self, texts: Sequence[str]) -> Tensor:
        """Return one unit vector a text, (n, d); what is longer than the encoder reads is cut off."""
        found = []
        for part in _parts(texts):
            tokens = self._tokenizer(
                list(part),
                padding="longest",
                truncation=True,
                max_length=self._model.config.text_config.max_position_embeddings,
                return_tensors="pt",
            )
            # no mask: the encoder reads causally and is asked at the end mark, so padding behind it is unseen
            read = self._model.text_model(input_ids=tokens.input_ids.to(self._model.device)).pooler_output
            found.append(self._model.text_projection(read))
        return self._joined(found)

    def _joined(self, parts: Sequence[Tensor]) -> Tensor:
        if not parts:
            return torch.zeros(0, self._model.config.projection_dim)
        return functional.normalize(torch.cat(list(parts)).float().cpu(), dim=-1)

    def _pixels(self, pictures: Sequence[Image.Image]) -> Tensor:
        """Bring pictures to what the encoder sees: (n, 3, size, size), normalised."""
        squares = [np.asarray(self._squared(picture), dtype=np.float32) for picture in pictures]
        pixels = torch.from_numpy(np.stack(squares) / 255).permute(0, 3, 1, 2)
        return ((pixels - self._mean) / self._std).to(self._model.device, self._model.dtype)

    def _squared(self, picture: Image.Image) -> Image.Image:
        picture = _opaque(picture)
        side = min(picture.size)
        if self._crop and picture.width != picture.height:
            left, top = (picture.width - side) // 2, (picture.height - side) // 2
            picture = picture.crop((left, top, left + side, top + side))
        # the shipped encoder is trained on squeezed pictures: it sees all of a wide one
        return picture.resize((self.size, self.size), Image.Resampling.BICUBIC)


def _opaque(picture: Image.Image) -> Image.Image:
    """Return the picture without transparency: on white, as people see it in a chat."""
    if picture.has_transparency_data:
        on_white = Image.new("RGBA", picture.size, "white")
        on_white.alpha_composite(picture.convert("RGBA"))
        picture = on_white
    return picture.convert("RGB")


def _parts(things: Sequence[T]) -> list[Sequence[T]]:
    return [things[start : start + BATCH] for start in range(0, len(things), BATCH)]


def _read(file: Path) -> dict[str, Any]:
    """Return a JSON object, or nothing where there is no such file."""
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found
