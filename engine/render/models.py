"""Bringing a model into memory: which file, which device, which precision; refuses to know jobs and pictures.

Long: one way from a folder to a loaded model.

Weights come as ``.safetensors`` only: a pickle can run code when it is opened, and so can a repository that
brings its own Python, so neither is ever loaded. At run time nothing is fetched: a hub name is looked up in
the local cache, which only ``limner models pull`` fills.
"""

from __future__ import annotations

import inspect
import json
import os

# set before diffusers and huggingface_hub are imported: they read them once
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("DIFFUSERS_DISABLE_REMOTE_CODE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from diffusers.loaders.single_file_utils import create_diffusers_clip_model_from_ldm
from safetensors import safe_open

from engine import quantization, weights
from engine.config import EngineConfig, LoraConfig, ModelConfig
from engine.errors import EngineError, NotFound
from engine.jobs import JobSpec, Lora
from engine.pocket import FLOW, shared
from engine.render import quantized, samplers
from engine.render.conditioning import vision
from engine.render.conditioning.ip_adapter import Adapter
from engine.render.conditioning.lora_rows import Worn
from engine.render.conditioning.text import TextEncoder
from engine.render.families.base import Family
from engine.render.families.sd import StableDiffusion
from engine.render.families.table import kind_of
from engine.render.loras import FEW_STEPS, Loras
from engine.words import Sentence

log = logging.getLogger(__name__)

# a bot's log is no place for progress bars, nor for advice meant for notebooks
for library in (diffusers, transformers):
    library.utils.logging.set_verbosity_error()
    library.utils.logging.disable_progress_bar()


SMALL_CARD = 9 * 2**30
"""Bytes of device memory under which the VAE works in tiles (6 and 8 GB cards)."""


@dataclass(frozen=True)
class DeviceSpec:
    """What the pictures are computed on."""

    device: torch.device
    dtype: torch.dtype
    memory: int
    """Bytes of device memory; 0 where it is the machine's own (CPU, MPS)."""
    name: str = "cpu"
    """What the device is called by its maker, or its kind."""
    there: tuple[str, ...] = ("cpu:0",)
    """All devices of its kind that this process sees, its own first."""

    @classmethod
    def find(cls, engine: EngineConfig) -> DeviceSpec:
        """Choose device and precision: CUDA before MPS before CPU; bfloat16, float16, float32 in that order.

        Raises EngineError where the configuration names a device that this torch cannot use.
        """
        usable = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
        name: str = engine.device
        if name == "auto":
            name = next(kind for kind, here in usable.items() if here)
        elif not usable[name]:
            raise EngineError(
                f"device = {name}, but this torch sees no {name.upper()} device; run `limner check`"
            )
        memory = torch.cuda.get_device_properties(0).total_memory if name == "cuda" else 0
        if engine.dtype != "auto":
            dtype = getattr(torch, engine.dtype)
        elif name == "cuda":
            dtype = torch.bfloat16 if torch.cuda.get_device_capability()[0] >= 8 else torch.float16
        else:
            dtype = torch.float16 if name == "mps" else torch.float32
        count = torch.cuda.device_count() if name == "cuda" else 1
        there = tuple(f"{name}:{index}" for index in range(count))
        called = torch.cuda.get_device_name(0) if name == "cuda" else name
        return cls(torch.device(name), dtype, memory, called, there)


@dataclass(eq=False)
class Model:
    """A model in memory."""

    name: str
    config: ModelConfig
    pipe: Any
    machine: DeviceSpec
    family: Family | None = None
    """None = its loop is not ours: it is run by its own pipeline."""
    adapter: Adapter | None = None
    """What reads pictures in prompts, where one is configured."""
    loras: Loras | None = None
    """What its pictures may wear; None where diffusers reads no LoRAs for it."""
    bytes: int = 0
    """What its weights take."""

    @property
    def text(self) -> TextEncoder | None:
        """What reads its texts in CLIP's chunks; None where they are read otherwise."""
        return self.family.text if isinstance(self.family, StableDiffusion) else None

    def worn(self, spec: JobSpec) -> Worn:
        """Return what a job's pictures wear: the LoRAs it names, and in a draft the few-step weights.

        Raises UserError for a LoRA that does not fit.
        """
        if self.loras is None:
            return ()
        quick = spec.few_steps and FEW_STEPS in self.loras.files
        return self.loras.worn((*spec.loras, Lora(name=FEW_STEPS)) if quick else spec.loras)

    def offer_loras(self, loras: Sequence[LoraConfig]) -> None:
        """Let pictures from now on wear these LoRAs, as far as they are for it, and no others."""
        if self.loras is not None:
            self.loras.files = lora_files(self.config, loras)

    @contextmanager
    def wrapping(self, tile: bool) -> Iterator[None]:
        """Make every convolution wrap around the picture's edges while inside, so that it tiles."""
        if not tile or self.family is None or not self.family.can.tile:
            yield
            return
        convolutions = [
            module
            for part in (self.family.network, self.family.vae)
            for module in part.modules()
            if isinstance(module, torch.nn.Conv2d) and module.padding_mode == "zeros"
        ]
        try:
            for module in convolutions:
                module.padding_mode = "circular"
            yield
        finally:
            for module in convolutions:
                module.padding_mode = "zeros"

    @contextmanager
    def in_tiles(self) -> Iterator[None]:
        """Let the VAE work in slices and tiles while inside: less memory, and not quite the same picture."""
        vae = self.pipe.vae
        before = {name: getattr(vae, name, None) for name in ("use_slicing", "use_tiling")}
        try:
            for save in ("enable_slicing", "enable_tiling"):
                try:
                    getattr(vae, save)()
                except (AttributeError, NotImplementedError):
                    log.debug("%s cannot %s", type(vae).__name__, save)
            yield
        finally:
            for name, value in before.items():
                if value is not None:
                    setattr(vae, name, value)

    def offload(self) -> bool:
        """Let parts wait in the machine's own memory from now on, which changes no picture.

        Returns whether that was left to do.
        """
        if self.machine.device.type != "cuda" or getattr(self.pipe, "_all_hooks", None):
            return False
        self.pipe.enable_model_cpu_offload(device=self.machine.device)
        return True


def load(
    name: str,
    config: ModelConfig,
    machine: DeviceSpec,
    engine: EngineConfig,
    loras: Sequence[LoraConfig] = (),
) -> Model:
    """Bring a model into memory. Raises NotFound where its files are missing, EngineError for unsafe ones."""
    pipe = _read(config, machine.dtype)
    family = kind_of(pipe)
    told = bool(config.prediction) or config.zero_snr is not None
    if told and family is not None and issubclass(family, StableDiffusion):
        pipe.scheduler = samplers.described(pipe.scheduler, config.prediction, config.zero_snr)
    if family is not None and not family.understands(pipe.scheduler):
        log.warning("%s noises as %s does: drawn by that alone", name, type(pipe.scheduler).__name__)
        family = None
    if hasattr(pipe, "safety_checker"):
        pipe.safety_checker = None
    pipe.set_progress_bar_config(disable=True)
    adapter = _adapter(config, pipe, family)  # before offloading hooks what the pipeline then has
    _place(pipe, machine, engine)
    model = Model(
        name,
        config,
        pipe,
        machine,
        family(pipe, machine.device) if family else None,
        adapter=adapter,
        bytes=_bytes(pipe.components.values()) + _bytes(adapter.parts if adapter else ()),
    )
    if config.clip_skip is not None:
        if model.text is None:
            log.warning("%s: `clip_skip` means nothing to %s", name, type(pipe).__name__)
        else:
            model.text.skip(config.clip_skip)
    if adapter is not None:
        adapter.to(machine.device)
    if hasattr(pipe, "load_lora_weights"):
        model.loras = Loras(pipe, lora_files(config, loras), machine.device, engine.loras_kept)
    kind = model.family.name if model.family else "its own loop"
    log.info("%s (%s, %s) is on %s in %s", name, type(pipe).__name__, kind, machine.device, machine.dtype)
    return model


def lora_files(config: ModelConfig, loras: Sequence[LoraConfig]) -> dict[str, str]:
    """Return the sources of the LoRAs that are for a model, by name; its few-step weights among them."""
    files = {lora.name: lora.source for lora in loras if lora.model in ("", config.name)}
    return files | ({FEW_STEPS: config.few_steps_source} if config.few_steps_source else {})


def _read(config: ModelConfig, dtype: torch.dtype) -> Any:
    """Let diffusers read a folder or a single file; hub names are folders in the local cache by now."""
    path = weights.find(config)
    if path is None:
        raise NotFound(weights.missing(config))
    options: dict[str, Any] = {"dtype": dtype, "local_files_only": True}
    if path.is_dir():
        _refuse_code(path)
        given = shared.parts(dtype=dtype) if path == FLOW else _left_out(path)
        pipe = diffusers.DiffusionPipeline.from_pretrained(
            path, use_safetensors=True, **given, **options, **quantized.options(config, path, dtype)
        )
        if "processor" in pipe.config and (path / "processor").is_dir():
            pipe.processor = vision.processor(path / "processor", pipe.tokenizer)
        return pipe
    if trouble := quantization.trouble(config, path):
        raise EngineError(f"{config.name}: {trouble}")
    file, family = str(weights.safe_file(path)), weights.family_of(path)
    if family is None:
        raise EngineError(
            f"{path.name} is no checkpoint of SD 1.x, SD 2.x or SDXL in one file; use a diffusers folder"
        )
    base = weights.find_base(path)
    if base is None:  # a single file has no tokenizer
        told = Sentence(
            "`{file}` needs the small tokenizer files of its family, which are not on this machine. Convert "
            "it to a diffusers folder, or fetch them once with: limner models pull {model}"
        )
        raise NotFound(Sentence(told, file=path.name, model=config.name))
    pipeline = diffusers.StableDiffusionXLPipeline if family == "sdxl" else diffusers.StableDiffusionPipeline
    prefix = weights.first_clip_names(path)
    if prefix:
        options["text_encoder"] = _first_clip(file, prefix, base, dtype)
    pipe = pipeline.from_single_file(file, config=str(base), **options)
    prediction, zero_snr = weights.stated(path)
    pipe.scheduler = samplers.described(pipe.scheduler, prediction, zero_snr or None)
    return pipe


def _first_clip(file: str, prefix: str, base: Path, dtype: torch.dtype) -> Any:
    """Read a text encoder under the names that tensors of CLIP had first, without ``text_model.``"""
    with safe_open(file, "pt") as opened:
        names = opened.keys()
        named = {name: opened.get_tensor(name) for name in names if name.startswith(prefix)}
    renamed = {f"{prefix}text_model.{name.removeprefix(prefix)}": value for name, value in named.items()}
    return create_diffusers_clip_model_from_ldm(
        transformers.CLIPTextModel,
        renamed,
        subfolder="text_encoder",
        config=str(base),
        torch_dtype=dtype,
        local_files_only=True,
    )


def _adapter(config: ModelConfig, pipe: Any, family: type[Family] | None) -> Adapter | None:
    """Read the IP-Adapter of a model that has one. Raises NotFound where its files are missing."""
    if config.ip_adapter is None:
        return None
    if family is None or not issubclass(family, StableDiffusion):
        raise EngineError(f"{type(pipe).__name__} takes no IP-Adapter here; remove `ip_adapter`")
    root = weights.find_adapter(config.ip_adapter)
    if root is None:
        raise NotFound(weights.missing_adapter(config))
    return Adapter.read(pipe, root, config.ip_adapter, family.name)


def _left_out(folder: Path) -> dict[str, Any]:
    """Name the parts to do without: the safety checker (moderation is the front door's work), and what the
    folder does not hold, such as SD3's T5.
    """
    index = json.loads((folder / "model_index.json").read_text())
    absent: dict[str, Any] = {}
    if "safety_checker" in index:
        absent |= {"safety_checker": None, "requires_safety_checker": False}
    if index.get("processor", ["", ""])[1] == vision.WANTED:
        absent["processor"] = None  # it would want torchvision
    pipeline = getattr(diffusers, index["_class_name"], None)
    if pipeline is not None:
        for name, parameter in list(inspect.signature(pipeline.__init__).parameters.items())[1:]:
            if parameter.default is parameter.empty and index.get(name, [None])[0] is None:
                absent[name] = None
    return absent


def _refuse_code(folder: Path) -> None:
    """Raise EngineError for a folder whose pipeline or parts are Python files of its own."""
    index = json.loads((folder / "model_index.json").read_text())
    named = index.get("_class_name")
    if not isinstance(named, str) or any(folder.rglob("*.py")):
        raise EngineError(f"{folder} brings code of its own, which is never run")


def _bytes(parts: Iterable[object]) -> int:
    """Return the bytes of the weights of what may be networks."""
    return sum(
        quantized.bytes_of(parameter)
        for part in parts
        if isinstance(part, torch.nn.Module)
        for parameter in part.parameters()
    )


def _place(pipe: Any, machine: DeviceSpec, engine: EngineConfig) -> None:
    """Put the parts where they compute; let them wait in the machine's memory where the card is too small."""
    offload = engine.offload
    if offload == "auto":
        # activations and the library's own workspace want about 3 GB beside the weights
        needed = _bytes(pipe.components.values()) + 3 * 2**30
        offload = "model" if machine.memory and needed > machine.memory else "none"
    if machine.device.type != "cuda":
        offload = "none"
    if offload == "model":
        pipe.enable_model_cpu_offload(device=machine.device)
    elif offload == "sequential":
        pipe.enable_sequential_cpu_offload(device=machine.device)
    else:
        pipe.to(machine.device)
    if machine.device.type == "cuda" and hasattr(pipe, "unet"):
        pipe.unet.to(memory_format=torch.channels_last)
    if 0 < machine.memory < SMALL_CARD and hasattr(getattr(pipe, "vae", None), "enable_tiling"):
        pipe.vae.enable_tiling()
