"""A diffusers folder: everything that its index names is there, whole, and can be read."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from engine import checkpoint, weights
from engine.checkpoint import BrokenFileError
from engine.readiness.files import Trouble, lacking, network, read_json, settings, small

# a tokenizer is whole with all files of any of these
_TOKENIZERS = (
    ("tokenizer.json",),
    ("vocab.json", "merges.txt"),
    ("spiece.model",),
    ("sentencepiece.bpe.model",),
    ("vocab.txt",),
)


def folder_troubles(folder: Path, *, networks: bool = True) -> list[Trouble]:
    """Look at a diffusers folder; without ``networks``: at what a single file takes from one."""
    if unsound := settings(folder, "model_index.json"):
        return unsound
    index = read_json(folder / "model_index.json")
    pipeline = index.get("_class_name")
    code = next(folder.rglob("*.py"), None)
    if code is not None or not isinstance(pipeline, str):
        shown = code.relative_to(folder).as_posix() if code else "model_index.json"
        what = "is code of the model's own, which is never run"
        return [Trouble(shown, what, "Use a model that comes without code.")]
    found: list[Trouble] = []
    if not _known(pipeline):
        what = f"names a pipeline that the installed diffusers does not have: {pipeline}"
        found.append(Trouble("model_index.json", what, "Use another model."))
    parts = {name: entry for name, entry in index.items() if isinstance(entry, list) and len(entry) == 2}
    if not any(kind for _, kind in parts.values()):
        found.append(Trouble("model_index.json", "names no parts of a model"))
    for name, (library, kind) in parts.items():
        if name != "safety_checker" and kind is not None:
            found += _component(weights.part(folder, name), name, str(library), str(kind), networks)
    return found


def _component(folder: Path, name: str, library: str, kind: str, networks: bool) -> list[Trouble]:
    if kind.endswith("Scheduler"):
        return _scheduler(folder, name)
    if "Tokenizer" in kind:
        return _tokenizer(folder, name)
    if kind.endswith(("Processor", "FeatureExtractor")):
        file = "processor_config.json" if (folder / "processor_config.json").is_file() else ""
        return settings(folder, file or "preprocessor_config.json", name)
    unsound = settings(folder, "config.json", name)
    return unsound if unsound or not networks else network_troubles(folder, name, library, kind)


def _scheduler(folder: Path, name: str) -> list[Trouble]:
    if unsound := settings(folder, "scheduler_config.json", name):
        return unsound
    found: list[Trouble] = []
    config = read_json(folder / "scheduler_config.json")
    kind = config.get("_class_name")
    if not isinstance(kind, str) or not _known(kind):
        what = f"names a scheduler that the installed diffusers does not have: {kind}"
        remedy = "Use another model, or another scheduler."
        found.append(Trouble(f"{name}/scheduler_config.json", what, remedy))
    for wanted, package in (
        (config.get("use_beta_sigmas"), "scipy"),  # `use_beta_sigmas` is passed on to every sampler
        (kind in ("DPMSolverSDEScheduler", "CosineDPMSolverMultistepScheduler"), "torchsde"),
    ):
        if wanted and importlib.util.find_spec(package) is None:
            remedy = f"Install it: .venv/bin/pip install {package}"
            what = f"wants the Python package {package}, which is not installed"
            found.append(Trouble(f"{name}/scheduler_config.json", what, remedy))
    return found


def _tokenizer(folder: Path, name: str) -> list[Trouble]:
    complete = next((s for s in _TOKENIZERS if all((folder / file).is_file() for file in s)), None)
    if complete is None:
        return [Trouble(f"{name}/tokenizer.json", "is missing (or vocab.json and merges.txt)")]
    found: list[Trouble] = []
    for file in complete:
        if file.endswith(".json"):
            found += settings(folder, file, name)
        elif trouble := small(folder / file):
            found.append(Trouble(f"{name}/{file}", trouble))
    if complete == ("spiece.model",) and importlib.util.find_spec("sentencepiece") is None:
        remedy = "Install it: .venv/bin/pip install sentencepiece"
        found.append(Trouble(f"{name}/spiece.model", "wants the Python package sentencepiece", remedy))
    return found


def network_troubles(folder: Path, name: str, library: str, kind: str) -> list[Trouble]:
    """Look at a network's weights: in one file, or in shards with an index."""
    stem = "model" if library == "transformers" else "diffusion_pytorch_model"
    inside = f"{name}/" if name else ""
    whole, index = f"{stem}.safetensors", f"{stem}.safetensors.index.json"
    # each library has its own order where both are there
    if (folder / index).is_file() and (library == "diffusers" or not (folder / whole).is_file()):
        unsound = settings(folder, index, name)
        listed = {} if unsound else read_json(folder / index).get("weight_map")
        if not unsound and (not isinstance(listed, dict) or not listed):
            return [Trouble(f"{inside}{index}", "lists no shards")]
        shards = _shards(folder, inside, {str(key): str(file) for key, file in (listed or {}).items()})
        return [*unsound, *shards, *lacking(f"{inside}{index}", listed or {}, _wanted(folder, kind))]
    if (folder / whole).is_file():
        return network(folder / whole, f"{inside}{whole}", _wanted(folder, kind))
    variant = next(iter(sorted(folder.glob(f"{stem}.*.safetensors*"))), None)
    pickle = next((file for file in sorted(folder.glob("*.bin"))), None)
    if variant is not None:
        kept = variant.name.removeprefix(f"{stem}.").split(".")[0].split("-")[0]
        remedy = f"Rename its files so that `.{kept}` is gone from their names, or use another copy."
        return [Trouble(f"{inside}{whole}", f"is missing, there is only `{variant.name}`", remedy)]
    if pickle is not None:
        remedy = "Use a copy of the model that has .safetensors files."
        what = f"is missing, there is only the pickle `{pickle.name}`, which can run any program"
        return [Trouble(f"{inside}{whole}", what, remedy)]
    return [Trouble(f"{inside}{whole}", "is missing")]


