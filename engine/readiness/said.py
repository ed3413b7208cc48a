"""What weights say of themselves, put where the host's entry says nothing; read from headers, without torch.

The keys are those of Stability's ModelSpec 1.0.1 (``modelspec.…``), which kohya's trainer writes too, and
kohya's own (``ss_…``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from engine import checkpoint, weights
from engine.checkpoint import BrokenFileError
from engine.config import Config, LoraConfig, ModelConfig
from engine.errors import EngineError
from engine.readiness.files import read_json, small

_SIDES = range(64, 4097)
_LAYERS = range(1, 13)
_MOST_WORDS = 3
"""So many words are taken from what a LoRA's captions share: further ones say what was on the pictures."""
# the side that each family was taught at, where its file does not say; SD 2.x has two kinds
_USUAL = {"sd": 512, "sdxl": 1024}


def described(config: Config) -> Config:
    """Return the configuration with every model's and LoRA's open keys as their files say."""
    return config.model_copy(
        update={
            "models": tuple(described_model(model) for model in config.models),
            "loras": tuple(described_lora(lora) for lora in config.loras),
        }
    )


def described_model(model: ModelConfig) -> ModelConfig:
    """Return a model's entry with size, clip skip and trigger words as its files say, where it is silent."""
    found = weights.find(model)
    if found is None:
        return model
    metadata = {} if found.is_dir() else _metadata(found)
    update: dict[str, object] = {}
    if not model.model_fields_set & {"width", "height"}:
        sides = _side_of_folder(found) if found.is_dir() else _sides_of_file(found, metadata, model)
        if sides is not None:
            width, height = (max(1, round(side / model.multiple)) * model.multiple for side in sides)
            update |= {"width": width, "height": height}
    if model.clip_skip is None and (layer := _layer(metadata)):
        update["clip_skip"] = layer
    if model.trigger_words is None and (phrase := _phrase(metadata)):
        update["trigger_words"] = phrase
    return model.model_copy(update=update) if update else model


def described_lora(lora: LoraConfig) -> LoraConfig:
    """Return a LoRA's entry with the trigger words that its file says, where it is silent."""
    found = weights.find_lora(lora)
    if found is None or lora.trigger_words is not None:
        return lora
    metadata = _metadata(found)
    words = _phrase(metadata) or _shared(metadata.get("ss_tag_frequency", ""))
    return lora.model_copy(update={"trigger_words": words}) if words else lora


def _metadata(file: Path) -> Mapping[str, str]:
    try:
        return checkpoint.read(file).metadata
    except BrokenFileError:
        return {}


def _sides_of_file(file: Path, metadata: Mapping[str, str], model: ModelConfig) -> tuple[int, int] | None:
    told = re.findall(r"\d+", metadata.get("modelspec.resolution", ""))
    sides = [int(side) for side in told if len(side) < 6]
    if len(sides) in (1, 2) and all(side in _SIDES for side in sides):
        return sides[0], sides[-1]
    family = weights.family_of(file)
    if family == "sd2":
        try:
            prediction = model.prediction or weights.stated(file)[0]
        except EngineError:
            return None
        side = 512 if prediction == "epsilon" else 768
        return side, side
    return (_USUAL[family], _USUAL[family]) if family else None


def _side_of_folder(folder: Path) -> tuple[int, int] | None:
    """Return the size that the pipelines of diffusers draw at: the UNet's, times what the VAE enlarges."""
    files = [folder / part / "config.json" for part in ("unet", "vae")]
    if any(small(file) for file in files):
        return None
    try:
        unet, vae = (read_json(file) for file in files)
        side = int(unet["sample_size"]) * 2 ** (len(vae["block_out_channels"]) - 1)
    except (ValueError, KeyError, TypeError):
        return None
    return (side, side) if side in _SIDES else None


def _layer(metadata: Mapping[str, str]) -> int | None:
    for key in ("modelspec.encoder_layer", "ss_clip_skip"):
        told = metadata.get(key, "").strip()
        if told != "-1":  # of others, as ComfyUI counts: -2 is the last but one
            told = told.removeprefix("-")
        if told.isascii() and told.isdigit() and int(told) in _LAYERS:
            return int(told)
    return None


def _phrase(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Return the phrases that a file asks for; what stands between commas is a phrase of its own."""
    return _clean(metadata.get("modelspec.trigger_phrase", "").split(","))


def _shared(told: str) -> tuple[str, ...]:
    """Return the tags that each caption of the training had: as often there as any, in each of its folders.

    ``told`` is JSON: tags and how often they were there, by folder. Captions in sentences share nothing.
    """
    try:
        folders = [dict(tags) for tags in json.loads(told).values()]
        found: list[str] = []
        for tags in folders:
            most = max(tags.values())
            if most > 1 or len(tags) == 1:
                found += [tag for tag, count in tags.items() if count == most][:_MOST_WORDS]
    except (ValueError, TypeError, AttributeError, RecursionError):
        return ()
    return _clean(found)[:_MOST_WORDS]


def _clean(words: list[str]) -> tuple[str, ...]:
    """Return words as one can type them, each once: without weights, LoRA tags and what does not print."""
    kept = (re.sub(r"<[^>]*>|[^\S ]|[`\x00-\x1f]", " ", str(word)) for word in words)
    return tuple(dict.fromkeys(short for word in kept if (short := " ".join(word.split())[:80])))
