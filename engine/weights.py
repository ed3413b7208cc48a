"""Where a model's weights lie on this machine, and the one place that fetches them; refuses to load them.

Long: finding, reading and pulling weights.
"""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

from engine import checkpoint
from engine.config import SHIPPED, AdapterConfig, LoraConfig, ModelConfig
from engine.errors import ConfigError, EngineError, NotFound, UserError
from engine.pocket import FEWSTEP
from engine.words import Sentence

# never a pickle (.bin, .ckpt, .pt), never code; *.fp16.* and *.non_ema.* would double the download
_WANTED = ["model_index.json", "*/*.json", "*/*.txt", "*/*.model", "*/*.safetensors"]
_LORA = "pytorch_lora_weights.safetensors"
_SMALL = ["model_index.json", "*/*.json", "*/*.txt", "*/*.model"]
# whose tokenizer and configuration a single file of this family takes, with a UNet of 4 and of 9 channels
# (the repositories that diffusers itself goes by)
_FAMILIES = {
    "sd": (
        "stable-diffusion-v1-5/stable-diffusion-v1-5",
        "stable-diffusion-v1-5/stable-diffusion-inpainting",
    ),
    "sd2": ("stabilityai/stable-diffusion-2-1", "stabilityai/stable-diffusion-2-inpainting"),
    "sdxl": (
        "stabilityai/stable-diffusion-xl-base-1.0",
        "diffusers/stable-diffusion-xl-1.0-inpainting-0.1",
    ),
}
_UNET = "model.diffusion_model.input_blocks"
_SPARED = ["*.fp16.*", "*.bf16.*", "*.non_ema.*", "safety_checker/*", "*onnx*", "*openvino*"]


def find(model: ModelConfig) -> Path | None:
    """Return the folder or file of a model's weights, or None where they are not on this machine."""
    return _here(model.source, "model_index.json")


def changed(path: Path) -> float:
    """Return when the newest file of some weights, a folder or a file, was changed: Unix seconds."""
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    return max((file.stat().st_mtime for file in files), default=0.0)


def part(folder: Path, name: str) -> Path:
    """Return where a part of a pipeline lies: in its folder, or with the first model that ships."""
    shared = folder == SHIPPED["pocket-flow"] and not (folder / name).is_dir()
    return (SHIPPED["pocket"] if shared else folder) / name


def find_lora(lora: LoraConfig) -> Path | None:
    """Return a LoRA's file, or None where it is not on this machine.

    In a folder it goes by the name diffusers gives it, or is the one file there; ``pocket`` names the
    few-step weights of the model that ships.
    """
    found = FEWSTEP if lora.source == "pocket" else _here(lora.source, _LORA)
    if found is None or found.is_file():
        return found
    files = [found / _LORA] if (found / _LORA).is_file() else sorted(found.glob("*.safetensors"))
    return files[0] if len(files) == 1 else None


def lora_file(source: str) -> Path:
    """Return the file of a LoRA named by a path, a folder or a cached hub name.

    Raises NotFound where it is not here, UserError where it is a pickle.
    """
    found = find_lora(LoraConfig(name="lora", source=source))
    if found is None:
        raise NotFound(Sentence("The LoRA `{source}` is not on this machine.", source=source))
    try:
        return safe_file(found)
    except EngineError as error:
        raise UserError(
            Sentence("This LoRA cannot be used: {error}. Draw without it.", error=str(error))
        ) from error


def safe_file(path: Path) -> Path:
    """Return the path if it is a ``.safetensors`` file; raise EngineError or NotFound otherwise."""
    path = path.expanduser()
    if path.suffix != ".safetensors":
        raise EngineError(
            f"{path.name} is not a .safetensors file; pickles can run code and are never opened"
        )
    if not path.is_file():
        raise NotFound(Sentence("{path} does not exist.", path=str(path)))
    return path


def find_adapter(adapter: AdapterConfig) -> Path | None:
    """Return the folder that an IP-Adapter's own folders are in, or None where a file of it is missing."""
    wanted = adapter_files(adapter)
    if not is_hub(adapter.source):
        root = Path(adapter.source)
        return root if all((root / file).is_file() for file in wanted) else None
    import huggingface_hub

    cached = [huggingface_hub.try_to_load_from_cache(adapter.source, file) for file in wanted]
    if not all(isinstance(file, str) for file in cached):
        return None
    return Path(str(cached[0]).removesuffix(wanted[0]))


