"""What flags do to real pictures of the shipped model, in numbers that can fail.

Small counts: a grid or two a flag. Distances are between pictures brought to 8 × 8 mean colours, so that
noise in the details does not pass for variety; fine detail is the variance of the Laplacian.
"""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
from PIL import Image

from engine.config import pocket
from engine.planning.plan import plan
from engine.prompt import parse
from tests.acting.conftest import Draw, Note, Pictures


def coarse(cells: Pictures) -> Pictures:
    count, height, width, _ = cells.shape
    return cells.reshape(count, 8, height // 8, 8, width // 8, 3).mean((2, 4)).reshape(count, -1)


def spread(cells: Pictures) -> float:
    """Return how far the cells of one grid lie apart."""
    return float(np.mean([np.linalg.norm(a - b) for a, b in itertools.combinations(coarse(cells), 2)]))


def distance(cells: Pictures, others: Pictures) -> float:
    """Return how far each cell lies from its twin."""
    return float(np.linalg.norm(coarse(cells) - coarse(others), axis=1).mean())


def detail(cells: Pictures) -> float:
    grey = cells.mean(-1)
    around = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
    return float((4 * grey[:, 1:-1, 1:-1] - around).var())


def squareness(cells: Pictures, side: int = 8) -> float:
    """Return how much stronger edges are on the borders of squares of ``side`` pixels than inside them."""
    grey, found = cells.mean(-1), []
    for axis in (1, 2):
        steps = np.abs(np.diff(grey, axis=axis)).mean(axis=tuple({0, 1, 2} - {axis}))
        border = np.arange(len(steps)) % side == side - 1
        found.append(steps[border].mean() / steps[~border].mean())
    return float(np.mean(found))


def blueness(cells: Pictures) -> float:
    return float((cells[..., 2] - cells[..., :2].mean(-1)).mean())


def redness(cells: Pictures) -> float:
    return float((cells[..., 0] - cells[..., 1:].mean(-1)).mean())


def spearman(values: list[float]) -> float:
    """Return the rank correlation of the values with their order."""
    ranks = np.argsort(np.argsort(values))
    return float(np.corrcoef(ranks, np.arange(len(values)))[0, 1])


def test_chaos_drives_the_four_apart(draw: Draw) -> None:
    none, much = (spread(cells) for cells in draw([f"a cat --chaos {c}" for c in (0, 100)]))
    assert none < much


def test_weird_leads_away_from_the_usual_picture(draw: Draw) -> None:
    usual, some, much = draw(["a cat", "a cat --weird 500", "a cat --weird 3000"])
    assert 0 < distance(some, usual) < distance(much, usual)


def test_the_pixel_preset_draws_squares(draw: Draw) -> None:
    # by the pixels: the shipped encoder, which reads patches of 16, finds it a cat like any other
    plain, pixels = (squareness(cells) for cells in draw(["a cat", "a cat --style pixel-art"], 8, count=1))
    assert pixels > 1.5 * plain


def test_stop_leaves_the_picture_soft(draw: Draw) -> None:
    early, late, whole = (detail(cells) for cells in draw([f"a blue car --stop {s}" for s in (20, 60, 100)]))
    assert early < late < whole


def test_exp_pushes_detail(draw: Draw) -> None:
    none, much = (detail(cells) for cells in draw([f"a cat --exp {e}" for e in (0, 100)]))
    assert none < much


def test_no_and_negative_take_away_what_they_name(draw: Draw) -> None:
    usual, no, negative = draw(["a blue car", "a blue car --no blue", "a blue car --negative blue"])
    assert blueness(no) < blueness(usual)
    assert blueness(negative) < blueness(usual)


def test_weights_between_parts_decide(draw: Draw) -> None:
    apple, car = draw(["a red apple::2 a blue car::1", "a red apple::1 a blue car::2"])
    assert redness(apple) - blueness(apple) > redness(car) - blueness(car)


def test_a_seed_gives_the_same_pictures_and_the_next_seed_the_next_cell(draw: Draw) -> None:
    [first], [again], [shifted] = draw(["a cat"], 4), draw(["a cat"], 4), draw(["a cat --seed 12"], 4)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, shifted)
    # cell 2 of seed 11 is cell 1 of seed 12; neighbours in a call may move the last bit
    assert np.abs(first[1:] - shifted[:-1]).max() <= 1.01 / 255


