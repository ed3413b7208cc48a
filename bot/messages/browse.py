"""Words of lists of results: history, favorites, a server's gallery, an opened entry; knows no discord.py."""

from __future__ import annotations

from bot.messages.jobs import doing
from bot.messages.text import mention, quoted, shown
from engine.jobs import Job
from engine.service import FAVORITES, GALLERY, HISTORY, Search
from engine.words import Sentence, counted, say

OPEN = Sentence("Open one…")
BACK, NEWER, OLDER = Sentence("Back"), Sentence("Newer"), Sentence("Older")
POSTED = Sentence("Posted here.")
DATES = ("today", "yesterday", "last 7 days", "last 30 days")
"""What can be said for a date, beside a day, a month or a year in figures."""
TITLES = {
    HISTORY: Sentence("Your results"),
    FAVORITES: Sentence("What you marked with ❤️"),
    GALLERY: Sentence("What this server likes"),
}
EMPTY = {
    HISTORY: Sentence("You have drawn nothing yet. `/imagine` begins."),
    FAVORITES: Sentence("You have marked nothing yet. Press ❤️ under a picture, or react with it."),
    GALLERY: Sentence("Nothing here was marked yet. ❤️ a picture that was posted where everybody can see it."),
}
NOTHING_FOUND = Sentence("Nothing fits that. Try fewer words, or leave out the date.")
FULL_LINK = Sentence("Full size, for an hour:")
FULL_HERE = Sentence("Full size, as it was drawn:")
FULL_SENT = Sentence("Full size: on its way to your direct messages.")
FULL_CLOSED = Sentence(
    "It is too large to give you here, and your direct messages are closed to me: this "
    "server's menu > Privacy Settings > Direct Messages opens them."
)
MISSING = Sentence("The picture is no longer kept.")


def bad_date(text: str) -> str:
    """Return the refusal of a date."""
    return say(
        "{said} is no date. Write `today`, `last 7 days`, a day (`2026-11-24`) or a month (`2026-11`).",
        said=quoted(text, 40),
    )


def title(which: str, total: int, number: int, last: int, search: Search) -> str:
    """Return what stands above a page (``number`` from 0)."""
    what = [f"“{shown(search.words, 60)}”"] if search.words else []
    what += [say("drawn by {model}", model=quoted(search.model))] if search.model else []
    if search.since is not None:
        since, until = int(search.since), search.until
        if until is None:
            what.append(say("since <t:{since}:d>", since=since))
        else:
            what.append(say("<t:{since}:d> to <t:{until}:d>", since=since, until=int(until) - 1))
    what += [say("with ❤️")] if search.liked else []
    if not total:
        return f"### {say(TITLES[which])}\n{say(NOTHING_FOUND) if what else say(EMPTY[which])}"
    if which == HISTORY:
        count = counted(total, "{n} result", "{n} results")
    else:
        count = counted(total, "{n} picture", "{n} pictures")
    lines = [f"### {say(TITLES[which])}", count + (f": {', '.join(what)}" if what else "")]
    if last:
        lines[-1] += " · " + say("page {number} of {last}", number=number + 1, last=last + 1)
    return "\n".join(lines)


def entry(job: Job, number: int, hearts: int, cell: int | None, *, whose: bool = False) -> str:
    """Return the words beside a thumbnail. ``number``: its place on the page, from 1."""
    return f"**{number}.** {shown(job.prompt, 110)}\n-# {facts(job, hearts, cell, whose=whose)}"


def facts(job: Job, hearts: int, cell: int | None, *, whose: bool = False) -> str:
    """Return when, by which model and how a result was made, and who liked it."""
    found = [mention(job.owner)] if whose else []
    found += [f"<t:{int(job.created_at)}:R>", job.spec.model]
    found += [done] if (done := doing(job)) else []
    found += [say("image #{cell}", cell=cell + 1)] if cell is not None and len(job.pictures) > 1 else []
    found += [f"❤️ {hearts}"] if hearts else []
    return " · ".join(found)


def option(job: Job, number: int, cell: int | None) -> tuple[str, str]:
    """Return label and description of an entry in the list of those to open."""
    words = " ".join(job.prompt.split())
    which = ", " + say("image #{cell}", cell=cell + 1) if cell is not None and len(job.pictures) > 1 else ""
    return f"{number}. {words}"[:100], f"{job.spec.model}{which} · {job.id}"[:100]


def opened(job: Job, cell: int | None) -> str:
    """Return what stands above an opened entry: words first, ids last."""
    return f"{shown(job.prompt)}\n-# {facts(job, 0, cell)} · `{job.id}`"


def part(number: int, count: int) -> str:
    """Return what stands above one of several files of a picture in full size."""
    return say("Full size, {number} of {count}:", number=number, count=count)
