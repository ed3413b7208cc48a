"""A checkpoint in one file, in the layout its authors published: read as the same weights in a folder are."""

from __future__ import annotations

import re
from pathlib import Path

import huggingface_hub
import pytest
import torch
from safetensors.torch import load_file, save_file

from engine import weights
from engine.config import EngineConfig, ModelConfig
from engine.errors import EngineError, NotFound
from engine.render.models import DeviceSpec, Model, load
from tests.engine.render import tiny

ENGINE = EngineConfig(device="cpu")
BASE = "stable-diffusion-v1-5/stable-diffusion-v1-5"

# diffusers' names → those of CompVis' latent-diffusion, for two levels of one block each, as `tiny.sd` has
# (ldm/modules/diffusionmodules/openaimodel.py and model.py); ``+`` stands for one more in the way up
UNET = (
    (r"time_embedding\.linear_(\d)", lambda at: f"time_embed.{2 * (int(at[1]) - 1)}"),
    (r"^conv_in", lambda at: "input_blocks.0.0"),
    (r"^conv_norm_out", lambda at: "out.0"),
    (r"^conv_out", lambda at: "out.2"),
    (r"down_blocks\.(\d)\.resnets\.0", lambda at: f"input_blocks.{1 + 2 * int(at[1])}.0"),
    (r"down_blocks\.(\d)\.attentions\.0", lambda at: f"input_blocks.{1 + 2 * int(at[1])}.1"),
    (r"down_blocks\.0\.downsamplers\.0\.conv", lambda at: "input_blocks.2.0.op"),
    (r"mid_block\.resnets\.(\d)", lambda at: f"middle_block.{2 * int(at[1])}"),
    (r"mid_block\.attentions\.0", lambda at: "middle_block.1"),
    (r"up_blocks\.(\d)\.resnets\.(\d)", lambda at: f"output_blocks.{2 * int(at[1]) + int(at[2])}.0"),
    (r"up_blocks\.(\d)\.attentions\.(\d)", lambda at: f"output_blocks.{2 * int(at[1]) + int(at[2])}.1"),
    (r"up_blocks\.0\.upsamplers\.0", lambda at: "output_blocks.1.2"),
    (r"(?<=\.\d\.)norm1", lambda at: "in_layers.0"),
    (r"(?<=\.\d\.)conv1", lambda at: "in_layers.2"),
    (r"time_emb_proj", lambda at: "emb_layers.1"),
    (r"(?<=\.\d\.)norm2", lambda at: "out_layers.0"),
    (r"(?<=\.\d\.)conv2", lambda at: "out_layers.3"),
    (r"conv_shortcut", lambda at: "skip_connection"),
)
VAE = (
    (r"conv_norm_out", lambda at: "norm_out"),
    (r"down_blocks\.(\d)\.resnets\.(\d)", lambda at: f"down.{at[1]}.block.{at[2]}"),
    (r"down_blocks\.(\d)\.downsamplers\.0", lambda at: f"down.{at[1]}.downsample"),
    (r"up_blocks\.(\d)\.resnets\.(\d)", lambda at: f"up.{1 - int(at[1])}.block.{at[2]}"),
    (r"up_blocks\.(\d)\.upsamplers\.0", lambda at: f"up.{1 - int(at[1])}.upsample"),
    (r"mid_block\.resnets\.(\d)", lambda at: f"mid.block_{int(at[1]) + 1}"),
    (r"mid_block\.attentions\.0\.", lambda at: "mid.attn_1."),
    (r"attn_1\.group_norm", lambda at: "attn_1.norm"),
    (r"attn_1\.to_([qkv])", lambda at: f"attn_1.{at[1]}"),
    (r"attn_1\.to_out\.0", lambda at: "attn_1.proj_out"),
    (r"conv_shortcut", lambda at: "nin_shortcut"),
)


def original(pipe: object) -> dict[str, torch.Tensor]:
    """Return a pipeline's weights under the names, and in the shapes, of the original layout."""
    found = {}
    parts = (
        ("model.diffusion_model.", pipe.unet, UNET),  # type: ignore[attr-defined]
        ("first_stage_model.", pipe.vae, VAE),  # type: ignore[attr-defined]
        ("cond_stage_model.transformer.text_model.", pipe.text_encoder, ()),  # type: ignore[attr-defined]
    )
    for prefix, part, names in parts:
        for name, value in part.state_dict().items():
            for pattern, other in names:
                # the mid block's transformer keeps its inner norms
                if "transformer_blocks" not in name or "norm" not in pattern:
                    name = re.sub(pattern, other, name)
            square = prefix.startswith("first") and "attn_1" in name and value.ndim == 2
            found[prefix + name] = (value[:, :, None, None] if square else value).contiguous()
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Stable Diffusion as a folder, and the same in one file beside it."""
    root = tmp_path_factory.mktemp("checkpoint")
    pipe = tiny.sd(root / "words")
    pipe.save_pretrained(root / "folder")
    save_file(original(pipe), root / "one.safetensors")
    return root


@pytest.fixture
def cache(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's cache as `limner models pull` leaves it for a single file: the family's small files only."""
    repository = tmp_path / f"models--{BASE.replace('/', '--')}"
    snapshot = repository / "snapshots" / "1"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("1")
    for file in (folder / "folder").rglob("*"):
        if file.suffix in (".json", ".txt"):
            copy = snapshot / file.relative_to(folder / "folder")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    return snapshot


