"""Language models of transformers in a process of their own: they answer, translate, and leave."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.config import EngineConfig, ModelConfig, load
from engine.errors import ConfigError, UserError
from engine.intake import language_model
from engine.intake.language_model import LanguageModel
from engine.planning.languages import language_of
from engine.readiness.english import english_only
from tests.engine.conftest import Open, asking, drawn
from tests.tiny_language import talker, translator

FOX = [{"role": "system", "content": "say more"}, {"role": "user", "content": "a red fox"}]


CLIP = ["transformers", "CLIPTextModel"]


@pytest.fixture(scope="module")
def talks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return talker(tmp_path_factory.mktemp("talks"), "a red fox", "a red fox in deep snow")


@pytest.fixture(scope="module")
def translates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return translator(tmp_path_factory.mktemp("translates"), {"eine Katze": "a cat", "猫 だ": "a kitten"})


@pytest.fixture
async def model(talks: Path) -> AsyncIterator[LanguageModel]:
    made = LanguageModel(str(talks))
    yield made
    await made.close()


async def test_one_process_answers_until_it_is_killed_then_another_and_leaves_when_nobody_asks(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await model.chat(FOX, most=20) == "a red fox in deep snow"
    first = model.pid
    assert first is not None
    assert await model.chat(FOX, most=3) == "a red fox", "at most so many tokens"
    assert model.pid == first, "weights are read once"
    os.kill(first, signal.SIGKILL)
    monkeypatch.setattr(language_model, "IDLE", 0.0)
    assert await model.chat(FOX, most=20) == "a red fox in deep snow"
    assert model.pid != first
    for _ in range(3):  # the timer, its task, and this test take turns
        await asyncio.sleep(0)
    assert model.pid is None


async def test_what_cannot_answer_is_told_to_the_host(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not answer") as caught:
        await LanguageModel(str(tmp_path / "none"), key="translator").chat(FOX, most=20)
    assert "`[engine] translator`" in str(caught.value.for_host)
    assert "not on this machine" in str(caught.value.for_host)


async def test_a_prompt_is_put_into_english_for_a_model_that_reads_no_other(
    open_service: Open, translates: Path
) -> None:
    async with open_service(engine=EngineConfig(translator=str(translates))) as service:
        job = await drawn(service, "cat", "eine Katze --ar 3:2", language="de")
        assert [text.text for text in job.spec.conditions] == ["a cat"]
        assert job.prompt == "eine Katze --ar 3:2", "people see what was typed"
        assert "This model reads English. It read: a cat" in job.notes
        english = await drawn(service, "english", "a red fox", language="en-GB")
        assert [text.text for text in english.spec.conditions] == ["a red fox"]
        assert not [note for note in english.notes if "reads English" in note]
        japanese = await drawn(service, "japanese", "猫 だ", language="en-US")
        assert [text.text for text in japanese.spec.conditions] == ["a kitten"], "letters say it themselves"


async def test_without_a_translator_prompts_are_read_as_typed(open_service: Open) -> None:
    async with open_service() as service:
        job = await drawn(service, "cat", "eine Katze", language="de")
        assert [text.text for text in job.spec.conditions] == ["eine Katze"]
        assert (await service.plan(asking("again", "eine Katze"))).jobs


@pytest.mark.parametrize(
    ("text", "spoken", "language"),
    [
        ("a cat", "en-US", "en"),
        ("a cat", "", "en"),
        ("un gato", "es-ES", "es"),
        ("um gato", "pt-BR", "pt"),
        ("猫が好き", "en-US", "ja"),
        ("一只猫", "en-US", "zh"),
        ("猫", "ja", "ja"),
        ("고양이", "de", "ko"),
        ("кот", "en-US", "ru"),
        ("кіт", "uk", "uk"),
        ("γάτα", "", "el"),
        ("a cat", "ja", "en"),
        ("42 !?", "de", "en"),
    ],
)
def test_the_language_of_a_prompt(text: str, spoken: str, language: str) -> None:
    assert language_of(text, spoken) == language


@pytest.mark.parametrize(
    ("readers", "only"),
    [
        ({"text_encoder": CLIP}, True),
        ({"text_encoder": CLIP, "text_encoder_2": ["transformers", "T5EncoderModel"]}, True),
        ({"text_encoder": CLIP, "text_encoder_2": [None, None]}, True),
        ({"text_encoder": ["transformers", "CLIPTextModelWithProjection"]}, True),
        ({"text_encoder": ["transformers", "Qwen3Model"]}, False),
        ({"text_encoder": ["transformers", "Mistral3ForConditionalGeneration"]}, False),
        ({}, False),
    ],
)  # fmt: skip
def test_which_models_read_english_alone(readers: dict[str, list[str]], only: bool, tmp_path: Path) -> None:
    index = {"_class_name": "APipeline", "unet": ["diffusers", "UNet2DConditionModel"], **readers}
    (tmp_path / "model_index.json").write_text(json.dumps(index), encoding="utf-8")
    assert english_only(ModelConfig(name="one", source=str(tmp_path))) is only


def test_a_translator_stands_on_this_machine(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[engine]\ntranslator = "https://x.example/v1"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="Set `translator` under `\\[engine\\]`"):
        load(tmp_path / "config.toml", {})
