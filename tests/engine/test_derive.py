"""Edits of pictures that were drawn in few steps take at least one themselves, and others the asked share."""

from __future__ import annotations

import pytest

from engine import derive
from engine.config import LimitsConfig, pocket
from engine.jobs import Condition, Input, JobSpec, Role
from engine.plan import plain


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
            derive.varied(of(steps), "a", (64, 64), strength),
            derive.repainted(of(steps), "a", "m", (64, 64), strength),
            derive.enriched(of(steps), "a", (64, 64), 2, 1.0, pocket(), LimitsConfig(), strength),
        ]
        made.append(derive.again(derive.varied(of(500), "a", (64, 64), strength), of(steps)))
        asked = int(steps * strength)
        assert [taken(spec) for spec in made] == [max(1, asked)] * 4, steps
        if asked:
            assert {spec.strength for spec in made} == {strength}


def test_what_is_made_of_a_draft_takes_the_whole_steps() -> None:
    model = pocket().model_copy(update={"steps": 24, "guidance_scale": 6.0, "sampler": "euler"})
    draft = plain(model).model_copy(
        update={"steps": 4, "guidance_scale": 1.0, "sampler": "ddim", "few_steps": True}
    )
    made = derive.whole(draft, model)
    assert (made.steps, made.guidance_scale, made.sampler, made.few_steps) == (24, 6.0, "euler", False)
    assert made == plain(model)
    usual = plain(model).model_copy(update={"steps": 7, "guidance_scale": 3.0})
    assert derive.whole(usual, model) == usual, "what was chosen for an ordinary picture stays"


def test_a_picture_from_words_has_no_strength() -> None:
    assert derive.again(of(20), of(4)).strength is None


def test_the_chaos_of_a_strong_variation_is_its_own() -> None:
    model = pocket().model_copy(update={"strong_chaos": 70, "strong_weird": 300})
    parent = of(20)
    strong = derive.loosened(derive.varied(parent, "a", (64, 64), 0.9), "vary_strong", model)
    assert (strong.chaos, strong.weird) == (70, 300)
    subtle = derive.loosened(parent, "vary_subtle", model)
    assert (subtle.chaos, subtle.weird) == (0, 0)
    calm = derive.calm(strong, model)
    assert (calm.chaos, calm.weird) == (0, 0), "what is made of it starts without"
    asked = parent.model_copy(update={"chaos": 90, "weird": 2000})
    more = derive.loosened(asked, "vary_strong", model)
    assert (more.chaos, more.weird) == (90, 2000), "who asked for more keeps it"
    assert derive.calm(asked, model) == asked


def test_edits_keep_what_the_prompt_refers_to() -> None:
    looks = (Input(sha256="s", role=Role.STYLE), Input(sha256="t", role=Role.TASTE, weight=0.2))
    parent = of(20).model_copy(update={"inputs": (Input(sha256="old", role=Role.INIT), *looks)})
    start, mask = Input(sha256="a", role=Role.INIT), Input(sha256="m", role=Role.MASK)
    rich = derive.enriched(parent, "a", (64, 64), 2, 1.0, pocket(), LimitsConfig(), 0.3)
    painted = derive.repainted(parent, "a", "m", (64, 64), 1.0)
    assert painted.inputs == (start, mask, *looks)
    assert derive.varied(parent, "a", (64, 64), 0.5).inputs == rich.inputs == (start, *looks)
    assert derive.upscaled(parent, "a", (64, 64), 2).inputs == (start,)
    other = (Input(sha256="n", role=Role.SUBJECT),)
    asked = parent.model_copy(update={"inputs": other})
    assert derive.again(painted, asked).inputs == (start, mask, *other), "a changed prompt refers to others"


def test_an_edit_goes_without_words_only_where_the_model_wants_it_and_they_are_the_same() -> None:
    shipped, other = pocket(), pocket().model_copy(update={"wordless": False})
    parent = of(20).model_copy(update={"conditions": (Condition(text="a red apple"),)})
    zoomed = derive.repainted(parent, "a", "m", (64, 64), 0.2)
    assert derive.quiet(zoomed, parent, shipped).wordless
    assert not derive.quiet(zoomed, parent, other).wordless
    assert not derive.quiet(zoomed, None, shipped).wordless
    asked = zoomed.model_copy(update={"conditions": (Condition(text="a forest"),)})
    assert not derive.quiet(asked, parent, shipped).wordless
    quiet = derive.quiet(zoomed, parent, shipped)
    assert quiet.conditions == parent.conditions, "what is made of it has its words back"
    for made in (
        derive.varied(quiet, "a", (64, 64), 0.5),
        derive.repainted(quiet, "a", "m", (64, 64), 1.0),
        derive.upscaled(quiet, "a", (64, 64), 2),
        derive.again(quiet, asked),
    ):
        assert not made.wordless
    assert derive.again(quiet, parent).wordless
