"""Pictures from outside are opened in a process that can do no harm, and come out clean."""

from __future__ import annotations

import asyncio
import io
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator, Iterator
from subprocess import PIPE

import psutil
import pytest
from PIL import Image

from engine.errors import UserError
from engine.intake import Clean, Decoder
from engine.intake.decode import CHILD
from tests import ROOT
from tests.engine.intake import hostile
from tests.engine.intake.hostile import SECRET, saved, scene

SMALL, FULL = 50, 500


@pytest.fixture
async def decoder() -> AsyncIterator[Decoder]:
    one = Decoder()
    yield one
    await one.close()


def opened(clean: Clean) -> Image.Image:
    with Image.open(io.BytesIO(clean.png)) as picture:
        picture.load()
        return picture


def chunks(png: bytes) -> Iterator[bytes]:
    at = 8
    while at < len(png):
        length, kind = struct.unpack_from(">I4s", png, at)
        yield kind
        at += 12 + length


def assert_clean(clean: Clean) -> None:
    for png in filter(None, (clean.png, clean.mask)):
        assert set(chunks(png)) == {b"IHDR", b"IDAT", b"IEND"}
        assert SECRET.encode() not in png
    picture = opened(clean)
    assert (picture.mode, picture.size) == ("RGB", (clean.width, clean.height))


def assert_sentence(text: str) -> None:
    assert text[0].isupper() or text[0] == "`"
    assert text.endswith(".")
    assert len(text) > 30
    assert "Traceback" not in text
    assert "Error" not in text


@pytest.mark.parametrize("name", hostile.harmless())
async def test_every_kind_of_good_file_is_taken(decoder: Decoder, name: str) -> None:
    clean = await decoder.clean(hostile.harmless()[name])
    assert_clean(clean)
    if name in ("png-RGB", "png-animated", "webp-lossless"):
        assert clean.original == (96, 64)


async def test_colours_of_every_depth(decoder: Decoder) -> None:
    """Expected values by hand: 40000 / 257 = 155.6; cyan is what lacks red; half black over white is grey."""
    half = Image.new("LA", (32, 32), (0, 128))
    for picture, kind, expected in (
        (Image.frombytes("I;16", (32, 32), struct.pack("<H", 40000) * 1024), "PNG", (155, 155, 155)),
        (Image.frombytes("I;16", (32, 32), struct.pack("<H", 200) * 1024), "PNG", (0, 0, 0)),
        (Image.new("CMYK", (32, 32), (255, 0, 0, 0)), "JPEG", (0, 255, 255)),
        (Image.new("1", (32, 32), 1), "PNG", (255, 255, 255)),
        (half, "PNG", (127, 127, 127)),
    ):
        clean = await decoder.clean(saved(picture, kind))
        shown = opened(clean).getpixel((5, 5))
        assert isinstance(shown, tuple)
        assert max(abs(one - other) for one, other in zip(shown, expected, strict=True)) <= 2, picture.mode


async def test_16_bits_a_channel_become_8(decoder: Decoder) -> None:
    clean = await decoder.clean(hostile.harmless()["png-16bit"])
    assert opened(clean).getpixel((3, 3)) == (255, 128, 0)


