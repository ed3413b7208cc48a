"""What flow-matching transformers have in common: schedules with shift, latents as they are, texts kept."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, ClassVar

import diffusers
import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from engine.prompt.attention import parse_attention
from engine.render import noise, samplers
from engine.render.conditioning.kept import KeptTexts
from engine.render.families import vae
from engine.render.families.base import Embedding, Family, Texts

_FLOW = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}
SAMPLERS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "euler": ("FlowMatchEulerDiscreteScheduler", {}),
    "dpmpp_2m": ("DPMSolverMultistepScheduler", _FLOW),
    "dpmpp_2m_sde": ("DPMSolverMultistepScheduler", {**_FLOW, "algorithm_type": "sde-dpmsolver++"}),
    "dpmpp_2s": ("DPMSolverSinglestepScheduler", _FLOW),
    "unipc": ("UniPCMultistepScheduler", _FLOW),
    "lcm": ("FlowMatchLCMScheduler", {}),
}
"""Our names; the class in diffusers; what is set on top of the model's config."""


def make(name: str, base: Any, steps: int, sigmas: Sequence[float] | None, mu: float) -> Any:
    """Return a fresh scheduler configured as the model's own ``base`` is, its timesteps set, on the CPU.

    ``sigmas`` before shifting, where the family gives its own; ``mu`` shifts them, where the model's
    configuration says that they shift with the size of the picture.
    """
    title, overrides = SAMPLERS[name]
    config = {**base.config, **overrides}
    if overrides:
        config["flow_shift"] = base.config.get("shift", 1.0)
    scheduler = getattr(diffusers, title).from_config(config)
    takes = inspect.signature(scheduler.set_timesteps).parameters
    options: dict[str, Any] = {"mu": mu} if base.config.get("use_dynamic_shifting") else {}
    with samplers.numpy_unwarned():
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
    return functional.pixel_unshuffle(latents, 2).flatten(2).transpose(1, 2).contiguous()


def unpack(patches: Tensor, high: int, wide: int) -> Tensor:
    """Undo `pack`; ``high`` and ``wide`` are those of the latents."""
    squares = patches.transpose(1, 2).unflatten(2, (high // 2, wide // 2))
    return functional.pixel_shuffle(squares.contiguous(), 2)


def padded(texts: Sequence[Embedding], buckets: Sequence[int] = ()) -> tuple[Tensor, Tensor]:
    """Return texts filled up with zeros to one length, and where they are texts (n, length; boolean).

    The length is the least of ``buckets`` that holds the longest, so that compiled graphs are few.
    """
    longest = max(text.tokens.shape[1] for text in texts)
    length = next((bucket for bucket in buckets if bucket >= longest), longest)
    filled = [functional.pad(each.tokens, (0, 0, 0, length - each.tokens.shape[1])) for each in texts]
    lengths = torch.tensor([each.tokens.shape[1] for each in texts], device=filled[0].device)
    return torch.cat(filled), torch.arange(length, device=lengths.device) < lengths[:, None]


class Flow(Family):
    """A transformer that flows from noise to picture. Latents of 2 × 2 are one of its tokens."""

    samplers: ClassVar[tuple[str, ...]] = tuple(SAMPLERS)
    drawn: ClassVar[bool] = True
    """Whether latents of a picture are drawn from the autoencoder's posterior, or are its mode."""

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

    def encode_texts(self, texts: Texts) -> tuple[list[Embedding], Embedding | None]:
        """Encode each text on its own; they need not be of one length."""
        seen = texts.seen if self.texts_see else ()
        also = (texts.state, *((one.size, hashlib.sha256(one.tobytes()).digest()) for one in seen))
        encoded = [self._text(text, also, seen) for text in texts.conditions]
        negative = texts.unconditional
        return encoded, None if negative is None else self._text(negative, also, seen)

    def _text(self, text: str, state: Hashable, seen: Sequence[Image.Image]) -> Embedding:
        return self._texts.get((text, state), lambda: self._read(plain(text), seen))

    @torch.inference_mode()
    def _read(self, text: str, seen: Sequence[Image.Image]) -> Embedding:
        # where parts take turns on the card, what draws must leave it before what reads comes, which is
        # as large: in diffusers' own order nothing leaves before the first
        for hook in getattr(self.pipe, "_all_hooks", ()):
            hook.offload()
        return self.encode_instruction(text, seen) if seen else self.encode_text(text)

    def encode_text(self, text: str) -> Embedding:
        """Return the embedding of a text without marks, as diffusers' pipeline has it."""
        raise NotImplementedError

    def encode_instruction(self, text: str, seen: Sequence[Image.Image]) -> Embedding:
        """Return the same of a text that speaks of pictures, where the encoder looks at them."""
        raise NotImplementedError

    def schedule(self, sampler: str, steps: int, shape: Sequence[int]) -> Any:
        """Shift the sigmas of diffusers' pipeline by the size of the picture."""
        mu = shift_by_tokens(self.pipe.scheduler.config, self.tokens(shape))
        return make(sampler, self.pipe.scheduler, steps, down_to(steps), mu)

    def skipped(self, steps: int, strength: float) -> int:
        """Leave out whole steps, as diffusers' flow-matching pipelines count."""
        return int(max(steps - min(steps * strength, steps), 0))

    def inputs(self, size: tuple[int, int], guidance_scale: float) -> Mapping[str, Tensor]:
        """Give the guidance scale to networks that read it as a number."""
        if not self.network.config.get("guidance_embeds"):
            return {}
        return {"guidance": torch.tensor([guidance_scale], dtype=torch.float32, device=self.device)}

    def encode(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        """Draw from the posterior, or take its mode, at the loop's scale."""
        return self._encoded(pixels, generator, self.drawn)

    def _encoded(self, pixels: Tensor, generator: torch.Generator, drawn: bool) -> Tensor:
        return self._scaled(vae.encoded(self.vae, pixels, generator, sample=drawn)).to(self.dtype)

    def decode(self, latents: Tensor) -> Tensor:
        """Undo that, and decode."""
        return vae.decoded(self.vae, latents, self._unscaled)

    def _scaled(self, latents: Tensor) -> Tensor:
        """Bring the autoencoder's latents to the loop's scale."""
        return (latents - self.vae.config.shift_factor) * self.vae.config.scaling_factor

    def _unscaled(self, latents: Tensor) -> Tensor:
        """Undo `_scaled`."""
        return latents / self.vae.config.scaling_factor + self.vae.config.shift_factor
