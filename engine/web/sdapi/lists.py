"""What AUTOMATIC1111's clients ask for before they draw: lists that mostly only have to be there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.config import LoraConfig, ModelConfig
from engine.prompt.flags import STYLE_NAMES
from engine.prompt.samplers import SAMPLERS, sampler, sampler_names

SCHEDULERS = ("Automatic", "Karras")
UPSCALERS: Mapping[str, int] = {"Limner 2x": 2, "Limner 4x": 4}

CONSTANTS: Mapping[str, Any] = {
    "samplers": [
        {"name": sampler_names(ours)["Sampler"], "aliases": [ours], "options": {}}
        for ours in SAMPLERS
        if not ours.endswith("_karras")
    ],
    "schedulers": [
        {
            "name": label.lower(),
            "label": label,
            "aliases": None,
            "default_rho": -1 if label == "Automatic" else 7.0,
            "need_inner_model": False,
        }
        for label in SCHEDULERS
    ],
    "upscalers": [
        {"name": name, "model_name": None, "model_path": None, "model_url": None, "scale": scale}
        for name, scale in UPSCALERS.items()
    ],
    "latent-upscale-modes": [],
    "sd-vae": [],
    "sd-modules": [],
    "prompt-styles": [{"name": name, "prompt": "", "negative_prompt": ""} for name in STYLE_NAMES],
    "embeddings": {"loaded": {}, "skipped": {}},
    "hypernetworks": [],
    "face-restorers": [],
    "realesrgan-models": [],
    "cmd-flags": {},
    "scripts": {"txt2img": [], "img2img": []},
    "memory": {"ram": {}, "cuda": {}},
}
"""Answers of ``GET /sdapi/v1/…`` that are the same for everybody."""


def listed(model: ModelConfig) -> dict[str, Any]:
    """Return a model as it is listed; of the host's files nothing is said."""
    told: dict[str, Any] = dict.fromkeys(("title", "model_name", "filename"), model.name)
    return told | dict.fromkeys(("hash", "sha256", "config"))


def loras(configured: Sequence[LoraConfig]) -> list[dict[str, str]]:
    """Return the LoRAs as they are listed."""
    return [{"name": one.name, "alias": one.name, "path": ""} for one in configured]


def scheduled(name: str, scheduler: str) -> tuple[str | None, bool]:
    """Return our name for a sampler with its schedule (None: not known), and whether both count.

    >>> scheduled("DPM++ 2M", "karras"), scheduled("Euler a", "Karras"), scheduled("Restart", "")
    (('dpmpp_2m_karras', True), ('euler_ancestral', False), (None, True))
    """
    found = sampler(name)
    schedule = scheduler.lower()
    if found is None or schedule in ("", "automatic") or found.endswith(f"_{schedule}"):
        return found, True
    both = sampler(f"{name} {scheduler}")
    return both or found, both is not None
