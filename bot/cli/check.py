"""`limner check`: looks at everything the bot needs, and says of each what to do; changes nothing."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import aiohttp
import discord

from bot.client import point_to_loopback
from engine import weights
from engine.config import Config, LoraConfig, load, token
from engine.errors import ConfigError
from engine.store.database import examine

SMALL_CARD = 9 * 2**30
"""Bytes of GPU memory below which offload is chosen (the 6 and 8 GB cards)."""

# what the bot does in a channel; the administrator's rights are never asked for
PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    embed_links=True,
    attach_files=True,
    read_message_history=True,
    use_external_emojis=True,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor: ``ok``, ``note`` (works, could be better) or ``wrong`` (does not work)."""

    state: Literal["ok", "note", "wrong"]
    topic: str
    text: str


def ok(topic: str, text: str) -> Finding:
    """What is as it should be."""
    return Finding("ok", topic, text)


def note(topic: str, text: str) -> Finding:
    """What works and could be better."""
    return Finding("note", topic, text)


def wrong(topic: str, text: str) -> Finding:
    """What keeps the bot from working, and what to do."""
    return Finding("wrong", topic, text)


async def check(path: Path | None) -> AsyncIterator[Finding]:
    """Yield a finding for config, token, intents, invite, device, memory, models, database and disk."""
    try:
        config = load(path)
    except ConfigError as error:
        yield wrong("config", str(error))
        return
    yield ok("config", f"{len(config.models)} model(s), data in {config.data_dir}")
    async for finding in _discord(config):
        yield finding
    for finding in await asyncio.to_thread(lambda: [*_device(config)]):
        yield finding
    for finding in _models(config):
        yield finding
    for finding in _classifier(config):
        yield finding
    for finding in _disk(config):
        yield finding
    yield await _database(config)


async def _discord(config: Config) -> AsyncIterator[Finding]:
    """Log in over HTTP alone: no gateway session is spent, a running bot is not disturbed."""
    try:
        secret = token(config)
        point_to_loopback(os.environ)
    except ConfigError as error:
        yield wrong("token", str(error))
        return
    try:
        async with asyncio.timeout(30), discord.Client(intents=discord.Intents.none()) as client:
            await client.login(secret.get_secret_value())
            application = await client.application_info()
            user = client.user
    except discord.LoginFailure:
        yield wrong(
            "token",
            "Discord refuses this token. Reset it on the application's Bot page and use the new one.",
        )
        return
    except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError) as error:
        yield note("token", f"There is a token, but Discord cannot be reached ({type(error).__name__}).")
        return
    yield ok("token", f"Discord knows this bot as {user}")
    yield ok("intents", "only `guilds`, which needs no permission from Discord")
    if not application.bot_public:
        yield note("invite", "The bot is private: only the application's owner can invite it.")
    link = discord.utils.oauth_url(
        application.id, permissions=PERMISSIONS, scopes=("bot", "applications.commands")
    )
    yield ok("invite", link)


def _device(config: Config) -> Iterator[Finding]:
    """Ask a process of its own what torch can do here."""
    done = subprocess.run([sys.executable, "-m", "engine.render.probe"], capture_output=True, text=True)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        yield wrong("torch", f"torch cannot be loaded: {reason}. Run `make setup` again.")
        return
    yield from judge(json.loads(done.stdout), config, _nvidia())


def judge(torch: dict[str, Any], config: Config, card: str | None) -> Iterator[Finding]:
    """Say what a probe's report means for this configuration. ``card``: an NVIDIA GPU the system knows of."""
    wanted = config.engine.device
    usable = [device for device in torch["devices"] if device["works"]]
    for device in torch["devices"]:
        if not device["works"]:
            yield wrong(
                "device",
                f"torch {torch['torch']} cannot use GPU {device['index']} {device.get('name', '')}: "
                f"{device['why']} Install the torch build for this card (docs/hosting.md, CUDA wheels).",
            )
    if usable and wanted in ("auto", "cuda"):
        best = usable[0]
        yield ok("device", f"{best['name']}, {best['memory'] / 2**30:.1f} GiB, torch {torch['torch']}")
        if best["memory"] < SMALL_CARD and config.engine.offload == "none":
            yield note(
                "memory",
                "This card is small and `engine.offload` is `none`. With `auto`, SDXL fits into 6 to 8 GB.",
            )
    elif card and not torch["devices"]:
        yield (wrong if wanted == "cuda" else note)(
            "device",
            f"This machine has an NVIDIA GPU ({card}), but torch {torch['torch']} was built without CUDA. "
            "Install the CUDA build (docs/hosting.md, CUDA wheels), or the bot draws on the CPU.",
        )
    elif wanted == "cuda":
        yield wrong(
            "device", "`engine.device` is `cuda`, and there is no GPU that torch can use. Set `auto`."
        )
    elif torch["mps"] and wanted in ("auto", "mps"):
        yield ok("device", f"Apple GPU (MPS), torch {torch['torch']}")
    elif wanted == "mps":
        yield wrong("device", "`engine.device` is `mps`, and this machine has no Apple GPU. Set `auto`.")
    else:
        yield ok("device", f"CPU, {os.cpu_count()} cores, torch {torch['torch']}")
        large = [model.name for model in config.models if model.source != "pocket"]
        if large:
            yield note("device", f"Without a GPU, {', '.join(large)} will take minutes a picture.")