def _shards(folder: Path, inside: str, listed: Mapping[str, str]) -> list[Trouble]:
    found: list[Trouble] = []
    for shard in sorted(set(listed.values())):
        try:
            held = checkpoint.read(folder / shard).shapes
        except BrokenFileError as error:
            found.append(Trouble(f"{inside}{shard}", str(error)))
            continue
        gone = [key for key, file in listed.items() if file == shard and key not in held]
        if gone:
            found.append(Trouble(f"{inside}{shard}", f"has no tensor `{gone[0]}`, which its index promises"))
    return found


def _wanted(folder: Path, kind: str) -> tuple[str, ...]:
    """Return what the names of a network's tensors must begin with, or hold, as its configuration has it."""
    config = read_json(folder / "config.json")
    if kind == "UNet2DConditionModel":
        blocks = [
            f"{way}_blocks.{number}."
            for way in ("down", "up")
            for number in range(len(config.get(f"{way}_block_types") or ()))
        ]
        return ("conv_in.weight", "conv_out.weight", *blocks)
    if kind == "AutoencoderKL":
        return ("encoder.conv_in.weight", "decoder.conv_in.weight", "decoder.conv_out.weight")
    if kind == "AutoencoderTiny":
        return ("encoder.layers.0.", "decoder.layers.")
    if kind in ("CLIPTextModel", "CLIPTextModelWithProjection"):
        layers = config.get("num_hidden_layers")
        numbers = range(layers if isinstance(layers, int) else 0)
        return ("token_embedding.weight", *(f"encoder.layers.{number}." for number in numbers))
    return ()


@cache
def _diffusers() -> str:
    """Return the text in which diffusers lists all it has; importing it would bring torch."""
    spec = importlib.util.find_spec("diffusers")
    return Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""


def _known(name: str) -> bool:
    return not _diffusers() or f'"{name}"' in _diffusers()
