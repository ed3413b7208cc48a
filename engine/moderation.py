"""Which words may not be drawn: a host's own list, and what is refused everywhere. Pure; knows no people.

Words are compared as people read them: whatever their case, accents, look-alike letters of other alphabets,
digits for letters, invisible characters, stretched or spaced-out letters; never inside another word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from functools import lru_cache
from itertools import product

from engine.errors import UserError
from engine.jobs import JobSpec

_LEET = str.maketrans("034578@$!|€", "oeastbasiie")
# letters of other alphabets that look like Latin ones; read so only in words that mix alphabets
_TWINS = str.maketrans("аеорсухкмтнвіјѕԁӏɡαεορκνυτιхчгпь", "aeopcyxkmthbijsdlgaeopkvutixurnb")
_SIGNS = "@$!|€"
_WORD = rf"(?:[^\W_]|[{_SIGNS}])++"  # possessive, and started at its start: linear in the text
_TOKEN = re.compile(_WORD)
_GLUED = re.compile(rf"(?<![^\W_])(?<![{_SIGNS}]){_WORD}(?:[-_.*·•~+/\\]{{1,3}}{_WORD})+")
_AGE = re.compile(
    r"\b(?:aged?\s*(?:of\s*)?([1-9]|1[0-7])\b"
    r"|([1-9]|1[0-7])[\s-]*(?:yo|y/o|yrs?[\s-]*old|years?[\s-]*old|year[\s-]*olds?"
    r"|jahre?|jaehrige?[rsn]?|jahrige?[rsn]?|ans|anos|anni|jaar)\b)"
)
_RUN = re.compile(r"(.)\1{2,}")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MINORS = _words("""
    child children childlike kid kiddie kiddo toddler infant baby newborn teen teenage teenager teeny preteen
    tween underage minors schoolgirl schoolboy schoolchild kindergartner preschooler adolescent juvenile
    pubescent prepubescent girl boy lolita loli shota shotacon lolicon jailbait
    kinder kleinkind saeugling maedchen madchen junge jugendliche jugendlicher schuelerin minderjaehrig
    enfant fillette garconnet bebe adolescente ecoliere mineure
    nino nina ninos ninas chiquilla menor crianca menina menino bambino bambina bambini ragazzina ragazzino
    meisje jongen kleuter peuter minderjarige
""")
"""Words for people under 18."""

SEXUAL = _words("""
    nude nudes nudity naked nakedness topless bottomless unclothed undressed sex sexy sexual sexually
    sexualized sexualised erotic erotica porn porno pornographic pornography hentai nsfw xxx orgasm orgy
    masturbate masturbating masturbation penis vagina vulva genitals genitalia nipple breasts boob
    blowjob fellatio cunnilingus intercourse seductive seductively lingerie bondage fetish horny aroused
    stripper striptease upskirt ahegao lewd
    nackt nackte nacktes nackter erotisch geschlechtsverkehr unbekleidet
    nu nue nus nues erotique seins desnudo desnuda desnudos desnudas sexo sexe pelado pelada
    nudo nuda nudi sesso erotico naakt naakte seks
""")
"""Words for nakedness and sexual acts."""

CLOTHES = _words("""
    clothes clothing clothed garments underwear kleidung kleider
    vetements ropa roupa vestiti kleding
""")
"""Words that make a picture sexual when they are excluded."""

REFUSED = (
    "This prompt puts words for children or teenagers beside sexual ones. That is never drawn, here or "
    "anywhere. Take one of the two out."
)


class BlockedError(UserError):
    """Words that may not be drawn. ``why`` is for moderators: the list and the words that were met."""

    def __init__(self, message: str, why: str) -> None:
        super().__init__(message)
        self.why = why


def _plain(text: str) -> str:
    """Return the text without case, accents and invisible characters, umlauts as ``ae``."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = text.replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(char for char in decomposed if unicodedata.category(char) not in ("Mn", "Me", "Cf"))


