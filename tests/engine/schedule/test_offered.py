"""A model that does not load is offered no more: people get another, and the host is told why."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.config import Config, ModelConfig, pocket
from engine.errors import PromptError
from engine.jobs import State
from engine.schedule.offered import Offered
from engine.service import Service
from tests.engine.conftest import asking, ended, submit
from tests.engine.schedule.sorry import APOLOGY, FOR_HOST

FAKE = "engine.workers.fake:Renderer"
BAD = ModelConfig(name="bad", source="owner/bad", width=64, height=64, default=True)


async def test_a_model_that_does_not_load_is_taken_out_and_said(tmp_path: Path) -> None:
    config = Config(data_dir=tmp_path, models=(BAD, pocket()))
    async with Service.open(config, renderer=FAKE, arguments={"unfit": "bad"}) as service:
        service.control.pause()
        first, second = [
            (await submit(service, asking(key, "a cat --model bad"))).jobs[0].id for key in ("one", "two")
        ]
        service.control.pause(False)
        for job in (await ended(service, first), await ended(service, second)):
            assert job.state is State.FAILED
            assert job.failure is not None
            assert "`--model pocket`" in job.failure
            assert "the bot's host was told" in job.failure
            assert "weights" not in job.failure  # that is for the host
        assert [model.name for model in service.models] == ["pocket"]
        assert (await submit(service, asking("three", "a cat"))).jobs[0].spec.model == "pocket"
        with pytest.raises(PromptError, match="no model"):
            await submit(service, asking("four", "a cat --model bad"))

        told = [entry for entry in await service.admin.audits() if entry.action == "models left out"]
        assert [(entry.guild, entry.target) for entry in told] == [(None, "bad")]  # once, to the host
        assert "its weights are cut short" in told[0].detail["why"]
        assert "limner admin models load bad" in told[0].detail["why"]

        # loading it offers it again; where that fails too it is out at once, before anybody asks for it
        service.control.load("bad")
        for _ in range(3000):
            if len(await service.admin.audits()) == 2:
                break
            await asyncio.sleep(0.02)
        assert len(await service.admin.audits()) == 2
        assert [model.name for model in service.models] == ["pocket"]


def test_the_last_model_stays_and_any_comes_back() -> None:
    offered = Offered((BAD, pocket()))
    assert offered.fail("bad", "cut")
    assert not offered.fail("bad", "cut")
    assert offered.fail("pocket", "cut")
    assert [model.name for model in offered] == ["pocket"]
    assert "Try again later" in offered.sentence("pocket")
    offered.try_again("bad")
    assert [model.name for model in offered] == ["bad"]
    assert "`--model bad`" in offered.sentence("pocket")


async def test_a_failures_own_apology_reaches_the_person_and_what_is_to_do_the_host(tmp_path: Path) -> None:
    config = Config(data_dir=tmp_path)
    async with Service.open(config, renderer="tests.engine.schedule.sorry:Renderer") as service:
        for key in ("one", "two"):
            job = (await submit(service, asking(key, "a cat"))).jobs[0].id
            assert (await ended(service, job)).failure == APOLOGY
        [told] = await service.admin.audits()
        assert (told.guild, told.detail["why"]) == (None, FOR_HOST)
