"""The LoRAs of one pipeline: read when first asked for, kept while they are in use; refuses to know jobs.

diffusers reads the files, in whatever form they come, by putting layers into the networks. Those are taken
out again at once, and what they hold is kept beside the networks, which stay as they were loaded: what one
picture wears is no matter of another's (`engine.render.conditioning.lora_rows`).
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate.hooks import CpuOffload
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn

from engine import checkpoint, weights
from engine.errors import LimnerError, NotFound, UserError
from engine.jobs import Lora
from engine.render.conditioning.lora_rows import Weights, Worn
from engine.render.memory import out_of_memory
from engine.words import Sentence

log = logging.getLogger(__name__)

FEW_STEPS = "few steps"
"""The name of a model's own few-step LoRA; no host can give it to another, for it has a blank."""

_FIRST = (
    *(".lora_down.weight", ".lora_A.weight", ".lora.down.weight", ".lora_linear_layer.down.weight"),
    *(".lokr_w1", ".lokr_w1_a"),
)
"""How the first of each layer's tensors ends, by kohya, peft, diffusers, and of a LoKr."""


class Loras:
    """What a pipeline's pictures may wear. ``files``: name → source of each that may be asked for.

    At most ``kept`` stay in memory beside those that pictures in flight wear; the one that was not asked for
    for the longest time goes first.
    """

    def __init__(self, pipe: Any, files: Mapping[str, str], device: torch.device, kept: int) -> None:
        self._pipe = pipe
        self.files = dict(files)
        self._device = device
        self._kept = kept
        self._here: OrderedDict[tuple[object, ...], Weights] = OrderedDict()

    def worn(self, loras: Sequence[Lora]) -> Worn:
        """Return these LoRAs as rows wear them; weight 0 is as if absent.

        Raises UserError for one that does not fit (NotFound for one that is not there).
        """
        scales: dict[Weights, float] = {}
        for lora in loras:
            if lora.weight != 0:
                one = self._brought_in(lora.name)
                scales[one] = scales.get(one, 0.0) + lora.weight
        while len(self._here) > self._kept:
            self._here.popitem(last=False)
        return tuple(scales.items())

    def _brought_in(self, name: str) -> Weights:
        """Return a LoRA, read if it is not here or its file is another by now."""
        if name not in self.files:
            raise NotFound(Sentence("There is no LoRA `{name}` for this model.", name=name))
        file = weights.lora_file(self.files[name])
        status = file.stat()
        key = (name, str(file), status.st_mtime_ns, status.st_size)
        if key not in self._here:
            self._here[key] = self._read(name, file, key)
        self._here.move_to_end(key)
        return self._here[key]

    def _read(self, name: str, file: Path, key: tuple[object, ...]) -> Weights:
        hooks = [part._hf_hook for part in self._parts() if hasattr(part, "_hf_hook")]
        try:
            try:
                with torch.inference_mode(False):  # which forbids to wrap weights of fewer bits anew
                    self._pipe.load_lora_weights(str(file), adapter_name="lora", local_files_only=True)
                holders = self._holders()
                if not holders:
                    raise ValueError("no tensor of it has a place here")  # diffusers only warns
                self._refuse_changed()
                _refuse_broken(name, file, holders)
            finally:
                self._take_out()
        except BaseException as error:
            self._hook_again(hooks)
            if not isinstance(error, Exception) or isinstance(error, LimnerError) or out_of_memory(error):
                raise
            log.warning("LoRA %s (%s) cannot be used", name, file, exc_info=True)
            fault = _fault(file)
            why, told, _ = fault.partition("; the host was told")
            raise _refused(name, file, fault, f"{why}. Fetch it again." if told else "") from error
        return self._kept_beside(key, holders, _shortcomings(name, file, len(holders)))

    def _kept_beside(
        self, key: tuple[object, ...], holders: Mapping[nn.Module, Any], notes: Sequence[str]
    ) -> Weights:
        """Move what was read to where it computes."""
        for holder in holders.values():
            for name, part in holder.named_children():
                if name != "base_layer" and not any(hasattr(each, "_hf_hook") for each in part.modules()):
                    part.to(self._device)
        network = {*self._pipe.components["unet" if hasattr(self._pipe, "unet") else "transformer"].modules()}
        return Weights(key, holders, not network.issuperset(holders), tuple(notes))

    def _parts(self) -> list[Any]:
        """Return the networks that LoRAs change."""
        parts = (getattr(self._pipe, name, None) for name in self._pipe._lora_loadable_modules)
        return [part for part in parts if part is not None]

    def _holders(self) -> dict[nn.Module, BaseTunerLayer]:
        """Return the layers that were put into the networks, by those they stand around."""
        return {
            module.get_base_layer(): module
            for part in self._parts()
            for module in part.modules()
            if isinstance(module, BaseTunerLayer)
        }

    def _refuse_changed(self) -> None:
        """Raise ValueError where reading a file has done more than put layers around a network's own."""
        for part in self._parts():
            if any(getattr(module, "fused_projections", False) for module in part.modules()):
                part.unfuse_qkv_projections()
                raise ValueError("its layers want query, key and value as one")
            if getattr(part, "_transformer_norm_layers", None) or getattr(part, "_overwritten_params", None):
                self._here.clear()  # layers they stand around are replaced
                raise ValueError("it changes the network itself")

    def _take_out(self) -> None:
        """Leave the networks as they were before a LoRA was put in, be it all, some, or nothing."""
        try:
            self._pipe.unload_lora_weights(reset_to_overwritten_params=True)
        except TypeError:  # but for FLUX.1's
            self._pipe.unload_lora_weights()

    def _hook_again(self, hooks: Sequence[object]) -> None:
        """Offload again what was: diffusers unhooks the networks to load a LoRA, and fails before the end."""
        if not hooks or all(hasattr(part, "_hf_hook") for part in self._parts()):
            return
        if any(isinstance(hook, CpuOffload) for hook in hooks):
            self._pipe.enable_model_cpu_offload()
        else:
            self._pipe.enable_sequential_cpu_offload()


