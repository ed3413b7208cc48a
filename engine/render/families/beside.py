"""Transformers that take rows of unlike lengths in one call, and pictures beside the one they draw."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor

from engine.render import decode
from engine.render.families.base import Embedding, Row
from engine.render.families.flow import Flow

STRETCH = 2
"""How many times as long as the shortest row of a call its longest may be: all are padded to that."""


class Beside(Flow):
    """A family whose rows are a picture, the pictures beside it, and a text, all tokens behind each other."""

    def lengths(
        self, latents: Tensor, texts: Sequence[Embedding], beside: Sequence[Tensor] = ()
    ) -> list[int]:
        """Count picture, text, and pictures beside it."""
        pictures = sum(self.tokens(picture.shape) for picture in (latents, *beside))
        return [pictures + text.tokens.shape[1] for text in texts]

    def fits(self, lengths: Sequence[int]) -> bool:
        """Rows padded to the longest should stay near their own length."""
        return max(lengths) <= STRETCH * min(lengths)

    def beside(self, picture: Image.Image) -> Tensor:
        """Take the posterior's mode."""
        pixels = decode.to_pixels(self.shown(picture), self.device)
        return self._encoded(pixels, torch.Generator(), drawn=False)

    def shown(self, picture: Image.Image) -> Image.Image:
        """Return a picture in the size in which it is seen."""
        raise NotImplementedError


def gathered(rows: Sequence[Row], like: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Return, for each place in the order of pictures beside, those of all rows and where they are.

    Rows of a call share coordinates, so each picture lies in the corner of a rectangle that holds those of
    all rows at its place (rows, channels, height, width); what of it a row has nothing in is marked False
    (rows, height, width).
    """
    places = []
    for index in range(max(len(row.beside) for row in rows)):
        pictures = [row.beside[index] if index < len(row.beside) else None for row in rows]
        high = max(picture.shape[2] for picture in pictures if picture is not None)
        wide = max(picture.shape[3] for picture in pictures if picture is not None)
        canvas = like.new_zeros(len(rows), like.shape[1], high, wide)
        there = torch.zeros(len(rows), high, wide, dtype=torch.bool, device=like.device)
        for row, picture in enumerate(pictures):
            if picture is not None:
                canvas[row, :, : picture.shape[2], : picture.shape[3]] = picture[0].to(like)
                there[row, : picture.shape[2], : picture.shape[3]] = True
        places.append((canvas, there))
    return places


def attention(there: Sequence[Tensor], own: int) -> dict[str, Tensor] | None:
    """Return what hides from each row the tokens of others' pictures; None where there are none.

    ``there``: which tokens beside are a row's own (rows, tokens), in turn; ``own``: how many stand before
    them, which all rows have.
    """
    if not there or all(bool(mask.all()) for mask in there):
        return None
    first = there[0].new_ones(there[0].shape[0], own)
    return {"attention_mask": torch.cat([first, *there], 1)[:, None, None]}
