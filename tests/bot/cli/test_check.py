"""What the doctor makes of a machine: reports as torch gives them, and the advice they must lead to."""

from __future__ import annotations

import importlib.util
import json
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from bot.cli.check import _classifier
from bot.cli.devices import elsewhere, judge
from bot.cli.findings import Finding
from engine.config import Config, EngineConfig, ModelConfig, ModerationConfig, pocket
from engine.config.sections import PlacementConfig
from tests.bot.cli.test_cli import limner, refused
from tests.engine.readiness.broken import FOLDERS, SINGLES

GIB = 2**30


def report(*devices: dict[str, Any], cuda: str | None = "13.0", mps: bool = False) -> dict[str, Any]:
    """Return a report as ``engine.render.probe`` writes it."""
    version = "2.13.0" if cuda else "2.13.0+cpu"
    return {"torch": version, "cuda": cuda, "hip": None, "devices": list(devices), "mps": mps, "threads": 2}


def card(gib: float = 24, **more: Any) -> dict[str, Any]:
    return {"index": 0, "name": "RTX", "memory": int(gib * GIB), "works": True, "why": "", **more}


def findings(
    torch: dict[str, Any],
    *,
    device: Any = "auto",
    offload: Any = "auto",
    nvidia: str | None = None,
    devices: tuple[str, ...] = (),
    placement: dict[str, tuple[str, ...]] | None = None,
) -> list[Finding]:
    large = ModelConfig(name="sdxl", source="owner/sdxl")
    placed = tuple(PlacementConfig(device=one, models=models) for one, models in (placement or {}).items())
    engine = EngineConfig(device=device, offload=offload, devices=devices, placement=placed)
    config = Config(models=(pocket(), large), engine=engine)
    return list(judge(torch, config, nvidia))


@pytest.mark.parametrize(
    ("found", "state", "said"),
    [
        (findings(report(card()), nvidia="RTX"), "ok", "cuda:0: RTX, 24.0 GiB, torch 2.13.0"),
        # a card that the driver knows and this torch does not
        (
            findings(report(cuda=None), nvidia="RTX 4090"),
            "note",
            "(RTX 4090), but torch 2.13.0+cpu was built without",
        ),
        (findings(report(cuda=None), nvidia="RTX 4090", device="cuda"), "wrong", "Install the CUDA build"),
        # a card that torch lists and cannot compute on
        (
            findings(
                report(card(works=False, why="no kernel image is available."), mps=False), nvidia="GTX 680"
            ),
            "wrong",
            "no kernel image is available. Install the torch build for this card",
        ),
        (findings(report(), device="cuda"), "wrong", "there is no GPU that torch can use"),
        (findings(report(card(6)), nvidia="RTX", offload="none"), "note", "This card is small"),
        (findings(report(cuda=None, mps=True)), "ok", "Apple GPU"),
        (findings(report(cuda=None), device="mps"), "wrong", "no Apple GPU"),
        (findings(report(cuda=None)), "ok", "CPU, "),
        (findings(report(cuda=None)), "note", "Without a GPU, sdxl will take minutes"),
        (findings(report(card()), device="cpu", nvidia="RTX"), "ok", "CPU, "),
        # two cards: each is named; one that is not there is wrong
        (findings(report(card(), card(8, index=1, name="GTX"))), "ok", "cuda:1: GTX, 8.0 GiB"),
        (findings(report(card(), card(index=1)), devices=("cuda:1",)), "ok", "cuda:1: RTX"),
        (
            findings(report(card()), devices=("cuda:0", "cuda:1")),
            "wrong",
            "`cuda:1`, and torch can use: cuda:0.",
        ),
        (findings(report(cuda=None), devices=("cpu", "cpu")), "ok", "cpu:1: "),
        (findings(report(card()), placement={"cuda:1": ("sdxl",)}), "wrong", "A placement is for `cuda:1`"),
        (findings(report(card()), placement={"cuda:0": ("sdxl",)}), "wrong", "No device may draw `pocket`"),
    ],
)
def test_each_machine_gets_the_advice_it_needs(found: list[Finding], state: str, said: str) -> None:
    assert [finding.state for finding in found if said in finding.text] == [state], found


def test_a_small_card_with_offload_left_to_itself_needs_no_advice() -> None:
    device, needed = findings(report(card(6)), nvidia="RTX")
    assert (device.state, needed.state) == ("ok", "ok")
    assert needed.text.endswith("; cuda:0: fits")
    assert "GiB of memory" in needed.text


