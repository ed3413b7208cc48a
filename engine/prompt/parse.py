"""From a typed line to ``Prompt`` values: clean, expand, find flags, repair. Draws nothing.

Every pass over the line is linear: look-ahead is bounded, quantifiers before look-ahead are possessive, and
counting comes before expanding.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from engine.errors import PromptError
from engine.prompt import foreign, links, permutations, values
from engine.prompt.attention import take_networks
from engine.prompt.clean import clean
from engine.prompt.flags import BY_NAME, ORDER, Action, Flag, Kind
from engine.prompt.options import expand_options
from engine.prompt.permutations import Dice, Wildcards
from engine.prompt.prompt import (
    NO_WEIGHT,
    Given,
    ImageLink,
    Part,
    Prompt,
    Source,
    number,
    ordered,
)
from engine.prompt.scan import Hit, Refusal, scan
from engine.prompt.values import BadValueError, quote, unshield
from engine.prompt.wrapping import unwrapped

MAX_CONDITIONS = 6
"""Texts one picture can be steered by: each is a row of every UNet call."""
MAX_NOTES = 12
"""Notes that are kept; a line with more repairs than that is not helped by reading them all."""
DEFAULT_LENGTH = 6000
DEFAULT_JOBS = 10

_REPEAT = re.compile(r"(?<!\S)(--(?:repeat|r) )\d{1,9}(?![\w.])")
_PART = re.compile(r"::(?:([+-]?(?:\d{1,6}(?:\.\d{0,6})?|\.\d{1,6}))(?![\w.]))?")
_LEFTOVER = ",.;!?)]}，。"
"""Marks that say nothing right after a flag's value."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a line asks for: one prompt for each job, in order, and what was repaired or left out.

    ``line`` is what was typed, cleaned; ``random``: some of its words were chosen at random, so only the
    prompts say which.
    """

    line: str
    prompts: tuple[Prompt, ...]
    notes: tuple[str, ...] = ()
    random: bool = False

    @property
    def prompt(self) -> Prompt:
        """Return the first prompt."""
        return self.prompts[0]

    @property
    def jobs(self) -> int:
        """Return how many jobs the line makes."""
        return len(self.prompts)


class TooManyJobsError(PromptError):
    """The braces and ``--repeat`` make more jobs than one prompt may. ``jobs`` is how many."""

    def __init__(self, jobs: int, most: int, repaired: str | None = None) -> None:
        shown = f"more than {permutations.MANY:,}" if jobs >= permutations.MANY else f"{jobs:,}"
        super().__init__(
            f"This prompt makes {shown} jobs, and one prompt may make at most {most}. "
            "Take some choices out of the braces, or lower `--repeat`.",
            repaired,
        )
        self.jobs = jobs


@dataclass(slots=True)
class _Line:
    """A line taken apart."""

    text: str
    given: list[Given] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def parse(
    line: str,
    *,
    options: Mapping[str, str] | None = None,
    suffix: str = "",
    layers: Sequence[tuple[Source, str]] = (),
    limit: int = DEFAULT_JOBS,
    length: int = DEFAULT_LENGTH,
    models: Collection[str] = (),
    wildcards: Wildcards = lambda name: (),
    dice: Dice = secrets.randbelow,
) -> Parsed:
    """Read a line as people type it.

    ``options`` are the person's own flags (name → text), ``suffix`` their flags for every prompt, ``layers``
    the flags of ``("settings", "--s 250")``, ``("server", …)``, nearest first. ``limit`` caps the jobs one
    line may make, ``length`` its characters; ``models`` are the names and aliases that a pasted block of
    settings may mean; ``wildcards`` gives the choices of ``__name__``, ``dice`` chooses among them and in
    ``{a|b}``.

    Raises PromptError, and nothing else, where it cannot be read; its ``repaired`` is the line to copy.
    """

    def read(line: str) -> Parsed:
        return _parse(line, options or {}, suffix, layers, limit, length, models, wildcards, dice)

    try:
        return read(line)
    except PromptError as error:
        # the corrected line must itself be readable, or it is no help
        error.repaired = _readable(error.repaired, read)
        raise


def _readable(repaired: str | None, read: Callable[[str], Parsed]) -> str | None:
    """Return the corrected line, corrected on until it can be read; None where that does not end."""
    for _ in range(5):
        if repaired is None:
            return None
        try:
            read(repaired)
        except PromptError as again:
            repaired = again.repaired
        else:
            return repaired
    return None


def _parse(
    line: str,
    options: Mapping[str, str],
    suffix: str,
    layers: Sequence[tuple[Source, str]],
    limit: int,
    length: int,
    models: Collection[str],
    wildcards: Wildcards,
    dice: Dice,
) -> Parsed:
    notes: list[str] = []
    if len(line) > length:
        raise PromptError(
            f"A prompt may have at most {length} characters, and this one has {len(line)}. Shorten it."
        )
    typed = clean(line, notes, models)
    full = expand_options(typed, options, length)
    tree = permutations.read(full)
    if tree.unclosed:
        notes.append("A brace without its partner was read as text; `{a, b}` makes one picture of each.")
    if tree.count > limit:
        raise TooManyJobsError(tree.count, limit)
    lower = _layers(suffix, layers, notes)
    random = tree.random

    def one(index: int) -> Prompt:
        nonlocal random
        chosen = tree.one(index, dice)
        filled = permutations.fill(chosen, wildcards, dice, length, notes)
        random = random or filled != chosen
        read = " ".join(filled.split()) if tree.count > 1 or random else filled
        try:
            taken = _take_apart(read)
        except Refusal as why:
            raise PromptError(str(why), _repair(typed, read, why)) from None
        prompt = _prompt(taken, lower, typed)
        notes.extend(taken.notes)
        return prompt

    prompts: list[Prompt] = []
    jobs = 0
    for index in range(tree.count):
        prompt = one(index)
        repeat = prompt.get("repeat")
        copies = int(repeat) if isinstance(repeat, int) else 1
        jobs += copies
        for turn in range(copies if jobs <= limit else 0):
            said = one(index) if turn and random else prompt  # each copy chooses anew
            prompts.append(Prompt(said.parts, said.images, said.given, turn))
    if jobs > limit:
        # as many copies as fit, where the line says their number in one plain place
        fewer, places = _REPEAT.subn(rf"\g<1>{max(1, limit // tree.count)}", typed)
        raise TooManyJobsError(jobs, limit, fewer if places == 1 else None)
    if random:
        notes.append("Some words were chosen at random; the prompt shows which.")
    return Parsed(typed, tuple(prompts), tuple(dict.fromkeys(notes))[:MAX_NOTES], random)


def _repair(typed: str, read: str, why: Refusal) -> str | None:
    """Return the typed line with the refused piece replaced, or None where that piece is not in it."""
    if why.instead is None:
        return None
    if typed == read:
        start, end = why.start, why.end
    else:
        piece = read[why.start : why.end]
        start = typed.find(piece)
        if start < 0:
            return None
        end = start + len(piece)
    before, after = typed[:start].rstrip(), typed[end:].lstrip()
    return " ".join(piece for piece in (before, why.instead, after) if piece) or None


# ---------------------------------------------------------------------------------------- flags in a line


def _take_apart(line: str, source: Source = "prompt") -> _Line:
    """Split a line into its text and its flags. Raises Refusal."""
    hits = scan(line)
    pieces = [line[: hits[0].start] if hits else line]
    taken = _Line("")
    moved: list[str] = []
    for index, hit in enumerate(hits):
        stop = hits[index + 1].start if index + 1 < len(hits) else len(line)
        if hit.flag is None:
            taken.notes.append(
                f"{quote(line[hit.start : hit.end], 10)} on its own says nothing and was left out."
            )
            pieces.append(line[hit.end : stop])
            continue
        rest = _flag(line, hit, stop, taken, source)
        if rest:
            moved.append(rest)
            pieces.append(rest)
    if moved and source == "prompt":
        words = " … ".join(piece.strip() for piece in moved)
        taken.notes.append(f"Words after a flag were moved in front of the flags: {quote(words)}.")
    text = " ".join(kept for piece in pieces if (kept := _without_stray(piece, taken.notes)))
    taken.text = text
    return taken


def _without_stray(piece: str, notes: list[str]) -> str:
    """Return the piece trimmed, without bare dashes at its end: they stood before a flag or at the end."""
    piece = piece.strip()
    bare = piece.rstrip("-")
    if len(piece) - len(bare) > 1 and (not bare or bare[-1].isspace()):
        notes.append("`--` on its own says nothing and was left out.")
        return bare.rstrip()
    return piece


def _flag(line: str, hit: Hit, stop: int, taken: _Line, source: Source) -> str:
    """Read one flag with its value into ``taken``; return the words after it that belong to the prompt."""
    flag = hit.flag
    assert flag is not None
    at = hit.end
    shown = line[hit.start : hit.end]
    if line[at : at + 1] in ("=", ":") and at + 1 < stop and flag.kind is not Kind.BARE:
        at += 1
    try:
        reading = values.read(flag, line[at:stop])
    except BadValueError as bad:
        end = min(stop, at + bad.used + len(line[at:stop]) - len(line[at:stop].lstrip()))
        instead = "" if bad.instead is None else f"--{flag.name} {bad.instead}"
        raise Refusal(str(bad), hit.start, end, instead) from None
    names = {f"--{name}" for name in flag.names}
    tight = reading.used and flag.kind is not Kind.BARE and not line[at : at + 1].isspace()
    if shown not in names or at != hit.end or tight:
        typed = line[hit.start : at + reading.used if tight else at].strip()
        value = line[at : at + reading.used].strip() if tight else ""
        name = hit.typed if BY_NAME[hit.typed] is flag else flag.name
        taken.notes.append(f"{quote(typed)} was read as {quote(f'--{name} {value}'.strip())}.")
    if hit.start and not line[hit.start - 1].isspace():
        taken.notes.append(f"A blank was missing before `--{flag.name}`.")
    taken.notes.extend(reading.notes)
    rest = line[at + reading.used : stop]
    rest = rest[len(values.marks_before(rest)) :].strip()
    if rest and rest[0] in _LEFTOVER:
        taken.notes.append(f"Punctuation after `--{flag.name}` was left out.")
        rest = rest.lstrip(_LEFTOVER + " ")
    if reading.value is not None:
        _give(taken, flag, Given(flag.name, reading.value, source))
    return rest


def _give(taken: _Line, flag: Flag, given: Given) -> None:
    """Add a flag: mapped ones become what they mean, equals are overruled or collected."""
    if flag.action is not Action.HONOURED and flag.note not in taken.notes:
        said = flag.note if f"--{flag.name}" in flag.note else f"`--{flag.name}` was left out. {flag.note}"
        taken.notes.append(said)
    if flag.action is Action.MAPPED:
        name, _, text = flag.becomes.removeprefix("--").partition(" ")
        value = given.value if text == "{value}" else values.read(BY_NAME[name], f" {text}").value
        assert value is not None
        flag, given = BY_NAME[name], Given(name, value, given.source)
    if flag.name == "style" and given.value == "raw":
        flag, given = BY_NAME["raw"], Given("raw", True, given.source)
    for index, old in enumerate(taken.given):
        if old.name == given.name:
            if flag.repeats and isinstance(old.value, tuple) and isinstance(given.value, tuple):
                taken.given[index] = Given(
                    old.name, tuple(dict.fromkeys(old.value + given.value)), old.source
                )
                return
            if old.value != given.value:
                taken.notes.append(
                    f"`--{given.name}` was given more than once; the last one counts: `{given}`."
                )
            taken.given[index] = given
            return
        if flag.group and flag.group == BY_NAME[old.name].group and flag.group != "shape":
            taken.notes.append(f"`{old}` gives way to `{given}`, which comes later.")
            taken.given[index] = given
            return
    taken.given.append(given)


# ---------------------------------------------------------------------------------------- the whole


def _layers(suffix: str, layers: Sequence[tuple[Source, str]], notes: list[str]) -> list[list[Given]]:
    """Return the flags of suffix and layers, nearest first. What cannot be read is left out and said."""
    names: dict[Source, str] = {
        "suffix": "Your suffix",
        "settings": "Your settings",
        "server": "The server's defaults",
    }
    result = []
    for source, line in (("suffix", suffix), *layers):
        if not line:
            continue
        try:
            result.append(list(flags_of(line, source)))
        except PromptError as error:
            notes.append(f"{names.get(source, 'Some defaults')} could not be read and were left out: {error}")
    return result


def flags_of(line: str, source: Source) -> tuple[Given, ...]:
    """Read a line of flags alone: a suffix, settings, a server's defaults.

    Raises PromptError where it cannot be read or holds words.
    """
    typed = clean(line[:DEFAULT_LENGTH], [])
    try:
        taken = _take_apart(typed, source)
    except Refusal as why:
        raise PromptError(str(why), _repair(typed, typed, why)) from None
    if taken.text:
        raise PromptError(f"Only flags can stand here, and {quote(taken.text)} is text.")
    return ordered(taken.given)


def layered(suffix: str, layers: Sequence[tuple[Source, str]]) -> Prompt:
    """Return what holds where a prompt names no flags, as a prompt without words; as for ``parse``."""
    return Prompt(given=ordered(_merge([], _layers(suffix, layers, []))))


def _prompt(taken: _Line, lower: list[list[Given]], typed: str) -> Prompt:
    """Build the prompt of one combination. Raises PromptError."""
    text, loras, others = take_networks(taken.text)
    for tag in others[:MAX_NOTES]:
        taken.notes.append(f"{quote(tag)} is not known here and was left out.")
    for lora in loras:
        if values.is_lora(lora.name):
            _give(taken, BY_NAME["lora"], Given("lora", (values.lora_text(lora.name, lora.weight),)))
        else:
            taken.notes.append(f"{quote(lora.name)} is no LoRA's name; its tag was left out.")
    text, images = _images(text, taken.notes, typed)
    text = foreign.without_embeddings(text, taken.notes)
    parts = _parts(unwrapped(" ".join(text.split()), taken.notes), taken.notes)
    given = _merge(taken.given, lower)
    prompt = Prompt(parts, tuple(images), ordered(given))
    _check(prompt, taken.notes)
    return prompt


def _merge(own: list[Given], lower: list[list[Given]]) -> list[Given]:
    """Lay the layers under the prompt's own flags: nearer ones win, the suffix's lists are added."""
    result = {given.name: given for given in own}
    for layer in lower:
        groups = {BY_NAME[name].group for name in result} - {""}
        for given in layer:
            old = result.get(given.name)
            if old is not None:
                added = given.source == "suffix" and BY_NAME[given.name].repeats
                if added and isinstance(old.value, tuple) and isinstance(given.value, tuple):
                    result[given.name] = Given(
                        given.name, tuple(dict.fromkeys(old.value + given.value)), old.source
                    )
            elif BY_NAME[given.name].group not in groups:
                result[given.name] = given
    return sorted(result.values(), key=lambda given: ORDER[given.name])


def _images(text: str, notes: list[str], typed: str) -> tuple[str, list[ImageLink]]:
    """Take the links out of the text. Raises PromptError for one that is no picture."""
    words: list[str] = []
    images: list[ImageLink] = []
    at = 0
    for link in links.find(text):
        words.append(text[at : link.start])
        at = link.end
        word = text[link.start : link.end].strip()
        if "<" in link.marked:
            notes.append("Angle brackets around a link were taken off.")
        elif link.marked.strip(",;"):
            notes.append("Marks around a link were taken off.")
        if link.url.lower().startswith("blob:"):
            raise PromptError(
                f"{quote(link.url)} leads nowhere: the picture was never sent. "
                "Send it as an attachment and use its link.",
                _without(typed, word),
            )
        if not link.is_picture:
            raise PromptError(
                f"{quote(link.url)} is not a direct link to a picture. "
                "It must end in .png, .jpg, .jpeg, .webp or .gif; leave it out otherwise.",
                _without(typed, word),
            )
        if link.weight is not None and link.weight < 0:
            raise PromptError(
                f"A picture cannot weigh less than nothing: `::{number(link.weight)}` after "
                f"{quote(link.url)}. Say what to avoid with `--no`.",
                typed.replace(word, f"{link.url}::{number(-link.weight)}", 1) if word in typed else None,
            )
        images.append(ImageLink(link.url, link.weight))
    return " ".join([*words, text[at:]]) if images else text, images


def _without(typed: str, word: str) -> str | None:
    return " ".join(typed.replace(word, "", 1).split()) or None if word in typed else None


def _parts(text: str, notes: list[str]) -> tuple[Part, ...]:
    """Split a multi-prompt ``a:: b::2``. A weight touches its ``::``; after a blank it is the next text."""
    if "::" not in text:
        return _alone(text, notes)
    parts: list[Part] = []
    at = 0
    for match in _PART.finditer(text):
        _add_part(parts, text[at : match.start()], float(match[1]) if match[1] else 1.0, notes)
        at = match.end()
        if match[1] is None and (spaced := _SPACED_WEIGHT.match(text, at)):
            notes.append(
                f"`:: {spaced[1]}` is read as text, as Midjourney does; "
                f"for a weight, write `::{spaced[1]}` without the blank."
            )
    _add_part(parts, text[at:], 1.0, notes)
    if len(parts) == 1 and parts[0].weight == 1:
        return _alone(parts[0].text, notes)
    return tuple(parts)


def _alone(text: str, notes: list[str]) -> tuple[Part, ...]:
    """Return a prompt's only text, without what wraps it: printed and read again, it stays."""
    text = unwrapped(unshield(text), notes)
    return (Part(text),) if _shows(text) else ()