def adapter_files(adapter: AdapterConfig) -> list[str]:
    """Name an IP-Adapter's weights, and its image encoder's configuration and weights."""
    inside = Path(adapter.subfolder)
    # as diffusers finds it: beside the weights, or from the top where it is a path itself
    encoder = Path(adapter.image_encoder) if "/" in adapter.image_encoder else inside / adapter.image_encoder
    files = (inside / adapter.weights, encoder / "config.json", encoder / "model.safetensors")
    return [file.as_posix() for file in files]


def missing_adapter(model: ModelConfig) -> str:
    """Say that a model's IP-Adapter is not here, and what to do."""
    assert model.ip_adapter is not None
    source = model.ip_adapter.source
    if is_hub(source):
        return (
            f"The IP-Adapter of `{model.name}` (`{source}`) is not on this machine. Fetch it with: "
            f"limner models pull {model.name}"
        )
    files = ", ".join(f"`{file}`" for file in adapter_files(model.ip_adapter))
    return f"The IP-Adapter of `{model.name}` should be in `{source}`, as {files}. Correct `ip_adapter`."


def require(model: ModelConfig) -> Path:
    """Return where a model's weights lie. Raises ConfigError that says how to get them."""
    found = find(model)
    if found is None:
        raise ConfigError(missing(model))
    return found


def missing(model: ModelConfig) -> str:
    """Say that a model's weights are not here, and what to do."""
    if model.source in SHIPPED:
        return (
            f"The weights of the model that ships are not in `{SHIPPED[model.source]}`. "
            "This copy of Limner is incomplete: get it again."
        )
    if is_hub(model.source):
        return (
            f"The model `{model.name}` (`{model.source}`) is not on this machine. Fetch it with "
            f"`limner models pull {model.name}`, or delete its entry from the configuration."
        )
    if Path(model.source).is_dir():
        return (
            f"The model `{model.name}` should be in `{model.source}`, which is no diffusers folder: it has "
            "no model_index.json. To use a single checkpoint, name the .safetensors file itself in `source`."
        )
    return (
        f"The model `{model.name}` should be at `{model.source}`, and nothing is there. "
        "Correct the path in `source`."
    )


def is_hub(source: str) -> bool:
    """Tell a hub name (``owner/name``) from a path; ``engine.config.load`` has made every path absolute."""
    return source not in SHIPPED and not Path(source).is_absolute()


def family_of(file: Path) -> str | None:
    """Return ``sd``, ``sd2`` or ``sdxl`` for a single file in the original layout, None for any other."""
    found = shapes(file)
    if any(name.startswith("conditioner.embedders.1.") for name in found):
        return "sdxl"
    if f"{_UNET}.0.0.weight" not in found:
        return None
    # SD 2.x reads its text through an encoder of 1,024 channels
    read = found.get(f"{_UNET}.2.1.transformer_blocks.0.attn2.to_k.weight", (0,))
    return "sd2" if read[-1] == 1024 else "sd"


_PREDICTIONS = {
    **dict.fromkeys(("v", "vprediction", "vpred", "velocity"), "v"),
    **dict.fromkeys(("epsilon", "eps", "epsilonprediction", "epsprediction", "noise"), "epsilon"),
}
"""What a checkpoint predicts, as trainers spell it, letters alone."""


def stated(file: Path) -> tuple[str, bool]:
    """Return what a single file says that it predicts (``v``, ``epsilon``, or empty), and if with zero SNR.

    Trainers say so by empty tensors beside the weights, as ComfyUI reads them, or in ModelSpec's words.
    Raises EngineError for EDM's.
    """
    try:
        header = checkpoint.read(file)
    except checkpoint.BrokenFileError:
        return "", False
    names = header.shapes.keys()
    if names & {"edm_mean", "edm_vpred.sigma_max"}:
        raise EngineError(
            f"{file.name} was trained with the noise of EDM, which one file does not tell enough of; "
            "convert it to a diffusers folder"
        )
    said = re.sub(r"[^a-z]", "", header.metadata.get("modelspec.prediction_type", "").lower())
    zero = header.metadata.get("ss_zero_terminal_snr", "").strip().lower() in ("true", "1")
    return "v" if "v_pred" in names else _PREDICTIONS.get(said, ""), zero or "ztsnr" in names


def first_clip_names(file: Path) -> str:
    """Return the prefix of a text encoder's tensors whose names lack ``text_model.``; empty where none do."""
    prefixes = ("cond_stage_model.transformer.", "conditioner.embedders.0.transformer.")
    names = shapes(file)
    return next((one for one in prefixes if f"{one}embeddings.token_embedding.weight" in names), "")


def find_base(file: Path) -> Path | None:
    """Return the folder with the tokenizer and configuration that a single file takes, where it is here."""
    family = family_of(file)
    return None if family is None else _here(_base(file, family), "model_index.json")


