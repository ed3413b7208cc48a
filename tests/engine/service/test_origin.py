"""Everything that leaves is marked, whatever was made and whichever way it goes out."""

from __future__ import annotations

import ast
import asyncio
import inspect
import io
import re
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from engine import images
from engine.config import ProvenanceConfig
from engine.errors import EngineError
from engine.jobs import Job
from engine.service import FileOptions, Service, origin
from engine.service.pictures import Pictures
from tests import ROOT
from tests.engine.conftest import Open, drawn, editing, ended, submit

ON = ProvenanceConfig()

# every way out of a stored picture: what `Pictures` hands to doors
WAYS: dict[str, Callable[[Service, Job], Awaitable[list[bytes]]]] = {}


def way(name: str) -> Callable[[Callable[[Service, Job], Awaitable[list[bytes]]]], None]:
    def kept(function: Callable[[Service, Job], Awaitable[list[bytes]]]) -> None:
        WAYS[name] = function

    return kept


@way("file")
async def _files(service: Service, job: Job) -> list[bytes]:
    """Grids and single pictures: posted, shown again, by DM, enlarged, within a limit."""
    ways = [FileOptions(least=512, limit=limit) for limit in (None, 100_000)]
    grid, small = [await service.files.file(job.id, wanted=wanted) for wanted in ways]
    assert (grid.extension, small.extension) == ("png", "webp")
    assert len(small.data) <= 100_000
    return [grid.data, small.data]


@way("cells")
async def _cells(service: Service, job: Job) -> list[bytes]:
    """The HTTP API and the command line."""
    return (await service.pictures(job.id))[:1]


@way("full")
async def _full(service: Service, job: Job) -> list[bytes]:
    """What the Full size button gives: one file where it fits, else strips, each saying what it is."""
    [whole] = await service.files.full(job.id, 0, 10**7)
    assert whole.exact
    return [whole.data]


@way("thumbnail")
async def _thumbnail(service: Service, job: Job) -> list[bytes]:
    """The gallery page of the HTTP API, of pictures large enough to carry the mark."""
    return [await service.files.thumbnail(job.id, 0, 512)]


@way("shown")
async def _shown(service: Service, job: Job) -> list[bytes]:
    """The page to draw masks on, and what was described."""
    return [(await service.files.shown(job.pictures[0])).data]


@way("film")
async def _film(service: Service, job: Job) -> list[bytes]:
    if job.film is None:
        return []
    data = await service.files.film(job)
    with Image.open(io.BytesIO(data)) as film:
        last = getattr(film, "n_frames", 1) - 1
        film.seek(last)
        buffer = io.BytesIO()
        film.convert("RGB").save(buffer, "PNG")
    return [data, buffer.getvalue()]


async def _exported(service: Service, job: Job) -> list[bytes]:
    found = []
    async for part in service.export(job.owner, 4 << 20):
        with zipfile.ZipFile(io.BytesIO(part)) as archive:
            found += [archive.read(name) for name in archive.namelist() if f"pictures/{job.id}-1" in name]
    return found


def test_every_way_out_is_walked() -> None:
    """A new method that hands out pictures fails here until it has a way above."""
    handing_out = {
        name
        for name, method in inspect.getmembers(Pictures, inspect.iscoroutinefunction)
        if re.search(r"\bbytes\b|\bFile\b", str(inspect.signature(method).return_annotation))
    }
    assert handing_out - {"originals"} == set(WAYS)


def test_doors_know_no_way_beside() -> None:
    """No door reads stored files, or asks for the unmarked ones."""
    found = []
    for folder in ("bot", "engine/web"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            if "demo" in file.parts:
                continue
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Attribute) and node.attr == "originals":
                    found.append(f"{file.name}:{node.lineno}")
                if isinstance(node, ast.Attribute) and node.attr in ("load", "read"):
                    on = ast.unparse(node.value)
                    if on.endswith("gallery"):
                        found.append(f"{file.name}:{node.lineno}")
    assert not found


async def check(service: Service, job: Job, files: list[bytes]) -> None:
    for data in files:
        verdict, known = await service.verify(data)
        assert verdict.is_of(job.id), job.spec.kind
        assert known is not None
        assert known.id == job.id


async def test_every_kind_leaves_marked_by_every_way(open_service: Open) -> None:
    async with open_service(provenance=ON) as service:
        first = await drawn(service, "grid", "a red apple --video --steps 4")
        jobs = [first]
        for key, name in (("v", "vary"), ("u", "upscale_2x"), ("z", "pan_left"), ("r", "reroll")):
            action = editing(key, "anna", "discord:1/2", first.id, name, cell=0)
            jobs.append(await ended(service, (await submit(service, action)).jobs[0].id))
        for files in WAYS.values():
            await check(service, first, await files(service, first))
        for job in jobs[1:]:
            assert job.pictures, job.failure
            await check(service, job, [(await service.files.file(job.id, 0, FileOptions(least=512))).data])
        exported = await _exported(service, first)
        assert exported
        await check(service, first, exported)
        # what is made of a picture starts from the unmarked one
        assert (await service.verify((await service.files.originals(first.id))[0]))[0].mark is None
        assert jobs[1].spec.inputs[0].sha256 == first.pictures[0]


