"""The words about masks: what is marked, how it was said, what can be pressed. Refuses to know discord.py."""

from __future__ import annotations

from collections.abc import Sequence

from bot.messages.text import shown as plain
from engine.images import MaskPolarity
from engine.library.masks import MaskDraft, MaskPreview
from engine.planning.parts import looked_for, part

ASK = "**Which part should change?** Tap the numbered squares, or choose whole parts from the list."
MARKED = "**Is this the part that should change?**"
NOTHING = "Nothing is marked yet."
AGAIN = "Widen it, or mark it another way."
STAYS = "What is tinted pink is repainted. Everything else stays as it is, to the pixel."

AREAS = "Halves, thirds, centre, border …"
WIDEN, SHRINK, INVERT, FEATHER = "Widen", "Shrink", "Invert", "Feather"
GO, LEAVE = "Repaint…", "Cancel"
SAY, BRING, DRAW, TAP, LOOK = "Say where…", "Upload a mask…", "Draw it", "Use squares", "Show"

PROMPT_TITLE = "What should be there?"
PROMPT_LABEL = "Prompt for the marked part"
SAY_TITLE = "Say where"
SAY_LABEL = "What should be marked?"
SAY_EXAMPLE = "the hat"
BRING_TITLE = "Upload a mask"
BRING_LABEL = "A picture in the same size"
BRING_HELP = "White, black or transparent marks what changes; you can switch that afterwards."
LEFT = "Nothing was painted, and the mask is thrown away."
NO_FILE = "There was no file in it. Choose a picture and send it again."
NO_PROMPT = "Write what should be there: it is drawn into the marked part."

REPAINTS = {
    MaskPolarity.WHITE: "White repaints",
    MaskPolarity.BLACK: "Black repaints",
    MaskPolarity.TRANSPARENT: "Transparent repaints",
}


def looking(words: str) -> str:
    """Return what is said while words are looked for."""
    return f"Looking for “{plain(words, 100)}” in the picture …"


def begun(line: str) -> str:
    """Return what a repaint is, as soon as it was asked for."""
    return f"Repainting the marked part: “{plain(line, 200)}”"


def title(sketch: MaskDraft, shown: MaskPreview, strange: Sequence[str] = ()) -> str:
    """Return the lines above the overlay. ``strange``: words that the model looking was never taught."""
    outline = sketch.outline
    head = ASK if outline.base is None else MARKED
    if shown.empty:
        state = f"{NOTHING} {STAYS if outline.base is None else AGAIN}"
    else:
        state = STAYS
    if outline.words and (named := part(outline.words, shown.share)) is not None:
        state = f"{whole(named, share(shown))}\n{state}"
    return f"{head}\n{state}\n-# " + " · ".join(_facts(sketch, shown, strange))


def whole(named: str, marked: str) -> str:
    """Return the warning that more was marked than the part that was asked for."""
    return (
        f"⚠️ **{marked} is marked: that looks like more than the {plain(named, 40)}.** "
        "Shrink it, use squares, or say where another way."
    )


def _facts(sketch: MaskDraft, shown: MaskPreview, strange: Sequence[str]) -> list[str]:
    outline = sketch.outline
    facts = []
    if outline.words:
        known = [word for word in looked_for(outline.words) if word.lower().strip(",.") not in strange]
        facts.append(f"matched: “{plain(' '.join(known), 100)}”" if known else "no word matched")
        if strange:
            facts.append(f"the model does not know “{plain(', '.join(strange), 100)}”")
    if outline.readings:
        facts.append(f"{REPAINTS[outline.reading].lower()} in your mask")
    facts.append(f"{share(shown)} of {shown.size[0]} × {shown.size[1]} pixels marked")
    if outline.grown:
        facts.append(f"{'widened' if outline.grown > 0 else 'shrunk'} {abs(outline.grown)}×")
    if outline.inverted:
        facts.append("inverted")
    if shown.feather:
        facts.append(f"edge fades over {shown.feather} px")
    return facts


def share(shown: MaskPreview) -> str:
    """Return how much is marked: ``35%``, never 0% where something is."""
    if shown.empty:
        return "0%"
    return f"{max(1, min(100, round(100 * shown.share)))}%"


def alt(sketch: MaskDraft, shown: MaskPreview) -> str:
    """Return the overlay's text for those who cannot see it."""
    marked = ", ".join(str(number + 1) for number in sketch.outline.squares)
    squares = f" Marked squares: {marked}." if marked else ""
    areas = f" Marked parts: {', '.join(sketch.outline.areas)}." if sketch.outline.areas else ""
    return f"The picture with the marked part tinted; {share(shown)} is marked.{squares}{areas}"
