"""The house rules that a machine can keep: who may import whom, and where each outside library lives."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.service import Caller
from tests import ROOT

# from the ground up; a room imports from lower floors, and from itself
FLOORS: tuple[tuple[str, ...], ...] = (
    ("engine.words",),
    ("engine.errors", "engine.log", "engine.jobs", "engine.pocket", "bot.demo"),
    ("engine.config", "engine.checkpoint"),
    ("engine.prompt", "engine.quantization", "engine.weights", "engine.workers.protocol"),
    ("engine.provenance", "engine.rules"),
    ("engine.intake", "engine.planning", "engine.moderation", "engine.images", "engine.readiness"),
    ("engine.render", "engine.store"),
    ("engine.library",),
    ("engine.workers",),
    ("engine.schedule",),
    ("engine.service",),
    ("engine.web", "bot.messages", "bot.custom_ids", "bot.language"),
    ("bot.failures", "bot.shards"),
    ("bot.interactions",),
    ("bot.progress",),
    ("bot.components",),
    ("bot.commands", "bot.publish"),
    ("bot.client",),
    ("bot.cli",),
    ("bot.__main__",),
)

# products of their own: they import nothing of ours, and only the command line starts them
PRODUCTS = ("bot.demo", "engine.pocket.train")

# each outside library has one home (a room, or a package for all rooms in it)
HOMES: dict[str, tuple[str, ...]] = {
    "discord": ("bot",),
    "aiohttp": ("bot", "engine.intake"),
    "torch": ("engine.render", "engine.pocket"),
    "diffusers": ("engine.render", "engine.pocket"),
    "transformers": ("engine.render", "engine.pocket"),
    "torchao": ("engine.render",),
    "ray": ("engine.workers.ray",),
    "nudenet": ("engine.render",),
    "safetensors": ("engine.render", "engine.pocket"),
    "aiosqlite": ("engine.store",),
    "sqlite3": ("engine.store", "engine.library.backup"),
    "huggingface_hub": ("engine.weights", "engine.render"),
    "fastapi": ("engine.web",),
    "uvicorn": ("engine.web",),
    "starlette": ("engine.web",),
    "python_multipart": ("engine.web",),
    "prometheus_client": ("engine.web",),
    "aiohttp.web": ("bot.demo",),
    "c2pa": ("engine.provenance",),
    "cryptography": ("engine.provenance",),
    "sd_parsers": ("engine.provenance",),
    "typer": ("bot.cli", "engine.pocket.train"),
    "rich": ("bot.cli",),
}

# doors call the service; beside it they may know values, words and pictures, never how work is done
DOORS = ("bot", "engine.web")
OPEN_TO_DOORS = (
    *("engine.service", "engine.jobs", "engine.errors", "engine.config", "engine.log"),
    *("engine.prompt", "engine.planning", "engine.rules", "engine.moderation", "engine.images"),
    *("engine.library.masks", "engine.schedule.metrics", "engine.pocket.knows"),  # values that are shown
    *("engine.provenance.values", "engine.provenance.words", "engine.words"),
)
# the rooms that wire and look at everything
SEE_EVERYTHING = ("bot.cli", "bot.__main__")


@dataclass(frozen=True)
class Import:
    importer: str
    line: int
    target: str


def modules() -> dict[str, Path]:
    found = {}
    for package in ("bot", "engine"):
        for file in sorted((ROOT / package).rglob("*.py")):
            parts = file.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def within(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")


def one_of(module: str, rooms: tuple[str, ...]) -> bool:
    return any(within(module, room) for room in rooms)


def floor_of(module: str) -> tuple[int, str] | None:
    for number, rooms in enumerate(FLOORS):
        for room in rooms:
            if within(module, room):
                return number, room
    return None


def imports_of(module: str, source: str) -> Iterator[Import]:
    """Yield every import, also those inside functions: late imports are imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno} imports relatively"
            for alias in node.names:
                # `from bot import messages` names a room, `from bot.messages import told` a thing in one
                yield Import(module, node.lineno, f"{node.module}.{alias.name}")


def complaints(module: str, source: str) -> list[str]:
    """Return what a module's imports break."""
    wrong = []
    here = floor_of(module)
    for found in imports_of(module, source):
        where = f"{module}:{found.line} imports {found.target}"
        for library, homes in HOMES.items():
            if within(found.target, library) and not any(within(module, home) for home in homes):
                wrong.append(f"{where}: {library} lives in {', '.join(homes)}")
        if found.target.split(".")[0] not in ("bot", "engine"):
            continue
        if within(module, "engine") and within(found.target, "bot"):
            wrong.append(f"{where}: the arrow points from bot to engine")
        there = floor_of(found.target)
        if here and there and here[1] != there[1] and there[0] >= here[0]:
            wrong.append(f"{where}: {there[1]} is not on a lower floor than {here[1]}")
        if one_of(module, DOORS) and not one_of(module, SEE_EVERYTHING):
            opens = one_of(found.target, (*OPEN_TO_DOORS, "engine.web", "bot"))
            wrong += [] if opens else [f"{where}: a door calls engine.service"]
        if one_of(module, PRODUCTS):
            own = module.split(".")[:2] == found.target.split(".")[:2]
            wrong += [] if own else [f"{where}: this product stands alone"]
        elif one_of(found.target, PRODUCTS) and not within(module, "bot.cli"):
            wrong.append(f"{where}: only the command line starts it")
    return wrong