def _nvidia() -> str | None:
    """Return the name of an NVIDIA GPU the driver knows of, whatever torch says."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return "driver loaded" if Path("/proc/driver/nvidia/version").exists() else None
    try:
        asked = [tool, "--query-gpu=name", "--format=csv,noheader"]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    names = done.stdout.strip().splitlines()
    return names[0] if done.returncode == 0 and names else None


def _models(config: Config) -> Iterator[Finding]:
    for model in config.models:
        found = weights.find(model)
        if found is None:
            yield wrong("model", weights.missing(model))
            continue
        star = " (default)" if model.default else ""
        yield ok("model", f"{model.name}{star}: {found}, licence {model.licence or 'not stated'}")
        if not model.licence:
            yield note(
                "model", f"Write the licence of `{model.name}` into the configuration: people may ask."
            )
        few_steps = LoraConfig(name="few-steps", source=model.few_steps_source)
        if few_steps.source and weights.find_lora(few_steps) is None:
            yield wrong(
                "model",
                f"The few-step weights of `{model.name}` (`{few_steps.source}`) are not on this machine. "
                f"Fetch them with: limner models pull {model.name}",
            )
        if model.ip_adapter is not None and weights.find_adapter(model.ip_adapter) is None:
            yield wrong("model", weights.missing_adapter(model))
    for lora in config.loras:
        if weights.find_lora(lora) is None:
            yield wrong("lora", f"The LoRA `{lora.name}` (`{lora.source}`) is not on this machine.")


def free_bytes(folder: Path) -> int:
    """Return the free space of the disk a folder is on, or will be on."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def require_space(config: Config) -> None:
    """Raise ConfigError where the disk has less room than ``min_free_mb``."""
    free = free_bytes(config.data_dir)
    if free < config.min_free_mb * 2**20:
        raise ConfigError(
            f"The disk of `{config.data_dir}` has {free / 2**20:,.0f} MB left, less than `min_free_mb` "
            f"({config.min_free_mb:,}). Free some space, or set another `data_dir`."
        )


def _classifier(config: Config) -> Iterator[Finding]:
    """Look for the picture classifier, without loading it: the worker does that."""
    chosen = config.moderation.classifier
    if not chosen:
        yield note(
            "pictures",
            "Nothing looks at pictures before they are posted; words and reports are all there is. "
            "docs/moderation.md shows how to have a classifier.",
        )
    elif chosen == "nudenet" and importlib.util.find_spec("nudenet") is None:
        yield wrong("pictures", "The package nudenet is not installed: pip install 'limner[nsfw]'")
    elif chosen != "nudenet" and not (Path(chosen) / "config.json").is_file():
        yield wrong("pictures", f"There is no image classifier in `{chosen}`. Mend `classifier`.")
    else:
        yield ok("pictures", f"looked at by {chosen} before they are posted")


def _disk(config: Config) -> Iterator[Finding]:
    try:
        require_space(config)
    except ConfigError as error:
        yield wrong("disk", str(error))
        return
    yield ok("disk", f"{free_bytes(config.data_dir) / 2**30:.1f} GiB free for pictures")


async def _database(config: Config) -> Finding:
    if not (config.data_dir / "limner.db").exists():
        return ok("database", "none yet; it is made at the first start")
    try:
        jobs = await asyncio.to_thread(examine, config.data_dir / "limner.db")
    except ConfigError as error:
        return wrong("database", str(error))
    return ok("database", f"sound, {jobs:,} jobs")
