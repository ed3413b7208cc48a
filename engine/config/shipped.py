"""The models that ship, as entries of the configuration: sizes and steps are read from their files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.config.sections import ModelConfig
from engine.pocket import FEWSTEP, FOLDER

MIDJOURNEY_VERSIONS = (
    *(f"v {v}" for v in ("1", "2", "3", "4", "5", "5.0", "5.1", "5.2", "6", "6.0", "6.1", "7", "7.0")),
    *("v 8", "v 8.0", "v 8.1", "v 8.2"),
    *("niji", "niji 4", "niji 5", "niji 6", "niji 7"),
)
"""Every model name Midjourney's ``--v`` and ``--niji`` have taken (its own list, 2022-2026)."""


def _sides(weights: Path) -> tuple[int, int]:
    """Return the side of its pictures and their multiple, in pixels."""
    try:
        unet = json.loads((weights / "unet" / "config.json").read_text())
        vae = json.loads((weights / "vae" / "config.json").read_text())
        # every stage but the first halves the picture, in AutoencoderKL and AutoencoderTiny alike
        stages = vae.get("block_out_channels") or vae["encoder_block_out_channels"]
        factor = 2 ** (len(stages) - 1)
        # the UNet fits odd halves by itself, so 8, the step stock pipelines insist on, gives the exact ratio
        return int(unet["sample_size"]) * factor, max(8, factor)
    except (OSError, ValueError, KeyError, TypeError):
        return 64, 8  # no weights, or unreadable: `limner check` says so, and so does whoever loads them


def _quick(few_steps: Path) -> dict[str, Any]:
    """Return how its few-step weights are used; without them drafts take half the steps."""
    try:
        told = json.loads((few_steps / "few_steps.json").read_text())
        return {
            "few_steps": int(told["steps"]),
            "few_steps_source": "pocket",
            "few_steps_sampler": str(told["sampler"]),
            "few_steps_guidance": float(told["guidance_scale"]),
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _small(name: str, side: int, multiple: int, **own: Any) -> ModelConfig:
    """Return the entry of a model that ships, with what all of them have."""
    return ModelConfig(
        name=name,
        source=name,
        width=side,
        height=side,
        multiple=multiple,
        max_ratio=2.0,
        steps=20,
        strong_strength=0.9,
        # more, and it draws its one subject again around itself (looked at: 0.2 to 1.0)
        outward_strength=0.2,
        # more, and tiles show its one subject in pieces at their edges (looked at: 0.1 to 0.35)
        creative_strength=0.15,
        # and with words it does so even then, faintly: ghosts on the ground, specks in the tiles
        wordless=True,
        licence="Apache-2.0",
        **own,
    )


def pocket(weights: Path = FOLDER, few_steps: Path = FEWSTEP) -> ModelConfig:
    """Return the model that ships; its size is read from the weights, 64 x 64 where there are none.

    How its few-step weights are used is read from what lies beside them; nothing, where they are not there.
    """
    return _small(
        "pocket",
        *_sides(weights),
        aliases=MIDJOURNEY_VERSIONS,
        guidance_scale=5.0,
        sampler="dpmpp_2m",
        # it has one drawing for each thing: noise alone hardly varies it, bent and further words do
        scatter=(
            "on a pink background",
            "3d style",
            "in space",
            "flat style",
            "at sunset",
            "cartoon style",
            "in the snow",
            "watercolour",
        ),
        subtle_strength=0.1,
        strong_chaos=90,
        strong_weird=700,
        default=True,
        **_quick(few_steps),
    )


def pocket_flow(weights: Path = FOLDER) -> ModelConfig:
    """Return the small flow-matching transformer that ships, at the size of the first model's pictures.

    Its tokens are patches of two latents each way.
    """
    side, multiple = _sides(weights)
    return _small(
        "pocket-flow",
        side,
        2 * multiple,
        guidance_scale=4.0,
        sampler="euler",
        scatter=("on a pink background", "3d style", "on a blue background", "flat style"),
        subtle_strength=0.35,
        strong_chaos=60,
    )


def shipped() -> tuple[ModelConfig, ...]:
    """Return all models that ship, the default first."""
    return pocket(), pocket_flow()
