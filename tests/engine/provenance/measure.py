"""How well the invisible mark survives, counted: writes the table of docs/provenance.md.

    python -m tests.engine.provenance.measure --each 100 --unmarked 1000

A third of the pictures each: the shipped models' as they are handed out (enlarged to 512), grids of each four
of them, synthetic photographs (512 to 1024). Beside them the models' own small pictures, which leave nowhere
unless somebody asks for that size. ``--pocket DIR``: pictures that were drawn before.
"""

from __future__ import annotations

import argparse
import math
import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from engine import images
from engine.provenance import watermark
from engine.provenance.values import JOB_BITS, Mark
from engine.render.tools import upscale
from tests import ROOT
from tests.engine.provenance.pictures import TREATMENTS, icon, photograph, psnr, ssim

HOST = 0xABCDE
PAGE = ROOT / "docs" / "provenance.md"
SIZES = ((512, 512), (768, 512), (640, 960), (1024, 576), (1024, 1024))
SETS = ("shipped models, 512 px", "their grids, 1024 px", "photographs, 512 to 1024 px")
SMALL = "small files, 128 px"


def drawn(count: int, folder: Path | None) -> Iterator[Image.Image]:
    """Yield pictures of the shipped models: a third in twenty steps, in few steps, and of ``pocket-flow``."""
    if folder is not None:
        for file in sorted(folder.glob("*.png"))[:count]:
            yield Image.open(file).convert("RGB")
        return
    from diffusers import DiffusionPipeline, ZImagePipeline

    from engine.pocket import FEWSTEP as FEW_STEP_WEIGHTS
    from engine.pocket import FLOW, FOLDER, shared

    lines = (FOLDER.parent / "evaluate_prompts.txt").read_text("utf-8").splitlines()
    pipeline, steps, guidance = DiffusionPipeline.from_pretrained(FOLDER), 20, 5.0
    for number in range(count):
        if number == count // 3:
            pipeline.load_lora_weights(FEW_STEP_WEIGHTS)
            steps, guidance = 4, 1.0
        elif number == count * 2 // 3:
            pipeline, steps, guidance = ZImagePipeline.from_pretrained(FLOW, **shared.parts()), 20, 3.0
        line, size = lines[number % len(lines)], {"width": 128, "height": 128}
        yield pipeline(line, num_inference_steps=steps, guidance_scale=guidance, **size).images[0]


