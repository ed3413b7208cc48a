"""What becomes of pictures that a classifier has looked at. Pure; knows no classifier and no places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.config import ModerationConfig
from engine.jobs import Adult
from engine.words import Sentence

FLAGGED = Sentence(
    "What came out looks like adult content to our picture check, and that is not shown here. Nothing was "
    "charged. 🔄 draws it again from another seed; other words help more."
)
FLAGGED_INPUT = Sentence(
    "That picture looks like adult content to our picture check, and such pictures are not shown or "
    "described here. Nothing was charged."
)
UNSURE = Sentence(
    "Our picture check did not work, so this picture cannot be shown. Nothing was charged; the host was told."
)


@dataclass(frozen=True, slots=True)
class Classification:
    """``rated``: adult content is in it. ``sentence``: it is not shown, and this is said to the person.

    ``why`` is for moderators; ``broken``: the host has something to mend.
    """

    rated: bool = False
    sentence: str | None = None
    why: str = ""
    broken: bool = False


def judge(
    scores: Sequence[float] | None, adult: Adult, config: ModerationConfig, *, flagged: str = FLAGGED
) -> Classification:
    """Return what becomes of a job's pictures.

    ``scores``: for each picture the classifier's probability (0 to 1) of adult content; None where it did not
    work. ``adult``: what becomes of adult pictures where this one was asked for. ``flagged``:
    what is said of one that is not shown.
    """
    if not config.classifier:
        return Classification()
    if scores is None:
        if config.unsure == "show":
            return Classification()
        return Classification(sentence=UNSURE, why="the picture classifier did not work", broken=True)
    worst = max(scores, default=0.0)
    if worst < config.threshold:
        return Classification()
    why = f"picture: {config.classifier} says {worst:.2f} (from {config.threshold:g} on it counts as adult)"
    if adult == "refuse":
        return Classification(rated=True, sentence=flagged, why=why)
    return Classification(rated=True, why=why)