def test_a_classifier_is_looked_for(tmp_path: Path) -> None:
    def said(chosen: str) -> Finding:
        [one] = _classifier(Config(moderation=ModerationConfig(classifier=chosen)))
        return one

    assert said("").state == "note"
    missing = said(str(tmp_path))
    assert (missing.state, str(tmp_path) in missing.text) == ("wrong", True)
    (tmp_path / "config.json").write_text("{}")
    assert "`model.safetensors` is missing" in said(str(tmp_path)).text
    save_file({"x": torch.zeros(1)}, tmp_path / "model.safetensors")
    assert said(str(tmp_path)).state == "ok"
    installed = importlib.util.find_spec("nudenet") is not None
    assert said("nudenet").state == ("ok" if installed else "wrong")


@pytest.fixture
def hub(whole: Path) -> dict[str, str]:
    return {"HF_HUB_CACHE": str(whole / "hub"), "LIMNER_TOKEN": "x", "LIMNER_LOG_LEVEL": "ERROR"}


def test_every_model_that_cannot_draw_is_wrong_not_here_and_refused(
    whole: Path, tmp_path: Path, hub: dict[str, str]
) -> None:
    entries = []
    for number, (case, (damage, _)) in enumerate({**FOLDERS, **SINGLES}.items()):
        source = tmp_path / (f"{number}" if case in FOLDERS else f"{number}.safetensors")
        if case in FOLDERS:
            shutil.copytree(whole / "folder", source)
        else:
            shutil.copy(whole / "one.safetensors", source)
        damage(source)
        entries.append(f"[[models]]\nname = 'm{number}'\nsource = '{source}'\n")
    (tmp_path / "config.toml").write_text("".join(entries))
    refused(limner("run", cwd=tmp_path, **hub), "cannot draw", f"The other {len(entries) - 1} are not ready")

    for name, file in (("one", "one.safetensors"), ("folder", "folder")):
        entries.append(f"[[models]]\nname = '{name}'\nsource = '{whole / file}'\n")
    (tmp_path / "config.toml").write_text("".join(entries))
    rows = json.loads(limner("models", "list", "--json", cwd=tmp_path, **hub).stdout)
    assert [row["name"] for row in rows if row["here"]] == ["one", "folder"]
    done = limner("check", "--json", cwd=tmp_path, timeout=500, **hub)
    assert done.returncode == 2
    told = [json.loads(line) for line in done.stdout.splitlines()]
    models = [line for line in told if line["topic"] == "model" and line["state"] != "note"]
    assert [line["state"] for line in models] == ["wrong"] * (len(entries) - 2) + ["ok", "ok"]


@pytest.mark.timeout(900)
def test_a_deep_check_draws_with_each_model(whole: Path, tmp_path: Path, hub: dict[str, str]) -> None:
    shutil.copytree(whole / "folder", tmp_path / "odd")
    settings = tmp_path / "odd/unet/config.json"
    # sound to look at, and its layers do not fit each other
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"cross_attention_dim": 24}))
    (tmp_path / "config.toml").write_text(
        f"[[models]]\nname = 'good'\nsource = '{whole / 'folder'}'\nwidth = 32\nheight = 32\n"
        f"[[models]]\nname = 'odd'\nsource = '{tmp_path / 'odd'}'\nwidth = 32\nheight = 32\n"
    )
    done = limner("check", "--deep", "--json", cwd=tmp_path, timeout=900, **hub)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    good, odd = [line for line in told if line["topic"] == "drawing"]
    assert (good["state"], odd["state"]) == ("ok", "wrong")
    assert good["text"].startswith("good: one step in ")
    assert odd["text"].startswith("odd: ")


def test_machines_elsewhere_are_looked_for_where_they_shall_draw(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="Ray is an extra: pip install -c constraints.txt -e '.[ray]'")
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    assert list(elsewhere(Config())) == []
    with socket.create_server(("127.0.0.1", 0)) as head:
        address = f"127.0.0.1:{head.getsockname()[1]}"
        there = Config(engine=EngineConfig(ray=address))
        [found] = elsewhere(there)
        assert (found.state, found.text.startswith("There is no token in")) == ("wrong", True)
        (tmp_path / "token").write_text("0" * 64)
        [found] = elsewhere(there)
        assert (found.state, found.text.startswith(f"The head at {address} answers")) == ("ok", True)
    [found] = elsewhere(there)
    assert (found.state, found.text.startswith(f"Nothing answers at {address}.")) == ("wrong", True)
