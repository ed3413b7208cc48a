"""What flow-matching transformers have in common: schedules with shift, latents as they are, texts kept."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import warnings
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from engine.prompt.attention import parse_attention
from engine.render import noise, samplers
from engine.render.conditioning.kept import KeptTexts
from engine.render.families import vae
from engine.render.families.base import Embedding, Family, Row

_FLOW = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}
SAMPLERS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "euler": ("scheduling_flow_match_euler_discrete.FlowMatchEulerDiscreteScheduler", {}),
    "dpmpp_2m": ("scheduling_dpmsolver_multistep.DPMSolverMultistepScheduler", _FLOW),
    "dpmpp_2m_sde": (
        "scheduling_dpmsolver_multistep.DPMSolverMultistepScheduler",
        {**_FLOW, "algorithm_type": "sde-dpmsolver++"},
    ),
    "dpmpp_2s": ("scheduling_dpmsolver_singlestep.DPMSolverSinglestepScheduler", _FLOW),
    "unipc": ("scheduling_unipc_multistep.UniPCMultistepScheduler", _FLOW),
    "lcm": ("scheduling_flow_match_lcm.FlowMatchLCMScheduler", {}),
}
"""Our names; the module and class in ``diffusers.schedulers``; what is set on top of the model's config."""


def make(name: str, base: Any, steps: int, sigmas: Sequence[float] | None, mu: float) -> Any:
    """Return a fresh scheduler configured as the model's own ``base`` is, its timesteps set, on the CPU.

    ``sigmas`` before shifting, where the family gives its own; ``mu`` shifts them, where the model's
    configuration says that they shift with the size of the picture.
    """
    path, overrides = SAMPLERS[name]
    module, _, title = path.partition(".")
    scheduler_class = getattr(importlib.import_module(f"diffusers.schedulers.{module}"), title)
    config = {**base.config, **overrides}
    if overrides:
        config["flow_shift"] = base.config.get("shift", 1.0)
    scheduler = scheduler_class.from_config(config)
    takes = inspect.signature(scheduler.set_timesteps).parameters
    options: dict[str, Any] = {"mu": mu} if base.config.get("use_dynamic_shifting") else {}
    with warnings.catch_warnings():
        # diffusers hands tensors to numpy in a way that numpy 2 warns of
        warnings.filterwarnings("ignore", message="__array_", category=DeprecationWarning)
        if sigmas is not None and "sigmas" in takes and not overrides:
            scheduler.set_timesteps(sigmas=sigmas, device="cpu", **options)
        else:
            scheduler.set_timesteps(steps, device="cpu", **options)
    return scheduler


def down_to(steps: int) -> list[float]:
    """Return the sigmas that most of diffusers' pipelines give: in equal steps from 1 to ``1 / steps``."""
    return [float(sigma) for sigma in np.linspace(1.0, 1 / steps, steps)]


def shift_by_tokens(config: Mapping[str, Any], tokens: int) -> float:
    """Return ``mu`` on the line through two numbers of tokens, as diffusers' ``calculate_shift`` has it."""
    low, high = config.get("base_image_seq_len", 256), config.get("max_image_seq_len", 4096)
    first, last = config.get("base_shift", 0.5), config.get("max_shift", 1.15)
    slope = (last - first) / (high - low)
    return float(tokens * slope + first - slope * low)


def plain(text: str) -> str:
    """Return a prompt without the marks of weighted words."""
    pieces = [" " if piece == "BREAK" else piece for piece, _ in parse_attention(text)]
    return "".join(pieces)


