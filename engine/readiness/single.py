"""Files that stand alone: a checkpoint in its authors' layout, a LoRA, an IP-Adapter."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from engine import checkpoint, weights
from engine.checkpoint import BrokenFileError, Header
from engine.config import AdapterConfig, ModelConfig
from engine.errors import EngineError
from engine.readiness.files import Trouble, network, settings
from engine.readiness.folder import folder_troubles

_UNET = "model.diffusion_model."
_VAE = "first_stage_model."
# what a single file must hold to draw by itself, by family: what it is called, and how its tensors begin
_PARTS: Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "sd": (("UNet", (_UNET,)), ("CLIP text encoder", ("cond_stage_model.",)), ("VAE", (_VAE,))),
    "sd2": (("UNet", (_UNET,)), ("CLIP text encoder", ("cond_stage_model.",)), ("VAE", (_VAE,))),
    "sdxl": (
        ("UNet", (_UNET,)),
        ("first CLIP text encoder", ("conditioner.embedders.0.transformer.",)),
        ("second CLIP text encoder", ("conditioner.embedders.1.model.",)),
        ("VAE", (_VAE,)),
    ),
}
_PICKLE = "is no .safetensors file; pickles can run code and are never opened"
_REFINER = "conditioner.embedders.0.model."
_LORA_MARKS = ("lora", "lokr", "hada_", "dora_scale")


def single_troubles(file: Path, model: ModelConfig) -> list[Trouble]:
    """Look at a checkpoint in one file, and at the folder its tokenizer and configuration come from."""
    if file.suffix != ".safetensors":
        return [Trouble(file.name, _PICKLE, "Use its .safetensors file.")]
    try:
        header = checkpoint.read(file)
    except BrokenFileError as error:
        return [Trouble(file.name, str(error))]
    try:
        weights.stated(file)
    except EngineError as error:
        return [Trouble(file.name, f"cannot be drawn with: {error}", "Convert it, or use another model.")]
    family = weights.family_of(file)
    if header.has(_REFINER) and family != "sdxl":
        return [Trouble(file.name, "is an SDXL refiner, which cannot draw by itself", "Use the base model.")]
    if family is None:
        return [Trouble(file.name, _other(header), "Use a whole checkpoint, or a diffusers folder.")]
    lacking = [what for what, starts in _PARTS.get(family, ()) if not header.has(*starts)]
    if lacking:
        remedy = "Use a checkpoint that has everything in it, or a diffusers folder."
        return [Trouble(file.name, f"has no {' and no '.join(lacking)}", remedy)]
    base = weights.find_base(file)
    fetch = f"Fetch them once with: limner models pull {model.name}"
    if base is None:
        what = "needs its family's tokenizer files, which are not on this machine"
        return [Trouble(file.name, what, fetch)]
    return [
        Trouble(file.name, f"needs `{one.file}` of its family, which {one.what}", one.remedy or fetch)
        for one in folder_troubles(base, networks=False)
    ]


def _other(header: Header) -> str:
    """Say what a single file is that is no checkpoint."""
    if any(mark in name for name in header.shapes for mark in _LORA_MARKS):
        return "is a LoRA, not a model: name it under `[[loras]]`"
    if header.has("control_model.", "controlnet_"):
        return "is a ControlNet, not a model that draws by itself"
    if header.has("down_blocks.", "time_embedding."):
        return "is a UNet alone, without text encoder and VAE"
    if header.has("encoder.", "decoder.", "first_stage_model."):
        return "is a VAE alone, without UNet and text encoder"
    return "is no checkpoint of a family that Limner draws with"


def lora_troubles(file: Path) -> list[Trouble]:
    """Look at a LoRA."""
    if file.suffix != ".safetensors":
        return [Trouble(file.name, _PICKLE)]
    if unsound := network(file, file.name):
        return unsound
    if any(mark in name for name in checkpoint.read(file).shapes for mark in _LORA_MARKS):
        return []
    return [Trouble(file.name, "is no LoRA: nothing in it is named as one", "Use a LoRA's file.")]


def adapter_troubles(root: Path, adapter: AdapterConfig) -> list[Trouble]:
    """Look at an IP-Adapter's weights and at its image encoder."""
    found: list[Trouble] = []
    for file in weights.adapter_files(adapter):
        if file.endswith(".json"):
            where = (root / file).parent
            found += settings(where, "config.json", where.name)
        else:
            found += network(root / file, file)
    return found
