"""What every picture gets on its way out, and what becomes of one that cannot get it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image, ImageSequence

from engine.config import ProvenanceConfig
from engine.errors import EngineError
from engine.intake import Decoder
from engine.provenance.keys import Identity, load_or_make
from engine.provenance.publishing import ProvenanceWriter
from engine.provenance.values import Disclosure, Verdict
from tests.engine.provenance.pictures import photograph

JOB = "h4x7p0q2rs"
LEAVING = Disclosure(
    JOB, {"limner": '{"job": "h4x7p0q2rs"}', "parameters": "a fox\nSteps: 4, Sampler: Euler, Seed: 1"}, 1
)


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return load_or_make(tmp_path_factory.mktemp("keys"))


async def judged(data: bytes, identity: Identity) -> Verdict:
    decoder = Decoder(seconds=300)
    try:
        return await decoder.verify(data, identity.root)
    finally:
        await decoder.close()


def encoded(picture: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
async def test_a_picture_leaves_with_all_three(identity: Identity, kind: str) -> None:
    publisher = ProvenanceWriter(ProvenanceConfig(), identity, "1.2")
    data = publisher.finished(encoded(publisher.marked(photograph(2, 320, 240), JOB), kind), LEAVING)
    found = await judged(data, identity)
    assert found.ours
    assert found.job == JOB
    assert found.is_of(JOB)
    assert not found.is_of("other00000")
    assert found.signature is not None
    assert (found.signature.state, found.signature.cell) == ("valid", 1)
    assert found.recipe is not None
    assert (found.recipe.program, found.recipe.prompt) == (
        "Limner" if kind == "PNG" else "AUTOMATIC1111",
        "a fox",
    )
    assert len(data) <= len(encoded(photograph(2, 320, 240), kind)) * 1.3 + publisher.room(LEAVING)


async def test_a_picture_that_was_sent_again_and_again_is_still_known(identity: Identity) -> None:
    publisher = ProvenanceWriter(ProvenanceConfig(), identity, "1.2")
    marked = publisher.marked(photograph(2, 320, 240), JOB)
    again = encoded(marked.resize((240, 180)), "JPEG")
    found = await judged(again, identity)
    assert (found.ours, found.signature, found.recipe) == (True, None, None)
    assert found.is_of(JOB)


async def test_each_part_can_be_turned_off(identity: Identity) -> None:
    settings = ProvenanceConfig(recipe=False, mark=False, sign=False)
    publisher = ProvenanceWriter(settings, identity, "1.2")
    picture = photograph(2, 320, 240)
    assert publisher.marked(picture, JOB) is picture
    data = encoded(picture, "PNG")
    assert publisher.finished(data, LEAVING) == data
    found = await judged(data, identity)
    assert not found.ours
    assert not found.limner


async def test_every_frame_of_a_film_is_marked(identity: Identity) -> None:
    frames = [photograph(number, 208, 208) for number in (5, 6)]
    buffer = io.BytesIO()
    frames[0].save(
        buffer, "WEBP", save_all=True, append_images=frames[1:], duration=[120, 80], loop=0, quality=95
    )
    film = ProvenanceWriter(ProvenanceConfig(), identity, "1.2").film(buffer.getvalue(), LEAVING)
    found = await judged(film, identity)
    assert found.signature is not None
    assert found.signature.state == "valid"
    with Image.open(io.BytesIO(film)) as opened:
        assert opened.info["loop"] == 0
        shown = [frame.convert("RGB") for frame in ImageSequence.Iterator(opened)]
    assert len(shown) == 2
    for frame in shown:
        assert (await judged(encoded(frame, "PNG"), identity)).is_of(JOB)


def test_what_cannot_be_signed_goes_out_unless_that_is_required(
    identity: Identity, caplog: pytest.LogCaptureFixture
) -> None:
    broken = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
    assert (
        ProvenanceWriter(ProvenanceConfig(), identity, "1.2")
        .finished(broken, LEAVING)
        .startswith(broken[:16])
    )
    assert "goes out without being signed" in caplog.text
    with pytest.raises(EngineError, match="not signed"):
        ProvenanceWriter(ProvenanceConfig(required=True), identity, "1.2").finished(broken, LEAVING)


def test_the_prompt_is_signed_only_if_the_host_says_so(identity: Identity) -> None:
    data = encoded(photograph(2, 64, 64), "JPEG")
    secret = Disclosure(JOB, {}, prompt="a very secret fox")
    assert b"secret fox" not in ProvenanceWriter(ProvenanceConfig(), identity, "1.2").finished(data, secret)
    open_host = ProvenanceWriter(ProvenanceConfig(sign_prompt=True), identity, "1.2")
    assert b"secret fox" in open_host.finished(data, secret)


def test_the_decoder_reads_a_pictures_pixels_where_they_are(tmp_path: Path) -> None:
    """The key file is not needed to read: any process with the certificates can."""
    made = load_or_make(tmp_path)
    assert "PRIVATE" not in made.root
