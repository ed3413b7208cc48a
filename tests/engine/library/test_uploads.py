"""Pictures that people bring to the service: known, named, kept, refused before anything is accepted."""

from __future__ import annotations

import io

import pytest
from PIL import Image, PngImagePlugin

from engine.errors import NotFound, UserError
from engine.images.swatch import swatch
from engine.jobs import Kind, Role
from engine.planning.references import kept
from engine.service import Service
from tests.engine.conftest import asking, drawn, editing, ended, submit
from tests.engine.intake.hostile import saved, scene


async def test_one_of_our_own_pictures_is_known_by_its_bytes(service: Service) -> None:
    job = await drawn(service)
    ours = (await service.pictures(job.id))[2]
    known = await service.uploads.take(ours)
    assert (known.job, known.cell, known.sha256) == (job.id, 2, job.pictures[2])
    with Image.open(io.BytesIO(ours)) as picture:
        said = picture.info["limner"]
        forged, texts = io.BytesIO(), PngImagePlugin.PngInfo()
        texts.add_itxt("limner", said)
        picture.convert("L").save(forged, "PNG", pnginfo=texts)
    assert job.id in said
    other = await service.uploads.take(forged.getvalue())
    assert (other.job, other.cell) == (None, None)


async def test_a_kept_picture_is_drawn_with_and_drawn_again(service: Service) -> None:
    brought = await service.uploads.take(saved(scene(), "JPEG"))
    job = await drawn(service, "one", f"{kept(brought.sha256)} a red apple --sref 12345 --iw 2")
    assert [(one.role, one.weight) for one in job.spec.inputs] == [(Role.PROMPT, 2.0), (Role.STYLE, 1.0)]
    assert job.spec.inputs[0].sha256 == brought.sha256
    with Image.open(io.BytesIO(await service.gallery.load(job.spec.inputs[1].sha256))) as style:
        assert style.tobytes() == swatch("12345").tobytes()
    action = editing(key="again", owner="anna", origin="discord:1/2", job=job.id, name="reroll")
    again = await ended(service, (await submit(service, action)).jobs[0].id)
    assert again.spec.inputs == job.spec.inputs


async def test_pictures_alone_are_a_blend(service: Service) -> None:
    names = [kept((await service.uploads.take(saved(scene(mode), "PNG"))).sha256) for mode in ("RGB", "L")]
    job = await drawn(service, "blend", " ".join(names))
    assert job.spec.kind is Kind.BLEND
    assert len(job.pictures) == 4


async def test_a_picture_that_cannot_be_had_is_refused_before_a_job_is_made(service: Service) -> None:
    for line in (
        "https://127.0.0.1/a.png a cat",
        "a cat --sref https://169.254.169.254/a.png",
        "a cat --cref http://example.com/a.png",
    ):
        with pytest.raises(UserError, match="Attach the picture instead"):
            await submit(service, asking(line, line))
    with pytest.raises(NotFound, match="no longer kept"):
        await submit(service, asking("gone", "picture:0123456789abcdef a cat"))
    assert await service.jobs_of("anna") == []
    preview = await service.plan(asking("only looking", "https://127.0.0.1/a.png a cat"))
    assert len(preview.jobs) == 1, "looking at the price fetches nothing"


async def test_a_style_by_chance_is_settled_once(service: Service) -> None:
    job = await drawn(service, "chance", "a cat --sref random")
    assert "random" not in job.prompt
    code = job.prompt.rpartition(" ")[2]
    with Image.open(io.BytesIO(await service.gallery.load(job.spec.inputs[0].sha256))) as style:
        assert style.tobytes() == swatch(code).tobytes()
    assert any(code in note for note in job.notes)
