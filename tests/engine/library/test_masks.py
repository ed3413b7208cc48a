"""Masks: what squares, areas and files mark, to the pixel; and sketches that outlive their process."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine import images
from engine.errors import NotFound, UserError
from engine.images import MaskPolarity
from engine.library.gallery import Gallery
from engine.library.masks import MaskRecipe, Masks, mask_of
from engine.store.connection import Store
from engine.store.retention import prune


def array(mask: Image.Image) -> np.ndarray:
    return np.asarray(mask)


def test_squares_cover_the_picture_once() -> None:
    size = (103, 61)  # neither side divides
    whole = np.zeros((61, 103), dtype=int)
    for number in range(20):
        whole += array(images.chosen(size, [number], [])) // 255
    assert (whole == 1).all()
    # the seventh square is the second of the second row: from a fifth and a quarter of the sides
    assert images.chosen((100, 80), [6], []).getbbox() == (20, 20, 40, 40)


@pytest.mark.parametrize(
    ("area", "box"),
    [
        ("left half", (0, 0, 60, 60)),
        ("right third", (80, 0, 120, 60)),
        ("middle third, across", (0, 20, 120, 40)),
        ("centre", (30, 15, 90, 45)),
    ],
)
def test_areas_are_where_their_names_say(area: str, box: tuple[int, int, int, int]) -> None:
    mask = images.chosen((120, 60), [], [area])
    assert mask.getbbox() == box
    assert set(np.unique(array(mask.crop(box)))) == {255}


def test_the_border_is_all_but_the_middle() -> None:
    mask = array(images.chosen((120, 60), [], ["border"]))
    expected = np.full((60, 120), 255)
    expected[10:50, 20:100] = 0
    assert (mask == expected).all()


@pytest.mark.parametrize("pixels", [1, 2, 5, 13])
def test_widening_reaches_exactly_so_far(pixels: int) -> None:
    mask = Image.new("L", (80, 60))
    mask.paste(255, (30, 20, 40, 30))
    assert images.shaped(mask).getbbox() == (30, 20, 40, 30)
    wide = images.widened(mask, pixels)
    box = (30 - pixels, 20 - pixels, 40 + pixels, 30 + pixels)
    assert wide.getbbox() == box
    assert array(wide.crop(box)).min() == 255
    back = images.widened(wide, -pixels)
    assert array(back).tobytes() == array(mask).tobytes()


def test_a_feather_fades_outside_and_ends() -> None:
    mask = Image.new("L", (80, 60))
    mask.paste(255, (0, 0, 40, 60))
    soft = array(images.feathered(mask, 8))
    assert soft[:, :40].min() == 255, "what was marked stays marked"
    assert soft[:, 48:].max() == 0, "and beyond the stated width nothing is"
    ramp = soft[30, 39:49].astype(int)
    assert (np.diff(ramp) <= 0).all()
    assert len(set(ramp)) > 5


def test_an_outline_stands_for_one_mask() -> None:
    size = (200, 160)
    outline = MaskRecipe(squares=(0,), inverted=True)
    mask = array(mask_of(outline, size, None))
    assert mask[:40, :40].max() == 0
    assert mask[40:, :].min() == 255
    # a step is a 40th of the shorter side
    wide = mask_of(MaskRecipe(squares=(0,), grown=2), size, None)
    assert wide.getbbox() == (0, 0, 48, 48)


def drawn(mode: str, ground: object, spot: object) -> Image.Image:
    picture = Image.new(mode, (40, 30), ground)
    picture.paste(spot, (10, 10, 20, 20))
    return picture


@pytest.mark.parametrize(
    ("picture", "reading"),
    [
        (drawn("L", 0, 255), MaskPolarity.WHITE),
        (drawn("L", 255, 0), MaskPolarity.BLACK),
        (drawn("RGB", (250, 252, 255), (3, 1, 0)), MaskPolarity.BLACK),
        (drawn("RGBA", (90, 80, 70, 255), (0, 0, 0, 0)), MaskPolarity.TRANSPARENT),
        # opaque everywhere: the transparency says nothing
        (drawn("RGBA", (0, 0, 0, 255), (255, 255, 255, 255)), MaskPolarity.WHITE),
    ],
)
def test_how_a_brought_mask_is_meant_is_seen(picture: Image.Image, reading: MaskPolarity) -> None:
    mask, seen = images.read(picture)
    assert seen is reading
    expected = np.zeros((30, 40))
    expected[10:20, 10:20] = 255
    assert np.abs(array(mask).astype(int) - expected).max() <= 6
    # and read the other way, the rest repaints
    other = MaskPolarity.BLACK if seen is MaskPolarity.WHITE else MaskPolarity.WHITE
    if seen is not MaskPolarity.TRANSPARENT:
        assert array(images.read(picture, other)[0])[0, 0] >= 249


def test_grey_stays_grey() -> None:
    mask, _ = images.read(drawn("L", 0, 100))
    assert mask.getpixel((15, 15)) == 100


def test_the_overlay_tints_what_is_marked_and_only_that() -> None:
    picture = Image.new("RGB", (1024, 768), (20, 90, 40))
    mask = images.chosen(picture.size, [], ["left half"])
    over = images.overlay(picture, mask)
    assert over.size == (1024, 768)
    assert over.getpixel((900, 300)) == (20, 90, 40)
    red, green, _ = over.getpixel((200, 300))
    assert red > 120
    assert red > green
    small = images.overlay(Image.new("RGB", (64, 64)), Image.new("L", (64, 64)), squares=())
    assert small.size == (512, 512), "a small picture is shown large enough to tap at"


def png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


async def test_a_sketch_outlives_its_process_and_belongs_to_one(tmp_path: Path) -> None:
    now = [1000.0]
    gallery = Gallery(tmp_path / "pictures")
    async with Store.open(tmp_path / "a.db", clock=lambda: now[0]) as store:
        masks = Masks(store, gallery)
        picture = await gallery.keep(png(Image.new("RGB", (200, 160), "navy")))
        sketch = await masks.open(owner="alice", origin="cli:", picture=picture, job="0123456789", cell=2)
        with pytest.raises(UserError, match="Nothing is marked"):
            await masks.mask(sketch)
        await masks.change(sketch.key, "alice", lambda outline: outline.toggled(6))
        with pytest.raises(UserError, match="Somebody else"):
            await masks.change(sketch.key, "bob", lambda outline: outline.toggled(7))
    async with Store.open(tmp_path / "a.db", clock=lambda: now[0]) as store:
        masks = Masks(store, gallery)
        again = await masks.find(sketch.key, "alice")
        assert (again.outline.squares, again.cell, again.job) == ((6,), 2, "0123456789")
        kept = await gallery.load(await masks.mask(again))
        assert images.opened(kept).convert("L").getbbox() == (40, 40, 80, 80)
        shown = await masks.show(again)
        assert (shown.size, round(shown.share, 3), shown.empty, shown.rim) == ((200, 160), 0.05, False, 2)
        now[0] += 8 * 24 * 3600
        await store.write(prune, now[0])
        with pytest.raises(NotFound, match="no longer kept"):
            await masks.find(sketch.key, "alice")


async def test_a_brought_mask_must_fit(tmp_path: Path) -> None:
    gallery = Gallery(tmp_path / "pictures")
    async with Store.open(tmp_path / "a.db") as store:
        masks = Masks(store, gallery)
        picture = await gallery.keep(png(Image.new("RGB", (40, 30), "navy")))
        sketch = await masks.open(owner="alice", origin="cli:", picture=picture)
        with pytest.raises(UserError, match=r"30 × 40 pixels and the picture 40 × 30"):
            await masks.bring(sketch.key, "alice", await gallery.keep(png(Image.new("L", (30, 40)))))
        # black spot on white, saved at twice the size as the picture may have been shown
        large = drawn("L", 255, 0).resize((80, 60), Image.Resampling.NEAREST)
        brought = await masks.bring(sketch.key, "alice", await gallery.keep(png(large)))
        assert brought.outline.reading is MaskPolarity.BLACK
        assert brought.outline.readings == (MaskPolarity.WHITE, MaskPolarity.BLACK)
        mask = images.opened(await gallery.load(await masks.mask(brought))).convert("L")
        assert mask.point([0] * 128 + [255] * 128).getbbox() == (10, 10, 20, 20)
        other = await masks.change(sketch.key, "alice", MaskRecipe.reread)
        assert other.outline.reading is MaskPolarity.WHITE
        turned = images.opened(await gallery.load(await masks.mask(other))).convert("L")
        assert turned.getpixel((0, 0)) == 255
        assert turned.getpixel((15, 15)) == 0
        # a picture with a hole, as it comes out of the child process: over white, and where it was opaque
        hole = await gallery.keep(png(drawn("L", 255, 0)))
        clear = await masks.bring(
            sketch.key, "alice", await gallery.keep(png(drawn("RGB", "teal", "white"))), hole
        )
        assert clear.outline.reading is MaskPolarity.TRANSPARENT
        assert clear.outline.readings[0] is MaskPolarity.TRANSPARENT
        kept = images.opened(await gallery.load(await masks.mask(clear))).convert("L")
        assert kept.getbbox() == (10, 10, 20, 20)
