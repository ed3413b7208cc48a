"""The words of describing and shortening; refuses to know discord.py and the database."""

from __future__ import annotations

from bot.messages.text import CONTENT_LIMIT, mention, shown, to_copy
from engine.jobs import Job, Kind
from engine.planning.answers import Shortened
from engine.words import Sentence, say

CHANGE = Sentence("Change it first…")
TOO_LONG = Sentence("The longer prompt is too long to be shown here. Take flags out and try again.")
IMAGINE_TITLE = Sentence("Imagine this")
IMAGINE_LABEL = Sentence("Prompt, with its flags")
DESCRIBED_ALT = Sentence("The picture that is described")
TITLES = {
    Kind.DESCRIBE: Sentence("What I see in it, as prompts"),
    Kind.SHORTEN: Sentence("Shorter versions of your prompt"),
}

BOLD, STRUCK = 1.3, 0.35
"""A word is bold that matters this many times as much as the average one, and struck out below the second."""


def weighed(found: Shortened) -> str:
    """Return the prompt with its important words bold and its weak ones struck out, as Discord shows it."""
    average = 1 / max(1, len(found.words))
    marked = []
    for word, share in found.words:
        text = shown(word, 60)
        if share >= BOLD * average:
            marked.append(f"**{text}**")
        elif share <= STRUCK * average:
            marked.append(f"~~{text}~~")
        else:
            marked.append(text)
    return " ".join(marked)


def answer(job: Job, prompts: tuple[str, ...], owner: str | None = None) -> str:
    """Return a job's answer: who asked, what matters where that was asked, and the numbered prompts."""
    lines = [f"{say(TITLES[job.spec.kind])} - {mention(owner or job.owner)}"]
    if job.spec.kind is Kind.SHORTEN:
        lines.append(_fitting(weighed(Shortened.read(job.texts)), 700))
    room = (CONTENT_LIMIT - sum(len(line) + 1 for line in lines)) // max(1, len(prompts)) - 8
    lines += [f"{number}\ufe0f\u20e3 {shown(text, room)}" for number, text in enumerate(prompts, 1)]
    return "\n".join(lines)[:CONTENT_LIMIT]


def longer(line: str, found: str) -> tuple[str, bool]:
    """Return a lengthened prompt to look at, beside what was typed. False: it is too long to be shown."""
    head = say("From “{line}”. Nothing is drawn yet:", line=shown(line, 300))
    block = to_copy(found, CONTENT_LIMIT - len(head) - 20)
    return (say(TOO_LONG), False) if block is None else (f"{head}\n{block}", True)


def _fitting(marked: str, limit: int) -> str:
    """Return as many whole marked words as fit: a cut inside a mark would show the mark itself."""
    if len(marked) <= limit:
        return marked
    return marked[: marked.rfind(" ", 0, limit)] + " …"
