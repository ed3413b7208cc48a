"""A picture's whole life with the shipped model: every link is drawn again from its record to equal bytes."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from engine.config import Config, EngineConfig, pocket
from engine.images import chosen, png
from engine.jobs import JobSpec
from engine.library.gallery import recipe
from engine.provenance.texts import png_with
from engine.render import Renderer
from engine.service import Describe, Edit, Service
from engine.weights import find
from engine.workers.protocol import Done, Outcome, Progress
from tests.engine.conftest import asking, calling, ended, submit

pytestmark = pytest.mark.timeout(900)

ENGINE = EngineConfig(device="cpu", threads=1)

Link = tuple[str, float]
SHORT: tuple[Link, ...] = (("zoom", 1.5), ("pan_right", 2.0), ("inpaint", 2.0), ("upscale_2x", 2.0))
LONG: tuple[Link, ...] = (
    ("vary_subtle", 2.0), ("zoom", 2.0), ("pan_left", 2.0), ("inpaint", 2.0), ("square", 2.0),
    ("vary_strong", 2.0), ("reroll", 2.0), ("upscale_creative", 2.0),
)  # fmt: skip


@pytest.fixture(scope="module")
def another() -> Iterator[Renderer]:
    """Return a renderer that has drawn none of it, in another process than the one that did."""
    if find(pocket()) is None:
        pytest.skip("the shipped model's weights are not on this machine")
    renderer = Renderer([pocket()], ENGINE)
    yield renderer
    renderer.close()


def again(renderer: Renderer, spec: JobSpec, inputs: dict[str, bytes]) -> Outcome:
    renderer.start("again", spec, inputs)
    while renderer.busy():
        for event in renderer.tick():
            if isinstance(event, Done):
                return event.outcome
            assert isinstance(event, Progress), event
    raise AssertionError("nothing came of it")


@pytest.mark.parametrize(
    ("line", "links"),
    [
        ("a red apple --steps 4", SHORT),
        pytest.param("a cat on a blue background --steps 8 --chaos 30", SHORT, marks=pytest.mark.full),
        pytest.param("a green tree --ar 4:5 --sampler euler_ancestral", LONG, marks=pytest.mark.full),
        pytest.param("a yellow star --turbo --no red --stylize 300", LONG, marks=pytest.mark.full),
    ],
)
async def test_each_link_is_drawn_again_from_its_record(
    tmp_path: Path, another: Renderer, line: str, links: tuple[Link, ...]
) -> None:
    jobs: list[str] = []
    config = Config(data_dir=tmp_path, engine=ENGINE)
    async with Service.open(config, renderer="engine.render:Renderer") as door:
        asked = await submit(door, asking("0", line))
        job = await ended(door, asked.jobs[0].id)
        jobs.append(job.id)
        shown = await door.show(calling("U2"), job.id, 1)
        assert (shown.kind, shown.cell) == ("picture", 1)
        cell = 1
        for number, (verb, factor) in enumerate(links, 1):
            mask = None
            if verb == "inpaint":
                with Image.open(io.BytesIO((await door.pictures(job.id))[cell])) as parent:
                    mask = await door.gallery.keep(png(chosen(parent.size, (6, 7, 11, 12), ())))
            acted = await submit(
                door, Edit(calling(str(number)), verb, job.id, cell, factor=factor, mask=mask)
            )
            job = await ended(door, acted.jobs[0].id)
            assert job.pictures, job.failure
            assert job.parent == jobs[-1]
            jobs.append(job.id)
            cell = len(job.pictures) - 1
        asked = await submit(door, Describe(calling("?"), job.pictures[cell]))
        jobs.append((await ended(door, asked.jobs[0].id)).id)

    # all that is left are the files: nothing of the process that drew
    async with Service.open(config, renderer="engine.workers.fake:Renderer") as door:
        for each in jobs:
            job = await door.find(each)
            inputs = {one.sha256: await door.gallery.load(one.sha256) for one in job.spec.inputs}
            made = again(another, JobSpec.model_validate_json(job.spec.model_dump_json()), inputs)
            assert made.texts == job.texts
            kept = [await door.gallery.load(sha256) for sha256 in job.pictures]
            assert [png_with(data, recipe(job, index)) for index, data in enumerate(made.pictures)] == kept, (
                f"{job.spec.kind} of {each}"
            )
            for data in kept:  # a picture carries its own record
                with Image.open(io.BytesIO(data)) as picture:
                    record = json.loads(picture.info["limner"])
                assert JobSpec.model_validate(record["spec"]) == job.spec
    assert len(job.texts) == 4
