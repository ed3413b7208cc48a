"""The host's choices, from TOML and the environment; every wrong key is one clear sentence."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from engine.errors import ConfigError

Device = Literal["auto", "cpu", "cuda", "mps"]
Family = Literal["auto", "sd", "sdxl", "other"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelConfig(_Section):
    """One model people can ask for. ``source``: a folder, a ``.safetensors`` file, a hub name, or ``pocket``."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
    aliases: tuple[str, ...] = ()  # such as "v 7" or "niji": what --v, --niji and --model may say
    source: str
    family: Family = "auto"
    width: int = 512  # the size of a square picture in pixels
    height: int = 512
    multiple: int = 8  # sides are multiples of this
    max_ratio: float = 4.0
    steps: int = 20
    guidance_scale: float = 7.0
    sampler: str = "dpmpp_2m"
    few_steps: int = 0  # steps with few-step weights; 0 = none configured
    few_steps_source: str = ""  # LoRA or weights for them
    house_style: str = ""  # the words --stylize steers toward
    negative_prompt: str = ""
    upscaler: str = ""  # a .safetensors; empty = the shipped one
    licence: str = ""
    default: bool = False


class LoraConfig(_Section):
    """One LoRA people can ask for by name."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
    source: str
    model: str = ""  # the model it belongs to; empty = any of the same family


class DiscordConfig(_Section):
    """Who the bot is. The token is read from ``LIMNER_TOKEN`` or ``token_file``, never from this file."""

    token_file: str = ""
    owners: tuple[int, ...] = ()
    guilds: tuple[int, ...] = ()  # register commands in these servers only (shows at once); empty = everywhere


class EngineConfig(_Section):
    """How pictures are made on this machine."""

    device: Device = "auto"
    dtype: Literal["auto", "float32", "float16", "bfloat16"] = "auto"
    offload: Literal["auto", "none", "model", "sequential"] = "auto"
    workers: int = 1
    max_rows: int = 16  # rows of one UNet call
    preview_every: int = 4  # steps between previews; 0 = none
    heartbeat_timeout: float = 60.0  # seconds without a beat before a worker is restarted
    threads: int = 0  # CPU threads of a worker; 0 = all


class LimitsConfig(_Section):
    """How much one person may ask for."""

    running: int = 3
    waiting: int = 10
    permutations: int = 10
    confirm_above: int = 3
    prompt_length: int = 6000
    max_pixels: int = 4_194_304
    max_steps: int = 150


class WebConfig(_Section):
    """The one optional HTTP listener."""

    enabled: bool = False
    host: str = "127.0.0.1"
    port: int = 8765
    public_url: str = ""


class Config(_Section):
    """Everything the host may choose."""

    data_dir: Path = Path("data")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    discord: DiscordConfig = DiscordConfig()
    engine: EngineConfig = EngineConfig()
    limits: LimitsConfig = LimitsConfig()
    web: WebConfig = WebConfig()
    models: tuple[ModelConfig, ...] = ()
    loras: tuple[LoraConfig, ...] = ()
