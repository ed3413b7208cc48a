"""The model that ships draws what it is asked, through diffusers alone; and its training survives a kill."""

from __future__ import annotations

import csv
import json
import random
import signal
import subprocess
import sys
import time
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline, StableDiffusionImg2ImgPipeline, StableDiffusionInpaintPipeline
from PIL import Image
from safetensors.torch import load_file
from transformers import CLIPTokenizer

from engine.pocket import ENCODER, FLOW, FOLDER, JUDGE, UPSCALER
from engine.pocket.srvgg import SRVGGNetCompact

pytestmark = [
    pytest.mark.skipif(
        not (FOLDER / "model_index.json").exists(), reason="the weights are not in this checkout"
    ),
    # diffusers' own, in its schedulers and optional imports
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

# Pickled weights can run code when they are loaded; these are the names such files go by.
PICKLES = {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"}


@pytest.fixture(scope="module")
def pipeline() -> DiffusionPipeline:
    torch.set_num_threads(1)
    loaded = DiffusionPipeline.from_pretrained(FOLDER)
    loaded.set_progress_bar_config(disable=True)
    return loaded


def draw(pipeline: DiffusionPipeline, *prompts: str, **options: object) -> list[np.ndarray]:
    generators = [torch.Generator().manual_seed(3) for _ in prompts]
    made = pipeline(
        list(prompts), num_inference_steps=12, guidance_scale=5.0, generator=generators, **options
    )
    return [np.asarray(picture).astype(float) for picture in made.images]


def middle(picture: np.ndarray) -> np.ndarray:
    side = len(picture)
    inner = slice(side * 5 // 16, side * 11 // 16)
    return picture[inner, inner].mean(axis=(0, 1))


def corners(picture: np.ndarray) -> np.ndarray:
    n = len(picture) // 12
    return np.mean([picture[:n, :n], picture[:n, -n:], picture[-n:, :n], picture[-n:, -n:]], axis=(0, 1, 2))


def side_of(pipeline: DiffusionPipeline) -> int:
    return int(pipeline.unet.config.sample_size * pipeline.vae_scale_factor)


def test_colour_words_colour_the_object(pipeline: DiffusionPipeline) -> None:
    red, blue = draw(pipeline, "a red apple", "a blue apple")
    assert middle(red)[0] > middle(red)[1] + 60
    assert middle(red)[0] > middle(red)[2] + 60
    assert middle(blue)[2] > middle(blue)[0] + 40


def test_background_words_change_the_corners_and_not_the_object(pipeline: DiffusionPipeline) -> None:
    plain, yellow = draw(pipeline, "a red apple", "a red apple on a yellow background")
    assert corners(plain).min() > 225
    assert corners(yellow)[0] > 200
    assert corners(yellow)[2] < 130
    assert middle(yellow)[0] > middle(yellow)[2] + 60


def test_a_negative_prompt_takes_its_word_away(pipeline: DiffusionPipeline) -> None:
    things = ("a fish", "a tree", "an apple")
    unwanted, channels = ["blue", "green", "a red apple"], (2, 1, 0)
    fell = []
    for channel, asked, without in zip(
        channels, draw(pipeline, *things), draw(pipeline, *things, negative_prompt=unwanted), strict=True
    ):
        strength = [
            middle(picture)[channel] - np.delete(middle(picture), channel).mean()
            for picture in (asked, without)
        ]
        fell.append(strength[0] - strength[1])
    assert min(fell) > 10
    assert np.mean(fell) > 25


def test_image_to_image_starts_from_the_picture(pipeline: DiffusionPipeline) -> None:
    repaint = StableDiffusionImg2ImgPipeline(**pipeline.components, requires_safety_checker=False)
    start = Image.new("RGB", (side_of(pipeline),) * 2, (40, 90, 220))
    near, far = (
        np.asarray(
            repaint("a red apple", start, strength=strength, num_inference_steps=12,
                    generator=torch.Generator().manual_seed(0)).images[0]
        ).astype(float)
        for strength in (0.2, 1.0)
    )  # fmt: skip
    given = np.asarray(start).astype(float)
    assert np.abs(near - given).mean() < np.abs(far - given).mean()
    assert near[..., 2].mean() > near[..., 0].mean()


def test_inpainting_leaves_the_rest_alone(pipeline: DiffusionPipeline) -> None:
    fill = StableDiffusionInpaintPipeline(**pipeline.components, requires_safety_checker=False)
    side = side_of(pipeline)
    start = Image.new("RGB", (side, side), (255, 255, 255))
    mask = Image.new("L", (side, side), 0)
    mask.paste(255, (side // 2, 0, side, side))
    made = np.asarray(
        fill("a red apple", start, mask, height=side, width=side, strength=1.0, num_inference_steps=12,
             generator=torch.Generator().manual_seed(0)).images[0]
    ).astype(float)  # fmt: skip
    assert np.abs(made[:, : side * 3 // 8] - 255).mean() < 12
    assert np.abs(made[:, side * 5 // 8 :] - 255).mean() > 25


def test_a_seed_gives_the_same_picture_again(pipeline: DiffusionPipeline) -> None:
    first, again = (draw(pipeline, "a cat")[0] for _ in range(2))
    assert (first == again).all()


def test_words_never_taught_do_not_break_a_known_prompt(pipeline: DiffusionPipeline) -> None:
    (red,) = draw(pipeline, "a zqxjk red apple")
    assert middle(red)[0] > middle(red)[2] + 40


def test_a_row_of_strange_words_leaves_the_thing_as_it_is(pipeline: DiffusionPipeline) -> None:
    plain, strange = draw(pipeline, "a red apple", "a glorious red apple highly zxcv vignette studio vbnm")
    assert min(strange[corner].mean() for corner in (np.s_[:8, :8], np.s_[:8, -8:], np.s_[-8:, -8:])) > 230
    assert abs(middle(plain) - middle(strange)).max() < 40


def test_names_of_the_same_thing_draw_the_same_thing(pipeline: DiffusionPipeline) -> None:
    cat, kitten = draw(pipeline, "a cat", "a kitten")
    assert np.abs(cat - kitten).mean() < 2


def test_no_file_is_a_pickle_and_all_fit_the_budget() -> None:
    files = [path for path in FOLDER.parent.rglob("*") if path.is_file()]
    weights = [path for path in files if path.suffix == ".safetensors"]
    assert {FOLDER, UPSCALER, ENCODER, JUDGE} <= {folder for path in weights for folder in path.parents}
    assert not [path for path in files if path.suffix in PICKLES]
    # the pipeline at most 40 MiB, everything together but the second model (`test_flow`) at most 56
    assert sum(path.stat().st_size for path in files if FOLDER in path.parents) < 40 * 2**20
    rest = [path for path in files if path.suffix != ".pyc" and FLOW not in path.parents]
    assert sum(path.stat().st_size for path in rest) < 56 * 2**20


@pytest.mark.skipif(not (UPSCALER / "config.json").exists(), reason="the upscaler is not in this checkout")
def test_the_upscaler_loads_and_keeps_flat_colour_flat() -> None:
    config = json.loads((UPSCALER / "config.json").read_text(encoding="utf-8"))
    network = SRVGGNetCompact(**{name: config[name] for name in ("num_feat", "num_conv", "upscale")})
    network.load_state_dict(load_file(UPSCALER / "model.safetensors"))
    with torch.no_grad():
        large = network.float()(torch.full((1, 3, 16, 16), 0.6))
    assert large.shape == (1, 3, 64, 64)
    assert (large[..., 16:48, 16:48] - 0.6).abs().max() < 0.05


def train(folder: Path, steps: int) -> None:
    """Train a tiny network on eight made-up latents, saving and reporting after every step."""
    from engine.pocket.train.data import SIZES, Picture, file
    from engine.pocket.train.diffusion import Settings, Trainer
    from engine.pocket.train.vae import make_vae

    if not (folder / "pictures.json").exists():
        folder.mkdir(exist_ok=True)
        make_vae().save_pretrained(folder / "vae")
        # eight pictures of every size
        for size, (width, height) in enumerate(SIZES):
            latents = np.random.default_rng(size).standard_normal((8, 4, height // 8, width // 8))
            np.save(file(folder, "latents", size), latents.astype("float16"))
        shown = [Picture(i, "noto", size=size) for size in range(len(SIZES)) for i in range(8)]
        (folder / "pictures.json").write_text(json.dumps([astuple(picture) for picture in shown]))
    settings = Settings(
        steps=steps,
        batch=2,
        save_seconds=0.0,
        export_seconds=1e9,
        report_every=1,
        constant_rate=True,
        widths=(16, 32, 32),
    )
    Trainer(folder, folder, settings).run()


def test_training_shows_nothing_that_evaluation_asks_for() -> None:
    from engine.pocket.train.captions import caption
    from engine.pocket.train.data import plan
    from engine.pocket.train.evaluate import prompts

    rng = random.Random(4)
    said = {text.removeprefix("a ") for p in plan(random.Random(2)) for text in (caption(p, rng),)}
    asked = {line.removeprefix("a ") for line in prompts()[100:]}
    assert len(asked) == 60
    assert not asked & said


def test_words_added_to_the_tokenizer_leave_the_known_ones_alone() -> None:
    from engine.pocket.train.text import make_tokenizer, words

    shipped, wider = CLIPTokenizer.from_pretrained(FOLDER / "tokenizer"), make_tokenizer(FOLDER / "tokenizer")
    assert [word for word in words() if len(wider.tokenize(word)) != 1] == []
    line = "a purple elephant and two cats under water"
    assert wider.tokenize(line) == shipped.tokenize(line)
    numbers = wider.get_vocab()
    moved = [token for token, row in shipped.get_vocab().items() if numbers[token] != row]
    assert set(moved) <= {"<|startoftext|>", "<|endoftext|>"}


def losses(folder: Path) -> dict[int, float]:
    if not (folder / "diffusion.csv").exists():
        return {}
    with (folder / "diffusion.csv").open(newline="", encoding="utf-8") as stream:
        return {int(row["step"]): float(row["loss"]) for row in csv.DictReader(stream) if row["loss"]}


def test_a_killed_training_run_goes_on_where_it_was(tmp_path: Path) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    code = (
        f"import pathlib, runpy; runpy.run_path({__file__!r})['train'](pathlib.Path({str(killed)!r}), 1000)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL) as run:
        while len(losses(killed)) < 4:
            assert run.poll() is None, "training ended by itself"
            time.sleep(0.02)
        run.send_signal(signal.SIGKILL)
    done = max(losses(killed))
    train(killed, done + 2)
    train(whole, done + 2)
    resumed, reference = losses(killed), losses(whole)
    assert sorted(resumed) == sorted(reference) == list(range(1, done + 3))
    assert [*resumed.values()] == pytest.approx([*reference.values()], rel=1e-3)


def test_words_never_taught_stay_silent_while_others_learn(tmp_path: Path) -> None:
    from engine.pocket.train.text import garble, make_tokenizer, taught

    train(tmp_path / "run", 3)
    numbers = make_tokenizer().get_vocab()
    table = load_file(tmp_path / "run" / "pipeline" / "text_encoder" / "model.safetensors")
    rows = next(tensor for name, tensor in table.items() if name.endswith("token_embedding.weight"))
    spoken = {numbers[token] for token in taught(make_tokenizer())}
    marks = {numbers["<|startoftext|>"], numbers["<|endoftext|>"]}
    silent = [row for row in range(len(rows)) if row not in spoken | marks]
    assert len(silent) > 400
    assert not rows[silent].any()
    assert rows[sorted(spoken)].any(dim=1).all()
    # nonsense stands before or behind what the caption says, and takes nothing of it away
    rng = random.Random(5)
    for _ in range(50):
        words = iter(garble("a red apple on a beach", rng).replace(",", " ,").split())
        assert all(word in words for word in ("a", "red", "apple", "on", "a", "beach"))
