"""A database written by the version before goes on: jobs are read, and what waited is drawn as it was then.

``schema_12`` was written by the service at commit cfac4f7: a finished job with a like, a report, a sent
message, a rule, a ban and a preference; two jobs that waited when it stopped, the second of which it drew
afterwards as ``waiting-0.png`` and three more, with the weights that ship today. Where other weights ship,
that commit draws it again with them.
"""

from __future__ import annotations

import io
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.config import Config
from engine.jobs import DeliveryState, Speed, State
from engine.rules.rules import Rule
from engine.service import Service
from engine.store import audit, deliveries, jobs, likes, preferences
from engine.store.connection import Store

WRITTEN = Path(__file__).parent / "schema_12"
FINISHED, WAITED, LAST, CANCELLED = "tfhg1pkqjp", "e1rv05vz09", "mjjked4rnz", "hr9xfgee0t"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a data folder as that version left it."""
    folder = tmp_path / "data"
    folder.mkdir()
    with sqlite3.connect(folder / "limner.db") as db:
        db.executescript((WRITTEN / "limner.sql").read_text("utf-8"))
    return folder


async def test_everything_in_it_is_read(data: Path) -> None:
    async with Store.open(data / "limner.db") as store:
        finished = await store.read(jobs.get, FINISHED)
        assert finished is not None
        assert (finished.state, finished.owner, finished.guild) == (State.RENDERED, "11", "100")
        assert (finished.prompt, finished.speed) == ("a red apple --steps 8 --seed 5", Speed.FAST)
        assert (finished.spec.seed, finished.spec.steps, len(finished.pictures)) == (5, 8, 4)
        assert [job.id for job in await store.read(jobs.queued)] == [WAITED, LAST]
        assert await store.read(jobs.messages, LAST) == ("43", None)
        sent = await store.read(deliveries.get, 1)
        assert sent is not None
        assert (sent.job, sent.kind, sent.state, sent.message) == (
            FINISHED,
            "grid",
            DeliveryState.SENT,
            "9001",
        )
        assert await store.read(preferences.of, "11") == {"suffix": "--ar 1:1"}
        usage = await store.read(jobs.usage, "11", since={"ever": 0.0})
        assert (usage.waiting, usage.running) == (2, 0)
        assert usage.spent["ever"] > 0


async def test_what_waited_is_drawn_as_it_was_then(data: Path) -> None:
    async with Store.open(data / "limner.db") as store:
        await store.write(jobs.cancel, store.now(), WAITED)
    async with Service.open(Config(data_dir=data), renderer="engine.render:Renderer") as service:
        assert service.admin.bans("100")[0].owner == "13"
        assert Rule("word", "block", "zeppelin", "") in (await service.store.read(audit.rules))[0]["100"]
        assert await service.store.read(likes.count, "11") == 1
        assert await service.likes.newest("11") == []  # what is reported is hidden
        assert [report.words for report in await service.reports.undone()] == ["not nice"]
        async for snapshot in service.progress(LAST):
            job = snapshot.job
        assert job.state is State.RENDERED
        now = Image.open(io.BytesIO((await service.files.originals(LAST))[0]))
    then = Image.open(WRITTEN / "waiting-0.png")
    assert now.info["parameters"].startswith(then.info["parameters"])  # later versions say more
    off = np.abs(np.asarray(now, np.int16) - np.asarray(then, np.int16))
    assert off.max() <= 8  # the same bytes on the machine it was drawn on; processors differ in the last bits
    assert off.mean() < 0.1
