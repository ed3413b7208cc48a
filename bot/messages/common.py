"""Every word people read in Discord: text in, text out; refuses to know discord.py and the database."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence

from engine.config import LimitsConfig
from engine.jobs import WORDS, Delivery, Job, JobSpec, Kind, Role, Speed, State
from engine.planning.references import LIKED_LEAST
from engine.prompt.flags import Flag
from engine.rules.allowance import Balance
from engine.rules.allowance import seconds as engine_seconds

CONTENT_LIMIT = 2000
"""Most characters of a message's content (Discord, Create Message)."""
ALT_LIMIT = 1024
"""Most characters of a file's description (Discord, attachment object)."""
SHOWN_LIMIT = 700
"""Characters of a prompt shown above a picture; the Info button has all of it."""
WHICH_MODEL = "Draw this picture again, with which model?"

APOLOGY = "Something broke on our side. Nothing was charged; please try again."
CANCELLED = "Cancelled."
ALREADY_OVER = "That job is already finished, so there is nothing to cancel."
NO_JOBS = "You have no jobs waiting or running. `/imagine` starts one."
OUTDATED = "This command has changed since your Discord loaded it. Restart Discord (Ctrl+R) and try again."
NOT_A_RESULT = "That message is not one of my results. Pick a message of mine that has a picture and buttons."
SENT_TO_YOU = (
    "On its way to your direct messages. If nothing comes, they are closed to me: "
    "this server's menu > Privacy Settings > Direct Messages opens them."
)
NOT_YOURS_TO_SHOW = "That job belongs to someone else. `/show` posts your own; `/info` lists the newest."
FORGOTTEN = (
    "Deleted: your jobs, their pictures, your settings and everything else about you. Pictures that somebody "
    "else made something of stay for them. What was posted in channels stays there until it is deleted there."
)
INFO_TITLE = "About you"
HELP_TITLE = "How to ask for pictures"
QUESTION_GONE = "That question is too old to answer. Please send the command again."
NOT_STARTED = "Nothing was started."
PROMPT_FILE = "Your prompt, to copy."
PROMPT_ATTACHED = "Your prompt is attached, to copy."
REFUSED = "That could not be started."
ONE_HERE = (
    "I am not a member here, so I can answer each command with one job only. "
    "Take the choices out of the braces, or ask for each in turn."
)
SETTINGS = "Your settings, for prompts that say nothing else. Green is on; a flag in the prompt wins."
MODEL_PLACEHOLDER = "Model"
REMIX_ON = "Remix is on: variations and 🔄 ask for a changed prompt first."
REMIX_OFF = "Remix is off: variations and 🔄 start at once."
VARIATION_HIGH = "V1–V4 make strong variations now."
VARIATION_LOW = "V1–V4 make subtle variations now."
BAD_OPTION_NAME = "A flag's name is made of letters, digits, `-` and `_`, at most 32. Choose another name."
SPEED_KEPT = {
    "fast": "Fast is on: your jobs take their usual turn.",
    "relax": "Relax is on: your jobs let others go first.",
    "turbo": "Turbo is on: your jobs go ahead of others, in few steps if the model can, at twice the price.",
}
ZOOM_TITLE = "Custom Zoom"
ZOOM_LABEL = "How far out, above 1 and at most 2"
REMIX_TITLE = "Remix"
REMIX_LABEL = "Prompt, with its flags"
FILM_ALT = "The pictures forming, as a looping film."
FILM_TOO_LARGE = "The film is larger than this place allows, so it was left out."
WEBP_NOTE = "The PNG was larger than this place allows, so this is a WebP."

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
# what Discord's markdown or mention reader would act on, if it stood alone
_SPECIAL = re.compile(r"[\\`*_~|<@\[\]#]|:(?=//|[A-Za-z0-9_+~-]+:)")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc]")
_ISOLATES = "\u2066\u2067\u2068"
_POP_ISOLATE = "\u2069"


def shown(text: str, limit: int = SHOWN_LIMIT) -> str:
    """Return ``text`` so that it shows as typed, formats nothing, links nothing and mentions nobody.

    Markdown, mentions and emoji codes are disarmed with backslashes, which Discord does not show. Text that
    turns the reading direction is wrapped in an isolate, so that it cannot reorder what stands beside it.
    """
    text = " ".join(_CONTROL.sub("", text).split())
    if len(text) > limit:
        text = text[: limit - 1].rstrip() + "…"
    return _isolated(_SPECIAL.sub(lambda found: "\\" + found[0], text))


