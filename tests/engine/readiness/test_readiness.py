"""Ready means that it can draw: what lies on the disk is looked into, without torch."""

from __future__ import annotations

import importlib.util
import json
import shutil
import struct
from pathlib import Path

import huggingface_hub
import pytest
import torch
from safetensors.torch import load_file, save_file

from engine import readiness, weights
from engine.config import SHIPPED, Config, LoraConfig, ModelConfig, pocket
from engine.config.shipped import pocket_flow
from engine.errors import ConfigError
from tests.engine.readiness.broken import FOLDERS, SINGLES, UNET
from tests.engine.render.test_single_file import BASE


@pytest.fixture(autouse=True)
def _hub(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(whole / "hub"))


def trouble(source: Path | str) -> str:
    return readiness.model_trouble(ModelConfig(name="mine", source=str(source)))


def test_what_draws_is_ready(whole: Path) -> None:
    assert readiness.model_trouble(pocket()) == ""
    assert readiness.model_trouble(pocket_flow()) == ""
    assert trouble(whole / "folder") == ""
    assert trouble(whole / "one.safetensors") == ""


@pytest.mark.parametrize("key", ["sampler", "few_steps_sampler"])
def test_a_sampler_that_does_not_exist_is_named(key: str) -> None:
    said = readiness.model_trouble(pocket().model_copy(update={key: "eulr"}))
    assert f"there is no {key} `eulr`. Did you mean `euler`?" in said
    assert readiness.model_trouble(pocket().model_copy(update={key: "DPM++ 2M Karras"})) == ""


def test_the_flow_model_that_ships_wants_its_own_parts_and_the_first_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pocket", "pocket-flow"):
        shutil.copytree(SHIPPED[name], tmp_path / name)
        monkeypatch.setitem(SHIPPED, name, tmp_path / name)
    assert readiness.model_trouble(pocket_flow()) == ""
    (tmp_path / "pocket/vae/diffusion_pytorch_model.safetensors").unlink()
    found = readiness.model_trouble(pocket_flow())
    assert "`vae/diffusion_pytorch_model.safetensors` is missing" in found
    assert "get it again" in found
    shutil.rmtree(tmp_path / "pocket-flow/transformer")
    assert "`transformer/config.json` is missing" in readiness.model_trouble(pocket_flow())
    (tmp_path / "pocket-flow/model_index.json").unlink()
    assert str(tmp_path / "pocket-flow") in readiness.model_trouble(pocket_flow())


@pytest.mark.parametrize("case", FOLDERS)
def test_a_folder_that_cannot_draw_says_what_is_wrong(case: str, whole: Path, tmp_path: Path) -> None:
    damage, said = FOLDERS[case]
    folder = tmp_path / "model"
    shutil.copytree(whole / "folder", folder)
    damage(folder)
    found = trouble(folder)
    assert found.startswith("The model `mine` cannot draw: ")
    for words in said:
        assert words in found


@pytest.mark.parametrize("case", SINGLES)
def test_a_file_that_cannot_draw_says_what_is_wrong(case: str, whole: Path, tmp_path: Path) -> None:
    damage, said = SINGLES[case]
    file = tmp_path / "model.safetensors"
    shutil.copy(whole / "one.safetensors", file)
    damage(file)
    for words in ("`model.safetensors`", *said):
        assert words in trouble(file)


def named(file: Path, *names: str) -> Path:
    save_file({name: torch.zeros(4, 4, 3, 3) for name in names}, file)
    return file


def test_a_refiner_is_named_as_one(tmp_path: Path) -> None:
    first = "model.diffusion_model.input_blocks.0.0.weight"
    file = named(tmp_path / "x.safetensors", first, "conditioner.embedders.0.model.ln_final.weight")
    assert "is an SDXL refiner, which cannot draw by itself" in trouble(file)


def test_a_lora_in_a_models_place_is_named_as_one(tmp_path: Path) -> None:
    file = named(tmp_path / "x.safetensors", "lora_unet_down_blocks_0.lora_up.weight")
    assert "is a LoRA, not a model" in trouble(file)


