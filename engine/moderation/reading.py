"""Reads words however they are disguised; knows no rules about them. Linear in the length of the text.

A word is found in any case, with accents, invisible characters, look-alike letters of other alphabets, digits
for letters, stretched letters (``wooord``) and letters set apart (``w o r d``, ``w-o-r-d``, ``wo-rd``, and by
spaces in pieces of one or two); never inside another word. Scripts without spaces between words are searched
as text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from itertools import groupby, pairwise

_LEET = {
    "0": "o", "1": "il", "2": "z", "3": "e", "4": "a", "5": "s", "6": "g", "7": "t", "8": "b", "9": "g",
    "@": "a", "$": "s", "!": "il", "|": "il", "€": "e", "£": "l", "¡": "i",
}  # fmt: skip
_SIGNS = "@$!|€£¡"
_AS_GAP = re.compile(f"[{_SIGNS}]")
_WORD = re.compile(rf"(?:[^\W_]|[{_SIGNS}])+")
# a capital I among small letters passes for an l, and is read as either, like the digit
_CAPITAL_I = re.compile(r"(?<=[a-z])I(?=[a-z])|\bI(?=[a-z]{2})")
# Greek capitals look like other Latin letters than their small ones do
_GREEK = str.maketrans("ΗΝΥ", "hny")
_AMONG_LATIN = re.compile("(?<=[A-Za-z])[ΗΝΥ]|[ΗΝΥ](?=[A-Za-z])")
_EXPANDED = str.maketrans({"æ": "ae", "œ": "oe", "ĳ": "ij"})
# letters drawn in boxes and circles that have no plain letter in Unicode's tables
_BOXED = str.maketrans({first + n: chr(97 + n) for first in (0x1F150, 0x1F170, 0x1F1E6) for n in range(26)})
_FILLERS = dict.fromkeys(map(ord, "\u115f\u1160\u3164\uffa0\u17b4\u17b5"), None)
_INVISIBLE = ("Mn", "Me", "Cf", "Cc", "Cs", "Co", "Cn")

_LONGEST = 40
"""Characters a word in pieces may have."""
_PIECES = 24
"""Pieces it may be in."""
_GAP = 3
"""Signs that may stand between the pieces of one word."""
_OFTEN_SINGLE = frozenset("ahijkquvwxy")
"""Letters that are not doubled in ordinary words: two of them are a stretched one."""

_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7a3]"
)
_KATAKANA = "\u30a1-\u30ff"
_HANGUL = "\uac00-\ud7a3"
_PARTICLES = "은|는|이|가|을|를|의|에|도|와|과|들|들이|들을|들의|로|으로|에서|에게|만|께|인|한"


def plain(text: str) -> str:
    """Return the text without case, accents and invisible characters."""
    text = text.translate(_BOXED).translate(_FILLERS)
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold().translate(_EXPANDED))
    kept = "".join(c for c in text if c.isspace() or unicodedata.category(c) not in _INVISIBLE)
    return unicodedata.normalize("NFC", kept)  # Hangul in syllables again


def _lookalikes() -> tuple[dict[str, str], dict[str, str]]:
    tables: dict[str, dict[str, str]] = {"strict": {}, "loose": {}}
    file = resources.files("engine.moderation") / "lookalikes.txt"
    for line in file.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            kind, letter, doubles = line.split()
            tables[kind] |= dict.fromkeys(doubles, letter)
    return tables["strict"], tables["loose"]


_STRICT, _LOOSE = _lookalikes()
# one letter for all that may be meant by a character: words are looked up by these, then compared closely
_KEY = {ord(c): letters[0] for c, letters in _LEET.items()}
_KEY |= {ord(c): letter for table in (_LOOSE, _STRICT) for c, letter in table.items()}
_KEY |= dict.fromkeys((*(c for c, letter in _KEY.items() if letter == "l"), ord("l")), "i")


def _reads(char: str, *, loose: bool) -> set[str]:
    """Return what a character of a word may stand for."""
    reads = {char, *_LEET.get(char, ())}
    for table in (_STRICT, _LOOSE) if loose else (_STRICT,):
        if char in table:
            reads.add(table[char])
    return reads


def _key(word: str) -> str:
    return "".join(letter for letter, _ in groupby(word.translate(_KEY)))


def _parts(word: str) -> list[str]:
    """Return the word in pieces, one for each letter of its key."""
    cuts, at = [], 0
    for _, group in groupby(word.translate(_KEY)):
        length = len(list(group))
        cuts.append(word[at : at + length])
        at += length
    return cuts


def _same(written: str, term: str) -> bool:
    """Say whether a written word, whose key is the term's, may be read as the term."""
    loose = any("a" <= c <= "z" for c in written)
    pairs = list(zip(_parts(written), _parts(term), strict=True))
    doubled = sum(len(a) == 2 and len(b) == 1 for a, b in pairs)
    for number, (a, b) in enumerate(pairs):
        meant = [_reads(c, loose=loose) for c in a]
        wanted = [_reads(c, loose=True) for c in b]
        if len(a) == len(b):
            if not all(x & y for x, y in zip(meant, wanted, strict=True)):
                return False
            continue
        stretched = len(a) > 2 or number == 0 or doubled > 1 or a[0] in _OFTEN_SINGLE
        if len(a) < len(b) or not stretched:
            return False
        every = set().union(*wanted)
        if not all(x & every for x in meant):
            return False
    return True


