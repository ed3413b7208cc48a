"""Tiny language models of transformers, taught one answer in a moment; real weights, real tokenizers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

CHAT = (
    "{% for message in messages %}{% if message['role'] == 'user' %}ask {{ message['content'] }} {% endif %}"
    "{% endfor %}{% if add_generation_prompt %}answer{% endif %}"
)


def _tokenizer(*texts: str, chat: bool) -> PreTrainedTokenizerFast:
    words = ["<pad>", "<s>", "</s>", "<unk>", *dict.fromkeys(" ".join(texts).split())]
    made = Tokenizer(models.WordLevel({word: at for at, word in enumerate(words)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if not chat:
        made.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
        )
    named = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    return PreTrainedTokenizerFast(tokenizer_object=made, **named, chat_template=CHAT if chat else None)


def _teach(model: Any, steps: int = 60, **batch: torch.Tensor) -> None:
    torch.manual_seed(0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(steps):
        loss = model(**batch).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.05


def talker(folder: Path, asked: str, answer: str) -> Path:
    """Write a chat model that answers ``asked`` (words apart by spaces) with ``answer``."""
    torch.manual_seed(0)
    tokenizer = _tokenizer("ask answer", asked, answer, chat=True)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
            num_attention_heads=2, max_position_embeddings=64, bos_token_id=1, eos_token_id=2, pad_token_id=0,
        )
    )  # fmt: skip
    start = tokenizer(f"ask {asked} answer")["input_ids"]
    whole = [*start, *tokenizer(answer)["input_ids"], 2]
    labels = [*[-100] * len(start), *whole[len(start) :]]
    _teach(model, input_ids=torch.tensor([whole]), labels=torch.tensor([labels]))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def translator(folder: Path, pairs: dict[str, str]) -> Path:
    """Write a model that puts the keys (words apart by spaces, as many words each) into the values."""
    torch.manual_seed(0)
    tokenizer = _tokenizer(*pairs, *pairs.values(), chat=False)
    model = BartForConditionalGeneration(
        BartConfig(
            vocab_size=len(tokenizer), d_model=32, encoder_layers=1, decoder_layers=1,
            encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=64, decoder_ffn_dim=64,
            max_position_embeddings=64, dropout=0.0, bos_token_id=1, eos_token_id=2, pad_token_id=0,
            decoder_start_token_id=2, forced_eos_token_id=None,
        )
    )  # fmt: skip
    batch = tokenizer(list(pairs), return_tensors="pt", padding=True)
    labels = tokenizer(list(pairs.values()), return_tensors="pt", padding=True)["input_ids"]
    labels = labels.masked_fill(labels == 0, -100)
    _teach(model, 120, input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], labels=labels)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
