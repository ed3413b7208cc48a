"""What may be drawn and shown where: applies the words' rules, the place's and the classifier's to each job.

Refuses to know queues and workers; what it refuses is on the record before anybody hears of it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from engine import moderation
from engine.config import ModelConfig, ModerationConfig
from engine.errors import UserError
from engine.jobs import Adult, Job, JobSpec, Kind, Role
from engine.moderation.appeals import HOSTS_LIST
from engine.moderation.pictures import FLAGGED_INPUT, Classification, judge
from engine.rules.people import Requester
from engine.rules.rules import EVERYWHERE
from engine.service.admin import Administration
from engine.service.requests import Caller, PlannedJob
from engine.store import moderation as store_moderation
from engine.store.connection import Store
from engine.workers.protocol import Outcome

log = logging.getLogger("limner.screening")


class Screening:
    """The one place where a job is screened: before it is accepted, after it is drawn, before it is shown."""

    def __init__(
        self, config: ModerationConfig, models: Sequence[ModelConfig], store: Store, admin: Administration
    ) -> None:
        self.config = config
        self._models = {model.name: model for model in models}
        self._store = store
        self._admin = admin

    def adult(self, requester: Requester | None) -> Adult:
        """Return what becomes of adult content where somebody asks."""
        if requester is None or requester.guild is None:
            return self.config.direct_messages
        content = self._admin.content(requester)
        return "allow" if content.level == "restricted" else content.showing

    async def before(self, planned: PlannedJob, caller: Caller) -> tuple[Adult, bool]:
        """Refuse what may not be drawn; return what becomes of adult content there, and whether this is.

        Raises BlockedError; what was refused and why is on the record then, under its ``number``.
        """
        spec, guild, rated = planned.spec, caller.guild, False
        texts: list[str] = []
        if spec.inputs:
            # an edit is also what it starts from: a word taken out of the prompt is still in the picture
            jobs = [] if planned.parent is None else [planned.parent]
            inputs = [one.sha256 for one in spec.inputs if one.role is not Role.TASTE]  # colours alone
            texts, rated, hidden = await self._store.read(store_moderation.lineage, jobs, inputs, guild)
            if hidden:
                raise UserError(moderation.HIDDEN)
        if spec.stylize and spec.model in self._models:
            texts.append(self._models[spec.model].house_style)
        adult, wanted = self.adult(caller.member), moderation.wanted(spec)
        try:
            moderation.check(spec, beside=texts)
            found = self._met(wanted, guild)
            rated = rated or bool(found)
            if rated and adult == "refuse":
                raise moderation.not_here(found)
        except moderation.BlockedError as error:
            log.warning("a prompt of %s was refused (%s)", caller.owner, error.why)
            error.number = await self._store.write(
                store_moderation.refuse,
                self._store.now(),
                owner=caller.owner,
                guild=guild,
                prompt=planned.prompt,
                why=error.why,
                absolute=error.absolute,
            )
            raise
        if any(moderation.minor(text) for text in (wanted, *texts)):
            adult = "refuse"  # should the pictures turn out to be
        return adult, rated

    def trial(self, spec: JobSpec, requester: Requester | None) -> str | None:
        """Return which rule would refuse these words where somebody asks, or None; it is not recorded."""
        try:
            moderation.check(spec)
            found = self._met(moderation.wanted(spec), None if requester is None else requester.guild)
            if found and self.adult(requester) == "refuse":
                raise moderation.not_here(found)
        except moderation.BlockedError as error:
            return error.why
        return None

    def _met(self, text: str, guild: str | None) -> list[str]:
        """Refuse words of the host's list and the server's; return the words for adult content.

        What the host does not draw, a server's own list does not let through. Raises BlockedError.
        """
        here, everywhere = self._admin.rules(guild), self._admin.rules(EVERYWHERE)
        allowed = (*self.config.allowed, *everywhere.allowed)
        moderation.listed(text, (*self.config.blocked, *everywhere.blocked), allowed, HOSTS_LIST)
        allowed = (*allowed, *here.allowed)
        moderation.listed(text, here.blocked, allowed)
        return moderation.adult(text, allowed)

    def after(self, job: Job, outcome: Outcome) -> Classification:
        """Say of what was drawn (or described) whether it may be shown."""
        try:
            moderation.stop("\n\n".join([moderation.wanted(job.spec), *outcome.texts]))
        except moderation.BlockedError as error:
            return Classification(sentence=moderation.REFUSED_AFTER, why=error.why)
        if job.spec.kind is Kind.DESCRIBE:
            return judge(outcome.adult, job.adult, self.config, flagged=FLAGGED_INPUT)
        return judge(outcome.adult, job.adult, self.config) if outcome.pictures else Classification()

    def preview(self, job: Job) -> bool:
        """Say whether a job's pictures may be shown while they form: a classifier sees them only later."""
        return not self.config.classifier or job.adult == "allow"

    def cover(self, job: Job, requester: Requester | None) -> bool:
        """Say whether a job's pictures are covered where somebody asks to see them. Raises UserError."""
        if not job.rated:
            return False
        adult = self.adult(requester)
        if adult == "refuse":
            raise UserError(moderation.NOT_HERE)
        return adult == "spoiler"
