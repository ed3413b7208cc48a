"""`limner demo`: the stand-in, its page and the real bot process together, until Ctrl-C; draws nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import time
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path

from bot.demo import playground, recording
from bot.demo.server import Standin, environment_of
from bot.demo.shapes import Event

PORT = 8766
"""Where the demo answers unless told otherwise, so that yesterday's browser tab works today."""

LISTENER_PORT = 8767
"""Where the bot's own listener answers, with the page to draw masks on, if nobody has that port."""
CONFIG = """# The demo's own configuration: what ships, and the page to draw masks on.
[web]
enabled = true
port = {port}
public_url = "http://127.0.0.1:{port}"
"""

STOP_WITHIN = 20.0  # seconds the bot may take to hand back what it draws
RESTART_AFTER = 1.0  # seconds


class LaunchError(Exception):
    """The demo cannot start; its words say why, and what to do."""


async def launch(
    data_dir: Path,
    say: Callable[[str], None],
    *,
    port: int | None = None,
    open_page: bool = True,
    fresh: bool = False,
    record: Path | None = None,
    config: Path | None = None,
    devices: int = 0,
    models: str = "",
) -> int:
    """Serve until SIGINT or SIGTERM; return the exit status.

    Everything is kept in ``data_dir`` (``fresh`` empties it first), so that old messages and their buttons
    are there next time. ``record``: an ``.html`` gets the conversation as one page with its pictures,
    any other file one JSON line for each request and gateway frame.
    ``config``: the bot's configuration; without it the built-in one, whatever lies in the working directory.
    ``devices``: so many workers on the CPU; 0 leaves it to the configuration.
    ``models``: entries of the built-in configuration; without them what ships is drawn with.
    """
    await asyncio.to_thread(_prepare, data_dir, fresh, _free(LISTENER_PORT), models)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C arrives as KeyboardInterrupt
            loop.add_signal_handler(number, stop.set)
    standin = Standin(data_dir / "discord", port=PORT if port is None else port)
    playground.mount(standin.app, standin.world)
    try:
        await standin.__aenter__()
    except OSError as error:
        raise LaunchError(
            f"Port {standin.port} cannot be used ({error.strerror}). Is another demo running? "
            "Stop it, or choose a port: limner demo --port 0"
        ) from None
    try:
        with _recording(standin, record):
            page = f"{standin.url}/demo/"
            say(f"Limner's demo: {page}\nCtrl-C stops it. What happens is kept in {data_dir}.")
            if open_page:
                await asyncio.to_thread(webbrowser.open, page)
            return await _keep_bot(standin, data_dir, config, devices, say, stop)
    finally:
        await standin.__aexit__(None, None, None)


def _free(port: int) -> int:
    """Return this port of loopback if nobody has it, else any free one."""
    for wanted in (port, 0):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", wanted)) as door:
            return int(door.getsockname()[1])
    raise LaunchError("No port is free on this machine.")


def _prepare(folder: Path, fresh: bool, port: int, models: str) -> None:
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # what the bot reads, whatever config.toml lies in the working directory
        (folder / "config.toml").write_text(CONFIG.format(port=port) + models)
    except OSError as error:
        raise LaunchError(
            f"`{folder}` cannot be written ({error.strerror}). Set LIMNER_DATA_DIR to a folder of yours."
        ) from None


async def _keep_bot(
    standin: Standin,
    data_dir: Path,
    config: Path | None,
    devices: int,
    say: Callable[[str], None],
    stop: asyncio.Event,
) -> int:
    """Run the bot, and again where it falls; a configuration it refuses ends the demo."""
    environment = environment_of(standin) | {"LIMNER_DATA_DIR": str((data_dir / "bot").absolute())}
    environment["LIMNER_CONFIG"] = str((config or data_dir / "config.toml").absolute())
    if devices:
        environment["LIMNER_ENGINE_DEVICES"] = ",".join(["cpu"] * devices)
    while not stop.is_set():
        bot = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "bot", "run", "--attached"),
            stdin=asyncio.subprocess.PIPE,  # closes with us, however we end, and the bot with it
            env=environment,
            # Ctrl-C is for us: the bot is asked to stop in good order
            start_new_session=os.name == "posix",
        )
        ended, stopped = asyncio.create_task(bot.wait()), asyncio.create_task(stop.wait())
        await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if stopped.done():
            say("Stopping.")
            await _end(bot)
            ended.cancel()
            return 0
        stopped.cancel()
        if bot.returncode == 2:  # it has said why
            return 2
        say(f"The bot stopped (status {bot.returncode}); starting it again.")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RESTART_AFTER):
                await stop.wait()
    return 0


async def _end(bot: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        bot.terminate()
    if bot.stdin is not None:
        bot.stdin.close()  # whoever ends the demo does not want to wait for a picture: it comes next time
    try:
        async with asyncio.timeout(STOP_WITHIN):
            await bot.wait()
    except TimeoutError:
        bot.kill()
        await bot.wait()


@contextlib.contextmanager
def _recording(standin: Standin, file: Path | None) -> Iterator[None]:
    """Keep what happens while inside: the conversation in an ``.html``, else the traffic, tokens hidden."""
    if file is None:
        yield
        return
    if file.suffix.lower() in (".html", ".htm"):
        recording.write(standin.world, file)  # at once: a wrong path is known before anything is drawn
        try:
            yield
        finally:
            recording.write(standin.world, file)
        return
    with file.open("a", encoding="utf-8") as lines:

        def note(event: Event) -> None:
            if event.kind == "traffic":
                shown = playground.redact(event.data, standin.world.token)
                lines.write(json.dumps({"time": round(time.time(), 3), **shown}, default=str) + "\n")
                lines.flush()

        end = standin.world.subscribe(note)
        try:
            yield
        finally:
            end()
