"""Make the pictures and the table of ``docs/prompting.md``: one strip a flag, drawn by the shipped model.

    python docs/strips.py             draw every strip into docs/strips/ and write the table
    python docs/strips.py chaos stop  draw these only
    python docs/strips.py --table     write the table only

Look at each strip before keeping it: it must show what the text beside it says.
"""

from __future__ import annotations

import hashlib
import io
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from engine.config import EngineConfig, pocket
from engine.images import png
from engine.images.swatch import swatch
from engine.planning.plan import plan
from engine.pocket import FOLDER
from engine.prompt import parse
from engine.prompt.flags import table
from engine.workers.protocol import Done, Failed, Outcome

HERE = Path(__file__).parent
PAGE = HERE / "prompting.md"
CELL = 128
USUAL = "--seed 7 --steps 12"
"""What the lines of all strips are drawn with, where they say nothing else."""
HOUSE = "watercolour"
"""The house style of the model that shows ``--stylize``; the shipped one has none."""
PARENT = "https://example.com/car.png"
CODES = ("12345", "77", "2026")


@dataclass(frozen=True)
class Strip:
    """A line whose braces hold the values of a flag; ``cells`` pictures of each grid are shown."""

    line: str
    captions: tuple[str, ...]
    cells: int = 2
    tiled: bool = False  # show each picture twice by twice, to see its edges meet
    parent: str = ""  # the line of the picture that stands behind PARENT; it is shown first


STRIPS = {
    "ar": Strip("a red apple --ar {1:1, 2:1, 1:2}", ("1:1", "2:1", "1:2")),
    "seed": Strip("a cat --seed {7, 8, 9, 10}", ("7", "8", "9", "10")),
    "parts": Strip(
        "{a red apple::3 a blue car::1, a red apple::1 a blue car::1, a red apple::1 a blue car::3}",
        ("3 : 1", "1 : 1", "1 : 3"),
    ),
    "attention": Strip("a {(blue:0.3), blue, (blue:1.6)} car", ("(blue:0.3)", "blue", "(blue:1.6)")),
    "no": Strip("a yellow banana {, --no yellow}", ("without", "--no yellow")),
    "negative": Strip("a cat in watercolour {, --negative watercolour}", ("without", "--negative")),
    "chaos": Strip("a cat --seed 11 --chaos {0, 25, 50, 75, 100}", ("0", "25", "50", "75", "100"), 4),
    "weird": Strip("a cat --weird {0, 500, 1500, 3000}", ("0", "500", "1500", "3000")),
    "stylize": Strip("a cat --model housed --stylize {0, 100, 400, 1000}", ("0", "100", "400", "1000")),
    "style": Strip(
        "a cat {, --style {line-art, pixel-art, fantasy-art, neon-punk, cinematic}}",
        ("none", "line-art", "pixel-art", "fantasy-art", "neon-punk", "cinematic"),
    ),
    "stop": Strip("a blue car --stop {10, 30, 60, 100}", ("10", "30", "60", "100")),
    "steps": Strip("a blue car --steps {2, 4, 8, 20}", ("2", "4", "8", "20")),
    "quality": Strip("a cat --quality {.25, .5, 1, 2}", (".25", ".5", "1", "2")),
    "cfg": Strip("a blue car --cfg {1, 2, 5, 10}", ("1", "2", "5", "10")),
    "sampler": Strip(
        "a lighthouse --sampler {ddim, euler, dpmpp_2m, euler_ancestral}",
        ("ddim", "euler", "dpmpp_2m", "euler_ancestral"),
    ),
    "exp": Strip("a blue car --exp {0, 50, 100}", ("0", "50", "100")),
    "tile": Strip("a red heart on a pink background {, --tile}", ("without", "--tile"), 1, tiled=True),
    "iw": Strip(
        f"{PARENT} a red apple --iw {{.5, 2, 3}}", ("the picture", ".5", "2", "3"), parent="a green car"
    ),
    "sref": Strip("a lighthouse {, --sref {12345, 77, 2026}}", ("none", *CODES)),
    "cref": Strip(
        f"a car {{, --cref {PARENT}}}", ("the picture", "without", "--cref"), parent="a purple car"
    ),
}


