"""Files on disk: named by content, with their recipe, whole or not there."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from engine import images
from engine.errors import EngineError, NotFound
from engine.jobs import Condition, Input, Job, JobSpec, Role, State
from engine.library.gallery import Gallery, recipe
from engine.prompt import foreign
from engine.provenance.texts import png_with

SPEC = JobSpec(
    model="pocket",
    conditions=(Condition(text="ein roter Apfel 🍎"), Condition(text="crowd", weight=-0.5)),
    negative_prompt="blur",
    width=64,
    height=48,
    steps=20,
    guidance_scale=5.0,
    sampler="dpmpp_2m",
    seed=2**32 - 1,
    inputs=(Input(sha256="0" * 64, role=Role.INIT),),
    strength=0.35,
)
JOB = Job(
    id="abcdefghjk", owner="80351110224678912", origin="discord:41771983423143937/155117677105512449",
    state=State.RUNNING, spec=SPEC, prompt="ein roter Apfel 🍎", created_at=0.0,
)  # fmt: skip


COLOURS = ["green", "blue", "white", "red"]


def picture(colour: str = "red") -> bytes:
    return images.png(Image.new("RGB", (64, 48), colour))


async def test_a_saved_picture_is_found_by_the_hash_of_its_bytes(tmp_path: Path) -> None:
    gallery = Gallery(tmp_path)
    (name,) = await gallery.save([picture()], JOB)
    data = await gallery.load(name)
    assert hashlib.sha256(data).hexdigest() == name
    assert gallery.path(name) == tmp_path / name[:2] / name[2:4] / f"{name}.png"
    assert not list(tmp_path.rglob("*.tmp"))
    assert await gallery.save([picture()], JOB) == [name]


async def test_the_recipe_travels_in_the_file_and_says_nothing_about_people(tmp_path: Path) -> None:
    gallery = Gallery(tmp_path)
    data = await gallery.load((await gallery.save([picture(colour) for colour in COLOURS], JOB))[3])
    shown = Image.open(io.BytesIO(data))
    shown.load()
    assert shown.convert("RGB").tobytes() == Image.new("RGB", (64, 48), "red").tobytes()
    record = json.loads(shown.text["limner"])  # type: ignore[attr-defined]
    assert JobSpec.model_validate(record["spec"]) == SPEC
    assert (record["job"], record["cell"]) == ("abcdefghjk", 3)
    parameters = shown.text["parameters"]  # type: ignore[attr-defined]
    assert parameters.splitlines() == [
        "ein roter Apfel 🍎 AND crowd :-0.5",
        "Negative prompt: blur",
        # cell 3 of the largest seed wraps to 2
        "Steps: 20, Sampler: dpmpp_2m, CFG scale: 5, Seed: 2, Size: 64x48, Model: pocket, "
        "Denoising strength: 0.35, Stylize: 0",
    ]
    for secret in (JOB.owner, "41771983423143937", "155117677105512449", str(tmp_path)):
        assert secret.encode() not in data


def test_a_file_of_another_size_than_drawn_says_both_and_is_drawn_again_as_it_was() -> None:
    spec = SPEC.model_copy(update={"fitted": (513, 400), "conditions": SPEC.conditions[:1]})
    told = recipe(JOB.model_copy(update={"spec": spec}), 0)["parameters"]
    assert "Size: 513x400, Model: pocket, Drawn: 64x48" in told
    line = foreign.as_line(told, [])
    assert "--width 64 --height 48" in line
    assert "513" not in line


def test_only_a_png_gets_texts() -> None:
    with pytest.raises(ValueError, match="not a PNG"):
        png_with(b"GIF89a", {})


async def test_a_picture_that_was_cleaned_away_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no longer kept"):
        await Gallery(tmp_path).load("0" * 64)


async def test_a_full_disk_is_an_apology_and_leaves_no_half_file(tmp_path: Path) -> None:
    """A file limit of 1,000 bytes stands in for the disk: writing past it fails as a full disk does."""
    code = (
        "import asyncio, resource, signal, sys, pathlib\n"
        "from engine.library.gallery import Gallery\n"
        "from engine.errors import EngineError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: asyncio.run(Gallery(pathlib.Path(sys.argv[1])).keep(b'x' * 5000))\n"
        "except EngineError as error: print(error.apology)\n"
    )
    run = [sys.executable, "-c", code, str(tmp_path)]
    done = await asyncio.to_thread(subprocess.run, run, capture_output=True, text=True, check=True)
    assert "disk is full" in done.stdout
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


async def test_many_at_once_keep_each_their_own(tmp_path: Path) -> None:
    gallery = Gallery(tmp_path)
    names = await asyncio.gather(*(gallery.keep(str(index % 7).encode()) for index in range(50)))
    assert len(set(names)) == 7
    assert [await gallery.load(name) for name in names[:7]] == [str(index).encode() for index in range(7)]


async def test_a_folder_that_cannot_be_made_is_an_apology(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EngineError) as told:
        await Gallery(tmp_path / "file").keep(b"x")
    assert "Please tell the host" in told.value.apology


async def test_what_is_kept_again_is_young_again(tmp_path: Path) -> None:
    """A picture brought once more is not tidied away before the job that names it is accepted."""
    gallery = Gallery(tmp_path)
    sha256 = await gallery.keep(b"a picture")
    os.utime(gallery.path(sha256), (1000.0, 1000.0))
    [folder] = await gallery.folders()
    assert await gallery.files(folder, before=2000.0) == [(sha256, ".png")]
    assert await gallery.keep(b"a picture") == sha256
    assert await gallery.files(folder, before=2000.0) == []


async def test_a_picture_is_found_by_the_beginning_of_its_name(tmp_path: Path) -> None:
    gallery = Gallery(tmp_path)
    sha256 = await gallery.keep(b"a picture")
    assert await gallery.find(sha256[:16]) == sha256
    for beginning in ("0" * 16, sha256[:4], "../../../etc", "*" * 16):
        assert await gallery.find(beginning) is None
