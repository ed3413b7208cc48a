"""Make the pictures and the table of ``docs/prompting.md``: one strip a flag, drawn by the shipped model.

    python docs/strips.py             draw every strip into docs/strips/ and write the table
    python docs/strips.py chaos stop  draw these only
    python docs/strips.py --table     write the table only

Look at each strip before keeping it: it must show what the text beside it says. Flags whose effect the small
model is too sure of itself to show (chaos, weird, --no, seeds) have none.
"""

from __future__ import annotations

import asyncio
import io
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image, ImageDraw, ImageFont

from engine.config import load
from engine.prompt import parse
from engine.prompt.flags import table
from engine.service import Request, Service

HERE = Path(__file__).parent
PAGE = HERE / "prompting.md"
CELL = 128


@dataclass(frozen=True)
class Strip:
    """A line whose braces hold the values of a flag; ``cells`` pictures of each grid are shown."""

    line: str
    captions: tuple[str, ...]
    cells: int = 2
    tiled: bool = False  # show each picture twice by twice, to see its edges meet


STRIPS = {
    "ar": Strip("a red apple --seed 7 --ar {1:1, 2:1, 1:2}", ("1:1", "2:1", "1:2")),
    "exp": Strip("a blue car --seed 7 --exp {0, 50, 100}", ("0", "50", "100")),
    "stop": Strip("a blue car --seed 7 --stop {15, 30, 60, 100}", ("15", "30", "60", "100")),
    "parts": Strip(
        "{a red apple::3 a blue car::1, a red apple::1 a blue car::1, a red apple::1 a blue car::3} --seed 7",
        ("3 : 1", "1 : 1", "1 : 3"),
    ),
    "cfg": Strip("a blue car --seed 7 --cfg {1, 2, 5, 10}", ("1", "2", "5", "10")),
    "steps": Strip("a blue car --seed 7 --steps {2, 4, 8, 20}", ("2", "4", "8", "20")),
    "attention": Strip("a {(blue:0.3), blue, (blue:1.6)} car --seed 7", ("(blue:0.3)", "blue", "(blue:1.6)")),
    "tile": Strip("a red apple --seed 7 {, --tile}", ("without", "--tile"), 1, tiled=True),
}


async def draw(names: list[str]) -> None:
    """Draw the named strips, and write each as soon as it is drawn."""
    with TemporaryDirectory(prefix="limner-", ignore_cleanup_errors=True) as folder:
        config = load(None)
        config = config.model_copy(update={"data_dir": Path(folder)})
        async with Service.open(config) as service:
            for name in names:
                request = Request(key=name, owner=name, origin="cli:", line=STRIPS[name].line)
                grids = []
                for job in (await service.submit(request)).jobs:
                    async for _ in service.progress(job.id):
                        pass
                    grids.append([Image.open(io.BytesIO(data)) for data in await service.pictures(job.id)])
                board = lay_out(STRIPS[name], grids)
                board.save(HERE / "strips" / f"{name}.webp", quality=80, method=6)
                sys.stdout.write(f"docs/strips/{name}.webp {board.width} x {board.height}\n")
                sys.stdout.flush()


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
        assert parse(STRIPS[name].line).jobs == len(STRIPS[name].captions), name
    (HERE / "strips").mkdir(exist_ok=True)
    asyncio.run(draw(names))


if __name__ == "__main__":  # worker processes import this file
    main()
