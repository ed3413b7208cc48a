"""What the loop asks of a family of models, and the values they pass; refuses to know jobs and schedulers.

The loop (`engine.render.denoise`) holds each picture's latents as (1, channels, height, width) and hands over
rows; a family packs them as its network wants them, runs it once, and gives back one prediction a row.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from PIL import Image
from torch import Tensor

from engine.render.conditioning.ip_adapter import IPAdapterInput
from engine.render.conditioning.lora_rows import Worn
from engine.render.conditioning.reference_attention import ReferenceRow


@dataclass(frozen=True, eq=False)
class Embedding:
    """A text as a network reads it: ``tokens`` (1, length, width), ``pooled`` (1, width) where it has one."""

    tokens: Tensor
    pooled: Tensor | None = None


@dataclass(frozen=True)
class Texts:
    """What a picture is told, to be read together."""

    conditions: Sequence[str]
    unconditional: str | None = None
    """The negative; None without guidance."""
    state: Hashable = None
    """What else decides how they are read (LoRAs in the encoders), for the cache."""
    seen: Sequence[Image.Image] = ()
    """The pictures they speak of, for encoders that look at those (`Family.texts_see`)."""


@dataclass(frozen=True, eq=False)
class Row:
    """One row of a call of the network."""

    sample: Tensor
    """(1, channels, height, width)"""
    timestep: Tensor
    """(1,), as the scheduler counts, on the CPU."""
    text: Embedding
    inputs: Mapping[str, Tensor] = field(default_factory=dict)
    """What `Family.inputs` gave for its picture."""
    beside: Sequence[Tensor] = ()
    """Latents of pictures that it sees beside itself, unnoised (edits)."""
    references: Sequence[ReferenceRow] = ()
    """Other rows of the call that it looks at."""
    adapter: Sequence[IPAdapterInput] = ()
    """What an IP-Adapter tells it."""
    loras: Worn = ()
    """What it is drawn with (`denoise.predict` sees to it)."""


@dataclass(frozen=True)
class Can:
    """What a family can do beyond drawing from words; everything else works with all of them."""

    emphasis: bool = False
    """``(word:1.3)``: the network hears how long a token's vector is."""
    negative: bool = True
    """``--negative``, with guidance: two predictions, with and against the text."""
    references: bool = False
    """``--sref``, ``--cref`` and image prompts beside an edit: attention shared between rows."""
    tile: bool = False
    """``--tile``: the network knows no edges, its convolutions can wrap around."""
    edit: int = 0
    """Edits by instruction: how many pictures it sees beside the one it draws."""
    mixes_sizes: bool = False
    """Pictures of unlike sizes share a call."""


def stacked(rows: Sequence[Row], name: str) -> Tensor | None:
    """Return one of the inputs of rows, where their network takes it."""
    return torch.cat([row.inputs[name] for row in rows]) if name in rows[0].inputs else None