def _base(file: Path, family: str) -> str:
    shape = shapes(file).get(f"{_UNET}.0.0.weight", ())
    return _FAMILIES[family][len(shape) > 1 and shape[1] == 9]


def shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor of a ``.safetensors`` file, by its name; empty for anything else."""
    try:
        return checkpoint.read(file).shapes
    except checkpoint.BrokenFileError:
        return {}


def pull(model: ModelConfig) -> list[Path]:
    """Fetch what a model needs from the hubs it names and return where it lies. Raises ConfigError.

    Only JSON, tokenizers and safetensors are fetched. Weights that are a path are only looked for; a single
    file brings no tokenizer, so that of its family is fetched for it.
    """
    if is_hub(model.source):
        found = [_fetch(model.source, _WANTED)]
    else:
        found = [require(model)]
        if found[0].is_file():
            family = family_of(found[0])
            if family is not None:
                found.append(_fetch(_base(found[0], family), _SMALL))
    if model.few_steps_source:
        found.append(pull_lora(LoraConfig(name="few-steps", source=model.few_steps_source)))
    if model.ip_adapter is not None:
        if is_hub(model.ip_adapter.source):
            found.append(_fetch(model.ip_adapter.source, adapter_files(model.ip_adapter)))
        elif find_adapter(model.ip_adapter) is None:
            raise ConfigError(missing_adapter(model))
    return found


def pull_lora(lora: LoraConfig) -> Path:
    """Fetch a LoRA from the hub it names and return where it lies. Raises ConfigError."""
    if is_hub(lora.source):
        return _fetch(lora.source, [_LORA])
    found = find_lora(lora)
    if found is None:
        raise ConfigError(f"The LoRA `{lora.name}` should be at `{lora.source}`, and nothing is there.")
    return found


def find_tool(source: str) -> Path | None:
    """Return the folder of a model for transformers (``describer``), or None where it is not here."""
    return _here(source, "config.json")


def pull_tool(key: str, source: str) -> Path:
    """Fetch such a model from the hub it names and return where it lies. Raises ConfigError."""
    if is_hub(source):
        return _fetch(source, ["*.json", "*.txt", "*.model", "*.safetensors"])
    if not (Path(source) / "config.json").is_file():
        raise ConfigError(
            f"The {key} should be at `{source}`, and there is no config.json. Correct the path in `{key}`."
        )
    return Path(source)


def _fetch(source: str, patterns: list[str]) -> Path:
    """Fetch what matches from a hub repository; its files that are here already are not fetched again."""
    import huggingface_hub

    try:
        return Path(
            huggingface_hub.snapshot_download(source, allow_patterns=patterns, ignore_patterns=_SPARED)
        )
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ConfigError(
            f"`{source}` could not be fetched: {reason} If the model is gated, accept its licence "
            "on its page and log in with: .venv/bin/hf auth login"
        ) from None


def download_size(source: str) -> int | None:
    """Return how many bytes `pull` would fetch of a hub repository, or None where the hub cannot be asked."""
    import huggingface_hub

    try:
        siblings = huggingface_hub.HfApi().model_info(source, files_metadata=True, timeout=20).siblings or []
    except (OSError, ValueError):
        return None
    sizes = {one.rfilename: one.size or 0 for one in siblings}
    return sum(
        size
        for file, size in sizes.items()
        if any(fnmatch(file, wanted) for wanted in _WANTED)
        and not any(fnmatch(file, spared) for spared in _SPARED)
    )


def has_variants(source: str) -> bool:
    """Say whether a hub repository has networks in half-precision variants (``*.fp16.safetensors``)."""
    import huggingface_hub

    try:
        files = huggingface_hub.HfApi().list_repo_files(source)
    except (OSError, ValueError):
        return False
    return any("/" in file and file.endswith((".fp16.safetensors", ".bf16.safetensors")) for file in files)


def _here(source: str, marker: str) -> Path | None:
    if source in SHIPPED:
        return SHIPPED[source] if (SHIPPED[source] / "model_index.json").is_file() else None
    path = Path(source)
    if path.is_absolute():
        if path.is_dir():
            # a LoRA may go by any name; a pipeline is what its index says it is
            loose = marker != "model_index.json" and any(path.glob("*.safetensors"))
            return path if (path / marker).is_file() or loose else None
        return path if path.is_file() else None
    import huggingface_hub

    cached = huggingface_hub.try_to_load_from_cache(source, marker)
    return Path(cached).parent if isinstance(cached, str) else None
