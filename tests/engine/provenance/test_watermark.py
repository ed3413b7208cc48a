"""The invisible mark: read after what people do to pictures, unseen, and never where it is not."""

from __future__ import annotations

import io
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from engine.provenance import watermark
from engine.provenance.values import Mark, job_number
from engine.provenance.watermark.code import BITS, HEAD, SIGNS, decoded, encoded
from tests.engine.provenance.pictures import TREATMENTS, icon, photograph, psnr, ssim

MARK = Mark(0xABCDE, job_number("h4x7p0q2rs"))
PICTURES = {
    "small photograph": lambda: photograph(3, 128, 128),
    "grid of icons": lambda: icon(5, 264, (240, 230, 200)),
    "photograph": lambda: photograph(3, 512, 512),
    "wide photograph": lambda: photograph(8, 768, 432),
}


def discs() -> Image.Image:
    """Return flat discs on flat ground: nothing in it hides a mark, and little holds one."""
    picture = Image.new("RGB", (1024, 1024), (90, 140, 60))
    pen = ImageDraw.Draw(picture)
    for left, colour in ((80, (200, 40, 90)), (420, (20, 60, 160)), (640, (230, 210, 80))):
        pen.ellipse((left, left // 2, left + 320, left // 2 + 320), fill=colour)
    return picture


def test_a_plain_picture_keeps_its_mark_small_and_as_a_jpeg() -> None:
    marked = next(watermark.embed_each([discs()], MARK))
    assert psnr(discs(), marked) >= 47
    buffer = io.BytesIO()
    marked.resize((400, 400)).save(buffer, "JPEG", quality=80)
    with Image.open(buffer) as again:
        assert watermark.detect(again) == watermark.Found(MARK, 192)


def test_the_code_is_the_published_one() -> None:
    """One bit alone sends the generators, read down the columns: their weights sum to the free distance."""
    nothing, one = encoded(0), encoded(1 << (BITS - 1))
    sent = (one != nothing).reshape(BITS, 4)
    assert int(sent.sum()) == 24
    columns = ["".join(str(int(bit)) for bit in column[:9]) for column in sent.T]
    assert columns == [format(generator, "09b") for generator in (0o463, 0o535, 0o733, 0o745)]


def test_bits_are_read_through_noise() -> None:
    """At one part signal and one part noise a sign, none of a hundred is lost."""
    generator = np.random.default_rng(0)
    for number in range(100):
        payload = random.Random(number).getrandbits(BITS)
        noisy = encoded(payload) + generator.normal(size=SIGNS)
        assert decoded(noisy.astype(np.float32)) == payload


def test_a_known_host_bears_more_noise() -> None:
    """At three parts noise and one part signal, those who know half of the bits read most of the rest."""
    generator, lost, lost_knowing = np.random.default_rng(0), 0, 0
    for number in range(100):
        payload = random.Random(number).getrandbits(BITS)
        noisy = (encoded(payload) + generator.normal(size=SIGNS, scale=1.75)).astype(np.float32)
        lost += decoded(noisy) != payload
        lost_knowing += decoded(noisy, payload >> BITS - HEAD) != payload
    assert lost_knowing < lost / 2


@pytest.mark.parametrize(("file", "job"), [("marked-512.jpg", 0), ("marked-128.jpg", 2)])
def test_marks_of_the_first_version_are_still_read(file: str, job: int) -> None:
    """JPEGs (q75) that were marked as version 0.1.0 marked: what is out there stays readable."""
    with Image.open(Path(__file__).parent / file) as picture:
        for host in (MARK.host, None):
            found = watermark.detect(picture, host)
            assert found is not None
            assert found.mark == Mark(MARK.host, job)


@pytest.mark.parametrize("kind", PICTURES)
def test_a_mark_is_unseen_and_survives_what_people_do(kind: str) -> None:
    picture = PICTURES[kind]()
    marked = next(watermark.embed_each([picture], MARK))
    assert marked.size == picture.size
    assert psnr(picture, marked) >= 40
    assert ssim(picture, marked) >= 0.98
    lost = []
    for name, treated in TREATMENTS.items():
        found = watermark.detect(treated(marked), MARK.host)
        if found is None or found.mark != MARK:
            lost.append(name)
    assert not lost


@pytest.mark.parametrize("kind", PICTURES)
def test_nothing_is_found_where_nothing_is(kind: str) -> None:
    assert watermark.detect(PICTURES[kind](), MARK.host) is None


def test_anybodys_mark_is_read_without_knowing_the_host() -> None:
    marked = next(watermark.embed_each([photograph(4, 512, 384)], MARK))
    assert watermark.detect(marked) == watermark.Found(MARK, 192)
    assert watermark.detect(marked, host=7) == watermark.Found(MARK, 192)


def test_tiny_pictures_are_left_alone() -> None:
    picture = photograph(1, 24, 24)
    assert next(watermark.embed_each([picture], MARK)) is picture
    assert watermark.detect(picture) is None
