"""Every failure reaches the person as a sentence, whatever state their interaction is in."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import discord
import pytest
from discord import app_commands

from bot import failures
from bot.messages import asking as messages_asking
from bot.messages import jobs as messages_jobs
from bot.messages import text as messages_text
from engine.errors import Cancelled, EngineError, LimitError, NotFound, PromptError, UserError


class Interaction:
    """The part of discord.py's interaction that answering uses, noting what was said and how."""

    def __init__(self, *, done: bool = False, thinking: str = "", broken: Exception | None = None) -> None:
        self.id, self.type = 1, discord.InteractionType.component
        self.user, self.locale = SimpleNamespace(id=2), discord.Locale.american_english
        self.extras: dict[str, Any] = {failures.THINKING: thinking} if thinking else {}
        self.said: list[tuple[str, str, bool]] = []
        self.files: list[str] = []
        self.broken = broken
        self.paced: Exception | None = None
        self.client = SimpleNamespace(service=SimpleNamespace(pace=self._pace))
        self.response = SimpleNamespace(is_done=lambda: done, send_message=self._first)
        self.followup = SimpleNamespace(send=self._followup)

    def _pace(self, owner: str) -> None:
        assert owner == "2"
        if self.paced is not None:
            raise self.paced

    async def _first(self, text: str, *, ephemeral: bool, files: list[discord.File]) -> None:
        self._say("first", text, ephemeral, files)

    async def _followup(self, text: str, *, ephemeral: bool, files: list[discord.File]) -> None:
        self._say("followup", text, ephemeral, files)

    async def edit_original_response(
        self, *, content: str, attachments: list[discord.File], view: None
    ) -> None:
        self._say("original", content, False, attachments)

    async def delete_original_response(self) -> None:
        self.said = [said for said in self.said if said[0] != "original"]

    def _say(self, how: str, text: str, hidden: bool, files: list[discord.File]) -> None:
        if self.broken is not None:
            raise self.broken
        self.files += [file.fp.read().decode() for file in files]
        self.said.append((how, text, hidden))


def refused(status: int, code: int) -> discord.HTTPException:
    response: Any = SimpleNamespace(status=status, reason="No")
    return discord.HTTPException(response, {"code": code, "message": "no"})


class Button:
    def __init__(self, error: Exception | None) -> None:
        self.error = error

    @failures.guarded
    async def callback(self, interaction: Any) -> None:
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (NotFound("There is no such job."), "There is no such job."),
        (LimitError("Too many. Wait a minute."), "Too many. Wait a minute."),
        (
            PromptError("`--ar16:9` needs a blank.", "a cat --ar 16:9"),
            "`--ar16:9` needs a blank.\nTry this:\n```\na cat --ar 16:9\n```",
        ),
        (EngineError("stack of tensors", "Our disk is full."), "Our disk is full."),
        (EngineError("stack of tensors"), EngineError.apology),
        (Cancelled(), messages_jobs.CANCELLED),
        (ZeroDivisionError("secret detail"), messages_asking.APOLOGY),
        (refused(500, 0), messages_asking.APOLOGY),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_what_a_person_reads(error: Exception, sentence: str) -> None:
    interaction = Interaction()
    await Button(error).callback(interaction)
    assert interaction.said == [("first", sentence, True)]


async def test_nothing_is_said_where_nothing_failed() -> None:
    interaction = Interaction()
    await Button(None).callback(interaction)
    assert interaction.said == []


@pytest.mark.parametrize(
    ("state", "how", "hidden"),
    [
        ({}, "first", True),
        ({"done": True}, "followup", True),
        ({"done": True, "thinking": failures.HIDDEN}, "original", False),
        ({"done": True, "thinking": failures.PUBLIC}, "followup", True),
    ],
)
async def test_the_answer_goes_where_one_is_still_possible(
    state: dict[str, Any], how: str, hidden: bool
) -> None:
    interaction = Interaction(**state)
    await Button(NotFound("No.")).callback(interaction)
    assert interaction.said == [(how, "No.", hidden)]


@pytest.mark.parametrize("code", sorted(failures.GONE))
async def test_nobody_left_to_answer_is_no_error(code: int, caplog: pytest.LogCaptureFixture) -> None:
    interaction = Interaction()
    await Button(refused(404, code)).callback(interaction)
    assert interaction.said == []
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_answering_that_fails_harms_nothing() -> None:
    await Button(NotFound("No.")).callback(Interaction(broken=ConnectionResetError(104, "reset")))
    await Button(NotFound("No.")).callback(Interaction(broken=refused(404, 10062)))


async def test_ours_is_logged_with_its_traceback_and_theirs_is_not(caplog: pytest.LogCaptureFixture) -> None:
    await Button(NotFound("No.")).callback(Interaction())
    assert caplog.records == []
    await Button(ZeroDivisionError("detail")).callback(Interaction())
    [record] = caplog.records
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ZeroDivisionError)


async def test_what_a_command_raises_is_looked_into() -> None:
    command: Any = SimpleNamespace(name="imagine")
    interaction: Any = Interaction()
    await failures.answer(interaction, app_commands.CommandInvokeError(command, NotFound("No such job.")))
    await failures.answer(interaction, app_commands.CommandNotFound("old", []))
    assert [text for _, text, _ in interaction.said] == ["No such job.", messages_asking.OUTDATED]


@pytest.mark.parametrize(
    ("error", "given_back"),
    [
        (PromptError("Cannot be read."), True),
        (PromptError("Cannot be read.", "a cat --ar 3:2"), False),
        (ZeroDivisionError(), True),
    ],
)
async def test_what_was_typed_is_given_back(error: Exception, given_back: bool) -> None:
    interaction: Any = Interaction()
    interaction.extras[failures.TYPED] = "a *cat* --wrong"
    await failures.answer(interaction, error)
    [(_, text, _)] = interaction.said
    assert ("```\na *cat* --wrong\n```" in text) is given_back
    assert interaction.files == []


@pytest.mark.parametrize("thinking", ["", failures.HIDDEN, failures.PUBLIC])
@pytest.mark.parametrize(
    ("error", "file"),
    [
        (UserError("No. " * 700), "a cat `x` " * 600),
        (PromptError("Cannot be read.", "a dog " * 700), "a dog " * 700),
    ],
)
async def test_a_prompt_too_long_for_a_message_comes_back_as_a_file(
    error: Exception, file: str, thinking: str
) -> None:
    interaction: Any = Interaction(done=bool(thinking), thinking=thinking)
    interaction.extras[failures.TYPED] = "a cat `x` " * 600
    await failures.answer(interaction, error)
    assert all(len(text) <= messages_text.CONTENT_LIMIT for _, text, _ in interaction.said)
    assert interaction.files == [file]
