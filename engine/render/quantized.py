"""Reading a pipeline's networks with weights of fewer bits; `engine.quantization` has what is offered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers

from engine import quantization
from engine.config import ModelConfig
from engine.errors import EngineError


def options(config: ModelConfig, folder: Path, dtype: torch.dtype) -> dict[str, Any]:
    """Return what diffusers is told to read a folder as its entry asks.

    Raises EngineError where the library is not there, or does not fit.
    """
    if trouble := quantization.trouble(config, folder):
        raise EngineError(f"{config.name}: {trouble}")
    if not config.quantization:
        return {}
    if config.quantization == "nf4" and not torch.cuda.is_available():
        raise EngineError(f'{config.name}: `quantization = "nf4"` wants a CUDA card; "int8" does not')
    index = json.loads((folder / "model_index.json").read_text())
    if config.quantization == "gguf":
        part = "transformer" if "transformer" in index else "unet"
        return {part: _of_gguf(config, folder, part, getattr(diffusers, index[part][1]), dtype)}
    asked = {name: _asked(config.quantization, entry[0], dtype) for name, entry in _parts(index).items()}
    return {"quantization_config": diffusers.PipelineQuantizationConfig(quant_mapping=asked)}


def _parts(index: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Return the networks that are quantized: what draws, and language models; CLIPs and VAEs are small."""
    return {
        name: (entry[0], entry[1])
        for name, entry in index.items()
        if (name in ("transformer", "unet") or name.startswith("text_encoder"))
        and entry[1] is not None
        and "CLIP" not in entry[1]
    }


def _asked(kind: str, library: str, dtype: torch.dtype) -> Any:
    """Return a library's own way to ask for a quantization, of weights alone."""
    home: Any = transformers if library == "transformers" else diffusers
    if kind == "nf4":
        return home.BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype
        )
    from torchao.quantization import Float8WeightOnlyConfig, Int8WeightOnlyConfig

    return home.TorchAoConfig(Float8WeightOnlyConfig() if kind == "fp8" else Int8WeightOnlyConfig())


def _of_gguf(config: ModelConfig, folder: Path, part: str, network: Any, dtype: torch.dtype) -> Any:
    """Read the network from a GGUF file, the rest of its settings from the folder."""
    try:
        read = network.from_single_file(
            config.gguf,
            quantization_config=diffusers.GGUFQuantizationConfig(compute_dtype=dtype),
            config=str(folder),
            subfolder=part,
            torch_dtype=dtype,
            local_files_only=True,
        )
    except (KeyError, ValueError, AttributeError, RuntimeError, IndexError, TypeError) as error:
        raise EngineError(_of_another(config, network)) from error
    if any(parameter.is_meta for parameter in read.parameters()):  # what the file had nothing for
        raise EngineError(_of_another(config, network))
    return read


def _of_another(config: ModelConfig, network: Any) -> str:
    return f"the GGUF `{config.gguf}` holds no {network.__name__}, which `{config.source}` draws with"


def bytes_of(parameter: Any) -> int:
    """Return the bytes of a weight as it is kept, whatever it is computed in."""
    if hasattr(parameter, "__tensor_flatten__") and type(parameter) is not torch.nn.Parameter:
        return sum(bytes_of(getattr(parameter, name)) for name in parameter.__tensor_flatten__()[0])
    return int(parameter.numel() * parameter.element_size())
