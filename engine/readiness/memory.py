"""How much memory a model needs, by its parts and its entry; from the headers of its files, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine import checkpoint, quantization, weights
from engine.checkpoint import BrokenFileError
from engine.config import EngineConfig, ModelConfig
from engine.readiness.files import read_json, small

GIB = 2**30
DOES_NOT = "does not fit"
LIBRARY = GIB
"""Set aside for CUDA and the libraries on it. Reckoned, not measured, as is the next."""
A_PICTURE = 2 * GIB
"""Set aside for activations of one picture of 1024 x 1024 in half precision, its decoding included; in
proportion to the pixels. Further rows of a call take what is left, and fewer where it runs out."""


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes that a model takes, by what they are for."""

    network: int
    """What draws."""
    text: int
    """What reads texts: it may wait in the machine's memory."""
    others: int
    """The autoencoder and what is beside it."""
    work: int
    """Activations of one row, and the libraries' own."""

    @property
    def whole(self) -> int:
        """With everything on the card."""
        return self.network + self.text + self.others + self.work

    @property
    def apart(self) -> int:
        """With the larger of network and text encoders on the card, and the other in the machine's memory."""
        return max(self.network, self.text) + self.others + self.work

    def on(self, card: int, offload: str) -> str:
        """Say in one clause whether it fits a card of so many bytes with the engine's ``offload``."""
        if offload in ("auto", "none") and self.whole <= card:
            return "fits"
        if offload in ("auto", "model") and self.apart <= card:
            return "fits while its text encoders wait in the machine's memory"
        if offload == "sequential":
            return "is brought to the card layer by layer, which is slow"
        return f"{DOES_NOT} {_gib(card)}: set `quantization` or `offload` (docs/hosting.md)"


def need(model: ModelConfig, engine: EngineConfig, *, half: bool = True) -> Need | None:
    """Return what a model takes, or None where its files do not say. ``half``: where `dtype` is "auto"."""
    found = weights.find(model)
    if found is None:
        return None
    each = 2 if engine.dtype in ("float16", "bfloat16") or (half and engine.dtype == "auto") else 4
    try:
        parts = _of_folder(found) if found.is_dir() else {"unet": _values(found)}
    except (BrokenFileError, OSError, ValueError):
        return None
    sized = {name: int(count * _bits(model, name) / 8) or count * each for name, count in parts.items()}
    if model.quantization == "gguf" and model.gguf:
        network = "transformer" if "transformer" in parts else "unet"
        sized[network] = Path(model.gguf).stat().st_size if Path(model.gguf).is_file() else 0
    draws = sum(size for name, size in sized.items() if name in ("transformer", "unet"))
    reads = sum(size for name, size in sized.items() if name.startswith("text_encoder"))
    pixels = model.width * model.height
    work = int(LIBRARY + A_PICTURE * pixels / 1024**2 * each / 2)
    return Need(draws, reads, sum(sized.values()) - draws - reads, work)


def said(model: ModelConfig, engine: EngineConfig, cards: Mapping[str, int]) -> str:
    """Say what a model needs and which cards (bytes by name) it fits; empty where nothing is known."""
    wanted = need(model, engine, half=bool(cards))
    if wanted is None:
        return ""
    shares = {"network": wanted.network, "text": wanted.text, "else": wanted.others}
    shares["to work in"] = wanted.work
    parts = [f"{_gib(size)} {name}" for name, size in shares.items() if size >= GIB / 20]
    much = f"{_gib(wanted.whole)} of memory" + (f" ({', '.join(parts)})" if len(parts) > 1 else "")
    fits = [f"{name}: {wanted.on(memory, engine.offload)}" for name, memory in cards.items()]
    return "; ".join([much, *fits])


def _bits(model: ModelConfig, part: str) -> float:
    """Return the bits of a value of a part that is quantized; 0 = as the engine computes."""
    kept = "CLIP" in part or not part.startswith(("transformer", "unet", "text_encoder"))
    if model.quantization in ("", "gguf") or kept:
        return 0
    return quantization.QUANTIZATIONS[model.quantization].bits


def _of_folder(folder: Path) -> dict[str, int]:
    """Return the values of each part's weights, whatever their type is on the disk."""
    index = read_json(folder / "model_index.json") if not small(folder / "model_index.json") else {}
    found = {}
    for name, entry in index.items():
        there = weights.part(folder, name)
        if isinstance(entry, list) and len(entry) == 2 and entry[1] and there.is_dir():
            files = [file for file in there.glob("*.safetensors") if file.name.count(".") == 1]
            if count := sum(_values(file) for file in files):
                found[f"{name} (CLIP)" if "CLIP" in entry[1] else name] = count  # that one stays as it is
    return found


def _values(file: Path) -> int:
    return checkpoint.read(file).values


def _gib(size: float) -> str:
    return f"{size / GIB:.1f} GiB"
