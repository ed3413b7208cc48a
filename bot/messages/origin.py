"""The words of where a picture comes from; refuses to know discord.py and the database."""

from __future__ import annotations

from bot.messages.text import CONTENT_LIMIT, shown, to_copy
from engine.jobs import Job
from engine.provenance import words
from engine.provenance.values import FoundRecipe, Verdict
from engine.words import Sentence, say

LABEL = Sentence("AI-generated")
"""The word for people, where a server wants one."""
NO_RECIPE = Sentence("No recipe is written in this picture.")
AS_PROMPT = Sentence("Its recipe, as a prompt to draw again:")


def verdict(found: Verdict, job: Job | None, *, told: bool) -> str:
    """Return what is known of a picture's origin. ``told``: whoever asks may know which job it was."""
    return words.verdict(found, job, told=told, shown=shown)


def recipe(found: FoundRecipe, line: str | None) -> str:
    """Return a recipe as it is told: program, and the line that draws it again."""
    if not line:
        return say("Its recipe is {program}'s, and no prompt is in it.", program=shown(found.program, 40))
    block = to_copy(line, limit=CONTENT_LIMIT - 700)
    return say(AS_PROMPT) if block is None else f"{say(AS_PROMPT)}\n{block}"
