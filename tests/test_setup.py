"""Set-up and its papers stay in step: dependencies and pins, tables and links, the make targets."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bot.cli.main import EXIT_USER, app
from bot.commands import COMMANDS
from engine.config import WebConfig
from tests import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
README = (ROOT / "README.md").read_text()
PAPERS = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md")),
]


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    found = {}
    for line in lines:
        if line and not line.startswith("#"):
            name, _, version = line.partition("==")
            found[canonicalize_name(name)] = version
    return found


REQUIREMENTS = [
    *map(Requirement, PROJECT["dependencies"]),
    *(Requirement(line) for extra in PROJECT["optional-dependencies"].values() for line in extra),
]


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_every_dependency_is_pinned_to_a_version_that_fits(requirement: Requirement) -> None:
    version = pins()[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(version)


def test_pins_are_exact_and_name_no_build_and_no_place() -> None:
    text = (ROOT / "constraints.txt").read_text()
    assert pins()["torch"] == "2.13.0"
    for version in pins().values():
        assert re.fullmatch(r"\d+(\.\d+)*", version)
    assert "://" not in text
    assert "--" not in text


def test_what_is_installed_is_what_is_pinned() -> None:
    wrong = {}
    for name, version in pins().items():
        try:
            installed = importlib.metadata.version(name).partition("+")[0]
        except importlib.metadata.PackageNotFoundError:
            continue  # for another platform, or of an extra that this environment does not have
        if installed != version:
            wrong[name] = (installed, version)
    assert not wrong, "run `make setup`"


def test_the_shipped_files_are_packaged() -> None:
    """Every file under bot/ and engine/ that is no Python is covered by a pattern of package-data."""
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    for package in ("bot", "engine"):
        covered = {path for pattern in tool[package] for path in (ROOT / package).glob(pattern)}
        listed = subprocess.run(["git", "ls-files", package], cwd=ROOT, capture_output=True, text=True).stdout
        files = {ROOT / line for line in listed.splitlines() if not line.endswith((".py", ".md"))}
        assert files <= covered


def rows(text: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table after a heading."""
    section = text.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_readme_lists_every_slash_command_and_no_other() -> None:
    shown = {
        name
        for row in rows(README, "What people can do")
        for name in re.split(r", ", row[0].replace("`", ""))
    }
    there = {f"/{c.name}" if hasattr(c, "description") and c.description else c.name for c in COMMANDS}
    assert shown == there


def test_the_readme_lists_every_subcommand_and_no_other() -> None:
    shown = {re.match(r"`limner (\w+)", row[0])[1] for row in rows(README, "The command line")}  # type: ignore[index]
    group = typer.main.get_command(app)
    assert shown == set(group.commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("paper", PAPERS)
def test_links_lead_somewhere(paper: str) -> None:
    text = (ROOT / paper).read_text()
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" not in target:
            assert ((ROOT / paper).parent / target).exists(), target


@pytest.mark.parametrize("paper", [*PAPERS, ".ci/run"])
def test_make_targets_that_are_named_exist(paper: str) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), flags=re.M))
    named = re.findall(r"(?:`|^\s*|step \w+ )make ([a-z][a-z-]*)", (ROOT / paper).read_text(), flags=re.M)
    assert set(named) <= targets


@pytest.mark.parametrize("script", [".ci/run"])
def test_scripts_are_executable_and_parse(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)
    subprocess.run(["bash", "-n", script], cwd=ROOT, check=True)


