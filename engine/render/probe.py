"""What the installed torch can compute on, as JSON; run on its own, so that nobody else loads torch."""

from __future__ import annotations

import json
import sys
from typing import Any

import torch


def report() -> dict[str, Any]:
    """Return torch's version, what it was built for, and each CUDA device with whether a sum on it works."""
    devices = []
    for index in range(torch.cuda.device_count()):
        device: dict[str, Any] = {"index": index, "works": True, "why": ""}
        try:
            properties = torch.cuda.get_device_properties(index)
            device |= {
                "name": properties.name,
                "memory": properties.total_memory,
                "capability": f"{properties.major}.{properties.minor}",
            }
            # a card newer or older than this build is listed all the same, and fails at its first kernel
            works = (torch.ones(8, device=f"cuda:{index}") + 1).sum().item() == 16
            device["works"] = works
            device["free"] = torch.cuda.mem_get_info(index)[0]
        except (RuntimeError, AssertionError) as error:
            device |= {"works": False, "why": str(error).splitlines()[0]}
        devices.append(device)
    return {
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "hip": torch.version.hip,
        "devices": devices,
        "mps": torch.backends.mps.is_available(),
        "threads": torch.get_num_threads(),
    }


if __name__ == "__main__":
    json.dump(report(), sys.stdout)
