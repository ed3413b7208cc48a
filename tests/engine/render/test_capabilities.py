"""Everything one can do to a picture, with every flow family in the loop; the table of what some cannot."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.jobs import Condition, Input, JobSpec, Kind, Role
from engine.render import decode
from engine.render.families.base import Can
from engine.render.families.table import FAMILIES
from engine.workers.protocol import Done, Progress
from tests import ROOT
from tests.engine.render.test_families import DRAWING, flowing
from tests.engine.render.test_oracle import photo
from tests.engine.render.test_renderer import Make, drain, failed, pictures, renderer

__all__ = ["renderer"]

COLUMNS: Mapping[str, str] = {
    "emphasis": "`(word:1.3)`",
    "negative": "`--negative`",
    "references": "`--sref`, `--cref` beyond colours",
    "tile": "`--tile`",
    "edit": "edits by instruction",
    "mixes_sizes": "unlike sizes in one call",
}
"""The fields of `Can`, as people know them."""
FLOWS = [name for name in DRAWING if name != "klein_base"]
PARENT = Input(sha256="p", role=Role.INIT)


def mask() -> Image.Image:
    half = Image.new("L", (32, 32))
    half.paste(255, (0, 0, 16, 32))
    return half


def everything(name: str) -> dict[str, JobSpec]:
    """One small request of each kind."""
    small: dict[str, Any] = {"steps": 2, "count": 1}
    return {
        "grid": flowing(name, steps=2, count=4, film=True, chaos=40, weird=500, stylize=200, exp=30),
        "texts": flowing(
            name,
            conditions=(
                Condition(text="a red (apple:1.3)"),
                Condition(text="a dog", weight=0.5),
                Condition(text="a car", weight=-0.5),
            ),
            **small,
        ),
        "prompt": flowing(name, inputs=(Input(sha256="p", role=Role.PROMPT),), **small),
        "style": flowing(name, inputs=(Input(sha256="p", role=Role.STYLE),), **small),
        "vary": flowing(name, kind=Kind.VARY, strength=0.6, inputs=(PARENT,), **small),
        "repaint": flowing(
            name, kind=Kind.INPAINT, inputs=(PARENT, Input(sha256="m", role=Role.MASK)), **small
        ),
        "tiles": flowing(
            name, kind=Kind.UPSCALE, scale=2, strength=0.5, width=64, height=64, inputs=(PARENT,), **small
        ),
        "locate": flowing(name, kind=Kind.LOCATE, inputs=(PARENT,), **small),
        "stopped": flowing(name, stop=50, tile=True, **small),
    }


@pytest.mark.parametrize("name", FLOWS)
def test_everything_one_can_do_to_a_picture(renderer: Make, name: str) -> None:
    render = renderer(name, engine={"preview_every": 1})
    files = {"p": decode.png(photo()), "m": decode.png(mask())}
    wanted = everything(name)
    for job, each in wanted.items():
        render.start(job, each, {one.sha256: files[one.sha256] for one in each.inputs})
    told = drain(render)
    drawn = {job: pictures(told[job]) for job in wanted}
    assert len(drawn["grid"]) == 4
    assert len({picture.tobytes() for picture in drawn["grid"]}) == 4
    assert drawn["tiles"][0].size == (64, 64)
    kept = np.asarray(drawn["repaint"][0])[:, 24:], np.asarray(photo())[:, 24:]
    assert np.array_equal(*kept), "what is not repainted stays to the bit"
    last = told["grid"][-1]
    assert isinstance(last, Done)
    with Image.open(io.BytesIO(last.outcome.film or b"")) as film:
        assert film.n_frames == 2
    assert any(event.preview for event in told["grid"] if isinstance(event, Progress))
    notes = {job: events[-1].outcome.notes for job, events in told.items() if isinstance(events[-1], Done)}
    assert f"`--tile` has no effect with {name}." in notes["stopped"]
    assert f"`(word:1.3)` has no effect with {name}." in notes["texts"]
    assert any("colours of a reference" in note for note in notes["style"])


def test_what_does_not_fit_is_said(renderer: Make) -> None:
    render = renderer("z_image", "klein")
    render.start("sampler", flowing("z_image", sampler="pndm"))
    render.start("side", flowing("z_image", width=34))
    render.start("distilled", flowing("klein", steps=1, count=1, guidance_scale=4.0))
    told = drain(render)
    assert "These do: euler, dpmpp_2m" in failed(told["sampler"]).message
    assert "multiples of 4" in failed(told["side"]).message
    assert "multiple = 4" in failed(told["side"]).for_host
    last = told["distilled"][-1]
    assert isinstance(last, Done)
    assert last.outcome.notes == ("`--cfg` has no effect with klein.",)


def table() -> str:
    """Return the families and what they can do, as a Markdown table."""
    families = sorted(set(FAMILIES.values()), key=lambda family: family.name)
    lines = [
        f"| family | {' | '.join(COLUMNS.values())} | samplers |",
        "|---" * (len(COLUMNS) + 2) + "|",
    ]
    for family in families:
        cells = [_cell(getattr(family.can, column)) for column in COLUMNS]
        # the UNets take every sampler there is
        fitting = "all" if len(family.samplers) > 10 else ", ".join(f"`{one}`" for one in family.samplers)
        lines.append(f"| {family.title} | {' | '.join(cells)} | {fitting} |")
    return "\n".join(lines) + "\n"


def _cell(able: bool | int) -> str:
    if not able:
        return "–"
    if able is True:
        return "yes"
    return "one picture" if able == 1 else f"up to {able} pictures"


def test_the_table_is_the_codes() -> None:
    assert set(COLUMNS) == set(Can.__dataclass_fields__), "a column for each thing a family may do"
    assert table() in (ROOT / "docs" / "prompting.md").read_text()
