"""A style's number means the same picture for ever."""

from __future__ import annotations

import hashlib

from engine.images.swatch import swatch


def test_a_code_means_the_same_for_ever() -> None:
    """Golden: whoever changes these changes what people's numbers draw."""
    for code, begins in GOLDEN.items():
        assert hashlib.sha256(swatch(code).tobytes()).hexdigest().startswith(begins), code


def test_codes_differ_and_have_several_colours() -> None:
    seen = set()
    for number in range(40):
        picture = swatch(str(number))
        assert (picture.mode, picture.size) == ("RGB", (256, 256))
        colours = picture.getcolors(1 << 16) or []
        assert len(colours) >= 3, number
        seen.add(picture.tobytes())
    assert len(seen) == 40


GOLDEN = {
    "0": "f2b44c98e2308d38",
    "12345": "01e11887691f1e54",
    "123456789": "550e80368f687b66",
    "a1b2c3d4": "a2a20cf524700e9f",
}
