"""Embeddings of texts asked for lately, up to so many bytes: they lie where the model draws."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

from engine.render.families.base import Embedding

MOST = 128 * 2**20
"""Bytes a model keeps. One text takes 120 kB with CLIP-L in half precision (77 tokens, 768 wide), 2.6 MB with
Qwen3-4B (512 tokens, 2,560 wide), 15.7 MB with FLUX.2 dev (512 tokens, 15,360 wide)."""


class KeptTexts:
    """The last embeddings by what decides them; the one asked for longest ago goes first."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._bytes = 0
        self._texts: OrderedDict[Hashable, Embedding] = OrderedDict()

    def get(self, key: Hashable, encode: Callable[[], Embedding]) -> Embedding:
        """Return the embedding of ``key``, made by ``encode`` where it is not kept."""
        if key not in self._texts:
            self._texts[key] = encode()
            self._bytes += _bytes(self._texts[key])
            while self._bytes > self._most and len(self._texts) > 1:
                self._bytes -= _bytes(self._texts.popitem(last=False)[1])
        self._texts.move_to_end(key)
        return self._texts[key]


def _bytes(text: Embedding) -> int:
    return sum(part.nbytes for part in (text.tokens, text.pooled) if part is not None)
