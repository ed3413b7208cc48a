"""What words and pictures from outside cost to read; refuses to know what they mean."""

from __future__ import annotations

import asyncio
import contextlib
import io
import time
from collections.abc import Callable

from PIL import Image

from bench import Row
from engine.errors import PromptError
from engine.intake.decode import Decoder
from engine.moderation import met
from engine.prompt import parse
from engine.prompt.attention import parse_attention

HOSTILE_SHAPES = {
    "words": "word ",
    "flags": "--ar 3:2 ",
    "dashes": "- -- — ",
    "glued dashes": "a--",
    "spaced dashes": "-- ar ",
    "blanks": "--           ",
    "open braces": "{",
    "nested braces": "{a,",
    "pairs": "{}",
    "close braces": "}",
    "escapes": "\\{\\-",
    "colons": "a::2 ",
    "colon runs": ":",
    "brackets": "((a:1.",
    "digits": "1",
    "links": "https://x.com/a.png ",
    "angle": "<https://",
    "networks": "<lora:a:1 ",
    "imagine": "/imagine prompt: ",
    "no": "--no a, b ",
    "styles": "--style digital ",
    "unknown": "--x ",
    "long name": "--" + "x" * 50,
    "quotes": '"',
    "hyphens": "a-b-",
    "breaks": "BREAK ",
    "surrogates": "\ud800",
    "stars": "*",
    "quoted lines": "> ",
    "messages": "**a** - ",
    "message ends": "** - <@1> ",
    "fences": "```",
    "negatives": "Negative prompt: ",
    "settings": "Steps: 1, a: ",
    "objects": '{"a": ',
    "random": "{a|",
    "wildcards": "__a__ ",
    "embeddings": "embedding:a ",
    "turns": "[a|",
    "halfway": "[a:b:",
    "glued links": "https://a.b/x.png,",
    "labels": "[a](https://a.b/",
    "link brackets": "https://a.b/))))",
    "hidden": "\u200d",
    "references": "--sref https://a.b/x.png, ",
    "samplers": "--sampler DPM++ ",
}
"""What a prompt may be made of to cost much, by name: each is repeated."""

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


def _prompts() -> list[float]:
    """Return how many times longer ten times as much takes to read, of the shape that grows the most."""

    def least(unit: str) -> float:
        def read(length: int) -> None:
            text = unit * (length // len(unit))
            with contextlib.suppress(PromptError):
                parse(text, length=10**9, limit=10)
            parse_attention(text)

        return min(_growth(read, 2_000, 10))

    return [max(map(least, HOSTILE_SHAPES.values()))]


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
    Row("prompts: ten times as much, each hostile shape", _prompts, 12),
    Row("moderation: ten times the words", _moderation, 15),
    Row("a picture brought, decoded in its own process", _pictures, 500, unit="ms"),
)
