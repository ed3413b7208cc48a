"""The training world: names, places and actions fit each other, and places are painted as asked."""

from __future__ import annotations

import random
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from engine.pocket.train.actions import ACTIONS, ANIMALS, PEOPLE, say
from engine.pocket.train.captions import caption
from engine.pocket.train.concepts import COLOURS, CONCEPTS, PRIORITY
from engine.pocket.train.data import Picture, plan
from engine.pocket.train.icons import DRAWINGS
from engine.pocket.train.scenes import SCENES, TIMES, paint

NOUNS = {concept.noun: number for number, concept in enumerate(CONCEPTS)}


def square(noun: str) -> Image.Image:
    return Image.new("RGBA", (32, 32), (255, 0, 255, 255))


def test_the_world_is_wide_and_names_each_thing_once() -> None:
    assert len(CONCEPTS) >= 900
    assert len(NOUNS) == len(CONCEPTS)
    assert len(SCENES) >= 60
    inks = [icon.partition("/")[2] for one in CONCEPTS for icon in (one.icon, one.another or "")]
    assert {ink for ink in inks if ink} <= set(COLOURS)


def test_each_own_drawing_is_of_a_thing_that_is_taught() -> None:
    named = {icon for one in CONCEPTS for icon in (one.icon, one.another or "") if icon.startswith("limner:")}
    assert named == {f"limner:{drawing.stem}" for drawing in DRAWINGS.glob("*.svg")}
    for drawing in DRAWINGS.glob("*.svg"):
        assert ElementTree.parse(drawing).getroot().get("viewBox") == "0 0 64 64"


def test_places_and_actions_hold_only_things_that_are_taught() -> None:
    standing = {noun for scene in SCENES.values() for noun, *_ in scene.props}
    done_to = {thing for action in ACTIONS.values() for thing in action.objects}
    assert (standing | done_to | set(ANIMALS) | set(PEOPLE) | PRIORITY) - set(NOUNS) == set()


@pytest.mark.parametrize("name", SCENES)
def test_every_place_is_painted_at_its_size_with_what_stands_about(name: str) -> None:
    picture = paint(name, (80, 52), random.Random(3), square)
    assert picture.size == (80, 52)
    magenta = (np.asarray(picture) == (255, 0, 255)).all(-1).any()
    assert magenta == bool(SCENES[name].props)


def test_a_place_at_night_is_darker_and_in_snow_lighter() -> None:
    light = {
        time: float(np.asarray(paint("village", (64, 64), random.Random(1), square, time)).mean())
        for time in (None, *TIMES)
    }
    assert light["night"] < light[None] < light["snow"]


def test_captions_say_who_does_what_and_where() -> None:
    rng = random.Random(0)
    rider = Picture(NOUNS["cat"], "noto", second=NOUNS["skateboard"], action="riding", place="city")
    texts = {caption(rider, rng) for _ in range(60)}
    assert {"a cat riding a skateboard in the city", "a cat on a skateboard in a city"} & texts
    night = Picture(-1, "noto", place="village", time="night")
    assert "a village at night" in {caption(night, rng) for _ in range(60)}
    assert say("playing", "drum", "a drum", random.Random(1)).endswith("drums")


def test_the_plan_has_people_places_and_actions() -> None:
    shown = list(plan(random.Random(0)))
    seen = {picture.concept for picture in shown}
    assert seen == {-1, *range(len(CONCEPTS))}
    assert {picture.place for picture in shown if picture.concept < 0} == set(SCENES)
    assert {picture.action for picture in shown} == {None, *ACTIONS}
