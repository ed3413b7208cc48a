"""What people report and appeal, and what moderators decide about it; refuses to know Discord.

A report hides the picture at once, everywhere it was shown in that server, until a moderator has looked.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from engine.errors import LimitError, NotFound, UserError
from engine.jobs import Delivery, Job
from engine.moderation.appeals import lifted
from engine.rules.people import Refusal, Report, Requester
from engine.rules.rules import EVERYWHERE, Rule
from engine.service.admin import Administration
from engine.store import deliveries as store_deliveries
from engine.store import jobs as store_jobs
from engine.store import moderation as store_moderation
from engine.store.audit import AdminAction
from engine.store.connection import Store
from engine.store.moderation import NewReport
from engine.words import Sentence

HOUR, DAY = 3600.0, 86400.0
MOST = {"report": 10, "appeal": 3}
"""Reports and appeals one person may make a day."""
DOUBTED = 3
"""So many reports returned, and none upheld: that person's hide nothing before a moderator has looked."""

REPORTED = Sentence("This picture was reported, and is hidden until a moderator has looked at it.")
REMOVED = Sentence("This picture was removed by a moderator.")
TOO_MANY = {
    "report": "You have reported {most} pictures today, the daily limit. Tell a moderator directly.",
    "appeal": "You have appealed {most} times today, the daily limit. Please wait until tomorrow.",
}
NOT_MANAGER = Sentence("Only people who may manage this server decide about reports.")
DECIDED = Sentence("That was decided already.")
NOT_HERE = Sentence(
    "That picture was drawn elsewhere. Report it where you see it: its message's menu > Apps > Report."
)
NO_APPEAL = Sentence("This refusal is the same for everybody, everywhere; nobody can lift it.")
NOT_YOURS = Sentence("Only the person whose picture or prompt this was can appeal.")
TOO_OLD = Sentence("That is too old to appeal: what was refused is kept for 30 days.")


