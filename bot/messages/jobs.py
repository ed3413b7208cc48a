"""Words about jobs: titles, progress, results, queues, facts; refuses to know discord.py and the database."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.messages.asking import APOLOGY, refusal, with_prompt
from bot.messages.text import ALT_LIMIT, CONTENT_LIMIT, CONTROL, about, mention, ordinal, plural, shown
from engine.jobs import Delivery, Job, Kind, Speed, State
from engine.planning.edits import EDITS
from engine.planning.references import LIKED_LEAST

WHICH_MODEL = "Draw this picture again, with which model?"
CANCELLED = "Cancelled."
CANCEL_ALL = "Cancel all"
ALREADY_OVER = "That job is already finished, so there is nothing to cancel."
NO_JOBS = "You have no jobs waiting or running. `/imagine` starts one."
NOT_A_RESULT = "That message is not one of my results. Pick a message of mine that has a picture and buttons."
SENT_TO_YOU = (
    "On its way to your direct messages. If nothing comes, they are closed to me: "
    "this server's menu > Privacy Settings > Direct Messages opens them."
)
NOT_YOURS_TO_SHOW = "That job belongs to someone else. `/show` posts your own; `/info` lists the newest."
FILM_ALT = "The pictures forming, as a looping film."
FILM_TOO_LARGE = "The film is larger than this place allows, so it was left out."
WEBP_EXACT = "The PNG was larger than this place allows, so this is a WebP with the very same pixels."
WEBP_NOTE = "It is larger than this place allows, so this is a good WebP; **Full size** gives all of it."
_STANDING = {
    State.QUEUED: "waiting",
    State.RUNNING: "being drawn",
    State.RENDERED: "done",
    State.FAILED: "failed",
    State.BLOCKED: "not drawn",
    State.CANCELLED: "cancelled",
}
_SPEED = {Speed.RELAX: "relaxed", Speed.FAST: "fast", Speed.TURBO: "turbo"}
DOING = {
    Kind.IMAGINE: "",
    Kind.BLEND: "Blend",
    Kind.VARY: "Variations",
    Kind.INPAINT: "Repaint",
    Kind.EDIT: "Edit",
    Kind.UPSCALE: "Upscaled",
    Kind.DESCRIBE: "Describe",
    Kind.SHORTEN: "Shorten",
}


def title(job: Job, cell: int | None = None, owner: str | None = None) -> str:
    """Return the line above a picture: the prompt, what was done to it, who it is for."""
    who = mention(owner or job.owner)
    if cell is not None:
        return f"**{shown(job.prompt)}** - Image #{cell + 1} {who}"
    done = doing(job)
    if job.spec.kind is Kind.EDIT:
        return f'**Edit: "{shown(job.prompt)}"** - {who}'
    if not done:
        return f"**{shown(job.prompt)}** - {who}"
    if job.spec.kind is Kind.UPSCALE:
        return f"**{shown(job.prompt)}** - {done} by {who}"
    of = "" if job.parent_cell is None else f" of image #{job.parent_cell + 1}"
    return f"**{shown(job.prompt)}** - {done}{of} by {who}"


def doing(job: Job) -> str:
    """Return what was done to a picture; of jobs from before edits were kept, only its kind is known."""
    edit = EDITS.get(job.edit or "")
    if edit is not None:
        return edit.title.format(factor=job.factor or 2.0)
    if job.spec.kind is Kind.UPSCALE:
        return f"{DOING[job.spec.kind]} ({_upscale(job)})"
    return DOING.get(job.spec.kind, "")


def creative(job: Job) -> bool:
    """Say whether a picture was enlarged with something drawn into it."""
    return job.spec.kind is Kind.UPSCALE and job.spec.strength is not None


def _upscale(job: Job) -> str:
    """Return how a picture was enlarged: ``2x``, ``2x, creative``."""
    return f"{job.spec.scale}x" + (", creative" if creative(job) else "")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a job stands. ``place`` in line counts from 1, ``seconds`` are left (None: not known).

    ``held``: nothing is started there until an admin resumes it, or until then (``until``, Unix seconds).
    """

    state: State
    place: int | None = None
    percent: int = 0
    seconds: float | None = None
    held: bool = False
    until: float | None = None

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.state not in (State.QUEUED, State.RUNNING)


def progress(job: Job, now: Standing) -> str:
    """Return the progress message: the place in line, or how much is drawn in per cent, and the time left."""
    return f"{title(job)} ({_now(now)})"


def _now(now: Standing) -> str:
    match now.state:
        case State.QUEUED if now.held:
            return "waiting, " + paused(now.until)
        case State.QUEUED:
            next_one = now.place is None or now.place <= 1
            said = "waiting to start" if next_one else f"waiting, {ordinal(now.place or 1)} in line"
        case State.RUNNING:
            said = f"{now.percent}%" if now.percent else "starting"  # a model may have to be loaded first
        case _:
            return _ENDED[now.state]
    return said + ("" if now.seconds is None else f", about {about(now.seconds)} left")


