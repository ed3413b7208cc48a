"""What words and pictures from outside cost to read; refuses to know what they mean."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Callable

from PIL import Image

from bench import Row
from engine.intake.decode import Decoder
from engine.moderation import met

WORDS = ("pineapple", "umbrella", "saxophone", "teapot")


def _growth(work: Callable[[int], object], small: int, times: int, repeat: int = 7) -> list[float]:
    """Return how many times longer ``times`` as much takes, in processor time, measured in turn."""
    work(small)
    values = []
    for _ in range(repeat):
        spent = []
        for size in (small, small * times):
            began = time.process_time()
            work(size)
            spent.append(time.process_time() - began)
        values.append(spent[1] / spent[0])
    return values


def _moderation() -> list[float]:
    return _growth(lambda length: met("a-b. n u d e (c:1.1) аb " * length, WORDS), 1000, 10)


def _pictures() -> list[float]:
    """Milliseconds to clean a picture of 512 × 512, once the decoder's process is warm."""
    picture = io.BytesIO()
    Image.effect_noise((512, 512), 60).convert("RGB").save(picture, "PNG")

    async def measure() -> list[float]:
        decoder, values = Decoder(), []
        await decoder.clean(picture.getvalue())
        for _ in range(20):
            began = time.perf_counter()
            await decoder.clean(picture.getvalue())
            values.append((time.perf_counter() - began) * 1000)
        await decoder.close()
        return values

    return asyncio.run(measure())


ROWS = (
    Row("moderation: ten times the words", _moderation, 15),
    Row("a picture brought, decoded in its own process", _pictures, 500, unit="ms"),
)
