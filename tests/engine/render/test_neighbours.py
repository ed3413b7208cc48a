"""Nothing that one request does changes another's picture: neighbours of every kind, by bytes."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from engine.config import AdapterConfig, Config, LoraConfig, ModelConfig, ProvenanceConfig
from engine.jobs import Input, JobSpec, Kind, Lora, Role, State
from engine.render import Renderer, decode
from engine.service import Service
from engine.workers.protocol import Done, Event, Progress
from tests.engine.conftest import asking, ended, submit
from tests.engine.conftest import drawn as drawn_by_service
from tests.engine.render import tiny
from tests.engine.render.conftest import ENGINE
from tests.engine.render.test_oracle import photo, spec
from tests.engine.render.test_renderer import drain, failed

FIXED: Mapping[str, JobSpec] = {  # large enough for the VAE to work in tiles, were it told to
    "plain": spec(seed=1, width=64, height=64, count=1),
    "ink": spec(seed=1, width=64, height=64, count=1, loras=(Lora(name="ink"),)),
    "few": spec(seed=1, width=64, height=64, count=1, few_steps=True),
}
ROWS = {6, 3, 1}
"""Of calls that there is no memory for: a job of three guided pictures, and its halves."""


def unfit(good: Path) -> dict[str, bytes | dict[str, torch.Tensor]]:
    """Return the contents of files that are no LoRA for this model, by name."""
    fits, whole = load_file(good), good.read_bytes()
    down, up = torch.ones(2, 16), torch.ones(16, 2)

    def pair(name: str, a: str = "lora_A", b: str = "lora_B") -> dict[str, torch.Tensor]:
        return {f"{name}.{a}.weight": down, f"{name}.{b}.weight": up}

    layer = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q"
    return {
        "flux": pair("transformer.single_transformer_blocks.0.attn.to_q"),
        "second-encoder": pair("lora_te2_text_model_encoder_layers_0_mlp_fc1", "lora_down", "lora_up"),
        "wan": pair("diffusion_model.blocks.0.cross_attn.k"),
        "dummy": {"lora_dummy": down},
        "no-lora": {"weight": down},
        "other-shapes": {name: torch.ones(3, 5) for name in fits},
        # its UNet's half fits and goes in, then the text encoder's fails
        "half-bad": {n: torch.ones(3, 5) if n.startswith("text_encoder") else t for n, t in fits.items()},
        "sdxl": pair("lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_k", "lora_down", "lora_up"),
        "loha": {f"{layer}.hada_{part}": down for part in ("w1_a", "w1_b", "w2_a", "w2_b")},
        "lokr": {f"{layer}.lokr_w1": down, f"{layer}.lokr_w2": up},
        "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n",
        "page": b"<!doctype html><html><title>Sign in</title></html>",
        "empty": b"",
        "cut": whole[: len(whole) // 2],
        "nan": {name: tensor * float("nan") for name, tensor in fits.items()},
        "one-infinite": {n: t * (float("inf") if n == min(fits) else 1) for n, t in fits.items()},
        "huge": {name: tensor * 1e25 for name, tensor in fits.items()},  # numbers, but not their products
    }


@pytest.fixture(scope="module")
def loras(folders: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[LoraConfig, ...]:
    """Give one good LoRA, one of few steps, and the unfit ones."""
    root = tmp_path_factory.mktemp("loras")
    good = tiny.lora(tiny.StableDiffusionPipeline.from_pretrained(folders("sd")), root / "good", text=True)
    save_file({name: -2 * tensor for name, tensor in load_file(good).items()}, root / "few.safetensors")
    for name, content in unfit(good).items():
        if isinstance(content, bytes):
            (root / f"{name}.safetensors").write_bytes(content)
        else:
            save_file({one: tensor.clone() for one, tensor in content.items()}, root / f"{name}.safetensors")
    (root / "pickle.ckpt").write_bytes(b"\x80\x04.")
    names = ["few", "pickle.ckpt", *unfit(good)]
    sources = {name.removesuffix(".ckpt"): root / name for name in names}
    files = {name: str(path.with_suffix(path.suffix or ".safetensors")) for name, path in sources.items()}
    return tuple(
        LoraConfig(name=name, source=source) for name, source in ({"ink": str(good)} | files).items()
    )


@pytest.fixture
def fresh(
    configs: Callable[[str], ModelConfig],
    folders: Callable[[str], Path],
    loras: tuple[LoraConfig, ...],
    tmp_path: Path,
) -> Callable[[], Renderer]:
    """Make renderers of `sd` with its few-step weights, beside which another model has a bad adapter."""
    few = next(lora.source for lora in loras if lora.name == "few")
    good = configs("sd").model_copy(update={"few_steps_source": few, "few_steps": 4})
    folder = tiny.ip_adapter(
        tiny.StableDiffusionPipeline.from_pretrained(folders("sd")), tmp_path / "adapter"
    )
    file = folder / "models" / "adapter.safetensors"
    save_file({name: tensor[..., :1].clone() for name, tensor in load_file(file).items()}, file)
    adapter = AdapterConfig(source=str(folder), subfolder="models", weights="adapter.safetensors")
    bad = good.model_copy(update={"name": "bad", "ip_adapter": adapter})

    def make(short_of: str = "") -> Renderer:
        refused: list[str] = []

        def reserve(stage: str, rows: int) -> None:
            if stage == short_of and (rows in ROWS if stage == "unet" else not refused):
                refused.append(stage)
                raise torch.OutOfMemoryError("CUDA out of memory (for a test)")

        return Renderer([good, bad], ENGINE, loras, reserve=reserve)

    return make


def drawn(
    renderer: Renderer, name: str, neighbour: Callable[[Event], None] | None = None
) -> tuple[bytes, ...]:
    """Draw one of the fixed pictures; return its files."""
    renderer.start(name, FIXED[name])
    [*_, last] = drain(renderer, neighbour or (lambda event: None))[name]
    assert isinstance(last, Done), last
    return last.outcome.pictures


@pytest.fixture(scope="module")
def alone(
    configs: Callable[[str], ModelConfig], loras: tuple[LoraConfig, ...]
) -> dict[str, tuple[bytes, ...]]:
    """Give each fixed picture as a renderer draws it that draws nothing else."""
    few = next(lora.source for lora in loras if lora.name == "few")
    good = configs("sd").model_copy(update={"few_steps_source": few, "few_steps": 4})
    found = {}
    for name in FIXED:
        renderer = Renderer([good], ENGINE, loras)
        found[name] = drawn(renderer, name)
        renderer.close()
    assert len(set(found.values())) == 3, "what is on can be told from the picture"
    return found


PICTURE = (Input(sha256="p", role=Role.INIT),)
NEIGHBOURS: Mapping[str, tuple[JobSpec, str]] = {
    "bad adapter": (spec("bad"), "model"),
    "bad picture": (spec(kind=Kind.VARY, inputs=PICTURE), "engine"),
    "bad picture with a LoRA": (spec(kind=Kind.VARY, inputs=PICTURE, loras=(Lora(name="ink"),)), "engine"),
    "no such LoRA": (spec(loras=(Lora(name="ink"), Lora(name="gone"))), "user"),
    "few steps and a bad LoRA": (spec(few_steps=True, loras=(Lora(name="dummy"),)), "user"),
    "a good and a bad LoRA": (spec(loras=(Lora(name="ink", weight=2), Lora(name="flux"))), "user"),
    "size": (spec(width=1, height=1), "user"),
    "sampler": (spec(sampler="magic", loras=(Lora(name="ink"),)), "user"),
    "memory": (spec(count=3, width=48), "memory"),
    "cancelled": (spec(width=48, steps=30, loras=(Lora(name="ink"),)), "cancelled"),
    "film": (spec(film=True, width=48, loras=(Lora(name="ink"),)), ""),
    "tile": (spec(tile=True, width=64, height=64, loras=(Lora(name="ink"),)), ""),
    "reference": (spec(width=48, inputs=(Input(sha256="r", role=Role.SUBJECT),)), ""),
}


def check(renderer: Renderer, neighbour: JobSpec, kind: str, alone: Mapping[str, tuple[bytes, ...]]) -> None:
    """Draw the fixed pictures while a neighbour begins, ends and is gone, and compare them."""
    inputs = {"p": b"no picture", "r": decode.png(photo(48, 48))}
    for name in ("plain", "ink"):
        ends: list[Event] = []

        def beside(event: Event, name: str = name, ends: list[Event] = ends) -> None:
            if isinstance(event, Progress) and (event.job, event.step) == (name, 2):
                renderer.start("neighbour", neighbour, inputs)
            if isinstance(event, Progress) and (event.job, event.step) == ("neighbour", 2):
                if kind == "cancelled":
                    renderer.cancel("neighbour")
            elif not isinstance(event, Progress) and getattr(event, "job", "") == "neighbour":
                ends.append(event)

        assert drawn(renderer, name, beside) == alone[name], f"{name}, in flight"
        assert len(ends) == 1
        assert failed(ends).kind == kind if kind else isinstance(ends[0], Done)
        for after in FIXED:
            assert drawn(renderer, after) == alone[after], f"{after}, after {name} had that neighbour"


@pytest.mark.parametrize("name", list(NEIGHBOURS))
def test_no_neighbour_changes_a_picture(
    fresh: Callable[..., Renderer], alone: dict[str, tuple[bytes, ...]], name: str
) -> None:
    renderer = fresh("unet" if name == "memory" else "")
    check(renderer, *NEIGHBOURS[name], alone)
    renderer.close()


UNFIT = (
    *(
        "flux",
        "second-encoder",
        "wan",
        "dummy",
        "no-lora",
        "other-shapes",
        "half-bad",
        "sdxl",
        "loha",
        "lokr",
    ),
    *("pointer", "page", "empty", "cut", "pickle", "nan", "one-infinite", "huge"),
)


@pytest.mark.parametrize("name", UNFIT)
def test_no_unfit_lora_changes_a_picture(
    fresh: Callable[..., Renderer], alone: dict[str, tuple[bytes, ...]], name: str
) -> None:
    renderer = fresh()
    check(renderer, spec(width=48, loras=(Lora(name=name),)), "user", alone)
    renderer.close()


def test_values_beyond_measure_stay_in_their_own_row_of_a_shared_call(
    fresh: Callable[..., Renderer], alone: dict[str, tuple[bytes, ...]]
) -> None:
    renderer, ends = fresh(), list[Event]()
    huge = FIXED["plain"].model_copy(update={"loras": (Lora(name="huge"),)})

    def beside(event: Event) -> None:
        if isinstance(event, Progress) and (event.job, event.step) == ("plain", 2):
            renderer.start("huge", huge)
        elif not isinstance(event, Progress) and getattr(event, "job", "") == "huge":
            ends.append(event)

    shown, wanted = (
        np.asarray(Image.open(io.BytesIO(one)), float)
        for one in (*drawn(renderer, "plain", beside), *alone["plain"])
    )
    assert np.abs(shown - wanted).max() <= 2  # in a mix: within rounding
    assert failed(ends).kind == "user"
    assert "`huge`" in failed(ends).message
    renderer.close()


def test_a_neighbour_decoded_in_tiles_leaves_others_whole(
    fresh: Callable[..., Renderer], alone: dict[str, tuple[bytes, ...]]
) -> None:
    renderer = fresh("vae")  # the first picture that is decoded finds no memory
    assert drawn(renderer, "plain") != alone["plain"], "in tiles"
    assert drawn(renderer, "plain") == alone["plain"]
    renderer.close()


def test_a_renderer_begun_again_draws_the_same(
    fresh: Callable[..., Renderer], alone: dict[str, tuple[bytes, ...]]
) -> None:
    renderer = fresh()
    renderer.start("job", FIXED["ink"])
    for _ in range(3):
        renderer.tick()
    renderer.close()  # as a worker that is killed: what was in flight is begun again by the next
    again = fresh()
    assert {name: drawn(again, name) for name in FIXED} == alone
    again.close()


@pytest.mark.timeout(900)
async def test_a_worker_killed_with_two_pictures_in_hand_draws_both_as_before(
    configs: Callable[[str], ModelConfig], loras: tuple[LoraConfig, ...], tmp_path: Path
) -> None:
    """A process of its own, ended by SIGKILL while both are in flight; the next one begins them again."""
    config = Config(
        data_dir=tmp_path / "data",
        models=(configs("sd").model_copy(update={"steps": 60, "width": 64, "height": 64, "default": True}),),
        loras=tuple(lora for lora in loras if lora.name == "ink"),
        engine=ENGINE.model_copy(update={"threads": 1}),
        provenance=ProvenanceConfig(mark=False),
    )
    lines = {"anna": "a red apple --seed 1", "ben": "a dog --seed 2 --lora ink"}

    async def pixels(service: Service, job: str) -> list[bytes]:
        # the recipe before the pixels names the job
        return [data.split(b"IDAT", 1)[1] for data in await service.files.originals(job)]

    async with Service.open(config, renderer="engine.render:Renderer") as service:
        calm = {}
        for who, line in lines.items():  # one after the other
            calm[who] = await pixels(service, (await drawn_by_service(service, who, line, owner=who)).id)
        jobs = {
            who: (await submit(service, asking(f"{who} again", line, owner=who))).jobs[0].id
            for who, line in lines.items()
        }
        killed = False
        async for snapshot in service.progress(jobs["ben"]):
            both = [(await service.find(job)).state for job in jobs.values()]
            if not killed and snapshot.step >= 2 and both == [State.RUNNING] * 2:
                os.kill(int(service.control.workers()[0]["pid"]), signal.SIGKILL)
                killed = True
        assert killed
        ends = [await ended(service, job) for job in jobs.values()]
        assert [(job.state, job.attempts) for job in ends] == [(State.RENDERED, 2)] * 2
        assert {who: await pixels(service, job) for who, job in jobs.items()} == calm


@pytest.mark.parametrize("name", ["v1.5-x", "few-steps", "lora_0", "0", "a.b.c", "weight"])
def test_a_lora_draws_the_same_under_every_name(
    configs: Callable[[str], ModelConfig],
    loras: tuple[LoraConfig, ...],
    alone: dict[str, tuple[bytes, ...]],
    name: str,
) -> None:
    source = {lora.name: lora.source for lora in loras}
    few = configs("sd").model_copy(update={"few_steps_source": source["few"], "few_steps": 4})
    renderer = Renderer([few], ENGINE, [LoraConfig(name=name, source=source["ink"])])
    renderer.start("job", FIXED["ink"].model_copy(update={"loras": (Lora(name=name),)}))
    [*_, last] = drain(renderer)["job"]
    assert isinstance(last, Done), last
    assert last.outcome.pictures == alone["ink"]
    renderer.close()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("flux", "another kind of model"),
        ("pointer", "git lfs pull"),
        ("page", "web page"),
        ("empty", "empty file"),
        ("cut", "cut short"),
        ("loha", "LoHa"),
        ("lokr", "LoKr"),
        ("no-lora", "no LoRA layers"),
        ("pickle", "not a .safetensors"),
    ],
)
def test_what_is_wrong_with_a_lora_is_said(fresh: Callable[..., Renderer], name: str, said: str) -> None:
    renderer = fresh()
    renderer.start("job", spec(loras=(Lora(name=name),)))
    assert said in failed(drain(renderer)["job"]).message
    renderer.close()


def test_what_of_a_lora_is_left_out_is_noted(
    configs: Callable[[str], ModelConfig], loras: tuple[LoraConfig, ...], tmp_path: Path
) -> None:
    tensors = load_file(next(lora.source for lora in loras if lora.name == "ink"))
    pairs = sum(name.endswith(("lora_A.weight", "down.weight")) for name in tensors)
    first = next(name for name in tensors if name.startswith("unet."))
    layer = first.rsplit(".", 2)[0] if ".lora_A." in first or ".lora_B." in first else first.rsplit(".", 3)[0]
    elsewhere = {
        "text_encoder_2.x.lora_A.weight": torch.ones(2, 4),
        "text_encoder_2.x.lora_B.weight": torch.ones(4, 2),
    }
    save_file({**tensors, **elsewhere}, tmp_path / "some.safetensors")
    save_file({**tensors, f"{layer}.dora_scale": torch.ones(4)}, tmp_path / "dora.safetensors")
    found = {}
    renderer = Renderer(
        [configs("sd")],
        ENGINE,
        [*loras, *(LoraConfig(name=n, source=str(tmp_path / f"{n}.safetensors")) for n in ("some", "dora"))],
    )
    for name in ("ink", "some", "dora"):
        renderer.start(name, spec(loras=(Lora(name=name),), count=1))
        [*_, last] = drain(renderer)[name]
        assert isinstance(last, Done), last
        found[name] = last.outcome.notes
    assert found["ink"] == ()
    assert found["some"] == (f"Only {pairs} of the {pairs + 1} layers of the LoRA `some` fit this model.",)
    assert len(found["dora"]) == 1
    assert "DoRA" in found["dora"][0]
    renderer.close()
