"""What is drawn and shown where: a real service, a real worker process, a real classifier."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from engine.config import ModerationConfig
from engine.errors import UserError
from engine.jobs import State
from engine.moderation import BlockedError
from engine.moderation.pictures import FLAGGED, UNSURE
from engine.rules.changes import Change
from engine.rules.people import Requester
from engine.rules.rules import Rule
from engine.service import Service
from engine.store import deliveries as store_deliveries
from engine.store import jobs
from tests.engine.conftest import asking, calling, drawn, editing, ended, submit
from tests.engine.moderation import colours

Open = Callable[..., AbstractAsyncContextManager[Service]]

PLAIN = Requester("anna", "1", "2")
MARKED = Requester("anna", "1", "3", age_restricted=True)
COVERED = Requester("anna", "1", "4")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return colours.save(tmp_path_factory.mktemp("colours"))


async def rules(service: Service) -> None:
    """Open channel 3 for adult content, and have it covered in channel 4."""
    keep = [Rule("content", "3", "", "restricted refuse"), Rule("content", "4", "", "strict spoiler")]
    await service.admin.change("boss", "1", Change("content", keep=keep))


async def test_adult_words_are_drawn_where_the_place_allows_them(open_service: Open) -> None:
    async with open_service() as service:
        await rules(service)
        with pytest.raises(BlockedError, match="not drawn here") as told:
            await submit(service, asking("a", "a nude study", requester=PLAIN))
        assert told.value.number is not None
        with pytest.raises(BlockedError, match="not drawn here"):
            await submit(service, asking("b", "a nude study"))  # no server: as in direct messages
        unmarked = Requester("anna", "1", "3", age_restricted=False)
        with pytest.raises(BlockedError, match="not drawn here"):
            await submit(service, asking("c", "a nude study", requester=unmarked))
        job = await drawn(service, "d", "a nude study", requester=MARKED)
        assert (job.state, job.rated, job.adult) == (State.RENDERED, True, "allow")
        covered = await drawn(service, "e", "a nude study", requester=COVERED)
        spoilers = {one.job: one.spoiler for one in await service.store.read(store_deliveries.pending)}
        assert spoilers == {job.id: False, covered.id: True}

        # shown again elsewhere, the other place decides
        with pytest.raises(UserError, match="this place does not show"):
            await service.show(calling("f", requester=PLAIN), job.id)
        again = await service.show(calling("g", origin="discord:1/4", requester=COVERED), job.id, 0)
        assert again.spoiler
        # and so does an edit of it
        vase = editing("h", "anna", "discord:1/2", job.id, "vary", 0, line="a vase", requester=PLAIN)
        with pytest.raises(BlockedError, match="starts from a picture"):
            await submit(service, vase)
        [refused, *_] = [one for one in await service.admin.audits("1") if one.action == "blocked"]
        assert "adult" in refused.detail["why"]


async def test_what_a_line_becomes_is_what_is_read(open_service: Open) -> None:
    async with open_service() as service:
        await rules(service)
        # every permutation, part, own flag and repeated line is looked at, and one refusal starts none
        lines = ("a {vase, child}, nude", "a child::1 nude::1", "nude {a, b} of a {tree, ch{il, ol}d}")
        for key, line in enumerate(lines):
            with pytest.raises(BlockedError, match="never drawn"):
                await submit(service, asking(f"p{key}", line, requester=MARKED))
        await service.prefer("anna", "option:bare", "nude, --ar 3:2")
        with pytest.raises(BlockedError, match="never drawn"):
            await submit(service, asking("o", "a child --bare", requester=MARKED))
        with pytest.raises(BlockedError, match="not drawn here"):
            await submit(service, asking("n", "a tree --bare", requester=PLAIN))
        await service.prefer("anna", "settings", "--no clothes")
        with pytest.raises(BlockedError, match="never drawn"):
            await submit(service, asking("s", "a child on a swing", requester=MARKED))
        assert await service.jobs_of("anna") == []


async def test_what_a_picture_comes_from_counts_for_ever(open_service: Open) -> None:
    async with open_service() as service:
        await rules(service)
        first = await drawn(service, "a", "a child on a beach", requester=MARKED)
        act = editing(
            "b", "anna", "discord:1/3", first.id, "vary", 0, line="a beach at noon", requester=MARKED
        )
        second = await ended(service, (await submit(service, act)).jobs[0].id)
        assert second.state is State.RENDERED
        third = editing(
            "c", "anna", "discord:1/3", second.id, "vary", 1, line="a nude study", requester=MARKED
        )
        with pytest.raises(BlockedError, match="never drawn") as told:
            await submit(service, third)
        assert told.value.absolute
        # words alone start from nothing
        assert (await drawn(service, "d", "a nude study", requester=MARKED)).state is State.RENDERED


async def test_flagged_pictures_are_neither_kept_nor_charged(open_service: Open, folder: Path) -> None:
    looking = ModerationConfig(classifier=str(folder))
    async with open_service(moderation=looking, red="apple", step_seconds=0.01) as service:
        await rules(service)
        submitted = await submit(service, asking("a", "an apple", requester=PLAIN))
        previews, job = [], submitted.jobs[0]
        async for snapshot in service.progress(job.id):
            previews.append(snapshot.preview)
            job = snapshot.job
        assert (job.state, job.failure) == (State.BLOCKED, FLAGGED)
        assert not any(previews)
        assert job.pictures == ()
        assert not list(service.gallery.root.rglob("*.png"))
        assert (await service.store.read(jobs.usage, "anna", since={"ever": 0.0})).spent == {"ever": 0.0}
        [line] = [one for one in await service.admin.audits("1") if one.action == "blocked"]
        assert (line.target, line.detail["job"]) == ("anna", job.id)
        assert "says" in line.detail["why"]

        fine = await drawn(service, "b", "a pear", requester=PLAIN)
        assert (fine.state, fine.rated) == (State.RENDERED, False)
        covered = await drawn(service, "c", "an apple", requester=COVERED)
        assert (covered.state, covered.rated) == (State.RENDERED, True)
        [promise] = [
            one for one in await service.store.read(store_deliveries.pending) if one.job == covered.id
        ]
        assert promise.spoiler
        open_ = await drawn(service, "d", "an apple", requester=MARKED)
        assert (open_.state, open_.rated) == (State.RENDERED, True)
        # with a word for a child, what looks like adult content is shown nowhere
        young = await drawn(service, "e", "a child with an apple", requester=MARKED)
        assert young.state is State.BLOCKED


async def test_a_broken_classifier_fails_as_the_host_says(open_service: Open, tmp_path: Path) -> None:
    broken = ModerationConfig(classifier=str(tmp_path / "nothing"))
    async with open_service(moderation=broken) as service:
        job = await drawn(service, "a", "a pear")
        assert (job.state, job.failure) == (State.BLOCKED, UNSURE)
    async with open_service(moderation=broken.model_copy(update={"unsure": "show"})) as service:
        assert (await drawn(service, "b", "a pear")).state is State.RENDERED
