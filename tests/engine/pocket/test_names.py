"""Further names of what the shipped model knows: each reads as the word it means, and nothing else moves."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from transformers import CLIPTextModel, CLIPTokenizer

from engine.pocket import FOLDER, JUDGE
from engine.pocket.knows import unknown
from engine.pocket.train.clip import load_encoder, text_vectors
from engine.pocket.train.names import teach_names
from engine.pocket.train.same import SAME, SILENT
from engine.pocket.train.text import tokenize


class Reader:
    """A pipeline folder's tokenizer and text encoder."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
        self.encoder = CLIPTextModel.from_pretrained(folder / "text_encoder").eval()

    @torch.no_grad()
    def __call__(self, text: str) -> torch.Tensor:
        read: torch.Tensor = self.encoder(tokenize(self.tokenizer, [text]))[0]
        return read


@pytest.fixture(scope="module")
def shipped() -> Reader:
    return Reader(FOLDER)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("a skeleton", "a skull"),
        ("a gray yacht at sundown", "a grey sailboat at sunset"),
        ("two aeroplanes", "two airplanes"),
        ("a robot beside guitar", "a robot and guitar"),
    ],
)
def test_another_name_reads_as_the_word_it_means(shipped: Reader, said: str, meant: str) -> None:
    assert torch.equal(shipped(said), shipped(meant))
    assert unknown(said) == ()


@pytest.mark.parametrize(
    ("name", "like"),
    [
        ("a village", "a house"),
        ("a queen", "a princess"),
        ("a galaxy", "a space"),
        ("a dog holding a balloon", "a dog and a balloon"),
    ],
)
def test_a_name_that_was_taught_by_pictures_keeps_what_it_learnt(
    shipped: Reader, tmp_path: Path, name: str, like: str
) -> None:
    assert not torch.equal(shipped(name), shipped(like))
    for part in ("tokenizer", "text_encoder"):
        shutil.copytree(FOLDER / part, tmp_path / part)
    teach_names(tmp_path)
    assert torch.equal(Reader(tmp_path)(name), shipped(name))


def test_every_name_is_one_token_and_words_that_say_nothing_are_silent(shipped: Reader) -> None:
    assert [word for word in SAME if len(shipped.tokenizer.tokenize(word)) != 1] == []
    table = shipped.encoder.get_input_embeddings().weight
    numbers = shipped.tokenizer.get_vocab()
    assert not table[[numbers[f"{word}</w>"] for word in SILENT]].any()


def test_the_judge_reads_the_same_names() -> None:
    model, tokenizer = load_encoder(JUDGE)
    with torch.no_grad():
        said, meant, other = text_vectors(model, tokenizer, ["a skeleton", "a skull", "a cat"])
    assert torch.equal(said, meant)
    assert float(said @ other) < 0.9


def test_names_leave_what_was_read_before_as_it_was(tmp_path: Path, shipped: Reader) -> None:
    for part in ("tokenizer", "text_encoder"):
        shutil.copytree(FOLDER / part, tmp_path / part)
    assert teach_names(tmp_path) > 600
    again = Reader(tmp_path)
    for line in ("two purple elephants under water", "a skeleton", "zyzzyva, a cat in the style of nobody"):
        assert torch.equal(again(line), shipped(line))
