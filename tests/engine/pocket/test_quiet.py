"""Words that were never taught say nothing, whatever taught words they end in; taught ones read as ever."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
import torch
from diffusers import DiffusionPipeline
from safetensors.torch import load_file
from transformers import CLIPTokenizer

from engine.pocket import ENCODER, FOLDER, JUDGE
from engine.pocket.train.quiet import quiet
from engine.pocket.train.same import SAME
from engine.pocket.train.text import make_text_encoder, make_tokenizer, tokenize
from tests import ROOT

STRANGE = (ROOT / "tests/engine/pocket/strange_words.txt").read_text(encoding="utf-8").split()
"""Words of a dictionary (SCOWL, `wamerican`) that end in a word which the shipped model was taught."""

NOUNS = (
    *("cat", "dog", "owl", "car", "ship", "castle", "tree", "star", "cake", "boat"),
    *("house", "fish", "rose", "king", "moon", "bear", "lion", "apple", "robot", "bell"),
)


def invented() -> list[str]:
    """A hundred words of no dictionary, which end in taught ones."""
    rng = random.Random(3)
    return [
        "".join(rng.choice(letters) for letters in ("bdfgklmnprst", "aeiou", "bdfgklmnprst")) + noun
        for noun in NOUNS
        for _ in range(5)
    ]


def speaking(tokenizer: CLIPTokenizer, table: torch.Tensor, word: str) -> list[str]:
    """The pieces of a word, of two letters or more, that have a vector."""
    numbers = tokenizer.get_vocab()
    pieces = tokenizer.tokenize(word)
    return [piece for piece in pieces if len(piece.removesuffix("</w>")) > 1 and table[numbers[piece]].any()]


def read(folder: Path) -> tuple[CLIPTokenizer, torch.Tensor]:
    """The tokenizer and the table of words of a pipeline's folder or of an encoder's."""
    pipeline = (folder / "text_encoder").exists()
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer" if pipeline else folder)
    state = load_file((folder / "text_encoder" if pipeline else folder) / "model.safetensors")
    return tokenizer, next(rows for name, rows in state.items() if name.endswith("token_embedding.weight"))


@pytest.mark.parametrize("folder", [FOLDER, ENCODER, JUDGE], ids=lambda folder: folder.name)
def test_what_was_never_taught_says_nothing(folder: Path) -> None:
    tokenizer, table = read(folder)
    numbers = tokenizer.get_vocab()
    taught = {token for token, row in numbers.items() if len(token) > 5 and table[row].any()}
    strange = [word for word in STRANGE if f"{word}</w>" not in taught]
    assert len(strange) > 240
    assert {word: said for word in strange if (said := speaking(tokenizer, table, word))} == {}


def test_so_do_three_in_four_words_that_no_list_holds() -> None:
    tokenizer, table = read(FOLDER)
    said = {word: found for word in invented() if (found := speaking(tokenizer, table, word))}
    assert len(said) <= 25, said


def test_words_of_this_list_end_in_taught_ones() -> None:
    tokenizer, _ = read(FOLDER)
    numbers = tokenizer.get_vocab()
    assert len(STRANGE) > 240
    for word in STRANGE:
        assert any(f"{word[at:]}</w>" in numbers for at in range(1, len(word) - 1)), word


def test_a_stock_pipeline_reads_them_so(tmp_path: Path) -> None:
    pipeline = DiffusionPipeline.from_pretrained(FOLDER)
    table = pipeline.text_encoder.get_input_embeddings().weight
    assert speaking(pipeline.tokenizer, table, "knight") in ([], ["knight</w>"])
    assert speaking(pipeline.tokenizer, table, "night") == ["night</w>"]


def untouched(folder: Path) -> Path:
    """A reader in the first order of merges, words with vectors and pieces without, as training leaves it."""
    torch.manual_seed(1)
    tokenizer = make_tokenizer(
        whole=["night", "owl", "bowl", "fishbowl", "cat", "in", "on", "red", "at", "to", *SAME]
    )
    encoder = make_text_encoder(tokenizer)
    with torch.no_grad():
        for token, row in tokenizer.get_vocab().items():
            if not (token.endswith("</w>") and len(token) > 5) and not token.startswith("<|"):
                encoder.get_input_embeddings().weight[row] = 0.0
    encoder.half().float().save_pretrained(folder / "text_encoder")
    tokenizer.save_pretrained(folder / "tokenizer")
    return folder


def test_taught_words_keep_their_numbers_and_are_read_to_the_same_bits(tmp_path: Path) -> None:
    folder, words = untouched(tmp_path / "reader"), tmp_path / "words"
    words.write_text("knight\nbasin\nfowl\nscowl\njélly\nbobcat\ncaféowl\n", encoding="utf-8")

    def lines() -> tuple[dict[str, int], list[torch.Tensor]]:
        pipeline = folder / "text_encoder"
        tokenizer, encoder = CLIPTokenizer.from_pretrained(folder / "tokenizer"), load_encoder(pipeline)
        said = [
            tokenize(tokenizer, [line])
            for line in ("a red owl at night", "in a fishbowl", "a spaceship on a bowl")
        ]
        with torch.no_grad():
            return tokenizer.get_vocab(), [encoder(one)[0] for one in said]

    before, read_before = lines()
    assert speaking(*read(folder), "knight") == ["night</w>"]
    done = quiet(folder, [words])
    after, read_after = lines()
    assert all(torch.equal(one, other) for one, other in zip(read_before, read_after, strict=True))
    assert {word: after.get(f"{word}</w>") for word in SAME} == {word: before[f"{word}</w>"] for word in SAME}
    tokenizer, table = read(folder)
    for word in ("knight", "basin", "fowl", "scowl", "bobcat", "caféowl"):
        assert speaking(tokenizer, table, word) == [], word
    for word in ("night", "fishbowl", "bowl", "in", *SAME):
        assert tokenizer.tokenize(word) == [f"{word}</w>"]
    assert done.looked_at == 7
    kept = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    assert quiet(folder, [words]).rows == 0
    assert kept == {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def load_encoder(folder: Path) -> torch.nn.Module:
    from transformers import CLIPTextModel

    return CLIPTextModel.from_pretrained(folder).eval()


def test_names_taught_afterwards_stand_beside_it(tmp_path: Path) -> None:
    for part in ("tokenizer", "text_encoder"):
        shutil.copytree(FOLDER / part, tmp_path / part)
    tokenizer = make_tokenizer(tmp_path / "tokenizer", ["goblin"])
    assert tokenizer.tokenize("goblin") == ["goblin</w>"]
    assert tokenizer.tokenize("a cat at night") == ["a</w>", "cat</w>", "at</w>", "night</w>"]
