"""From a request to what it would make: settings, words, stored pictures, rules and prices. Accepts nothing.

Long: every kind of request, each read and priced.

Planning fetches and paints nothing: ``acceptance`` does, once for each job that is to be accepted.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from engine.config import ModelConfig
from engine.errors import NotFound, UserError, no_model
from engine.jobs import SEED_MAX, Job, JobSpec, Role, Speed
from engine.library.likes import Likes
from engine.planning import answers, edits, literal, references
from engine.planning import edit_specs as specs
from engine.planning.edits import EditType
from engine.planning.plan import Plan, choose_model, default_model, find_model, plain, plan
from engine.planning.size import smaller
from engine.prompt import Given, Prompt
from engine.readiness import editing
from engine.readiness.english import english_only
from engine.rules import allowance, limits
from engine.rules.permissions import PermissionCheck
from engine.service.admin import Administration
from engine.service.pictures import Pictures, chosen
from engine.service.prices import Prices
from engine.service.reports import Reports
from engine.service.requests import Ask, Caller, Describe, Draw, Edit, Imagine, Planned, PlannedJob, Shorten
from engine.service.settings import HostConfig, Settings
from engine.words import Sentence

UPLOADED = Sentence("an uploaded picture")
"""What stands in a prompt's place where a picture came without one."""


