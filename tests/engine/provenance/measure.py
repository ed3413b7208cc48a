"""How well the invisible mark survives, counted: writes the table of docs/provenance.md.

    python -m tests.engine.provenance.measure --each 100 --unmarked 1000

A third of the pictures each: the shipped model's as they are (128 pixels), the same as they are posted
(enlarged to 512), synthetic photographs (512 to 1024). ``--pocket DIR``: pictures that were drawn before.
"""

from __future__ import annotations

import argparse
import math
import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from engine import images
from engine.provenance import watermark
from engine.provenance.values import JOB_BITS, Mark
from tests import ROOT
from tests.engine.provenance.pictures import TREATMENTS, icon, photograph, psnr, ssim

HOST = 0xABCDE
PAGE = ROOT / "docs" / "provenance.md"
SIZES = ((512, 512), (768, 512), (640, 960), (1024, 576), (1024, 1024))
SETS = ("shipped model, 128 px", "the same as posted, 512 px", "photographs, 512 to 1024 px")


def drawn(count: int, folder: Path | None) -> Iterator[Image.Image]:
    """Yield pictures of the shipped model: half in twenty steps, half with the few-step weights."""
    if folder is not None:
        for file in sorted(folder.glob("*.png"))[:count]:
            yield Image.open(file).convert("RGB")
        return
    from diffusers import DiffusionPipeline

    from engine.config import FEW_STEP_WEIGHTS
    from engine.pocket import FOLDER

    lines = (FOLDER.parent / "evaluate_prompts.txt").read_text("utf-8").splitlines()
    pipeline = DiffusionPipeline.from_pretrained(FOLDER)
    for number in range(count):
        if number == count // 2:
            pipeline.load_lora_weights(FEW_STEP_WEIGHTS)
        many = number < count // 2
        line = lines[number % len(lines)]
        steps, guidance = (20, 5.0) if many else (4, 1.0)
        yield pipeline(line, num_inference_steps=steps, guidance_scale=guidance).images[0]


def interval(hits: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share in per cent (Wilson, JASA 22, 1927)."""
    z, share = 1.96, hits / of
    middle, width = share + z * z / (2 * of), z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return 100 * (middle - width) / (1 + z * z / of), 100 * (middle + width) / (1 + z * z / of)


def counted(each: int, folder: Path | None) -> list[str]:
    """Return the lines of the table of what survives."""
    hits = {name: Counter[str]() for name in SETS}
    quality: dict[str, list[tuple[float, float]]] = {name: [] for name in SETS}
    seconds: dict[str, list[float]] = {name: [] for name in SETS}
    for number, small in enumerate(drawn(each, folder)):
        pictures = (small, images.enlarge(small, 512), photograph(number, *SIZES[number % len(SIZES)]))
        for name, picture in zip(SETS, pictures, strict=True):
            mark = Mark(HOST, random.Random(number).getrandbits(JOB_BITS))
            began = time.process_time()
            marked = watermark.embed(picture, mark)
            seconds[name].append(time.process_time() - began)
            quality[name].append((psnr(picture, marked), ssim(picture, marked)))
            for treatment, treated in TREATMENTS.items():
                found = watermark.detect(treated(marked), HOST)
                hits[name][treatment] += found is not None and found.mark == mark
        if number % 10 == 9:
            print(number + 1, {name: dict(counts) for name, counts in hits.items()}, flush=True)  # noqa: T201
    count = len(quality[SETS[0]])
    lines = [f"| | {' | '.join(SETS)} | all |", "|---" * (len(SETS) + 2) + "|"]
    for treatment in TREATMENTS:
        cells = [f"{hits[name][treatment]} of {count}" for name in SETS]
        total = sum(hits[name][treatment] for name in SETS)
        low, high = interval(total, count * len(SETS))
        share = 100 * total / (count * len(SETS))
        lines.append(f"| {treatment} | {' | '.join(cells)} | {share:.1f} % ({low:.1f} to {high:.1f}) |")
    for number, (title, form) in enumerate((("PSNR", "{:.1f} ({:.1f}) dB"), ("SSIM", "{:.3f} ({:.3f})"))):
        values = {name: [one[number] for one in quality[name]] for name in SETS}
        cells = [form.format(float(np.mean(values[name])), min(values[name])) for name in SETS]
        lines.append(f"| {title}, mean (least) | {' | '.join(cells)} | |")
    cells = [f"{1000 * float(np.median(seconds[name])):.0f} ms" for name in SETS]
    return [*lines, f"| time to mark, median | {' | '.join(cells)} | |"]


def unmarked(count: int) -> str:
    """Return the line that says in how many unmarked pictures a mark was seen."""
    seen = 0
    for number in range(count):
        picture = (
            icon(number, 64 + number % 160)
            if number % 2
            else photograph(10_000 + number, 96 + number % 300, 128)
        )
        seen += watermark.detect(picture, HOST) is not None
        if number % 100 == 99:
            print("unmarked", number + 1, "seen", seen, flush=True)  # noqa: T201
    return f"Unmarked pictures (half icons, half photographs): a mark was seen in {seen} of {count:,}."


def main() -> None:
    """Count, and write the page."""
    options = argparse.ArgumentParser()
    options.add_argument("--each", type=int, default=167)
    options.add_argument("--unmarked", type=int, default=10_000)
    options.add_argument("--pocket", type=Path)
    options.add_argument("--page", type=Path, default=PAGE)
    chosen = options.parse_args()
    lines = counted(chosen.each, chosen.pocket)
    text = "\n".join([*lines, "", unmarked(chosen.unmarked) if chosen.unmarked else ""]).rstrip()
    page = chosen.page.read_text("utf-8")
    figures = f"<!-- figures -->\n\n{text}\n\n<!-- end -->"
    page = re.sub(r"<!-- figures -->(.*?<!-- end -->)?", lambda _: figures, page, count=1, flags=re.DOTALL)
    chosen.page.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