def test_a_file_whose_familys_tokenizer_is_not_here_says_how_to_fetch_it(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    assert "limner models pull mine" in trouble(whole / "one.safetensors")


def test_a_family_whose_small_files_came_in_part_is_not_ready(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(whole / "hub", tmp_path / "hub")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    assert trouble(whole / "one.safetensors") == ""
    shutil.rmtree(tmp_path / "hub" / f"models--{BASE.replace('/', '--')}" / "snapshots/1/tokenizer")
    assert "tokenizer" in trouble(whole / "one.safetensors")
    assert "limner models pull mine" in trouble(whole / "one.safetensors")


def test_a_hub_model_of_which_only_the_small_files_came_is_not_ready() -> None:
    # as another model's single file leaves it, or a pull that broke off
    found = trouble(BASE)
    assert "`unet/diffusion_pytorch_model.safetensors` is missing" in found
    assert "Fetch it with: limner models pull mine" in found


def test_a_scheduler_that_wants_a_package_says_which(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(whole / "folder", folder)
    file = folder / "scheduler/scheduler_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"use_beta_sigmas": True}))
    here = importlib.util.find_spec("scipy") is not None
    assert ("pip install scipy" in trouble(folder)) is not here


def test_shards_that_are_all_there_are_ready(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(whole / "folder", folder)
    weights = load_file(folder / UNET)
    (folder / UNET).unlink()
    listed = {}
    for number, part in enumerate((sorted(weights)[::2], sorted(weights)[1::2]), start=1):
        shard = f"diffusion_pytorch_model-0000{number}-of-00002.safetensors"
        save_file({name: weights[name] for name in part}, folder / "unet" / shard)
        listed |= dict.fromkeys(part, shard)
    index = folder / "unet/diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": listed}))
    assert trouble(folder) == ""
    listed["conv_in.nothing"] = listed["conv_in.weight"]
    index.write_text(json.dumps({"metadata": {}, "weight_map": listed}))
    assert "has no tensor `conv_in.nothing`, which its index promises" in trouble(folder)


def test_loras_are_looked_into(whole: Path, tmp_path: Path) -> None:
    def found(file: Path) -> str:
        return readiness.lora_trouble(LoraConfig(name="ink", source=str(file)))

    good = named(tmp_path / "good.safetensors", "unet.down.lora_A.weight")
    assert found(good) == ""
    (tmp_path / "page.safetensors").write_text("<html>log in</html>")
    assert "is a web page" in found(tmp_path / "page.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(good.read_bytes()[:-4])
    assert "is cut short" in found(tmp_path / "cut.safetensors")
    assert "is no LoRA" in found(whole / "folder" / UNET)
    assert "not on this machine" in found(tmp_path / "nowhere.safetensors")
    (tmp_path / "folder").mkdir()
    assert "not on this machine" in found(tmp_path / "folder")
    named(tmp_path / "folder/ink-v2.safetensors", "unet.down.lora_A.weight")
    assert found(tmp_path / "folder") == ""
    assert weights.lora_file(str(tmp_path / "folder")).name == "ink-v2.safetensors"
    assert found(Path("owner/name")).endswith("limner models pull ink")


def test_a_header_that_would_take_all_memory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", 2**62) + b"{" + bytes(100))
    assert "header cannot be read" in trouble(tmp_path / "x.safetensors")


def test_what_works_is_chosen_and_what_does_not_is_named(tmp_path: Path) -> None:
    gone = ModelConfig(name="gone", source=str(tmp_path / "gone"), default=True)
    fits = LoraConfig(name="fits", source=str(named(tmp_path / "a.safetensors", "x.lora_A.weight")))
    alone = LoraConfig(name="alone", source=fits.source, model="gone")
    broken = LoraConfig(name="broken", source=str(tmp_path / "nowhere.safetensors"))
    chosen = readiness.choose(Config(models=(gone, pocket()), loras=(fits, alone, broken)))
    assert [model.name for model in chosen.config.models] == ["pocket"]
    assert [lora.name for lora in chosen.config.loras] == ["fits"]
    assert list(chosen.left_out) == ["gone", "--lora alone", "--lora broken"]
    assert "nothing is there" in chosen.left_out["gone"]
    with pytest.raises(ConfigError, match="nothing is there"):
        readiness.choose(Config(models=(gone,)))


def test_few_step_weights_that_are_broken_are_done_without(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_text("no weights")
    model = pocket().model_copy(update={"few_steps_source": str(tmp_path / "x.safetensors")})
    assert "few-step weights of `pocket`" in readiness.few_steps_trouble(model)
    assert readiness.usable(model).few_steps == 0
    assert readiness.usable(pocket()).few_steps > 0
