"""What devices are called: a kind and an index (`cuda:0`, `cpu:1`), and which models each may draw. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import AfterValidator

_FORM = re.compile(r"(cuda|cpu)(:\d{1,3})?|mps(:0)?")

WORKERS_GONE = (
    "there is no key `workers` any more: each device has one worker. Write "
    '`devices = ["cuda:0", "cuda:1"]` under `[engine]` (two on the CPU: `devices = ["cpu", "cpu"]`), or '
    "nothing: then every card of this machine draws."
)


def _formed(name: str) -> str:
    if not _FORM.fullmatch(name):
        raise ValueError("name devices `cuda:0`, `cuda:1`, `mps` or `cpu`")
    return name


DeviceName = Annotated[str, AfterValidator(_formed)]


def named(devices: Iterable[str]) -> tuple[str, ...]:
    """Return every device as kind and index: those without an index are counted, so two `cpu` are 0 and 1."""
    found: list[str] = []
    for device in devices:
        kind, _, index = device.partition(":")
        if index:
            found.append(f"{kind}:{int(index)}")
        elif kind == "cpu":
            found.append(next(name for n in range(1000) if (name := f"cpu:{n}") not in found))
        else:
            found.append(f"{kind}:0")
    return tuple(found)


def trouble(
    device: str, devices: Sequence[str], placement: Sequence[tuple[str, Sequence[str]]], models: Sequence[str]
) -> str:
    """Return what is wrong with devices and the placing of models, as a sentence; "" where nothing is."""
    there = named(devices)
    if devices and device != "auto":
        return "`device` and `devices` both say where to draw. Keep one."
    for name in there:
        if there.count(name) > 1:
            return f"`{name}` stands twice under `devices`. A card has one worker: its jobs share every call."
    placed = [named((one,))[0] for one, _ in placement]
    for name, (_, wanted) in zip(placed, placement, strict=True):
        if placed.count(name) > 1:
            return f"`{name}` has two `[[engine.placement]]`. Put its models into one list."
        if there and name not in there:
            return f"a placement is for `{name}`, which is not among `devices` ({', '.join(there)})."
        for model in wanted:
            if model not in models:
                return f"a placement names the model `{model}`, which is not named here."
    homeless = unplaced(there, placement, models) if there else []
    if homeless:
        return f"no device may draw `{homeless[0]}`. Add it to the `models` of a placement."
    return ""


def unplaced(
    devices: Sequence[str], placement: Sequence[tuple[str, Sequence[str]]], models: Sequence[str]
) -> list[str]:
    """Return the models that none of these devices may draw."""
    limits = {named((device,))[0]: wanted for device, wanted in placement}
    if any(device not in limits for device in devices):
        return []
    return [model for model in models if all(model not in limits[device] for device in devices)]
