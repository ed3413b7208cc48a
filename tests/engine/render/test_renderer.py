"""The renderer as the worker drives it: progress, cancel, stop, tiling, memory, LoRA, failing alone."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from engine.config import LoraConfig, ModelConfig
from engine.jobs import Condition, Input, JobSpec, Kind, Lora, Role
from engine.planning.cost import rows
from engine.pocket.srvgg import SRVGGNetCompact
from engine.render import Renderer, decode
from engine.render.drawing import begin
from engine.render.models import Model
from engine.workers.protocol import Done, Event, Failed, Progress
from tests.engine.render import tiny
from tests.engine.render.conftest import ENGINE
from tests.engine.render.loop import advance
from tests.engine.render.test_oracle import photo, spec

Make = Callable[..., Renderer]


@pytest.fixture
def renderer(
    configs: Callable[[str], ModelConfig], folders: Callable[[str], Path], tmp_path: Path
) -> Iterator[Make]:
    """Make renderers over the tiny models; close them at the end."""
    made: list[Renderer] = []

    def make(
        *names: str, loras: tuple[LoraConfig, ...] = (), engine: dict[str, Any] | None = None, **more: Any
    ) -> Renderer:
        settings = ENGINE.model_copy(update=engine or {})
        made.append(Renderer([configs(name) for name in names or ("sd",)], settings, loras, **more))
        return made[-1]

    yield make
    for each in made:
        each.close()


def drain(renderer: Renderer, after: Callable[[Event], None] = lambda event: None) -> dict[str, list[Event]]:
    """Turn the wheel until nothing is left; return what was told of each job."""
    told: dict[str, list[Event]] = {}
    for _ in range(2000):
        if not renderer.busy():
            assert all(sum(not isinstance(e, Progress) for e in events) == 1 for events in told.values())
            return told
        for event in renderer.tick():
            assert isinstance(event, Done | Failed | Progress)
            told.setdefault(event.job, []).append(event)
            after(event)
    raise AssertionError("the renderer never came to rest")


def pictures(events: list[Event]) -> list[Image.Image]:
    last = events[-1]
    assert isinstance(last, Done), last
    return [Image.open(io.BytesIO(data)) for data in last.outcome.pictures]


def failed(events: list[Event]) -> Failed:
    assert isinstance(events[-1], Failed), events[-1]
    return events[-1]


def test_a_job_tells_its_steps_and_gives_its_pictures(renderer: Make) -> None:
    render = renderer(engine={"preview_every": 2})
    render.start("job", spec(count=4, steps=5))
    told = drain(render)["job"]
    steps = [event for event in told if isinstance(event, Progress)]
    assert [(event.step, event.total) for event in steps] == [(n, 5) for n in range(1, 6)]
    assert [event.step for event in steps if event.preview] == [2, 4]
    with Image.open(io.BytesIO(steps[1].preview or b"")) as preview:
        assert preview.format == "JPEG"
        assert preview.width == preview.height
    assert [picture.size for picture in pictures(told)] == [(32, 32)] * 4
    assert render.unet_calls == 5, "eight rows fit one call"


def test_sides_that_the_family_cannot_draw_are_refused_and_the_host_is_told(renderer: Make) -> None:
    render = renderer()
    render.start("job", spec(width=1))
    ended = failed(drain(render)["job"])
    assert ended.kind == "user"
    assert "1 × 32 are not; the host was told" in ended.message
    assert "multiple = " in ended.for_host


def test_equal_specs_alone_give_equal_bytes(renderer: Make) -> None:
    answers = []
    for _ in range(2):
        render = renderer()
        render.start("job", spec(sampler="euler_ancestral", chaos=40, weird=500, exp=30))
        done = drain(render)["job"][-1]
        assert isinstance(done, Done)
        answers.append(done.outcome.pictures)
    assert answers[0] == answers[1]
    assert answers[0][0] != answers[0][1]


def test_a_cell_can_be_drawn_again_without_the_others(renderer: Make) -> None:
    render = renderer()
    render.start("four", spec(count=4, seed=2**32 - 2))
    render.start("third", spec(count=1, seed=0))  # cell 2 of the four: the seed wraps around
    told = drain(render)
    third, again = pictures(told["four"])[2], pictures(told["third"])[0]
    assert np.abs(np.asarray(third, dtype=int) - np.asarray(again, dtype=int)).max() <= 1


def test_unlike_jobs_share_calls(renderer: Make) -> None:
    render = renderer()
    for index in range(4):
        render.start(
            str(index),
            spec(steps=4 + index, sampler=("euler", "ddim", "dpmpp_2m", "heun")[index], seed=index, count=2),
        )
    told = drain(render)
    assert all(isinstance(events[-1], Done) for events in told.values())
    assert render.unet_calls <= 14, "28 one after another; 13 for the longest, which joins after the first"


def test_unlike_models_and_sizes_take_turns(renderer: Make) -> None:
    render = renderer("sd", "sdxl")
    render.start("a", spec("sd"))
    render.start("b", spec("sdxl"))
    render.start("c", spec("sd", width=48))
    told = drain(render)
    assert [picture.size for picture in pictures(told["c"])] == [(48, 32)] * 2
    assert all(isinstance(events[-1], Done) for events in told.values())
    assert render.status_fields()["models"] == ("sd", "sdxl")


def test_cancel_stops_at_the_next_step(renderer: Make) -> None:
    render = renderer()
    render.start("taken back", spec(steps=8))
    render.start("stays", spec(steps=8))

    def cancel(event: Event) -> None:
        if isinstance(event, Progress) and event.job == "taken back" and event.step == 3:
            render.cancel("taken back")

    told = drain(render, cancel)
    assert failed(told["taken back"]).kind == "cancelled"
    assert max(event.step for event in told["taken back"] if isinstance(event, Progress)) == 3
    assert len(pictures(told["stays"])) == 2


def test_cancel_before_the_first_step_and_of_nobody(renderer: Make) -> None:
    render = renderer()
    render.start("job", spec())
    render.cancel("job")
    render.cancel("nobody")
    assert [type(event) for event in drain(render)["job"]] == [Failed]


def test_stop_decodes_the_estimate_at_that_step(renderer: Make) -> None:
    render = renderer()
    for stop in (20, 60, 100):
        render.start(str(stop), spec(steps=10, stop=stop, count=1))
    told = drain(render)
    taken = {job: sum(isinstance(event, Progress) for event in events) for job, events in told.items()}
    assert taken == {"20": 2, "60": 6, "100": 10}
    assert len({picture.tobytes() for events in told.values() for picture in pictures(events)}) == 3


def test_the_film_has_a_frame_a_step(renderer: Make) -> None:
    render = renderer()
    render.start("job", spec(steps=6, film=True))
    done = drain(render)["job"][-1]
    assert isinstance(done, Done)
    with Image.open(io.BytesIO(done.outcome.film or b"")) as film:
        assert (film.format, film.n_frames, film.info["loop"]) == ("WEBP", 6, 0)


@torch.inference_mode()
def drawn(model: Model, tile: bool, shift: int) -> torch.Tensor:
    """Draw one picture whose starting noise is moved ``shift`` latents to the right, around the edge."""
    (picture,) = begin("job", spec(tile=tile, count=1, steps=3), model, {}).pictures
    picture.latents = picture.latents.roll(shift, dims=3)
    with model.wrapping(tile):
        while not picture.finished:
            advance([picture])
        assert model.family is not None
        return model.family.decode(picture.latents)


def test_tiles_have_no_edge_to_tell(models: Callable[[str], Model]) -> None:
    model = models("sd")
    tiled = drawn(model, True, 0).roll(6 * 2, dims=3)
    assert float((drawn(model, True, 6) - tiled).abs().max()) < 1e-3, "moved around the edge, nothing changes"
    plain = drawn(model, False, 0).roll(6 * 2, dims=3)
    assert float((drawn(model, False, 6) - plain).abs().max()) > 1e-1
    assert not [m for m in model.pipe.unet.modules() if getattr(m, "padding_mode", "zeros") != "zeros"]


class Budget:
    """Memory that ends: refuses calls of more rows, or whole stages."""

    def __init__(self, rows: int, stages: dict[str, int] | None = None) -> None:
        self.rows = rows
        self.refusals = stages or {}
        self.asked: list[tuple[str, int]] = []

    def __call__(self, stage: str, rows: int) -> None:
        self.asked.append((stage, rows))
        if stage == "unet" and rows > self.rows:
            raise torch.OutOfMemoryError("CUDA out of memory (for a test)")
        if self.refusals.get(stage, 0) > 0:
            self.refusals[stage] -= 1
            raise torch.OutOfMemoryError("CUDA out of memory (for a test)")


def test_short_of_memory_calls_get_smaller(renderer: Make) -> None:
    budget = Budget(rows=3)
    render = renderer(reserve=budget)
    render.start("job", spec(count=4, steps=3))
    told = drain(render)
    assert len(pictures(told["job"])) == 4
    assert [count for stage, count in budget.asked if stage == "unet"] == [8, 4, 2, 2, 2]

    whole = renderer()
    whole.start("job", spec(count=4, steps=3))
    for small, usual in zip(pictures(told["job"]), pictures(drain(whole)["job"]), strict=True):
        assert np.abs(np.asarray(small, dtype=int) - np.asarray(usual, dtype=int)).max() <= 1


def test_short_of_memory_the_decoder_tries_again_in_tiles(renderer: Make) -> None:
    budget = Budget(rows=99, stages={"vae": 1})
    render = renderer(reserve=budget)
    render.start("job", spec(steps=2, count=1))
    assert len(pictures(drain(render)["job"])) == 1
    assert [stage for stage, _ in budget.asked].count("vae") == 2


def test_without_any_memory_only_the_guilty_job_fails(renderer: Make) -> None:
    budget = Budget(rows=99, stages={"vae": 2})
    render = renderer(reserve=budget)
    render.start("guilty", spec(steps=2, count=2))
    render.start("other", spec(steps=6, count=1))
    told = drain(render)
    assert failed(told["guilty"]).kind == "memory"
    assert "smaller size" in failed(told["guilty"]).message
    assert len(pictures(told["other"])) == 1

    nothing = renderer(reserve=Budget(rows=0))
    nothing.start("job", spec(count=1))
    assert failed(drain(nothing)["job"]).kind == "memory"


def test_what_one_job_raises_harms_no_other(renderer: Make) -> None:
    render = renderer()
    bad = {
        "no such model": spec("gone"),
        "no such sampler": spec(sampler="magic"),
        "no input": spec(kind=Kind.VARY),
        "input not sent": spec(kind=Kind.VARY, inputs=(Input(sha256="x", role=Role.INIT),)),
        "broken input": spec(kind=Kind.VARY, inputs=(Input(sha256="b", role=Role.INIT),)),
        "no step left": spec(kind=Kind.VARY, strength=0.01, inputs=(Input(sha256="p", role=Role.INIT),)),
        "no such lora": spec(loras=(Lora(name="gone"),)),
    }
    buffer = io.BytesIO()
    photo().save(buffer, format="PNG")
    for name, each in bad.items():
        render.start(
            name, each, {"b": b"no picture", "p": buffer.getvalue()} if name != "input not sent" else {}
        )
    render.start("good", spec())
    told = drain(render)
    kinds = {name: failed(told[name]).kind for name in bad}
    assert kinds == {
        "no such model": "user",
        "no such sampler": "user",
        "no input": "user",
        "input not sent": "engine",
        "broken input": "engine",
        "no step left": "user",
        "no such lora": "user",
    }
    assert len(pictures(told["good"])) == 2


def test_lora_at_zero_is_none_and_at_one_differs(
    renderer: Make, folders: Callable[[str], Path], tmp_path: Path
) -> None:
    file = tiny.lora(tiny.StableDiffusionPipeline.from_pretrained(folders("sd")), tmp_path)
    render = renderer(loras=(LoraConfig(name="ink", source=str(file)),))
    for name, loras in {
        "none": (),
        "one": (Lora(name="ink"),),
        "zero": (Lora(name="ink", weight=0.0),),
        "half": (Lora(name="ink", weight=0.5),),
    }.items():
        render.start(name, spec(loras=loras, steps=3))
    told = {name: np.array(pictures(events)).astype(int) for name, events in drain(render).items()}
    # neighbours in one call: a processor may round rows of it differently, which is a level at most
    assert np.abs(told["zero"] - told["none"]).max() <= 1
    for one, other in (("none", "one"), ("none", "half"), ("one", "half")):
        assert np.abs(told[one] - told[other]).max() > 10


def test_a_lora_of_another_kind_of_model_is_refused_kindly(
    renderer: Make, folders: Callable[[str], Path], tmp_path: Path
) -> None:
    file = tiny.lora(tiny.StableDiffusionPipeline.from_pretrained(folders("sd")), tmp_path)
    render = renderer("sdxl", loras=(LoraConfig(name="ink", source=str(file)),))
    render.start("job", spec("sdxl", loras=(Lora(name="ink"),)))
    render.start("plain", spec("sdxl"))
    told = drain(render)
    assert failed(told["job"]).kind == "user"
    assert len(pictures(told["plain"])) == 2


def test_pickles_are_never_opened(renderer: Make, tmp_path: Path) -> None:
    file = tmp_path / "model.ckpt"
    file.write_bytes(b"\x80\x04.")
    render = Renderer([ModelConfig(name="old", source=str(file))], ENGINE)
    render.start("job", spec("old"))
    assert failed(drain(render)["job"]).kind == "model"
    render.close()


def test_repainting_keeps_everything_else_to_the_bit(renderer: Make) -> None:
    parent = photo(64, 64)
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 20, 64))
    inputs = {}
    for name, picture in {"p": parent, "m": mask}.items():
        buffer = io.BytesIO()
        picture.save(buffer, format="PNG")
        inputs[name] = buffer.getvalue()
    render = renderer()
    render.start(
        "job",
        spec(
            kind=Kind.INPAINT,
            width=64,
            height=64,
            inputs=(Input(sha256="p", role=Role.INIT), Input(sha256="m", role=Role.MASK)),
        ),
        inputs,
    )
    before = np.asarray(parent)
    for picture in pictures(drain(render)["job"]):
        after = np.asarray(picture)
        assert (after[:, 22:] == before[:, 22:]).all(), "two pixels of rim at 64 pixels"
        assert np.abs(after[:, :18].astype(int) - before[:, :18]).mean() > 5


def test_small_pictures_are_handed_out_enlarged_and_edited_at_that_size(
    folders: Callable[[str], Path], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    save_file(SRVGGNetCompact(3, 3, 4, 2, 4).state_dict(), tmp_path / "net.safetensors")
    config = ModelConfig(
        name="sd", source=str(folders("sd")), width=32, height=32, upscaler=str(tmp_path / "net.safetensors")
    )
    render = Renderer([config], ENGINE)
    render.start("drawn", spec(count=1))
    (parent,) = pictures(drain(render)["drawn"])
    assert parent.size == (128, 128)

    mask = Image.new("L", (128, 128))
    mask.paste(255, (0, 0, 40, 128))
    roles = (Input(sha256="p", role=Role.INIT), Input(sha256="m", role=Role.MASK))
    inputs = {"p": decode.png(parent), "m": decode.png(mask)}
    render.start("painted", spec(kind=Kind.INPAINT, inputs=roles, count=1), inputs)
    render.start("varied", spec(kind=Kind.VARY, inputs=roles[:1], count=1), inputs)
    told = drain(render)
    (painted,), (varied,) = pictures(told["painted"]), pictures(told["varied"])
    assert painted.size == varied.size == (128, 128)
    assert (np.asarray(painted)[:, 42:] == np.asarray(parent)[:, 42:]).all()
    assert (np.asarray(painted)[:, :38] != np.asarray(parent)[:, :38]).any()
    render.close()


def test_several_texts_are_several_rows(renderer: Make) -> None:
    render = renderer()
    two = (Condition(text="a red car", weight=2.0), Condition(text="a dog", weight=-0.5))
    render.start("two", spec(conditions=two, steps=3))
    render.start("one", spec(conditions=two[:1], steps=3))
    assert rows(spec(conditions=two)) == 6
    told = drain(render)
    assert pictures(told["two"])[0].tobytes() != pictures(told["one"])[0].tobytes()


def test_room_counts_rows(renderer: Make) -> None:
    render = renderer()
    assert render.room() == 16
    render.start("job", spec(count=3))
    assert render.room() == 10
    drain(render)
    assert render.room() == 16


def test_unload_leaves_what_is_in_use(renderer: Make) -> None:
    render = renderer()
    render.load("sd")
    render.start("job", spec())
    render.unload("sd")
    assert render.status_fields()["models"] == ("sd",)
    drain(render)
    render.unload("sd")
    assert render.status_fields()["models"] == ()
    assert isinstance(spec(), JobSpec)
