"""Autoencoders run so that no pixel is lost to precision: in half while that holds, else in single."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from engine.errors import EngineError


@contextmanager
def _computing_in(vae: Any, dtype: torch.dtype) -> Iterator[None]:
    """Let the autoencoder compute in another precision while inside."""
    before = vae.dtype
    try:
        if dtype != before:
            vae.to(dtype)
        yield
    finally:
        if dtype != before:
            vae.to(before)


def _precisions(vae: Any, forced: bool) -> list[torch.dtype]:
    """Return the precisions to try in turn: half ones overflow, with SDXL's VAE always (``forced``)."""
    return list(dict.fromkeys([torch.float32 if forced else vae.dtype, torch.float32]))


@torch.inference_mode()
def encoded(
    vae: Any, pixels: Tensor, generator: torch.Generator, forced: bool = False, sample: bool = True
) -> Tensor:
    """Encode pixels in −1…1, drawn from the posterior as diffusers draws (or its mode, not ``sample``).

    Raises EngineError where the latents are not finite even in single precision.
    """
    before = generator.get_state()
    for dtype in _precisions(vae, forced):
        generator.set_state(before)
        with _computing_in(vae, dtype):
            output = vae.encode(pixels.to(dtype))
        latents: Tensor
        if not hasattr(output, "latent_dist"):
            latents = output.latents
        else:
            latents = output.latent_dist.sample(generator) if sample else output.latent_dist.mode()
        if torch.isfinite(latents).all():
            return latents
    raise EngineError(f"the autoencoder ({type(vae).__name__}) gave latents that are no numbers")


@torch.inference_mode()
def decoded(vae: Any, latents: Tensor, unscaled: Callable[[Tensor], Tensor], forced: bool = False) -> Tensor:
    """Decode latents, brought to the autoencoder's own scale by ``unscaled``.

    What is no number even in single precision is returned as it is.
    """
    for dtype in _precisions(vae, forced):
        with _computing_in(vae, dtype):
            pixels: Tensor = vae.decode(unscaled(latents.to(dtype)), return_dict=False)[0]
        if torch.isfinite(pixels).all():
            break
    return pixels


def statistics(vae: Any, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and spread of the channels of an autoencoder's latents; 0 and 1 where it names none."""
    shape = (1, -1) + (1,) * (like.ndim - 2)
    mean = like.new_tensor(vae.config.get("latents_mean") or [0.0])
    spread = like.new_tensor(vae.config.get("latents_std") or [1.0])
    return mean.view(shape), spread.view(shape)