async def test_edits_name_their_parents(open_service: Open) -> None:
    async with open_service() as service:
        first = await drawn(service)
        action = editing("v", "anna", "discord:1/2", first.id, "vary", cell=0)
        job = await ended(service, (await submit(service, action)).jobs[0].id)
        data = (await service.files.file(job.id, 0)).data
        assert b"c2pa.edited" in data
        assert b"compositeWithTrainedAlgorithmicMedia" in data
        made = (await service.files.file(first.id, 0)).data
        assert b"c2pa.created" in made
        assert b"c2pa.edited" not in made


async def test_the_recipe_is_as_automatic1111_writes_it(open_service: Open) -> None:
    async with open_service() as service:
        job = await drawn(service, "one", "a red apple --sampler dpmpp_2m_karras --seed 7 --no trees")
        await service.origin.prepare()
        with Image.open(io.BytesIO((await service.files.file(job.id, 1)).data)) as picture:
            lines = picture.info["parameters"].splitlines()
            assert "anna" not in str(picture.info)
        assert lines[:2] == ["a red apple", "Negative prompt: trees"]
        facts = lines[-1]
        assert "Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: " in facts
        assert re.search(r"Seed: \d+, Size: 128x128, Model hash: [0-9a-f]{10}, Model: pocket", facts)
        assert facts.endswith(f"Version: limner {service.origin.version}")


async def test_what_people_brought_is_shown_as_it_is(open_service: Open) -> None:
    async with open_service(provenance=ON) as service:
        brought = await service.gallery.keep(images.png(Image.new("RGB", (64, 64), "red")))
        assert (await service.files.shown(brought)).data == await service.gallery.load(brought)


async def test_required_means_that_nothing_leaves_without(open_service: Open, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / "provenance").write_text("in the way of the keys")
    async with open_service(provenance=ProvenanceConfig(mark=False)) as service:
        job = await drawn(service)
        assert (await service.files.file(job.id)).data
        required = service.config.model_copy(update={"provenance": ProvenanceConfig(required=True)})
        assert (await service.reload(required)).changed == ("provenance.mark", "provenance.required")
        with pytest.raises((EngineError, OSError)):
            await service.files.file(job.id)


async def test_a_file_is_made_once_and_let_go_when_nobody_wants_it(open_service: Open) -> None:
    async with open_service(provenance=ON) as service:
        job = await drawn(service)
        first = await service.files.file(job.id)
        service.origin.let_go()
        assert await service.files.file(job.id) is first
        service.origin.let_go(0.0)
        again = await service.files.file(job.id)
        assert again is not first
        assert images.opened(again.data).tobytes() == images.opened(first.data).tobytes()


async def test_what_is_kept_of_files_fits_a_number_of_bytes_and_the_last_stays(
    open_service: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_service(provenance=ProvenanceConfig(mark=False, sign=False)) as service:
        job = await drawn(service)
        first = await service.files.file(job.id)
        second = await service.files.file(job.id, 0)
        monkeypatch.setattr(origin, "REMEMBERED", len(first.data) + len(second.data))
        service.origin.let_go(0.0)
        first, second = await service.files.file(job.id), await service.files.file(job.id, 0)
        # two at once wait for one file, which counts once
        third, same = await asyncio.gather(*(service.files.file(job.id, 1) for _ in range(2)))
        assert third is same
        assert await service.files.file(job.id, 1) is third
        assert await service.files.file(job.id, 0) is second
        assert await service.files.file(job.id) is not first
        monkeypatch.setattr(origin, "REMEMBERED", 0)
        last = await service.files.file(job.id, 2)
        assert await service.files.file(job.id, 2) is last


async def test_a_visible_word_where_a_server_wants_one(open_service: Open) -> None:
    """A strip in the lower right corner and nothing else, with the signature over it."""
    async with open_service() as service:
        job = await drawn(service)
        plain = images.opened((await service.files.file(job.id, wanted=FileOptions(least=512))).data)
        file = await service.files.file(job.id, wanted=FileOptions(least=512, label="AI-generated"))
        shown = images.opened(file.data)
        assert shown.size == plain.size
        left, top, right, bottom = ImageChops.difference(plain, shown).getbbox() or (0, 0, 0, 0)
        assert (right, bottom) == shown.size
        assert left > 0.6 * shown.width
        assert top > 0.9 * shown.height
        signature = (await service.verify(file.data))[0].signature
        assert signature is not None
        assert signature.ours
