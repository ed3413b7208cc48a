"""`limner edit` as a host meets it."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

from tests.bot.cli.test_cli import FAKE, limner, opened, refused


def test_edit_writes_what_came_of_a_picture(tmp_path: Path) -> None:
    for name, colour in (("fox", "red"), ("hat", "blue")):
        Image.new("RGB", (60, 40), colour).save(tmp_path / f"{name}.png")
    asked = ("edit", "fox.png", "put", "the", "hat", "on", "it", "--seed", "3", "-i", "hat.png", "-o", "out")
    refused(limner(*asked, cwd=tmp_path, **FAKE), "by words alone", "FLUX.2 klein")
    (tmp_path / "klein").mkdir()
    (tmp_path / "klein" / "model_index.json").write_text(json.dumps({"_class_name": "Flux2KleinPipeline"}))
    (tmp_path / "config.toml").write_text(
        "[[models]]\nname = 'klein'\nsource = './klein'\nwidth = 64\nheight = 64\nmultiple = 16\nsteps = 2\n"
    )
    done = limner(*asked, "--json", cwd=tmp_path, **FAKE)
    assert done.returncode == 0, done.stderr.decode()
    answer = json.loads(done.stdout)
    assert answer["recipe"]["kind"] == "edit"
    assert (answer["recipe"]["seed"], answer["prompt"]) == (3, "put the hat on it --seed 3")
    assert [one["role"] for one in answer["recipe"]["inputs"]] == ["init", "init"]
    assert opened(tmp_path / "out" / "1.png").size == (64, 48)
