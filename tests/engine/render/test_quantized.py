"""Networks with weights of fewer bits: each row is as alone, LoRAs are worn; what does not fit is refused.

Of the optional libraries those are tried that are installed; the others' tests are skipped.
"""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine import quantization
from engine.config import LoraConfig, ModelConfig
from engine.errors import EngineError
from engine.jobs import Lora
from engine.readiness import model_trouble
from engine.render.models import DeviceSpec, Model, load
from tests.engine.render import test_families
from tests.engine.render.conftest import ENGINE
from tests.engine.render.test_families import flowing
from tests.engine.render.test_oracle import ours
from tests.engine.render.tiny import random_lora

NAMES = ("z_image", "klein")
pytestmark = pytest.mark.filterwarnings("default")  # the libraries warn of what they do not use here


def installed(kind: str) -> None:
    package = quantization.QUANTIZATIONS[kind].package
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed: pip install 'limner[{package}]'")
    if kind == "nf4" and not torch.cuda.is_available():
        pytest.skip("diffusers makes nf4 weights on a CUDA card alone")


def written(pipe: Any, file: Path) -> Path:
    """Write a network as a GGUF: matrices of whole blocks in eight bits, the rest as it is."""
    import gguf

    writer = gguf.GGUFWriter(file, "tiny")
    for name, tensor in pipe.transformer.state_dict().items():
        values = tensor.float().numpy()
        if name.endswith(".weight") and tensor.ndim == 2 and tensor.shape[1] % 32 == 0:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


@pytest.fixture
def quantized(
    configs: Callable[[str], ModelConfig], models: Callable[[str], Model], tmp_path: Path
) -> Callable[[str, str], Model]:
    """Load a tiny model with fewer bits, and one LoRA for it."""

    def model(name: str, kind: str) -> Model:
        installed(kind)
        pipe = models(name).pipe
        update: dict[str, Any] = {"quantization": kind}
        if kind == "gguf":
            update["gguf"] = str(written(pipe, tmp_path / f"{name}.gguf"))
        lora = LoraConfig(name="a", source=random_lora(pipe, tmp_path / "a.safetensors", 1, 2))
        return load(name, configs(name).model_copy(update=update), DeviceSpec.find(ENGINE), ENGINE, [lora])

    return model


@pytest.mark.parametrize("kind", quantization.QUANTIZATIONS)
@pytest.mark.parametrize("name", NAMES)
def test_with_fewer_bits_each_row_is_as_alone(
    quantized: Callable[[str, str], Model], models: Callable[[str], Model], name: str, kind: str
) -> None:
    model = quantized(name, kind)
    assert model.bytes < models(name).bytes
    plain = flowing(name, steps=2, guidance_scale=1.0)
    exact, rounded = (ours(each, plain)[0] for each in (models(name), model))
    assert 1e-5 < float((exact - rounded).norm() / exact.norm()) < 0.5, "rounded, and still the same picture"
    worn = ours(model, plain.model_copy(update={"loras": (Lora(name="a"),)}))[0]
    assert float((worn - rounded).abs().max()) > 0.01
    rng = random.Random(1)
    wanted = [
        flowing(name, steps=3, seed=1, loras=(Lora(name="a", weight=0.7),)),
        flowing(name, steps=2, seed=2, guidance_scale=1.0),
        flowing(name, steps=4, seed=3, count=1),
    ]
    shared = test_families.together(model, wanted, rng, 0.8, (8, 16), lambda chosen: len(chosen) > 1)
    assert shared > 0


def test_what_is_absent_or_does_not_fit_is_said_before_drawing(
    configs: Callable[[str], ModelConfig], tmp_path: Path
) -> None:
    for kind, one in quantization.QUANTIZATIONS.items():
        if importlib.util.find_spec(one.package) is not None:
            continue
        model = configs("z_image").model_copy(update={"quantization": kind})
        package = quantization.QUANTIZATIONS[kind].package
        said = model_trouble(model)
        assert f"wants the Python package {package}, which is not installed" in said
        assert f"pip install 'limner[{package}]'" in said
        with pytest.raises(EngineError, match=f"wants the Python package {package}"):
            load("z_image", model, DeviceSpec.find(ENGINE), ENGINE)
    other = configs("z_image").model_copy(update={"gguf": str(tmp_path / "x.gguf")})
    assert '`quantization` is not "gguf"' in model_trouble(other)


def test_a_gguf_that_is_none_or_of_another_family_is_refused_by_name(
    configs: Callable[[str], ModelConfig], models: Callable[[str], Model], tmp_path: Path
) -> None:
    installed("gguf")
    files = {
        "missing": (tmp_path / "gone.gguf", "cannot be read"),
        "page": (tmp_path / "page.gguf", "is no GGUF file"),
        "klein": (written(models("klein").pipe, tmp_path / "k.gguf"), "holds no ZImageTransformer2DModel"),
    }
    files["page"][0].write_bytes(b"<!doctype html>")
    for file, said in files.values():
        model = configs("z_image").model_copy(update={"quantization": "gguf", "gguf": str(file)})
        with pytest.raises(EngineError, match=said):
            load("z_image", model, DeviceSpec.find(ENGINE), ENGINE)
    nameless = configs("z_image").model_copy(update={"quantization": "gguf"})
    assert "wants the file with the network's weights" in model_trouble(nameless)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card")
def test_nf4_is_refused_where_there_is_no_card(configs: Callable[[str], ModelConfig]) -> None:
    model = configs("z_image").model_copy(update={"quantization": "nf4"})
    with pytest.raises(EngineError, match=r"wants (a CUDA card|the Python package)"):
        load("z_image", model, DeviceSpec.find(ENGINE), ENGINE)


def test_activations_are_never_rounded_by_scales_of_the_call() -> None:
    """The kinds offered keep weights alone in few bits (each library's name for it says so)."""
    installed("int8")
    from engine.render.quantized import _asked

    for kind in ("fp8", "int8"):
        asked = _asked(kind, "diffusers", torch.float32).quant_type
        assert type(asked).__name__.endswith("WeightOnlyConfig")
