"""Teach further names of known words without training: each new word's vector is its twin's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from transformers import CLIPModel, CLIPTextModel, CLIPTokenizer

from engine.pocket.train.same import SAME, SILENT
from engine.pocket.train.text import carry, liken, make_tokenizer, said, table_of, voiced


@dataclass(frozen=True)
class Reader:
    """What reads in a pipeline or an encoder: folders, tokenizer, network, table of words (words, width)."""

    words: Path
    network: Path
    tokenizer: CLIPTokenizer
    model: CLIPTextModel | CLIPModel
    table: Tensor


def load(folder: Path) -> Reader:
    """Read the tokenizer and network of a pipeline folder or of an encoder's."""
    pipeline = (folder / "text_encoder").exists()
    words = folder / "tokenizer" if pipeline else folder
    network = folder / "text_encoder" if pipeline else folder
    kind = CLIPTextModel if pipeline else CLIPModel
    model = kind.from_pretrained(network, torch_dtype=torch.float32)
    return Reader(
        words, network, CLIPTokenizer.from_pretrained(words), model, model.state_dict()[_name(model)]
    )


def _name(model: CLIPTextModel | CLIPModel) -> str:
    return table_of(model.state_dict())


def save(known: Reader, tokenizer: CLIPTokenizer, rows: Tensor) -> None:
    """Write a reader back with other words; no other weight changes."""
    config = known.model.config
    told = config if isinstance(known.model, CLIPTextModel) else config.text_config
    count = len(tokenizer)
    told.vocab_size, told.bos_token_id = count, count - 2
    told.eos_token_id = told.pad_token_id = count - 1
    fresh = type(known.model)(config)
    fresh.load_state_dict(known.model.state_dict() | {_name(known.model): rows})
    fresh.half().save_pretrained(known.network, safe_serialization=True)
    tokenizer.save_pretrained(known.words)
    # transformers loads in the type the config names; half precision is for the disk only
    written = known.network / "config.json"
    written.write_text(
        written.read_text(encoding="utf-8").replace('"float16"', '"float32"'), encoding="utf-8"
    )
    (known.network / "model.safetensors").chmod(0o644)


@torch.no_grad()
def teach_names(folder: Path) -> int:
    """Give a pipeline or an encoder the words of SAME, and silence those of SILENT; returns how many it got.

    No weight changes but the table of words: prompts of words that it knew are read as before. A word that
    captions say (a village, riding) keeps what it learnt.
    """
    known = load(folder)
    tokenizer = make_tokenizer(known.words, SAME)
    rows, numbers = torch.zeros(len(tokenizer), known.table.shape[1]), tokenizer.get_vocab()
    before = known.tokenizer.get_vocab()
    carry(rows, numbers, known.table, before)
    found = liken(rows, numbers, {f"{word}</w>" for word in said()} & voiced(known.table, before).keys())
    rows[[numbers[f"{word}</w>"] for word in SILENT]] = 0.0
    save(known, tokenizer, rows)
    return found