def draw(names: Sequence[str]) -> None:
    """Draw the named strips, and write each as soon as it is drawn."""
    from engine.render import Renderer

    # by its folder: pictures as the model draws them, not enlarged
    model = pocket().model_copy(update={"source": str(FOLDER)})
    own = {"name": "housed", "aliases": (), "default": False, "house_style": HOUSE}
    housed = model.model_copy(update=own)
    renderer = Renderer([model, housed], EngineConfig(device="cpu", preview_every=0, max_rows=16))
    codes = {f"code:{code}": png(swatch(code)) for code in CODES}

    def drawn(line: str, cells: int, pictures: Mapping[str, bytes]) -> list[list[Image.Image]]:
        names = {name: hashlib.sha256(data).hexdigest() for name, data in pictures.items()}
        found: dict[str, Outcome] = {}
        prompts = parse(line, layers=(("server", USUAL),)).prompts
        for index, prompt in enumerate(prompts):
            spec = plan(prompt, [model, housed], pictures=names).spec.model_copy(update={"count": cells})
            renderer.start(str(index), spec, {names[name]: data for name, data in pictures.items()})
        while renderer.busy():
            for event in renderer.tick():
                if isinstance(event, Failed):
                    raise SystemExit(f"{line}: {event}")
                if isinstance(event, Done):
                    found[event.job] = event.outcome
        return [
            [Image.open(io.BytesIO(data)) for data in found[str(index)].pictures]
            for index in range(len(prompts))
        ]

    for name in names:
        strip, pictures = STRIPS[name], dict(codes)
        grids = []
        if strip.parent:
            [[parent]] = drawn(strip.parent, 1, {})
            pictures[PARENT] = png(parent.convert("RGB"))
            grids.append([parent])
        board = lay_out(strip, grids + drawn(strip.line, strip.cells, pictures))
        board.save(HERE / "strips" / f"{name}.webp", quality=80, method=6)
        sys.stdout.write(f"docs/strips/{name}.webp {board.width} x {board.height}\n")
        sys.stdout.flush()
    renderer.close()


def lay_out(strip: Strip, grids: list[list[Image.Image]]) -> Image.Image:
    """Lay a strip out: a column for each value, its cells below one another, the value underneath."""
    columns = []
    for cells in grids:
        shown = [_twice(cell) if strip.tiled else cell for cell in cells[: strip.cells]]
        scale = CELL / (shown[0].width * shown[0].height) ** 0.5 * (1.5 if strip.tiled else 1)
        size = (round(shown[0].width * scale), round(shown[0].height * scale))
        columns.append([cell.convert("RGB").resize(size, Image.Resampling.LANCZOS) for cell in shown])
    gap, text = 8, 24
    across = 2 if strip.cells == 4 else 1
    widths = [cells[0].width * across + 2 * (across - 1) for cells in columns]
    heights = [(cells[0].height + 2) * -(-len(cells) // across) for cells in columns]
    board = Image.new("RGB", (sum(widths) + gap * (len(widths) + 1), max(heights) + text + gap), "white")
    pen = ImageDraw.Draw(board)
    font = ImageFont.load_default(size=14)
    left = gap
    for cells, caption, width in zip(columns, strip.captions, widths, strict=True):
        for index, cell in enumerate(cells):
            at = (left + index % across * (cell.width + 2), gap + index // across * (cell.height + 2))
            board.paste(cell, at)
        pen.text((left + width / 2, max(heights) + gap + 4), caption, fill="black", font=font, anchor="ma")
        left += width + gap
    return board


def _twice(picture: Image.Image) -> Image.Image:
    board = Image.new("RGB", (picture.width * 2, picture.height * 2))
    for index in range(4):
        board.paste(picture, (index % 2 * picture.width, index // 2 * picture.height))
    return board


def write_table() -> None:
    """Write the flags table of the page from the program's."""
    text = PAGE.read_text(encoding="utf-8")
    marks = r"(<!-- flags: begin[^\n]*-->\n).*?(\n<!-- flags: end -->)"
    PAGE.write_text(
        re.sub(marks, lambda match: match[1] + table() + match[2], text, flags=re.DOTALL), encoding="utf-8"
    )


def main() -> None:
    """Do what the command line says."""
    write_table()
    if "--table" in sys.argv:
        return
    names = sys.argv[1:] or list(STRIPS)
    for name in names:
        strip = STRIPS[name]
        assert parse(strip.line).jobs + bool(strip.parent) == len(strip.captions), name
    (HERE / "strips").mkdir(exist_ok=True)
    draw(names)


if __name__ == "__main__":
    main()
