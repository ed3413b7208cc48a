"""The words of reports, appeals and what moderators read about them: text in, text out."""

from __future__ import annotations

from bot.messages.text import CONTENT_LIMIT, mention, quoted, shown
from engine.jobs import Job
from engine.moderation.appeals import HOSTS_LIST, lifted
from engine.rules.people import Refusal, Report
from engine.words import Sentence, say

HIDDEN = Sentence("This picture was reported. It is hidden until a moderator has looked at it.")
REPORT_TITLE = Sentence("Report this picture")
REPORT_LABEL = Sentence("What is wrong with it?")
REPORT_EXAMPLE = Sentence("It shows a real person; it is not fit for this channel …")
APPEAL_TITLE = Sentence("Appeal")
APPEAL_LABEL = Sentence("Why should a moderator look again?")
APPEAL = Sentence("Appeal")
HIDES = Sentence("It is hidden until you decide.")
DOUBTED = Sentence("It is still shown: this person's reports were all returned before.")
PLACES_ONLY = Sentence(
    "-# Accepting tells them so; only a channel opened with `/admin channels content` draws this."
)
HOSTS_WORDS = Sentence(
    "-# Accepting tells them so; these are words of the host's, let through by the bot's "
    "owner alone (`/admin words allow … everywhere:True`)."
)
NOT_KEPT = Sentence(
    "-# Accepting tells them so; the picture was not kept, and drawn again it is looked at again."
)
BACK, GONE, BAN = Sentence("Put back"), Sentence("Remove for good"), Sentence("Remove, and ban the author")
GRANT, DECLINE = Sentence("Accept"), Sentence("Decline")
THANKS_HIDDEN = Sentence("Thank you. The picture is hidden until a moderator has looked at it.")
THANKS = Sentence("Thank you. A moderator will look at it.")
APPEALED = Sentence("Your appeal was sent. A moderator's decision comes to your direct messages.")
NOT_OURS = Sentence("That message is none of my pictures. Pick one of mine, with its buttons under it.")


def thanks(report: Report) -> str:
    """Return what somebody who reported reads."""
    return say(THANKS_HIDDEN) if report.hides and report.state == "open" else say(THANKS)


def notice(report: Report, job: Job | None, refusal: Refusal | None) -> str:
    """Return what moderators read about a report or an appeal."""
    told = {"id": report.id, "person": mention(report.owner)}
    if report.kind == "report":
        state = say(HIDES) if report.hides else say(DOUBTED)
        lines = [say("**Report {id}** by {person}. {state}", state=state, **told)]
    else:
        lines = [say("**Appeal {id}** by {person}.", **told)]
    if report.words:
        lines.append(say("They say: {words}", words=shown(report.words, 600)))
    if job is not None:
        lines.append(
            say(
                "Drawn by {owner}, job `{id}`: {prompt}",
                owner=mention(job.owner),
                id=job.id,
                prompt=shown(job.prompt, 600),
            )
        )
    if refusal is not None:
        lines.append(
            say(
                "Refused because of {why}: {prompt}",
                why=shown(refusal.why, 200),
                prompt=shown(refusal.prompt, 600),
            )
        )
        lines.append(_accepting(refusal))
    return "\n".join(lines)[:CONTENT_LIMIT]


def _accepting(refusal: Refusal) -> str:
    """Return what moderators read about what accepting does."""
    if words := lifted(refusal):
        listed = ", ".join(quoted(word) for word in words[:10])
        where = say("everywhere") if refusal.guild is None else say("in this server")
        return say("-# Accepting lets {listed} through {where}, for everybody.", listed=listed, where=where)
    if refusal.why.startswith(HOSTS_LIST):
        return say(HOSTS_WORDS)
    return say(PLACES_ONLY) if refusal.job is None else say(NOT_KEPT)


DECISIONS = {
    "returned": Sentence("Put back"),
    "removed": Sentence("Removed for good"),
    "granted": Sentence("Accepted"),
    "declined": Sentence("Declined"),
}


def decided(report: Report, text: str) -> str:
    """Return a notice with what was decided, by whom."""
    by = mention(report.moderator) if report.moderator else say("a moderator")
    return say(
        "{said}\n**{decisions}** by {by}.",
        said=text[: CONTENT_LIMIT - 100],
        decisions=say(DECISIONS[report.state]),
        by=by,
    )


def removed(job: Job, server: str) -> str:
    """Return what the author of a removed picture reads."""
    return say(
        "A moderator of {server} removed your picture: {prompt}",
        server=shown(server, 100),
        prompt=shown(job.prompt, 600),
    )


def answered(report: Report, job: Job | None, refusal: Refusal | None, server: str) -> str:
    """Return what somebody who appealed reads in the end."""
    about = job.prompt if job is not None else refusal.prompt if refusal is not None else ""
    told = {"where": shown(server, 100), "about": shown(about, 600)}
    if report.state == "declined":
        return say("A moderator of {where} looked again and left it as it was: {about}", **told)
    if job is not None:
        again = say("`/show job:{id}` posts it again", id=job.id)
    elif refusal is not None and lifted(refusal):
        again = say("its words are let through there now, so try again")
    else:
        again = say("ask them where it may be drawn")
    return say("A moderator of {where} accepted your appeal; {again}: {about}", again=again, **told)
