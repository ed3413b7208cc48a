"""Distilling: the teacher is diffusers' own sampler, the student comes nearer to it, a killed run goes on."""

from __future__ import annotations

import json
from dataclasses import astuple, replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from safetensors.torch import load_file
from transformers import CLIPTokenizer

from engine.pocket import FOLDER
from engine.pocket.train.data import SIZES, Picture
from engine.pocket.train.diffusion import export, make_unet
from engine.pocket.train.distil import Settings, Trainer
from engine.pocket.train.text import make_text_encoder
from engine.pocket.train.vae import make_vae

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
    rows=4,
    passes=1,
    student_steps=2,
    teacher_steps=1,
    rank=4,
    rate=1e-2,
    average=0.5,
    save_seconds=1e9,
    report_every=1,
    constant_rate=True,
    bfloat16=False,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a tiny untrained pipeline and a list of what pictures show."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("distil")
    tokenizer = CLIPTokenizer.from_pretrained(FOLDER / "tokenizer")
    unet = make_unet((16, 32, 32))
    torch.nn.init.normal_(unet.conv_out.weight, std=0.1)
    export(folder / "pipeline", unet, make_text_encoder(tokenizer), tokenizer, make_vae())
    shown = [Picture(i, "noto", size=size) for size in range(len(SIZES)) for i in range(8)]
    (folder / "pictures.json").write_text(json.dumps([astuple(picture) for picture in shown]))
    return folder


def trainer(made: Path, run: Path, **changes: object) -> Trainer:
    return Trainer(made, run, made / "pipeline", replace(SETTINGS, **changes))  # type: ignore[arg-type]


def test_the_teacher_goes_where_diffusers_goes(made: Path, tmp_path: Path) -> None:
    # one stride of the student over the whole schedule: the teacher's four are a whole picture
    one = trainer(made, tmp_path, student_steps=1, teacher_steps=3)
    pipeline = StableDiffusionPipeline.from_pretrained(made / "pipeline")
    noise = torch.randn((2, 4, 16, 16), generator=torch.Generator().manual_seed(1))
    texts = ["a red apple", "a cat"]
    theirs = pipeline(
        texts, num_inference_steps=4, guidance_scale=4.0, latents=noise.clone(), output_type="latent"
    ).images
    words, nothing = pipeline.encode_prompt(texts, torch.device("cpu"), 1, True)
    ours = one.teach(noise, 999, -1, words, nothing[:1])
    assert (ours - theirs).abs().max() < 1e-4 * theirs.abs().max()


def test_a_stride_is_a_step_of_ddim_and_an_aim_lands(made: Path, tmp_path: Path) -> None:
    ours = trainer(made, tmp_path, student_steps=4)
    theirs = DDIMScheduler.from_pretrained(made / "pipeline" / "scheduler")
    theirs.set_timesteps(4)
    assert ours.times == theirs.timesteps.tolist()
    here, there, velocity = torch.randn((3, 2, 4, 16, 16), generator=torch.Generator().manual_seed(2))
    for at, after in pairwise((*ours.times, -1)):
        assert (ours.stride(here, ours.aim(here, there, at, after), at, after) - there).abs().max() < 1e-5
        if after >= 0:  # theirs ends a hair before the picture itself
            stepped = theirs.step(velocity, at, here).prev_sample
            assert (ours.stride(here, velocity, at, after) - stepped).abs().max() < 1e-5


def test_the_student_comes_nearer_to_the_teacher(made: Path, tmp_path: Path) -> None:
    one = trainer(made, tmp_path, square_share=1.0)
    held, before = one.draw(1000)
    latents, times, words, aims = held

    def wrong() -> float:
        with torch.no_grad():
            return float((one._velocity(latents, times, words, one.student()) - aims).square().mean())

    first, taught = wrong(), one.teach(latents[:2], 999, 499, words[:2], words[:1] * 0)
    for step in range(16):
        one.learn(held, step)
    assert wrong() < 0.75 * first
    assert one.draw(1000)[1] < before
    # the teacher has stayed what it was
    assert torch.equal(taught, one.teach(latents[:2], 999, 499, words[:2], words[:1] * 0))


def test_a_run_that_was_cut_off_goes_on_as_if_it_had_not_been(made: Path, tmp_path: Path) -> None:
    trainer(made, tmp_path / "whole", steps=3).run()
    trainer(made, tmp_path / "cut", steps=1).run()
    second = trainer(made, tmp_path / "cut", steps=3)
    assert second.step == 1
    second.run()
    whole, cut = (load_file(tmp_path / name / "distil.safetensors") for name in ("whole", "cut"))
    assert whole.keys() == cut.keys()
    assert all(torch.allclose(whole[name], cut[name], atol=1e-6) for name in whole)
    losses = [
        [row.split(",")[2] for row in (tmp_path / name / "distil.csv").read_text().splitlines()]
        for name in ("whole", "cut")
    ]
    assert losses[0] == losses[1]
    assert len(losses[0]) == 4


def test_what_is_written_loads_with_diffusers_alone(made: Path, tmp_path: Path) -> None:
    one = trainer(made, tmp_path, steps=2, average=0.0)
    one.run()
    pipeline = StableDiffusionPipeline.from_pretrained(made / "pipeline")
    noise = torch.randn((2, 4, 16, 16), generator=torch.Generator().manual_seed(1))
    words = torch.randn((2, 32, 192), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        plain = pipeline.unet(noise, 499, words).sample
        pipeline.load_lora_weights(tmp_path / "fewstep")
        theirs = pipeline.unet(noise, 499, words).sample
        ours = one._velocity(noise, 499, words, one.student())
    assert (theirs - ours).abs().max() < 0.02 * (ours - plain).abs().max()
    told = json.loads((tmp_path / "fewstep" / "few_steps.json").read_text())
    assert (told["steps"], told["sampler"], told["guidance_scale"]) == (2, "ddim", 1.0)
    # and a new run can begin with it
    start = Trainer(made, tmp_path / "next", made / "pipeline", SETTINGS, start=tmp_path / "fewstep")
    with torch.no_grad():
        taken = start._velocity(noise, 499, words, start.student())
    assert (taken - ours).abs().max() < 0.02 * (ours - plain).abs().max()