@dataclass(frozen=True, slots=True)
class TermMatch:
    """A term, and between which characters of the plain text it stands."""

    term: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Text:
    """A text taken apart: its words as (ways to read it, start, end), and what each key may be: (letters,
    first word, last word). ``unspaced``: some of it is in a script without spaces."""

    plain: str
    words: tuple[tuple[tuple[str, ...], int, int], ...]
    spellings: dict[str, list[tuple[str, int, int]]]
    unspaced: bool


def _bare(word: str) -> tuple[str, ...]:
    """Return a word, and the same without signs and without figures at its ends (``word!``, ``1word``)."""
    ways = (word, word.strip(_SIGNS), word.strip(_SIGNS + "0123456789"))
    return tuple(dict.fromkeys(way for way in ways if _spells(way)))


def _spells(word: str) -> bool:
    """Say whether this may be letters: figures alone are a number."""
    return any(map(str.isalpha, word)) or (len(word) > 3 and any(sign in word for sign in _SIGNS))


@lru_cache(maxsize=64)
def _readings(text: str) -> tuple[_Text, ...]:
    """Return every way to read a text, taken apart; kept, since one prompt is held against many lists."""
    texts = [text]
    if any(unicodedata.category(c) == "Cf" for c in text):
        # what is invisible may also stand for a space
        texts.append("".join(" " if unicodedata.category(c) == "Cf" else c for c in text))
    if any(c in "()[]{}" for c in text):
        texts.append(_WEIGHT.sub("", text))  # the weights of a prompt's parts: w(ord:1.2)
    if any(c in _SIGNS for c in text):
        texts.append(_AS_GAP.sub("-", text))  # w|o|r|d
    return tuple(_taken_apart(plain(_latin_capitals(each))) for each in texts)


def _taken_apart(text: str) -> _Text:
    """Take a plain text apart."""
    found = list(_WORD.finditer(text))
    words = [(_bare(one[0]), one.start(), one.end()) for one in found]
    spellings: dict[str, list[tuple[str, int, int]]] = {}
    gaps = [text[one.end() : two.start()] for one, two in pairwise(found)]
    tight = [0 < len(gap) <= _GAP and not any(c.isspace() or c == "," for c in gap) for gap in gaps]
    near = [len(gap) <= _GAP + 2 for gap in gaps]
    for first, (ways, _, _) in enumerate(words):
        for way in ways:
            spellings.setdefault(_key(way), []).append((way, first, first))
        letters, glued, short = found[first][0], True, len(found[first][0]) <= 2
        for last in range(first + 1, min(first + _PIECES, len(found))):
            piece = found[last][0]
            glued = glued and tight[last - 1]
            short = short and near[last - 1] and len(piece) <= 2
            letters += piece
            if not (glued or short) or len(letters) > _LONGEST:
                break
            if glued or last - first > 1:
                spellings.setdefault(_key(letters), []).append((letters, first, last))
    return _Text(text, tuple(words), spellings, _UNSPACED.search(text) is not None)