@dataclass
class Planner:
    """Plans requests. ``accepted`` returns the jobs that were accepted under a key before."""

    host: HostConfig
    models: Sequence[ModelConfig]
    settings: Settings
    prices: Prices
    pictures: Pictures
    likes: Likes
    admin: Administration
    reports: Reports
    accepted: Callable[[str], Awaitable[list[Job]]]
    english: Callable[[Prompt, str], Awaitable[tuple[Prompt, str]]]

    async def plan(self, ask: Ask) -> Planned:
        """Return what a request would make and take. Raises PromptError, LimitError, another UserError."""
        if accepted := await self.accepted(ask.caller.key):
            return Planned(ask, accepted=tuple(accepted))
        match ask:
            case Imagine():
                command, line, jobs = "imagine", ask.line, await self._imagine(ask)
            case Edit():
                job = await self._edit(ask)
                command, line, jobs = edits.named(ask.name).command, ask.line or job.prompt, [job]
            case Describe():
                command, line, jobs = "describe", answers.DESCRIBE, [await self._describe(ask)]
            case Shorten():
                command, line, jobs = "shorten", ask.line, [await self._shorten(ask)]
            case Draw():
                job = await self._draw(ask)
                command, line, jobs = "imagine", job.prompt, [job]
        for one in jobs:
            try:
                self.permit(ask.caller, command, one.spec, one.speed)
                limits.check_spec(one.spec, self.host.config.limits, line)
            except UserError as error:
                if isinstance(ask, Imagine):
                    error.repaired = error.repaired or self._smaller(ask, one)
                raise
        price = sum(one.price for one in jobs)
        balances = await self.prices.balances(ask.caller.owner, ask.caller.member)
        large = any(price > allowance.LARGE * one.limit for one in balances)
        return Planned(
            ask,
            line=jobs[0].prompt if isinstance(ask, Edit) else line,
            jobs=tuple(jobs),
            seconds=price if all(self.prices.known(one.spec.model) for one in jobs) else None,
            balances=balances,
            large=large or (isinstance(ask, Imagine) and len(jobs) > self.host.config.limits.confirm_above),
        )

    def editors(self, *, needed: bool = False) -> Mapping[str, int]:
        """Return the models that edit by instruction; ``needed``: raises UserError where there is none."""
        return editing.require(self.models) if needed else editing.editors(self.models)

    def permit(self, caller: Caller, command: str, spec: JobSpec, speed: Speed) -> None:
        """Raise RefusedError where the rules of the place do not let this person draw this."""
        self.admin.require(
            caller.member, PermissionCheck(command, spec.model, speed, spec.width * spec.height)
        )

    def _smaller(self, ask: Imagine, job: PlannedJob) -> str | None:
        """Return the line in the nearest size that may be drawn; None: size is not what is wrong."""
        spec, most = job.spec, self.host.config.limits
        mine = self.admin.standing(ask.caller.member).pixels or most.max_pixels
        fits = min(mine, most.max_pixels, most.max_pixel_steps // (spec.count * spec.steps))
        model = find_model(spec.model, self.models)
        try:
            small = spec.model_copy(update={"width": 1, "height": 1})
            self.permit(ask.caller, "imagine", small, job.speed)
            limits.check_spec(small, most, ask.line)
        except UserError:
            return None
        if model is None:
            return None
        return smaller(ask.line, spec.width, spec.height, fits, model.multiple)

    # ---- reading -------------------------------------------------------------------------------------------

    async def check_setting(self, caller: Caller, *given: Given) -> None:
        """Refuse what no prompt could be drawn with: as ``plan``, of flags alone."""
        prompt = (await self.settings.settled(caller, *given)).with_flags(
            {"profile": None}
        )  # left out where it can't be
        made = self._plan(caller, prompt, {})
        self.permit(caller, "imagine", made.spec, caller.speed or Speed.FAST)
        limits.check_spec(made.spec, self.host.config.limits, "")

    def _plan(self, caller: Caller, prompt: Prompt, liked: Mapping[str, str]) -> Plan:
        stand_ins = {one.name: references.stand_in(one.name) for one in references.named(prompt)}
        return plan(
            prompt,
            self.models,
            self.host.config.limits,
            secrets.randbelow(SEED_MAX + 1),
            loras=self.host.config.loras,
            styles=self.admin.rules(caller.guild).styles,
            pictures={**stand_ins, **liked},
            speed=caller.speed,
        )

    async def prompts(
        self,
        caller: Caller,
        line: str,
        options: Mapping[str, str] = MappingProxyType({}),
        model: str | None = None,
    ) -> list[PlannedJob]:
        """Return what a line asks for, one a job, read with its owner's and its place's settings.

        ``model`` goes before the one that the line names.
        """
        parsed = await self.settings.read(caller, line, options)
        other = {} if model is None else {"model": model, "v": None, "niji": None}
        typed_prompts = [prompt.with_flags(other) if other else prompt for prompt in parsed.prompts]
        settled = [references.settled(prompt, _style_code) for prompt in typed_prompts]
        wanted = any(prompt.get("profile") for prompt in settled)
        liked = await self.likes.newest(caller.owner) if wanted else []
        found = []
        for typed, prompt in zip(typed_prompts, settled, strict=True):
            drawn, told = references.profiled(prompt, len(liked))
            drawn, read = await self._read(drawn, caller.language)
            made = self._plan(caller, drawn, references.liked(liked))
            # a copy of --repeat is one job: drawn again, it must not become many
            alone = prompt.with_flags({"repeat": None})
            as_typed = parsed.jobs == 1 and prompt == typed and not (other or parsed.random)
            notes = dict.fromkeys([*parsed.notes, *made.notes, *filter(None, (told, read))])
            if prompt != typed:
                told = Sentence("`--sref {code}` draws in this style again.")
                notes[Sentence(told, code=prompt.flags["sref"].plain())] = None
            found.append(
                PlannedJob(
                    spec=made.spec,
                    prompt=parsed.line if as_typed else alone.to_line(("prompt",)),
                    speed=caller.speed or prompt.speed or Speed.FAST,
                    notes=tuple(notes),
                    sources=tuple(made.sources.items()),
                    links=tuple(dict.fromkeys(one.name for one in references.named(drawn))),
                )
            )
        return [self._priced(one) for one in found]

    async def _read(self, prompt: Prompt, spoken: str) -> tuple[Prompt, str]:
        """Return a prompt as the model reads it, and what to say of that."""
        if not self.host.config.engine.translator:
            return prompt, ""
        model = choose_model(prompt, self.models, [])
        return await self.english(prompt, spoken) if english_only(model) else (prompt, "")

    async def _one(self, caller: Caller, line: str, refusal: str, model: str | None = None) -> PlannedJob:
        found = await self.prompts(caller, line, model=model)
        if len(found) != 1:
            raise UserError(refusal)
        return found[0]

    def _priced(self, job: PlannedJob) -> PlannedJob:
        return replace(job, price=self.prices.price(job.spec, job.speed))

    # ---- the kinds of requests -----------------------------------------------------------------------------

    async def _imagine(self, ask: Imagine) -> list[PlannedJob]:
        limits.check_length(ask.line, self.host.config.limits)
        jobs = await self.prompts(ask.caller, ask.line, ask.options)
        limits.check_count(len(jobs), self.host.config.limits, ask.line)
        return jobs

    async def _describe(self, ask: Describe) -> PlannedJob:
        prompt = await self.settings.settled(ask.caller)
        model = choose_model(prompt, self.models, [])
        usual = plain(model).model_copy(update={"seed": secrets.randbelow(SEED_MAX + 1)})
        spec = answers.described(usual, ask.picture, await self.pictures.size(ask.picture))
        return self._priced(
            PlannedJob(spec, answers.DESCRIBE, ask.caller.speed or prompt.speed or Speed.FAST)
        )

    async def _shorten(self, ask: Shorten) -> PlannedJob:
        limits.check_length(ask.line, self.host.config.limits)
        refusal = Sentence("One prompt at a time: take the `{…}` choices and `--repeat` out of it.")
        usual = await self._one(ask.caller, ask.line, refusal)
        return self._priced(PlannedJob(answers.shortened(usual.spec), ask.line, usual.speed))

    async def _draw(self, ask: Draw) -> PlannedJob:
        asked = ask.asked
        prompt = ", ".join(text.text for text in asked.texts if text.weight > 0)
        limits.check_length(prompt, self.host.config.limits)
        model = default_model(self.models)
        if asked.model is not None:
            found = find_model(asked.model, self.models)
            if found is None:
                raise NotFound(no_model(asked.model, [one.name for one in self.models]))
            model = found
        size = None if asked.start is None else await self.pictures.size(asked.start)
        spec = literal.spec_of(asked, model, self.host.config.limits, secrets.randbelow(SEED_MAX) + 1, size)
        return self._priced(PlannedJob(spec, prompt or UPLOADED, ask.caller.speed or Speed.FAST))

    async def _edit(self, ask: Edit) -> PlannedJob:
        edit = edits.named(ask.name)
        parent = None if ask.job is None else await self._job(ask.job, ask.caller.guild)
        job = await self._words(ask, edit, parent)
        if parent is not None and ask.cell is None and edit.of_grid is not None:
            edit = edits.named(edit.of_grid)
        if edit.derive is None:
            job = self._remade(ask, job, parent)
        else:
            start = await self._start(ask, edit, job.spec, parent)
            derived = edit.derive(start)
            job = replace(job, spec=derived.spec, canvas=derived.canvas)
            job = replace(job, edit=edit.name, factor=derived.factor)
        return self._priced(replace(job, parent=ask.job, cell=ask.cell))

    async def _job(self, job_id: str, guild: str | None) -> Job:
        job = await self.pictures.job(job_id)
        await self.reports.require_shown(job_id, guild)
        return job

    async def _words(self, ask: Edit, edit: EditType, parent: Job | None) -> PlannedJob:
        """Return what an edit's words and flags stand for: those given with it, else the picture's own."""
        line = ask.line
        if line is None and parent is None and not edit.needs_words:
            # enlarging needs no words, and words no picture: what is asked of a model may be empty
            spec, prompt = plain(default_model(self.models)), UPLOADED
            return PlannedJob(spec, prompt, await self._speed(ask.caller))
        if line is None and parent is not None and not edit.rereads:
            # whoever presses pays, so their own speed counts and not that of whoever drew the parent
            speed = await self._speed(ask.caller)
            return PlannedJob(parent.spec, parent.prompt, speed, sources=parent.sources)
        if line is None and parent is not None:
            line = parent.prompt
        if not line:
            raise UserError(Sentence("Say in `prompt` what the picture shows or should show, and try again."))
        refusal = Sentence("This makes one job: take the `{…}` choices out of the prompt.")
        job = await self._one(ask.caller, line, refusal, ask.model)
        return await self._by_editor(ask, line, job, parent) if edit.by_editors else job

    async def _by_editor(self, ask: Edit, line: str, job: PlannedJob, parent: Job | None) -> PlannedJob:
        """Return an instruction as a model reads it that can follow it. Raises UserError: none can."""
        told = dict(job.sources)
        chosen = "prompt" in {told.get(flag) for flag in ("model", "v", "niji")}
        likely = [job.spec.model] if chosen or parent is None else [job.spec.model, parent.spec.model]
        name = editing.editor(self.models, likely, 1 + len(ask.beside), chosen=chosen)
        if name == job.spec.model:
            return job
        refusal = Sentence("This makes one job: take the `{…}` choices out of the instruction.")
        other = await self._one(ask.caller, line, refusal, name)
        return replace(other, prompt=job.prompt)

    async def _speed(self, caller: Caller) -> Speed:
        return caller.speed or (await self.settings.settled(caller)).speed or Speed.FAST

    def _remade(self, ask: Edit, job: PlannedJob, parent: Job | None) -> PlannedJob:
        """Return a request drawn once more: with another seed, and with other words where there are any."""
        if parent is None:
            raise UserError(Sentence("Only a job can be drawn again. Say which job."))
        spec = job.spec.model_copy(update={"seed": secrets.randbelow(SEED_MAX + 1)})
        job = replace(job, edit=parent.edit, factor=parent.factor)
        if ask.line is None and not edits.named(ask.name).rereads:
            return replace(job, spec=spec, notes=parent.notes)
        return replace(job, spec=specs.remade(parent.spec, spec, self._model(spec)))

    async def _start(self, ask: Edit, edit: EditType, said: JobSpec, parent: Job | None) -> edits.EditInput:
        """Return what an edit starts from. Raises UserError where no picture is named."""
        picture, factor = ask.picture, ask.factor
        if parent is not None:
            picture = chosen(parent, ask.cell or 0)
            if edit.from_before:
                made_from = (one.sha256 for one in parent.spec.inputs if one.role is Role.INIT)
                picture, factor = next(made_from, picture), float(parent.spec.scale)
        if picture is None:
            raise UserError(Sentence("Say which picture: attach one, or name one of yours."))
        return edits.EditInput(
            said=said,
            picture=picture,
            size=await self.pictures.size(picture),
            seed=secrets.randbelow(SEED_MAX + 1),
            model=self._model(said),
            limits=self.host.config.limits,
            before=None if parent is None else parent.spec,
            reworded=ask.line is not None,
            cell=ask.cell or 0,
            factor=factor,
            strength=ask.strength,
            mask=ask.mask,
            beside=ask.beside,
        )

    def _model(self, spec: JobSpec) -> ModelConfig:
        return next((one for one in self.models if one.name == spec.model), self.models[0])


def _style_code() -> int:
    """Return the number of some style: nine digits, as people can copy them."""
    return 100_000_000 + secrets.randbelow(900_000_000)
