"""The training commands, from data to evaluate; each resumes what an earlier run left."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Annotated

import torch
import typer

from engine.pocket import FEWSTEP, FLOW, FOLDER, UPSCALER

app = typer.Typer(help="Train the pocket model from icon sets.", no_args_is_help=True, add_completion=False)

Work = Annotated[
    Path, typer.Option(help="Where pictures, checkpoints, logs and sheets go (kept out of git).")
]
Minutes = Annotated[
    float, typer.Option(min=0.0, help="Training time, earlier sittings of a resumed run included.")
]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Threads = Annotated[int, typer.Option(min=1, help="Processor threads; one leaves room for other work.")]

WORK = Path(".pocket")


def _start(device: str, threads: int) -> str:
    torch.set_num_threads(threads)
    # training waits for everybody else on this machine
    if hasattr(os, "nice"):
        os.nice(10)
    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device


@app.command()
def data(
    work: Work = WORK,
    copies: Annotated[int, typer.Option(min=1)] = 1,
    seed: int = 0,
    processes: Annotated[int, typer.Option(min=1)] = 1,
    plain: Annotated[
        bool, typer.Option(help="Everyday things alone and hardly moved: what `flow` starts with.")
    ] = False,
) -> None:
    """Fetch the icon packages (npm must be installed) and draw the training pictures."""
    from engine.pocket.train.data import build

    build(work / "data", copies, seed, processes, plain)


@app.command()
def things(
    work: Work = WORK,
    pipeline: Annotated[Path, typer.Option(help="The pipeline folder whose words are listed.")] = FOLDER,
    few_steps: Annotated[Path, typer.Option(help="Few-step weights, to see what is drawn well.")] = FEWSTEP,
    flow: Annotated[bool, typer.Option(help="Of the second model, with the first one's words.")] = False,
    threads: Threads = 1,
) -> None:
    """List what a shipped model was taught and what the judge finds drawn well (npm must be installed)."""
    import json

    from engine.pocket.knows import FIRST, LISTS
    from engine.pocket.train.concepts import EVERYDAY, with_article
    from engine.pocket.train.evaluate import well_drawn
    from engine.pocket.train.things import listing, taught

    torch.set_num_threads(threads)
    known = EVERYDAY if flow else taught(pipeline / "tokenizer")
    asked = [with_article(one.noun, one.article) for one in known]
    seen = well_drawn(FLOW, None, asked) if flow else well_drawn(pipeline, few_steps, asked)
    well = {prompt for prompt, found in zip(asked, seen, strict=True) if found}
    told = json.dumps(listing(pipeline / "tokenizer", work / "data", well, known), ensure_ascii=False)
    for start in ('{"prompt"', '"places"', '"words"', '"hints"'):
        told = told.replace(start, "\n" + start)
    LISTS["pocket-flow" if flow else FIRST].write_text(told + "\n", encoding="utf-8")
    typer.echo(f"{len(well)} of {len(asked)} things are drawn well")


@app.command()
def vae(
    work: Work = WORK,
    minutes: Minutes = 12.0,
    device: Device = "auto",
    threads: Threads = 1,
    decoder_only: Annotated[
        bool,
        typer.Option(help="Go on with a copy of the finished autoencoder, its latents left as they are."),
    ] = False,
) -> None:
    """Train the autoencoder, then encode every picture; with --decoder-only sharpen the decoder and stop."""
    from engine.pocket.train.vae import encode, train

    device = _start(device, threads)
    train(work / "data", work / "run", minutes=minutes, device=device, decoder_only=decoder_only)
    if not decoder_only:
        encode(work / "data", work / "run", device)


@app.command()
def encode(work: Work = WORK, device: Device = "auto", threads: Threads = 1) -> None:
    """Encode every picture with the autoencoder as it is, for a run that goes on with other pictures."""
    from engine.pocket.train.vae import encode as write

    write(work / "data", work / "run", _start(device, threads))


@app.command()
def double(work: Work = WORK, minutes: Minutes = 15.0, device: Device = "auto", threads: Threads = 1) -> None:
    """Double the size of the autoencoder's pictures, its latents left as they are."""
    from engine.pocket.train.double import train

    device = _start(device, threads)
    train(work / "data", work / "run", minutes=minutes, device=device)


@app.command()
def diffusion(
    work: Work = WORK,
    minutes: Minutes = 90.0,
    batch: Annotated[int, typer.Option(min=1)] = 64,
    device: Device = "auto",
    threads: Threads = 1,
    start: Annotated[
        Path | None, typer.Option(help="A pipeline folder to go on from; nothing known when left out.")
    ] = None,
    wide_steps: Annotated[
        int, typer.Option(min=0, help="Steps over all things alike, before the finished ones lead.")
    ] = 900,
    often: Annotated[
        str, typer.Option(help="Things shown eight times as often, after commas: new or redrawn ones.")
    ] = "",
) -> None:
    """Train the denoiser and the text encoder; exports a stock pipeline every five minutes."""
    from engine.pocket.train.diffusion import Settings, Trainer

    device = _start(device, threads)
    nouns = tuple(noun.strip() for noun in often.split(",") if noun.strip())
    settings = Settings(minutes=minutes, batch=batch, wide_steps=wide_steps, often=nouns)
    Trainer(work / "data", work / "run", settings, device, start).run()


