"""Words of asking: dialogs, questions before large requests, refusals with the prompt to copy."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.messages.text import CONTENT_LIMIT, quoted, shown, to_copy
from engine.rules.allowance import Balance
from engine.rules.allowance import seconds as engine_seconds
from engine.words import Sentence, counted, say

APOLOGY = Sentence("Something broke on our side. Nothing was charged; please try again.")
OUTDATED = Sentence(
    "This command has changed since your Discord loaded it. Restart Discord (Ctrl+R) and try again."
)
DRAW_THIS, TRY_AGAIN = Sentence("Draw this"), Sentence("Try again")
NEAREST_SIZE = Sentence("Draw in the nearest size")
NOTHING_TO_DRAW = Sentence("That message holds no line to draw. Please send the command again.")
QUESTION_GONE = Sentence("That question is too old to answer. Please send the command again.")
NOT_STARTED = Sentence("Nothing was started.")
PROMPT_FILE = Sentence("Your prompt, to copy.")
PROMPT_ATTACHED = Sentence("Your prompt is attached, to copy.")
REFUSED = Sentence("That could not be started.")
ONE_HERE = Sentence(
    "I am not a member here, so I can answer each command with one job only. Take the "
    "choices out of the braces, or ask for each in turn."
)
ZOOM_TITLE = Sentence("Custom Zoom")
ZOOM_LABEL = Sentence("Zoom factor (more than 1, up to 2)")
AGAIN, DRAWING = Sentence("The prompt again"), Sentence("Drawing")
REMIX_TITLE = Sentence("Remix")
REMIX_LABEL = Sentence("Prompt, with its flags")
EDIT_TITLE = Sentence("Edit")
EDIT_LABEL = Sentence("What to change")
EDIT_EXAMPLE = Sentence("make it night")
EDIT_NUMBER = Sentence("Which picture of the grid")
EDIT_MORE = Sentence("More pictures it speaks of")
EDIT_MORE_HELP = Sentence("Such as: put the hat of the second picture on the fox.")


def begun(what: str, line: str | None = None, model: str | None = None) -> str:
    """Return what began: an edit by its title, with the words or the model it was given."""
    said = what + ("" if line is None else f": “{shown(line, 200)}”")
    return said if model is None else say("{what} with {model}", what=said, model=quoted(model))


def blend_count(given: int) -> str:
    """Return the refusal of a blend with too few or too many pictures."""
    return say(
        "A blend takes two to five pictures, and this one has {given}. Attach them, or name them by link.",
        given=given,
    )


def with_prompt(sentence: str, prompt: str) -> tuple[str, bool]:
    """Return a refusal followed by the prompt, whole: nothing typed is lost.

    False: the message cannot hold it, and it is to be attached as a file.
    """
    sentence = sentence if len(sentence) <= 900 else sentence[:899] + "…"
    block = to_copy(prompt, limit=CONTENT_LIMIT - len(sentence) - 40)
    if block is None:
        return f"{sentence}\n{say(PROMPT_ATTACHED)}", False
    return f"{sentence}\n{say('Your prompt, to copy:')}\n{block}", True


_COPIED = re.compile(r"```\n((?:(?!```).)+)\n```\s*\Z", re.DOTALL)


def copied(content: str) -> str | None:
    """Return the line to copy that a message ends with, or None."""
    found = _COPIED.search(content)
    return None if found is None else found[1]


def redo(typed: str, repaired: str | None) -> str:
    """Return what the button says that draws the line to copy: a repaired one, or the same once more."""
    if repaired is None:
        return say(TRY_AGAIN)
    sized = re.search(r" --width \d+ --height \d+$", repaired)
    if sized is not None and sized[0] not in typed:
        return say(NEAREST_SIZE)
    model = re.search(r"--model (\S+)", repaired)
    return (
        say("Use model {model}", model=model[1][:60])
        if model is not None and model[1] not in typed.split()
        else say(DRAW_THIS)
    )


def refusal(sentence: str, repaired: str | None = None) -> str:
    """Return a refusal of something typed, with the repaired line to copy where one could be guessed."""
    limit = CONTENT_LIMIT - min(len(sentence), 900) - 40
    block = None if repaired is None else to_copy(repaired, limit=limit)
    room = CONTENT_LIMIT - (0 if block is None else len(block) + 20)
    sentence = sentence if len(sentence) <= room else sentence[: room - 1] + "…"
    return sentence if block is None else f"{sentence}\n{say('Try this:')}\n{block}"


def question(
    prompt: str, jobs: int, pictures: int, seconds: float | None = None, balances: Sequence[Balance] = ()
) -> str:
    """Return what is asked before a large request starts: what it makes, takes, and what is left of it."""
    said = [
        say(
            "This makes {jobs} with {pictures} together.",
            jobs=counted(jobs, "{n} job", "{n} jobs"),
            pictures=counted(pictures, "{n} picture", "{n} pictures"),
        )
    ]
    if seconds is not None:
        said.append(say("It takes about {seconds} to draw.", seconds=engine_seconds(seconds)))
    said += map(_left, balances)
    return f"**{shown(prompt)}**\n{' '.join([*said, say('Start?')])}"


_NOW = {"day": Sentence("today"), "month": Sentence("this month")}


def _left(balance: Balance) -> str:
    left, now = engine_seconds(balance.left), say(_NOW[balance.per])
    if balance.whose == "you":
        return say("You have {left} left {now}.", left=left, now=now)
    return say("This server has {left} left {now}.", left=left, now=now)


def allowance(balances: Sequence[Balance]) -> str:
    """Return how the allowances stand: used, left, and when all of it is there again."""
    whose = {"you": say("You"), "server": say("Everybody here together")}
    return "\n".join(
        say(
            "{whose}: {used} of {limit} used {now}, {left} left; it resets <t:{until}:R>. `--relax` "
            "costs nothing.",
            whose=whose[one.whose],
            used=engine_seconds(one.used),
            limit=engine_seconds(one.limit),
            now=say(_NOW[one.per]),
            left=engine_seconds(one.left),
            until=int(one.until),
        )
        for one in balances
    )
