"""Words for pictures and about prompts: describe and shorten; refuses to know queues, messages and people.

A picture is described by finding, among the phrases the encoder knows, those whose text lies nearest to it:
first the thing (alone, in twos and threes, or two things together), then for each promising thing its colour,
what is behind it, and the manner. Where an image-to-text model is configured, that writes the prompts.

What a word of a prompt matters is how far the text's embedding moves when the word is left out.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from engine.planning.answers import DESCRIBED, Shortened, ratio, without
from engine.render.tools.encoder import Encoder

SHARP = 30.0
"""Cosines are told apart by a softmax at this scale, near the one the shipped encoder learned."""
GAIN = 0.01
"""By how much a detail must bring the text nearer to the picture to be named."""
DOUBT = 0.12
"""A thing less likely than this is offered only where nothing better is left."""
MOST_THINGS = 3

_HEAD = re.compile(r"(an?|the|two|three|(?=\S)) ?(.+)")


@dataclass(frozen=True, slots=True)
class _Draft:
    """A prompt in the making."""

    thing: str
    colour: str = ""
    behind: str = ""
    manner: str = ""

    def __str__(self) -> str:
        text = f"{coloured(self.thing, self.colour)} {self.behind}".strip()
        return f"{text}, {self.manner}" if self.manner else text


def coloured(thing: str, colour: str) -> str:
    """Return a thing in a colour.

    >>> coloured("a cat", "orange"), coloured("the sun", "red"), coloured("two cars", "blue")
    ('an orange cat', 'a red sun', 'two blue cars')
    """
    if not colour:
        return thing
    match = _HEAD.fullmatch(thing)
    head, noun = (match[1], match[2]) if match else ("", thing)
    if head in ("a", "an", "the"):
        head = "an" if colour[0] in "aeiou" else "a"
    return f"{head} {colour} {noun}".strip()


class Describer:
    """Describes pictures with an encoder and the phrases in its folder, or in ``phrases``."""

    def __init__(self, encoder: Encoder, phrases: Mapping[str, Sequence[str]] | None = None) -> None:
        self._encoder = encoder
        self._phrases = phrases or encoder.vocabulary
        self._things: Tensor | None = None

    def describe(self, picture: Image.Image, seed: int = 0, count: int = DESCRIBED) -> list[str]:
        """Return ``count`` prompts, the likeliest first; ``seed`` decides among details that are alike."""
        seen = self._encoder.images([picture])[0]
        rng = random.Random(seed)
        things = self._likely(seen)
        found: list[str] = []
        drafts = [self._detailed(thing, seen, rng) for thing, _ in things[:MOST_THINGS]]
        likely = [draft for draft, (_, chance) in zip(drafts, things, strict=False) if chance >= DOUBT]
        doubted = likely or drafts[:1]
        for turn in range(count * 3):
            options = doubted[turn % len(doubted)]
            text = str(options[(turn // len(doubted)) % len(options)])
            if text not in found:
                found.append(text)
            if len(found) == count:
                break
        for options in drafts:  # a sure thing with few details: what else it might be
            found += [str(option) for option in options if str(option) not in found]
        return found[:count]

    def _likely(self, seen: Tensor) -> list[tuple[str, float]]:
        """Return things with their chances, the likeliest first."""
        phrases = self._phrases
        if self._things is None:
            self._things = self._encoder.texts(phrases["objects"])
        best = torch.topk(self._things @ seen, min(6, len(self._things))).indices.tolist()
        candidates = [phrases["objects"][index] for index in best]
        for number in ("twos", "threes"):
            several = phrases.get(number)
            candidates += [several[index] for index in best[:3] if several[index]] if several else []
        top = [phrases["objects"][index] for index in best[:5]]
        candidates += [f"{one} and {other}" for one in top for other in top if one != other]
        scores = self._encoder.texts(candidates) @ seen
        chances = torch.softmax(SHARP * scores, 0)
        order = torch.argsort(chances, descending=True).tolist()
        kept: list[tuple[str, float]] = []
        for index in order:
            parts = set(candidates[index].split(" and "))
            # a cat and a dog is a dog and a cat
            if not any(set(thing.split(" and ")) == parts for thing, _ in kept):
                kept.append((candidates[index], float(chances[index])))
        return kept

    def _detailed(self, thing: str, seen: Tensor, rng: random.Random) -> list[_Draft]:
        """Return what may be said of a thing in this picture, the likeliest first."""
        plain = _Draft(thing)
        phrases = self._phrases
        stages: tuple[tuple[str, Sequence[str]], ...] = (
            ("behind", (*phrases.get("grounds", ()), *phrases.get("places", ()))),
            ("colour", () if " and " in thing else phrases.get("colours", ())),
            ("manner", phrases.get("manners", ())),
        )
        best, seconds = plain, []
        for slot, values in stages:
            if not values:
                continue
            options = [best, *(replace(best, **{slot: value}) for value in values)]
            scores = self._encoder.texts([str(option) for option in options]) @ seen
            scores[0] += GAIN
            order = torch.argsort(scores, descending=True).tolist()
            best = options[order[0]]
            seconds.append(options[order[1]])
        rng.shuffle(seconds)
        without_manner = replace(best, manner="")
        return list(dict.fromkeys([best, without_manner, *seconds, plain]))


class Captioner:
    """Describes pictures with an image-to-text model of transformers (BLIP, GIT, Florence and their like)."""

    def __init__(self, source: str, device: torch.device) -> None:
        from transformers import AutoModelForImageTextToText, AutoProcessor

        self._processor: Any = AutoProcessor.from_pretrained(source, local_files_only=True)
        self._model: Any = (
            AutoModelForImageTextToText.from_pretrained(source, local_files_only=True, use_safetensors=True)
            .eval()
            .to(device)
        )

    @torch.no_grad()
    def describe(self, picture: Image.Image, seed: int = 0, count: int = DESCRIBED) -> list[str]:
        """Return up to ``count`` prompts: the model's surest, then others it might say."""
        inputs = self._processor(images=picture.convert("RGB"), return_tensors="pt").to(self._model.device)
        surest = self._model.generate(**inputs, max_new_tokens=60, num_beams=3, do_sample=False)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            others = self._model.generate(
                **inputs, max_new_tokens=60, do_sample=True, top_p=0.9, num_return_sequences=count * 2
            )
        texts = [*self._read(surest), *self._read(others)]
        return [text for text in dict.fromkeys(texts) if text][:count]

    def _read(self, tokens: Tensor) -> list[str]:
        texts = self._processor.batch_decode(tokens, skip_special_tokens=True)
        return [" ".join(text.split()) for text in texts]


def described(texts: Sequence[str], width: int, height: int) -> tuple[str, ...]:
    """Return descriptions as prompts: with the picture's ratio, where it is not square."""
    shape = ratio(width, height)
    return tuple(text if shape == "1:1" else f"{text} --ar {shape}" for text in texts)


def shortened(text: str, embed: Callable[[Sequence[str]], Tensor]) -> Shortened:
    """Return what matters in a prompt. ``embed``: texts to vectors (n, d), of any length."""
    pieces = text.split()
    left = [without(pieces, frozenset({index})) for index in range(len(pieces))]
    vectors = functional.normalize(embed([text, *left]).float(), dim=-1)
    changes = (1 - vectors[1:] @ vectors[0]).clamp(min=0).tolist()
    return Shortened.of(pieces, changes)
