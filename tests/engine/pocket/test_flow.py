"""The small flow model: trained as diffusers draws, goes on after a kill, and draws what it is asked."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import ZImagePipeline
from safetensors.torch import load_file
from transformers import CLIPTextModel

from engine.pocket import FLOW, FOLDER, shared
from engine.pocket.train.concepts import EVERYDAY
from engine.pocket.train.data import SIZES, Picture, file, plain_plan
from engine.pocket.train.evaluate import judge, prompts
from engine.pocket.train.flow import Rows, Settings, Trainer, fitted, make_transformer
from engine.pocket.train.text import tokenize

pytestmark = [
    pytest.mark.skipif(
        not (FOLDER / "model_index.json").exists(), reason="the weights are not in this checkout"
    ),
    # diffusers' own, in its schedulers and optional imports
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

SETTINGS = Settings(
    batch=2,
    width=64,
    layers=1,
    average=0.5,
    wide_share=0.5,
    long_share=0.5,
    save_seconds=1e9,
    export_seconds=1e9,
    report_every=1,
    constant_rate=True,
    bfloat16=False,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with latents of noise and a list of what they show."""
    folder = tmp_path_factory.mktemp("flow")
    shown = [Picture(i, "fluent-emoji", "red", None, size) for size in range(len(SIZES)) for i in range(4)]
    (folder / "pictures.json").write_text(json.dumps([astuple(picture) for picture in shown]))
    draw = np.random.default_rng(0)
    for size, (wide, high) in enumerate(SIZES):
        np.save(
            file(folder, "latents", size), draw.standard_normal((4, 4, high // 8, wide // 8)).astype("f2")
        )
    return folder


def trainer(made: Path, run: Path, **changes: object) -> Trainer:
    run.mkdir(exist_ok=True)
    for latents in made.glob("*.npy"):
        (run / latents.name).write_bytes(latents.read_bytes())
    return Trainer(made, run, replace(SETTINGS, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(("high", "wide", "told"), [(16, 16, (3, 12)), (12, 20, (32, 7)), (20, 12, (40, 64))])
def test_rows_of_one_shape_are_predicted_as_by_diffusers_lists(
    high: int, wide: int, told: Sequence[int]
) -> None:
    torch.manual_seed(0)
    network = make_transformer(64, 2)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    latents, clock = torch.randn(2, 4, high, wide), torch.tensor([0.2, 0.9])
    captions = [torch.randn(length, 192) for length in told]
    length = 32 * -(-max(told) // 32)
    words, silent = torch.zeros(2, length, 192), torch.ones(2, length, dtype=torch.bool)
    for row, caption in enumerate(captions):
        words[row, : len(caption)], silent[row, : len(caption)] = caption, False
    rows = Rows(network)
    at, said = (places[None] for places in rows.angles(high, wide, length))
    with torch.no_grad():
        ours = rows(latents, clock, words, silent, at, said)
        [theirs] = network(list(latents.unsqueeze(2)), clock, captions, return_dict=False)
    assert (ours - torch.stack(theirs).squeeze(2)).abs().max() < 1e-5


def test_latents_are_cut_or_filled_up_around_their_middle() -> None:
    rows = torch.arange(5.0)[:, None].expand(5, 3)
    assert fitted(rows, 3, 3)[:, 0].tolist() == [1, 2, 3]
    assert fitted(rows, 7, 5)[:, 4].tolist() == [0, 0, 1, 2, 3, 4, 4]


def test_texts_are_read_as_the_first_model_reads_them() -> None:
    parts = shared.parts()
    pipeline = ZImagePipeline(scheduler=None, transformer=None, **parts)
    texts = ["a red apple", "two blue cars on a yellow background, flat style"]
    read, _ = pipeline.encode_prompt(list(texts), torch.device("cpu"), do_classifier_free_guidance=False)
    plain = CLIPTextModel.from_pretrained(FOLDER / "text_encoder")
    with torch.no_grad():
        states = plain(tokenize(parts["tokenizer"], texts), output_hidden_states=True).hidden_states[-2]
    for row, one in enumerate(read):
        assert (one - states[row, : len(one)]).abs().max() < 1e-5
    assert len(read[0]) == 5, "three words and two marks"


def test_a_run_that_was_cut_off_goes_on_as_if_it_had_not_been(made: Path, tmp_path: Path) -> None:
    trainer(made, tmp_path / "whole", steps=4).run()
    trainer(made, tmp_path / "cut", steps=1).run()
    second = trainer(made, tmp_path / "cut", steps=4)
    assert second.step == 1
    second.run()
    whole, cut = (load_file(tmp_path / name / "flow.safetensors") for name in ("whole", "cut"))
    assert whole.keys() == cut.keys()
    assert all(torch.allclose(whole[name], cut[name], atol=1e-6) for name in whole)


def test_it_learns_and_what_it_writes_is_a_pipeline_of_diffusers(made: Path, tmp_path: Path) -> None:
    one = trainer(made, tmp_path, steps=30, average=0.0, wide_share=0.0, long_share=0.0, batch=8)
    with torch.no_grad():
        before = sum(float(one.loss(step)) for step in range(1000, 1004))
    one.run()
    with torch.no_grad():
        assert sum(float(one.loss(step)) for step in range(1000, 1004)) < 0.95 * before
    pipeline = ZImagePipeline.from_pretrained(tmp_path / "flow", **shared.parts())
    [picture] = pipeline("a red apple", height=128, width=128, num_inference_steps=2).images
    assert picture.size == (128, 128)
    again = Trainer(made, tmp_path, SETTINGS, start=tmp_path / "flow")
    own = pipeline.transformer.state_dict()
    assert again.transformer.state_dict().keys() == own.keys()


def test_the_first_lesson_is_everyday_things_alone_and_nothing_held_out() -> None:
    shown = list(plain_plan(random.Random(0)))
    assert {picture.concept for picture in shown} == set(range(len(EVERYDAY)))
    assert not any(picture.held_out() or picture.second or picture.look for picture in shown)
    assert sum(picture.alone() for picture in shown) > len(shown) / 2


@pytest.fixture(scope="module")
def pipeline() -> ZImagePipeline:
    torch.set_num_threads(1)
    loaded = ZImagePipeline.from_pretrained(FLOW, **shared.parts())
    loaded.set_progress_bar_config(disable=True)
    return loaded


def draw(pipeline: ZImagePipeline, texts: Sequence[str], steps: int = 12) -> list[np.ndarray]:
    generators = [torch.Generator().manual_seed(0) for _ in texts]
    return pipeline(  # type: ignore[no-any-return]
        list(texts),
        height=128,
        width=128,
        num_inference_steps=steps,
        guidance_scale=3.0,
        generator=generators,
    ).images


def test_it_takes_at_most_15_mib_and_holds_no_pickle() -> None:
    files = [path for path in FLOW.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 15 * 2**20
    assert {path.suffix for path in files} == {".json", ".safetensors"}


def test_everyday_things_are_recognised_by_the_judge(pipeline: ZImagePipeline) -> None:
    lines = prompts()[:100:5]
    found = judge(draw(pipeline, lines), lines, of=len(lines))
    assert sum(rank == 0 for rank in found.ranks) >= 0.75 * len(lines)


@pytest.mark.full
def test_85_of_the_first_hundred_lines_are_recognised_by_the_judge(pipeline: ZImagePipeline) -> None:
    lines = prompts()[:100]
    pictures = [
        one for start in range(0, 100, 20) for one in draw(pipeline, lines[start : start + 20], steps=20)
    ]
    assert sum(rank < 5 for rank in judge(pictures, lines).ranks) >= 85
