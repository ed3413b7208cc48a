"""The words the pocket model reads: a CLIP tokenizer that keeps training words whole, and its encoder."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Container, Iterable, Mapping
from itertools import pairwise
from pathlib import Path

import torch
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from engine.pocket.train.actions import ACTIONS, SAID
from engine.pocket.train.captions import ADORNED, FRAMED
from engine.pocket.train.concepts import COLOURS, CONCEPTS, Concept, plural
from engine.pocket.train.data import STYLES
from engine.pocket.train.looks import LOOKS
from engine.pocket.train.same import SAME
from engine.pocket.train.scenes import PHRASES, SCENES, TIMES

LENGTH = 32
"""Tokens a prompt may have, the two marks included."""

_SPARE = (
    "two three four one many small big little large tiny huge cute happy angry beach forest city space "
    "night snow rain water under in at of to and by over behind near next left right top bottom with "
    "without sunset desert sky sea day winter summer picture drawing painting photo icon emoji pixel "
    "art outline sticker watercolour watercolor style cartoon golden silver dark light bright kitten "
    "puppy the a an on background gray no eyes wearing holding cats dogs cars stars apples rockets "
    "penguins strawberries balloons frogs "
)
"""Words around the nouns, and some not taught yet: having tokens, they can be taught later as they are."""


def _phrases() -> list[str]:
    """Everything captions are made of, and words that mean the same or may be taught later."""
    return [*_SPARE.split(), *SAME, *_said()]


def _said() -> list[str]:
    """Everything captions are made of."""
    phrases = [*COLOURS, *STYLES.values()]
    phrases += [name for concept in CONCEPTS for name in nouns(concept)]
    groups = [*PHRASES.values(), *LOOKS.values(), *TIMES.values(), FRAMED, ADORNED]
    groups += [scene.alone for scene in SCENES.values()]
    groups += [action.phrases for action in ACTIONS.values()]
    groups += [tuple(said.values()) for said in SAID.values()]
    return phrases + [phrase.replace("{a}", "").replace("{bare}", "") for group in groups for phrase in group]


def words() -> list[str]:
    """Every word that is taught, and so gets a token of its own, in a stable order."""
    return sorted({word for word in apart(_phrases()) if len(word) > 1})


def said() -> set[str]:
    """Every word that captions say, and so has a meaning of its own once they were learnt."""
    return set(apart(_said()))


def apart(phrases: Iterable[str]) -> list[str]:
    """Return the words of phrases, in small letters."""
    return re.findall(r"[a-z]+", " ".join(phrases).lower())


def taught(tokenizer: CLIPTokenizer) -> set[str]:
    """Every token that captions are made of; the comma too: what follows it is the ground or the manner."""
    return {token for phrase in ("a,", *_phrases()) for token in tokenizer.tokenize(phrase)}


def signs(tokenizer: CLIPTokenizer) -> set[str]:
    """Every token of captions that is no word: single letters, digits and marks."""
    found = re.findall(r"(?<![a-z])[a-z](?![a-z])|[^\sa-z]+", " ".join(("a,", *_phrases())).lower())
    return {token for part in found for token in tokenizer.tokenize(part)}


def nouns(concept: Concept) -> list[str]:
    """All names of a thing, one of it and several."""
    names = [concept.noun, *concept.other_nouns]
    return names + [plural(name) for name in names] if concept.article else names


def byte_letters() -> dict[int, str]:
    """GPT-2's printable stand-in for each of the 256 bytes, which CLIP tokenizers share, in their order."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in kept]
    return {byte: chr(byte) for byte in kept} | {byte: chr(256 + i) for i, byte in enumerate(others)}


def byte_tokens() -> list[str]:
    """Every byte within a word and at its end: the first 512 tokens."""
    letters = byte_letters().values()
    return [*letters, *(letter + "</w>" for letter in letters)]


def make_tokenizer(base: Path | None = None, whole: Iterable[str] | None = None) -> CLIPTokenizer:
    """Build the tokenizer: bytes, then for each of `whole` (`words()`) the merges that make it one token.

    With `base`, a saved tokenizer's folder, its tokens keep their numbers (but for the two marks, which stay
    last) and its words their splits; words it has not are added behind.
    """
    vocabulary = byte_tokens()
    merges: dict[tuple[str, str], int] = {}
    if base is not None:
        model = json.loads((base / "tokenizer.json").read_text(encoding="utf-8"))["model"]
        vocabulary = sorted(model["vocab"], key=model["vocab"].__getitem__)[:-2]
        merges = {(first, second): rank for rank, (first, second) in enumerate(model["merges"])}
    known = set(vocabulary)
    for word in words() if whole is None else whole:
        pieces = [*word[:-1], word[-1] + "</w>"]
        # apply the merges other words brought (they rank first), then join what is left, left to right
        while True:
            ranked = [(merges[pair], i) for i, pair in enumerate(pairwise(pieces)) if pair in merges]
            if not ranked:
                break
            _, at = min(ranked)
            pieces[at : at + 2] = [pieces[at] + pieces[at + 1]]
        while len(pieces) > 1:
            merges[(pieces[0], pieces[1])] = len(merges)
            pieces[:2] = [pieces[0] + pieces[1]]
            if pieces[0] not in known:
                known.add(pieces[0])
                vocabulary.append(pieces[0])
    return tokenizer_of([*vocabulary, "<|startoftext|>", "<|endoftext|>"], merges)


