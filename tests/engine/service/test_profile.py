"""A person's profile: from the pictures they marked to the spec, and what is said where it is none."""

from __future__ import annotations

import pytest

from engine.errors import PromptError
from engine.jobs import Job, Role
from engine.service import Service
from tests.engine.conftest import Open, asking, drawn, editing, ended, submit


async def hearts(service: Service, *, owner: str = "anna", key: str = "grid") -> Job:
    """Draw a grid of four and mark all of them."""
    job = await drawn(service, key, f"a red {key}", owner="ben")
    assert (await service.likes.turn(owner, job.id, None))[0]
    return job


def tasted(job: Job) -> list[str]:
    assert all(one.role is Role.TASTE for one in job.spec.inputs)
    return [one.sha256 for one in job.spec.inputs]


async def test_below_five_it_is_refused_with_how_many_there_are(service: Service) -> None:
    for have in ("none yet", "4 so far"):
        with pytest.raises(PromptError, match=f"takes 5, and you have {have}") as caught:
            await service.plan(asking(have, "a cat --profile --ar 3:2"))
        assert "press ❤️" in str(caught.value)
        assert caught.value.repaired == "a cat --ar 3:2"
        await hearts(service, key=have)
    assert await service.jobs_of("anna") == []


async def test_the_newest_eight_stand_in_the_spec_and_are_drawn_with_again(service: Service) -> None:
    grids = [await hearts(service, key=name) for name in ("apple", "book", "cup")]
    job = await drawn(service, "one", "a cat --p")
    assert set(tasted(job)) == {*grids[1].pictures, *grids[2].pictures}
    assert sum(one.weight for one in job.spec.inputs) == 1.0
    assert dict(job.sources)["profile"] == "prompt"
    await service.likes.turn("anna", grids[2].id, None)
    action = editing(key="again", owner="ben", origin="discord:1/2", job=job.id, name="reroll")
    again = await ended(service, (await submit(service, action)).jobs[0].id)
    assert again.spec.inputs == job.spec.inputs, "from the record, whoever presses"
    later = await drawn(service, "later", "a cat --profile")
    assert set(tasted(later)) == {*grids[0].pictures, *grids[1].pictures}


async def test_a_code_of_midjourneys_is_answered_kindly(service: Service) -> None:
    await hearts(service, key="apple")
    await hearts(service, key="book")
    job = await drawn(service, "code", "a cat --p abc1234")
    assert len(tasted(job)) == 8
    assert any("`abc1234` is one of Midjourney's profiles" in note for note in job.notes)


async def test_without_the_flag_the_hearts_are_not_looked_at(service: Service) -> None:
    plain = await drawn(service, "before", "a cat --seed 7")
    await hearts(service, key="apple")
    await hearts(service, key="book")
    assert (await drawn(service, "after", "a cat --seed 7")).spec == plain.spec


async def test_in_settings_it_waits_for_five(service: Service) -> None:
    await service.prefer("anna", "settings", "--profile")
    early = await drawn(service, "early", "a cat")
    assert tasted(early) == []
    assert any("you have none yet" in note for note in early.notes)
    await hearts(service, key="apple")
    await hearts(service, key="book")
    assert len(tasted(await drawn(service, "then", "a cat"))) == 8


async def test_what_is_hidden_or_gone_does_not_count(open_service: Open) -> None:
    async with open_service() as service:
        hidden, kept = await hearts(service, key="apple"), await hearts(service, key="book")
        await service.store.write(
            lambda db: db.execute(
                "INSERT INTO report (at, kind, job, owner, words, hides) VALUES (1, 'report', ?, 'x', '', 1)",
                (hidden.id,),
            ).rowcount
        )
        with pytest.raises(PromptError, match="4 so far"):
            await submit(service, asking("hidden", "a cat --profile"))
        await hearts(service, key="cup")
        service.gallery.path(kept.pictures[0]).unlink()
        job = await drawn(service, "rest", "a cat --profile")
        assert kept.pictures[0] not in tasted(job)
        assert len(tasted(job)) == 7


async def test_what_is_forgotten_no_longer_counts(service: Service) -> None:
    await hearts(service, key="apple")
    await hearts(service, key="book")
    await service.forget("anna")
    with pytest.raises(PromptError, match="none yet"):
        await submit(service, asking("after", "a cat --profile"))
