"""What weights say of themselves is used where the host's entry is silent, and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from engine import weights
from engine.config import Config, LoraConfig, ModelConfig
from engine.readiness import described

# what tells the families apart, in the layout of their authors
UNET = "model.diffusion_model.input_blocks"
READS = f"{UNET}.2.1.transformer_blocks.0.attn2.to_k.weight"
SD = {f"{UNET}.0.0.weight": (8, 4, 3, 3), READS: (8, 768)}
SD2 = {f"{UNET}.0.0.weight": (8, 4, 3, 3), READS: (8, 1024)}
SDXL = {f"{UNET}.0.0.weight": (8, 4, 3, 3), "conditioner.embedders.1.model.ln_final.weight": (8,)}
LORA = {"unet.to_q.lora_down.weight": (4, 8)}

# as kohya's trainer writes the two for an SDXL checkpoint, and for a LoRA of twelve captioned pictures
CHECKPOINT = {
    "modelspec.sai_model_spec": "1.0.1",
    "modelspec.architecture": "stable-diffusion-xl-v1-base",
    "modelspec.resolution": "832x1216",
    "modelspec.prediction_type": "v",
    "modelspec.encoder_layer": "2",
    "modelspec.trigger_phrase": "by ink person, paper grain",
}
TAGS = {"10_inkcat": {"ink cat": 12, "paper": 5, "on a table": 3, "monochrome": 12}}


def written(tmp_path: Path, shapes: dict[str, tuple[int, ...]], metadata: dict[str, str]) -> str:
    file = tmp_path / "one.safetensors"
    save_file({name: np.zeros(shape, np.float16) for name, shape in shapes.items()}, file, metadata)
    return str(file)


def model(**keys: object) -> ModelConfig:
    config = Config.model_validate({"models": [{"name": "one", **keys}]})
    return described(config).models[0]


def lora(**keys: object) -> LoraConfig:
    return described(Config.model_validate({"loras": [{"name": "ink", **keys}]})).loras[0]


def test_size_clip_skip_and_trigger_words_come_from_the_file(tmp_path: Path) -> None:
    found = model(source=written(tmp_path, SDXL, CHECKPOINT))
    assert (found.width, found.height) == (832, 1216)
    assert found.clip_skip == 2
    assert found.trigger_words == ("by ink person", "paper grain")


def test_what_the_entry_says_is_stronger(tmp_path: Path) -> None:
    source = written(tmp_path, SDXL, CHECKPOINT)
    found = model(source=source, width=512, clip_skip=1, trigger_words=[])
    assert (found.width, found.height, found.clip_skip, found.trigger_words) == (512, 512, 1, ())


@pytest.mark.parametrize(
    ("told", "sides"),
    [
        ("1024x1024", (1024, 1024)),
        ("768", (768, 768)),
        ("(713, 891)", (712, 888)),  # to what the model can draw
        ("1024,1024", (1024, 1024)),
    ],
)
def test_every_way_to_write_a_resolution_is_read(tmp_path: Path, told: str, sides: tuple[int, int]) -> None:
    found = model(source=written(tmp_path, SD, {"modelspec.resolution": told}))
    assert (found.width, found.height) == sides


@pytest.mark.parametrize("told", ["", "large", "3x3", "99999999x1", "1x2x3"])
def test_a_resolution_that_is_none_leaves_the_familys_own(tmp_path: Path, told: str) -> None:
    found = model(source=written(tmp_path, SDXL, {"modelspec.resolution": told}))
    assert (found.width, found.height) == (1024, 1024)


@pytest.mark.parametrize(
    ("shapes", "metadata", "side"),
    [
        (SD, {}, 512),
        (SDXL, {}, 1024),
        (SD2, {}, 768),  # the base it is given is the one of 768 pixels
        (SD2, {"modelspec.prediction_type": "epsilon"}, 512),  # as only the other is
    ],
)
def test_a_file_that_says_nothing_is_drawn_at_its_familys_size(
    tmp_path: Path, shapes: dict[str, tuple[int, ...]], metadata: dict[str, str], side: int
) -> None:
    found = model(source=written(tmp_path, shapes, metadata))
    assert (found.width, found.height) == (side, side)


def test_a_folder_is_drawn_at_the_size_that_diffusers_takes(tmp_path: Path) -> None:
    """SDXL-Turbo's UNet looks at 64 x 64 latents, each of 8 x 8 pixels; SDXL's at 128 x 128."""
    for sample, side in ((64, 512), (128, 1024), (96, 768)):
        for part, told in (("unet", {"sample_size": sample}), ("vae", {"block_out_channels": [1, 2, 4, 4]})):
            (tmp_path / part).mkdir(exist_ok=True)
            (tmp_path / part / "config.json").write_text(json.dumps(told))
        (tmp_path / "model_index.json").write_text("{}")
        assert model(source=str(tmp_path)).width == side


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"modelspec.prediction_type": "v-prediction"}, ("v", False)),
        ({"modelspec.prediction_type": "V_Prediction"}, ("v", False)),
        ({"modelspec.prediction_type": "vpred", "ss_zero_terminal_snr": "True"}, ("v", True)),
        ({"modelspec.prediction_type": "eps"}, ("epsilon", False)),
        ({"modelspec.prediction_type": "epsilon", "ss_zero_terminal_snr": "False"}, ("epsilon", False)),
        ({"modelspec.prediction_type": "something"}, ("", False)),
        ({"ss_zero_terminal_snr": "None"}, ("", False)),
    ],
)
def test_what_is_predicted_is_read_however_it_is_spelled(
    tmp_path: Path, metadata: dict[str, str], said: tuple[str, bool]
) -> None:
    assert weights.stated(Path(written(tmp_path, SD, metadata))) == said


@pytest.mark.parametrize(("told", "layer"), [("2", 2), ("-2", 2), (" 1 ", 1)])
def test_a_clip_skip_counted_from_the_end_is_one(tmp_path: Path, told: str, layer: int) -> None:
    assert model(source=written(tmp_path, SD, {"ss_clip_skip": told})).clip_skip == layer


@pytest.mark.parametrize("told", ["None", "0", "-1", "99", "two", "²"])
def test_a_clip_skip_that_is_none_is_left(tmp_path: Path, told: str) -> None:
    metadata = {"modelspec.encoder_layer": told, "ss_clip_skip": told}
    assert model(source=written(tmp_path, SD, metadata)).clip_skip is None


def test_a_loras_phrase_comes_before_what_its_captions_share(tmp_path: Path) -> None:
    tags = json.dumps(TAGS)
    metadata = {"ss_tag_frequency": tags, "modelspec.trigger_phrase": "inkcat"}
    assert lora(source=written(tmp_path, LORA, metadata)).trigger_words == ("inkcat",)
    source = written(tmp_path, LORA, {"ss_tag_frequency": tags})
    assert lora(source=source).trigger_words == ("ink cat", "monochrome")
    assert lora(source=source, trigger_words=["nothing else"]).trigger_words == ("nothing else",)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"1_inkcat": {"inkcat": 1}}, ("inkcat",)),  # as ai-toolkit writes a trigger word
        ({"3_ink": {"a cat on a table": 1, "a red cup of ink": 1}}, None),  # sentences, one a picture
        ({"a": {"ink": 4, "x": 1}, "b": {"ink": 9, "pen": 9}}, ("ink", "pen")),
        ({"a": {"<lora:ink:1> ink\n`cat`": 4}}, ("ink cat",)),
        ({}, None),
        ({"a": {}}, None),
        (["a"], None),
        ({"a": {"ink": "many"}}, None),
        ("{", None),
    ],
)
def test_what_captions_share(tmp_path: Path, told: object, words: tuple[str, ...] | None) -> None:
    text = told if isinstance(told, str) else json.dumps(told)
    assert lora(source=written(tmp_path, LORA, {"ss_tag_frequency": text})).trigger_words == words


def test_what_is_not_there_is_left_as_it_is(tmp_path: Path) -> None:
    assert model(source=str(tmp_path / "gone.safetensors")).width == 512
    assert lora(source=str(tmp_path / "gone.safetensors")).trigger_words is None
