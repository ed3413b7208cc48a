"""Every sentence that people read in their language: found in the source, and in the commands as they are.

``python -m tests.catalogue`` puts new sentences into each ``engine/words/*.po``, to be translated there, and
takes out those that nobody says any more.
"""

from __future__ import annotations

import ast
import html
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from discord import app_commands

from bot.commands import COMMANDS
from bot.custom_ids import Verb
from engine.images import AREAS
from engine.planning.edits import EDITS
from engine.prompt.flags import FLAGS, FlagType
from engine.service.reports import TOO_MANY
from engine.web.pages import IN_PAGE, scripted
from engine.words import LANGUAGES, Sentence
from engine.words.catalogue import FOLDER, Entry, read
from tests import ROOT

CALLS = {"say": 0, "Sentence": 0, "counted": 1}
"""What makes a sentence, and which argument it stands in."""
NOT_SAID = ("bot/demo", "bot/cli")
"""Where such names mean something else, or English is spoken."""
COMMAND_LIMIT = 100
"""Most characters of a description or of a choice's name (Discord, application command object)."""


WORD, FIELD = re.compile(r"[^\W\d_]{2}"), re.compile(r"\{[^}]*\}")


@dataclass(frozen=True)
class Found:
    """A sentence: its key, the key for more than one, where it stands, and how long it may be."""

    key: str
    many: str | None
    where: str
    limit: int | None = None


def literals(node: ast.expr) -> Iterator[str]:
    """Yield the texts an argument may be: one, or one of two."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from literals(node.body)
        yield from literals(node.orelse)


def in_source() -> Iterator[Found]:
    """Yield what is said in the source: the arguments of ``say``, ``Sentence`` and ``counted``."""
    for package in ("bot", "engine"):
        for file in sorted((ROOT / package).rglob("*.py")):
            where = str(file.relative_to(ROOT))
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call):
                    continue
                function = node.func
                name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
                at = CALLS.get(name)
                if at is None or len(node.args) <= at or where.startswith(NOT_SAID):
                    continue
                many = next(literals(node.args[2]), None) if at and len(node.args) > 2 else None
                for key in literals(node.args[at]):
                    yield Found(key, many, where)


def in_tables() -> Iterator[Found]:
    """Yield what stands in tables, where it is no argument of its own."""
    for flag in FLAGS:
        ranged = flag.range if flag.kind is not FlagType.CHOICE else ""
        for text in (flag.meaning, flag.note, flag.default, ranged):
            if not isinstance(text, Sentence) and " " in text:
                yield Found(text, None, "engine/prompt/flags.py")
    for text in (*(kind.value for kind in FlagType), "off", "random", *AREAS, "styles", "words"):
        yield Found(text, None, "engine/prompt/flags.py")
    for edit in EDITS.values():
        yield Found(edit.title, None, "engine/planning/edits.py")
    for verb in Verb:
        yield Found(verb.label or "", None, "bot/custom_ids.py")
    for text in TOO_MANY.values():
        yield Found(text, None, "engine/service/reports.py")
    for text in ("Turbo", "Fast", "Relax"):
        yield Found(text, None, "bot/components/settings.py")


def in_pages() -> Iterator[Found]:
    """Yield what pages say, and their scripts."""
    for page in sorted(ROOT.glob("engine/web/page/*.html")):
        where = str(page.relative_to(ROOT))
        for text in (*map(html.unescape, IN_PAGE.findall(page.read_text("utf-8"))), *scripted(page.stem)):
            yield Found(text, None, where)


def in_commands() -> Iterator[Found]:
    """Yield every description and choice of the commands, as discord.py takes them."""

    def walk(part: Any) -> Iterator[str]:
        if isinstance(part, app_commands.Group):
            yield part.description
            for child in part.commands:
                yield from walk(child)
        elif isinstance(part, app_commands.Command):
            yield part.description
            for parameter in part.parameters:
                yield str(parameter.description)
                yield from (choice.name for choice in parameter.choices)

    for command in COMMANDS:
        for text in walk(command):
            if WORD.search(text):
                yield Found(text, None, "bot/commands", COMMAND_LIMIT)


@cache
def sentences() -> dict[str, Found]:
    """Return every sentence by its key; where it is said twice, with the shorter limit."""
    found: dict[str, Found] = {}
    for one in (*in_commands(), *in_source(), *in_tables(), *in_pages()):
        if WORD.search(FIELD.sub("", one.key)):
            before = found.setdefault(one.key, one)
            if before.many is None and one.many is not None:
                found[one.key] = Found(one.key, one.many, before.where, before.limit)
    return found


def fields(text: str) -> set[str]:
    """Return the names of the ``{fields}`` of a text, with how they are written; of one without, nothing."""
    return {f"{name}:{spec}" for _, name, spec, _ in string.Formatter().parse(text) if name is not None}


def quoted(text: str) -> str:
    """Return a text as a ``.po`` file has it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def written(header: Entry, known: dict[str, Entry], forms: int) -> str:
    """Return a catalogue with every sentence, translated as far as it is known."""
    lines = ['msgid ""', 'msgstr ""']
    lines += [quoted(line + "\n") for line in header.forms[0].splitlines()]
    by_place = sorted(sentences().values(), key=lambda one: one.where)
    for one in by_place:
        old = known.get(one.key, Entry())
        lines += ["", f"#: {one.where}", f"msgid {quoted(one.key)}"]
        if one.many is None:
            lines.append(f"msgstr {quoted(old.forms.get(0, ''))}")
        else:
            lines.append(f"msgid_plural {quoted(one.many)}")
            lines += [f"msgstr[{form}] {quoted(old.forms.get(form, ''))}" for form in range(forms)]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Bring every catalogue up to date."""
    for name in sorted(set(LANGUAGES.values())):
        path = FOLDER / f"{name}.po"
        header, *entries = read(path.read_text(encoding="utf-8"))
        forms = int(header.forms[0].partition("nplurals=")[2][0])
        text = written(header, {entry.key: entry for entry in entries}, forms)
        path.write_text(text, encoding="utf-8")
        missing = text.count('msgstr ""\n') + text.count('msgstr[0] ""') - 1
        print(f"{name}: {len(sentences())} sentences, {missing} not translated")  # noqa: T201


if __name__ == "__main__":
    main()