def test_a_ratio_gives_pictures_of_that_size(draw: Draw) -> None:
    lines = ["a cat --ar 2:1", "a cat --ar 2:3"]
    specs = [plan(parse(line).prompt, [pocket()]).spec for line in lines]
    assert [cells.shape for cells in draw(lines, 2)] == [(4, spec.height, spec.width, 3) for spec in specs]
    assert specs[0].width > specs[0].height
    assert specs[1].width < specs[1].height


EDGED = (
    "a cat in the forest", "a fish under water", "a car in the city", "a robot in space", "a house at night",
    "a tree in the snow", "a boat at sunset", "a dog on the beach",
)  # fmt: skip


def seams(cells: Pictures) -> tuple[float, float]:
    """Return how unlike the two sides of the edges are, and neighbouring columns and rows inside."""
    across, down = cells - np.roll(cells, 1, axis=2), cells - np.roll(cells, 1, axis=1)
    seam = np.abs(across[:, :, 0]).mean() + np.abs(down[:, 0]).mean()
    return float(seam), float(np.abs(across[:, :, 1:]).mean() + np.abs(down[:, 1:]).mean())


def test_a_tile_has_no_seam(draw: Draw) -> None:
    # grounds that reach the edges, so that there is something to meet
    plain, tiled = (draw([f"{line}{flag}" for line in EDGED], 8, count=1) for flag in ("", " --tile"))
    ratios = [
        seam / inside for seam, inside in (np.sum([*map(seams, grids)], axis=0) for grids in (plain, tiled))
    ]
    assert 4 * ratios[1] < ratios[0]
    # nor is it the sharpest line there: pictures have edges of their own, at chance places
    cells = np.concatenate(tiled)
    across = np.abs(cells - np.roll(cells, 1, axis=2)).mean((0, 1, 3))
    down = np.abs(cells - np.roll(cells, 1, axis=1)).mean((0, 2, 3))
    assert across[0] + down[0] < max(across[1:]) + max(down[1:])


def test_video_is_a_film_with_a_frame_a_step(draw: Draw) -> None:
    films: list[bytes] = []
    draw(["a cat --video"], 5, films)
    with Image.open(io.BytesIO(films[0])) as film:
        assert film.n_frames == 5  # type: ignore[attr-defined]
        assert film.info["loop"] == 0  # for ever


FEW = ("a red apple", "a blue car", "a yellow star", "a cat")
SCALES = {"stop": (20, 40, 60, 80, 100), "exp": (0, 25, 50, 75, 100)}


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("flag", SCALES)
def test_detail_rises_over_the_whole_scale(draw: Draw, record_property: Note, flag: str) -> None:
    lines = [f"{prompt} --{flag} {value}" for prompt in FEW for value in SCALES[flag]]
    found = np.reshape([detail(cells) for cells in draw(lines, 10, count=2)], (len(FEW), -1)).mean(0)
    record_property(
        "variance of the Laplacian × 10⁵",
        ", ".join(f"{1e5 * one:.1f} at {value}" for value, one in zip(SCALES[flag], found, strict=True)),
    )
    assert spearman(list(found)) >= 0.8


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_no_tile_has_a_seam(draw: Draw, record_property: Note) -> None:
    plain, tiled = (
        [seams(cells) for cells in draw([f"{line}{flag}" for line in EDGED], 10, count=2)]
        for flag in ("", " --tile")
    )
    found = [seam / inside for seam, inside in tiled]
    record_property("seam to inside", f"{np.mean(found):.2f} in the mean, {max(found):.2f} at most")
    record_property("without --tile", f"{np.mean([seam / inside for seam, inside in plain]):.2f} in the mean")
    assert np.mean(found) <= 1.2
