"""What Discord takes and refuses, by its reference; where its OpenAPI document knows, both must agree."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from bot.demo import command_forms, forms
from bot.demo.errors import DiscordError, NotBuilt
from bot.demo.openapi import VARIABLE, Checker, _Rules
from bot.demo.shapes import Upload

Json = dict[str, Any]


def button(number: int = 0, **more: Any) -> Json:
    return {"type": 2, "style": 1, "label": f"B{number}", "custom_id": f"b:{number}", **more}


def rows(count: int) -> list[Json]:
    return [
        {"type": 1, "components": [button(n) for n in range(at, min(at + 5, count))]}
        for at in range(0, count, 5)
    ]


def one(component: Json) -> list[Json]:
    return [{"type": 1, "components": [component]}]


def select(**more: Any) -> Json:
    return {"type": 3, "custom_id": "s", "options": [{"label": "a", "value": "a"}], **more}


def label(component: Json, **more: Any) -> Json:
    return {"type": 18, "label": "L", "component": component, **more}


TEXT = {"type": 4, "custom_id": "t", "style": 1}
V2 = 1 << 15

TAKEN: list[Json] = [
    {"content": "x" * 2000},
    {"content": "hi", "components": rows(25)},
    {"embeds": [{"title": "t" * 256, "description": "d" * 4096}]},
    {"content": "x", "allowed_mentions": {"parse": [], "users": ["1"]}},
    {"content": "x", "nonce": "n" * 25, "enforce_nonce": True},
    {"flags": V2, "components": [{"type": 10, "content": "text"}]},
    {"content": "x", "components": one(select(placeholder="p" * 150))},
]

# body, where Discord says the error is, whether the OpenAPI document knows the limit too
REFUSED: list[tuple[Json, str, bool]] = [
    ({"content": "x" * 2001}, "content", False),  # the document allows 4000, for people with Nitro
    ({"embeds": [{"title": "t"}] * 11}, "embeds", True),
    ({"embeds": [{"title": "t" * 257}]}, "embeds.0.title", True),
    ({"embeds": [{"description": "d" * 4096}, {"description": "d" * 1905}]}, "embeds", False),
    ({"content": "x", "components": rows(30)}, "components", False),
    ({"content": "x", "components": one(button(label="l" * 81))}, "components.0.components.label", True),
    ({"content": "x", "components": one(button(custom_id="c" * 101))},
     "components.0.components.custom_id", True),
    ({"content": "x", "components": one(button()) + one(button())}, "components", False),
    ({"content": "x", "components": [{"type": 1, "components": [button(n) for n in range(6)]}]},
     "components.0.components", True),
    ({"content": "x", "components": [{"type": 10, "content": "t"}]}, "components.0", False),
    ({"content": "x", "flags": V2, "components": [{"type": 10, "content": "t"}]}, "content", False),
    ({"flags": V2, "components": [{"type": 10, "content": "t"}] * 41}, "components", True),
    ({"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}}, "allowed_mentions", False),
    ({"content": "x", "nonce": "n" * 26}, "nonce", True),
    ({"content": "x", "attachments": [{"id": "0", "filename": "a.png"}]}, "attachments.0.id", False),
]  # fmt: skip

MODAL = {"title": "T", "custom_id": "m", "components": [label(TEXT)]}
BAD_MODALS: list[tuple[Json, str]] = [
    ({**MODAL, "title": "t" * 46}, "data.title"),
    ({**MODAL, "components": []}, "data.components"),
    ({**MODAL, "components": [label({**TEXT, "custom_id": f"t{n}"}) for n in range(6)]}, "data.components"),
    ({**MODAL, "components": [label(TEXT, label="l" * 46)]}, "data.components.0.label"),
    ({**MODAL, "components": [label({**TEXT, "value": "v" * 4001})]}, "data.components.0.component.value"),
    ({**MODAL, "components": [label(TEXT), label(TEXT)]}, "components"),
]

COMMAND = {"name": "draw", "description": "d", "type": 1}
BAD_COMMANDS: list[tuple[list[Json], str]] = [
    ([{**COMMAND, "name": "Draw"}], "0.name"),
    ([{**COMMAND, "name": "d" * 33}], "0.name"),
    ([{**COMMAND, "description": ""}], "0.description"),
    ([{**COMMAND, "description": "d" * 101}], "0.description"),
    ([COMMAND, COMMAND], "commands"),
    ([{**COMMAND, "name": f"c{n}"} for n in range(101)], "commands"),
    ([{**COMMAND, "options": [{"type": 3, "name": f"o{n}", "description": "d"} for n in range(26)]}],
     "0.options"),
    (
        [{**COMMAND, "options": [
            {"type": 3, "name": "a", "description": "d"},
            {"type": 3, "name": "b", "description": "d", "required": True},
        ]}],
        "0.options.1",
    ),
    (
        [{**COMMAND, "options": [
            {"type": 3, "name": f"o{n}", "description": "d" * 100,
             "choices": [{"name": "n" * 100, "value": "v" * 100}] * 2} for n in range(25)
        ]}],
        "0",
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def rules() -> _Rules:
    document = os.environ.get(VARIABLE)
    if not document:
        pytest.skip(f"{VARIABLE} is not set: nothing to compare with")
    return _Rules(json.loads(Path(document).read_text()))


@pytest.mark.parametrize("body", TAKEN)
def test_taken(body: Json) -> None:
    forms.message(body, {})


@pytest.mark.parametrize(("body", "path", "known"), REFUSED)
def test_refused_where_discord_says(body: Json, path: str, known: bool) -> None:
    with pytest.raises(DiscordError) as error:
        forms.message(body, {})
    assert error.value.code == 50035
    assert path in error.value.errors


def test_the_document_agrees(rules: _Rules) -> None:
    for body in TAKEN:
        assert rules.judge("POST", "/channels/1/messages", body) == []
    for body, path, known in REFUSED:
        assert bool(rules.judge("POST", "/channels/1/messages", body)) == known, path
    for modal, _ in (BAD_MODALS[0], BAD_MODALS[1], BAD_MODALS[3]):
        assert rules.judge("POST", "/interactions/1/t/callback", {"type": 9, "data": modal})
    assert rules.judge("POST", "/interactions/1/t/callback", {"type": 9, "data": MODAL}) == []
    assert rules.judge("PUT", "/applications/1/commands", [COMMAND]) == []
    assert rules.judge("PUT", "/applications/1/commands", [{"description": "no name"}])
    assert rules.judge("POST", "/nowhere", {}) == ["no such operation"]


def test_nothing_to_send() -> None:
    for body in ({}, {"content": ""}, {"content": "  \n"}):
        with pytest.raises(DiscordError, match="50006"):
            forms.message(body, {})
    forms.message({}, {}, edit=True)
    forms.message({}, {0: Upload("a.png", b"x")})


def test_more_than_a_request_holds() -> None:
    half = Upload("a.bin", b"\0" * (13 * 2**20))
    with pytest.raises(DiscordError, match="413 40005"):
        forms.message({"content": "x"}, {0: half, 1: half})


@pytest.mark.parametrize(("modal", "path"), BAD_MODALS)
def test_refused_modals(modal: Json, path: str) -> None:
    forms.modal(MODAL)
    with pytest.raises(DiscordError) as error:
        forms.modal(modal)
    assert path in error.value.errors


@pytest.mark.parametrize(("bodies", "path"), BAD_COMMANDS)
def test_refused_commands(bodies: list[Json], path: str) -> None:
    command_forms.commands([COMMAND])
    with pytest.raises(DiscordError) as error:
        command_forms.commands(bodies)
    assert path in error.value.errors


def test_choices_of_autocomplete() -> None:
    forms.choices({"choices": [{"name": str(n), "value": n} for n in range(25)]})
    with pytest.raises(DiscordError):
        forms.choices({"choices": [{"name": str(n), "value": n} for n in range(26)]})


def test_what_is_not_built_is_loud() -> None:
    for body in (
        {"content": "x", "poll": {}},
        {"content": "x", "new_field": 1},
        {"content": "x", "tts": True},
    ):
        if body.get("poll") == {}:
            body["poll"] = {"question": {"text": "?"}}
        with pytest.raises(NotBuilt):
            forms.message(body, {})


def test_errors_nest_as_discord_nests_them() -> None:
    error = DiscordError(50035, {"embeds.0.title": ("BASE_TYPE_REQUIRED", "This field is required")})
    assert error.body() == {
        "code": 50035,
        "message": "Invalid Form Body",
        "errors": {
            "embeds": {
                "0": {
                    "title": {
                        "_errors": [{"code": "BASE_TYPE_REQUIRED", "message": "This field is required"}]
                    }
                }
            }
        },
    }


def test_a_checker_without_its_document_says_so(tmp_path: Path) -> None:
    assert not Checker("").enabled
    with pytest.raises(FileNotFoundError, match=VARIABLE):
        Checker(str(tmp_path / "none.json"))
