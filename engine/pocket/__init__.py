"""The small models that ship with the project; it knows where their files lie and nothing else."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "weights"
"""A stock diffusers pipeline folder (128 x 128 pixels, half precision)."""

FLOW = Path(__file__).parent / "flow"
"""The small flow-matching model's transformer and scheduler; the rest it shares (`shared`)."""

SHIPPED = {"pocket": FOLDER, "pocket-flow": FLOW}
"""The models that ship, by what an entry's ``source`` calls them."""

UPSCALER = Path(__file__).parent / "upscaler"
"""Weights and config of the x4 super-resolution network in `srvgg`."""

FEWSTEP = Path(__file__).parent / "fewstep"
"""A LoRA for four steps without guidance, and how to step with it."""

ENCODER = Path(__file__).parent / "encoder"
"""The text-image encoder: a transformers `CLIPModel` folder, with the words it describes by."""

JUDGE = Path(__file__).parent / "judge"
"""A smaller encoder from another seed, which judges generated pictures and is used for nothing else."""