class Family(ABC):
    """One pipeline of diffusers taken apart: its network, text and autoencoder, and how they go together."""

    name: ClassVar[str]
    title: ClassVar[str]
    """As people know it."""
    can: ClassVar[Can] = Can()
    samplers: ClassVar[tuple[str, ...]]
    """Names of the samplers that fit it, the first being its own."""
    rgb: ClassVar[tuple[tuple[float, float, float], ...]] = ()
    """Red, green and blue as a linear mix of a latent's channels, for previews; empty = fitted once."""
    colours: Tensor | None = None
    """That mix as `colours.fitted` found it, with what is added to it last."""
    sees_repainted: ClassVar[bool] = False
    """Whether a picture to be repainted is seen whole, too, beside the one that is drawn."""
    texts_see: ClassVar[bool] = False
    """Whether its text encoder looks at the pictures that an instruction is about."""
    draws_over: ClassVar[bool] = False
    """Whether repainting encodes the parent even where nothing of it is left (which draws random numbers)."""

    @classmethod
    @abstractmethod
    def understands(cls, scheduler: Any) -> bool:
        """Return whether the loop can make its own samplers of a model's scheduler."""

    def __init__(self, pipe: Any, device: torch.device) -> None:
        self.pipe = pipe
        self.device = device

    # ---- the parts

    @property
    @abstractmethod
    def network(self) -> Any:
        """The denoiser."""

    @property
    def vae(self) -> Any:
        """The autoencoder."""
        return self.pipe.vae

    @property
    def dtype(self) -> torch.dtype:
        """What latents are computed in."""
        return self.network.dtype

    @property
    def scale(self) -> int:
        """Pixels per latent, each way."""
        return int(self.pipe.vae_scale_factor)

    @property
    def multiple(self) -> int:
        """What sides in pixels must be multiples of."""
        return self.scale

    @property
    def channels(self) -> int:
        """Channels of a latent."""
        return int(self.vae.config.latent_channels)

    @property
    def extra_channels(self) -> int:
        """Channels that a network made to repaint takes beside a latent's: the mask, and what is around."""
        return 0

    # ---- text

    @abstractmethod
    def encode_texts(self, texts: Texts) -> tuple[list[Embedding], Embedding | None]:
        """Return the embeddings of a picture's texts."""

    def guided(self, guidance_scale: float) -> bool:
        """Return whether a scale asks for a second prediction, against the text."""
        return self.can.negative and guidance_scale > 1

    @property
    def reads_guidance(self) -> bool:
        """Whether a guidance scale above 1 changes anything."""
        return True

    def text_key(self, embedding: Embedding) -> Hashable:
        """Return what texts must have in common to share a call."""
        return None

    # ---- schedule

    @abstractmethod
    def schedule(self, sampler: str, steps: int, shape: Sequence[int]) -> Any:
        """Return a scheduler of diffusers for one picture of a latent shape, its timesteps set, on the CPU.

        Raises UserError for a sampler that does not fit.
        """

    @abstractmethod
    def skipped(self, steps: int, strength: float) -> int:
        """Return how many steps are left out where ``strength`` of the schedule is run over a picture."""

    # ---- the call

    def inputs(self, size: tuple[int, int], guidance_scale: float) -> Mapping[str, Tensor]:
        """Return what the network takes besides, for a picture of ``size`` (width, height) in pixels."""
        return {}

    @abstractmethod
    def predict(self, rows: Sequence[Row]) -> list[Tensor]:
        """Run the network once; return each row's prediction (1, channels, height, width)."""

    def size_key(self, shape: Sequence[int], beside: Sequence[Sequence[int]] = ()) -> Hashable:
        """Return what shapes of latents, and of those seen beside, must have in common to share a call."""
        return tuple(shape)

    def lengths(
        self, latents: Tensor, texts: Sequence[Embedding], beside: Sequence[Tensor] = ()
    ) -> list[int]:
        """Return the tokens of a picture's rows that `fits` compares: its texts', padding too."""
        return [text.tokens.shape[1] for text in texts]

    def fits(self, lengths: Sequence[int]) -> bool:
        """Return whether rows of these lengths are not too unlike to share a call."""
        return True

    def rescaled(self, combined: Tensor, wanted: Tensor) -> Tensor:
        """Return a guided prediction as its authors mean it, given that of the wanted texts alone."""
        return combined

    # ---- pictures

    @abstractmethod
    def encode(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        """Encode (1, 3, height, width) in −1…1 to the loop's latents, drawn as diffusers' pipelines draw."""

    @abstractmethod
    def decode(self, latents: Tensor) -> Tensor:
        """Decode the loop's latents to pixels (1, 3, height, width) in −1…1."""

    def mask(self, mask: Tensor, size: tuple[int, int]) -> Tensor:
        """Return a mask (1, 1, height, width) of pixels in latents' ``size`` (height, width)."""
        return torch.nn.functional.interpolate(mask, size=size)

    def beside(self, picture: Image.Image) -> Tensor:
        """Return the latents of a picture to be changed or taken from, in the size it is seen in."""
        raise NotImplementedError(f"{self.name} sees no pictures beside the one it draws")

    def around(self, mask: Tensor, small: Tensor, pixels: Tensor, generator: torch.Generator) -> Tensor:
        """Return the channels that a network made to repaint takes: the mask, and what stays around it."""
        raise NotImplementedError(f"{self.name} has no network made to repaint")
