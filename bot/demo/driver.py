"""The stand-in as a test drives it: people who wait for answers, a transcript, the bot in its own process.

Long: people, answers and the bot process are one tool for tests.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bot.demo import followups
from bot.demo.forms import walk
from bot.demo.interactions import Interaction
from bot.demo.people import Person, Value
from bot.demo.seed_data import GENERAL_ID
from bot.demo.server import Standin, environment_of
from bot.demo.shapes import Event, Json, Message
from bot.demo.world import World

MESSAGES = ("message_create", "message_update", "message_delete")


PATIENCE = 300.0
"""Seconds after which what is waited for counts as lost: a busy machine is slow, not wrong."""


class NoAnswer(AssertionError):
    """The bot did not answer: a person would read "The application did not respond"."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person got back: the interaction, and through it a message, a modal or choices."""

    interaction: Interaction
    world: World

    @property
    def message(self) -> Message:
        """Return the answering message as it is now."""
        return followups.original(self.world, self.interaction)

    @property
    def modal(self) -> Json:
        """Return the modal that opened."""
        if self.interaction.modal is None:
            raise NoAnswer("no modal is open")
        return self.interaction.modal


def faces(message: Message) -> list[str]:
    """Return what the buttons and selects of a message show, in order."""
    parts = [item for item in walk(message.data["components"]) if item["type"] in (2, 3)]
    return [item.get("label") or (item.get("emoji") or {}).get("name") or item["custom_id"] for item in parts]


class Discord(Standin):
    """A stand-in with people in it. Prints its transcript through `transcript`."""

    def __init__(self, data_dir: Path | None = None, **more: Any) -> None:
        super().__init__(data_dir, **more)
        self._lines: deque[str] = deque(maxlen=4000)
        self._wake: set[asyncio.Event] = set()
        self.world.subscribe(self._note)
        self._began = time.monotonic()

    def _note(self, event: Event) -> None:
        self._lines.append(f"{time.monotonic() - self._began:8.3f} {_line(event)}")
        for waiter in self._wake:
            waiter.set()

    def transcript(self, last: int = 400) -> str:
        """Return what happened, one line an event, newest last."""
        return "\n".join(list(self._lines)[-last:])

    def user(self, name: str) -> Actor:
        """Return a person to act as: ``alice``, ``bob`` or ``ada`` (admin)."""
        return Actor(self, self.world.person(name))

    async def until(self, look: Callable[[], Any], what: str = "something", seconds: float = PATIENCE) -> Any:
        """Wait until ``look()`` gives something true, looking after every event; returns it."""
        waiter = asyncio.Event()
        self._wake.add(waiter)
        try:
            async with asyncio.timeout(seconds):
                while True:
                    waiter.clear()  # clear, then look: a wake-up in between is kept
                    found = look()
                    if found:
                        return found
                    await waiter.wait()
        except TimeoutError:
            raise NoAnswer(f"waited {seconds} s in vain for {what}\n{self.transcript(60)}") from None
        finally:
            self._wake.discard(waiter)

    def messages(self, channel: str = GENERAL_ID) -> list[Message]:
        """Return every message of a channel, oldest first, ephemeral ones too."""
        return list(self.world.messages[self.world.channel_id(channel)].values())

    async def wait_for_message(
        self,
        predicate: Callable[[Message], Any],
        *,
        channel: str = GENERAL_ID,
        after: Message | str | None = None,
        seconds: float = PATIENCE,
    ) -> Message:
        """Return the first message (newer than ``after``) that ``predicate`` likes, waiting for it."""
        floor = int(after.id if isinstance(after, Message) else after or 0)

        def look() -> Message | None:
            for message in self.messages(channel):
                if int(message.id) > floor and predicate(message):
                    return message
            return None

        found: Message = await self.until(look, "a message", seconds)
        return found

    async def bot_online(self, seconds: float = PATIENCE) -> None:
        """Wait until the bot's gateway connection is there and its commands are registered."""
        await self.until(lambda: self.world.online > 0 and self.world.all_commands(), "the bot", seconds)


class Actor:
    """A person whose actions wait until the bot has answered them (Discord gives it 3 s)."""

    def __init__(self, discord: Discord, person: Person) -> None:
        self.discord = discord
        self.person = person
        self.id = person.id

    async def _answered(self, interaction: Interaction) -> Answer:
        await self.discord.until(
            lambda: interaction.answered is not None or interaction.failed,
            f"an answer to {interaction.name}",
            self.discord.world.answer_within + 2,
        )
        if interaction.failed:
            raise NoAnswer(
                f"the application did not respond to {interaction.name}\n{self.discord.transcript(60)}"
            )
        return Answer(interaction, self.discord.world)

    async def slash(self, name: str, /, *, channel: str = "general", **options: Value) -> Answer:
        """Send a slash command."""
        return await self._answered(self.person.slash(channel, name, options))

    async def send(self, name: str, options: Mapping[str, Value], *, channel: str = "general") -> Answer:
        """Send a slash command with options of any name, ``channel`` too."""
        return await self._answered(self.person.slash(channel, name, options))

    async def click(self, message: Message, component: str, values: Sequence[str] | None = None) -> Answer:
        """Press a button by custom_id, label or emoji; or choose ``values`` of a select."""
        return await self._answered(self.person.click(message.id, component, values))

    async def submit(self, opened: Answer, values: Mapping[str, Any] | None = None) -> Answer:
        """Send in the modal that ``opened`` opened, values by custom_id."""
        return await self._answered(self.person.submit(opened.interaction.id, values or {}))

    async def context_menu(self, name: str, target: Message | str, *, channel: str = "general") -> Answer:
        """Use a message's or user's context menu."""
        target_id = target.id if isinstance(target, Message) else self.discord.world.user_id(target)
        return await self._answered(self.person.context_menu(channel, name, target_id))

    async def autocomplete(
        self, name: str, focused: str, text: str, /, *, channel: str = "general", **options: Value
    ) -> list[Json]:
        """Return the choices offered while ``text`` stands in the option ``focused``."""
        asked = self.person.autocomplete(channel, name, {**options, focused: text}, focused)
        return (await self._answered(asked)).interaction.choices or []

    def react(self, message: Message, emoji: str, *, add: bool = True) -> None:
        """Put a reaction on a message, or take it off."""
        self.person.react(message.id, emoji, add=add)

    def say(self, content: str, *, channel: str = "general", **more: Any) -> Message:
        """Write a message."""
        return self.person.say(channel, content, **more)