Colour = tuple[int, ...]
WIDE = (200, 120, 90)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize(
    ("colorants", "curve", "colour", "expected"),
    [  # as browsers and Discord show them
        (hostile.P3, hostile.SRGB_CURVE, WIDE, (214, 116, 82)),
        (hostile.ADOBE, (563 / 256,), WIDE, (224, 121, 88)),
        ((hostile.SRGB[1], hostile.SRGB[0], hostile.SRGB[2]), hostile.SRGB_CURVE, (0, 255, 0), (255, 0, 0)),
        (hostile.SRGB, hostile.SRGB_CURVE, WIDE, WIDE),
    ],
)
async def test_colours_mean_what_the_profile_says(
    decoder: Decoder,
    kind: str,
    colorants: hostile.Colorants,
    curve: tuple[float, ...],
    colour: Colour,
    expected: Colour,
) -> None:
    options = {"PNG": {}, "JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}[kind]
    profile = hostile.matrix_profile(colorants, curve)
    clean = await decoder.clean(
        saved(Image.new("RGB", (32, 32), colour), kind, icc_profile=profile, **options)
    )
    assert_clean(clean)
    shown = opened(clean).getpixel((5, 5))
    assert isinstance(shown, tuple)
    assert max(abs(one - other) for one, other in zip(shown, expected, strict=True)) <= 3, shown


async def test_profiles_of_grey_and_of_inks_are_used(decoder: Decoder) -> None:
    """By hand: half the light is 188 in sRGB (1.055 * 0.502 ** (1 / 2.4) - 0.055); L* 50 is 119."""
    grey = saved(Image.new("L", (32, 32), 128), "PNG", icc_profile=hostile.grey_profile(1.0))
    see_through = saved(Image.new("LA", (32, 32), (128, 255)), "PNG", icc_profile=hostile.grey_profile(1.0))
    inks = saved(Image.new("CMYK", (32, 32), (255, 0, 0, 0)), "JPEG", icc_profile=hostile.press_profile(50))
    for data, level in ((grey, 188), (see_through, 188), (inks, 119)):
        shown = opened(await decoder.clean(data)).getpixel((5, 5))
        assert isinstance(shown, tuple)
        assert max(abs(one - level) for one in shown) <= 3, shown


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [  # by hand, as above: light of 0.502 is 188 in sRGB; 0.502 ** 1.8 = 0.289 is 147
        ([(b"gAMA", 100_000)], 188),
        ([(b"gAMA", 55_556)], 147),
        ([(b"gAMA", 45_455)], 128),
        ([(b"gAMA", 0)], 128),
        ([(b"sRGB", None), (b"gAMA", 100_000)], 128),
    ],
)
async def test_a_png_that_tells_its_gamma_is_shown_by_it(
    decoder: Decoder, chunks: list[tuple[bytes, int | None]], expected: int
) -> None:
    told = [
        hostile.chunk(kind, b"\0" if value is None else struct.pack(">I", value)) for kind, value in chunks
    ]
    rows = zlib.compress((b"\0" + bytes([128]) * 32) * 32)
    shown = opened(await decoder.clean(hostile.png(32, 32, 8, 0, rows, *told))).getpixel((5, 5))
    assert isinstance(shown, tuple)
    assert max(abs(one - expected) for one in shown) <= 1, shown


def patch(colour: Colour, *told: bytes, depth: int = 8) -> bytes:
    """Return a PNG of one colour with these chunks in front of its pixels."""
    pixel = bytes(colour) if depth == 8 else struct.pack(f">{len(colour)}H", *(257 * one for one in colour))
    rows = zlib.compress((b"\0" + pixel * 32) * 32)
    return hostile.png(32, 32, depth, {1: 0, 3: 2}[len(colour)], rows, *told)


def chrm(*points: float) -> bytes:
    return hostile.chunk(b"cHRM", struct.pack(">8I", *(round(100_000 * one) for one in points)))


def cicp(*points: int) -> bytes:
    return hostile.chunk(b"cICP", bytes(points))