def pack(latents: Tensor) -> Tensor:
    """Return latents (n, channels, height, width) as patches of 2 × 2: (n, patches, 4 · channels)."""
    count, channels, high, wide = latents.shape
    patches = latents.view(count, channels, high // 2, 2, wide // 2, 2).permute(0, 2, 4, 1, 3, 5)
    return patches.reshape(count, high // 2 * (wide // 2), channels * 4)


def unpack(patches: Tensor, high: int, wide: int) -> Tensor:
    """Undo `pack`; ``high`` and ``wide`` are those of the latents."""
    count, _, channels = patches.shape
    latents = patches.view(count, high // 2, wide // 2, channels // 4, 2, 2).permute(0, 3, 1, 4, 2, 5)
    return latents.reshape(count, channels // 4, high, wide)


def padded(texts: Sequence[Embedding], buckets: Sequence[int] = ()) -> tuple[Tensor, Tensor]:
    """Return texts filled up with zeros to one length, and where they are texts (n, length; boolean).

    The length is the least of ``buckets`` that holds the longest, so that compiled graphs are few.
    """
    longest = max(text.tokens.shape[1] for text in texts)
    length = next((bucket for bucket in buckets if bucket >= longest), longest)
    tokens = texts[0].tokens.new_zeros(len(texts), length, texts[0].tokens.shape[2])
    mask = torch.zeros(len(texts), length, dtype=torch.bool, device=tokens.device)
    for row, text in enumerate(texts):
        tokens[row, : text.tokens.shape[1]] = text.tokens[0]
        mask[row, : text.tokens.shape[1]] = True
    return tokens, mask


def guidance(rows: Sequence[Row]) -> Tensor | None:
    """Return the guidance scales that a network reads as numbers; None for one that does not."""
    return torch.cat([row.inputs["guidance"] for row in rows]) if "guidance" in rows[0].inputs else None


class Flow(Family):
    """A transformer that flows from noise to picture. Latents of 2 × 2 are one of its tokens."""

    samplers: ClassVar[tuple[str, ...]] = tuple(SAMPLERS)

    @classmethod
    def understands(cls, scheduler: Any) -> bool:
        """Flow in a straight line, as all of these do."""
        return noise.is_flow(scheduler)

    def __init__(self, pipe: Any, device: torch.device) -> None:
        super().__init__(pipe, device)
        self._texts = KeptTexts()

    @property
    def network(self) -> Any:
        """The transformer."""
        return self.pipe.transformer

    @property
    def multiple(self) -> int:
        """Sides are whole tokens."""
        return 2 * self.scale

    def tokens(self, shape: Sequence[int]) -> int:
        """Return how many tokens a picture of a latent shape (…, height, width) is."""
        return (shape[-2] // 2) * (shape[-1] // 2)

    def encode_texts(
        self,
        conditions: Sequence[str],
        unconditional: str | None,
        state: Hashable = None,
        seen: Sequence[Image.Image] = (),
    ) -> tuple[list[Embedding], Embedding | None]:
        """Encode each text on its own; they need not be of one length."""
        seen = seen if self.texts_see else ()
        also = (state, *(hashlib.sha256(one.tobytes()).digest() for one in seen), *(one.size for one in seen))
        encoded = [self._text(text, also, seen) for text in conditions]
        return encoded, None if unconditional is None else self._text(unconditional, also, seen)

    def _text(self, text: str, state: Hashable, seen: Sequence[Image.Image]) -> Embedding:
        return self._texts.get((text, state), lambda: self._encoded(plain(text), seen))

    @torch.inference_mode()
    def _encoded(self, text: str, seen: Sequence[Image.Image]) -> Embedding:
        # where parts take turns on the card, what draws must leave it before what reads comes, which is
        # as large: in diffusers' own order nothing leaves before the first
        for hook in getattr(self.pipe, "_all_hooks", ()):
            hook.offload()
        return self.encode_instruction(text, seen) if seen else self.encode_text(text)

    def forget(self) -> None:
        """Let go of all kept embeddings."""
        self._texts.forget()

    def encode_text(self, text: str) -> Embedding:
        """Return the embedding of a text without marks, as diffusers' pipeline has it."""
        raise NotImplementedError

    def encode_instruction(self, text: str, seen: Sequence[Image.Image]) -> Embedding:
        """Return the same of a text that speaks of pictures, where the encoder looks at them."""
        raise NotImplementedError

    def schedule(self, sampler: str, steps: int, shape: Sequence[int]) -> Any:
        """Shift the sigmas of diffusers' pipeline by the size of the picture."""
        mu = shift_by_tokens(self.pipe.scheduler.config, self.tokens(shape))
        return make(samplers.canonical(sampler), self.pipe.scheduler, steps, down_to(steps), mu)

    def skipped(self, steps: int, strength: float) -> int:
        """Leave out whole steps."""
        return noise.skipped_of_share(steps, strength)

    def encode(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        """Draw from the posterior, moved and scaled."""
        config = self.vae.config
        latents = vae.encoded(self.vae, pixels, generator)
        return ((latents - config.shift_factor) * config.scaling_factor).to(self.dtype)

    def decode(self, latents: Tensor) -> Tensor:
        """Undo that, and decode."""
        config = self.vae.config
        return vae.decoded(
            self.vae, latents, lambda scaled: scaled / config.scaling_factor + config.shift_factor
        )