def loaded(source: Path) -> Model:
    return load("one", ModelConfig(name="one", source=str(source)), DeviceSpec.find(ENGINE), ENGINE)


def test_one_file_holds_the_same_model_as_its_folder(folder: Path, cache: Path) -> None:
    one, parts = loaded(folder / "one.safetensors"), loaded(folder / "folder")
    assert one.family is not None
    assert (one.family.name, one.text is not None) == ("sd", True)
    for name in ("unet", "vae", "text_encoder"):
        expected = getattr(parts.pipe, name).state_dict()
        found = getattr(one.pipe, name).state_dict()
        assert set(found) == set(expected)
        assert all(torch.equal(found[key], expected[key]) for key in expected), name
    assert one.pipe.tokenizer("a red apple").input_ids == parts.pipe.tokenizer("a red apple").input_ids


def test_without_its_familys_small_files_it_says_what_to_do(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(NotFound, match="limner models pull one"):
        loaded(folder / "one.safetensors")


@pytest.mark.parametrize(
    ("tensors", "family"),
    [
        ({"model.diffusion_model.input_blocks.0.0.weight": (8, 4, 3, 3)}, "sd"),
        (
            {
                "model.diffusion_model.input_blocks.0.0.weight": (8, 4, 3, 3),
                "model.diffusion_model.input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight": (8, 1024),
            },
            "sd2",
        ),
        ({"conditioner.embedders.1.model.ln_final.weight": (8,)}, "sdxl"),
        ({"lora_unet_down.alpha": (1,)}, None),
    ],
)
def test_the_family_of_a_file_is_read_from_its_tensors(
    tmp_path: Path, tensors: dict[str, tuple[int, ...]], family: str | None
) -> None:
    file = tmp_path / "one.safetensors"
    save_file({name: torch.zeros(shape) for name, shape in tensors.items()}, file, {"format": "pt"})
    assert weights.family_of(file) == family


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    for number, data in enumerate((b"", b"weights", b"\xff" * 40, (5).to_bytes(8, "little") + b"[1,2]")):
        file = tmp_path / f"{number}.safetensors"
        file.write_bytes(data)
        with pytest.raises(EngineError, match="no checkpoint"):
            loaded(file)


def with_marks(folder: Path, tmp_path: Path, *marks: str) -> Path:
    """Write the file once more, with empty tensors of these names."""
    file = tmp_path / "marked.safetensors"
    weights_of = load_file(folder / "one.safetensors")
    save_file({**weights_of, **{mark: torch.zeros(0) for mark in marks}}, file)
    return file


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ((), ("epsilon", False, "leading")),
        (("v_pred",), ("v_prediction", False, "leading")),
        (("v_pred", "ztsnr"), ("v_prediction", True, "trailing")),
    ],
)
def test_what_a_file_says_it_predicts_is_believed(
    folder: Path, cache: Path, tmp_path: Path, marks: tuple[str, ...], expected: tuple[str, bool, str]
) -> None:
    config = loaded(with_marks(folder, tmp_path, *marks)).pipe.scheduler.config
    found = (config.prediction_type, config.get("rescale_betas_zero_snr", False), config.timestep_spacing)
    assert found == expected


@pytest.mark.parametrize(("said", "expected"), [("v", "v_prediction"), ("epsilon", "epsilon")])
def test_what_a_file_says_in_the_words_of_modelspec_is_believed(
    folder: Path, cache: Path, tmp_path: Path, said: str, expected: str
) -> None:
    file = tmp_path / "said.safetensors"
    save_file(load_file(folder / "one.safetensors"), file, {"modelspec.prediction_type": said})
    assert loaded(file).pipe.scheduler.config.prediction_type == expected


@pytest.mark.parametrize("mark", ["edm_mean", "edm_vpred.sigma_max"])
def test_a_file_trained_with_other_noise_is_refused_by_name(
    folder: Path, cache: Path, tmp_path: Path, mark: str
) -> None:
    with pytest.raises(EngineError, match="EDM"):
        loaded(with_marks(folder, tmp_path, mark))


def test_the_first_names_of_a_text_encoder_are_read(folder: Path, cache: Path, tmp_path: Path) -> None:
    file = tmp_path / "old.safetensors"
    tensors = load_file(folder / "one.safetensors")
    save_file(
        {name.replace("transformer.text_model.", "transformer."): t for name, t in tensors.items()}, file
    )
    old, new = loaded(file).pipe.text_encoder.state_dict(), loaded(folder / "one.safetensors").pipe
    expected = new.text_encoder.state_dict()
    assert set(old) == set(expected)
    assert all(torch.equal(old[name], expected[name]) for name in expected)
