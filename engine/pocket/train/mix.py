"""Average two pipelines, weight by weight: what goes on learning keeps what it could before."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import CLIPTokenizer

from engine.pocket.train.same import SAME
from engine.pocket.train.text import said

UNET, TEXT = Path("unet/diffusion_pytorch_model.safetensors"), Path("text_encoder/model.safetensors")


def mix(before: Path, after: Path, out: Path, share: float) -> None:
    """Write a pipeline with ``share`` of ``after``'s weights and the rest of ``before``'s (0 to 1).

    ``after`` went on from ``before`` (Wortsman et al., "Robust fine-tuning of zero-shot models", 2022). Words
    are told by their tokens. Those stay as ``after`` has them that it alone knows, that are silent in one, or
    that meant another word ``before`` (SAME) and have a meaning of their own since.
    """
    if out.resolve() != after.resolve():
        shutil.copytree(after, out, dirs_exist_ok=True)
    for file in (UNET, TEXT):
        old, new = load_file(before / file), load_file(after / file)
        words = next((name for name in new if "token_embedding" in name), "")
        mixed = {
            name: _rows(before, after, old[name], new[name], share)
            if name == words
            else _between(old[name], new[name], share)
            for name in new
        }
        save_file(mixed, out / file, {"format": "pt"})


def _between(old: Tensor, new: Tensor, share: float) -> Tensor:
    return torch.lerp(old.float(), new.float(), share).to(new.dtype)


def _rows(before: Path, after: Path, old: Tensor, new: Tensor, share: float) -> Tensor:
    numbers = CLIPTokenizer.from_pretrained(before / "tokenizer").get_vocab()
    mixed, learnt = new.clone(), said()
    for token, row in CLIPTokenizer.from_pretrained(after / "tokenizer").get_vocab().items():
        at, word = numbers.get(token), token.removesuffix("</w>")
        if at is None or not old[at].any() or not new[row].any():
            continue
        meant = numbers.get(f"{SAME.get(word)}</w>")
        if meant is None or word not in learnt or not torch.equal(old[at], old[meant]):
            mixed[row] = _between(old[at], new[row], share)
    return mixed
