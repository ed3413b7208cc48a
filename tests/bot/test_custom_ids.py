"""The wire formats: what stands in old messages must be understood for ever."""

from __future__ import annotations

import sys
import types

import pytest

from bot.components.buttons import JobButton
from bot.components.confirm import AnswerButton
from bot.components.help import HelpSelect
from bot.components.near import NearButton
from bot.components.redo import RedoButton
from bot.components.settings import SETTABLE, FlagSelect, ModelSelect, SettingButton
from bot.components.welcome import AcceptButton, StarterButton
from bot.custom_ids import (
    APPEAL,
    CHANGE_DIALOG,
    CUSTOM_ID_LIMIT,
    DIALOG,
    PRESS,
    REDO,
    REPORT,
    REPORT_DIALOG,
    SETTING_DIALOG,
    Answer,
    Channel,
    Of,
    Press,
    Token,
    Verb,
    address,
    appeal_id,
    near_id,
    redo_id,
    report_dialog,
    setting_dialog,
)  # fmt: skip
from tests import ROOT

JOB = "7h2k9q3v0x"

# Messages in people's channels hold these. Lines may be added; none may ever change.
GOLDEN = {
    "l1:p:7h2k9q3v0x:1:42": Press(Verb.PROMPT, JOB, 1, 42),
    "l1:pa:7h2k9q3v0x::42": Press(Verb.PROMPTS, JOB, None, 42),
    "l1:u:7h2k9q3v0x:1:42": Press(Verb.PICTURE, JOB, 1, 42),
    "l1:v:7h2k9q3v0x:2:42": Press(Verb.VARY, JOB, 2, 42),
    "l1:r:7h2k9q3v0x::42": Press(Verb.REROLL, JOB, None, 42),
    "l1:vs:7h2k9q3v0x:0:7": Press(Verb.SUBTLE, JOB, 0, 7),
    "l1:vm:7h2k9q3v0x:3:7": Press(Verb.STRONG, JOB, 3, 7),
    "l1:i:7h2k9q3v0x:0:7": Press(Verb.INFO, JOB, 0, 7),
    "l1:x:7h2k9q3v0x:": Press(Verb.CANCEL, JOB),
    "l1:s2:7h2k9q3v0x:0:7": Press(Verb.UPSCALE_2, JOB, 0, 7),
    "l1:s4:7h2k9q3v0x:0:7": Press(Verb.UPSCALE_4, JOB, 0, 7),
    "l1:z20:7h2k9q3v0x:0:7": Press(Verb.ZOOM_2, JOB, 0, 7),
    "l1:z15:7h2k9q3v0x:0:7": Press(Verb.ZOOM_1_5, JOB, 0, 7),
    "l1:zc:7h2k9q3v0x:0:7": Press(Verb.ZOOM_CUSTOM, JOB, 0, 7),
    "l1:sq:7h2k9q3v0x:0:7": Press(Verb.SQUARE, JOB, 0, 7),
    "l1:pl:7h2k9q3v0x:0:7": Press(Verb.PAN_LEFT, JOB, 0, 7),
    "l1:pr:7h2k9q3v0x:0:7": Press(Verb.PAN_RIGHT, JOB, 0, 7),
    "l1:pu:7h2k9q3v0x:0:7": Press(Verb.PAN_UP, JOB, 0, 7),
    "l1:pd:7h2k9q3v0x:0:7": Press(Verb.PAN_DOWN, JOB, 0, 7),
    "l1:vr:7h2k9q3v0x:0:7": Press(Verb.REGION, JOB, 0, 7),
    "l1:sc:7h2k9q3v0x:0:7": Press(Verb.UPSCALE_CREATIVE, JOB, 0, 7),
    "l1:rs:7h2k9q3v0x:0:7": Press(Verb.REDO_SUBTLE, JOB, 0, 7),
    "l1:rc:7h2k9q3v0x:0:7": Press(Verb.REDO_CREATIVE, JOB, 0, 7),
    "l1:rm:7h2k9q3v0x:0:7": Press(Verb.REMASTER, JOB, 0, 7),
    "l1:lk:7h2k9q3v0x:0:7": Press(Verb.LIKE, JOB, 0, 7),
    "l1:ed:7h2k9q3v0x:0:7": Press(Verb.EDIT, JOB, 0, 7),
    "l1:po:7h2k9q3v0x:": Press(Verb.POST, JOB),
    "l1:xa:7h2k9q3v0x:": Press(Verb.CANCEL_ALL, JOB),
    "l1:fs:7h2k9q3v0x:2": Press(Verb.FULL, JOB, 2),
}