def tokenizer_of(vocabulary: Iterable[str], merges: Iterable[tuple[str, str]]) -> CLIPTokenizer:
    """Return a tokenizer of tokens in the order of their numbers, and merges, the earliest first."""
    return CLIPTokenizer(
        vocab={token: index for index, token in enumerate(vocabulary)},
        merges=list(merges),
        model_max_length=LENGTH,
    )


def make_text_encoder(tokenizer: CLIPTokenizer, width: int = 192, layers: int = 2) -> CLIPTextModel:
    """The text encoder, untrained. Word vectors start spread (deviation .5), or all begin as one word."""
    vocabulary = len(tokenizer)
    config = CLIPTextConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=width * 4,
        num_hidden_layers=layers,
        num_attention_heads=width // 32,
        max_position_embeddings=LENGTH,
        projection_dim=width,
        bos_token_id=vocabulary - 2,
        eos_token_id=vocabulary - 1,
        pad_token_id=vocabulary - 1,
    )
    model = CLIPTextModel(config)
    for name, parameter in model.named_parameters():
        if name.endswith("token_embedding.weight"):
            torch.nn.init.normal_(parameter, std=0.5)
            with torch.no_grad():
                # letters and letter groups mean nothing yet: quiet, so unknown words disturb little
                known = set(tokenizer.convert_tokens_to_ids([f"{word}</w>" for word in words()]))
                for row in range(vocabulary - 2):
                    if row not in known:
                        parameter[row] *= 0.1
    return model


@torch.no_grad()
def widen(encoder: CLIPTextModel, base: CLIPTextModel, tokenizer: CLIPTokenizer, old: CLIPTokenizer) -> None:
    """Give `encoder` the weights of `base`, which knew fewer words.

    A new plural or second name starts as the noun it stands for, so that what is known of the one helps the
    other; a wholly new word starts as `make_text_encoder` left it.
    """
    state, mine = base.state_dict(), encoder.state_dict()
    table = table_of(state)
    rows = mine[table].clone()
    numbers, before = tokenizer.get_vocab(), old.get_vocab()
    carry(rows, numbers, state[table], before)
    for concept in CONCEPTS:
        last = [name.split()[-1] + "</w>" for name in nouns(concept) if len(name.split()) == 1]
        if concept.noun + "</w>" not in before:
            continue
        for word in last:
            # the first version's tokenizer held a few words in store; their rows were never trained
            if (
                word in numbers
                and word != concept.noun + "</w>"
                and (word not in before or word[:-4] in _SPARE.split())
            ):
                rows[numbers[word]] = rows[numbers[concept.noun + "</w>"]] + 0.1 * torch.randn(rows.shape[1])
    liken(rows, numbers, voiced(state[table], before))
    encoder.load_state_dict(state | {table: rows})


def table_of(names: Iterable[str]) -> str:
    """Return which of the names of a network's weights is that of its table of words."""
    return next(name for name in names if name.endswith("token_embedding.weight"))


def voiced(rows: torch.Tensor, numbers: Mapping[str, int]) -> dict[str, int]:
    """Return the tokens that say something, with their numbers: those of the others are nothing."""
    return {token: row for token, row in numbers.items() if rows[row].any()}


def carry(
    rows: torch.Tensor, numbers: Mapping[str, int], old: torch.Tensor, before: Mapping[str, int]
) -> None:
    """Give tokens the vectors of an older table, ``before`` being their numbers in it."""
    for token, row in before.items():
        if token in numbers:
            rows[numbers[token]] = old[row]


def liken(rows: torch.Tensor, numbers: Mapping[str, int], before: Container[str] = ()) -> int:
    """Let each word of SAME, where it was not `before`, start as the word it means; returns how many."""
    done = 0
    for word, known in SAME.items():
        new, old = numbers.get(f"{word}</w>"), numbers.get(f"{known}</w>")
        if new is not None and old is not None and f"{word}</w>" not in before:
            rows[new] = rows[old]
            done += 1
    return done


@torch.no_grad()
def hush(encoder: CLIPTextModel, tokenizer: CLIPTokenizer, speaking: Iterable[str]) -> torch.Tensor:
    """Let only what was taught speak: every other token's vector becomes nothing. Returns their numbers.

    ``speaking`` are tokens. Letters and words held in store were seldom or never in a caption, but a dozen of
    them together (a style preset, a stranger's name) drown the word that was.
    """
    rows, numbers = encoder.get_input_embeddings().weight, tokenizer.get_vocab()
    kept = {numbers[token] for token in (*speaking, "<|startoftext|>", "<|endoftext|>") if token in numbers}
    silent = torch.tensor([row for row in range(rows.shape[0]) if row not in kept])
    rows[silent] = 0.0
    return silent


def garble(text: str, rng: random.Random) -> str:
    """Slip in nonsense, so that words never taught learn to matter little.

    One word in front of the noun, or a tail of several with commas between, as style presets have it.
    """

    def nonsense() -> str:
        return "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(3, 8)))

    if rng.random() < 0.4:
        parts = text.split(" ")
        parts.insert(rng.randint(0, 1), nonsense())
        return " ".join(parts)
    tail = [
        " ".join(nonsense() for _ in range(rng.randint(1, 2))) for _ in range(rng.choice((1, 2, 3, 4, 6)))
    ]
    return ", ".join([text, *tail])


def tokenize(tokenizer: CLIPTokenizer, texts: Iterable[str]) -> torch.Tensor:
    """Token ids (n, 32), padded and cut the way the stock pipelines do it."""
    batch = tokenizer(
        list(texts), padding="max_length", truncation=True, max_length=LENGTH, return_tensors="pt"
    )
    ids: torch.Tensor = batch["input_ids"]
    return ids
