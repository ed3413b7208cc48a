"""Averaged pipelines: each weight between the two, words told by their tokens."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

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
