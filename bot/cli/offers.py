"""The models that `limner init` offers, as entries of a configuration; the example shows the same."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Offer:
    """A model: its name, what it is for, and its entry of the configuration."""

    name: str
    about: str
    entry: str

    @property
    def values(self) -> dict[str, Any]:
        """What the entry sets."""
        [values] = tomllib.loads(self.entry)["models"]
        return dict(values)

    @property
    def source(self) -> str:
        """Where it lies."""
        return str(self.values["source"])

    @property
    def licence(self) -> str:
        """Its licence, as the entry states it."""
        return str(self.values.get("licence", "not stated"))


_ALL = (
    Offer(
        "pocket",
        "comes with Limner: small pictures, any machine, nothing to fetch",
        """\
[[models]]
name = "pocket"
source = "pocket"
default = true
""",
    ),
    Offer(
        "sd15",
        "Stable Diffusion 1.5: an NVIDIA card with 4 GB, or an Apple M-series",
        """\
[[models]]
name = "sd15"
aliases = ["v 4", "v 5"]
source = "stable-diffusion-v1-5/stable-diffusion-v1-5"
width = 512
height = 512
steps = 25
guidance_scale = 7.0
sampler = "dpmpp_2m"
house_style = "highly detailed, beautiful lighting, sharp focus"
licence = "CreativeML Open RAIL-M"
""",
    ),
    Offer(
        "sdxl",
        "SDXL 1.0: a card with 8 GB, or 6 GB with offload",
        """\
[[models]]
name = "sdxl"
aliases = ["v 6", "v 6.1", "v 7"]
source = "stabilityai/stable-diffusion-xl-base-1.0"
width = 1024
height = 1024
steps = 30
guidance_scale = 6.0
sampler = "dpmpp_2m"
few_steps = 4
few_steps_source = "latent-consistency/lcm-lora-sdxl"
few_steps_sampler = "lcm"
few_steps_guidance = 1.0
licence = "CreativeML Open RAIL++-M"
""",
    ),
    Offer(
        "sdxl-turbo",
        "SDXL in four steps: the same cards, a grid in seconds",
        """\
[[models]]
name = "sdxl-turbo"
source = "stabilityai/sdxl-turbo"
width = 512
height = 512
steps = 4
guidance_scale = 0.0
sampler = "euler_ancestral"
licence = "Stability AI Community License"
""",
    ),
)
OFFERS = {offer.name: offer for offer in _ALL}
"""By name, the smallest first."""
