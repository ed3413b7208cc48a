"""Teach further names of known words without training: each new word's vector is its twin's."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from transformers import CLIPModel, CLIPTextModel, CLIPTokenizer

from engine.pocket.train.same import SAME, SILENT
from engine.pocket.train.text import liken, make_tokenizer


@torch.no_grad()
def teach_names(folder: Path) -> int:
    """Give a pipeline or an encoder the words of SAME, and silence those of SILENT; returns how many it got.

    No weight changes but the table of words: prompts of words that it knew are read as before.
    """
    pipeline = (folder / "text_encoder").exists()
    words = folder / "tokenizer" if pipeline else folder
    reader = folder / "text_encoder" if pipeline else folder
    kind = CLIPTextModel if pipeline else CLIPModel
    old, base = CLIPTokenizer.from_pretrained(words), kind.from_pretrained(reader, torch_dtype=torch.float32)
    tokenizer, state = make_tokenizer(words, SAME), base.state_dict()
    table = next(name for name in state if name.endswith("token_embedding.weight"))
    rows, found = _rows(state[table], old, tokenizer)
    config = base.config
    told = config if pipeline else config.text_config
    count = len(tokenizer)
    told.vocab_size, told.bos_token_id = count, count - 2
    told.eos_token_id = told.pad_token_id = count - 1
    fresh = kind(config)
    fresh.load_state_dict(state | {table: rows})
    fresh.half().save_pretrained(reader, safe_serialization=True)
    tokenizer.save_pretrained(words)
    # transformers loads in the type the config names; half precision is for the disk only
    written = reader / "config.json"
    written.write_text(
        written.read_text(encoding="utf-8").replace('"float16"', '"float32"'), encoding="utf-8"
    )
    (reader / "model.safetensors").chmod(0o644)
    return found


def _rows(table: Tensor, old: CLIPTokenizer, tokenizer: CLIPTokenizer) -> tuple[Tensor, int]:
    """Return the wider table of words and how many are new."""
    rows, numbers = torch.zeros(len(tokenizer), table.shape[1]), tokenizer.get_vocab()
    for token, row in old.get_vocab().items():
        rows[numbers[token]] = table[row]
    found = liken(rows, numbers)
    rows[[numbers[f"{word}</w>"] for word in SILENT]] = 0.0
    return rows, found