_SPACED_WEIGHT = re.compile(r"\s([+-]?(?:\d{1,6}\.\d{1,6}|\.\d{1,6}|\d{1,6}(?=\s*+(?:::|$))))(?![\w.])")


_BLANK = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Characters that Unicode counts as letters or symbols and that show nothing."""


def _shows(text: str) -> bool:
    """Say whether a text shows anything: blanks, joiners and marks without a letter say nothing to draw."""
    unseen = ("Cc", "Cf", "Cs", "Mn", "Me", "Zs", "Zl", "Zp")
    return any(char not in _BLANK and unicodedata.category(char) not in unseen for char in text)


def _add_part(parts: list[Part], text: str, weight: float, notes: list[str]) -> None:
    text = text.lstrip(" ,") if parts else unwrapped(text, notes)  # "a::2, b"
    text = text.strip()
    if not _shows(text):
        return
    if len(parts) <= MAX_CONDITIONS:  # one more than may stand is kept, so that the refusal sees it
        parts.append(Part(unshield(text), weight + 0.0))


def _check(prompt: Prompt, notes: list[str]) -> None:
    """Refuse what cannot be drawn whatever the model. Raises PromptError."""
    if not prompt.parts and len(prompt.images) == 1:
        raise PromptError(
            "One picture alone says nothing to draw. Add words, or a second picture to blend with."
        )
    if not prompt.parts and not prompt.images:
        raise PromptError(
            "There is nothing to draw yet. Say what the picture shows, such as `a red apple --ar 3:2`."
        )
    texts = len(prompt.parts) + bool(prompt.no)
    if texts > MAX_CONDITIONS:
        raise PromptError(
            f"A picture can be steered by {MAX_CONDITIONS} texts, and this prompt has more. "
            "Join some parts between `::` (all of `--no` counts as one)."
        )
    total = sum(part.weight for part in prompt.parts) + (NO_WEIGHT if prompt.no else 0)
    if prompt.parts and total <= 1e-9:
        lifted = -total + 1 + prompt.parts[0].weight
        first = Part(prompt.parts[0].text, lifted)
        better = Prompt((first, *prompt.parts[1:]), prompt.images, prompt.given)
        raise PromptError(
            f"The weights add up to {number(total)}, and must add up to more than 0"
            + (" (`--no` counts −0.5)." if prompt.no else "."),
            better.to_line(("prompt",)),
        )
    for given in prompt.given:
        partner = BY_NAME[given.name].needs
        if partner and prompt.get(partner) is None:
            notes.append(f"`--{given.name}` says nothing without `--{partner}`.")
