"""No token reaches a log line, by whatever road it comes."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from engine import log

# shaped like the real ones, and real nowhere
BOT = "MTAwMDAwMDAwMDAwMDAwMDAwMA.GmarkA.m4rkermarkermarkermarkermarkermarker0"
INTERACTION = "aW50ZXJhY3Rpb246MTIzNDU2Nzg5MDEyMzQ1Njc4OmRlbW9kZW1vZGVtb2RlbW8"
WEBHOOK = "wh_MARKER-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
ODD = "swordfish-is-my-token"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    log.setup("DEBUG", stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


@pytest.mark.parametrize(
    ("message", "secret"),
    [
        (f"POST https://discord.com/api/webhooks/123456789012345678/{WEBHOOK}/messages/1", WEBHOOK),
        (f"PATCH /webhooks/123456789012345678/{WEBHOOK}?wait=true failed with 503", WEBHOOK),
        (f"POST http://127.0.0.1:80/api/interactions/123456789012345678/{WEBHOOK}/callback", WEBHOOK),
        (f"unknown interaction {INTERACTION}", INTERACTION),
        (f"{{'op': 2, 'd': {{'token': '{ODD}', 'intents': 1}}}}", ODD),
        (f'{{"op": 2, "d": {{"token": "{ODD}"}}}}', ODD),
        (f"headers: {{'Authorization': 'Bot {BOT}'}}", BOT),
        (f"Authorization: Bearer {ODD}", ODD),
        (f"curl -H 'Authorization: {ODD}'", ODD),
        (f"logging in with {BOT}", BOT),
        ("hub answered 401 to hf_MARKERmarkerMARKERmarker", "hf_MARKERmarkerMARKERmarker"),
    ],
)
def test_a_secret_in_a_message_is_hidden(stream: io.StringIO, message: str, secret: str) -> None:
    logging.getLogger("discord.http").info(message)
    assert secret not in stream.getvalue()
    assert log.HIDDEN in stream.getvalue()


def test_a_secret_in_arguments_fields_and_tracebacks_is_hidden(stream: io.StringIO) -> None:
    logger = logging.getLogger("bot.publish.delivery")
    url = f"/webhooks/123456789012345678/{WEBHOOK}"
    logger.info("sent to %s", url, extra={"origin": url})
    try:
        raise OSError(f"connection to {url} was reset")
    except OSError:
        logger.exception("could not send")
    text = stream.getvalue()
    assert WEBHOOK not in text
    assert text.count(log.HIDDEN) == 3
    assert "connection to /webhooks/123456789012345678/[hidden] was reset" in text


def test_a_token_that_looks_like_nothing_is_hidden_once_named(stream: io.StringIO) -> None:
    secret = "correct horse battery staple"
    log.hide(secret)
    logging.getLogger("bot.client").warning("login as %r refused", secret)
    assert secret not in stream.getvalue()


def test_ordinary_lines_stay_as_they_are(stream: io.StringIO) -> None:
    ordinary = "job 0123456789 for <@123456789>: a robot bot drawing bearer bonds, token of love --ar 3:2"
    logging.getLogger("engine.schedule.scheduler").info(ordinary, extra={"rows": 4})
    assert stream.getvalue().endswith(f"engine.schedule.scheduler: {ordinary} rows=4\n")


def test_a_prompt_cannot_forge_a_second_line(stream: io.StringIO) -> None:
    logging.getLogger("bot").info("prompt %s", "a cat\n2026-01-01T00:00:00.000Z ERROR   bot: all is lost")
    assert stream.getvalue().count("\n") == 1


def test_json_lines_are_json_and_redacted() -> None:
    fields = {"name": "bot", "msg": "to %s", "args": (f"/webhooks/1/{WEBHOOK}",), "job": "x1"}
    record = logging.makeLogRecord(fields)
    line = json.loads(log.Formatter("json").format(record))
    assert line["message"] == f"to /webhooks/1/{log.HIDDEN}"
    assert line["job"] == "x1"