@pytest.mark.parametrize(("custom_id", "press"), GOLDEN.items(), ids=list(GOLDEN))
def test_old_buttons_mean_what_they_meant(custom_id: str, press: Press) -> None:
    assert Press.read(custom_id) == press
    assert str(press) == custom_id


def test_every_verb_survives_the_way_discord_py_takes() -> None:
    # it constructs with match and dispatches with fullmatch: an id may pass the first and miss the second
    for verb in Verb:
        for cell in (None, 0, 9):
            for delivery in (None, 1, 2**53):
                press = Press(verb, JOB, cell, delivery)
                button = JobButton(press)
                assert button.custom_id == str(press)
                found = button.template.fullmatch(button.custom_id)
                assert found is not None
                assert Press.of(found) == press
                assert len(button.custom_id) <= CUSTOM_ID_LIMIT


def test_what_newcomers_press_keeps_its_form() -> None:
    assert AcceptButton().custom_id == "l1w:"
    starter = StarterButton("a fox: red, in the snow")
    assert starter.custom_id == "l1ws:a fox: red, in the snow"
    found = starter.template.fullmatch(starter.custom_id)
    assert found is not None
    assert found["line"] == "a fox: red, in the snow"
    longest = StarterButton("é" * 80)
    assert len(longest.custom_id or "") <= CUSTOM_ID_LIMIT
    assert AcceptButton().template.fullmatch(longest.custom_id or "") is None


def test_the_settings_table_keeps_its_form() -> None:
    assert setting_dialog("ar", 1573562412009783296) == "l1sm:ar:1573562412009783296"
    found = SETTING_DIALOG.fullmatch("l1sm:negative:7")
    assert found is not None
    assert found["flag"] == "negative"
    for setting, value in (("table", ""), ("panel", ""), ("reset", "table")):
        button = SettingButton(setting, value)
        assert button.custom_id == f"l1s:{setting}:{value}"
        assert button.template.fullmatch(button.custom_id)
    assert FlagSelect().custom_id == "l1s:flag:"
    assert len(SETTABLE) <= 25  # a menu's most


def test_dialogs_and_settings_keep_their_form() -> None:
    press = Press(Verb.ZOOM_CUSTOM, JOB, 2, 42)
    assert press.dialog(1573562412009783296) == "l1m:zc:7h2k9q3v0x:2:1573562412009783296"
    opened = DIALOG.fullmatch(press.dialog(15))
    assert opened is not None
    assert Press.of(opened) == Press(Verb.ZOOM_CUSTOM, JOB, 2)
    assert DIALOG.fullmatch("l1:u:7h2k9q3v0x:1:42") is None
    assert CHANGE_DIALOG.fullmatch("l1c:1573562412009783296")
    for setting, value in (
        ("raw", ""),
        ("stylize", "250"),
        ("variation", "low"),
        ("speed", "relax"),
        ("reset", ""),
    ):
        button = SettingButton(setting, value)
        assert button.custom_id == f"l1s:{setting}:{value}"
        assert button.template.fullmatch(button.custom_id) is not None
    assert ModelSelect().custom_id == "l1s:model:"
    assert ModelSelect().template.fullmatch("l1s:model:") is not None


def test_redoing_keeps_its_form() -> None:
    assert redo_id() == RedoButton().custom_id == "l1d:"
    press = Press(Verb.SUBTLE, JOB, 2, 42)
    assert redo_id(press) == RedoButton(press).custom_id == "l1d:vs:7h2k9q3v0x:2"
    assert redo_id(Press(Verb.REROLL, JOB)) == "l1d:r:7h2k9q3v0x:"
    for made in ("l1d:", "l1d:vs:7h2k9q3v0x:2", "l1d:r:7h2k9q3v0x:"):
        assert REDO.fullmatch(made)


