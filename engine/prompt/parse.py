"""From a typed line to ``Prompt`` values: clean, expand, find flags, repair. Draws nothing.

Long: one pass over a line.

Every pass over the line is linear: look-ahead is bounded, quantifiers before look-ahead are possessive, and
counting comes before expanding.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from engine.errors import PromptError
from engine.jobs import Condition
from engine.prompt import permutations, structured, unknown, values
from engine.prompt.attention import take_networks
from engine.prompt.clean import clean
from engine.prompt.extract import Taken, give, take_flags
from engine.prompt.flags import BY_NAME, ORDER
from engine.prompt.options import expand_options
from engine.prompt.permutations import Dice, Wildcards
from engine.prompt.prompt import NO_WEIGHT, Given, Prompt, Source, number, ordered
from engine.prompt.scan import FlagError
from engine.prompt.texts import MAX_CONDITIONS, parts_of, take_images
from engine.prompt.tokens import quote, read_as
from engine.prompt.wrapping import unwrapped
from engine.words import Sentence

MAX_NOTES = 12
"""Notes that are kept; a line with more repairs than that is not helped by reading them all."""
DEFAULT_LENGTH = 6000
DEFAULT_JOBS = 10
TOO_LONG = Sentence("A prompt may have at most {length} characters, and this one has {line}. Shorten it.")
UNCLOSED = Sentence("A brace without its partner was read as text; `{a, b}` makes one picture of each.")
SINGLE = Sentence("Braces around one choice were left out; for more weight, write `(words:1.1)`.")
CHOSEN = Sentence("Some words were chosen at random; the prompt shows which.")

_UNREAD: dict[Source, str] = {
    "suffix": Sentence("Your suffix could not be read and were left out: {error}"),
    "settings": Sentence("Your settings could not be read and were left out: {error}"),
    "server": Sentence("The server's defaults could not be read and were left out: {error}"),
}
_SOME_UNREAD = Sentence("Some defaults could not be read and were left out: {error}")

_REPEAT = re.compile(r"(?<!\S)(--(?:repeat|r) )\d{1,9}(?![\w.])")


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
        told = Sentence(
            "This prompt makes more than {jobs:,} jobs, and one prompt may make at most {most}. "
            "Take some choices out of the braces, or lower `--repeat`."
            if jobs >= permutations.MANY
            else "This prompt makes {jobs:,} jobs, and one prompt may make at most {most}. "
            "Take some choices out of the braces, or lower `--repeat`.",
            jobs=min(jobs, permutations.MANY),
            most=most,
        )
        super().__init__(told, repaired)
        self.jobs = jobs


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
        raise PromptError(Sentence(TOO_LONG, length=length, line=len(line)))
    typed = clean(line, notes, models)
    if (why := structured.refusal(typed)) is not None:
        raise PromptError(why)
    full = expand_options(typed, options, length)
    tree = permutations.read(full)
    if tree.unclosed:
        notes.append(UNCLOSED)
    if tree.single:
        notes.append(SINGLE)
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
            taken = take_flags(read)
        except FlagError as why:
            raise PromptError(why.args[0], _repair(typed, read, why)) from None
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
        notes.append(CHOSEN)
    return Parsed(typed, tuple(prompts), tuple(dict.fromkeys(notes))[:MAX_NOTES], random)


def _repair(typed: str, read: str, why: FlagError) -> str | None:
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
    if why.instead and after.startswith("="):
        after = after.removeprefix("=")  # --stpes=20
    return " ".join(piece for piece in (before, why.instead, after) if piece) or None


def _layers(suffix: str, layers: Sequence[tuple[Source, str]], notes: list[str]) -> list[list[Given]]:
    """Return the flags of suffix and layers, nearest first. What cannot be read is left out and said."""
    result = []
    for source, line in (("suffix", suffix), *layers):
        if not line:
            continue
        try:
            result.append(list(flags_of(line, source)))
        except PromptError as error:
            notes.append(Sentence(_UNREAD.get(source, _SOME_UNREAD), error=error.args[0]))
    return result


def flags_of(line: str, source: Source) -> tuple[Given, ...]:
    """Read a line of flags alone: a suffix, settings, a server's defaults.

    Raises PromptError where it cannot be read or holds words.
    """
    typed = clean(line[:DEFAULT_LENGTH], [])
    try:
        taken = take_flags(typed, source)
    except FlagError as why:
        raise PromptError(why.args[0], _repair(typed, typed, why)) from None
    if taken.text:
        raise PromptError(Sentence("Only flags can stand here, and {said} is text.", said=quote(taken.text)))
    return ordered(taken.given)


def layered(suffix: str, layers: Sequence[tuple[Source, str]]) -> Prompt:
    """Return what holds where a prompt names no flags, as a prompt without words; as for ``parse``."""
    return Prompt(given=ordered(_merge([], _layers(suffix, layers, []))))


def _prompt(taken: Taken, lower: list[list[Given]], typed: str) -> Prompt:
    """Build the prompt of one combination. Raises PromptError."""
    text, loras, others = take_networks(taken.text)
    for tag in others[:MAX_NOTES]:
        taken.notes.append(Sentence("{tag} is not known here and was left out.", tag=quote(tag)))
    for lora in loras:
        if values.is_lora(lora.name):
            said = values.lora_text(lora.name, lora.weight)
            if abs(lora.weight) > values.HEAVIEST:
                typed_lora = f"`{lora.name}:{number(lora.weight)}`"
                taken.notes.append(read_as(typed_lora, f"`{said}`"))
            give(taken, BY_NAME["lora"], Given("lora", (said,)))
        else:
            told = Sentence("{name} is no LoRA's name; its tag was left out.", name=quote(lora.name))
            taken.notes.append(told)
    if loras or others:
        text = unknown.closed(text)
    text, images = take_images(text, taken.notes, typed)
    text = unknown.said_of(text, taken.notes)
    parts = parts_of(unwrapped(" ".join(text.split()), taken.notes), taken.notes)
    own = (_without_unknown(one, taken.notes) for one in taken.given)
    given = _merge([one for one in own if one.value != ""], lower)
    prompt = Prompt(parts, tuple(images), ordered(given))
    _check(prompt, taken.notes)
    return prompt


def _without_unknown(given: Given, notes: list[str]) -> Given:
    """Return a flag whose words are free of what is not known here."""
    if given.name != "negative" or not isinstance(given.value, str):
        return given
    return Given(given.name, unknown.said_of(given.value, notes).strip(" ,"), given.source)


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


def _check(prompt: Prompt, notes: list[str]) -> None:
    """Refuse what cannot be drawn whatever the model. Raises PromptError."""
    if not prompt.parts and len(prompt.images) == 1:
        raise PromptError(
            Sentence("One picture alone is not enough. Add words, or a second picture to blend with.")
        )
    if not prompt.parts and not prompt.images:
        raise PromptError(
            Sentence(
                "There is nothing to draw yet. Say what the picture shows, such as `a red apple --ar 3:2`."
            )
        )
    texts = len(prompt.parts) + bool(prompt.no)
    if texts > MAX_CONDITIONS:
        raise PromptError(
            Sentence(
                "A picture can be steered by {max_conditions} texts, and this prompt has more. Join some "
                "parts between `::` (all of `--no` counts as one).",
                max_conditions=MAX_CONDITIONS,
            )
        )
    total = sum(part.weight for part in prompt.parts) + (NO_WEIGHT if prompt.no else 0)
    if prompt.parts and total <= 1e-9:
        lifted = -total + 1 + prompt.parts[0].weight
        first = Condition(text=prompt.parts[0].text, weight=lifted)
        better = Prompt((first, *prompt.parts[1:]), prompt.images, prompt.given)
        raise PromptError(
            Sentence(
                "The weights add up to {total}, and must add up to more than 0 (`--no` counts −0.5)."
                if prompt.no
                else "The weights add up to {total}, and must add up to more than 0.",
                total=number(total),
            ),
            better.to_line(("prompt",)),
        )
    for given in prompt.given:
        partner = BY_NAME[given.name].needs
        if partner and prompt.get(partner) is None:
            told = Sentence("`--{name}` has no effect without `--{partner}`.")
            notes.append(Sentence(told, name=given.name, partner=partner))
