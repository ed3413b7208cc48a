"""The house rules that a machine can keep: who may import whom, and where each outside library lives."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# from the ground up; a room imports from lower floors, and from itself
FLOORS: tuple[tuple[str, ...], ...] = (
    ("engine.errors", "engine.log"),
    ("engine.config",),
    ("engine.reload",),
    ("engine.jobs", "engine.people", "engine.tally"),
    ("engine.figures",),
    ("engine.backends.protocol",),  # the words a worker and its keeper share; plain values
    ("engine.prompt",),
    ("engine.references", "engine.effort"),
    ("engine.answers", "engine.plan", "engine.policy", "engine.moderation", "engine.queue"),
    ("engine.images", "engine.weights"),
    ("engine.authority",),
    ("engine.allowance",),
    ("engine.store_admin", "engine.store_masks", "engine.store_likes"),
    ("engine.store_ledger", "engine.store_keeping"),
    ("engine.store_moderation",),
    ("engine.intake",),  # pictures from outside: the network and the decoders, and nothing of ours
    ("engine.store", "engine.gallery", "engine.lock", "engine.derive"),
    ("engine.inputs", "engine.masks", "engine.likes", "engine.keeping", "engine.backup"),
    ("engine.administration",),
    ("engine.screening", "engine.reports"),
    ("engine.pocket",),
    ("engine.render",),
    ("engine.backends",),
    ("engine.scheduler",),
    ("engine.service",),
    ("engine.web",),
    ("bot.messages", "bot.wire"),
    ("bot.messages_admin", "bot.messages_answers", "bot.messages_region", "bot.messages_reports"),
    ("bot.messages_settings",),
    ("bot.failures",),
    ("bot.desk",),
    ("bot.modals", "bot.picture", "bot.questions"),
    ("bot.region", "bot.answers"),
    ("bot.buttons",),
    ("bot.panel",),
    ("bot.delivery", "bot.record"),
    ("bot.reports",),
    ("bot.commands",),
    ("bot.client", "bot.demo", "bot.headless"),
    ("bot.doctor",),
    ("bot.cli_office",),
    ("bot.cli_rules",),
    ("bot.cli_admin",),
    ("bot.cli",),
    ("bot.__main__",),
)

# each outside library has one home (a room, or a package for all rooms in it)
HOMES: dict[str, tuple[str, ...]] = {
    "discord": ("bot",),
    "aiohttp": ("bot", "engine.intake"),
    "torch": ("engine.render", "engine.pocket"),
    "diffusers": ("engine.render", "engine.pocket"),
    "transformers": ("engine.render", "engine.pocket"),
    "accelerate": ("engine.render",),
    "peft": ("engine.render",),
    "nudenet": ("engine.render",),
    "safetensors": ("engine.render", "engine.pocket"),
    "sqlite3": (
        "engine.backup",
        "engine.store",
        "engine.store_admin",
        "engine.store_keeping",
        "engine.store_ledger",
        "engine.store_masks",
        "engine.store_likes",
        "engine.store_moderation",
    ),
    "huggingface_hub": ("engine.weights", "engine.render"),
    "ray": ("engine.backends",),
    "fastapi": ("engine.web",),
    "starlette": ("engine.web",),
    "uvicorn": ("engine.web",),
    "prometheus_client": ("engine.web",),
    "aiohttp.web": ("bot.demo",),
    "typer": ("bot.cli", "bot.cli_admin", "bot.cli_office", "bot.cli_rules", "engine.pocket.train"),
    "rich": ("bot.cli",),
}

# doors call the service; beside it they may know values, words and pictures, never how work is done
BEHIND_THE_COUNTER = (
    "engine.store",
    "engine.store_admin",
    "engine.administration",
    "engine.screening",
    "engine.reports",
    "engine.store_moderation",
    "engine.store_masks",
    "engine.store_likes",
    "engine.gallery",
    "engine.intake",
    "engine.inputs",
    "engine.policy",
    "engine.queue",
    "engine.scheduler",
    "engine.backends",
    "engine.render",
    "engine.pocket",
)
DOORS = ("bot", "engine.web")
# the rooms that wire and look at everything
SEE_EVERYTHING = ("bot.cli", "bot.cli_admin", "bot.cli_office", "bot.cli_rules", "bot.__main__", "bot.doctor")


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
        if module not in SEE_EVERYTHING and any(within(module, door) for door in DOORS):
            wrong += [
                f"{where}: a door calls engine.service"
                for room in BEHIND_THE_COUNTER
                if within(found.target, room)
            ]
    return wrong


SOURCES = {module: file.read_text(encoding="utf-8") for module, file in modules().items()}


def test_the_architecture_page_names_every_room() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = [room for floor in FLOORS for room in floor if room != "engine.backends.protocol"]
    assert [room for room in rooms if f"`{room}`" not in page] == []


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
    assert {"discord", "torch", "diffusers", "sqlite3", "fastapi", "aiohttp.web"} <= used


@pytest.mark.parametrize("module", SOURCES)
def test_imports_point_down_and_libraries_stay_home(module: str) -> None:
    assert not complaints(module, SOURCES[module])


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("engine.queue", "import engine.store"),
        ("engine.queue", "def f():\n    from engine.service import Service"),
        ("engine.service", "from bot import messages"),
        ("engine.scheduler", "import torch.nn as nn"),
        ("bot.client", "from engine.store import Store"),
        ("bot.client", "from engine import backends"),
        ("engine.web", "from engine.scheduler import Scheduler"),
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


def test_the_bot_imports_no_torch() -> None:
    heavy = ("torch", "diffusers", "transformers")
    code = f"import sys, bot.client, bot.cli; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_whatever_is_asked_for_in_discord_says_who_asks() -> None:
    """A request without its asker would pass every rule of its server by."""
    seen, mute = 0, []
    for module, source in SOURCES.items():
        if not within(module, "bot") or module == "bot.headless":
            continue
        for node in ast.walk(ast.parse(source)):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            on = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
            asks = name in ("Request", "Action") or (name == "show" and on.endswith("service"))
            if asks:
                seen += 1
                if "asker" not in {keyword.arg for keyword in node.keywords}:
                    mute.append(f"{module}:{node.lineno}")
    assert seen >= 5, "the test no longer sees them"
    assert not mute
