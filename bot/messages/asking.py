"""Words of asking: dialogs, questions before large requests, refusals with the prompt to copy."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.messages.text import CONTENT_LIMIT, plural, quoted, shown, to_copy
from engine.rules.allowance import Balance
from engine.rules.allowance import seconds as engine_seconds

APOLOGY = "Something broke on our side. Nothing was charged; please try again."
OUTDATED = "This command has changed since your Discord loaded it. Restart Discord (Ctrl+R) and try again."
DRAW_THIS, TRY_AGAIN = "Draw this", "Try again"
NEAREST_SIZE = "Draw in the nearest size"
NOTHING_TO_DRAW = "That message holds no line to draw. Please send the command again."
QUESTION_GONE = "That question is too old to answer. Please send the command again."
NOT_STARTED = "Nothing was started."
PROMPT_FILE = "Your prompt, to copy."
PROMPT_ATTACHED = "Your prompt is attached, to copy."
REFUSED = "That could not be started."
ONE_HERE = (
    "I am not a member here, so I can answer each command with one job only. "
    "Take the choices out of the braces, or ask for each in turn."
)
ZOOM_TITLE = "Custom Zoom"
ZOOM_LABEL = "Zoom factor (more than 1, up to 2)"
AGAIN, DRAWING = "The prompt again", "Drawing"
REMIX_TITLE = "Remix"
REMIX_LABEL = "Prompt, with its flags"
EDIT_TITLE = "Edit"
EDIT_LABEL = "What to change"
EDIT_EXAMPLE = "make it night"
EDIT_NUMBER = "Which picture of the grid"
EDIT_MORE = "More pictures it speaks of"
EDIT_MORE_HELP = "Such as: put the hat of the second picture on the fox."


def begun(what: str, line: str | None = None, model: str | None = None) -> str:
    """Return what began: an edit by its title, with the words or the model it was given."""
    said = what + ("" if line is None else f": “{shown(line, 200)}”")
    return said if model is None else f"{said} with {quoted(model)}"


def blend_count(given: int) -> str:
    """Return the refusal of a blend with too few or too many pictures."""
    return f"A blend takes two to five pictures, and this one has {given}. Attach them, or name them by link."


def with_prompt(sentence: str, prompt: str) -> tuple[str, bool]:
    """Return a refusal followed by the prompt, whole: nothing typed is lost.

    False: the message cannot hold it, and it is to be attached as a file.
    """
    sentence = sentence if len(sentence) <= 900 else sentence[:899] + "…"
    block = to_copy(prompt, limit=CONTENT_LIMIT - len(sentence) - 40)
    if block is None:
        return f"{sentence}\n{PROMPT_ATTACHED}", False
    return f"{sentence}\nYour prompt, to copy:\n{block}", True


_COPIED = re.compile(r"```\n((?:(?!```).)+)\n```\s*\Z", re.DOTALL)


def copied(content: str) -> str | None:
    """Return the line to copy that a message ends with, or None."""
    found = _COPIED.search(content)
    return None if found is None else found[1]


def redo(typed: str, repaired: str | None) -> str:
    """Return what the button says that draws the line to copy: a repaired one, or the same once more."""
    if repaired is None:
        return TRY_AGAIN
    sized = re.search(r" --width \d+ --height \d+$", repaired)
    if sized is not None and sized[0] not in typed:
        return NEAREST_SIZE
    model = re.search(r"--model (\S+)", repaired)
    return f"Use model {model[1][:60]}" if model is not None and model[1] not in typed.split() else DRAW_THIS


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
        f"it resets <t:{int(one.until)}:R>. `--relax` costs nothing."
        for one in balances
    )
