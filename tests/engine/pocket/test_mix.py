"""Averaged pipelines: each weight between the two, words told by their tokens."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import CLIPTokenizer

from engine.pocket import FOLDER
from engine.pocket.train.mix import TEXT, UNET, mix


def test_a_mix_lies_between_and_its_ends_are_the_two(tmp_path: Path) -> None:
    after, out = tmp_path / "after", tmp_path / "out"
    shutil.copytree(FOLDER, after)
    for file in (UNET, TEXT):
        moved = {
            name: (tensor.float() * 1.5).to(tensor.dtype) for name, tensor in load_file(FOLDER / file).items()
        }
        save_file(moved, after / file, {"format": "pt"})
    for share, times in ((0.0, 1.0), (0.5, 1.25), (1.0, 1.5)):
        mix(FOLDER, after, out, share)
        for file in (UNET, TEXT):
            old, mixed = load_file(FOLDER / file), load_file(out / file)
            assert old.keys() == mixed.keys()
            for name, tensor in old.items():
                wanted = (tensor.float() * times).to(tensor.dtype)
                torch.testing.assert_close(mixed[name], wanted, rtol=2e-3, atol=1e-4)


def test_a_word_that_meant_another_and_was_learnt_since_is_not_drawn_back(tmp_path: Path) -> None:
    before, after, out = tmp_path / "before", tmp_path / "after", tmp_path / "out"
    shutil.copytree(FOLDER, before)
    shutil.copytree(FOLDER, after)
    numbers = CLIPTokenizer.from_pretrained(FOLDER / "tokenizer").get_vocab()
    village, house, yacht = (numbers[f"{word}</w>"] for word in ("village", "house", "yacht"))
    old = load_file(FOLDER / TEXT)
    table = next(name for name in old if "token_embedding" in name)
    old[table][village] = old[table][house]  # it meant a house
    save_file(old, before / TEXT, {"format": "pt"})
    new = {name: tensor.clone() for name, tensor in old.items()}
    for row in (village, house, yacht):
        new[table][row] += 1.0
    save_file(new, after / TEXT, {"format": "pt"})
    mix(before, after, out, 0.5)
    mixed = load_file(out / TEXT)[table].float() - old[table].float()
    for row, moved in ((village, 1.0), (house, 0.5), (yacht, 0.5)):
        torch.testing.assert_close(mixed[row], torch.full_like(mixed[row], moved), rtol=0, atol=4e-3)
