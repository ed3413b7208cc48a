"""The LoRAs of one pipeline: read when first asked for, switched between jobs; refuses to know jobs.

All jobs of a model share its networks, so what is on is never left in doubt: `Loras.use` ends with exactly
what was asked for, or raises with none on and whatever it had begun to put in taken out again.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from accelerate.hooks import CpuOffload
from diffusers.utils.peft_utils import (
    delete_adapter_layers,
    set_adapter_layers,
    set_weights_and_activate_adapters,
)

from engine import weights
from engine.errors import LimnerError, NotFound, UserError
from engine.jobs import Lora
from engine.render.memory import out_of_memory

log = logging.getLogger(__name__)

FEW_STEPS = "few steps"
"""The name of a model's own few-step LoRA; no host can give it to another, for it has a blank."""

_DOWN = (".lora_down.weight", ".lora_A.weight", ".lora.down.weight", ".lora_linear_layer.down.weight")
"""How the first of each layer's two tensors ends, by kohya, peft and diffusers."""


class Loras:
    """What a pipeline's networks may have put on. ``files``: name → source of each that may be asked for."""

    def __init__(self, pipe: Any, files: Mapping[str, str]) -> None:
        self._pipe = pipe
        self.files = dict(files)
        self._adapters: dict[str, str] = {}
        """Name → what the libraries call it. People's names are no names for torch's modules."""
        self._notes: dict[str, list[str]] = {}
        self._on: tuple[Lora, ...] | None = ()
        """None while it is in doubt."""

    def use(self, loras: Sequence[Lora]) -> None:
        """Switch to exactly these; weight 0 is as if absent.

        Raises UserError for one that does not fit (NotFound for one that is not there); none is on then.
        """
        wanted = tuple(lora for lora in loras if lora.weight != 0)
        if wanted == self._on:
            return
        self._on = None
        try:
            scales: dict[str, float] = {}
            for lora in wanted:
                adapter = self._brought_in(lora.name)
                scales[adapter] = scales.get(adapter, 0.0) + lora.weight
            self._switch(scales)
            self._on = wanted
        except BaseException:
            self._switch({})
            self._on = ()
            raise

    def _parts(self) -> list[Any]:
        """Return the networks that LoRAs change."""
        parts = (getattr(self._pipe, name, None) for name in self._pipe._lora_loadable_modules)
        return [part for part in parts if part is not None]

    def _switch(self, scales: Mapping[str, float]) -> None:
        """Let each network compute with those adapters of ``scales`` that it has, or as without any."""
        for part in self._parts():
            here = [adapter for adapter in scales if adapter in getattr(part, "peft_config", {})]
            set_adapter_layers(part, enabled=bool(here))
            if here:
                set_weights_and_activate_adapters(part, here, [scales[adapter] for adapter in here])

    def _brought_in(self, name: str) -> str:
        """Return the adapter of a LoRA, read if it is not in; if that fails the networks are as before."""
        if name in self._adapters:
            return self._adapters[name]
        if name not in self.files:
            raise NotFound(f"There is no LoRA `{name}` for this model.")
        file = str(weights.lora_file(self.files[name]))
        adapter = f"lora_{len(self._adapters)}"
        hooks = [part._hf_hook for part in self._parts() if hasattr(part, "_hf_hook")]
        try:
            with warnings.catch_warnings():  # of having several, which is what is wanted
                warnings.filterwarnings("ignore", message="Already found a `peft_config`")
                self._pipe.load_lora_weights(file, adapter_name=adapter, local_files_only=True)
            if not any(adapter in getattr(part, "peft_config", {}) for part in self._parts()):
                raise ValueError("no tensor of it has a place here")  # diffusers only warns
        except BaseException as error:
            self._take_out(adapter)
            self._hook_again(hooks)
            if not isinstance(error, Exception) or isinstance(error, LimnerError) or out_of_memory(error):
                raise
            log.warning("LoRA %s (%s) cannot be used", name, file, exc_info=True)
            fault = _fault(Path(file))
            refused = UserError(f"The LoRA `{name}` {fault}. Draw without it.")
            if TOLD in fault:
                refused.telling_host(
                    f"The LoRA `{name}` (`{file}`) {fault.partition(';')[0]}. Fetch it again."
                )
            raise refused from error
        self._adapters[name] = adapter
        self._notes[name] = self._shortcomings(name, adapter, Path(file))
        return adapter

    def notes(self, loras: Sequence[Lora]) -> list[str]:
        """Return what of these, which are in, could not be honoured."""
        return [note for lora in loras for note in self._notes.get(lora.name, ())]

    def _shortcomings(self, name: str, adapter: str, file: Path) -> list[str]:
        names = weights.tensor_names(file)
        pairs = sum(one.endswith(_DOWN) for one in names)
        here = sum(
            adapter in getattr(module, "lora_A", ()) or adapter in getattr(module, "lora_embedding_A", ())
            for part in self._parts()
            for module in part.modules()
        )
        notes = []
        if here < pairs:
            notes.append(f"Only {here} of the {pairs} layers of the LoRA `{name}` fit this model.")
        if any("dora_scale" in one for one in names):
            notes.append(f"`{name}` is a DoRA; its magnitudes are left out, so it is drawn as a plain LoRA.")
        return notes

    def _take_out(self, adapter: str) -> None:
        """Remove what an adapter has put into the networks, be it all, some, or nothing."""
        for part in self._parts():
            with warnings.catch_warnings():  # of what is on instead, which `use` sees to
                warnings.filterwarnings("ignore", message="Adapter .* was active")
                delete_adapter_layers(part, adapter)
            getattr(part, "peft_config", {}).pop(adapter, None)

    def _hook_again(self, hooks: Sequence[object]) -> None:
        """Offload again what was: diffusers unhooks the networks to load a LoRA, and fails before the end."""
        if not hooks or all(hasattr(part, "_hf_hook") for part in self._parts()):
            return
        if any(isinstance(hook, CpuOffload) for hook in hooks):
            self._pipe.enable_model_cpu_offload()
        else:
            self._pipe.enable_sequential_cpu_offload()


TOLD = "the host was told"


def _fault(file: Path) -> str:
    """Say what is wrong with a LoRA's file that no model could be given."""
    size = file.stat().st_size
    with file.open("rb") as opened:
        start = opened.read(64).lstrip()
    if size == 0:
        return f"is an empty file; {TOLD}"
    if start.startswith(b"version https://git-lfs"):
        return f"is a Git LFS pointer and not the file itself; {TOLD} (`git lfs pull` fetches it)"
    if start.startswith(b"<"):
        return f"is a web page and no LoRA; {TOLD}"
    if weights.is_cut(file):
        return f"is cut short or damaged; {TOLD}"
    names = weights.tensor_names(file)
    for kind, mark in (("LoHa", ".hada_"), ("LoKr", ".lokr_")):
        if any(mark in name for name in names):
            return f"is a {kind}, a kind that cannot be drawn with here"
    if not any(".lora" in name for name in names):
        return "has no LoRA layers in it"
    return "was made for another kind of model"
