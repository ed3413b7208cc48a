"""Families whose loop is not ours: their own pipeline, one job at a time, notes for what it cannot do."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image

from engine.config import LoraConfig
from engine.jobs import Condition, Input, Kind, Lora, Role
from engine.render import decode
from engine.workers.protocol import Done, Event, Failed, Progress
from tests.engine.render.test_oracle import photo, spec
from tests.engine.render.test_renderer import Make, drain, failed, pictures, renderer
from tests.engine.render.tiny import random_lora

__all__ = ["renderer"]


def test_it_equals_the_stock_pipeline_and_says_what_it_ignored(
    renderer: Make, folders: Callable[[str], Path]
) -> None:
    wanted = spec("krea2", steps=3, sampler="dpmpp_2m", chaos=30, negative_prompt="a dog", count=2)
    render = renderer("krea2", "sd")
    render.start("job", wanted)
    render.start("beside", spec("sd", count=1))
    told = drain(render)
    done = told["job"][-1]
    assert isinstance(done, Done)
    assert done.outcome.notes == ("`--chaos` has no effect with krea2.",)
    assert [event.step for event in told["job"] if isinstance(event, Progress)] == [1, 2, 3, 4, 5, 6]
    assert isinstance(told["beside"][-1], Done)

    pipe = diffusers.Krea2Pipeline.from_pretrained(folders("krea2"))
    for cell, mine in enumerate(pictures(told["job"])):
        theirs = pipe(
            wanted.conditions[0].text,
            negative_prompt="a dog",
            num_inference_steps=3,
            guidance_scale=4.0,  # which Krea counts from one lower
            width=32,
            height=32,
            generator=torch.Generator().manual_seed(wanted.seed + cell),
        ).images[0]
        assert np.array_equal(np.asarray(mine), np.asarray(theirs))


def test_it_can_be_taken_back(renderer: Make) -> None:
    render = renderer("krea2")
    render.start("job", spec("krea2", steps=30, count=4))

    def cancel(event: Event) -> None:
        if isinstance(event, Progress):
            render.cancel("job")

    told = drain(render, cancel)
    assert failed(told["job"]).kind == "cancelled"
    assert len(told["job"]) < 60
    assert not render.busy()


def test_jobs_wait_their_turn(renderer: Make) -> None:
    render = renderer("krea2")
    for name in ("one", "two", "three"):
        render.start(name, spec("krea2", steps=2, count=1))
    render.cancel("two")
    told = drain(render)
    assert [type(told[name][-1]) for name in ("one", "two", "three")] == [Done, Failed, Done]


def test_it_refuses_when_a_picture_would_be_ignored(renderer: Make) -> None:
    render = renderer("krea2")
    with warnings.catch_warnings():
        render.start("job", spec("krea2", inputs=(Input(sha256="p", role=Role.PROMPT),)), {"p": b""})
    answer = failed(drain(render)["job"])
    assert answer.kind == "user"
    assert "cannot do that with pictures" in answer.message


@pytest.mark.filterwarnings("ignore:`FluxPosEmbed` is deprecated:FutureWarning")
@pytest.mark.parametrize(
    ("name", "kind", "title"),
    [
        ("chroma", Kind.VARY, "ChromaImg2Img"),
        ("edm", Kind.VARY, "StableDiffusionImg2Img"),
        ("edm", Kind.INPAINT, "StableDiffusionInpaint"),
    ],
)
def test_it_draws_over_pictures_where_diffusers_has_a_pipeline_for_that(
    renderer: Make, folders: Callable[[str], Path], name: str, kind: Kind, title: str
) -> None:
    parent, mask = photo(32, 32), Image.new("L", (32, 32))
    mask.paste(255, (0, 0, 16, 32))
    files = {"p": decode.png(parent), "m": decode.png(mask)}
    inputs = [Input(sha256="p", role=Role.INIT)]
    inputs += [Input(sha256="m", role=Role.MASK)] * (kind is Kind.INPAINT)
    wanted = spec(name, kind=kind, steps=4, strength=0.5, guidance_scale=3.0, inputs=tuple(inputs), count=1)
    render = renderer(name)
    render.start("job", wanted, {one.sha256: files[one.sha256] for one in inputs})
    told = drain(render)["job"]
    assert [event.step for event in told if isinstance(event, Progress)] == [1, 2], "half of four steps"
    assert {event.total for event in told if isinstance(event, Progress)} == {2}
    mine = np.asarray(pictures(told)[0])

    pipe = getattr(diffusers, f"{title}Pipeline").from_pretrained(folders(name))
    masked = {"mask_image": mask} if kind is Kind.INPAINT else {}
    if title != "StableDiffusionImg2Img":
        masked |= {"width": 32, "height": 32}
    theirs = pipe(
        wanted.conditions[0].text,
        image=parent,
        strength=0.5,
        num_inference_steps=4,
        guidance_scale=3.0,
        generator=torch.Generator().manual_seed(wanted.seed),
        **masked,
    ).images[0]
    if kind is Kind.VARY:
        assert np.array_equal(mine, np.asarray(theirs))
    else:
        assert np.array_equal(mine[:, :8], np.asarray(theirs)[:, :8])
        assert np.array_equal(mine[:, 24:], np.asarray(parent)[:, 24:])


@pytest.mark.parametrize("weight", [-0.5, 0.5])
def test_several_texts_are_told_about(renderer: Make, weight: float) -> None:
    render = renderer("krea2")
    texts = (Condition(text="a red apple"), Condition(text="a dog", weight=weight))
    render.start("job", spec("krea2", steps=1, count=1, conditions=texts))
    done = drain(render)["job"][-1]
    assert isinstance(done, Done)
    assert len([note for note in done.outcome.notes if "--no" in note or "as one" in note]) == 1


@pytest.mark.filterwarnings("ignore:`FluxPosEmbed` is deprecated:FutureWarning")
def test_a_pipeline_of_diffusers_that_cannot_run_is_not_tried(renderer: Make) -> None:
    render = renderer("chroma")
    inputs = (Input(sha256="p", role=Role.INIT), Input(sha256="m", role=Role.MASK))
    data = decode.png(photo(32, 32))
    render.start("job", spec("chroma", kind=Kind.INPAINT, inputs=inputs), {"p": data, "m": data})
    assert "cannot do that with pictures" in failed(drain(render)["job"]).message


@pytest.mark.filterwarnings("ignore:`FluxPosEmbed` is deprecated:FutureWarning")
@pytest.mark.filterwarnings("ignore:Already found a `peft_config`")  # in diffusers' own, which has both
@pytest.mark.parametrize(("name", "title"), [("krea2", "Krea2"), ("chroma", "Chroma")])
def test_loras_equal_diffusers_and_leave_the_next_picture_alone(
    renderer: Make, folders: Callable[[str], Path], tmp_path: Path, name: str, title: str
) -> None:
    pipe = getattr(diffusers, f"{title}Pipeline").from_pretrained(folders(name))
    files = {one: random_lora(pipe, tmp_path / f"{one}.safetensors", n, 3) for n, one in enumerate("ab")}
    render = renderer(name, loras=tuple(LoraConfig(name=one, source=file) for one, file in files.items()))
    for one, file in files.items():
        pipe.load_lora_weights(file, adapter_name=one)
    pair = (Lora(name="a", weight=0.8), Lora(name="b", weight=-0.5))
    seen: list[np.ndarray] = []
    for turn, loras in enumerate(((), pair[:1], pair, ())):
        wanted = spec(name, steps=2, count=1, loras=loras)
        render.start(f"{turn}", wanted)
        told = drain(render)[f"{turn}"]
        [mine] = pictures(told)
        assert isinstance(told[-1], Done)
        assert not any("--lora" in note for note in told[-1].outcome.notes)
        if loras:
            pipe.enable_lora()
            pipe.set_adapters([one.name for one in loras], [one.weight for one in loras])
        else:
            pipe.disable_lora()
        theirs = pipe(
            wanted.conditions[0].text,
            num_inference_steps=2,
            guidance_scale=4.0 if name == "krea2" else 5.0,
            width=32,
            height=32,
            generator=torch.Generator().manual_seed(wanted.seed),
        ).images[0]
        apart = np.abs(np.asarray(mine, int) - np.asarray(theirs, int))
        assert apart.max() <= 1  # of 255: the sums are taken in another order
        seen.append(np.asarray(mine))
    assert np.array_equal(seen[0], seen[3])
    assert not np.array_equal(seen[0], seen[1])
    assert not np.array_equal(seen[1], seen[2])


def test_a_lora_of_another_model_is_refused_and_the_next_job_is_drawn(
    renderer: Make, folders: Callable[[str], Path], tmp_path: Path
) -> None:
    other = diffusers.StableDiffusionPipeline.from_pretrained(folders("sd"))
    file = random_lora(other, tmp_path / "a.safetensors", 1, 2)
    render = renderer("krea2", loras=(LoraConfig(name="a", source=file),))
    render.start("bad", spec("krea2", steps=2, count=1, loras=(Lora(name="a", weight=1.0),)))
    render.start("good", spec("krea2", steps=2, count=1))
    told = drain(render)
    refused = failed(told["bad"])
    assert (refused.kind, "was made for another kind of model" in refused.message) == ("user", True)
    assert isinstance(told["good"][-1], Done)