class Terms:
    """Words and phrases to look for, also with an s or es at the end."""

    def __init__(self, terms: Iterable[str]) -> None:
        self._words: dict[str, list[tuple[str, str]]] = {}  # key → (letters, term)
        self._phrases: dict[str, list[tuple[list[str], str]]] = {}  # first word's key → (words, term)
        self._unspaced: list[tuple[re.Pattern[str], str]] = []
        for term in dict.fromkeys(terms):
            for form in dict.fromkeys((plain(term), plain(_umlauts(term)))):
                if _UNSPACED.search(form):
                    self._unspaced.append((re.compile(_unspaced(form)), term))
                elif words := _WORD.findall(form):
                    for ending in ("", "s", "es"):
                        self._add([*words[:-1], words[-1] + ending], term)

    def _add(self, words: list[str], term: str) -> None:
        if len(words) == 1:
            self._words.setdefault(_key(words[0]), []).append((words[0], term))
        else:
            self._phrases.setdefault(_key(words[0]), []).append((words, term))

    def find(self, text: str) -> list[TermMatch]:
        """Return every term in a text, in the text's order."""
        found = {one for read in _readings(text) for one in self._find(read)}
        return sorted(found, key=lambda one: (one.start, one.end, one.term))

    def _find(self, read: _Text) -> Iterator[TermMatch]:
        for key in self._words.keys() & read.spellings.keys():
            for letters, first, last in read.spellings[key]:
                for word, term in self._words[key]:
                    if _same(letters, word):
                        yield TermMatch(term, read.words[first][1], read.words[last][2])
        for key in self._phrases.keys() & read.spellings.keys():
            for _, first, last in read.spellings[key]:
                for words, term in self._phrases[key]:
                    ahead = read.words[first : first + len(words)]
                    close = all(two[1] - one[2] <= _GAP for one, two in pairwise(ahead))
                    if first == last and close and len(ahead) == len(words) and all(map(_is, ahead, words)):
                        yield TermMatch(term, ahead[0][1], ahead[-1][2])
        for pattern, term in self._unspaced if read.unspaced else ():
            for match in pattern.finditer(read.plain):
                yield TermMatch(term, match.start(), match.end())


def _is(written: tuple[tuple[str, ...], int, int], word: str) -> bool:
    key = _key(word)
    return any(_key(way) == key and _same(way, word) for way in written[0])


def _latin_capitals(text: str) -> str:
    return _AMONG_LATIN.sub(lambda found: found[0].translate(_GREEK), _CAPITAL_I.sub("1", text))


_WEIGHT = re.compile(r":\s*-?[0-9.]+(?=\s*[)\]}])|[()\[\]{}]")


def _umlauts(term: str) -> str:
    """Return a term as it is written where there are no umlauts."""
    return term.replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")


def _unspaced(form: str) -> str:
    """Return the pattern of a term in a script that sets no spaces; Korean and kana words have ends."""
    pattern = rf"[\W_]{{0,{_GAP}}}".join(map(re.escape, (c for c in form if not c.isspace())))
    if re.fullmatch(f"[{_HANGUL} ]+", form):
        return rf"(?<![{_HANGUL}]){pattern}(?:{_PARTICLES})?(?![{_HANGUL}])"
    if re.fullmatch(f"[{_KATAKANA}]+", form):
        return rf"(?<![{_KATAKANA}]){pattern}(?![{_KATAKANA}])"
    return pattern


@lru_cache(maxsize=64)
def terms(wanted: tuple[str, ...]) -> Terms:
    """Return the terms ready to be looked for; kept, since lists change seldom."""
    return Terms(wanted)
