"""Edits beside drawings, repaints beside each other, with LoRAs a, b, both or none: each as it is alone."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import diffusers
import pytest
from PIL import Image

from engine.config import LoraConfig, ModelConfig
from engine.jobs import Input, JobSpec, Kind, Lora, Role
from engine.render import decode
from engine.render.denoise import Picture
from engine.render.models import DeviceSpec, Model, load
from tests.engine.render import test_families, test_loras
from tests.engine.render.conftest import ENGINE
from tests.engine.render.test_edits import EDITING, INPUTS, small
from tests.engine.render.test_families import flowing, pipeline, theirs
from tests.engine.render.test_loras import A, B
from tests.engine.render.test_oracle import assert_same, ours, photo
from tests.engine.render.tiny import random_lora

__all__ = ["small"]

EDITORS = ("klein", "flux2_dev", "flux_kontext", "qwen_edit_plus")


@pytest.fixture(scope="module")
def wearing(
    models: Callable[[str], Model],
    configs: Callable[[str], ModelConfig],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], Model]:
    """Give a tiny model that has two LoRAs."""
    loaded: dict[str, Model] = {}

    def model(name: str) -> Model:
        if name not in loaded:
            root, pipe = tmp_path_factory.mktemp("loras"), models(name).pipe
            files = {one: root / f"{one}.safetensors" for one in "ab"}
            loras = [
                LoraConfig(name=one, source=random_lora(pipe, file, seed, seed + 1))
                for seed, (one, file) in enumerate(files.items(), 1)
            ]
            loaded[name] = load(name, configs(name), DeviceSpec.find(ENGINE), ENGINE, loras)
        return loaded[name]

    return model


def anyones(rng: random.Random, name: str, model: Model) -> JobSpec:
    """Make up a request with LoRAs, half of them edits of some pictures."""
    drawing = test_loras.anyones(rng, name, model)
    if rng.random() < 0.5:
        return drawing
    files = rng.sample(["p", "q"], k=rng.randint(1, min(2, EDITING[name])))
    inputs = tuple(Input(sha256=one, role=Role.INIT) for one in files)
    return drawing.model_copy(update={"kind": Kind.EDIT, "inputs": inputs})


def mix(name: str, model: Model, seed: int) -> int:
    """Draw and edit together, and compare each with itself alone; count the calls that do both."""
    rng = random.Random(seed)
    wanted = [anyones(rng, name, model) for _ in range(rng.randint(2, 4))]

    def both(chosen: list[Picture]) -> bool:
        return len({bool(one.beside) for one in chosen}) > 1

    return test_families.together(model, wanted, rng, 0.7, (6, 8, 16), both, INPUTS)


@pytest.mark.parametrize("name", EDITORS)
def test_in_a_mix_of_edits_it_equals_itself_alone(wearing: Callable[[str], Model], name: str) -> None:
    assert sum(mix(name, wearing(name), seed) for seed in range(2)) > 0


@pytest.mark.full
@pytest.mark.parametrize("seed", range(2, 102))
@pytest.mark.parametrize("name", EDITORS)
def test_in_a_hundred_mixes_of_edits_it_equals_itself_alone(
    wearing: Callable[[str], Model], name: str, seed: int
) -> None:
    mix(name, wearing(name), seed)


def filling(**changes: object) -> JobSpec:
    inputs = (Input(sha256="p", role=Role.INIT), Input(sha256="m", role=Role.MASK))
    return flowing("flux_fill", kind=Kind.INPAINT, strength=1.0, steps=3, inputs=inputs, **changes)


@pytest.mark.filterwarnings("ignore:Already found a `peft_config`")  # in diffusers' own, which has both
def test_fill_wears_loras_as_diffusers_has_it_and_beside_others(
    wearing: Callable[[str], Model], folders: Callable[[str], Path]
) -> None:
    model, parent, mask = wearing("flux_fill"), photo(32, 32), Image.new("L", (32, 32))
    assert model.loras is not None
    mask.paste(255, (0, 0, 16, 20))
    inputs = {"p": decode.png(parent), "m": decode.png(mask)}
    pipe = pipeline(folders("flux_fill"), "flux_fill", "repainted")
    for name, file in model.loras.files.items():
        pipe.load_lora_weights(file, adapter_name=name)
    for loras in ((A,), (A, B)):
        pipe.set_adapters([one.name for one in loras], [one.weight for one in loras])
        wanted = filling(loras=loras)
        others = theirs(pipe, "flux_fill", wanted, image=parent, mask_image=mask, strength=1.0)
        assert_same(ours(model, wanted, inputs), others)
    rng = random.Random(0)
    worn = ((), (A,), (B,), (A, B))
    wanted = [filling(seed=seed, loras=loras) for seed, loras in enumerate(worn)]
    joined = test_families.together(
        model, wanted, rng, 0.9, (8, 16), lambda chosen: len({one.loras for one in chosen}) > 1, inputs
    )
    assert joined > 0


def test_a_lora_of_dev_fits_fill(
    models: Callable[[str], Model],
    configs: Callable[[str], ModelConfig],
    folders: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    """Its first layer is taught fewer channels than Fill has; diffusers fills it up with zeros."""
    pipe = diffusers.FluxPipeline.from_pretrained(folders("flux"))
    lora = LoraConfig(name="dev", source=random_lora(pipe, tmp_path / "dev.safetensors", 4, 2))
    model = load("flux_fill", configs("flux_fill"), DeviceSpec.find(ENGINE), ENGINE, [lora])
    parent, mask = photo(32, 32), Image.new("L", (32, 32), 255)
    wanted = filling(loras=(Lora(name="dev"),))
    mine = ours(model, wanted, {"p": decode.png(parent), "m": decode.png(mask)})
    plain = ours(model, filling(), {"p": decode.png(parent), "m": decode.png(mask)})
    assert float((mine[0] - plain[0]).abs().max()) > 0.01
    fill = pipeline(folders("flux_fill"), "flux_fill", "repainted")
    fill.load_lora_weights(lora.source)
    assert_same(mine, theirs(fill, "flux_fill", wanted, image=parent, mask_image=mask, strength=1.0))
