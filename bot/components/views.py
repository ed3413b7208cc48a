"""The rows of buttons under each kind of message; what they do stands in ``bot.components.buttons``."""

from __future__ import annotations

from collections.abc import Sequence

from discord import ui

from bot.components.buttons import JobButton, view_of
from bot.components.near import NearButton
from bot.custom_ids import Of, Press, Verb, appeal_id, redo_id
from bot.failures import LastingView
from bot.messages.asking import NEAREST_SIZE, TRY_AGAIN
from bot.messages.reports import APPEAL
from engine.jobs import Job, Kind, State
from engine.words import say


def grid_view(job: Job, delivery: int, near: Sequence[NearButton] = (), *, lossy: bool = False) -> ui.View:
    """Return ``U1 U2 U3 U4 🔄`` over ``V1 V2 V3 V4``; more cells take more rows, five buttons to each.

    ``near``: at most three, on the last row. ``lossy``: what is shown is not all of it, so that is offered.
    """
    cells = range(len(job.pictures))
    us = [Press(Verb.PICTURE, job.id, cell, delivery) for cell in cells]
    vs = [Press(Verb.VARY, job.id, cell, delivery) for cell in cells]
    again = Press(Verb.REROLL, job.id, None, delivery)
    full = [Press(Verb.FULL, job.id, None, delivery)] if lossy else []
    few = len(us) <= 4
    ends = [again, *full]
    view = view_of([*us, again], [*vs, *full]) if few else view_of(us[:5], us[5:], vs[:5], vs[5:], ends)
    for button in near:
        button.row = 2 if few else 4
        view.add_item(button)
    return view


def picture_view(
    job: Job, cell: int, delivery: int, models: int = 1, *, editing: bool = False, lossy: bool = False
) -> ui.View:
    """Return the rows under a single picture; an enlarged one can be enlarged another way, and varied.

    ``models``: how many there are; with more than one, another may draw it again. ``editing``: whether one
    of them edits by instruction. ``lossy``: as above.
    """
    enlarged = job.spec.kind is Kind.UPSCALE
    rows: list[list[Press]] = [[], [], [], []]
    for verb in Verb:
        row = verb.rows[enlarged]
        if row is not None and _fits(verb, job, models, editing):
            rows[row].append(Press(verb, job.id, cell, delivery))
    if lossy:
        rows[1 if enlarged else 2].append(Press(Verb.FULL, job.id, cell, delivery))
    return view_of(*rows)


def _fits(verb: Verb, job: Job, models: int, editing: bool) -> bool:
    """Say whether a button makes sense under a picture of this job."""
    match verb:
        case Verb.REMASTER:
            return models > 1
        case Verb.EDIT:
            return editing
        case Verb.SQUARE:
            return job.spec.width != job.spec.height
        case Verb.REDO_SUBTLE:
            # enlarged as it is, it would come out the same again: only the other way is worth a press
            return job.spec.strength is not None
        case _:
            return True


def failure_view(job: Job, delivery: int, *, smaller: bool = False) -> ui.View:
    """Return the row under a failure: try again, and appeal where it was our doing.

    ``smaller``: the message holds a line that asks for less, to draw that.
    """
    view = LastingView()
    if smaller:
        view.add_item(ui.Button(label=say(NEAREST_SIZE), custom_id=redo_id(), row=0))
    again = JobButton(Press(Verb.REROLL, job.id, None, delivery), row=0)
    again.item.label = say(TRY_AGAIN)
    view.add_item(again)
    if job.state is State.BLOCKED:
        view.add_item(ui.Button(label=say(APPEAL), custom_id=appeal_id(Of.JOB, job.id), row=0))
    return view


def answer_view(job: Job, prompts: int, delivery: int) -> ui.View:
    """Return the row under an answer in words: a number a prompt; a description also all, and again."""
    numbers = [Press(Verb.PROMPT, job.id, cell, delivery) for cell in range(min(prompts, 5))]
    if job.spec.kind is Kind.SHORTEN:
        return view_of(numbers)
    again, every = (Press(verb, job.id, None, delivery) for verb in (Verb.REROLL, Verb.PROMPTS))
    return view_of(numbers, [again, every])
