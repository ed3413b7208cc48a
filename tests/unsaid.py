"""What would be told in English whatever people speak: text that goes where sentences go, and is none.

A sentence is made by ``say``, ``Sentence`` or ``counted``, which is how its catalogue knows it. Text of a
note, of a refusal or of an apology, and any wording of ``bot/messages``, must have been made so.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests import ROOT

ENGLISH = (
    "bot/cli",
    "bot/demo",
    "engine/config",
    "engine/intake/posting.py",
    "engine/pocket",
    "engine/web",
    "engine/workers/fake.py",
    "engine/planning/literal.py",
)
"""Where English is spoken: the command line, the demo, the host's own files, and what programs call."""
MAKERS = frozenset({"say", "Sentence", "counted"})
NO_REFUSAL = frozenset({"ConfigError"})
"""Errors for the host, on the command line."""
OTHERS = frozenset({"RejectedPicture", "BadValueError", "FlagError"})
"""Errors that become refusals."""
WHOLE = re.compile(r"[^\W\d_]{2,} [^\W\d_]{2,}.*\.$", re.DOTALL)
"""A whole sentence."""
WORDED = ("bot/messages", "engine/provenance/words.py")
"""Where no text with words stands but to be said."""
SAYING = (
    "bot/components",
    "bot/publish",
    "engine/moderation/pictures.py",
    "engine/planning",
    "engine/prompt",
    "engine/render/conditioning",
    "engine/render/families",
    "engine/rules",
    "engine/store/jobs.py",
)
"""Where no whole sentence does, but for the table of flags, which the catalogue knows."""
WORDS = re.compile(r"[^\W\d_]{2,} [^\W\d_]{2,}|^[A-Z][^\W\d_]+[.!?]$")
"""Text that is a sentence or a piece of one, not a name."""


@dataclass(frozen=True)
class Unsaid:
    """Text, and where it stands."""

    where: str
    text: str


def sources() -> Iterator[Path]:
    """Yield the files that speak to people in their language."""
    for package in ("bot", "engine"):
        for file in sorted((ROOT / package).rglob("*.py")):
            if not str(file.relative_to(ROOT)).startswith(ENGLISH):
                yield file


def refusals(trees: list[ast.Module]) -> frozenset[str]:
    """Return the names of the errors that people read: UserError and what derives from it."""
    derived = {
        node.name: {getattr(base, "id", "") for base in node.bases}
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    found = {"UserError", *OTHERS}
    while more := {name for name, bases in derived.items() if bases & found} - found - NO_REFUSAL:
        found |= more
    return frozenset(found)


def written(node: ast.expr) -> str:
    """Return the text of a literal, without its fields."""
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value for part in node.values if isinstance(part, ast.Constant))
    return str(node.value) if isinstance(node, ast.Constant) else ""


def plain(node: ast.AST | None) -> Iterator[ast.expr]:
    """Yield the texts with words that a value may be, but for those that a call makes."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if WORDS.search(node.value):
            yield node
    elif isinstance(node, ast.JoinedStr):
        if WORDS.search(written(node)):
            yield node
    elif isinstance(node, ast.IfExp):
        yield from plain(node.body)
        yield from plain(node.orelse)
    elif isinstance(node, ast.BinOp):
        yield from plain(node.left)
        yield from plain(node.right)
    elif isinstance(node, ast.List | ast.Tuple | ast.Set):
        for one in node.elts:
            yield from plain(one)
    elif isinstance(node, ast.ListComp | ast.GeneratorExp):
        yield from plain(node.elt)


def called(node: ast.Call) -> str:
    """Return the name that is called, without what it belongs to."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _noted(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _names(node: ast.AST) -> Iterator[str]:
    """Yield the variables whose text a value may be, or is made of."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.IfExp):
        yield from (*_names(node.body), *_names(node.orelse))
    elif isinstance(node, ast.Call) and called(node) in MAKERS:
        yield from (name for one in node.args[:1] for name in _names(one))


def told(tree: ast.Module, errors: frozenset[str]) -> Iterator[ast.expr]:
    """Yield the values that people are told: notes, what refusals say, apologies."""
    variables: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    variables.setdefault(target.id, []).append(node.value)
    values: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(_noted(one) == "notes" for one in node.targets):
            values.append(node.value)
        if isinstance(node, ast.AugAssign) and _noted(node.target) == "notes":
            values.append(node.value)
        if isinstance(node, ast.ClassDef) and node.name in errors:
            for inner in ast.walk(node):
                if isinstance(inner, ast.Call) and called(inner) == "__init__":
                    values += inner.args[:1]
        if not isinstance(node, ast.Call):
            continue
        name = called(node)
        if name in ("append", "extend") and isinstance(node.func, ast.Attribute):
            values += node.args if _noted(node.func.value) == "notes" else []
        elif name in errors:
            values += node.args[:1]
        elif name == "EngineError":
            values += node.args[1:]
        elif name == "Reading":
            values += node.args[2:]
        values += [one.value for one in node.keywords if one.arg in ("notes", "apology")]
    for value in values:
        yield value
        yield from (text for name in _names(value) for text in variables.get(name, []))


def worded(tree: ast.Module) -> Iterator[ast.expr]:
    """Yield all text with words of a module that no call makes a sentence of, but for what documents it."""

    def walk(node: ast.AST) -> Iterator[ast.expr]:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return
        if isinstance(node, ast.Call) and called(node) == "telling_host":
            return
        if isinstance(node, ast.Call) and called(node) in MAKERS:
            for keyword in node.keywords:
                yield from walk(keyword.value)
            return
        if isinstance(node, ast.Constant | ast.JoinedStr):
            yield from plain(node)
            return
        for child in ast.iter_child_nodes(node):
            yield from walk(child)

    yield from walk(tree)


def composed(tree: ast.Module) -> Iterator[ast.expr]:
    """Yield what ``say`` and its like are given that no catalogue can hold: text put together beforehand."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) in MAKERS:
            yield from (one for one in node.args if isinstance(one, ast.JoinedStr | ast.BinOp))


def unsaid() -> list[Unsaid]:
    """Return all of it."""
    trees = {file: ast.parse(file.read_text(encoding="utf-8")) for file in sources()}
    errors = refusals([*trees.values()])
    found = []
    for file, tree in trees.items():
        where = str(file.relative_to(ROOT))
        texts = [text for value in told(tree, errors) for text in plain(value)]
        texts += composed(tree)
        if where.startswith(WORDED):
            texts += worded(tree)
        elif where.startswith(SAYING) and where != "engine/prompt/flags.py":
            texts += (text for text in worded(tree) if WHOLE.search(written(text)))
        found += [Unsaid(f"{where}:{text.lineno}", ast.unparse(text)) for text in texts]
    return sorted(set(found), key=lambda one: one.where)
