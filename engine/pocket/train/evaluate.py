"""Draw the evaluation prompts and measure what can be measured; judging the sheets is for eyes."""

from __future__ import annotations

import json
import platform
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline, ZImagePipeline
from PIL import Image, ImageDraw
from torch import Tensor
from tqdm import tqdm  # type: ignore[import-untyped]

from engine.pocket import ENCODER, FEWSTEP, JUDGE, UPSCALER, shared
from engine.pocket.train.clip import load_encoder, picture_vectors, text_vectors
from engine.pocket.train.concepts import COLOURS, HELD_OUT_COLOURS, with_article
from engine.pocket.train.icons import oklab

PROMPTS = Path(__file__).parent.parent / "evaluate_prompts.txt"


NEWCOMER = PROMPTS.with_name("evaluate_newcomer.txt")


def prompts(path: Path = PROMPTS) -> list[str]:
    """The 160 lines: a hundred everyday things, then sixty combinations never shown in training.

    Of NEWCOMER, the hundred prompts that a newcomer might type.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def opened(folder: Path) -> Any:
    """Load a pipeline folder; one of the flow model with what it takes from the first."""
    told = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    if told["_class_name"] == ZImagePipeline.__name__:
        return ZImagePipeline.from_pretrained(folder, **shared.parts())
    return StableDiffusionPipeline.from_pretrained(folder)


def quicken(pipeline: StableDiffusionPipeline, few_steps: Path) -> tuple[int, float]:
    """Lay few-step weights over a pipeline, with their sampler; returns their steps and guidance."""
    told = json.loads((few_steps / "few_steps.json").read_text(encoding="utf-8"))
    if told["sampler"] != "ddim":
        raise ValueError(f"{few_steps} asks for the sampler {told['sampler']}; only ddim is known here")
    pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
    pipeline.load_lora_weights(few_steps)
    pipeline.fuse_lora()
    return int(told["steps"]), float(told["guidance_scale"])


def draw(
    pipeline: StableDiffusionPipeline | ZImagePipeline,
    texts: Sequence[str],
    seed: int = 0,
    steps: int = 20,
    guidance_scale: float = 5.0,
    batch: int = 10,
) -> list[Image.Image]:
    """One picture a prompt; each has its own generator, so a picture does not depend on its neighbours."""
    pipeline.set_progress_bar_config(disable=True)
    size: dict[str, int] = {}
    if isinstance(pipeline, ZImagePipeline):
        # its guidance counts from nought, and it would draw a megapixel
        guidance_scale, size = guidance_scale - 1, {"height": 128, "width": 128}
    pictures: list[Image.Image] = []
    for start in tqdm(range(0, len(texts), batch), desc="drawing", leave=False):
        part = list(texts[start : start + batch])
        generators = [torch.Generator().manual_seed(seed) for _ in part]
        pictures += pipeline(
            part, num_inference_steps=steps, guidance_scale=guidance_scale, generator=generators, **size
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
    pipeline: StableDiffusionPipeline | ZImagePipeline, steps: int = 20, guidance_scale: float = 5.0
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


@dataclass(frozen=True)
class Judged:
    """How encoders see the drawn lines: the shipped one's cosines, and the other seed's ranks from 0."""

    scores: Tensor  # (n,)
    ranks: list[int]  # of the right line among itself and 99 others


@torch.no_grad()
def judge(pictures: Sequence[Image.Image], texts: Sequence[str], of: int = 100, seed: int = 0) -> Judged:
    """Score each picture against its line, and find each line among `of` by the judge."""
    encoder, tokenizer = load_encoder(ENCODER)
    scores = (picture_vectors(encoder, pictures) * text_vectors(encoder, tokenizer, texts)).sum(-1)
    other, tokenizer = load_encoder(JUDGE if JUDGE.exists() else ENCODER)
    table = picture_vectors(other, pictures) @ text_vectors(other, tokenizer, texts).T
    rng, ranks = random.Random(seed), []
    for own in range(len(texts)):
        others = rng.sample([row for row in range(len(texts)) if row != own], min(of, len(texts)) - 1)
        ranks.append(int((table[own, others] >= table[own, own]).sum()))
    return Judged(scores, ranks)


@torch.no_grad()
def well_drawn(
    folder: Path, few_steps: Path | None, asked: Sequence[str], seed: int = 0, first: int = 3
) -> list[bool]:
    """Draw each thing: is it among the `first` of all that the judge sees in its picture?

    In few steps where there are weights for that, else in twenty.
    """
    pipeline = opened(folder)
    steps, guidance_scale = (20, 4.0) if few_steps is None else quicken(pipeline, few_steps)
    pictures = draw(pipeline, asked, seed, steps, guidance_scale)
    model, tokenizer = load_encoder(JUDGE)
    table = picture_vectors(model, pictures) @ text_vectors(model, tokenizer, asked).T
    return [int((row > row[own]).sum()) < first for own, row in enumerate(table)]


def _weight(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


@dataclass(frozen=True)
class Measured:
    """One way of drawing: how it is judged, hues right of how many asked, and seconds of the clock."""

    judged: Judged
    newcomer: Judged
    right: int
    asked: int
    alone: float  # one picture
    grid: float  # four in one batch
    each: float  # of the lines, in batches of ten


def measure(
    pipeline: StableDiffusionPipeline | ZImagePipeline,
    out: Path,
    seed: int,
    steps: int,
    guidance_scale: float,
    name: str = "",
) -> Measured:
    """Draw the lines to sheets in `out` (their names end in `name`), judge them, check hues, take times."""
    texts = prompts()
    started = time.monotonic()
    pictures = draw(pipeline, texts, seed, steps, guidance_scale)
    each = (time.monotonic() - started) / len(texts)
    seconds = []
    for count in (1, 4):
        trials = []
        for _ in range(3):
            started = time.monotonic()
            draw(pipeline, texts[:count], seed, steps, guidance_scale)
            trials.append(time.monotonic() - started)
        seconds.append(sorted(trials)[1])
    sheet(pictures[:100], texts[:100]).save(out / f"everyday{name}.png", optimize=True)
    sheet(pictures[100:], texts[100:]).save(out / f"combinations{name}.png", optimize=True)
    newcomer = prompts(NEWCOMER)
    more = draw(pipeline, newcomer, seed, steps, guidance_scale)
    sheet(more, newcomer).save(out / f"newcomer{name}.png", optimize=True)
    right, asked = check_hues(pipeline, steps, guidance_scale)
    return Measured(judge(pictures, texts), judge(more, newcomer), right, asked, *seconds, each)


def report(
    folder: Path,
    out: Path,
    seed: int = 0,
    steps: int = 20,
    guidance_scale: float = 5.0,
    page: Path | None = None,
    few_steps: Path = FEWSTEP,
) -> str:
    """Measure a pipeline as it is and with `few_steps` laid over it; returns the findings as Markdown.

    Sheets go to `out`; `page` is a file to write the findings to as well.
    """
    out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    pipeline = opened(folder)
    loading = time.monotonic() - started
    found = [measure(pipeline, out, seed, steps, guidance_scale)]
    titles = [f"{steps} steps, guidance {guidance_scale:g}"]
    if few_steps.exists() and isinstance(pipeline, StableDiffusionPipeline):
        few, guidance_scale = quicken(pipeline, few_steps)
        found.append(measure(pipeline, out, seed, few, guidance_scale, "-few-steps"))
        titles.append(f"few-step weights, {few} steps, guidance {guidance_scale:g}")
    texts = prompts()
    who = "the judge" if JUDGE.exists() else "the shipped encoder (no judge here)"
    parts = {
        "pipeline": folder,
        "few-step weights": few_steps,
        "encoder": ENCODER,
        "judge": JUDGE,
        "upscaler": UPSCALER,
    }
    weights = {name: _weight(path) for name, path in parts.items() if path.exists()}

    def row(name: str, cell: Callable[[Measured], str]) -> str:
        return f"| {name} | {' | '.join(map(cell, found))} |"

    lines = [
        "# The shipped model, measured",
        "",
        "Written by `make evaluate` (`python -m engine.pocket.train evaluate`): the 160 lines of",
        f"`engine/pocket/evaluate_prompts.txt`, one picture each, seed {seed}, and the 100 prompts of",
        "`evaluate_newcomer.txt` beside it. Judging the sheets is for eyes: the model card has those counts.",
        "",
        f"| | {' | '.join(titles)} |",
        "|---|" + "---|" * len(found),
        row(
            f"right line in the first five of 100 by {who}, everyday",
            lambda m: _share(m.judged.ranks[:100], 5),
        ),
        row("the same, combinations never shown", lambda m: _share(m.judged.ranks[100:], 5)),
        row("the same, all", lambda m: _share(m.judged.ranks, 5)),
        row("the same, newcomers' prompts", lambda m: _share(m.newcomer.ranks, 5)),
        row("right line first, all", lambda m: _share(m.judged.ranks, 1)),
        row(
            "mean cosine of picture and line, shipped encoder, everyday",
            lambda m: f"{m.judged.scores[:100].mean():.2f}",
        ),
        row("the same, combinations", lambda m: f"{m.judged.scores[100:].mean():.2f}"),
        row(
            "right hue, eleven colours × twenty things",
            lambda m: f"{m.right} of {m.asked} ({100 * m.right / m.asked:.0f} %)",
        ),
        row("one picture alone, median of three", lambda m: f"{m.alone:.2f} s"),
        row("four in one batch, median of three", lambda m: f"{m.grid:.2f} s"),
        row("one picture in batches of ten", lambda m: f"{m.each:.2f} s"),
        "",
        f"Loading the pipeline took {loading:.2f} s. {torch.get_num_threads()} threads on",
        f"{platform.machine()}, {platform.system()}, torch {torch.__version__}, in full precision.",
        "",
        "| part | size |",
        "|---|---|",
        *(f"| {name} | {size:.1f} MiB |" for name, size in weights.items()),
        f"| all that ships | {sum(weights.values()):.1f} MiB |",
    ]
    for title, one in zip(titles, found, strict=True):
        missed = [
            f"- {text} ({rank + 1}, cosine {score:.2f})"
            for text, rank, score in zip(texts, one.judged.ranks, one.judged.scores.tolist(), strict=True)
            if rank >= 5
        ]
        lines += ["", f"Lines that {who} did not find among the first five ({title}), with the rank of the"]
        lines += ["right one:" if missed else "right one: none.", *([""] if missed else []), *missed]
    text = "\n".join(lines) + "\n"
    (out / "report.md").write_text(text, encoding="utf-8")
    if page is not None:
        page.write_text(text, encoding="utf-8")
    return text


def _share(ranks: Sequence[int], first: int) -> str:
    found = sum(rank < first for rank in ranks)
    return f"{found} of {len(ranks)} ({100 * found / max(1, len(ranks)):.0f} %)"