def test_a_python_that_is_too_old_is_told_so(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2"\n[ "$1" = -c ] && exit 1\nexit 0\n'
    )
    old.chmod(0o755)
    # in a copy, so that no .venv is ready
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    done = subprocess.run(
        ["make", "setup", f"BOOTSTRAP_PYTHON={old}"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "needs Python 3.11 or newer, and found Python 3.9.2" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_the_container_copies_what_exists_and_what_is_let_through() -> None:
    lines = (ROOT / "deploy/Dockerfile").read_text().replace("\\\n", " ").splitlines()
    sources = [word for line in lines if line.startswith("COPY ") for word in line.split()[1:-1]]
    let_through = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    assert {source.removeprefix("./") for source in sources} == let_through
    assert all((ROOT / source).exists() for source in sources)
    for line in lines:
        if line.startswith(("ENTRYPOINT", "CMD")) or " CMD [" in line:
            assert all(isinstance(word, str) for word in json.loads(line[line.index("[") :]))
    healthy = next(line for line in lines if line.startswith("HEALTHCHECK"))
    assert f":{WebConfig().port}/healthz" in healthy
    user = next(line.split()[1] for line in lines if line.startswith("USER "))
    assert user.isdecimal()
    assert int(user) > 0
    assert not any("TOKEN" in line for line in lines if line.startswith(("ENV", "ARG")))


def test_a_linter_finds_nothing_in_the_dockerfile() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    if not hadolint.exists():
        pytest.skip("hadolint is installed on Linux x86_64 only")
    done = subprocess.run([hadolint, ROOT / "deploy/Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_systemd_finds_nothing_in_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("this machine has no systemd")
    unit = tmp_path / "limner.service"
    text = (ROOT / "deploy/limner.service").read_text()
    unit.write_text(text.replace("/srv/limner/.venv/bin/limner", "/bin/true"))
    done = subprocess.run([analyze, "verify", unit], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_service_stops_as_the_bot_does_and_gives_up_on_a_wrong_configuration() -> None:
    unit = (ROOT / "deploy/limner.service").read_text()
    assert f"RestartPreventExitStatus={EXIT_USER}" in unit
    assert "limner run" in unit
    assert "PrivateDevices=yes" not in unit  # it would hide the GPU


HOSTING = (ROOT / "docs/hosting.md").read_text()


def needed(model: str) -> list[str]:
    """What docs/hosting.md's table of machines asks for, in GB."""
    (row,) = (row for row in rows(HOSTING, "What you need") if row[0] == model)
    return re.findall(r"(\d+) GB", row[1])


def test_readme_and_hosting_ask_for_the_same_memory_and_room() -> None:
    asked = re.sub(r"\s+", " ", README)
    (cards,) = re.findall(r"An NVIDIA card with (\d+) GB draws with Stable Diffusion 1.5", asked)
    assert [cards] == needed("Stable Diffusion 1.5")
    (sdxl,) = re.findall(r"a card with (\d+) GB with SDXL \((\d+) GB with offload\)", asked)
    assert [*sdxl] == needed("SDXL")
    (room,) = re.findall(r"some minutes and (\d+) GB; with PyTorch's CUDA build, (\d+) GB", asked)
    assert f"{room[0]} GB for Limner with torch, {room[1]} GB with PyTorch's CUDA build" in HOSTING


def test_the_way_to_the_real_thing_names_every_step_in_order() -> None:
    """Set up, choose models, token, check, run: nobody is told to run what is not installed yet."""
    way = README.split("## The real thing\n")[1].split("\n## ")[0]
    for steps in (way.split("Step by step:")[0], way.split("Step by step:")[1]):
        places = [steps.find(step) for step in ("make setup", "limner check", "make run")]
        assert -1 not in places
        assert places[0] == min(places)
    assert re.search(r"delete the\s+models you do not want", way)
    assert way.index("make setup") < way.index("limner init")


def test_a_wrong_configuration_is_not_started_again_for_ever() -> None:
    unit = (ROOT / "deploy/limner.service").read_text().splitlines()
    assert f"RestartPreventExitStatus={EXIT_USER}" in unit
    docker = (ROOT / "deploy/Dockerfile").read_text()
    policies = re.findall(r"--restart[= ](\S+)", docker + HOSTING)
    assert len(policies) >= 2
    assert all(re.fullmatch(r"on-failure:\d+|no", policy) for policy in policies)
