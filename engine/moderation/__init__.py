"""Which words may not be drawn: a host's own list, and what is refused everywhere. Pure; knows no people.

``engine.moderation.reading`` finds words however they are disguised, ``engine.moderation.words`` has those of
the refusal without exceptions: sexual pictures of minors.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from engine.errors import UserError
from engine.jobs import JobSpec
from engine.moderation.reading import TermMatch, plain, terms
from engine.moderation.words import CLOTHES, EXPLICIT, FINE, GROWN, MINORS, NAKED, SEXUAL
from engine.words import Sentence

ADULT = EXPLICIT | NAKED
"""Words that are drawn only where the rules of a place allow adult content."""

_ORDER = {name: tuple(sorted(words)) for name, words in (
    ("minors", MINORS), ("sexual", SEXUAL), ("clothes", CLOTHES), ("grown", GROWN), ("adult", ADULT),
    ("fine", FINE),
)}  # fmt: skip

_ENGLISH = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen"
    "|seventeen"
)
_YOUNG = rf"(?:1[0-7]|[1-9]|{_ENGLISH})"
_AGE = re.compile(
    rf"\b(?:aged?\s*(?:of\s*|:\s*|=\s*)?{_YOUNG}\b"
    rf"|{_YOUNG}[\s-]*(?:y\.?\s?o\b|y/o|yrs?[\s-]*old|years?[\s-]*old|year[\s-]*olds?"
    r"|jahre?\b|jahrige?[rsn]?\b|jaehrige?[rsn]?\b|ans\b|anos\b|anni\b|jaar\b|lat\b|letnia\b|letni\b|лет\b|летн))"
    r"|(?<!\d)(?:1[0-7]|[1-9])\s*(?:歳|才|岁|歲|살|세(?![\uac00-\ud7a3]))"
)

REFUSED = Sentence(
    "This prompt puts words for children or teenagers beside sexual ones. That is never "
    "drawn, here or anywhere. Take one of the two out."
)


class BlockedError(UserError):
    """Words that may not be drawn. ``why`` is for moderators: the rule and the words that were met.

    ``absolute``: no list, setting or person lifts it.
    """

    def __init__(self, message: str, why: str, *, absolute: bool = False) -> None:
        super().__init__(message)
        self.why = why
        self.absolute = absolute
        self.number: int | None = None  # of its line in the record, once it has one


REFUSED_AFTER = Sentence(
    "What came of this puts words for children or teenagers beside sexual ones. That is "
    "never shown, here or anywhere."
)
HIDDEN = Sentence("This starts from a picture that was reported or removed here. Take another one.")
NOT_HERE = Sentence(
    "This picture is adult content, and this place does not show that. Look at it where it "
    "was drawn, or in a channel that the server's admins opened for it."
)


def not_here(found: Collection[str]) -> BlockedError:
    """Return the refusal of adult content where it does not belong; ``found``: its words, if it has any."""
    listed = ", ".join(f"`{term}`" for term in list(found)[:3])
    if found:
        said = Sentence(
            "Adult content ({listed}) is not drawn here. A server's admins can open age-restricted "
            "channels for it; here, say it another way.",
            listed=listed,
        )
    else:
        said = Sentence(
            "This starts from a picture with adult content, which is not drawn here. A server's admins can "
            "open age-restricted channels for it; here, say it another way."
        )
    return BlockedError(
        said,
        f"adult: {', '.join(found) or 'the picture it starts from'}",
    )


def _find(text: str, name: str) -> list[TermMatch]:
    return terms(_ORDER[name]).find(text)


def _outside(found: Iterable[TermMatch], spared: Iterable[TermMatch]) -> list[TermMatch]:
    """Return what was found without what lies inside a phrase that is let through."""
    spans = [(one.start, one.end) for one in spared]
    return [one for one in found if not any(start <= one.start and one.end <= end for start, end in spans)]


def met(text: str, blocked: Collection[str], allowed: Collection[str] = ()) -> list[str]:
    """Return the terms (words or phrases) that a text contains, without those inside an allowed phrase."""
    found = terms(tuple(blocked)).find(text) if blocked else []
    if found and allowed:
        found = _outside(found, terms(tuple(allowed)).find(text))
    return list(dict.fromkeys(one.term for one in found))


def adult(text: str, allowed: Collection[str] = ()) -> list[str]:
    """Return the words for nakedness and sexual acts in a text, without those inside an allowed phrase.

    Allowing such a word by itself lets nothing through: where they may be drawn is a matter of places.
    """
    found = _find(text, "adult")
    if found:
        found = _outside(found, _find(text, "fine"))
    if found and allowed:
        alone = {(one.start, one.end) for one in found}
        phrases = terms(tuple(allowed)).find(text)
        found = _outside(found, [one for one in phrases if (one.start, one.end) not in alone])
    return list(dict.fromkeys(one.term for one in found))


def minor(text: str) -> str | None:
    """Return the first word for somebody under 18 in a text, or the age; None where there is none."""
    if found := _find(text, "minors"):
        return found[0].term
    age = _AGE.search(plain(text))
    return None if age is None else age[0]


def _join(texts: Iterable[str]) -> str:
    return " \n\n\n\n\n\n ".join(texts)  # far enough apart that no word is read across two texts


def wanted(spec: JobSpec) -> str:
    """Return every text a picture is steered towards."""
    return _join(one.text for one in spec.conditions if one.weight > 0)


def check(
    spec: JobSpec, blocked: Collection[str] = (), allowed: Collection[str] = (), beside: Iterable[str] = ()
) -> None:
    """Refuse what may not be drawn. Raises BlockedError, with a plain sentence for the person.

    What steers away (negative weights, ``--no``, the negative prompt) is not wanted and not counted: somebody
    who asks for a child and excludes nakedness asks for safety. But excluding clothes counts as asking for
    nakedness, and excluding grown-ups as asking for minors. ``blocked`` and ``allowed`` are lists of the host
    or a server; the refusal of minors in sexual pictures has no exceptions. ``beside``: more texts that the
    picture comes from (the prompts of the pictures it starts from), for that refusal.
    """
    text = wanted(spec)
    unwanted = _join([spec.negative_prompt, *(one.text for one in spec.conditions if one.weight < 0)])
    whole = _join([text, *beside])
    stop(whole, unwanted)
    listed(text, blocked, allowed)


def listed(text: str, blocked: Collection[str], allowed: Collection[str] = (), whose: str = "list") -> None:
    """Refuse a text with words of a list outside its allowed phrases. Raises BlockedError."""
    if found := met(text, blocked, allowed):
        named = ", ".join(f"`{term}`" for term in found[:3])
        raise BlockedError(
            Sentence("This server does not draw {named}. Say it another way, or leave it out.", named=named),
            f"{whose}: {', '.join(found)}",
        )


def stop(text: str, unwanted: str = "") -> None:
    """Refuse minors beside sexual words, whoever asks and wherever. Raises BlockedError."""
    sexual = next((one.term for one in _find(text, "sexual")), None)
    if sexual is None:
        sexual = next((f"without {one.term}" for one in _find(unwanted, "clothes")), None)
    if sexual is None:
        return
    young = minor(text)
    if young is None:
        young = next((f"without {one.term}" for one in _find(unwanted, "grown")), None)
    if young is not None:
        raise BlockedError(REFUSED, f"minors: {young}; sexual: {sexual}", absolute=True)