@app.command()
def flow(
    work: Work = WORK,
    minutes: Minutes = 90.0,
    batch: Annotated[int, typer.Option(min=1)] = 32,
    device: Device = "auto",
    threads: Threads = 1,
    start: Annotated[
        Path | None, typer.Option(help="A flow folder to go on from; nothing known when left out.")
    ] = None,
) -> None:
    """Train the small flow-matching transformer over the words and the autoencoder that ship."""
    from engine.pocket.train.flow import Settings, Trainer

    device = _start(device, threads)
    Trainer(work / "data", work / "run", Settings(minutes=minutes, batch=batch), device, start).run()


@app.command()
def mix(
    after: Annotated[Path, typer.Argument(help="The pipeline folder that went on; changed in place.")],
    before: Annotated[Path, typer.Option(help="The pipeline folder it went on from.")] = FOLDER,
    share: Annotated[float, typer.Option(min=0.0, max=1.0, help="How much of what went on.")] = 0.6,
) -> None:
    """Average a pipeline with the one it went on from: new things are kept, and old ones come back."""
    from engine.pocket.train.mix import mix as mixed

    mixed(before, after, after, share)


@app.command()
def names(
    pipeline: Annotated[Path, typer.Option(help="A pipeline folder, changed in place.")] = FOLDER,
) -> None:
    """Teach a pipeline or an encoder further names, without training: each starts as its twin."""
    from engine.pocket.train.names import teach_names

    typer.echo(f"{teach_names(pipeline)} words")


@app.command()
def quiet(
    words: Annotated[
        list[Path], typer.Argument(help="Lists of words, one a line, such as /usr/share/dict/words.")
    ],
    pipeline: Annotated[Path, typer.Option(help="A pipeline or encoder folder, changed in place.")] = FOLDER,
) -> None:
    """Silence words never taught, which hold taught ones ("knight"), without training; after `names`."""
    from engine.pocket.train.quiet import quiet as done

    told = done(pipeline, words)
    typer.echo(
        f"{told.whole} whole words, {told.looked_at} listed ones say nothing; "
        f"{told.learnt} merges learnt from them, {told.rows} rows added"
    )


@app.command()
def distil(
    work: Work = WORK,
    minutes: Minutes = 20.0,
    device: Device = "auto",
    threads: Threads = 1,
    pipeline: Annotated[Path, typer.Option(help="The teacher: a pipeline folder.")] = FOLDER,
    start: Annotated[
        Path | None, typer.Option(help="Few-step weights to go on from; nothing learnt when left out.")
    ] = None,
) -> None:
    """Teach a LoRA to draw in four steps without guidance what the model draws in many with it."""
    from engine.pocket.train.distil import Settings, Trainer

    device = _start(device, threads)
    Trainer(work / "data", work / "run", pipeline, Settings(minutes=minutes), device, start).run()


@app.command()
def clip(
    work: Work = WORK,
    name: Annotated[str, typer.Option(help="encoder (for use) or judge (another seed).")] = "encoder",
    minutes: Minutes = 40.0,
    device: Device = "auto",
    threads: Threads = 1,
    out: Annotated[Path | None, typer.Option(help="Where it goes; its own place if left out.")] = None,
    start: Annotated[
        Path | None, typer.Option(help="An encoder's folder to go on from; nothing known when left out.")
    ] = None,
) -> None:
    """Train a text-image encoder on the drawn pictures; reports retrieval on held-out ones."""
    from engine.pocket import ENCODER, JUDGE
    from engine.pocket.train.clip import SEEDS, Settings, Trainer

    device = _start(device, threads)
    settings = Settings(minutes=minutes, seed=SEEDS[name])
    trainer = Trainer(work / "data", work / "run", name, settings, device, start)
    trainer.run()
    trainer.export(out or (ENCODER if name == "encoder" else JUDGE))
    first, five = trainer.retrieval()
    typer.echo(f"right caption of 100: first {100 * first:.0f} %, among five {100 * five:.0f} %")


@app.command()
def upscaler(work: Work = WORK, minutes: Minutes = 10.0, threads: Threads = 1, out: Path = UPSCALER) -> None:
    """Train the x4 super-resolution network; needs the autoencoder. Reports decibels beside Lanczos."""
    from engine.pocket.train.upscaler import train

    _start("cpu", threads)
    found = train(work / "data", work / "run", out, minutes=minutes)
    typer.echo(", ".join(f"{name} {value:.2f} dB" for name, value in found.items()))


@app.command()
def evaluate(
    pipeline: Annotated[Path, typer.Option(help="A diffusers pipeline folder.")] = FOLDER,
    out: Annotated[Path, typer.Option(help="Where the sheets and the report go.")] = WORK / "sheets",
    seed: int = 0,
    steps: Annotated[int, typer.Option(min=1)] = 20,
    guidance_scale: float = 5.0,
    threads: Threads = 1,
    few_steps: Annotated[Path, typer.Option(help="Few-step weights, measured beside it.")] = FEWSTEP,
    page: Annotated[Path | None, typer.Option(help="A Markdown file for the findings.")] = None,
) -> None:
    """Draw the evaluation prompts to sheets; judge them, check hues, measure time and sizes."""
    from engine.pocket.train.evaluate import report

    _start("cpu", threads)
    typer.echo(report(pipeline, out, seed, steps, guidance_scale, page, few_steps))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    app()
