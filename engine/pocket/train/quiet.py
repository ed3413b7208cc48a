"""Words never taught say nothing: their pieces are never a taught word, and every piece is silent.

A taught word is joined from its end to its beginning, and before its first letter is taken that letter joins
with whatever stands in front of it. So "knight" is `kni` and `ght`, and only "night" alone becomes `night`.
Where letters fall into pairs so that the first letter of a taught word is left over ("basin": `b` `as` `in`),
one more merge takes it away (`as` + `i`); which of these English needs is learnt from lists of words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from string import ascii_lowercase

import torch

from engine.pocket.train.names import load, save
from engine.pocket.train.same import SAME, SILENT
from engine.pocket.train.text import byte_letters, byte_tokens, signs, tokenizer_of

Merges = dict[tuple[str, str], int]

END = "</w>"
_SECOND = "bqsfkcmpahwljodrtuingvzeyx"
"""Second letters of pairs, those that join first in front; by search, the fewest letters are left over."""
_TAIL = 3
"""Letters joined from the end before those in front fall into pairs; fewest tokens in all, of 2 to 5."""


@dataclass(frozen=True)
class Quieted:
    """What was done: whole words kept, merges learnt from the lists, listed words looked at, rows added."""

    whole: int
    learnt: int
    looked_at: int
    rows: int


def split(word: str, merges: Mapping[tuple[str, str], int]) -> list[str]:
    """Return the pieces of a word of byte letters as BPE joins them: earliest merge first, then leftmost."""
    pieces = [*word[:-1], word[-1] + END]
    while ranked := [(merges[pair], at) for at, pair in enumerate(pairwise(pieces)) if pair in merges]:
        _, at = min(ranked)
        pieces[at : at + 2] = [pieces[at] + pieces[at + 1]]
    return pieces


def _front(whole: set[str], barred: set[str], single: set[str], learnt: Iterable[tuple[str, str]]) -> Merges:
    """Return the merges that every word goes through: its end, pairs of letters, and what was learnt."""
    tails = {letter + last for letter in ascii_lowercase for last in single} - barred
    for word in whole:
        for at in range(len(word) - 2, 0, -1):
            if word[at:] in barred or len(word) - at > _TAIL:
                break
            tails.add(word[at:])
    merges: Merges = {}
    for tail in sorted(tails, key=lambda tail: (len(tail), tail)):
        merges[tail[0], tail[1:] + END] = len(merges)
    for second in _SECOND:
        for first in (second, *_SECOND.replace(second, "")):
            merges[first, second] = len(merges)
    for pair in learnt:
        merges.setdefault(pair, len(merges))
    return merges


def _joined(whole: set[str], front: Merges) -> Merges:
    """Return all merges: those in front, then for each word what joins its pieces, from its end."""
    merges = dict(front)
    for word in sorted(whole, key=lambda word: (len(word), word)):
        pieces = split(word, merges)
        while len(pieces) > 1:
            merges[pieces[-2], pieces[-1]] = len(merges)
            pieces[-2:] = [pieces[-2] + pieces[-1]]
    return merges


def quiet_merges(
    whole: set[str], loud: set[str], barred: set[str], single: set[str], strange: Iterable[str]
) -> tuple[Merges, int]:
    """Return merges by which each word of ``whole`` is one piece, and how many of them ``strange`` needed.

    No word of ``strange`` holds one of ``loud``, which are among the whole. What is ``barred`` is never a
    piece of other words' ends, and single letters that speak (``single``) end no word.
    """
    ending = [word for word in strange if any(word[at:] in loud for at in range(1, len(word) - 1))]
    heard = {word + END for word in loud}
    learnt: dict[tuple[str, str], None] = {}
    while True:
        front = _front(whole, barred, single, learnt)
        merges, before = _joined(whole, front), dict(learnt)
        for word in ending:
            for piece, taken in pairwise(split(word, merges)):
                if taken in heard:
                    first = split(taken.removesuffix(END), front)[0]
                    learnt[piece, taken if first.endswith(END) or (piece, first) in before else first] = None
        if len(learnt) == len(before):
            return merges, len(learnt)


def _vocabulary(old: Mapping[str, int], kept: set[str], merges: Merges) -> list[str]:
    """Return the tokens by number: what is kept or joined stays, new ones take the places of the rest."""
    joined = list(dict.fromkeys(first + second for first, second in merges))
    needed = kept.union(joined)
    tokens = sorted(old, key=old.__getitem__)[:-2]
    fresh = iter([token for token in joined if token not in old])
    tokens = [token if token in needed else next(fresh, token) for token in tokens]
    return [*tokens, *fresh, "<|startoftext|>", "<|endoftext|>"]


def _listed(lists: Iterable[Path]) -> set[str]:
    """Return the words of files with a word a line, in the letters that bytes are written in."""
    letters = byte_letters()
    found = {line.strip().lower() for file in lists for line in file.read_text(encoding="utf-8").splitlines()}
    words_only = (word for word in found if re.fullmatch(r"[^\W\d_]{2,}", word))
    return {"".join(letters[byte] for byte in word.encode()) for word in words_only}


@torch.no_grad()
def quiet(folder: Path, lists: Iterable[Path]) -> Quieted:
    """Give a pipeline or an encoder merges by which no word that it was not taught holds a taught word.

    Whole words keep their numbers and vectors, so lines of taught words are read as before, to the bit. What
    is no whole word, no mark and not said in captions gets a vector of nothing. Done twice, nothing changes.
    """
    known = load(folder)
    numbers = known.tokenizer.get_vocab()
    speaking = {token for token, row in numbers.items() if known.table[row].any()}
    loud = {token.removesuffix(END) for token in speaking if re.fullmatch(r"[a-z]{2,}</w>", token)}
    named = {*SAME, *SILENT}
    # silent ones count where `names` has put them all; one alone is a piece that happens to be spelt so
    whole = loud | (named if all(f"{word}{END}" in numbers for word in named) else set())
    said = {f"{word}{END}" for word in whole} | signs(known.tokenizer)
    marks = {
        token for token in speaking if token.isascii() and re.search("[a-z]", token.removesuffix(END)) is None
    }
    marks |= {"<|startoftext|>", "<|endoftext|>"}
    single = {token[0] for token in said & speaking if re.fullmatch(r"[a-z]</w>", token)}
    strange = sorted(_listed(lists) - whole)
    merges, learnt = quiet_merges(whole, loud, loud | (named - whole), single, strange)
    tokens = _vocabulary(numbers, said.union(byte_tokens()), merges)
    rows = torch.zeros(len(tokens), known.table.shape[1])
    for row, token in enumerate(tokens):
        if token in said or token in marks:
            rows[row] = known.table[numbers[token]]
    save(known, tokenizer_of(tokens, merges), rows)
    return Quieted(len(whole), learnt, len(strange), len(tokens) - len(numbers))
