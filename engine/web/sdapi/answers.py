"""What AUTOMATIC1111's clients read of what was drawn: pictures with their `info`, and how far one is."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from PIL import Image

from engine.jobs import Job, State
from engine.prompt.samplers import sampler_names
from engine.service import Snapshot
from engine.web.sdapi.fields import Drawn, Img2Img


class Shown(NamedTuple):
    """A picture of a job as it leaves; ``cell`` from 0."""

    job: Job
    cell: int
    png: bytes

    @property
    def seed(self) -> int:
        """The seed it was drawn with."""
        return self.job.spec.seed_of(self.cell)

    @property
    def parameters(self) -> str:
        """The recipe in the file, empty where the host leaves it out."""
        with Image.open(io.BytesIO(self.png), formats=("PNG",)) as picture:
            return str(picture.info.get("parameters", ""))


def answered(
    asked: Drawn, sent: Mapping[str, Any], shown: Sequence[Shown], ignored: Sequence[str]
) -> dict[str, Any]:
    """Return the body of an answer with pictures; there may be none, where they were interrupted."""
    hidden = set() if isinstance(asked, Img2Img) and asked.include_init_images else {"init_images", "mask"}
    known = {name: value for name, value in sent.items() if name in type(asked).model_fields}
    return {
        "images": [base64.b64encode(one.png).decode() for one in shown] if asked.send_images else [],
        "parameters": {name: value for name, value in known.items() if name not in hidden},
        "info": json.dumps(_info(asked, shown, ignored)),
    }


def _info(asked: Drawn, shown: Sequence[Shown], ignored: Sequence[str]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "prompt": asked.prompt,
        "all_prompts": [asked.prompt] * len(shown),
        "negative_prompt": asked.negative_prompt,
        "all_negative_prompts": [asked.negative_prompt] * len(shown),
        "seed": asked.seed,
        "all_seeds": [one.seed for one in shown],
        "width": asked.width,
        "height": asked.height,
        "sampler_name": asked.sampler_name or asked.sampler_index or "Euler",
        "cfg_scale": asked.cfg_scale,
        "steps": asked.steps,
        "batch_size": asked.count,
        "denoising_strength": asked.denoising_strength,
        "sd_model_name": "",
        "infotexts": [one.parameters for one in shown],
        "index_of_first_image": 0,
        "job_timestamp": "0",
        "ignored": list(dict.fromkeys(ignored)),
    }
    if shown:
        spec = shown[0].job.spec
        told |= {"seed": shown[0].seed, "steps": spec.steps, "sd_model_name": spec.model}
        told["sampler_name"] = sampler_names(spec.sampler)["Sampler"]
        told["job_timestamp"] = _stamp(shown[0].job.created_at)
    return told


def as_progress(now: Snapshot | None, count: int, at: float, *, shows: bool) -> dict[str, Any]:
    """Return how far a key's picture is at a time (Unix seconds); ``now`` None: nothing waits or runs."""
    state: dict[str, Any] = {
        **dict.fromkeys(("skipped", "interrupted"), False),
        **dict.fromkeys(("job_count", "job_no", "sampling_step", "sampling_steps"), 0),
        "job": "",
        "job_timestamp": "0",
    }
    told: dict[str, Any] = {"progress": 0.0, "eta_relative": 0.0, "state": state}
    told |= {"current_image": None, "textinfo": None}
    if now is None:
        return told
    state |= {"job": now.job.id, "job_count": count, "job_timestamp": _stamp(now.job.created_at)}
    state |= {"sampling_step": now.step, "sampling_steps": now.total or now.job.spec.steps}
    told["progress"] = share = now.step / now.total if now.total else 0.0
    if now.state is State.QUEUED:
        told["textinfo"] = "waiting" if now.position is None else f"waiting, {_ordinal(now.position + 1)}"
    elif share and now.job.started_at:
        spent = max(0.0, at - now.job.started_at)
        told["eta_relative"] = round(spent * (1 - share) / share, 1)
    if shows and now.preview:
        told["current_image"] = base64.b64encode(now.preview).decode()
    return told


def _ordinal(number: int) -> str:
    """Return a number's English ordinal.

    >>> _ordinal(1), _ordinal(3), _ordinal(11), _ordinal(22)
    ('1st', '3rd', '11th', '22nd')
    """
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _stamp(at: float) -> str:
    return time.strftime("%Y%m%d%H%M%S", time.localtime(at))
