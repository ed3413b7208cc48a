"""Where a model's weights lie on this machine, and the one place that fetches them; refuses to load them."""

from __future__ import annotations

from pathlib import Path

from engine.config import WEIGHTS, LoraConfig, ModelConfig
from engine.errors import ConfigError

# never a pickle (.bin, .ckpt, .pt), never code; *.fp16.* and *.non_ema.* would double the download
_WANTED = ["model_index.json", "*/*.json", "*/*.txt", "*/*.model", "*/*.safetensors"]
_SPARED = ["*.fp16.*", "*.bf16.*", "*.non_ema.*", "safety_checker/*", "*onnx*", "*openvino*"]


def find(model: ModelConfig) -> Path | None:
    """Return the folder or file of a model's weights, or None where they are not on this machine."""
    return _here(model.source, "model_index.json")


def find_lora(lora: LoraConfig) -> Path | None:
    """Return a LoRA's file or folder, or None where it is not on this machine."""
    return _here(lora.source, "pytorch_lora_weights.safetensors")


def require(model: ModelConfig) -> Path:
    """Return where a model's weights lie. Raises ConfigError that says how to get them."""
    found = find(model)
    if found is None:
        raise ConfigError(missing(model))
    return found


def missing(model: ModelConfig) -> str:
    """Say that a model's weights are not here, and what to do."""
    if model.source == "pocket":
        return (
            f"The weights of the model that ships are not in `{WEIGHTS}`. This copy of Limner is incomplete: "
            "get it again."
        )
    if is_hub(model.source):
        return (
            f"The model `{model.name}` (`{model.source}`) is not on this machine. Fetch it with: "
            f"limner models pull {model.name}"
        )
    return f"The model `{model.name}` should be at `{model.source}`, and nothing is there. Mend `source`."


def is_hub(source: str) -> bool:
    """Tell a hub name (``owner/name``) from a path; ``engine.config.load`` has made every path absolute."""
    return source != "pocket" and not Path(source).is_absolute()


def pull(model: ModelConfig) -> Path:
    """Fetch a model from the hub it is named on and return its folder. Raises ConfigError.

    Only JSON, tokenizers and safetensors are fetched. A model that is a path is only looked for.
    """
    if not is_hub(model.source):
        return require(model)
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return Path(
            huggingface_hub.snapshot_download(model.source, allow_patterns=_WANTED, ignore_patterns=_SPARED)
        )
    except (HfHubHTTPError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ConfigError(
            f"`{model.source}` could not be fetched: {reason} If the model is gated, accept its licence "
            "on its page and log in with: .venv/bin/hf auth login"
        ) from None


def _here(source: str, marker: str) -> Path | None:
    if source == "pocket":
        return WEIGHTS if (WEIGHTS / "model_index.json").is_file() else None
    path = Path(source)
    if path.is_absolute():
        if path.is_dir():
            return path if (path / marker).is_file() or any(path.glob("*.safetensors")) else None
        return path if path.is_file() else None
    import huggingface_hub

    cached = huggingface_hub.try_to_load_from_cache(source, marker)
    return Path(cached).parent if isinstance(cached, str) else None
