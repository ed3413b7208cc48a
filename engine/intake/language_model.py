"""A language model on this machine: a server that speaks OpenAI's chat completions, or weights."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from typing import Any

from engine import weights
from engine.config.sections import is_address
from engine.errors import UserError
from engine.words import Sentence

SECONDS = 60.0
"""For one answer: a small model on a processor takes its time."""
LOADING = 240.0
"""Seconds more for the first answer, which waits for the model to be read from the disk."""
IDLE = 600.0
"""Seconds without a question after which a model of transformers leaves memory."""
MOST_BYTES = 256 * 1024
TRANSLATE = "Translate the prompt of an image model into English. Answer with the translation alone."
SILENT = Sentence("The language model does not answer. Try again in a moment; the host has been told.")


class _EndedError(Exception):
    """The process ended before it had answered."""


class LanguageModel:
    """One language model. ``source``: an address that ends with the API's version, a folder or a hub name.

    ``key``: where the host named it, for what the host is told. Questions to a model of transformers are
    answered in turn by a process that the first starts and that ends ``IDLE`` seconds after the last.
    """

    def __init__(self, source: str, name: str = "", key: str = "enhancer") -> None:
        self.source, self.name, self.key = source, name, key
        self._process: Process | None = None
        self._turn = asyncio.Lock()
        self._leaving: asyncio.TimerHandle | None = None
        self._ending: asyncio.Future[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process that holds the model; None while there is none."""
        process = self._process
        return None if process is None or process.returncode is not None else process.pid

    async def chat(self, messages: list[dict[str, str]], *, most: int) -> str:
        """Return what the model answers, in at most ``most`` tokens. Raises UserError, and tells the host."""
        if is_address(self.source):
            return await self._by_address(messages, most, temperature=0.8)
        return await self._by_process({"messages": messages, "most": most})

    async def english(self, text: str, of: str, *, most: int) -> str:
        """Return ``text``, of the language ``of`` (ISO 639-1), in English. Raises UserError, as ``chat``."""
        messages = [{"role": "system", "content": TRANSLATE}, {"role": "user", "content": text}]
        if is_address(self.source):
            return await self._by_address(messages, most, temperature=0.0)
        return await self._by_process({"text": text, "of": of, "messages": messages, "most": most})

    async def close(self) -> None:
        """Let the model leave memory."""
        if self._leaving is not None:
            self._leaving.cancel()
        await self._end()
        if self._ending is not None:
            await self._ending

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    # ---- a server ------------------------------------------------------------------------------------------

    async def _by_address(self, messages: list[dict[str, str]], most: int, temperature: float) -> str:
        import aiohttp  # which few need

        asked = {
            "model": self.name,
            "messages": messages,
            "max_tokens": most,
            "temperature": temperature,
            "stream": False,
        }
        timeout = aiohttp.ClientTimeout(total=SECONDS, connect=5.0)
        try:
            # no proxies, no redirects: it stands on this machine
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(
                    f"{self.source.rstrip('/')}/chat/completions", json=asked, allow_redirects=False
                ) as answer,
            ):
                body = await answer.content.read(MOST_BYTES)
                if answer.status != 200:
                    raise self._silent(f"it answered HTTP {answer.status}: {body[:200]!r}")
        except (aiohttp.ClientError, OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise self._silent(type(error).__name__) from error
        try:
            said: dict[str, Any] = json.loads(body)
            return str(said["choices"][0]["message"]["content"] or "")
        except (ValueError, LookupError, TypeError) as error:
            raise self._silent("what it answered is no chat completion") from error

    # ---- a process -----------------------------------------------------------------------------------------

    async def _by_process(self, asked: dict[str, Any]) -> str:
        async with self._turn:
            if self._leaving is not None:
                self._leaving.cancel()
            try:
                said = await self._asked(asked)
            except BaseException:
                await self.close()  # half an answer is in the pipe
                raise
            self._leaving = asyncio.get_running_loop().call_later(IDLE, self._leave)
        if "trouble" in said:
            raise self._silent(str(said["trouble"]))
        return str(said["text"])

    async def _asked(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Ask the process; one found dead is replaced, once."""
        for again in (self.pid is not None, False):
            try:
                return await self._exchange(asked)
            except _EndedError as error:
                if not again:
                    raise self._silent("its process ended") from error
                await self._end()
        raise AssertionError

    async def _exchange(self, asked: dict[str, Any]) -> dict[str, Any]:
        if first := self.pid is None:
            found = await asyncio.to_thread(weights.find_tool, self.source)
            if found is None:
                raise self._silent(f"`{self.source}` is not on this machine; `limner check` says what to do")
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "engine.render.tools.language_model", str(found)),
                stdin=PIPE, stdout=PIPE, stderr=DEVNULL, start_new_session=True, limit=MOST_BYTES,
            )  # fmt: skip
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(SECONDS + (LOADING if first else 0.0)):
                process.stdin.write(json.dumps(asked).encode() + b"\n")
                await process.stdin.drain()
                line = await process.stdout.readuntil(b"\n")
        except TimeoutError as error:
            raise self._silent("it took too long") from error
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise _EndedError from error
        said: dict[str, Any] = json.loads(line)
        return said

    def _leave(self) -> None:
        self._ending = asyncio.ensure_future(self._end())

    def _silent(self, why: str) -> UserError:
        told = f"The language model under `[engine] {self.key}` does not answer as it should: {why}."
        return UserError(SILENT).telling_host(told)
