"""What memory models need, reckoned by hand from files whose sizes are known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.config import EngineConfig, ModelConfig
from engine.readiness import memory

GIB = 2**30
HALF = EngineConfig(dtype="bfloat16")


def weights(file: Path, values: int) -> None:
    """Write the header of so many numbers, and as many holes in the file: nothing of them takes disk."""
    file.parent.mkdir(parents=True, exist_ok=True)
    header = json.dumps({"w": {"dtype": "BF16", "shape": [values], "data_offsets": [0, 2 * values]}}).encode()
    with file.open("wb") as opened:
        opened.write(len(header).to_bytes(8, "little") + header)
        opened.truncate(8 + len(header) + 2 * values)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of 6 billion values that draw in two files, 4 that read, and 0.1 of an autoencoder."""
    million = 10**6
    weights(tmp_path / "transformer" / "diffusion_pytorch_model-00001-of-00002.safetensors", 4000 * million)
    weights(tmp_path / "transformer" / "diffusion_pytorch_model-00002-of-00002.safetensors", 2000 * million)
    weights(tmp_path / "text_encoder" / "model.safetensors", 4000 * million)
    weights(tmp_path / "vae" / "diffusion_pytorch_model.safetensors", 100 * million)
    weights(tmp_path / "vae" / "diffusion_pytorch_model.fp16.safetensors", 100 * million)
    index = {
        "_class_name": "ZImagePipeline",
        "transformer": ["diffusers", "ZImageTransformer2DModel"],
        "text_encoder": ["transformers", "Qwen3Model"],
        "vae": ["diffusers", "AutoencoderKL"],
        "tokenizer": ["transformers", "Qwen2Tokenizer"],
    }
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    return tmp_path


def model(folder: Path, **more: object) -> ModelConfig:
    return ModelConfig.model_validate(
        {"name": "m", "source": str(folder), "width": 1024, "height": 1024, **more}
    )


def test_each_part_takes_two_bytes_a_value_and_fewer_where_quantized(folder: Path) -> None:
    plain = memory.need(model(folder), HALF)
    assert plain is not None
    assert (plain.network, plain.text, plain.others) == (12 * 10**9, 8 * 10**9, 2 * 10**8)
    assert plain.work == 3 * GIB
    eight = memory.need(model(folder, quantization="int8"), HALF)
    four = memory.need(model(folder, quantization="nf4"), HALF)
    assert eight is not None
    assert four is not None
    assert 0.5 * plain.network < eight.network < 0.52 * plain.network
    assert 0.28 * plain.network < four.network < 0.29 * plain.network
    assert eight.others == plain.others, "the autoencoder is kept as it is"
    single = memory.need(model(folder, width=512, height=512), EngineConfig(dtype="float32"))
    assert single is not None
    assert single.network == 24 * 10**9
    assert single.work == 2 * GIB, "a quarter of the pixels, twice the bytes"


def test_a_gguf_takes_what_its_file_does(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "q.gguf").write_bytes(b"GGUF" + bytes(1000))
    found = memory.need(model(folder, quantization="gguf", gguf=str(tmp_path / "q.gguf")), HALF)
    assert found is not None
    assert found.network == 1004
    assert found.text == 8 * 10**9


@pytest.mark.parametrize(
    ("gib", "offload", "said"),
    [
        (24, "auto", "cuda:0: fits"),
        (16, "auto", "fits while its text encoders wait"),
        (16, "none", "does not fit 16.0 GiB"),
        (8, "auto", "does not fit 8.0 GiB: set `quantization`"),
        (8, "sequential", "layer by layer"),
    ],
)
def test_whether_it_fits_is_said_of_each_card(folder: Path, gib: int, offload: str, said: str) -> None:
    engine = EngineConfig.model_validate({"offload": offload})
    told = memory.said(model(folder), engine, {"cuda:0": gib * GIB})
    assert told.startswith("21.8 GiB of memory (11.2 GiB network, 7.5 GiB text")
    assert said in told


def test_what_cannot_be_read_is_not_guessed_at(tmp_path: Path) -> None:
    assert memory.said(model(tmp_path / "gone"), HALF, {"cuda:0": GIB}) == ""


# billions of values that draw and read (models' own configurations), and the side of a picture
MODELS = {
    "z-image": (6.15, (4.02,), 1024),
    "klein": (3.88, (4.02,), 1024),
    "qwen-image": (20.4, (8.29,), 1328),
    "sd35-medium": (2.24, (4.76, 0.82), 1024),
}
CARDS = {8: 7.7, 12: 11.7, 24: 23.5}
"""Gibibytes that cards sold by so many gigabytes report."""


@pytest.mark.parametrize(
    ("name", "quantization", "smallest"),
    [
        *((name, kind, card) for name in ("z-image", "klein") for kind, card in (("nf4", 8), ("fp8", 12))),
        *(("sd35-medium", kind, card) for kind, card in (("nf4", 8), ("fp8", 12), ("", 24))),
        *((name, "", 24) for name in ("z-image", "klein")),
        ("qwen-image", "nf4", 24),
    ],
)
def test_the_examples_entries_fit_the_cards_they_name(
    tmp_path: Path, name: str, quantization: str, smallest: int
) -> None:
    draws, reads, side = MODELS[name]
    weights(tmp_path / "transformer" / "diffusion_pytorch_model.safetensors", int(draws * 10**9))
    index = {"transformer": ["diffusers", "T"]}
    for number, size in enumerate(reads):
        weights(tmp_path / f"text_encoder_{number}" / "model.safetensors", int(size * 10**9))
        index[f"text_encoder_{number}"] = ["transformers", "CLIPTextModel" if size < 1 else "Reader"]
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    found = memory.need(model(tmp_path, quantization=quantization, width=side, height=side), HALF)
    assert found is not None
    assert found.on(int(CARDS[smallest] * GIB), "auto").startswith("fits")
