"""Draw the evaluation prompts and measure what can be measured; judging the sheets is for eyes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image, ImageDraw
from tqdm import tqdm  # type: ignore[import-untyped]

from engine.pocket.train.concepts import COLOURS, HELD_OUT_COLOURS, with_article
from engine.pocket.train.data import oklab

PROMPTS = Path(__file__).parent.parent / "evaluate_prompts.txt"


def prompts() -> list[str]:
    """The 160 lines: a hundred everyday things, then sixty combinations never shown in training."""
    lines = PROMPTS.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def draw(
    pipeline: StableDiffusionPipeline,
    texts: Sequence[str],
    seed: int = 0,
    steps: int = 20,
    guidance_scale: float = 5.0,
    batch: int = 10,
) -> list[Image.Image]:
    """One picture a prompt; each has its own generator, so a picture does not depend on its neighbours."""
    pipeline.set_progress_bar_config(disable=True)
    pictures: list[Image.Image] = []
    for start in tqdm(range(0, len(texts), batch), desc="drawing", leave=False):
        part = list(texts[start : start + batch])
        generators = [torch.Generator().manual_seed(seed) for _ in part]
        pictures += pipeline(
            part, num_inference_steps=steps, guidance_scale=guidance_scale, generator=generators
        ).images
    return pictures


def sheet(
    pictures: Sequence[Image.Image], texts: Sequence[str], columns: int = 10, cell: int = 128
) -> Image.Image:
    """Lay pictures out in rows, each over its prompt."""
    rows = -(-len(pictures) // columns)
    board = Image.new("RGB", (columns * (cell + 4), rows * (cell + 16)), "white")
    pen = ImageDraw.Draw(board)
    for index, (picture, text) in enumerate(zip(pictures, texts, strict=True)):
        left, top = index % columns * (cell + 4), index // columns * (cell + 16)
        board.paste(picture.resize((cell, cell), Image.Resampling.LANCZOS), (left, top))
        pen.text((left + 2, top + cell + 2), text[: cell // 6], fill="black")
    return board


def named_share(picture: Image.Image, colour: str, ground: str = "white") -> float:
    """Share of the object's pixels whose nearest colour word is `colour`; `ground` pixels don't count."""
    pixels = oklab(np.asarray(picture.convert("RGB"), dtype=np.float32) / 255).reshape(-1, 3)
    names = list(COLOURS)
    palette = oklab(np.array([COLOURS[name] for name in names], dtype=np.float32) / 255)
    # lightness counts half: a shaded red is still red
    scale = np.array([0.5, 1.0, 1.0], dtype=np.float32)
    nearest = np.argmin(np.linalg.norm((pixels[:, None] - palette[None]) * scale, axis=-1), axis=1)
    counts = np.bincount(nearest, minlength=len(names))
    counts[names.index(ground)] = 0
    return float(counts[names.index(colour)] / max(int(counts.sum()), 1))


HUE_OBJECTS = (
    "apple", "car", "star", "cat", "house", "guitar", "butterfly", "mushroom", "bus", "umbrella",
    "key", "book", "balloon", "t-shirt", "backpack", "robot", "turtle", "heart", "bell", "tulip",
)  # fmt: skip


def check_hues(
    pipeline: StableDiffusionPipeline, steps: int = 20, guidance_scale: float = 5.0
) -> tuple[int, int]:
    """Draw eleven colours of twenty objects; returns how many show it on a third of the object, of how many.

    White things are asked for on a blue ground, where they can be told from it.
    """
    cases = [
        (noun, colour, "blue" if colour == "white" else "white") for noun in HUE_OBJECTS for colour in COLOURS
    ]
    cases = [case for case in cases if (case[0], case[1]) not in HELD_OUT_COLOURS]
    texts = [
        with_article(f"{colour} {noun}", "a") + (f" on a {ground} background" if ground != "white" else "")
        for noun, colour, ground in cases
    ]
    pictures = draw(pipeline, texts, steps=steps, guidance_scale=guidance_scale)
    right = sum(
        named_share(picture, colour, ground) > 1 / 3
        for picture, (_, colour, ground) in zip(pictures, cases, strict=True)
    )
    return right, len(cases)


def report(folder: Path, out: Path, seed: int = 0, steps: int = 20, guidance_scale: float = 5.0) -> str:
    """Draw the evaluation prompts to `out`, check hues, time and weigh; returns the findings."""
    out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    pipeline = StableDiffusionPipeline.from_pretrained(folder)
    loading = time.monotonic() - started
    texts = prompts()
    started = time.monotonic()
    pictures = draw(pipeline, texts, seed, steps, guidance_scale)
    each = (time.monotonic() - started) / len(texts)
    started = time.monotonic()
    draw(pipeline, texts[:1], seed, steps, guidance_scale)
    alone = time.monotonic() - started
    sheet(pictures[:100], texts[:100]).save(out / "everyday.png", optimize=True)
    sheet(pictures[100:], texts[100:]).save(out / "combinations.png", optimize=True)
    right, asked = check_hues(pipeline, steps, guidance_scale)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20
    lines = [
        f"pipeline: {size:.1f} MiB, loads in {loading:.2f} s",
        f"a picture of {steps} steps: {alone:.2f} s alone, {each:.2f} s in batches of ten, "
        f"{torch.get_num_threads()} threads",
        f"hues: {right} of {asked} right",
    ]
    (out / "report.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return "\n".join(lines)