def test_near_things_and_help_keep_their_form() -> None:
    button = NearButton(JOB, "treasure chest", "a face with sunglasses")
    assert button.custom_id == "l1n:7h2k9q3v0x:treasure chest:a face with sunglasses"
    found = button.template.fullmatch(button.custom_id)
    assert found is not None
    assert NearButton.remade(found).custom_id == button.custom_id
    assert near_id(JOB, "eichhörnchen", "a fox") == "l1n:7h2k9q3v0x:eichhörnchen:a fox"
    assert near_id(JOB, "x" * 90, "a fox") is None
    assert near_id(JOB, "a:b", "a fox") is None
    assert HelpSelect().custom_id == "l1h:"


def test_answers_keep_their_form() -> None:
    assert AnswerButton(Answer.START, "1573562412009783296").custom_id == "l1:go:1573562412009783296"
    assert AnswerButton(Answer.LEAVE, "15").custom_id == "l1:no:15"
    assert AnswerButton(Answer.LEAVE, "15").template.fullmatch("l1:no:15") is not None


@pytest.mark.parametrize(
    "custom_id",
    [
        "",
        "l1:u:short:0",
        "l2:u:7h2k9q3v0x:0",
        "l1:u:7h2k9q3v0x:0:1 ",
        "l1:zz:7h2k9q3v0x:0",
        "l1:u:7h2k9q3v0x:12",
    ],
)
def test_what_is_not_ours_is_left_alone(custom_id: str) -> None:
    assert Press.read(custom_id) is None


def test_one_custom_id_reaches_one_kind_of_button() -> None:
    assert PRESS.fullmatch("l1:go:15") is None


@pytest.mark.parametrize(
    ("origin", "place"),
    [
        ("discord:12/34", Channel(12, 34)),
        ("discord:@me/34", Channel(None, 34)),
        ("token:56/aW50ZXI_-x", Token(56, "aW50ZXI_-x")),
        ("cli:", None),
        ("http:key", None),
        ("discord:12", None),
    ],
)
def test_return_addresses(origin: str, place: Channel | Token | None) -> None:
    assert address(origin) == place
    if place is not None:
        assert str(place) == origin


def test_a_token_does_not_show_itself() -> None:
    assert "secret" not in repr(Token(56, "secret"))


def test_reports_keep_their_wire_format() -> None:
    assert REPORT.fullmatch("l1r:back:12")
    assert REPORT.fullmatch("l1r:gone:12")
    assert REPORT.fullmatch("l1r:ban:12")
    assert REPORT.fullmatch("l1r:yes:12")
    assert REPORT.fullmatch("l1r:no:12")
    assert appeal_id(Of.REFUSAL, "7") == "l1p:f:7"
    assert appeal_id(Of.JOB, JOB) == "l1p:j:7h2k9q3v0x"
    assert appeal_id(Of.REPORT, "7") == "l1p:r:7"
    assert all(APPEAL.fullmatch(one) for one in ("l1p:f:7", "l1p:j:7h2k9q3v0x", "l1p:r:7"))
    said = report_dialog(Of.PICTURE, JOB, 1573562412009783296)
    assert said == "l1rm:m:7h2k9q3v0x:1573562412009783296"
    assert REPORT_DIALOG.fullmatch(said)
    assert not APPEAL.fullmatch("l1p:m:7")


@pytest.mark.parametrize(
    ("file", "row", "forgotten", "error"),
    [
        ("bot/custom_ids.py", '"pan_left"', '"pan_lift"', KeyError),  # no such edit
        ("bot/components/buttons.py", "    Verb.LIKE: _like,\n", "", TypeError),  # neither edit nor doing
    ],
)
def test_a_forgotten_row_fails_at_import(file: str, row: str, forgotten: str, error: type[Exception]) -> None:
    source = (ROOT / file).read_text(encoding="utf-8")
    assert row in source
    name = file.removesuffix(".py").replace("/", ".")
    module = types.ModuleType(f"{name}_again")
    sys.modules[module.__name__] = module
    try:
        exec(compile(source, file, "exec"), module.__dict__)
        with pytest.raises(error):
            exec(compile(source.replace(row, forgotten), file, "exec"), module.__dict__)
    finally:
        del sys.modules[module.__name__]