def _refuse_broken(name: str, file: Path, holders: Mapping[nn.Module, Any]) -> None:
    """Raise UserError where a LoRA holds values that are no numbers: they would spread to all it touches."""
    for holder in holders.values():
        for part, values in holder.named_parameters():
            if not part.startswith("base_layer.") and not torch.isfinite(values).all():
                fault = Sentence("holds values that are no numbers; the host was told")
                why = "holds values that are no numbers (NaN or infinite): its training went wrong."
                raise _refused(name, file, fault, f"{why} Use another file.")


def _refused(name: str, file: Path, fault: Sentence, for_host: str) -> UserError:
    """Return what is said of a LoRA that cannot be used, and to the host, where there is something to do."""
    error = UserError(Sentence("The LoRA `{name}` {fault}. Draw without it.", name=name, fault=fault))
    return error.telling_host(f"The LoRA `{name}` (`{file}`) {for_host}") if for_host else error


def past_numbers(loras: Sequence[Lora]) -> UserError | None:
    """Return what to say of a picture whose values passed every number, where LoRAs may be why."""
    worn = [lora.name for lora in loras if lora.weight]
    if not worn:
        return None
    return UserError(
        Sentence(
            "With {named} nothing can be drawn: its values grow past every number. Lower the weight, such as "
            "`--lora name:0.5`, or draw without it.",
            named=", ".join(f"`{name}`" for name in worn),
        )
    )


def said_with(worn: Worn) -> tuple[object, ...]:
    """Return what of the LoRAs decides how texts are read, for caches."""
    return tuple((one.key, scale) for one, scale in worn if one.said)


def _shortcomings(name: str, file: Path, here: int) -> list[str]:
    """Say what of a LoRA that fits ``here`` layers is left out."""
    names = weights.shapes(file)
    layers = sum(one.endswith(_FIRST) for one in names)
    notes: list[str] = []
    if here < layers:
        told = Sentence("Only {here} of the {layers} layers of the LoRA `{name}` fit this model.")
        notes.append(Sentence(told, here=here, layers=layers, name=name))
    if any("dora_scale" in one for one in names):
        told = Sentence("`{name}` is a DoRA; its magnitudes are left out, so it is drawn as a plain LoRA.")
        notes.append(Sentence(told, name=name))
    return notes


def _fault(file: Path) -> Sentence:
    """Say what is wrong with a LoRA's file that no model could be given."""
    size = file.stat().st_size
    with file.open("rb") as opened:
        start = opened.read(64).lstrip()
    if size == 0:
        return Sentence("is an empty file; the host was told")
    if start.startswith(b"version https://git-lfs"):
        return Sentence(
            "is a Git LFS pointer and not the file itself; the host was told (`git lfs pull` fetches it)"
        )
    if start.startswith(b"<"):
        return Sentence("is a web page and no LoRA; the host was told")
    try:
        names = checkpoint.read(file).shapes
    except checkpoint.BrokenFileError:
        return Sentence("is cut short or damaged; the host was told")
    for kind, mark in (("LoHa", ".hada_"), ("LoKr", ".lokr_")):
        if any(mark in name for name in names):
            return Sentence("is a {kind}, a kind that cannot be drawn with here", kind=kind)
    if not any(".lora" in name for name in names):
        return Sentence("has no LoRA layers in it")
    return Sentence("was made for another kind of model")
