"""From words to embeddings: weights, chunks, BREAK, the negative; the encoder itself says what to expect."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from torch import Tensor

from engine.errors import EngineError
from engine.render.conditioning.kept import KeptTexts
from engine.render.conditioning.text import TextEncoder
from engine.render.families.base import Embedding
from engine.render.models import Model
from tests.engine.render.tiny import LENGTH, WORDS

ROOM = LENGTH - 2


@pytest.fixture
def model(models: Callable[[str], Model]) -> Model:
    return models("sd")


@torch.inference_mode()
def encoded(model: Model, *words: str) -> Tensor:
    """Ask CLIP itself for one chunk of single-token words."""
    tokenizer = model.pipe.tokenizer
    ids = tokenizer(" ".join(words), padding="max_length", max_length=LENGTH, return_tensors="pt").input_ids
    assert ids.shape == (1, LENGTH)
    return model.pipe.text_encoder(ids)[0]


def test_a_plain_prompt_is_what_the_encoder_says(model: Model) -> None:
    assert model.text is not None
    assert torch.equal(model.text.encode("a red apple").tokens, encoded(model, "a", "red", "apple"))
    assert torch.equal(model.text.encode("").tokens, encoded(model))


def test_a_weight_multiplies_its_own_words(model: Model) -> None:
    assert model.text is not None
    plain = encoded(model, "a", "red", "apple")
    for prompt, factor in (("a (red:1.5) apple", 1.5), ("a ((red)) apple", 1.21), ("a [red] apple", 1 / 1.1)):
        expected = plain.clone()
        expected[:, 2] *= factor  # the begin mark, "a", "red"
        assert torch.allclose(model.text.encode(prompt).tokens, expected, atol=1e-6)
    assert torch.equal(
        model.text.encode(r"a \(red\) apple").tokens, model.text.encode("a \\(red\\) apple").tokens
    )


def test_a_long_prompt_is_cut_into_chunks_and_nothing_is_lost(model: Model) -> None:
    assert model.text is not None
    single = [word for word in WORDS if len(model.pipe.tokenizer(word).input_ids) == 3]
    words = [*single, *single][: 2 * ROOM + 2]
    expected = torch.cat([encoded(model, *words[at : at + ROOM]) for at in range(0, len(words), ROOM)], dim=1)
    assert expected.shape[1] == 3 * LENGTH
    assert torch.allclose(model.text.encode(" ".join(words)).tokens, expected, atol=1e-6)
    assert model.text.count(" ".join(words)) == 30


def test_break_begins_a_new_chunk(model: Model) -> None:
    assert model.text is not None
    expected = torch.cat([encoded(model, "a", "red", "car"), encoded(model, "a", "dog")], dim=1)
    assert torch.allclose(model.text.encode("a red car BREAK a dog").tokens, expected, atol=1e-6)


def test_texts_of_one_picture_are_padded_to_the_longest(model: Model) -> None:
    assert model.text is not None
    long = " ".join(["red"] * (ROOM + 1))
    (first, second), negative = model.text.encode_all(["a dog", long], "a cat")
    assert negative is not None
    assert {each.tokens.shape[1] for each in (first, second, negative)} == {2 * LENGTH}
    expected = torch.cat([encoded(model, "a", "dog"), encoded(model)], dim=1)
    assert torch.allclose(first.tokens, expected, atol=1e-6)


def test_sdxl_takes_an_absent_negative_as_zeros_and_a_given_one_as_words(
    models: Callable[[str], Model],
) -> None:
    text = models("sdxl").text
    assert text is not None
    _, absent = text.encode_all(["a dog"], "")
    _, given = text.encode_all(["a dog"], "a cat")
    assert absent is not None
    assert given is not None
    assert absent.pooled is not None
    assert not absent.tokens.any()
    assert not absent.pooled.any()
    assert given.tokens.any()
    assert given.tokens.shape == (1, LENGTH, 64), "two encoders side by side"


def test_the_same_words_are_encoded_once(model: Model) -> None:
    assert model.text is not None
    assert model.text.encode("a fox") is model.text.encode("a fox")
    assert model.text.encode("a fox") is not model.text.encode("a fox", state="with a LoRA")


@pytest.mark.parametrize("clip_skip", [2, 3])
def test_clip_skip_reads_the_layer_that_diffusers_reads(
    models: Callable[[str], Model], folders: Callable[[str], Path], clip_skip: int
) -> None:
    """Here counted as AUTOMATIC1111 does, where 1 is the last; diffusers counts what is left out."""
    text = TextEncoder(models("sd").pipe, torch.device("cpu"))
    text.skip(clip_skip)
    pipe = StableDiffusionPipeline.from_pretrained(folders("sd"), safety_checker=None)
    # diffusers 0.42 asks for its norm by the name that transformers gave it before version 5
    object.__setattr__(pipe.text_encoder, "text_model", pipe.text_encoder)
    expected, _ = pipe.encode_prompt("a red apple", "cpu", 1, False, clip_skip=clip_skip - 1)
    assert torch.equal(text.encode("a red apple").tokens, expected)
    assert not torch.allclose(expected, encoded(models("sd"), "a", "red", "apple"), atol=1e-3)


@pytest.mark.parametrize(("clip_skip", "left_out"), [(1, None), (2, None), (3, 1)])
def test_sdxl_reads_the_layer_before_the_last_unless_told_a_further_one(
    models: Callable[[str], Model], folders: Callable[[str], Path], clip_skip: int, left_out: int | None
) -> None:
    text = TextEncoder(models("sdxl").pipe, torch.device("cpu"))
    text.skip(clip_skip)
    pipe = StableDiffusionXLPipeline.from_pretrained(folders("sdxl"))
    expected, _, pooled, _ = pipe.encode_prompt(
        "a red apple", device="cpu", do_classifier_free_guidance=False, clip_skip=left_out
    )
    found = text.encode("a red apple")
    assert torch.equal(found.tokens, expected)
    assert found.pooled is not None
    assert torch.equal(found.pooled, pooled)


def test_a_layer_that_is_not_there_is_refused(models: Callable[[str], Model]) -> None:
    with pytest.raises(EngineError, match="clip_skip = 12"):
        TextEncoder(models("sd").pipe, torch.device("cpu")).skip(12)


def test_embeddings_are_kept_up_to_so_many_bytes() -> None:
    made: list[str] = []

    def ask(name: str) -> None:
        def encode() -> Embedding:
            made.append(name)
            return Embedding(torch.zeros(1, 25, 10))

        kept.get(name, encode)

    kept = KeptTexts(most=2_500)  # two of a thousand bytes
    for name in ("a", "b", "a", "c", "a", "b"):  # b was asked for longest ago when c came
        ask(name)
    assert made == ["a", "b", "c", "b"]


def test_an_embedding_larger_than_all_that_is_kept_serves_until_the_next() -> None:
    kept = KeptTexts(most=10)
    first, second = (Embedding(torch.zeros(1, 25, 10)) for _ in range(2))
    assert kept.get("a", lambda: first) is kept.get("a", lambda: second) is first
    assert kept.get("b", lambda: second) is second
    assert kept.get("a", lambda: second) is second
