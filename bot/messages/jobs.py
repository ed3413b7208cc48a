"""Words about jobs: titles, progress, results, queues, facts; refuses to know discord.py and the database."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.messages.asking import APOLOGY, refusal, with_prompt
from bot.messages.text import ALT_LIMIT, CONTENT_LIMIT, CONTROL, about, mention, ordinal, shown
from engine.jobs import Delivery, Job, Kind, Speed, State
from engine.planning.edits import EDITS
from engine.planning.references import LIKED_LEAST
from engine.words import Sentence, counted, say

WHICH_MODEL = Sentence("Draw this picture again, with which model?")
NO_OTHER_MODEL = Sentence("There is no other model here any more to draw this picture again with.")
CANCELLED = Sentence("Cancelled.")
CANCEL_ALL = Sentence("Cancel all")
ALREADY_OVER = Sentence("That job is already finished, so there is nothing to cancel.")
NO_JOBS = Sentence("You have no jobs waiting or running. `/imagine` starts one.")
NOT_A_RESULT = Sentence(
    "That message is not one of my results. Pick a message of mine that has a picture and buttons."
)
SENT_TO_YOU = Sentence(
    "On its way to your direct messages. If nothing comes, they are closed to me: this "
    "server's menu > Privacy Settings > Direct Messages opens them."
)
NOT_YOURS_TO_SHOW = Sentence(
    "That job belongs to someone else. `/show` posts your own; `/info` lists the newest."
)
FILM_ALT = Sentence("The pictures forming, as a looping film.")
FILM_TOO_LARGE = Sentence("The film is larger than this place allows, so it was left out.")
WEBP_EXACT = Sentence(
    "The PNG was larger than this place allows, so this is a WebP with the very same pixels."
)
WEBP_NOTE = Sentence(
    "It is larger than this place allows, so this is a good WebP; **Full size** gives all of it."
)
_STANDING = {
    State.QUEUED: Sentence("waiting"),
    State.RUNNING: Sentence("being drawn"),
    State.RENDERED: Sentence("done"),
    State.FAILED: Sentence("failed"),
    State.BLOCKED: Sentence("not drawn"),
    State.CANCELLED: Sentence("cancelled"),
}
_SPEED = {
    Speed.RELAX: Sentence("relaxed"),
    Speed.FAST: Sentence("fast"),
    Speed.TURBO: Sentence("turbo"),
}
DOING = {
    Kind.IMAGINE: "",
    Kind.BLEND: Sentence("Blend"),
    Kind.VARY: Sentence("Variations"),
    Kind.INPAINT: Sentence("Repaint"),
    Kind.EDIT: Sentence("Edit"),
    Kind.UPSCALE: Sentence("Upscaled"),
    Kind.DESCRIBE: Sentence("Describe"),
    Kind.SHORTEN: Sentence("Shorten"),
}


def title(job: Job, cell: int | None = None, owner: str | None = None) -> str:
    """Return the line above a picture: the prompt, what was done to it, who it is for."""
    fields = {"prompt": shown(job.prompt), "done": doing(job), "who": mention(owner or job.owner)}
    if cell is not None:
        return say("**{prompt}** - Image #{cell} {who}", cell=cell + 1, **fields)
    if job.spec.kind is Kind.EDIT:
        return say('**Edit: "{prompt}"** - {who}', **fields)
    if not fields["done"]:
        return f"**{fields['prompt']}** - {fields['who']}"
    if job.parent_cell is None or job.spec.kind is Kind.UPSCALE:
        return say("**{prompt}** - {done} by {who}", **fields)
    return say("**{prompt}** - {done} of image #{cell} by {who}", cell=job.parent_cell + 1, **fields)


def doing(job: Job) -> str:
    """Return what was done to a picture; of jobs from before edits were kept, only its kind is known."""
    edit = EDITS.get(job.edit or "")
    if edit is not None:
        return say(edit.title, factor=job.factor or 2.0) if edit.title else ""
    if job.spec.kind is Kind.UPSCALE:
        return f"{say(DOING[job.spec.kind])} ({_upscale(job)})"
    return say(DOING[job.spec.kind]) if DOING.get(job.spec.kind) else ""


def creative(job: Job) -> bool:
    """Say whether a picture was enlarged with something drawn into it."""
    return job.spec.kind is Kind.UPSCALE and job.spec.strength is not None


def _upscale(job: Job) -> str:
    """Return how a picture was enlarged: ``2x``, ``2x, creative``."""
    return f"{job.spec.scale}x" + (", " + say("creative") if creative(job) else "")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a job stands. ``place`` in line counts from 1, ``seconds`` are left (None: not known).

    ``held``: nothing is started there until an admin resumes it, or until then (``until``, Unix seconds).
    ``waking``: no worker can draw yet, as in the first moments after a start. ``deserted``: there is none,
    as where all drawing machines are away.
    """

    state: State
    place: int | None = None
    percent: int = 0
    seconds: float | None = None
    held: bool = False
    until: float | None = None
    waking: bool = False
    deserted: bool = False

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
            return say("waiting, {paused}", paused=paused(now.until))
        case State.QUEUED:
            next_one = now.place is None or now.place <= 1
            if not next_one:
                said = say("waiting, {place} in line", place=ordinal(now.place or 1))
            elif now.deserted:
                said = say("waiting for a machine to draw on")
            elif now.waking:
                said = say("starting up; the first picture takes longer")
            else:
                said = say("waiting to start")
        case State.RUNNING:
            said = (
                f"{now.percent}%" if now.percent else say("starting")
            )  # a model may have to be loaded first
        case _:
            return say(_ENDED[now.state])
    return said + ("" if now.seconds is None else ", " + say("about {time} left", time=about(now.seconds)))


