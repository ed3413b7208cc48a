"""The words of reports, appeals and what moderators read about them: text in, text out."""

from __future__ import annotations

from bot.messages.text import CONTENT_LIMIT, mention, quoted, shown
from engine.jobs import Job
from engine.moderation.appeals import HOSTS_LIST, lifted
from engine.rules.people import Refusal, Report

HIDDEN = "This picture was reported. It is hidden until a moderator has looked at it."
REPORT_TITLE = "Report this picture"
REPORT_LABEL = "What is wrong with it?"
REPORT_EXAMPLE = "It shows a real person; it is not fit for this channel …"
APPEAL_TITLE = "Appeal"
APPEAL_LABEL = "Why should a moderator look again?"
APPEAL = "Appeal"
HIDES = "It is hidden until you decide."
DOUBTED = "It is still shown: this person's reports were all returned before."
PLACES_ONLY = "-# Accepting tells them so; only a channel opened with `/admin channels content` draws this."
HOSTS_WORDS = (
    "-# Accepting tells them so; these are words of the host's, let through by the bot's owner alone "
    "(`/admin words allow … everywhere:True`)."
)
NOT_KEPT = "-# Accepting tells them so; the picture was not kept, and drawn again it is looked at again."
BACK, GONE, BAN = "Put back", "Remove for good", "Remove, and ban the author"
GRANT, DECLINE = "Accept", "Decline"
THANKS_HIDDEN = "Thank you. The picture is hidden until a moderator has looked at it."
THANKS = "Thank you. A moderator will look at it."
APPEALED = "Your appeal was sent. A moderator's decision comes to your direct messages."
NOT_OURS = "That message is none of my pictures. Pick one of mine, with its buttons under it."


def thanks(report: Report) -> str:
    """Return what somebody who reported reads."""
    return THANKS_HIDDEN if report.hides and report.state == "open" else THANKS


def notice(report: Report, job: Job | None, refusal: Refusal | None) -> str:
    """Return what moderators read about a report or an appeal."""
    if report.kind == "report":
        state = HIDES if report.hides else DOUBTED
        lines = [f"**Report {report.id}** by {mention(report.person)}. {state}"]
    else:
        lines = [f"**Appeal {report.id}** by {mention(report.person)}."]
    if report.words:
        lines.append(f"They say: {shown(report.words, 600)}")
    if job is not None:
        lines.append(f"Drawn by {mention(job.owner)}, job `{job.id}`: {shown(job.prompt, 600)}")
    if refusal is not None:
        lines.append(f"Refused because of {shown(refusal.why, 200)}: {shown(refusal.prompt, 600)}")
        lines.append(_accepting(refusal))
    return "\n".join(lines)[:CONTENT_LIMIT]


def _accepting(refusal: Refusal) -> str:
    """Return what moderators read about what accepting does."""
    if words := lifted(refusal):
        listed = ", ".join(quoted(word) for word in words[:10])
        where = "everywhere" if refusal.guild is None else "in this server"
        return f"-# Accepting lets {listed} through {where}, for everybody."
    if refusal.why.startswith(HOSTS_LIST):
        return HOSTS_WORDS
    return PLACES_ONLY if refusal.job is None else NOT_KEPT


DECISIONS = {
    "returned": "Put back",
    "removed": "Removed for good",
    "granted": "Accepted",
    "declined": "Declined",
}


def decided(report: Report, text: str) -> str:
    """Return a notice with what was decided, by whom."""
    by = mention(report.moderator) if report.moderator else "a moderator"
    return f"{text[: CONTENT_LIMIT - 100]}\n**{DECISIONS[report.state]}** by {by}."


def removed(job: Job, server: str) -> str:
    """Return what the author of a removed picture reads."""
    return f"A moderator of {shown(server, 100)} removed your picture: {shown(job.prompt, 600)}"


def answered(report: Report, job: Job | None, refusal: Refusal | None, server: str) -> str:
    """Return what somebody who appealed reads in the end."""
    about = job.prompt if job is not None else refusal.prompt if refusal is not None else ""
    where = shown(server, 100)
    if report.state == "declined":
        return f"A moderator of {where} looked again and left it as it was: {shown(about, 600)}"
    if job is not None:
        again = f"`/show job:{job.id}` posts it again"
    elif refusal is not None and lifted(refusal):
        again = "its words are let through there now, so try again"
    else:
        again = "ask them where it may be drawn"
    return f"A moderator of {where} accepted your appeal; {again}: {shown(about, 600)}"