class Reports:
    """Reports and appeals. ``waker`` is set whenever there is something to do in Discord."""

    def __init__(self, store: Store, admin: Administration) -> None:
        self._store = store
        self._admin = admin
        self.waker = asyncio.Event()

    async def report(self, job: Job, requester: Requester, words: str, *, seen: bool) -> Report:
        """Report a job's pictures; hidden at once, unless this person's reports are doubted.

        ``seen``: on a message in front of them; without one it must have been drawn in their server. Raises
        LimitError, UserError.
        """
        if not seen and job.guild != requester.guild and job.owner != requester.owner:
            raise UserError(NOT_HERE)
        upheld, returned = await self._pace(requester.owner, "report")
        hides = not (returned >= DOUBTED and upheld == 0)
        return await self._file(
            NewReport("report", requester.guild, requester.owner, words, job=job.id, hides=hides)
        )

    async def appeal(
        self, requester: Requester, words: str, *, refusal: int | None = None, job: str | None = None,
        report: int | None = None,
    ) -> Report:  # fmt: skip
        """Appeal against a refused prompt, a blocked job or a removed picture. Raises UserError."""
        if report is not None:
            removed = await self.find(report)
            drawn = None if removed.job is None else await self._store.read(store_jobs.get, removed.job)
            if drawn is None or drawn.owner != requester.owner:
                raise UserError(NOT_YOURS)
            new = NewReport("appeal", removed.guild, requester.owner, words, job=drawn.id)
        else:
            refused = await self.refusal(refusal, job)
            if refused is None:
                raise NotFound(TOO_OLD)
            if refused.owner != requester.owner:
                raise UserError(NOT_YOURS)
            if refused.absolute:
                raise UserError(NO_APPEAL)
            new = NewReport("appeal", refused.guild, requester.owner, words, refusal=refused.id)
        await self._pace(requester.owner, "appeal")
        return await self._file(new)

    async def _pace(self, person: str, kind: str) -> tuple[int, int]:
        lately, upheld, returned = await self._store.read(
            store_moderation.counts, person, kind, self._store.now() - DAY
        )
        if lately >= MOST[kind]:
            raise LimitError(Sentence(TOO_MANY[kind], most=MOST[kind]))
        return upheld, returned

    async def _file(self, new: NewReport) -> Report:
        cut = replace(new, words=new.words[:1000])
        filed, fresh = await self._store.write(store_moderation.file, self._store.now(), cut)
        if fresh:
            self.waker.set()
        return filed

    async def decide(self, number: int, requester: Requester, state: str, *, ban: bool = False) -> Report:
        """Decide an open report or appeal: ``returned``, ``removed``, ``granted`` or ``declined``.

        ``ban``: whoever drew it may not draw in that server any more. Granted words are let through there.
        Raises UserError.
        """
        found = await self.find(number)
        if not (
            requester.host
            or (requester.manager and found.guild is not None and requester.guild == found.guild)
        ):
            raise UserError(NOT_MANAGER)
        todo = {"returned": "restore", "removed": "remove"}.get(state, "tell")
        change = await self._lift(found, requester.owner) if state == "granted" else None
        decided = await self._store.write(
            store_moderation.decide,
            self._store.now(),
            number,
            state,
            moderator=requester.owner,
            todo=todo,
            change=change,
        )
        if not decided:
            raise UserError(DECIDED)
        if change is not None:
            await self._admin.refresh()
        if (
            ban
            and found.job is not None
            and (job := await self._store.read(store_jobs.get, found.job)) is not None
        ):
            await self._admin.ban(requester.owner, found.guild, job.owner, f"report {number}")
        self.waker.set()
        return next(one for one in decided if one.id == number)

    async def _lift(self, appeal: Report, moderator: str) -> AdminAction | None:
        """Return the change that lets appealed words through, in the server they were refused in."""
        refused = None if appeal.refusal is None else await self.refusal(appeal.refusal)
        words = () if refused is None else lifted(refused)
        if not words:
            return None
        return AdminAction(
            moderator,
            "words allow",
            appeal.guild or EVERYWHERE,
            detail={"words": list(words), "appeal": appeal.id},
            keep=tuple(Rule("word", "allow", word) for word in words),
            drop=tuple(Rule("word", "block", word) for word in words),
        )

    async def require_shown(self, job: str, guild: str | None) -> None:
        """Raise UserError where a job's pictures are hidden or removed."""
        state = await self._store.read(store_moderation.hidden, job, guild)
        if state is not None:
            raise UserError(REMOVED if state == "removed" else REPORTED)

    async def find(self, number: int) -> Report:
        """Return a report. Raises NotFound."""
        found = await self._store.read(store_moderation.report, number)
        if found is None:
            raise NotFound(Sentence("There is no such report any more."))
        return found

    async def refusal(self, number: int | None = None, job: str | None = None) -> Refusal | None:
        """Return what was refused, by its number or by the job it ended; None where it is not kept."""
        return await self._store.read(store_moderation.refusal, number, job)

    async def undone(self) -> list[Report]:
        """Return what moderators were not told of yet, and what is left to do in Discord."""
        return await self._store.read(store_moderation.undone)

    async def shown(self, report: Report) -> list[Delivery]:
        """Return the messages that show a reported job's pictures in that server."""
        if report.job is None:
            return []
        numbers = await self._store.read(store_moderation.shown, report.job, report.guild)
        found = [await self._store.read(store_deliveries.get, number) for number in numbers]
        return [one for one in found if one is not None]

    async def done(self, report: Report) -> None:
        """Note that what was left to do is done."""
        await self._store.write(store_moderation.done, report.id, report.todo)

    async def telling(self, report: Report) -> None:
        """Note that moderators are about to be told."""
        await self._store.write(store_moderation.telling, self._store.now(), report.id)

    async def told(self, report: Report, channel: str, notice: str) -> None:
        """Note by which message moderators were told."""
        await self._store.write(store_moderation.told, report.id, channel=channel, notice=notice)
