"""A request is read, planned, fetched and painted once, however large it is and whoever looks before."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from PIL import Image

from engine.config import AllowanceConfig, Config
from engine.errors import PromptError, UserError
from engine.jobs import Speed
from engine.planning.edits import CANVAS, EDITS, MASK
from engine.planning.plan import plan
from engine.prompt import flags_of, parse
from engine.rules.people import Requester
from engine.service import LANGUAGE, Describe, Service, Submitted, restored, stored
from engine.service.planner import Planner
from engine.store import jobs as store_jobs
from tests.counting import Calls
from tests.engine.conftest import FAKE, asking, calling, drawn, editing, ended, submit


@asynccontextmanager
async def pictures() -> AsyncIterator[tuple[str, list[str]]]:
    """Serve a picture on this machine; yield its origin and, growing, what was asked for."""
    asked: list[str] = []
    data = io.BytesIO()
    Image.new("RGB", (40, 30), "navy").save(data, "PNG")

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(body=data.getvalue(), content_type="image/png")

    app = web.Application()
    app.router.add_get("/{name}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


@pytest.fixture
async def priced(tmp_path: Path) -> AsyncIterator[Service]:
    """A service where every request draws on an allowance, so that all of it is weighed before it starts."""
    config = Config(data_dir=tmp_path / "data", allowance=AllowanceConfig(seconds=1000))
    async with Service.open(config, renderer=FAKE) as service:
        yield service


async def test_a_prompt_is_read_and_planned_once(priced: Service) -> None:
    with Calls(parse, plan, Planner.plan) as calls:
        planned = await priced.plan(asking("1", "a red apple --ar 3:2"))
        assert planned.seconds is None
        assert [one.left for one in planned.balances] == [1000]
        submitted = await priced.submit(planned)
    assert (calls[parse], calls[plan]) == (1, 1)
    assert submitted.jobs[0].spec == planned.jobs[0].spec
    again = await priced.plan(asking("1", "a red apple --ar 3:2"))
    assert again.accepted == submitted.jobs
    assert await priced.submit(again) == Submitted(submitted.jobs, new=False)


async def test_the_language_of_whoever_asked_is_kept_with_what_was_accepted(service: Service) -> None:
    for key, language, kept in (("1", "de", "de"), ("2", "", "de"), ("3", "ja", "ja")):
        await service.submit(await service.plan(asking(key, language=language)))
        assert (await service.preferences("anna"))[LANGUAGE] == kept


async def test_an_edit_is_derived_once_and_painted_only_when_it_starts(priced: Service) -> None:
    parent = await drawn(priced)
    derive = EDITS["zoom"].derive
    assert derive is not None
    priced.control.pause()  # its own pictures must not be among those that are counted
    with Calls(parse, plan, derive) as calls:
        before = set(priced.gallery.root.rglob("*.png"))
        planned = await priced.plan(editing("z", "ben", "discord:1/2", parent.id, "zoom", 0))
        assert [one.sha256 for one in planned.jobs[0].spec.inputs] == [CANVAS, MASK]
        assert set(priced.gallery.root.rglob("*.png")) == before
        job = (await priced.submit(planned)).jobs[0]
    assert (calls[parse], calls[plan], calls[derive]) == (0, 0, 1)
    assert (job.notes, job.edit, job.factor) == ((), "zoom", 2.0)
    assert await priced.find(job.id) == job, "kept with the job"
    assert len(set(priced.gallery.root.rglob("*.png")) - before) == 2
    sizes = {await priced.files.size(one.sha256) for one in job.spec.inputs}
    assert sizes == {await priced.files.size(parent.pictures[0])}
    priced.control.pause(False)
    assert (await ended(priced, job.id)).pictures


async def test_a_link_is_fetched_once_for_all_jobs_and_not_before_they_start(tmp_path: Path) -> None:
    async with (
        pictures() as (origin, asked),
        Service.open(Config(data_dir=tmp_path), renderer=FAKE, stand_in=origin) as service,
    ):
        planned = await service.plan(asking("1", f"{origin}/a.png a {{cat, dog}} --sref {origin}/b.png"))
        assert (len(planned.jobs), planned.pictures, asked) == (2, 8, [])
        submitted = await service.submit(planned)
        assert sorted(asked) == ["/a.png", "/b.png"]
        (kept,) = {one.sha256 for job in submitted.jobs for one in job.spec.inputs}  # the same picture twice
        assert service.gallery.path(kept).exists()


async def test_what_was_asked_about_is_asked_again_as_it_was(service: Service) -> None:
    parent = await drawn(service)
    edit = editing("k", "anna", "discord:1/2", parent.id, "zoom", 3, factor=1.5, line="a pear")
    imagine, describe = asking("k", "a cat --ar 3:2"), Describe(calling("k"), parent.pictures[0])
    for ask in (edit, imagine, describe):
        assert restored(stored(ask), ask.caller) == ask
    # as the version before kept them
    old = {
        "key": "k",
        "action": {"job": parent.id, "verb": "vary_strong", "cell": 1, "factor": 2.0, "reply_to": "7"},
    }
    made = (await submit(service, restored(old, calling("k")))).jobs[0]
    assert (made.parent, made.parent_cell) == (parent.id, 1)
    assert (await service.store.read(store_jobs.messages, made.id))[0] == "7"


async def test_settings_are_known_without_a_prompt(service: Service) -> None:
    await service.prefer("anna", "settings", "--relax --s 250")
    await service.prefer("discord:1", "settings", "--ar 3:2 --s 50")
    caller = calling("1", requester=Requester("anna", guild="1"))
    settled = await service.settings.settled(caller)
    assert {given.name: (given.plain(), given.source) for given in settled.given} == {
        "ar": ("3:2", "server"), "stylize": (250, "settings"), "relax": (True, "settings"),
    }  # fmt: skip
    assert settled.speed is Speed.RELAX
    await service.planner.check_setting(caller, *flags_of("--ar 2:3", "settings"))
    with pytest.raises(PromptError, match="There is no model `nosuch`"):
        await service.planner.check_setting(caller, *flags_of("--model nosuch", "settings"))


async def test_an_edit_nobody_knows_is_refused(service: Service) -> None:
    with pytest.raises(UserError, match="There is no edit `shrink`"):
        await service.plan(editing("1", "anna", "discord:1/2", "x", "shrink"))
    with pytest.raises(UserError, match="Say which job"):
        await service.plan(editing("2", "anna", "discord:1/2", None, "reroll", line="a cat"))
