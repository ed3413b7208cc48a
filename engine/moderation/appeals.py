"""What is let through once moderators accept an appeal against refused words. Pure; knows no stores."""

from __future__ import annotations

from engine.moderation import adult
from engine.rules.people import Refusal

LONGEST = 100
"""Characters of the longest prompt that is let through as a phrase: longer ones are never typed again."""


HOSTS_LIST = "host's list"
"""The rule by which words of the host's are refused, or of all servers; a server's own: ``list``."""


def lifted(refusal: Refusal) -> tuple[str, ...]:
    """Return the words or phrases that accepting an appeal against this lets through; none: it cannot.

    Words of a list: those words; the host's only where no server stands between (direct messages). Words for
    adult content: the whole prompt as one phrase, where it holds more than such words (``naked skeleton``),
    since places that do not allow adult content stay as they are. A picture, or what it comes from, cannot be
    let through by words.
    """
    rule, _, named = refusal.why.partition(": ")
    if rule == "list" or (rule == HOSTS_LIST and refusal.guild is None):
        return tuple(named.split(", "))
    phrase = " ".join(refusal.prompt.split(" --")[0].split())
    if rule == "adult" and refusal.job is None and len(phrase) <= LONGEST:
        return (phrase,) if adult(phrase) and not adult(phrase, (phrase,)) else ()
    return ()
