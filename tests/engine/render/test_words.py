"""Describing and shortening: what transformers' own models say, on tiny random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from transformers import (
    BertTokenizerFast,
    BlipConfig,
    BlipForConditionalGeneration,
    BlipImageProcessor,
    BlipProcessor,
)

from engine import images
from engine.config import EngineConfig, ModelConfig
from engine.jobs import Condition, Input, JobSpec, Kind, Role
from engine.planning.answers import Shortened
from engine.render import Renderer
from engine.render.models import Model
from engine.render.tools.describe import Describer, shortened
from engine.render.tools.encoder import Encoder
from engine.workers.protocol import Done, Failed
from tests.engine.render import tiny

PHRASES = {
    "objects": ["an apple", "a car", "a dog", "a cat", "the house"],
    "twos": ["two apples", "two cars", "two dogs", "two cats", ""],
    "colours": ["red", "blue"],
    "grounds": ["on a green car"],
    "places": ["by the tree"],
    "manners": ["photo"],
}


def run(renderer: Renderer, spec: JobSpec, inputs: dict[str, bytes] | None = None) -> Done | Failed:
    renderer.start("job", spec, inputs)
    for _ in range(100):
        for event in renderer.tick():
            if isinstance(event, Done | Failed):
                return event
    raise AssertionError("nothing came")


def asked(model: str, kind: Kind, **more: object) -> JobSpec:
    plain = {"width": 60, "height": 40, "steps": 1, "guidance_scale": 1.0, "sampler": "ddim", "seed": 3}
    return JobSpec(model=model, kind=kind, count=1, **plain, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return Encoder(tiny.clip(tmp_path_factory.mktemp("clip")))


def test_the_likeliest_thing_is_named_first_and_prompts_differ(encoder: Encoder) -> None:
    picture = Image.new("RGB", (40, 30), "red")
    found = Describer(encoder, PHRASES).describe(picture)
    assert len(set(found)) == 4
    # whatever random weights see, no single thing lies nearer to the picture than what was said first
    seen = encoder.images([picture])[0]
    best = float(encoder.texts(found[:1])[0] @ seen)
    assert best >= float((encoder.texts(PHRASES["objects"]) @ seen).max()) - 1e-5


def test_another_seed_may_say_it_otherwise_but_the_same_seed_never(encoder: Encoder) -> None:
    describer, picture = Describer(encoder, PHRASES), Image.new("RGB", (40, 30), "blue")
    assert describer.describe(picture, 5) == describer.describe(picture, 5)


def test_a_word_matters_by_how_far_the_embedding_moves_without_it() -> None:
    vectors = {"a cat": [1.0, 0.0], "cat": [1.0, 0.0], "a": [0.0, 1.0]}
    found = shortened("a cat", lambda texts: torch.tensor([vectors[text] for text in texts]))
    assert found.words == (("a", 0.0), ("cat", 1.0))
    assert found.prompts == ("cat",)


def test_a_models_own_text_encoder_is_asked_at_its_end_mark(models: Callable[[str], Model]) -> None:
    model = models("sd")
    assert model.text is not None
    [ours] = model.text.summaries(["a red apple"])
    tokens = model.pipe.tokenizer(
        "a red apple", padding="max_length", max_length=tiny.LENGTH, return_tensors="pt"
    ).input_ids
    with torch.no_grad():
        theirs = model.pipe.text_encoder(tokens)
    end = int((tokens[0] == model.pipe.tokenizer.eos_token_id).int().argmax())
    torch.testing.assert_close(ours, theirs.last_hidden_state[0, end], atol=1e-5, rtol=1e-4)


def test_a_configured_model_shortens_by_its_own_words(configs: Callable[[str], ModelConfig]) -> None:
    renderer = Renderer([configs("sd")], EngineConfig(device="cpu", preview_every=0))
    text = " ".join(["a red apple on the house"] * 6)  # longer than the encoder reads at once
    done = run(renderer, asked("sd", Kind.SHORTEN, conditions=(Condition(text=text),)))
    renderer.close()
    assert isinstance(done, Done)
    found = Shortened.read(done.outcome.texts)
    assert len(found.words) == 36
    assert sum(share for _, share in found.words) == pytest.approx(1.0, abs=0.01)
    assert [len(prompt.split()) for prompt in found.prompts] == [29, 22, 15, 8, 1]


def test_a_configured_captioner_describes(tmp_path: Path, configs: Callable[[str], ModelConfig]) -> None:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "red", "blue", "cat", "dog", "apple", "car"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    tokenizer = BertTokenizerFast(str(tmp_path / "vocab.txt"))
    torch.manual_seed(0)
    small = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {"vocab_size": len(words), "encoder_hidden_size": 32, "bos_token_id": 2, "pad_token_id": 0,
            "eos_token_id": 3, "sep_token_id": 3}  # fmt: skip
    vision = {"image_size": 32, "patch_size": 8}
    config = BlipConfig(text_config=small | text, vision_config=small | vision, projection_dim=16)
    BlipForConditionalGeneration(config).save_pretrained(tmp_path)
    BlipProcessor(BlipImageProcessor(size={"height": 32, "width": 32}), tokenizer).save_pretrained(tmp_path)
    renderer = Renderer([configs("sd")], EngineConfig(device="cpu", describer=str(tmp_path)))
    png = images.png(Image.new("RGB", (60, 40), "red"))
    spec = asked("sd", Kind.DESCRIBE, inputs=(Input(sha256="ab", role=Role.INIT),))
    first, again = (run(renderer, spec, {"ab": png}) for _ in range(2))
    renderer.close()
    assert isinstance(first, Done)
    assert 2 <= len(set(first.outcome.texts)) <= 4
    assert all(text.endswith(" --ar 3:2") for text in first.outcome.texts)
    assert isinstance(again, Done)
    assert again.outcome.texts == first.outcome.texts