_ENDED = {
    State.RENDERED: "100%",
    State.CANCELLED: "cancelled",
    State.FAILED: "stopped",
    State.BLOCKED: "not drawn",
}


def paused(until: float | None) -> str:
    """Return that a queue is paused, and until when, as far as somebody said."""
    return "paused by an admin" + ("" if until is None else f" until <t:{int(until)}:t>")


def several(jobs: Sequence[Job], now: Sequence[Standing]) -> str:
    """Return the progress message of a request that became several jobs."""
    over = sum(one.over for one in now)
    left = [one.seconds for one in now if not one.over]
    times = [one for one in left if one is not None]
    time = f", about {about(max(times))} left" if times and len(times) == len(left) else ""
    lines = [f"**{plural(len(jobs), 'job')}** - {mention(jobs[0].owner)} ({over} done{time})"]
    lines += [
        f"{number}. {shown(job.prompt, 60)} ({_STANDING[one.state] if one.over else _now(one)})"
        for number, (job, one) in enumerate(zip(jobs, now, strict=True), 1)
    ]
    while len(text := "\n".join(lines)) > CONTENT_LIMIT:
        lines = [*lines[:-2], "…"]
    return text


def result(job: Job, delivery: Delivery, extra: Iterable[str] = ()) -> str:
    """Return the text of a delivered grid or picture: the title, then one small line for each note."""
    if delivery.kind == "picture" and len(job.pictures) > 1:
        return _fit(title(job, delivery.cell, delivery.owner), extra)
    return _fit(f"{title(job, owner=delivery.owner)} ({_SPEED[job.speed]})", (*job.notes, *extra))


def _fit(first: str, notes: Iterable[str]) -> str:
    lines = [first]
    room = CONTENT_LIMIT - len(first)
    for note in notes:
        line = "-# " + " ".join(CONTROL.sub("", note).split())
        if len(line) + 1 > room:
            break
        lines.append(line)
        room -= len(line) + 1
    return "\n".join(lines)


def failure(job: Job, smaller: str | None = None) -> tuple[str, bool]:
    """Return what is said when a job ended without pictures: to whom, why; the rest as ``with_prompt``.

    ``smaller``: the line that asks for less, to copy instead.
    """
    said = f"{mention(job.owner)} {job.failure or APOLOGY}"
    return with_prompt(said, job.prompt) if smaller is None else (refusal(said, smaller), True)


def alt(job: Job, cell: int | None = None) -> str:
    """Return the alternative text of a picture: what it was asked to show, for those who cannot see it."""
    spoken = " ".join(CONTROL.sub("", job.prompt).split())
    if cell is not None or job.spec.count == 1:
        head = "A picture drawn from the prompt: "
    else:
        head = f"A grid of {job.spec.count} pictures drawn from the prompt: "
    text = head + spoken
    return text if len(text) <= ALT_LIMIT else text[: ALT_LIMIT - 1] + "…"


def filename(job: Job, ending: str, cell: int | None = None) -> str:
    """Return a file name of plain letters: the prompt's first words, the job's id and the cell."""
    words = re.findall(r"[a-z0-9]+", job.prompt.lower().split(" --")[0])
    slug = "-".join(words)[:40].strip("-") or "picture"
    number = "" if cell is None else f"-{cell + 1}"
    return f"{slug}-{job.id}{number}.{ending}"


def job_line(job: Job, now: Standing | None = None) -> str:
    """Return one line about a job for ``/queue`` and ``/info``."""
    state = _STANDING[job.state] if now is None or now.over else _now(now)
    return f"{shown(job.prompt, 80)} ({state}) · `{job.id}`"


def queue(running: int, waiting: int, *, held: bool, until: float | None = None) -> str:
    """Return the first line of ``/queue``. ``held``: nothing is started here, until then if it is known."""
    line = "Nothing is waiting."
    if running or waiting:
        line = f"{plural(running, 'job')} being drawn, {waiting} waiting."
    elif not held:
        line += " `/imagine` starts at once."
    return f"{line} The queue is {paused(until)}: nothing new starts." if held else line


def cancelled(jobs: Sequence[Job]) -> str:
    """Return what ``/cancel`` answers."""
    taken = [job for job in jobs if job.state is State.CANCELLED]
    if not taken:
        return ALREADY_OVER
    return "\n".join(f"Cancelled: {shown(job.prompt, 80)}" for job in taken)[:CONTENT_LIMIT]


def liked(marked: bool, count: int) -> str:
    """Return what the heart button answers."""
    now = "Marked with ❤️." if marked else "No longer marked."
    use = "`--profile` draws in their colours; `/favorites` lists them."
    use = use if count >= LIKED_LEAST else f"From {LIKED_LEAST} on, {use}"
    return f"{now} You have marked {plural(count, 'picture')}. {use}"
