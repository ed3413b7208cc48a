"""Pictures read as if they were words: an IP-Adapter on our own loop; refuses to know jobs and prompts.

An IP-Adapter (Ye et al. 2023, arXiv 2308.06721) turns a picture into a few tokens and gives every
cross-attention layer of the UNet keys and values of its own for them; what a layer finds there is added to
what it finds in the text, times a scale. diffusers reads the files. The UNet is then left as it was, so who
refers to no picture is drawn exactly as without an adapter; what a picture says to each layer is worked out
once, when a job begins, and travels with its rows. So rows with and without pictures, and at unlike scales,
share one UNet call.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.models.attention_processor import Attention
from diffusers.models.embeddings import (
    ImageProjection,
    IPAdapterFullImageProjection,
    IPAdapterPlusImageProjection,
)
from PIL import Image
from torch import Tensor, nn

from engine.config import AdapterConfig
from engine.errors import EngineError
from engine.render.conditioning import lora_rows
from engine.render.conditioning.reference_attention import processed

log = logging.getLogger(__name__)

STYLE_BLOCKS = {"sd": ("up_blocks.1",), "sdxl": ("up_blocks.0.attentions.1",)}
"""Where style enters, by family: InstantStyle (Wang et al. 2024, arXiv 2404.02733) and its published code."""

Memory = Mapping[str, tuple[Tensor, Tensor]]
"""What a picture says: keys and values (1, tokens, width) for each cross-attention layer, by its name."""


@dataclass(frozen=True, eq=False)
class IPAdapterInput:
    """What one row of a call finds in a picture beside its text, and how much of it counts.

    ``blocks``: beginnings of the names of the layers that look; empty for all of them.
    """

    memory: Memory
    scale: float
    blocks: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Adapter:
    """An IP-Adapter in memory, beside the pipeline it belongs to."""

    pipe: Any
    projection: nn.Module
    layers: Mapping[str, tuple[nn.Module, nn.Module]]
    style_blocks: tuple[str, ...]

    @classmethod
    def read(cls, pipe: Any, root: Path, config: AdapterConfig, family: str) -> Adapter:
        """Read an adapter from its folder. Raises EngineError for one that does not fit the model."""
        unet = pipe.unet
        before = dict(unet.attn_processors)
        projection, kind = unet.encoder_hid_proj, unet.config.encoder_hid_dim_type
        try:
            pipe.load_ip_adapter(
                str(root),
                subfolder=config.subfolder,
                weight_name=config.weights,
                image_encoder_folder=config.image_encoder,
                local_files_only=True,
            )
            [tokens] = unet.encoder_hid_proj.image_projection_layers
            layers = {
                name.removesuffix(".processor"): (one.to_k_ip[0], one.to_v_ip[0])
                for name, one in unet.attn_processors.items()
                if hasattr(one, "to_k_ip")
            }
        except (ValueError, RuntimeError, KeyError, OSError) as error:
            raise EngineError(f"the IP-Adapter {config.weights} does not fit this model: {error}") from error
        finally:  # the UNet as it was: our rows bring along what they see
            unet.encoder_hid_proj = projection  # first, for a resampler has processors of its own
            unet.set_attn_processor(before)
            unet.config.encoder_hid_dim_type = kind
            if hasattr(unet, "text_encoder_hid_proj"):
                del unet.text_encoder_hid_proj
        if not isinstance(
            tokens, ImageProjection | IPAdapterPlusImageProjection | IPAdapterFullImageProjection
        ):
            raise EngineError(f"{config.weights} reads faces, not pictures: choose another IP-Adapter")
        return cls(pipe, tokens, layers, config.style_blocks or STYLE_BLOCKS[family])

    @property
    def parts(self) -> list[nn.Module]:
        """What it has in memory beside the pipeline's own parts."""
        return [self.projection, *(layer for pair in self.layers.values() for layer in pair)]

    def to(self, device: torch.device) -> None:
        """Move to where the UNet computes."""
        for part in self.parts:
            part.to(device)

    @torch.inference_mode()
    def look(self, picture: Image.Image, device: torch.device) -> tuple[Memory, Memory]:
        """Return what a picture says to the UNet, and what no picture at all says (for unwanted rows)."""
        hidden = not isinstance(self.projection, ImageProjection)
        seen, nothing = self.pipe.encode_image(picture, device, 1, hidden)
        return self._memory(seen), self._memory(nothing)

    def _memory(self, seen: Tensor) -> Memory:
        tokens = self.projection(seen)
        return {name: (key(tokens), value(tokens)) for name, (key, value) in self.layers.items()}


@contextmanager
def adapted(unet: Any, inputs: Sequence[Sequence[IPAdapterInput]]) -> Iterator[None]:
    """Let rows find pictures beside their texts while inside; else the UNet is as it was, to the bit.

    ``inputs``: for each row of the call, the pictures it is told of.
    """
    if not any(inputs):
        yield
        return

    def looking(name: str, layer: Attention) -> Any:
        here = [
            (row, each)
            for row, several in enumerate(inputs)
            for each in several
            if name in each.memory and (not each.blocks or name.startswith(each.blocks))
        ]
        return _AdapterProcessor(layer.processor, name, here) if here else layer.processor

    with processed(unet, looking):
        yield


class _AdapterProcessor:
    """A cross-attention processor in which some rows find pictures too."""

    def __init__(self, plain: Any, name: str, here: Sequence[tuple[int, IPAdapterInput]]) -> None:
        self._plain = plain
        # those of equal length are looked up together
        self._by_length: dict[int, list[tuple[int, float, Tensor, Tensor]]] = defaultdict(list)
        for row, each in here:
            key, value = each.memory[name]
            self._by_length[key.shape[1]].append((row, each.scale, key, value))

    def __call__(self, attn: Attention, hidden_states: Tensor, *args: Any, **options: Any) -> Tensor:
        """Return the layer's output (rows, tokens, width)."""
        output: Tensor = self._plain(attn, hidden_states, *args, **options).clone()
        for several in self._by_length.values():
            rows = torch.tensor([row for row, *_ in several], device=hidden_states.device)
            scales = hidden_states.new_tensor([scale for _, scale, *_ in several])[:, None, None]
            with lora_rows.only([row for row, *_ in several]):
                query = attn.to_q(hidden_states[rows])
            key = torch.cat([key for _, _, key, _ in several]).to(query.dtype)
            value = torch.cat([value for *_, value in several]).to(query.dtype)
            query, key, value = (attn.head_to_batch_dim(one, out_dim=4) for one in (query, key, value))
            found = torch.nn.functional.scaled_dot_product_attention(query, key, value)
            found = scales * found.transpose(1, 2).flatten(2)
            project = attn.to_out[0]
            # linear, LoRAs included: what is added inside diffusers' processor may be added behind it
            with lora_rows.only([row for row, *_ in several]):
                added = project(found) - project(torch.zeros_like(found[:, :1]))
            added = added / attn.rescale_output_factor
            output.index_add_(0, rows, added)
        return output
