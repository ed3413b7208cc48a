"""Enlarging pictures with a super-resolution network, in tiles without seams; knows no jobs, no prompts.

Networks are `.safetensors` in the two layouts nearly all ESRGAN-family files have: SRVGG (compact) and RRDB
("new" names, ``conv_first`` …, or "old" ones, ``model.0`` …). The one that ships is compact.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from engine.errors import EngineError
from engine.pocket import UPSCALER
from engine.pocket.srvgg import SRVGGNetCompact
from engine.render.models import DeviceSpec
from engine.weights import safe_file
from engine.words import Sentence

log = logging.getLogger(__name__)

SHIPPED = UPSCALER / "model.safetensors"
TILE, MARGIN = 256, 32
"""Pixels of a tile's side, and at most of the surroundings it is computed with and that are cut away."""


class DenseBlock(nn.Module):
    """Five convolutions, each seeing all before it; a fifth of the last is added to the input (ESRGAN)."""

    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        for index in range(1, 6):
            width = growth if index < 5 else features
            setattr(self, f"conv{index}", nn.Conv2d(features + (index - 1) * growth, width, 3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Refine features of any size."""
        seen = [x]
        for index in range(1, 5):
            seen.append(functional.leaky_relu(getattr(self, f"conv{index}")(torch.cat(seen, 1)), 0.2))
        return x + 0.2 * self.conv5(torch.cat(seen, 1))


class DenseBlocks(nn.Module):
    """Three dense blocks in a row, with the same gentle residual around them."""

    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = (DenseBlock(features, growth) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        """Refine features of any size."""
        return x + 0.2 * self.rdb3(self.rdb2(self.rdb1(x)))


class RRDBNet(nn.Module):
    """ESRGAN's generator: dense blocks at low resolution, then two doublings (names as in Real-ESRGAN)."""

    def __init__(self, features: int, growth: int, blocks: int, scale: int) -> None:
        super().__init__()
        self.scale = scale
        unshuffled = {1: 16, 2: 4}.get(scale, 1)
        self.conv_first = nn.Conv2d(3 * unshuffled, features, 3, 1, 1)
        self.body = nn.Sequential(*(DenseBlocks(features, growth) for _ in range(blocks)))
        self.conv_body = nn.Conv2d(features, features, 3, 1, 1)
        self.conv_up1 = nn.Conv2d(features, features, 3, 1, 1)
        self.conv_up2 = nn.Conv2d(features, features, 3, 1, 1)
        self.conv_hr = nn.Conv2d(features, features, 3, 1, 1)
        self.conv_last = nn.Conv2d(features, 3, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Enlarge (n, 3, h, w) in 0…1 by the network's scale."""
        if self.scale < 4:
            x = functional.pixel_unshuffle(x, 4 // self.scale)
        first = self.conv_first(x)
        features = first + self.conv_body(self.body(first))
        for up in (self.conv_up1, self.conv_up2):
            features = functional.leaky_relu(up(functional.interpolate(features, scale_factor=2)), 0.2)
        return self.conv_last(functional.leaky_relu(self.conv_hr(features), 0.2))


class Network(NamedTuple):
    """A network, its scale, and how many pixels around a tile it looks at."""

    net: nn.Module
    scale: int
    margin: int


def network(path: Path) -> Network:
    """Read a network from ``.safetensors``. Raises EngineError if it is none."""
    weights = {key: value.float() for key, value in load_file(safe_file(path)).items()}
    for prefix in ("params_ema.", "params."):
        if any(key.startswith(prefix) for key in weights):
            weights = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
    if any(key.startswith("model.1.sub.") for key in weights):
        weights = _new_names(weights)
    try:
        if "conv_first.weight" in weights:
            first, dense = weights["conv_first.weight"], weights["body.0.rdb1.conv1.weight"]
            scale = {3: 4, 12: 2, 48: 1}[first.shape[1]]
            blocks = 1 + max(int(key.split(".")[1]) for key in weights if key.startswith("body."))
            net: nn.Module = RRDBNet(first.shape[0], dense.shape[0], blocks, scale)
            margin = MARGIN
        elif "body.0.weight" in weights:
            last = max(int(key.split(".")[1]) for key in weights)
            features = weights["body.0.weight"].shape[0]
            scale = round((weights[f"body.{last}.weight"].shape[0] / 3) ** 0.5)
            net = SRVGGNetCompact(3, 3, features, last // 2 - 1, scale)
            margin = min(MARGIN, last // 2 + 1)  # one pixel a convolution
        else:
            raise KeyError("no known first layer")
        net.load_state_dict(weights)
    except (KeyError, RuntimeError, ValueError) as error:
        raise EngineError(f"{path.name} is no SRVGG or RRDB network: {error}") from error
    return Network(net.eval().requires_grad_(False), scale, margin)


def _new_names(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Translate the first ESRGAN's tensor names to Real-ESRGAN's."""
    blocks = 1 + max(int(m[1]) for m in (re.match(r"model\.1\.sub\.(\d+)\.RDB", key) for key in weights) if m)
    outer = {
        "model.0": "conv_first",
        f"model.1.sub.{blocks}": "conv_body",
        "model.3": "conv_up1",
        "model.6": "conv_up2",
        "model.8": "conv_hr",
        "model.10": "conv_last",
    }
    renamed = {}
    for key, value in weights.items():
        name, _, kind = key.rpartition(".")
        inner = re.match(r"model\.1\.sub\.(\d+)\.RDB(\d)\.conv(\d)\.0$", name)
        new = f"body.{inner[1]}.rdb{inner[2]}.conv{inner[3]}" if inner else outer[name]
        renamed[f"{new}.{kind}"] = value
    return renamed


class Upscalers:
    """The networks in memory, by file. ``reserve`` as in the renderer."""

    def __init__(self, machine: DeviceSpec, reserve: Callable[[str, int], None]) -> None:
        self._machine = machine
        self._reserve = reserve
        self._networks: dict[Path, Network] = {}

    def enlarge(
        self, picture: Image.Image, scale: int, source: str = "", tile: bool = False
    ) -> tuple[Image.Image, str]:
        """Return the picture ``scale`` times as wide and high, and a note where no network could be used.

        ``source`` is a ``.safetensors``, or empty for the one that ships. ``tile``: the picture wraps around.
        """
        size = (picture.width * scale, picture.height * scale)
        path = Path(source).expanduser() if source else SHIPPED
        if not path.is_file():
            note = Sentence("Enlarged by interpolation: no super-resolution network is installed.")
            return picture.resize(size, Image.Resampling.LANCZOS), note
        if path not in self._networks:
            read = network(path)
            self._networks[path] = read._replace(net=read.net.to(self._machine.device))
        array = torch.from_numpy(np.array(picture.convert("RGB"), dtype=np.float32) / 255.0)
        pixels = array.permute(2, 0, 1)[None]
        enlarged = self._whole(self._networks[path], pixels, tile)
        array8 = (enlarged[0].clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
        return Image.fromarray(array8).resize(size, Image.Resampling.LANCZOS), ""

    def _whole(self, network: Network, pixels: Tensor, wrap: bool) -> Tensor:
        """Run the network tile by tile; from the start by smaller ones if memory ends."""
        side = TILE
        while True:
            try:
                return self._tiled(network, pixels, wrap, side)
            except (torch.OutOfMemoryError, MemoryError):
                if side <= 32:
                    raise
                side //= 2

    @torch.inference_mode()
    def _tiled(self, network: Network, pixels: Tensor, wrap: bool, side: int) -> Tensor:
        """Run the network tile by tile, each with a margin of what surrounds it."""
        net, scale, margin = network
        mode: Any = "circular" if wrap else "replicate"
        height, width = pixels.shape[2:]
        margin = min(margin, height, width)
        cut = margin * scale
        padded = functional.pad(pixels, (margin,) * 4, mode=mode)
        result = torch.empty(1, 3, height * scale, width * scale)
        for top in range(0, height, side):
            for left in range(0, width, side):
                piece = padded[:, :, top : top + side + 2 * margin, left : left + side + 2 * margin]
                self._reserve("upscale", side)
                big = net(_even(piece).to(self._machine.device)).cpu()
                there = result[:, :, top * scale : (top + side) * scale, left * scale : (left + side) * scale]
                there[:] = big[:, :, cut : cut + there.shape[2], cut : cut + there.shape[3]]
        return result


def _even(piece: Tensor) -> Tensor:
    """Pad right and below to multiples of four, for networks that begin by folding pixels together."""
    height, width = piece.shape[2:]
    return functional.pad(piece, (0, -width % 4, 0, -height % 4), mode="replicate")
