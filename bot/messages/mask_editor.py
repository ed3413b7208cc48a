"""The words about masks: what is marked, how it was said, what can be pressed. Refuses to know discord.py."""

from __future__ import annotations

from collections.abc import Sequence

from bot.messages.text import shown as plain
from engine.images import MaskPolarity
from engine.library.masks import MaskDraft, MaskPreview
from engine.planning.parts import looked_for, part
from engine.words import Sentence, say

ASK = Sentence("**Which part should change?** Tap the numbered squares, or choose whole parts from the list.")
MARKED = Sentence("**Is this the part that should change?**")
NOTHING = Sentence("Nothing is marked yet.")
AGAIN = Sentence("Widen it, or mark it another way.")
STAYS = Sentence("What is tinted pink is repainted. Everything else stays as it is, to the pixel.")

AREAS = Sentence("Halves, thirds, centre, border …")
WIDEN, SHRINK, INVERT, FEATHER = (
    Sentence("Widen"),
    Sentence("Shrink"),
    Sentence("Invert"),
    Sentence("Feather"),
)
GO, LEAVE = Sentence("Repaint…"), Sentence("Cancel")
SAY, BRING, DRAW, TAP, LOOK = (
    Sentence("Say where…"),
    Sentence("Upload a mask…"),
    Sentence("Draw it"),
    Sentence("Use squares"),
    Sentence("Show"),
)

PROMPT_TITLE = Sentence("What should be there?")
PROMPT_LABEL = Sentence("Prompt for the marked part")
SAY_TITLE = Sentence("Say where")
SAY_LABEL = Sentence("What should be marked?")
SAY_EXAMPLE = Sentence("the hat")
BRING_TITLE = Sentence("Upload a mask")
BRING_LABEL = Sentence("A picture in the same size")
BRING_HELP = Sentence("White, black or transparent marks what changes; you can switch that afterwards.")
LEFT = Sentence("Nothing was painted, and the mask is thrown away.")
NO_FILE = Sentence("There was no file in it. Choose a picture and send it again.")
NO_PROMPT = Sentence("Write what should be there: it is drawn into the marked part.")

REPAINTS = {
    MaskPolarity.WHITE: Sentence("White repaints"),
    MaskPolarity.BLACK: Sentence("Black repaints"),
    MaskPolarity.TRANSPARENT: Sentence("Transparent repaints"),
}
REPAINTS_IN_MASK = {
    MaskPolarity.WHITE: Sentence("white repaints in your mask"),
    MaskPolarity.BLACK: Sentence("black repaints in your mask"),
    MaskPolarity.TRANSPARENT: Sentence("transparent repaints in your mask"),
}


def looking(words: str) -> str:
    """Return what is said while words are looked for."""
    return say("Looking for “{words}” in the picture …", words=plain(words, 100))


def begun(line: str) -> str:
    """Return what a repaint is, as soon as it was asked for."""
    return say("Repainting the marked part: “{line}”", line=plain(line, 200))


def title(sketch: MaskDraft, shown: MaskPreview, strange: Sequence[str] = ()) -> str:
    """Return the lines above the overlay. ``strange``: words that the model looking was never taught."""
    outline = sketch.outline
    head = say(ASK) if outline.base is None else say(MARKED)
    if shown.empty:
        state = f"{say(NOTHING)} {say(STAYS) if outline.base is None else say(AGAIN)}"
    else:
        state = say(STAYS)
    if outline.words and (named := part(outline.words, shown.share)) is not None:
        state = f"{whole(named, share(shown))}\n{state}"
    return f"{head}\n{state}\n-# " + " · ".join(_facts(sketch, shown, strange))


def whole(named: str, marked: str) -> str:
    """Return the warning that more was marked than the part that was asked for."""
    return say(
        "⚠️ **{marked} is marked: that looks like more than the {named}.** Shrink it, use "
        "squares, or say where another way.",
        marked=marked,
        named=plain(named, 40),
    )


def _facts(sketch: MaskDraft, shown: MaskPreview, strange: Sequence[str]) -> list[str]:
    outline = sketch.outline
    facts = []
    if outline.words:
        known = [word for word in looked_for(outline.words) if word.lower().strip(",.") not in strange]
        facts.append(
            say("matched: “{known}”", known=plain(" ".join(known), 100)) if known else say("no word matched")
        )
        if strange:
            facts.append(say("the model does not know “{strange}”", strange=plain(", ".join(strange), 100)))
    if outline.readings:
        facts.append(say(REPAINTS_IN_MASK[outline.reading]))
    facts.append(
        say(
            "{share} of {width} × {height} pixels marked",
            share=share(shown),
            width=shown.size[0],
            height=shown.size[1],
        )
    )
    if outline.grown:
        grown = say("widened {times}×", times=outline.grown) if outline.grown > 0 else None
        facts.append(grown or say("shrunk {times}×", times=-outline.grown))
    if outline.inverted:
        facts.append(say("inverted"))
    if shown.feather:
        facts.append(say("edge fades over {feather} px", feather=shown.feather))
    return facts


def share(shown: MaskPreview) -> str:
    """Return how much is marked: ``35%``, never 0% where something is."""
    if shown.empty:
        return "0%"
    return f"{max(1, min(100, round(100 * shown.share)))}%"


def alt(sketch: MaskDraft, shown: MaskPreview) -> str:
    """Return the overlay's text for those who cannot see it."""
    marked = ", ".join(str(number + 1) for number in sketch.outline.squares)
    squares = " " + say("Marked squares: {marked}.", marked=marked) if marked else ""
    areas = (
        " " + say("Marked parts: {areas}.", areas=", ".join(map(say, sketch.outline.areas)))
        if sketch.outline.areas
        else ""
    )
    return say(
        "The picture with the marked part tinted; {share} is marked.{squares}{areas}",
        share=share(shown),
        squares=squares,
        areas=areas,
    )
