"""Edits of pictures that were drawn in few steps take at least one themselves, and others the asked share."""

from __future__ import annotations

import pytest

from engine.config import LimitsConfig, pocket
from engine.jobs import Condition, Input, JobSpec, Role
from engine.planning import edit_specs as edits
from engine.planning.edits import EDITS, EditInput
from engine.planning.plan import plain


def of(steps: int) -> JobSpec:
    return plain(pocket()).model_copy(update={"steps": steps})


def taken(spec: JobSpec) -> int:
    """Return how many steps run, by the rule of diffusers' image-to-image pipelines."""
    assert spec.strength is not None
    return int(spec.steps * spec.strength)


@pytest.mark.parametrize("strength", [0.01, 0.15, 0.35, 0.75])
def test_however_few_the_steps_one_is_taken(strength: float) -> None:
    for steps in range(1, 501):
        made = [
            edits.varied(of(steps), "a", (64, 64), strength),
            edits.repainted(of(steps), "a", "m", (64, 64), strength),
            edits.enriched(of(steps), "a", (64, 64), 2, 1.0, pocket(), LimitsConfig(), strength),
        ]
        made.append(edits.again(edits.varied(of(500), "a", (64, 64), strength), of(steps)))
        asked = int(steps * strength)
        assert [taken(spec) for spec in made] == [max(1, asked)] * 4, steps
        if asked:
            assert {spec.strength for spec in made} == {strength}


def test_what_is_made_of_a_draft_takes_the_whole_steps() -> None:
    model = pocket().model_copy(update={"steps": 24, "guidance_scale": 6.0, "sampler": "euler"})
    draft = plain(model).model_copy(
        update={"steps": 4, "guidance_scale": 1.0, "sampler": "ddim", "few_steps": True}
    )
    made = edits.whole(draft, model)
    assert (made.steps, made.guidance_scale, made.sampler, made.few_steps) == (24, 6.0, "euler", False)
    assert made == plain(model)
    usual = plain(model).model_copy(update={"steps": 7, "guidance_scale": 3.0})
    assert edits.whole(usual, model) == usual, "what was chosen for an ordinary picture stays"


def test_a_picture_from_words_has_no_strength() -> None:
    assert edits.again(of(20), of(4)).strength is None


def test_the_chaos_of_a_strong_variation_is_its_own() -> None:
    model = pocket().model_copy(update={"strong_chaos": 70, "strong_weird": 300})
    parent = of(20)
    strong = edits.loosened(edits.varied(parent, "a", (64, 64), 0.9), model)
    assert (strong.chaos, strong.weird) == (70, 300)
    derive = EDITS["vary_subtle"].derive
    assert derive is not None
    start = EditInput(said=parent, picture="a", size=(64, 64), seed=1, model=model, limits=LimitsConfig())
    subtle = derive(start).spec
    assert (subtle.chaos, subtle.weird) == (0, 0)
    calm = edits.calm(strong, model)
    assert (calm.chaos, calm.weird) == (0, 0), "what is made of it starts without"
    asked = parent.model_copy(update={"chaos": 90, "weird": 2000})
    more = edits.loosened(asked, model)
    assert (more.chaos, more.weird) == (90, 2000), "who asked for more keeps it"
    assert edits.calm(asked, model) == asked


def test_edits_keep_what_the_prompt_refers_to() -> None:
    looks = (Input(sha256="s", role=Role.STYLE), Input(sha256="t", role=Role.TASTE, weight=0.2))
    parent = of(20).model_copy(update={"inputs": (Input(sha256="old", role=Role.INIT), *looks)})
    start, mask = Input(sha256="a", role=Role.INIT), Input(sha256="m", role=Role.MASK)
    rich = edits.enriched(parent, "a", (64, 64), 2, 1.0, pocket(), LimitsConfig(), 0.3)
    painted = edits.repainted(parent, "a", "m", (64, 64), 1.0)
    assert painted.inputs == (start, mask, *looks)
    assert edits.varied(parent, "a", (64, 64), 0.5).inputs == rich.inputs == (start, *looks)
    assert edits.upscaled(parent, "a", (64, 64), 2).inputs == (start,)
    other = (Input(sha256="n", role=Role.SUBJECT),)
    asked = parent.model_copy(update={"inputs": other})
    assert edits.again(painted, asked).inputs == (start, mask, *other), "a changed prompt refers to others"


def test_an_edit_goes_without_words_only_where_the_model_wants_it_and_they_are_the_same() -> None:
    shipped, other = pocket(), pocket().model_copy(update={"wordless": False})
    parent = of(20).model_copy(update={"conditions": (Condition(text="a red apple"),)})
    zoomed = edits.repainted(parent, "a", "m", (64, 64), 0.2)
    assert edits.quiet(zoomed, parent, shipped).wordless
    assert not edits.quiet(zoomed, parent, other).wordless
    assert not edits.quiet(zoomed, None, shipped).wordless
    asked = zoomed.model_copy(update={"conditions": (Condition(text="a forest"),)})
    assert not edits.quiet(asked, parent, shipped).wordless
    quiet = edits.quiet(zoomed, parent, shipped)
    assert quiet.conditions == parent.conditions, "what is made of it has its words back"
    for made in (
        edits.varied(quiet, "a", (64, 64), 0.5),
        edits.repainted(quiet, "a", "m", (64, 64), 1.0),
        edits.upscaled(quiet, "a", (64, 64), 2),
        edits.again(quiet, asked),
    ):
        assert not made.wordless
    assert edits.again(quiet, parent).wordless
