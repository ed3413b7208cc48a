"""A language model on this machine, spoken to as OpenAI's chat completions are; knows no pictures."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp

from engine.errors import UserError

SECONDS = 60.0
"""For one answer: a small model on a processor takes its time."""
MOST_BYTES = 256 * 1024
SILENT = "The language model does not answer. Try again in a moment; the host has been told."


async def chat(url: str, model: str, messages: list[dict[str, str]], *, most: int) -> str:
    """Return what the model answers, in at most ``most`` tokens. ``url`` ends with the API's version.

    Raises UserError, which tells the host what is wrong.
    """
    asked = {"model": model, "messages": messages, "max_tokens": most, "temperature": 0.8, "stream": False}
    timeout = aiohttp.ClientTimeout(total=SECONDS, connect=5.0)
    try:
        # no proxies, no redirects: it stands on this machine
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(
                f"{url.rstrip('/')}/chat/completions", json=asked, allow_redirects=False
            ) as answer,
        ):
            body = await answer.content.read(MOST_BYTES)
            if answer.status != 200:
                raise _silent(f"it answered HTTP {answer.status}: {body[:200]!r}")
    except (aiohttp.ClientError, OSError, TimeoutError, asyncio.IncompleteReadError) as error:
        raise _silent(type(error).__name__) from error
    return _said(body)


def _said(body: bytes) -> str:
    try:
        answer: dict[str, Any] = json.loads(body)
        return str(answer["choices"][0]["message"]["content"] or "")
    except (ValueError, LookupError, TypeError) as error:
        raise _silent("what it answered is no chat completion") from error


def _silent(why: str) -> UserError:
    told = f"The language model under `[engine] enhancer` does not answer as it should: {why}."
    return UserError(SILENT).telling_host(told)
