"""Looks at finished pictures: how likely each shows adult content. Runs in the worker process; opt-in.

Two kinds: NudeNet (a package that carries its model, AGPL-3.0, so never a dependency of ours) and any image
classifier that transformers can load from a folder.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from engine.config import ModerationConfig
from engine.errors import ConfigError
from engine.images import saved

NUDENET = "nudenet"
EXPOSED = frozenset(
    {
        "FEMALE_BREAST_EXPOSED",
        "FEMALE_GENITALIA_EXPOSED",
        "MALE_GENITALIA_EXPOSED",
        "BUTTOCKS_EXPOSED",
        "ANUS_EXPOSED",
    }
)
"""NudeNet's classes that count as adult content."""
ADULT_LABELS = frozenset({"nsfw", "porn", "sexy", "hentai", "explicit", "adult", "nude", "nudity", "unsafe"})
"""Labels that mean adult content in the classifiers people publish."""


class Classifier(Protocol):
    """What looks at pictures."""

    def adult(self, pictures: Sequence[bytes]) -> list[float]:
        """Return for each encoded picture how likely it is to show adult content, 0 to 1."""


class NudeNet:
    """NudeNet 3's detector: the strongest of the exposed parts it finds."""

    def __init__(self) -> None:
        try:
            from nudenet import NudeDetector
        except ImportError as error:
            raise ConfigError(
                f'`classifier = "nudenet"` needs the package nudenet ({error}). Install it with: '
                "pip install 'limner[nsfw]'"
            ) from error
        self._detector = NudeDetector()

    def adult(self, pictures: Sequence[bytes]) -> list[float]:
        """See Classifier."""
        found = (self._detector.detect(saved(_opened(picture), "PNG")) for picture in pictures)
        return [
            max((float(part["score"]) for part in parts if part["class"] in EXPOSED), default=0.0)
            for parts in found
        ]


class Transformer:
    """A transformers image classifier in a folder: the sum over its labels that mean adult content."""

    def __init__(self, folder: str, labels: Sequence[str]) -> None:
        if not (Path(folder) / "config.json").is_file():
            raise ConfigError(f"The picture classifier `{folder}` cannot be loaded: none is there.")
        import torch
        from transformers import AutoImageProcessor, AutoModelForImageClassification

        self._torch = torch
        options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            self._processor = AutoImageProcessor.from_pretrained(folder, **options)
            model = AutoModelForImageClassification.from_pretrained(folder, use_safetensors=True, **options)
        except (OSError, ValueError, ImportError) as error:
            reason = str(error).strip().splitlines()[0]
            raise ConfigError(f"The picture classifier `{folder}` cannot be loaded: {reason}") from error
        self._model = model.eval()
        wanted = {label.casefold() for label in labels} or ADULT_LABELS
        self._adult = [n for n, label in model.config.id2label.items() if str(label).casefold() in wanted]
        if not self._adult:
            known = ", ".join(f"`{label}`" for label in model.config.id2label.values())
            raise ConfigError(
                f"The picture classifier `{folder}` has the labels {known}; name those that mean adult "
                "content in `labels` under `[moderation]`."
            )

    def adult(self, pictures: Sequence[bytes]) -> list[float]:
        """See Classifier."""
        inputs = self._processor(images=[_opened(one) for one in pictures], return_tensors="pt")
        with self._torch.inference_mode():
            logits = self._model(**inputs).logits.float()
        shares = logits.softmax(-1)[:, self._adult].sum(-1)
        return [float(share) for share in shares]


def classifier(config: ModerationConfig) -> Classifier:
    """Return the configured classifier, loaded. Raises ConfigError."""
    if config.classifier == NUDENET:
        return NudeNet()
    return Transformer(config.classifier, config.labels)


def _opened(picture: bytes) -> Image.Image:
    """Return the picture in RGB; of a film the last frame, which shows most."""
    with Image.open(io.BytesIO(picture)) as image:
        image.seek(getattr(image, "n_frames", 1) - 1)
        return image.convert("RGB")
