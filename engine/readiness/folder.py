"""A diffusers folder: everything that its index names is there, whole, and can be read."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
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


def folder_troubles(folder: Path, *, networks: bool = True) -> Iterator[Trouble]:
    """Look at a diffusers folder; without ``networks``: at what a single file takes from one."""
    found = list(settings(folder, "model_index.json"))
    if found:
        yield from found
        return
    index = read_json(folder / "model_index.json")
    pipeline = index.get("_class_name")
    code = next(folder.rglob("*.py"), None)
    if code is not None or not isinstance(pipeline, str):
        shown = code.relative_to(folder).as_posix() if code else "model_index.json"
        what = "is code of the model's own, which is never run"
        yield Trouble(shown, what, "Use a model that comes without code.")
        return
    if not _known(pipeline):
        what = f"names a pipeline that the installed diffusers does not have: {pipeline}"
        yield Trouble("model_index.json", what, "Use another model.")
    parts = {name: entry for name, entry in index.items() if isinstance(entry, list) and len(entry) == 2}
    if not any(kind for _, kind in parts.values()):
        yield Trouble("model_index.json", "names no parts of a model")
    for name, (library, kind) in parts.items():
        if name == "safety_checker" or kind is None:
            continue
        yield from _component(weights.part(folder, name), name, str(library), str(kind), networks)


def _component(folder: Path, name: str, library: str, kind: str, networks: bool) -> Iterator[Trouble]:
    if kind.endswith("Scheduler"):
        yield from _scheduler(folder, name)
    elif "Tokenizer" in kind:
        yield from _tokenizer(folder, name)
    elif kind.endswith(("Processor", "FeatureExtractor")):
        file = "processor_config.json" if (folder / "processor_config.json").is_file() else ""
        yield from settings(folder, file or "preprocessor_config.json", name)
    else:
        unsound = list(settings(folder, "config.json", name))
        yield from unsound
        if networks and not unsound:
            yield from network_troubles(folder, name, library, kind)


def _scheduler(folder: Path, name: str) -> Iterator[Trouble]:
    unsound = list(settings(folder, "scheduler_config.json", name))
    yield from unsound
    if unsound:
        return
    config = read_json(folder / "scheduler_config.json")
    kind = config.get("_class_name")
    if not isinstance(kind, str) or not _known(kind):
        what = f"names a scheduler that the installed diffusers does not have: {kind}"
        yield Trouble(f"{name}/scheduler_config.json", what, "Use another model, or another scheduler.")
    for wanted, package in (
        (config.get("use_beta_sigmas"), "scipy"),  # `use_beta_sigmas` is passed on to every sampler
        (kind in ("DPMSolverSDEScheduler", "CosineDPMSolverMultistepScheduler"), "torchsde"),
    ):
        if wanted and importlib.util.find_spec(package) is None:
            remedy = f"Install it: .venv/bin/pip install {package}"
            what = f"wants the Python package {package}, which is not installed"
            yield Trouble(f"{name}/scheduler_config.json", what, remedy)


def _tokenizer(folder: Path, name: str) -> Iterator[Trouble]:
    complete = next((s for s in _TOKENIZERS if all((folder / file).is_file() for file in s)), None)
    if complete is None:
        yield Trouble(f"{name}/tokenizer.json", "is missing (or vocab.json and merges.txt)")
        return
    for file in complete:
        if file.endswith(".json"):
            yield from settings(folder, file, name)
        elif trouble := small(folder / file):
            yield Trouble(f"{name}/{file}", trouble)
    if complete == ("spiece.model",) and importlib.util.find_spec("sentencepiece") is None:
        remedy = "Install it: .venv/bin/pip install sentencepiece"
        yield Trouble(f"{name}/spiece.model", "wants the Python package sentencepiece", remedy)


def network_troubles(folder: Path, name: str, library: str, kind: str) -> Iterator[Trouble]:
    """Look at a network's weights: in one file, or in shards with an index."""
    stem = "model" if library == "transformers" else "diffusion_pytorch_model"
    inside = f"{name}/" if name else ""
    whole, index = f"{stem}.safetensors", f"{stem}.safetensors.index.json"
    # each library has its own order where both are there
    if (folder / index).is_file() and (library == "diffusers" or not (folder / whole).is_file()):
        unsound = list(settings(folder, index, name))
        yield from unsound
        listed = {} if unsound else read_json(folder / index).get("weight_map")
        if not unsound and (not isinstance(listed, dict) or not listed):
            yield Trouble(f"{inside}{index}", "lists no shards")
            return
        yield from _shards(folder, inside, {str(key): str(file) for key, file in (listed or {}).items()})
        yield from lacking(f"{inside}{index}", listed or {}, _wanted(folder, kind))
        return
    if (folder / whole).is_file():
        yield from network(folder / whole, f"{inside}{whole}", _wanted(folder, kind))
        return
    variant = next(iter(sorted(folder.glob(f"{stem}.*.safetensors*"))), None)
    pickle = next((file for file in sorted(folder.glob("*.bin"))), None)
    if variant is not None:
        kept = variant.name.removeprefix(f"{stem}.").split(".")[0].split("-")[0]
        remedy = f"Rename its files so that `.{kept}` is gone from their names, or use another copy."
        yield Trouble(f"{inside}{whole}", f"is missing, there is only `{variant.name}`", remedy)
    elif pickle is not None:
        remedy = "Use a copy of the model that has .safetensors files."
        what = f"is missing, there is only the pickle `{pickle.name}`, which can run any program"
        yield Trouble(f"{inside}{whole}", what, remedy)
    else:
        yield Trouble(f"{inside}{whole}", "is missing")


def _shards(folder: Path, inside: str, listed: Mapping[str, str]) -> Iterator[Trouble]:
    for shard in sorted(set(listed.values())):
        try:
            held = checkpoint.read(folder / shard).shapes
        except BrokenFileError as error:
            yield Trouble(f"{inside}{shard}", str(error))
            continue
        gone = [key for key, file in listed.items() if file == shard and key not in held]
        if gone:
            yield Trouble(f"{inside}{shard}", f"has no tensor `{gone[0]}`, which its index promises")


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
