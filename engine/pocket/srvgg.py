"""The compact super-resolution network of the ESRGAN family, in its common state-dict layout."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class SRVGGNetCompact(nn.Module):
    """Convolutions at low resolution and one pixel shuffle, added to the nearest-neighbour enlargement.

    Takes and gives pictures (n, 3, h, w) in 0..1; the output is `upscale` times as wide and high. Layout
    and names follow Real-ESRGAN (the PReLU variant), so its weights load here and ours load there.
    """

    def __init__(
        self, num_in_ch: int = 3, num_out_ch: int = 3, num_feat: int = 32, num_conv: int = 8, upscale: int = 4
    ) -> None:
        """Build the network; `num_conv` counts the hidden convolutions after the first."""
        super().__init__()
        self.upscale = upscale
        layers: list[nn.Module] = [nn.Conv2d(num_in_ch, num_feat, 3, 1, 1), nn.PReLU(num_feat)]
        for _ in range(num_conv):
            layers += [nn.Conv2d(num_feat, num_feat, 3, 1, 1), nn.PReLU(num_feat)]
        layers.append(nn.Conv2d(num_feat, num_out_ch * upscale * upscale, 3, 1, 1))
        self.body = nn.ModuleList(layers)
        self.upsampler = nn.PixelShuffle(upscale)

    def forward(self, x: Tensor) -> Tensor:
        """Enlarge a batch."""
        out = x
        for layer in self.body:
            out = layer(out)
        base = functional.interpolate(x, scale_factor=self.upscale, mode="nearest")
        result: Tensor = torch.add(self.upsampler(out), base)
        return result