def _forms(word: str) -> set[str]:
    """Return the ways a plain word can be read."""
    forms = {word, word.strip(_SIGNS)}
    if not word.isascii():
        forms |= {form.translate(_TWINS) for form in forms}
    if any(char in "0134578" + _SIGNS for char in word):
        ones = min(3, word.count("1"))
        for letters in product("il", repeat=ones):
            read_so = list(forms)
            for letter in letters:
                read_so = [form.replace("1", letter, 1) for form in read_so]
            forms |= {form.translate(_LEET).replace("1", "i") for form in read_so}
    if _RUN.search(word):
        forms |= {_RUN.sub(r"\1", form) for form in forms} | {_RUN.sub(r"\1\1", form) for form in forms}
    return forms


@lru_cache(maxsize=256)
def read(text: str) -> tuple[frozenset[str], ...]:
    """Return the words of a text in order, each as the set of ways it can be read."""
    plain = _plain(text)
    words = [frozenset(_forms(token)) for token in _TOKEN.findall(plain)]
    glued = (run for run in _GLUED.findall(plain) if len(run) <= 80)
    words += [frozenset(_forms("".join(_TOKEN.findall(run)))) for run in glued]  # n-u-d-e, nu.de
    spelled: list[str] = []
    for token in [*_TOKEN.findall(plain), ""]:
        if len(token) == 1:
            spelled.append(token)
            continue
        if len(spelled) > 2:
            # n u d e, with an article or an initial before or after it
            run = "".join(spelled[:40])
            bare = run.strip("0123456789")
            ways = {run, run[1:], run[:-1], run[1:-1], bare, bare[1:], bare[:-1], bare[1:-1]}
            words.append(frozenset().union(*map(_forms, ways)))
        spelled.clear()
    return tuple(words)


def _grown(terms: Iterable[str]) -> frozenset[str]:
    return frozenset(form for term in terms for form in (term, f"{term}s", f"{term}es"))


_MINORS, _SEXUAL, _CLOTHES = _grown(MINORS), _grown(SEXUAL), _grown(CLOTHES)


def met(text: str, terms: Collection[str], allowed: Collection[str] = ()) -> list[str]:
    """Return the terms (words or phrases) that a text contains, without those that are allowed."""
    words = read(text)
    fine = {next(iter(sorted(one)), "") for term in allowed for one in read(term)}
    found = []
    for term in terms:
        wanted = [min(one, key=len) for one in read(term)]
        if not wanted or (len(wanted) == 1 and wanted[0] in fine):
            continue
        endings = {wanted[-1], f"{wanted[-1]}s", f"{wanted[-1]}es"}
        for start in range(len(words) - len(wanted) + 1):
            span = words[start : start + len(wanted)]
            if (
                all(one in ways for one, ways in zip(wanted[:-1], span[:-1], strict=True))
                and endings & span[-1]
            ):
                found.append(term)
                break
    return found


def _any(words: Iterable[frozenset[str]], terms: frozenset[str]) -> str | None:
    return next((min(ways & terms) for ways in words if ways & terms), None)


def check(spec: JobSpec, blocked: Collection[str] = (), allowed: Collection[str] = ()) -> None:
    """Refuse what may not be drawn. Raises BlockedError, with a plain sentence for the person.

    What steers away (negative weights, ``--no``, the negative prompt) is not wanted and not counted, but for
    clothes. ``blocked`` and ``allowed`` are the host's lists; the refusal of minors in sexual pictures has no
    exceptions.
    """
    wanted = " \n ".join(one.text for one in spec.conditions if one.weight > 0)
    unwanted = " \n ".join([spec.negative_prompt, *(one.text for one in spec.conditions if one.weight < 0)])
    words = read(wanted)
    minor = _any(words, _MINORS)
    if minor is None and (age := _AGE.search(_plain(wanted))) is not None:
        minor = age.group(0)
    sexual = _any(words, _SEXUAL) or _any(read(unwanted), _CLOTHES)
    if minor is not None and sexual is not None:
        raise BlockedError(REFUSED, f"minors: {minor}; sexual: {sexual}")
    if found := met(wanted, blocked, allowed):
        listed = ", ".join(f"`{term}`" for term in found[:3])
        raise BlockedError(
            f"This server does not draw {listed}. Say it another way, or leave it out.",
            f"list: {', '.join(found)}",
        )