WHITE = (0.3127, 0.329)
P3_LIGHTS = (*WHITE, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)  # SMPTE EG 432-1
SRGB_LIGHTS = (*WHITE, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
CHECKER = [  # in Display P3 and in sRGB: W3C's tests of cICP (svgeesus/PNG-CICP-tests), made by color.js
    ((112, 83, 69), (117, 82, 67)),
    ((98, 122, 154), (91, 123, 157)),
    ((210, 129, 63), (223, 124, 44)),
    ((168, 58, 61), (182, 46, 56)),
    ((234, 201, 72), (240, 200, 22)),
    ((58, 131, 157), (0, 133, 160)),
    ((120, 121, 121), (120, 121, 121)),
]


async def colour_of(decoder: Decoder, data: bytes) -> Colour:
    clean = await decoder.clean(data)
    assert_clean(clean)
    shown = opened(clean).getpixel((5, 5))
    assert isinstance(shown, tuple)
    return shown


def apart(one: Colour, other: Colour) -> int:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize(
    "told",
    [
        (cicp(12, 13, 0, 1),),
        (chrm(*P3_LIGHTS),),
        (chrm(*P3_LIGHTS), hostile.chunk(b"gAMA", struct.pack(">I", 45_455))),
    ],
)
async def test_a_png_whose_lights_are_told_in_numbers_is_shown_by_them(
    decoder: Decoder, told: tuple[bytes, ...], depth: int
) -> None:
    for wide, expected in CHECKER:
        shown = await colour_of(decoder, patch(wide, *told, depth=depth))
        assert apart(shown, expected) <= 3, (wide, shown)


async def test_what_says_most_of_a_pngs_colours_wins(decoder: Decoder) -> None:
    """PNG specification, third edition, 4.3: cICP, iCCP, sRGB, then gAMA and cHRM, if it means anything."""
    wide, here = CHECKER[3]
    swapped = hostile.matrix_profile((hostile.SRGB[1], hostile.SRGB[0], hostile.SRGB[2]), hostile.SRGB_CURVE)
    iccp = hostile.chunk(b"iCCP", b"x\0\0" + zlib.compress(swapped))
    p3, srgb = cicp(12, 13, 0, 1), hostile.chunk(b"sRGB", b"\0")
    gamma = hostile.chunk(b"gAMA", struct.pack(">I", 100_000))
    other = (wide[1], wide[0], wide[2])
    for told, expected in (
        ((iccp, p3), here),
        ((srgb, gamma, p3, chrm(*SRGB_LIGHTS)), here),
        ((iccp, srgb, gamma), other),
        ((srgb, chrm(*P3_LIGHTS), gamma), wide),
        ((cicp(2, 2, 0, 1),), wide),  # unspecified
        ((cicp(12, 13, 1, 1),), wide),  # no RGB
        ((cicp(12, 13, 0),), wide),  # cut
        ((cicp(12, 13, 0, 1), cicp(9, 13, 0, 1)), here),  # each once: the first
        ((cicp(1, 13, 0, 1), iccp, gamma), wide),
        ((chrm(*SRGB_LIGHTS),), wide),
        ((chrm(0.3127, 0, *P3_LIGHTS[2:]),), wide),  # no white
        ((chrm(*WHITE, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3),), wide),  # three lights in one place
        ((chrm(*WHITE, 0.64, 0.33, 0.3, 0.6, 0.4, 0.5),), wide),  # whose white lies outside
        ((hostile.chunk(b"cHRM", b"\0" * 31),), wide),
        ((hostile.chunk(b"gAMA", b"\0"), hostile.chunk(b"sRGB", b"")), wide),
    ):
        shown = await colour_of(decoder, patch(wide, *told))
        assert apart(shown, expected) <= (0 if expected == wide else 3), (told, shown)
    late = patch(wide)
    end = late.index(b"IEND") - 4
    for chunk in (p3, iccp, gamma, chrm(*P3_LIGHTS)):  # behind the pixels they mean nothing (5.6)
        assert await colour_of(decoder, late[:end] + chunk + late[end:]) == wide


@pytest.mark.parametrize(
    ("points", "colour", "expected"),
    [  # by hand
        ((1, 8, 0, 1), (128,), 188),  # linear, as above
        ((1, 4, 0, 1), (128,), 129),  # 0.502 ** 2.2 = 0.2195
        ((1, 1, 0, 1), (128,), 121),  # BT.1886: 0.502 ** 2.4 = 0.1912
        ((9, 14, 0, 1), (128, 128, 128), 121),  # grey is grey in wide lights too
        ((1, 13, 0, 0), (16,), 0),  # narrow range
        ((1, 13, 0, 0), (235,), 255),
        ((1, 13, 0, 0), (126,), 128),  # (126 - 16) * 255 / 219
        ((9, 16, 0, 1), (0,), 0),  # HDR. ITU-R BT.2408: paper is 58 % in PQ and 75 % in HLG, both 203 cd/m²
        ((9, 16, 0, 1), (148,), 191),  # of 1000 by Reinhard: (1 + 0.203²) / 2 = 0.521 of the light
        ((9, 18, 0, 1), (191,), 191),
        ((9, 16, 0, 1), (192,), 255),  # 75.2 % is 1000 cd/m²
        ((9, 16, 0, 1), (255,), 255),
        ((9, 18, 0, 1), (255,), 255),
    ],
)
async def test_code_points_say_how_bright_numbers_are(
    decoder: Decoder, points: tuple[int, ...], colour: Colour, expected: int
) -> None:
    shown = await colour_of(decoder, patch(colour, cicp(*points)))
    assert apart(shown, (expected,) * 3) <= 2, shown


async def test_hdr_keeps_hues(decoder: Decoder) -> None:
    """The red of sRGB, as light as paper, is (0.6274, 0.0691, 0.0164) in BT.2020 (ITU-R BT.2087)."""

    def pq(light: float) -> int:
        root = (light * 203 / 10_000) ** (2610 / 16384)
        return round(255 * ((3424 / 4096 + 2413 / 128 * root) / (1 + 2392 / 128 * root)) ** (2523 / 32))

    red = (pq(0.6274), pq(0.0691), pq(0.0164))
    level, green, blue = await colour_of(decoder, patch(red, cicp(9, 16, 0, 1)))
    assert abs(level - 206) <= 3  # 0.6274 * 0.0412 + 1 over 1.6274 = 0.630 of the light
    assert max(green, blue) <= 12  # eight bits of PQ are steps of three in a hundred


async def test_a_film_whose_other_pictures_are_broken_still_has_its_first(decoder: Decoder) -> None:
    frames = [scene().rotate(turn) for turn in (90, 180)]
    film = saved(scene(), "PNG", save_all=True, append_images=frames)
    alone = opened(await decoder.clean(saved(scene(), "PNG"))).tobytes()
    at = film.index(b"fdAT")
    length = struct.unpack_from(">I", film, at - 4)[0]
    for number in (0, 7, 99):
        body = struct.pack(">I", number) + film[at + 8 : at + 4 + length]
        broken = film[: at - 4] + hostile.chunk(b"fdAT", body) + film[at + 8 + length :]
        assert opened(await decoder.clean(broken)).tobytes() == alone
    at = film.index(b"acTL")
    for body in (b"", bytes(8), b"\xff" * 8):
        broken = film[: at - 4] + hostile.chunk(b"acTL", body) + film[at + 16 :]
        assert opened(await decoder.clean(broken)).tobytes() == alone


async def test_pictures_in_srgb_keep_every_bit(decoder: Decoder) -> None:
    noise = Image.merge("RGB", [Image.effect_noise((96, 64), sigma) for sigma in (40, 80, 120)])
    for profile in (None, hostile.matrix_profile(hostile.SRGB, hostile.SRGB_CURVE)):
        clean = await decoder.clean(saved(noise, "PNG", icc_profile=profile))
        assert opened(clean).tobytes() == noise.tobytes()


async def test_a_broken_profile_changes_nothing(decoder: Decoder) -> None:
    sound = hostile.matrix_profile(hostile.P3, hostile.SRGB_CURVE)
    picture = Image.new("RGB", (32, 32), WIDE)
    for profile in (b"", b"no profile", sound[:140], sound[:128] + b"\xff" * 300, hostile.press_profile(50)):
        assert (
            opened(await decoder.clean(saved(picture, "PNG", icc_profile=profile))).getpixel((5, 5)) == WIDE
        )
    bomb = hostile.png(32, 32, 8, 2, zlib.compress((b"\0" + bytes(WIDE) * 32) * 32),
                       hostile.chunk(b"iCCP", b"sRGB\0\0" + hostile.zeros(60 << 20)))  # fmt: skip
    assert opened(await decoder.clean(bomb)).getpixel((5, 5)) == WIDE


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
async def test_one_colour_that_means_transparent(decoder: Decoder, depth: int) -> None:
    """A grey PNG whose left half has the level that tRNS names (PNG specification, 11.3.1.1)."""
    top = 2**depth - 1
    row = int("".join(format(value, f"0{depth}b") for value in [top] * 16 + [0] * 16), 2).to_bytes(4 * depth)
    key = hostile.chunk(b"tRNS", struct.pack(">H", top))
    clean = await decoder.clean(hostile.png(32, 32, depth, 0, zlib.compress((b"\0" + row) * 32), key))
    assert clean.mask is not None
    with Image.open(io.BytesIO(clean.mask)) as mask:
        assert (mask.getpixel((5, 5)), mask.getpixel((25, 5))) == (0, 255)
    assert [opened(clean).getpixel((x, 5)) for x in (5, 25)] == [(255, 255, 255), (0, 0, 0)]


async def test_odd_alphas(decoder: Decoder) -> None:
    """16 bits of colour with a key; a key that is cut, and one beside an alpha channel; nearly opaque."""
    rows = zlib.compress((b"\0" + struct.pack(">3H", 65535, 0, 0) * 16 + bytes(6 * 16)) * 32)
    clean = await decoder.clean(
        hostile.png(32, 32, 16, 2, rows, hostile.chunk(b"tRNS", struct.pack(">3H", 65535, 0, 0)))
    )
    assert clean.mask is not None
    assert [opened(clean).getpixel((x, 5)) for x in (5, 25)] == [(255, 255, 255), (0, 0, 0)]
    red = zlib.compress((b"\0" + bytes((255, 0, 0)) * 32) * 32)
    clear = zlib.compress((b"\0" + bytes((255, 0, 0, 255)) * 32) * 32)
    nearly = saved(Image.new("RGBA", (32, 32), (255, 0, 0, 252)), "PNG")
    for data in (
        hostile.png(32, 32, 8, 2, red, hostile.chunk(b"tRNS", b"\xff")),
        hostile.png(32, 32, 8, 6, clear, hostile.chunk(b"tRNS", struct.pack(">3H", 255, 0, 0))),
        nearly,
    ):
        clean = await decoder.clean(data)
        assert clean.mask is None
        shown = opened(clean).getpixel((5, 5))
        assert isinstance(shown, tuple)
        assert max(abs(one - other) for one, other in zip(shown, (255, 0, 0), strict=True)) <= 3


@pytest.mark.parametrize(
    ("kind", "options", "lost"),
    [
        ("JPEG", {}, 1),
        ("JPEG", {}, 2),
        ("JPEG", {"progressive": True}, 2),
        ("JPEG", {"quality": 30, "subsampling": 0}, 2),
        ("PNG", {}, 12),
        ("PNG", {}, 18),
        ("GIF", {}, 2),
        ("WEBP", {"lossless": True}, 1),
        ("WEBP", {}, 3),
        ("WEBP", {}, 40),
    ],
)
async def test_a_file_cut_after_its_last_pixel_is_the_whole_picture(
    decoder: Decoder, kind: str, options: dict[str, object], lost: int
) -> None:
    data = saved(scene("P" if kind == "GIF" else "RGB", (600, 400)), kind, **options)
    assert (await decoder.clean(data[:-lost])).png == (await decoder.clean(data)).png
    with pytest.raises(UserError, match="cut off, and part of the picture is missing"):
        await decoder.clean(data[: len(data) // 2])


@pytest.mark.parametrize("interlaced", [False, True])
async def test_a_png_whose_packing_alone_is_damaged_is_whole(decoder: Decoder, interlaced: bool) -> None:
    """Rows by hand, each of one grey; the seven passes (Adam7) of 32 × 32 have 60 of them."""
    passes = [(4, 4), (4, 4), (8, 4), (8, 8), (16, 8), (16, 16), (32, 16)] if interlaced else [(32, 32)]
    rows = [b"\0" + bytes([90]) * width for width, height in passes for _ in range(height)]
    packed = zlib.compress(b"".join(rows))

    def file(packing: bytes) -> bytes:
        made = hostile.png(32, 32, 8, 0, packing)
        header = struct.pack(">IIBBBBB", 32, 32, 8, 0, 0, 0, int(interlaced))
        return made.replace(made[8:33], hostile.chunk(b"IHDR", header))

    for packing in (packed, packed[:-4], packed[:-4] + bytes(4), packed[:-1]):
        assert opened(await decoder.clean(file(packing))).getcolors() == [(1024, (90, 90, 90))]
    with pytest.raises(UserError, match="cut off"):
        await decoder.clean(file(zlib.compress(b"".join(rows[: len(rows) // 2]))[:-4]))


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(
    ("colour", "pixel"), [(0, b"\x5a"), (2, b"\x5a\0\0"), (6, b"\x5a\0\0\xff"), (4, b"\x5a\xff")]
)
async def test_a_png_with_fewer_rows_than_it_says_is_cut(
    decoder: Decoder, colour: int, pixel: bytes, interlaced: bool
) -> None:
    """Its packing ends soundly, and its end is there: only the rows are too few."""
    passes = [(4, 4), (4, 4), (8, 4), (8, 8), (16, 8), (16, 16), (32, 16)] if interlaced else [(32, 32)]
    header = hostile.chunk(b"IHDR", struct.pack(">IIBBBBB", 32, 32, 8, colour, 0, 0, int(interlaced)))

    def file(rows: list[bytes]) -> bytes:
        made = hostile.png(32, 32, 8, colour, zlib.compress(b"".join(rows)))
        return made.replace(made[8:33], header)

    for shade in (pixel, bytes(len(pixel))):  # a picture that ends black, or clear, is whole all the same
        rows = [b"\0" + shade * width for width, height in passes for _ in range(height)]
        await decoder.clean(file(rows))
        for kept in (1, len(rows) // 2, len(rows) - 2, len(rows) - 1):
            with pytest.raises(UserError, match="cut off, and part of the picture is missing"):
                await decoder.clean(file(rows[:kept]))


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
async def test_a_jpeg_whose_last_rows_are_not_there_is_cut(decoder: Decoder, mode: str) -> None:
    """Cut, and its end put on again, as programs do that keep what they got; grey is a colour like others."""
    whole = saved(scene(mode, (600, 400)), "JPEG")
    grey = saved(Image.new(mode, (64, 64), (128,) * len(mode) if mode != "L" else 128), "JPEG")
    for sound in (whole, grey, grey + b"behind its end"):
        await decoder.clean(sound)
    for kept in (len(whole) // 2, len(whole) - 60):
        with pytest.raises(UserError, match="cut off, and part of the picture is missing"):
            await decoder.clean(whole[:kept] + b"\xff\xd9")


async def test_damage_beside_the_pixels_harms_nothing(decoder: Decoder) -> None:
    sound = saved(scene(), "PNG")
    at = sound.index(b"iTXt")
    length = struct.unpack_from(">I", sound, at - 4)[0]
    broken = bytearray(sound)
    broken[at + 4 + length] ^= 1  # the checksum's first byte
    assert (await decoder.clean(bytes(broken))).png == (await decoder.clean(sound)).png
    at = sound.index(b"IHDR")
    broken = bytearray(sound)
    broken[at + 17] ^= 1
    with pytest.raises(UserError):
        await decoder.clean(bytes(broken))


async def test_a_photograph_with_a_second_picture_in_it(decoder: Decoder) -> None:
    """Phones append depth and brightness maps (MPO): Pillow reads those with a module it imports late."""
    buffer = io.BytesIO()
    scene().save(buffer, "MPO", save_all=True, append_images=[scene("L").convert("RGB")])
    assert opened(await decoder.clean(buffer.getvalue())).size == (96, 64)


async def test_what_is_transparent_is_white_and_kept_as_a_mask(decoder: Decoder) -> None:
    picture = Image.new("RGBA", (40, 20), (0, 0, 200, 255))
    picture.paste((0, 0, 0, 0), (0, 0, 20, 20))
    clean = await decoder.clean(saved(picture, "PNG"))
    assert_clean(clean)
    assert opened(clean).getpixel((5, 5)) == (255, 255, 255)
    assert opened(clean).getpixel((35, 5)) == (0, 0, 200)
    assert clean.mask is not None
    with Image.open(io.BytesIO(clean.mask)) as mask:
        assert (mask.mode, mask.getpixel((5, 5)), mask.getpixel((35, 5))) == ("L", 0, 255)
    assert (await decoder.clean(saved(scene(), "PNG"))).mask is None


@pytest.mark.parametrize(
    ("orientation", "corner"), [(1, 0), (2, 1), (3, 2), (4, 3), (5, 0), (6, 1), (7, 2), (8, 3)]
)
async def test_orientation_is_applied_and_dropped(decoder: Decoder, orientation: int, corner: int) -> None:
    """Where a file's first pixel stands (EXIF, tag 0x0112); corners count clockwise from the top left."""
    picture = Image.new("RGB", (64, 32), (255, 255, 255))
    picture.paste((255, 0, 0), (0, 0, 8, 8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    clean = await decoder.clean(saved(picture, "PNG", exif=exif))
    assert_clean(clean)
    turned = opened(clean)
    assert turned.size == ((64, 32) if orientation < 5 else (32, 64))
    right, bottom = turned.width - 4, turned.height - 4
    corners = [(3, 3), (right, 3), (right, bottom), (3, bottom)]
    assert [turned.getpixel(at) == (255, 0, 0) for at in corners] == [n == corner for n in range(4)]


async def test_a_very_large_picture_is_kept_smaller(decoder: Decoder) -> None:
    clean = await decoder.clean(saved(Image.new("RGB", (4000, 2000), (9, 9, 9)), "JPEG"))
    assert clean.original == (4000, 2000)
    assert clean.width * clean.height <= 4_194_304
    assert clean.width / clean.height == pytest.approx(2, rel=0.01)


async def test_bombs_and_strange_files_are_refused_with_a_reason(decoder: Decoder) -> None:
    bombs = hostile.bombs()
    for name, words in {
        "png-13300": "13300 × 13300 pixels",
        "png-60000": "60000 × 60000 pixels",
        "gif-65535": "65535 × 65535 pixels",
        "webp-16383": "16383 × 16383 pixels",
        "jpeg-65535": "65535 × 65535 pixels",
        "png-one-pixel": "1 × 1 pixels",
        "too-large": "larger than 20 MB",
        "empty": "is empty",
        "postscript": "no PNG, JPEG, WebP or GIF",
        "svg": "no PNG, JPEG, WebP or GIF",
        "tiff": "no PNG, JPEG, WebP or GIF",
    }.items():
        with pytest.raises(UserError, match=words):
            await decoder.clean(bombs[name]())


async def many(decoder: Decoder, count: int) -> None:
    """Open ``count`` hostile files: each gives a clean picture or a sentence, and one process serves all."""
    taken = 0
    for name, data in hostile.files(count):
        try:
            clean = await decoder.clean(data)
        except UserError as refusal:
            assert_sentence(str(refusal))
        else:
            taken += 1
            assert_clean(clean)
            assert name not in ("png-13300", "png-60000", "webp-16383")
    assert 0 < taken < count
    assert decoder.started == 1


async def test_hostile_files(decoder: Decoder) -> None:
    await many(decoder, SMALL)


MEASURED = (
    "import resource, subprocess, sys\n"
    "status = subprocess.call([sys.executable, '-I', sys.argv[1]])\n"
    "print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)"
)
"""A small process between: whoever is forked from this one begins with its memory on their account."""


@pytest.mark.skipif(sys.platform != "linux", reason="counts in kilobytes on Linux alone")
def test_hostile_files_take_little_memory() -> None:
    """The peak of one process and its forks: what else this test's process ever started is not in it."""
    files = [data for _, data in hostile.files(SMALL)]
    command = [sys.executable, "-I", "-c", MEASURED, str(CHILD)]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        for data in files:
            process.stdin.write(struct.pack(">I", len(data) + 3) + b"c\0\0" + data)
            process.stdin.flush()
            process.stdout.read(struct.unpack(">I", process.stdout.read(4))[0])
        process.stdin.close()
        status, used = (int(number) for number in process.stderr.read().splitlines()[-1].split())
    assert status == 0
    assert 2**14 < used < 2**20  # kilobytes on Linux


@pytest.mark.full
async def test_many_hostile_files(decoder: Decoder) -> None:
    await many(decoder, FULL)


async def test_a_process_that_was_killed_is_replaced(decoder: Decoder) -> None:
    data = saved(scene(), "PNG")
    await decoder.clean(data)
    [process] = [one for one in psutil.Process().children() if "child.py" in " ".join(one.cmdline())]
    process.kill()
    process.wait()
    assert_clean(await decoder.clean(data))
    assert decoder.started == 2


async def test_a_picture_that_takes_too_long_is_given_up() -> None:
    decoder = Decoder(seconds=0.001)
    with pytest.raises(UserError, match="takes too much to open"):
        await decoder.clean(saved(scene(), "PNG"))
    await asyncio.sleep(0)
    assert not [one for one in psutil.Process().children() if one.status() != psutil.STATUS_ZOMBIE]
    await decoder.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_can_open_neither_files_nor_sockets() -> None:
    """The limits are those of the process itself, so a fork of this test shows them."""
    from engine.intake import child

    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            child.limit()
            said = []
            for attempt in (lambda: open("/etc/passwd"), lambda: __import__("socket").socket()):  # noqa: SIM115
                try:
                    attempt()
                    said.append("opened")
                except OSError as error:
                    said.append(str(error.errno))
            os.write(theirs, " ".join(said).encode())
        finally:
            os._exit(0)
    os.close(theirs)
    os.waitpid(pid, 0)
    assert os.read(ours, 100) == b"24 24"  # EMFILE
    os.close(ours)


async def test_the_process_knows_nothing_of_ours(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMNER_TOKEN", "secret")
    await decoder.clean(saved(scene(), "PNG"))
    [process] = [one for one in psutil.Process().children() if "child.py" in " ".join(one.cmdline())]
    assert "LIMNER_TOKEN" not in process.environ()
    assert process.memory_info().rss < 160 * 2**20


def test_the_process_brings_nothing_that_it_does_not_need() -> None:
    """Each picture is opened in a copy of it."""
    heavy = ("pydantic", "engine.prompt", "engine.jobs", "aiohttp", "torch")
    asked = f"import engine.intake.child, sys; print(*[one for one in {heavy} if one in sys.modules])"
    told = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.split() == []
