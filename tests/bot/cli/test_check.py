"""What the doctor makes of a machine: reports as torch gives them, and the advice they must lead to."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from bot.cli.check import Finding, _classifier, judge
from engine.config import Config, EngineConfig, ModelConfig, ModerationConfig, pocket

GIB = 2**30


def report(*devices: dict[str, Any], cuda: str | None = "13.0", mps: bool = False) -> dict[str, Any]:
    """Return a report as ``engine.render.probe`` writes it."""
    version = "2.13.0" if cuda else "2.13.0+cpu"
    return {"torch": version, "cuda": cuda, "hip": None, "devices": list(devices), "mps": mps, "threads": 2}


def card(gib: float = 24, **more: Any) -> dict[str, Any]:
    return {"index": 0, "name": "RTX", "memory": int(gib * GIB), "works": True, "why": "", **more}


def findings(
    torch: dict[str, Any], *, device: Any = "auto", offload: Any = "auto", nvidia: str | None = None
) -> list[Finding]:
    large = ModelConfig(name="sdxl", source="owner/sdxl")
    config = Config(models=(pocket(), large), engine=EngineConfig(device=device, offload=offload))
    return list(judge(torch, config, nvidia))


@pytest.mark.parametrize(
    ("found", "state", "said"),
    [
        (findings(report(card()), nvidia="RTX"), "ok", "RTX, 24.0 GiB, torch 2.13.0"),
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
    ],
)
def test_each_machine_gets_the_advice_it_needs(found: list[Finding], state: str, said: str) -> None:
    assert [finding.state for finding in found if said in finding.text] == [state], found


def test_a_small_card_with_offload_left_to_itself_needs_no_advice() -> None:
    assert [finding.state for finding in findings(report(card(6)), nvidia="RTX")] == ["ok"]


def test_a_classifier_is_looked_for(tmp_path: Path) -> None:
    def said(chosen: str) -> Finding:
        [one] = _classifier(Config(moderation=ModerationConfig(classifier=chosen)))
        return one

    assert said("").state == "note"
    missing = said(str(tmp_path))
    assert (missing.state, str(tmp_path) in missing.text) == ("wrong", True)
    (tmp_path / "config.json").write_text("{}")
    assert said(str(tmp_path)).state == "ok"
    installed = importlib.util.find_spec("nudenet") is not None
    assert said("nudenet").state == ("ok" if installed else "wrong")