def _isolated(text: str) -> str:
    if not _RIGHT_TO_LEFT.search(text):
        return text
    depth, kept = 0, []
    for character in text:
        if character in _ISOLATES:
            depth += 1
        elif character == _POP_ISOLATE:
            if not depth:
                continue  # it would close our own isolate; alone it is invisible
            depth -= 1
        kept.append(character)
    return "\u2068" + "".join(kept) + _POP_ISOLATE * (depth + 1)


def quoted(text: str, limit: int = 200) -> str:
    """Return text in a code span; what would end the span is taken out."""
    text = " ".join(_CONTROL.sub("", text).replace("`", "'").split())
    return f"`{text if len(text) <= limit else text[: limit - 1] + '…'}`"


def to_copy(text: str, limit: int = 1500) -> str | None:
    """Return ``text`` in a block that can be copied exactly, or None where a block cannot hold it."""
    text = _CONTROL.sub("", text)
    if "```" in text or text.endswith("`") or len(text) > limit or not text.strip():
        return None
    return f"```\n{text}\n```"


def mention(owner: str) -> str:
    """Return what names this owner: a mention for a Discord id, else the plain word."""
    return f"<@{owner}>" if owner.isdecimal() else shown(owner)


def ordinal(number: int) -> str:
    """Return ``1st``, ``2nd``, ``3rd``, ``4th``, … ``11th``."""
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def plural(number: int, noun: str) -> str:
    """Return ``1 job`` or ``3 jobs``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


_STANDING = {
    State.QUEUED: "waiting",
    State.RUNNING: "being drawn",
    State.RENDERED: "done",
    State.FAILED: "failed",
    State.BLOCKED: "not drawn",
    State.CANCELLED: "cancelled",
}
_SPEED = {Speed.RELAX: "relaxed", Speed.FAST: "fast", Speed.TURBO: "turbo"}


def blend_count(given: int) -> str:
    """Return the refusal of a blend with too few or too many pictures."""
    return f"A blend takes two to five pictures, and this one has {given}. Attach them, or name them by link."


DOING = {
    Kind.IMAGINE: "",
    Kind.BLEND: "Blend",
    Kind.VARY: "Variations",
    Kind.INPAINT: "Repaint",
    Kind.UPSCALE: "Upscaled",
    Kind.DESCRIBE: "Describe",
    Kind.SHORTEN: "Shorten",
}


def title(job: Job, cell: int | None = None, owner: str | None = None) -> str:
    """Return the line above a picture: the prompt, what was done to it, who it is for."""
    who = mention(owner or job.owner)
    if cell is not None:
        return f"**{shown(job.prompt)}** - Image #{cell + 1} {who}"
    doing = DOING.get(job.spec.kind, "")
    if not doing:
        return f"**{shown(job.prompt)}** - {who}"
    if job.spec.kind is Kind.UPSCALE:
        return f"**{shown(job.prompt)}** - {doing} ({_upscale(job)}) by {who}"
    of = "" if job.parent_cell is None else f" of image #{job.parent_cell + 1}"
    return f"**{shown(job.prompt)}** - {doing}{of} by {who}"


def _creative(job: Job) -> bool:
    return job.spec.kind is Kind.UPSCALE and job.spec.strength is not None


def _upscale(job: Job) -> str:
    """Return how a picture was enlarged: ``2x``, ``2x, creative``."""
    return f"{job.spec.scale}x" + (", creative" if _creative(job) else "")


def progress(
    job: Job, *, state: State, place: int | None = None, percent: int = 0, held: bool = False
) -> str:
    """Return the progress message: waiting with the place in the queue (from 1), or running in per cent.

    ``held``: nothing is started there until an admin resumes it.
    """
    if state is State.QUEUED and held:
        now = "waiting, paused by an admin"
    elif state is State.QUEUED:
        now = "waiting to start" if place is None or place <= 1 else f"waiting, {ordinal(place)} in the queue"
    elif state is State.RUNNING:
        now = f"{percent}%" if percent else "starting"  # a model may have to be loaded first
    else:
        now = {
            State.RENDERED: "100%",
            State.CANCELLED: "cancelled",
            State.FAILED: "stopped",
            State.BLOCKED: "not drawn",
        }[state]
    return f"{title(job)} ({now})"


def several(jobs: Sequence[Job], states: Sequence[State]) -> str:
    """Return the progress message of a request that became several jobs."""
    over = sum(state not in (State.QUEUED, State.RUNNING) for state in states)
    lines = [f"**{plural(len(jobs), 'job')}** - {mention(jobs[0].owner)} ({over} done)"]
    lines += [
        f"{number}. {shown(job.prompt, 60)} ({_STANDING[state]})"
        for number, (job, state) in enumerate(zip(jobs, states, strict=True), 1)
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
        line = "-# " + " ".join(_CONTROL.sub("", note).split())
        if len(line) + 1 > room:
            break
        lines.append(line)
        room -= len(line) + 1
    return "\n".join(lines)


def failure(job: Job) -> tuple[str, bool]:
    """Return what is said when a job ended without pictures: to whom, why; the rest as ``with_prompt``."""
    why = job.failure or APOLOGY
    return with_prompt(f"{mention(job.owner)} {why}", job.prompt)


def with_prompt(sentence: str, prompt: str) -> tuple[str, bool]:
    """Return a refusal followed by the prompt, whole: nothing typed is lost.

    False: the message cannot hold it, and it is to be attached as a file.
    """
    sentence = sentence if len(sentence) <= 900 else sentence[:899] + "…"
    block = to_copy(prompt, limit=CONTENT_LIMIT - len(sentence) - 40)
    if block is None:
        return f"{sentence}\n{PROMPT_ATTACHED}", False
    return f"{sentence}\nYour prompt, to copy:\n{block}", True


def refusal(sentence: str, repaired: str | None = None) -> str:
    """Return a refusal of something typed, with the repaired line to copy where one could be guessed."""
    limit = CONTENT_LIMIT - min(len(sentence), 900) - 40
    block = None if repaired is None else to_copy(repaired, limit=limit)
    room = CONTENT_LIMIT - (0 if block is None else len(block) + 20)
    sentence = sentence if len(sentence) <= room else sentence[: room - 1] + "…"
    return sentence if block is None else f"{sentence}\nTry this:\n{block}"


def question(
    prompt: str, jobs: int, pictures: int, seconds: float | None = None, balances: Sequence[Balance] = ()
) -> str:
    """Return what is asked before a large request starts: what it makes, takes, and what is left of it."""
    made = f"{plural(jobs, 'job')} with {plural(pictures, 'picture')} together"
    price = "" if seconds is None else f" It takes about {engine_seconds(seconds)} of the engine."
    left = " ".join(_left(one) for one in balances)
    return f"**{shown(prompt)}**\nThis makes {made}.{price} {left}".rstrip() + " Start?"


_NOW = {"day": "today", "month": "this month"}


def _left(balance: Balance) -> str:
    whose = "You have" if balance.whose == "you" else "This server has"
    return f"{whose} {engine_seconds(balance.left)} left {_NOW[balance.per]}."


def allowance(balances: Sequence[Balance]) -> str:
    """Return how the allowances stand: used, left, and when all of it is there again."""
    whose = {"you": "You", "server": "Everybody here together"}
    return "\n".join(
        f"{whose[one.whose]}: {engine_seconds(one.used)} of {engine_seconds(one.limit)} used "
        f"{_NOW[one.per]}, {engine_seconds(one.left)} left; "
        f"all of it again <t:{int(one.until)}:R>. `--relax` costs nothing."
        for one in balances
    )


def export_part(number: int) -> str:
    """Return what stands above a part of an export."""
    return f"Everything kept about you, part {number}."


def exported(parts: int) -> str:
    """Return the end of an export."""
    return (
        f"That is all: {plural(parts, 'file')}. `data-1.json` holds the rows about you, the folders your "
        "pictures. Save them now; Discord forgets messages that only you see."
    )


def alt(job: Job, cell: int | None = None) -> str:
    """Return the alternative text of a picture: what it was asked to show, for those who cannot see it."""
    spoken = " ".join(_CONTROL.sub("", job.prompt).split())
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


def _inputs(spec: JobSpec) -> str:
    named = [f"{one.role.value} × {one.weight:.2g}" for one in spec.inputs if one.role is not Role.TASTE]
    liked_ones = len(spec.inputs) - len(named)
    if spec.adapter and named:
        named[-1] += " (read by the IP-Adapter)"
    return ", ".join(named + ([f"{plural(liked_ones, 'picture')} marked with ❤️"] if liked_ones else []))


def picture_facts(job: Job, cell: int | None = None) -> list[tuple[str, str]]:
    """Return what the Info button tells about a job, as (name, value) pairs ready to show."""
    spec = job.spec
    facts = [
        ("Job", f"`{job.id}`" + ("" if cell is None else f", image #{cell + 1}")),
        ("Model", f"`{spec.model}`"),
        ("Drawn at" if _creative(job) else "Size", f"{spec.width} × {spec.height} px"),
    ]
    if spec.kind is Kind.UPSCALE:
        facts.append(("Upscaled", f"{spec.scale}×" + ("" if spec.strength is None else ", creative")))
    elif spec.kind not in WORDS:
        facts += [
            ("Seed", str(spec.seed if cell is None else (spec.seed + cell) % 2**32)),
            ("Steps", f"{spec.steps}"),
            ("Guidance", f"{spec.guidance_scale:g}"),
            ("Sampler", f"`{spec.sampler}`"),
        ]
        facts += [
            (name, f"{value}")
            for name, value in (
                ("Chaos", spec.chaos), ("Stylize", spec.stylize), ("Weird", spec.weird), ("Exp", spec.exp),
                ("Style", spec.style), ("Tile", "on" if spec.tile else ""),
                ("Stop", f"{spec.stop}%" if spec.stop < 100 else ""),
                ("LoRA", ", ".join(f"{lora.name}:{lora.weight:g}" for lora in spec.loras)),
                ("Pictures", _inputs(spec)),
            )
            if value
        ]
        if spec.negative_prompt:
            facts.append(("Negative", shown(spec.negative_prompt, 300)))
        if spec.strength is not None:
            facts.append(("Strength", f"{spec.strength:g}"))
    if job.sources:
        facts.append(("Chosen by", origins(dict(job.sources))))
    if job.parent is not None:
        of = "" if job.parent_cell is None else f", image #{job.parent_cell + 1}"
        facts.append(("Made from", f"`{job.parent}`{of}"))
    facts.append(("Asked", f"<t:{int(job.created_at)}:R>"))
    if job.finished_at is not None and job.started_at is not None:
        facts.append(("Drawn in", f"{job.finished_at - job.started_at:.1f} s"))
    return facts


_CHOSEN = {
    "prompt": "The prompt",
    "suffix": "Your suffix",
    "settings": "Your settings",
    "server": "The server",
    "model": "The model",
}


def origins(sources: Mapping[str, str]) -> str:
    """Return who chose which flags, nearest first, a line each."""
    lines = []
    for source, name in _CHOSEN.items():
        flags = [f"`--{flag}`" for flag, who in sources.items() if who == source]
        if flags:
            lines.append(f"{name}: {' '.join(flags)}")
    return "\n".join(lines)


def job_line(job: Job, place: int | None = None) -> str:
    """Return one line about a job for ``/queue`` and ``/info``."""
    state = _STANDING[job.state]
    if job.state is State.QUEUED and place is not None:
        state = f"waiting, {ordinal(place)} in the queue"
    return f"`{job.id}` {shown(job.prompt, 80)} ({state})"


def queue(running: int, waiting: int, *, paused: bool) -> str:
    """Return the first line of ``/queue``."""
    line = "Nothing is waiting."
    if running or waiting:
        line = f"{plural(running, 'job')} being drawn, {waiting} waiting."
    elif not paused:
        line += " `/imagine` starts at once."
    return line + " The queue is paused; nothing new starts until an admin resumes it." if paused else line


def cancelled(jobs: Sequence[Job]) -> str:
    """Return what ``/cancel`` answers."""
    taken = [job for job in jobs if job.state is State.CANCELLED]
    if not taken:
        return ALREADY_OVER
    return "\n".join(f"Cancelled: `{job.id}` {shown(job.prompt, 80)}" for job in taken)[:CONTENT_LIMIT]


def person_facts(
    open_jobs: Sequence[tuple[Job, int | None]],
    recent: Sequence[Job],
    limits: LimitsConfig,
    preferences: Mapping[str, str],
    balances: Sequence[Balance] = (),
) -> list[tuple[str, str]]:
    """Return what ``/info`` tells, as (name, value) pairs. ``open_jobs``: a job and how many go before it."""
    lines = [job_line(job, None if before is None else before + 1) for job, before in open_jobs[:10]]
    done = [job for job in recent if job.state is State.RENDERED][:5]
    kept = [(key, preferences[key]) for key in ("settings", "suffix") if key in preferences]
    habits = [f"`{key}`: {shown(flags, 200)}" for key, flags in kept]
    return [
        ("Your jobs", "\n".join(lines) or "None waiting or running."),
        ("Your newest results", "\n".join(map(job_line, done)) or "None yet. `/imagine` makes one."),
        (
            "Your limits",
            f"{plural(limits.running, 'job')} drawn at the same time, {limits.waiting} waiting, "
            f"{limits.permutations} from one prompt.",
        ),
        *([("Your allowance", allowance(balances))] if balances else []),
        ("Your settings", "\n".join(habits) or "As they came. `/settings` and `/prefer` change them."),
    ]


def liked(marked: bool, count: int) -> str:
    """Return what the heart button answers."""
    now = "Marked with ❤️." if marked else "No longer marked."
    use = "`--profile` draws in their colours."
    use = use if count >= LIKED_LEAST else f"From {LIKED_LEAST} on, {use}"
    return f"{now} You have marked {plural(count, 'picture')}. {use}"


def no_number(text: str) -> str:
    """Return the refusal of a zoom that is no number."""
    return f"{quoted(text)} is no number. Write one above 1 and at most 2, such as `1.5`."


def no_option(name: str) -> str:
    """Return the refusal to delete what is not there."""
    return f"You have no flag {quoted(name)}. `/prefer option list` shows yours."


def option_taken(name: str) -> str:
    """Return the refusal of a name that is a flag already."""
    return f"{quoted('--' + name)} is a flag already. Choose another name."


def too_many_options(most: int) -> str:
    """Return the refusal of one option too many."""
    return f"You have {most} flags of your own, and that is the most. Delete one with `/prefer option set`."


def option_kept(name: str, value: str) -> str:
    """Return the confirmation of a new option."""
    return f"{quoted('--' + name)} now stands for: {shown(value, 900)}"


def option_deleted(name: str) -> str:
    """Return the confirmation of a deleted option."""
    return f"{quoted('--' + name)} is deleted."


def options(own: Mapping[str, str]) -> str:
    """Return the list of a person's own flags."""
    if not own:
        return "You have no flags of your own. `/prefer option set` makes one."
    lines = [f"{quoted('--' + name)}: {shown(text, 60)}" for name, text in own.items()]
    return "\n".join(lines)[:CONTENT_LIMIT]


