"""Progress messages, followed without Discord: what is looked up for them."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bot import progress
from bot.components import confirm
from bot.custom_ids import Channel
from engine.config import Config
from engine.service import Service
from tests.counting import Calls
from tests.engine.conftest import FAKE, asking


class Shown(progress.ProgressMessage):
    """A progress message that Discord always takes."""

    def __init__(self, service: Service) -> None:
        client: Any = SimpleNamespace(service=service, followed=set())
        super().__init__(client, Channel(1, 2), "3")
        self.texts: list[str] = []

    async def show(self, content: str, preview: bytes | None = None, **more: Any) -> bool:
        self.texts.append(content)
        return True

    async def remove(self) -> None:
        self.texts.append("removed")


async def test_places_and_times_are_looked_up_for_what_is_shown_and_not_at_every_step(tmp_path: Path) -> None:
    slow = {"step_seconds": 0.05}
    async with Service.open(Config(data_dir=tmp_path), renderer=FAKE, arguments=slow) as service:
        service.control.pause()
        planned = await service.plan(asking("1", "a {red, green} apple --steps 30"))
        jobs = (await service.submit(planned)).jobs
        shown = Shown(service)
        began = time.monotonic()
        with Calls(progress.standing) as calls:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(progress.follow(shown, jobs))
                while len(shown.texts) < 2:  # noqa: ASYNC110 - as a person would look
                    await asyncio.sleep(0.05)
                service.control.pause(False)
        most = 1 + (time.monotonic() - began) / progress.EDIT_EVERY
    assert "1. a red apple --steps 30 (waiting to start)" in shown.texts[0]
    assert "1. a red apple --steps 30 (waiting, paused by an admin)" in shown.texts[1]
    assert shown.texts[-1] == "removed"
    assert calls[progress.standing] <= len(jobs) * most


async def test_discord_py_remembers_no_view_whose_buttons_are_known_by_their_ids(tmp_path: Path) -> None:
    async with Service.open(Config(data_dir=tmp_path), renderer=FAKE) as service:
        jobs = (await service.submit(await service.plan(asking("1", "a {red, green} apple")))).jobs
    for view in (progress.progress_view(jobs[:1]), progress.progress_view(jobs), confirm.view("1")):
        # a message's view is kept for ever unless it is over (discord.py 2.7.1, InteractionMessage.edit)
        assert view.children
        assert view.is_finished()
