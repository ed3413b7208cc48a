"""Tiny models on disk, once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.config import EngineConfig, ModelConfig
from engine.render.models import DeviceSpec, Model, load
from tests.engine.render import tiny, tiny_edit, tiny_flow

ENGINE = EngineConfig(device="cpu", dtype="float32", preview_every=0)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Give the folder of a tiny model by its name below; nine is for inpainting."""
    root = tmp_path_factory.mktemp("models")
    makers = {
        "sd": tiny.sd,
        "sdxl": tiny.sdxl,
        "sd3": tiny.sd3,
        "clipping": tiny.clipping,
        "pocket": tiny.pocket_like,
        "nine": lambda folder: tiny.sd(folder, in_channels=9),
        "z_image": tiny_flow.z_image,
        "klein": tiny_flow.klein,
        "klein_base": lambda folder: tiny_flow.klein(folder, distilled=False),
        "flux": tiny_flow.flux,
        "flux_fill": tiny_flow.flux_fill,
        "flux_kontext": tiny_flow.flux_kontext,
        "flux2_dev": tiny_flow.flux2_dev,
        "qwen_image": tiny_flow.qwen_image,
        "qwen_edit": tiny_edit.qwen_edit,
        "qwen_edit_plus": tiny_edit.qwen_edit_plus,
        "qwen_edit_2511": lambda folder: tiny_edit.qwen_edit_plus(folder, zero_cond_t=True),
        "krea2": tiny_flow.krea2,
        "chroma": tiny_flow.chroma,
        "edm": tiny.edm,
    }

    def folder(name: str) -> Path:
        path = root / name
        if not path.exists():
            makers[name](root / f"{name}-tokens").save_pretrained(path, safe_serialization=True)
        return path

    return folder


@pytest.fixture(scope="session")
def configs(folders: Callable[[str], Path]) -> Callable[[str], ModelConfig]:
    """Give the configuration of a tiny model."""
    return lambda name: ModelConfig(
        name=name, source=str(folders(name)), width=256, height=256, house_style="old photo"
    )


@pytest.fixture(scope="session")
def models(configs: Callable[[str], ModelConfig]) -> Callable[[str], Model]:
    """Give a tiny model in memory."""
    loaded: dict[str, Model] = {}
    machine = DeviceSpec.find(ENGINE)

    def model(name: str) -> Model:
        if name not in loaded:
            loaded[name] = load(name, configs(name), machine, ENGINE)
        return loaded[name]

    return model