def suffix_kept(flags: str | None) -> str:
    """Return the confirmation of a suffix, or of none."""
    if flags is None:
        return "Nothing is put after your prompts."
    return f"After each prompt: {shown(flags, 900)}"


HELP = (
    "Type `/imagine` and say what to draw: `a red apple on a table`. You get a grid of pictures.\n"
    "**U1–U4** show one picture alone, **V1–V4** make variations of it, 🔄 draws the prompt again.\n"
    "`/queue` shows where your jobs stand, `/cancel` takes one back, `/show` posts an old result again.\n"
    "Flags go after the words: `a red apple --ar 3:2 --seed 7`. `/help flag:` tells more about each."
)


SECTIONS = {
    "ar": "Shape",
    "model": "Model",
    "no": "What it shows",
    "seed": "How it is drawn",
    "repeat": "How many, how soon",
    "iw": "Pictures to go by",
}
"""Headings of ``/help``, by the flag of the table that each begins with."""


def flag_pages(flags: Iterable[Flag]) -> list[tuple[str, str]]:
    """Return every flag in few words, as fields of at most 1024 characters each, under their headings."""
    pages: list[tuple[str, str]] = []
    for flag in flags:
        line = f"`--{flag.name}` {textwrap.shorten(flag.meaning, 95, placeholder='…')}\n"
        heading = SECTIONS.get(flag.name)
        if heading is None and pages:
            last, lines = pages[-1]
            if len(lines) + len(line) <= 1024:
                pages[-1] = (last, lines + line)
                continue
            heading = last if last.endswith(" (more)") else f"{last} (more)"
        pages.append((heading or "Flags", line))
    return pages


def flag_details(flag: Flag) -> str:
    """Return all about one flag."""
    names = " ".join(f"`--{name}`" for name in flag.names)
    lines = [flag.meaning, f"**Written** {names}", f"**Value** {flag.range}"]
    lines.append(f"**Without it** {flag.default}")
    if flag.example:
        lines.append(f"**Example** `--{flag.name} {flag.example}`")
    return "\n".join(lines)