def interval(hits: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share in per cent (Wilson, JASA 22, 1927)."""
    z, share = 1.96, hits / of
    middle, width = share + z * z / (2 * of), z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return 100 * (middle - width) / (1 + z * z / of), 100 * (middle + width) / (1 + z * z / of)


def enlarged(small: Image.Image, network: torch.nn.Module) -> Image.Image:
    """Return a drawn picture as it is handed out: four times as wide, by the shipped network."""
    levels = torch.from_numpy(np.array(small, np.float32) / 255).permute(2, 0, 1)[None]
    with torch.inference_mode():
        shown = network(levels)[0].clamp(0, 1).permute(1, 2, 0)
    return Image.fromarray((shown * 255).round().to(torch.uint8).numpy())


@dataclass
class Count:
    """What was seen in one set of pictures."""

    pictures: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    ratios: list[float] = field(default_factory=list)
    likenesses: list[float] = field(default_factory=list)
    """Of every fourth picture: they take longer to count than all the rest."""
    seconds: list[float] = field(default_factory=list)

    def add(self, picture: Image.Image, number: int) -> None:
        """Mark a picture, treat it, and read it after each treatment."""
        mark = Mark(HOST, random.Random(number).getrandbits(JOB_BITS))
        began = time.process_time()
        marked = next(watermark.embed_each([picture], mark))
        self.seconds.append(time.process_time() - began)
        self.ratios.append(psnr(picture, marked))
        if self.pictures % 4 == 0:
            self.likenesses.append(ssim(picture, marked))
        self.pictures += 1
        for treatment, treated in TREATMENTS.items():
            found = watermark.detect(treated(marked), HOST)
            self.hits[treatment] += found is not None and found.mark == mark


def counted(each: int, folder: Path | None, minutes: float) -> list[str]:
    """Return the lines of the table of what survives."""
    network, ends = upscale.network(upscale.SHIPPED).net, time.monotonic() + 60 * minutes
    counts = {name: Count() for name in (*SETS, SMALL)}
    cells: list[Image.Image] = []
    for number, small in enumerate(drawn(each, folder)):
        cells = [*cells, enlarged(small, network)][-4:]
        photo = photograph(number, *SIZES[number % len(SIZES)])
        for name, picture in zip(SETS, (cells[-1], images.grid((cells * 4)[:4]), photo), strict=True):
            counts[name].add(picture, number)
        if number % 2:
            counts[SMALL].add(small, number)
        if number % 10 == 9:
            print(number + 1, {name: dict(one.hits) for name, one in counts.items()}, flush=True)  # noqa: T201
        if time.monotonic() > ends:
            break
    return table(counts)


def table(counts: dict[str, Count]) -> list[str]:
    """Return the lines that say what was counted; the last column is of all but the small ones."""
    lines = [f"| | {' | '.join(SETS)} | all of these | {SMALL} |", "|---" * (len(SETS) + 3) + "|"]
    total = sum(counts[name].pictures for name in SETS)
    for treatment in TREATMENTS:
        cells = [f"{counts[name].hits[treatment]} of {counts[name].pictures}" for name in (*SETS, SMALL)]
        hits = sum(counts[name].hits[treatment] for name in SETS)
        low, high = interval(hits, total)
        cells.insert(len(SETS), f"{100 * hits / total:.1f} % ({low:.1f} to {high:.1f})")
        lines.append(f"| {treatment} | {' | '.join(cells)} |")
    for title, form in (("PSNR", "{:.1f} ({:.1f}) dB"), ("SSIM", "{:.3f} ({:.3f})")):
        sets = [counts[name] for name in (*SETS, SMALL)]
        values = [one.ratios if title == "PSNR" else one.likenesses for one in sets]
        cells = [form.format(float(np.mean(one)), min(one)) for one in values]
        lines.append(f"| {title}, mean (least) | {' | '.join([*cells[:-1], '', cells[-1]])} |")
    cells = [f"{1000 * float(np.median(counts[name].seconds)):.0f} ms" for name in (*SETS, SMALL)]
    cells.insert(len(SETS), "")
    today = time.strftime("%Y-%m-%d", time.gmtime())
    return [
        *lines,
        f"| time to mark, median | {' | '.join(cells)} |",
        "",
        f"{total} pictures that leave, {today}.",
    ]


def unmarked(count: int, minutes: float) -> str:
    """Return the line that says in how many unmarked pictures a mark was seen."""
    seen, number, ends = 0, 0, time.monotonic() + 60 * minutes
    for number in range(1, count + 1):
        picture = icon(number, 256 + number % 256) if number % 2 else photograph(10_000 + number, 512, 512)
        seen += watermark.detect(picture, HOST) is not None
        if number % 100 == 0:
            print("unmarked", number, "seen", seen, flush=True)  # noqa: T201
        if time.monotonic() > ends:
            break
    _, most = interval(seen, number)
    return (
        f"Unmarked pictures (half icons of 256 to 511 px, half photographs of 512 px): a mark was seen in "
        f"{seen} of {number:,}, which bounds the share by {most:.2f} %."
    )


def main() -> None:
    """Count, and write the page."""
    options = argparse.ArgumentParser()
    options.add_argument("--each", type=int, default=167)
    options.add_argument("--unmarked", type=int, default=10_000)
    options.add_argument("--minutes", type=float, default=math.inf, help="for each of the two counts")
    options.add_argument("--pocket", type=Path)
    options.add_argument("--page", type=Path, default=PAGE)
    chosen = options.parse_args()
    lines = counted(chosen.each, chosen.pocket, chosen.minutes)
    write(chosen.page, lines)
    if chosen.unmarked:
        write(chosen.page, [*lines, "", unmarked(chosen.unmarked, chosen.minutes)])


def write(file: Path, lines: list[str]) -> None:
    """Put the figures into a page, in place of those that stand there."""
    figures = "\n".join(["<!-- figures -->", "", *lines, "", "<!-- end -->"])
    text = file.read_text("utf-8")
    text = re.sub(r"<!-- figures -->(.*?<!-- end -->)?", lambda _: figures, text, count=1, flags=re.DOTALL)
    file.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