SOURCES = {module: file.read_text(encoding="utf-8") for module, file in modules().items()}


def test_the_architecture_page_names_every_room() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    folders = {"/".join(module.split(".")[:2]) for module in SOURCES if module.count(".") > 1}
    assert [folder for folder in sorted(folders) if f"`{folder}/`" not in page] == []


def test_every_module_belongs_to_a_room() -> None:
    packages = ("bot", "engine")
    homeless = [module for module in SOURCES if module not in packages and floor_of(module) is None]
    assert not homeless, "give these a floor in tests/test_house.py"


def test_every_room_is_seen() -> None:
    """A renamed or emptied room would make the other rules vacuous."""
    unseen = [
        room for rooms in FLOORS for room in rooms if not any(within(module, room) for module in SOURCES)
    ]
    assert not unseen
    imported = [found for module, source in SOURCES.items() for found in imports_of(module, source)]
    assert sum(found.target.startswith(("bot.", "engine.")) for found in imported) > 100
    used = {library for library in HOMES if any(within(found.target, library) for found in imported)}
    assert {"discord", "torch", "diffusers", "sqlite3", "aiosqlite", "fastapi", "aiohttp.web"} <= used


@pytest.mark.parametrize("module", SOURCES)
def test_imports_point_down_and_libraries_stay_home(module: str) -> None:
    assert not complaints(module, SOURCES[module])


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("engine.rules.limits", "import engine.store.connection"),
        ("engine.schedule.queue", "def f():\n    from engine.service import Service"),
        ("engine.service", "from bot import messages"),
        ("engine.schedule.scheduler", "import torch.nn as nn"),
        ("bot.client", "from engine.store.connection import Store"),
        ("bot.client", "from engine import workers"),
        ("engine.web", "from engine.schedule.scheduler import Scheduler"),
        ("engine.service", "import discord"),
        ("bot.client", "from aiohttp import web"),
        ("engine.jobs", "import sqlite3"),
    ],
)
def test_the_rules_catch_what_they_forbid(module: str, source: str) -> None:
    assert complaints(module, source)


@pytest.mark.parametrize("module", SOURCES)
def test_a_module_opens_by_saying_what_it_is_for(module: str) -> None:
    words = ast.get_docstring(ast.parse(SOURCES[module])) or ""
    assert len(words.split("\n\n")[0]) > 20


TABLES = ("engine.prompt.flags",)  # one table each: longer than any room


@pytest.mark.parametrize("module", [one for one in SOURCES if not within(one, "engine.pocket.train")])
def test_a_file_is_one_concept(module: str) -> None:
    """None over 400 lines, none over 300 without a reason in its first lines, no function over 60."""
    lines, tree = len(SOURCES[module].splitlines()), ast.parse(SOURCES[module])
    assert lines <= 400 or module in TABLES
    assert lines <= 300 or "Long: " in (ast.get_docstring(tree) or ""), "say why, or make two rooms of it"
    long = [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= 60
    ]
    assert not long


def test_no_test_patches_our_own_code() -> None:
    patched = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in sorted((ROOT / "tests").rglob("*.py"))
        if file != Path(__file__)
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        if "patch(" in line or "patch.object(" in line or "monkeypatch.setattr(" in line
        if any(f"{quote}{package}." in line for quote in "\"'( " for package in ("bot", "engine"))
    ]
    assert not patched, "pass a parameter instead"


def test_the_bot_starts_without_torch_and_numpy() -> None:
    heavy = ("torch", "diffusers", "transformers", "numpy", "ray")
    code = f"import sys, bot.client, bot.cli.main; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_whatever_is_asked_for_in_discord_says_who_asks() -> None:
    """A request without its requester would pass every rule of its server by."""
    with pytest.raises(TypeError, match="requester"):
        Caller(key="1", owner="1", origin="discord:1/2")  # type: ignore[call-arg]
    callers = [module for module, source in SOURCES.items() if "Caller(" in source]
    assert {"bot.interactions", "engine.web.draw"} <= set(callers), "the test no longer sees them"
    unruled = [module for module, source in SOURCES.items() if within(module, "bot") and "UNRULED" in source]
    assert unruled == ["bot.cli.imagine"], "only the host's own command line is above all rules"