def _line(event: Event) -> str:
    data = event.data
    to = f" (for {event.viewer})" if event.viewer else ""
    if event.kind == "traffic":
        status = f" {data['status']}" if data["status"] is not None else ""
        wrong = ""
        if data["way"] == "rest" and (data["status"] or 0) >= 400:
            wrong = f" {json.dumps((data['body'] or {}).get('answer'))[:300]}"
        return f"{data['way']:7} {data['text']}{status}{wrong}"
    if "message" in data:
        message = data["message"]
        files = ", ".join(f"{item['filename']} {item['size']}" for item in message["attachments"])
        text = message["content"][:120].replace("\n", "⏎")
        parts = [
            item.get("label") or (item.get("emoji") or {}).get("name", "")
            for item in walk(message["components"])
        ]
        buttons = " ".join(part for part in parts if part)
        who = message["author"]["username"]
        return f"{event.kind}{to} {message['id']} {who}: {text!r} [{files}] <{buttons}>"
    return f"{event.kind}{to} {json.dumps(data, default=str)[:200]}"


class BotProcess:
    """A bot in its own process, pointed at a stand-in: `start`, `kill` (-9), `stop` (SIGTERM), start again.

    ``command``: what to run, by default ``python -m bot run --attached``, which ends when we do, however that
    comes about; ``environment`` is added to the stand-in's.
    Its output goes to ``log`` (a temporary file), kept for `output`.
    """

    def __init__(
        self,
        standin: Standin,
        *,
        command: Sequence[str] = (sys.executable, "-m", "bot", "run", "--attached"),
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        log: Path | None = None,
    ) -> None:
        self.standin = standin
        self.command = list(command)
        self.environment = {**environment_of(standin), **(environment or {})}
        self.cwd = cwd
        self.log = log or Path(tempfile.mkstemp(prefix="limner-bot-", suffix=".log")[1])
        self.process: asyncio.subprocess.Process | None = None

    async def start(self, *, wait: bool = True) -> None:
        """Start the process and wait until it is online."""
        online = self.standin.gateway.identifies
        with self.log.open("ab") as sink:
            self.process = await self._spawn(sink.fileno())
        if wait:
            await self._ready(
                lambda: self.standin.gateway.identifies > online and self.standin.world.online > 0
            )

    async def _spawn(self, sink: int) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=sink,
            stderr=sink,
            env=self.environment,
            cwd=self.cwd,
            start_new_session=True,
        )

    async def _ready(self, look: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Wait until ``look()`` and the commands are there, or the process has ended."""
        assert self.process is not None
        waiter = asyncio.Event()
        stop = self.standin.world.subscribe(lambda _: waiter.set())
        ended = asyncio.create_task(self.process.wait())
        ended.add_done_callback(lambda _: waiter.set())
        try:
            async with asyncio.timeout(seconds):
                while not (look() and self.standin.world.all_commands()):
                    if ended.done():
                        raise NoAnswer(f"the bot ended with {ended.result()}:\n{self.output()}")
                    waiter.clear()
                    if look() and self.standin.world.all_commands():
                        break
                    await waiter.wait()
        except TimeoutError:
            raise NoAnswer(f"the bot is not online after {seconds} s:\n{self.output()}") from None
        finally:
            stop()
            ended.cancel()

    async def kill(self) -> None:
        """End the bot process alone with SIGKILL, as a power cut would, and wait until the line is down."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()
        await self._offline()

    async def stop(self, seconds: float = PATIENCE, *, at_once: bool = False) -> int:
        """Ask the process to end and return its exit code; kills it when it does not listen.

        ``at_once``: with a second signal, so that it does not wait for what it draws.
        """
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            if at_once:
                self.process.send_signal(signal.SIGINT)  # two of the same kind may arrive as one
            try:
                await asyncio.wait_for(self.process.wait(), seconds)
            except TimeoutError:
                self._kill_group()
                await self.process.wait()
        await self._offline()
        return self.process.returncode or 0

    async def _offline(self) -> None:
        """Wait until the stand-in has noticed that the line is down."""
        down = asyncio.Event()
        stop = self.standin.world.subscribe(lambda event: down.set() if event.kind == "presence" else None)
        try:
            async with asyncio.timeout(5):
                while self.standin.world.online > 0:
                    down.clear()
                    await down.wait()
        except TimeoutError:
            pass
        finally:
            stop()

    def _kill_group(self) -> None:
        assert self.process is not None
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def output(self, last: int = 6000) -> str:
        """Return the end of what the process wrote."""
        return self.log.read_text(errors="replace")[-last:]

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            self._kill_group()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.process is not None:
            if self.process.returncode is None:
                await self.stop(at_once=True)
            self._kill_group()  # workers it may have left
