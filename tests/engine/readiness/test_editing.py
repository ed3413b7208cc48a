"""Which models edit by instruction, known without loading one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.config import ModelConfig, pocket
from engine.errors import UserError
from engine.readiness.editing import EDITORS, editor, editors
from engine.render.families.table import FAMILIES


def test_the_editors_are_those_of_the_loop() -> None:
    able = {name: family.can.edit for name, family in FAMILIES.items() if family.can.edit}
    # those for repainting alone are the same families, and no model's folder names them
    told = {name: most for name, most in able.items() if "Inpaint" not in name}
    assert {name: most for name, (_, most) in EDITORS.items()} == told


def model(folder: Path, name: str, pipeline: str) -> ModelConfig:
    (folder / name).mkdir()
    (folder / name / "model_index.json").write_text(json.dumps({"_class_name": pipeline}))
    return ModelConfig(name=name, source=str(folder / name))


def test_the_one_that_edits_is_chosen_by_what_is_asked(tmp_path: Path) -> None:
    one = model(tmp_path, "kontext", "FluxKontextPipeline")
    four = model(tmp_path, "klein", "Flux2KleinPipeline")
    models = [pocket(), one, four, ModelConfig(name="gone", source=str(tmp_path / "gone"))]
    assert editors(models) == {"kontext": 1, "klein": 4}
    assert editor(models, ["pocket"], 1, chosen=False) == "kontext"
    assert editor(models, ["pocket", "klein"], 1, chosen=False) == "klein"
    assert editor(models, ["kontext"], 3, chosen=False) == "klein"
    for likely, count, said in (
        ("pocket", 1, "`pocket` does not edit by instruction. Here does: `kontext`, `klein`."),
        ("kontext", 2, "`kontext` does not look at 2 pictures. Here does: `klein`."),
        ("klein", 5, "That makes 5 pictures; 4 at most can be looked at here."),
    ):
        with pytest.raises(UserError) as refused:
            editor(models, [likely], count, chosen=True)
        assert str(refused.value) == said
    with pytest.raises(UserError, match=r"can add a model that does: FLUX\.2 klein"):
        editor([pocket()], ["pocket"], 1, chosen=False)
