"""What `limner check` says of devices: asks torch in a process of its own, and judges its report."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.cli.findings import Finding, note, ok, wrong
from bot.cli.worker import reach
from engine import readiness
from engine.config import SHIPPED, Config
from engine.config.devices import named, unplaced
from engine.errors import ConfigError
from engine.readiness import memory

SMALL_CARD = 9 * 2**30
"""Bytes of GPU memory below which offload is chosen (the 6 and 8 GB cards)."""


def look(config: Config) -> Iterator[Finding]:
    """Ask a process of its own what torch can do here."""
    done = subprocess.run([sys.executable, "-m", "engine.render.probe"], capture_output=True, text=True)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        yield wrong("torch", f"torch cannot be loaded: {reason}. Run `make setup` again.")
        return
    yield from judge(json.loads(done.stdout), config, _nvidia())
    yield from elsewhere(config)


def elsewhere(config: Config) -> Iterator[Finding]:
    """Say whether the machines that draw instead of this one can be reached."""
    if not config.engine.ray:
        return
    try:
        reach(config.engine.ray)
    except ConfigError as error:
        yield wrong("machines", str(error))
    else:
        yield ok("machines", f"The head at {config.engine.ray} answers; only what joined it draws.")


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
    if config.engine.devices:
        yield from _chosen(torch, usable, config)
    elif usable and wanted in ("auto", "cuda"):
        yield from _cards(usable, torch, config)
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
        large = [model.name for model in config.models if model.source not in SHIPPED]
        if large:
            yield note("device", f"Without a GPU, {', '.join(large)} will take minutes a picture.")
    yield from _placed(usable, config)
    yield from _fitting(usable, config)


def _fitting(usable: Sequence[Mapping[str, Any]], config: Config) -> Iterator[Finding]:
    """Say what memory each model needs, and which cards that may draw it have it."""
    placed = config.engine.placed
    for model in readiness.described(config).models:
        there = {f"cuda:{card['index']}": int(card["memory"]) for card in usable}
        cards = {name: size for name, size in there.items() if model.name in placed.get(name, (model.name,))}
        if told := memory.said(model, config.engine, cards):
            unfit = cards and memory.DOES_NOT in told
            yield (note if unfit else ok)("memory", f"{model.name}: {told}")


def _cards(
    usable: Sequence[Mapping[str, Any]], torch: Mapping[str, Any], config: Config
) -> Iterator[Finding]:
    """Say which cards draw; each has its line."""
    for card in usable:
        size = f"{card['memory'] / 2**30:.1f} GiB"
        yield ok("device", f"cuda:{card['index']}: {card['name']}, {size}, torch {torch['torch']}")
    if config.engine.offload == "none" and any(card["memory"] < SMALL_CARD for card in usable):
        yield note(
            "memory",
            "This card is small and `engine.offload` is `none`. With `auto`, SDXL fits into 6 to 8 GB.",
        )


def _chosen(
    torch: Mapping[str, Any], usable: Sequence[Mapping[str, Any]], config: Config
) -> Iterator[Finding]:
    """Say of each device that the host named whether it is there."""
    cards = {f"cuda:{card['index']}": card for card in usable}
    for name in named(config.engine.devices):
        kind = name.partition(":")[0]
        if name in cards:
            yield from _cards([cards[name]], torch, config)
        elif kind == "cuda":
            there = ", ".join(cards) or "none"
            seen = os.environ.get("CUDA_VISIBLE_DEVICES")
            hidden = (
                "" if seen is None else f" `CUDA_VISIBLE_DEVICES` is `{seen}`: they count from its first."
            )
            yield wrong("device", f"`devices` has `{name}`, and torch can use: {there}.{hidden}")
        elif kind == "mps" and not torch["mps"]:
            yield wrong("device", "`devices` has `mps`, and this machine has no Apple GPU.")
        else:
            yield ok("device", f"{name}: {os.cpu_count()} cores, torch {torch['torch']}")


def _placed(usable: Sequence[Mapping[str, Any]], config: Config) -> Iterator[Finding]:
    """Look whether the placement fits the cards that are there, where the host did not name them."""
    engine = config.engine
    if not engine.placement or engine.devices:
        return  # what the host named was compared when the configuration was read
    cards = [f"cuda:{card['index']}" for card in usable] if engine.device in ("auto", "cuda") else []
    there = cards or [f"{engine.device if engine.device == 'mps' else 'cpu'}:0"]
    for one in engine.placement:
        if named((one.device,))[0] not in there:
            yield wrong("device", f"A placement is for `{one.device}`; there is {', '.join(there)}.")
    placement = [(one.device, one.models) for one in engine.placement]
    for model in unplaced(there, placement, [one.name for one in config.models]):
        yield wrong("device", f"No device may draw `{model}`. Add it to the `models` of a placement.")


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