_ENDED = {
    State.RENDERED: "100%",
    State.CANCELLED: Sentence("cancelled"),
    State.FAILED: Sentence("stopped"),
    State.BLOCKED: Sentence("not drawn"),
}


def paused(until: float | None) -> str:
    """Return that a queue is paused, and until when, as far as somebody said."""
    if until is None:
        return say("paused by an admin")
    return say("paused by an admin until <t:{until}:t>", until=int(until))


def several(jobs: Sequence[Job], now: Sequence[Standing]) -> str:
    """Return the progress message of a request that became several jobs."""
    over = sum(one.over for one in now)
    left = [one.seconds for one in now if not one.over]
    times = [one for one in left if one is not None]
    time = (
        ", " + say("about {time} left", time=about(max(times))) if times and len(times) == len(left) else ""
    )
    lines = [
        say(
            "**{jobs}** - {owner} ({over} done{time})",
            jobs=counted(len(jobs), "{n} job", "{n} jobs"),
            owner=mention(jobs[0].owner),
            over=over,
            time=time,
        )
    ]
    lines += [
        f"{number}. {shown(job.prompt, 60)} ({say(_STANDING[one.state]) if one.over else _now(one)})"
        for number, (job, one) in enumerate(zip(jobs, now, strict=True), 1)
    ]
    while len(text := "\n".join(lines)) > CONTENT_LIMIT:
        lines = [*lines[:-2], "…"]
    return text


def result(job: Job, delivery: Delivery, extra: Iterable[str] = ()) -> str:
    """Return the text of a delivered grid or picture: the title, then one small line for each note."""
    if delivery.kind == "picture" and len(job.pictures) > 1:
        return _fit(title(job, delivery.cell, delivery.owner), extra)
    return _fit(
        f"{title(job, owner=delivery.owner)} ({say(_SPEED[job.speed])})", (*map(say, job.notes), *extra)
    )


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
    said = f"{mention(job.owner)} {say(job.failure or APOLOGY)}"
    return with_prompt(said, job.prompt) if smaller is None else (refusal(said, smaller), True)


def alt(job: Job, cell: int | None = None) -> str:
    """Return the alternative text of a picture: what it was asked to show, for those who cannot see it."""
    spoken = " ".join(CONTROL.sub("", job.prompt).split())
    if cell is not None or job.spec.count == 1:
        text = say("A picture drawn from the prompt: {prompt}", prompt=spoken)
    else:
        text = say(
            "A grid of {count} pictures drawn from the prompt: {prompt}", count=job.spec.count, prompt=spoken
        )
    return text if len(text) <= ALT_LIMIT else text[: ALT_LIMIT - 1] + "…"


def filename(job: Job, ending: str, cell: int | None = None) -> str:
    """Return a file name of plain letters: the prompt's first words, the job's id and the cell."""
    words = re.findall(r"[a-z0-9]+", job.prompt.lower().split(" --")[0])
    slug = "-".join(words)[:40].strip("-") or "picture"
    number = "" if cell is None else f"-{cell + 1}"
    return f"{slug}-{job.id}{number}.{ending}"


def job_line(job: Job, now: Standing | None = None) -> str:
    """Return one line about a job for ``/queue`` and ``/info``."""
    state = say(_STANDING[job.state]) if now is None or now.over else _now(now)
    return f"{shown(job.prompt, 80)} ({state}) · `{job.id}`"


def queue(running: int, waiting: int, *, held: bool, until: float | None = None) -> str:
    """Return the first line of ``/queue``. ``held``: nothing is started here, until then if it is known."""
    line = say("Nothing is waiting.")
    if running or waiting:
        line = say(
            "{jobs} being drawn, {waiting} waiting.",
            jobs=counted(running, "{n} job", "{n} jobs"),
            waiting=waiting,
        )
    elif not held:
        line += " " + say("`/imagine` starts at once.")
    if not held:
        return line
    return f"{line} {say('The queue is {paused}: nothing new starts.', paused=paused(until))}"


def cancelled(jobs: Sequence[Job]) -> str:
    """Return what ``/cancel`` answers."""
    taken = [job for job in jobs if job.state is State.CANCELLED]
    if not taken:
        return say(ALREADY_OVER)
    return "\n".join(say("Cancelled: {prompt}", prompt=shown(job.prompt, 80)) for job in taken)[
        :CONTENT_LIMIT
    ]


def liked(marked: bool, count: int) -> str:
    """Return what the heart button answers."""
    now = say("Marked with ❤️.") if marked else say("No longer marked.")
    total = counted(count, "You have marked {n} picture.", "You have marked {n} pictures.")
    use = say("`--profile` draws in their colours; `/favorites` lists them.")
    if count < LIKED_LEAST:
        use = say(
            "From {least} on, `--profile` draws in their colours; `/favorites` lists them.", least=LIKED_LEAST
        )
    return f"{now} {total} {use}"
