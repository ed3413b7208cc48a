"""Signal and noise as schedulers of diffusers keep them, whatever they call it; refuses to know pictures.

A sample is ``z = α x + σ ε``. Diffusion models see it variance-preserving (α² + σ² = 1; ``scale_model_input``
brings it there from whatever scale a scheduler keeps), flow-matching models along a straight line
(α = 1 − σ), and predict ``ε``, ``v = α ε − σ x``, ``x``, or the flow ``ε − x``.
"""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor


def is_flow(scheduler: Any) -> bool:
    """Return whether a scheduler runs along straight lines from noise to picture."""
    return bool(scheduler.config.get("use_flow_sigmas")) or not hasattr(scheduler, "alphas_cumprod")


def prediction_type(scheduler: Any) -> str:
    """Return what the network of a scheduler predicts."""
    return "flow_prediction" if is_flow(scheduler) else str(scheduler.config.prediction_type)


def signal_and_noise(scheduler: Any, timestep: float) -> tuple[float, float]:
    """Return ``(α, σ)`` at a timestep; fractional ones (Karras spacing) are interpolated."""
    if is_flow(scheduler):
        here = (scheduler.timesteps == timestep).nonzero()
        # between the steps of a schedule there is the line itself
        sigma = float(scheduler.sigmas[here[0, 0]]) if len(here) else None
        sigma = timestep / scheduler.config.num_train_timesteps if sigma is None else sigma
        return 1 - sigma, sigma
    table = scheduler.alphas_cumprod
    low = min(max(math.floor(timestep), 0), len(table) - 1)
    high = min(low + 1, len(table) - 1)
    share = min(max(timestep - low, 0.0), 1.0)
    signal = (1 - share) * float(table[low]) + share * float(table[high])
    return math.sqrt(signal), math.sqrt(1 - signal)


def model_input(scheduler: Any, latents: Tensor, timestep: Tensor) -> Tensor:
    """Return latents as the network sees them."""
    if not hasattr(scheduler, "scale_model_input"):
        return latents
    return scheduler.scale_model_input(latents, timestep)


def pure(scheduler: Any, noise: Tensor) -> Tensor:
    """Return noise at the scale at which a schedule begins."""
    return noise * getattr(scheduler, "init_noise_sigma", 1.0)


def noised(scheduler: Any, latents: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
    """Return latents noised to a timestep (1,) of the schedule, at the scheduler's own scale."""
    if hasattr(scheduler, "scale_noise"):
        return scheduler.scale_noise(latents, timestep, noise)
    return scheduler.add_noise(latents, noise, timestep)


def expected(kind: str, seen: Tensor, prediction: Tensor, alpha: float, sigma: float) -> Tensor:
    """Return the final latents that a prediction of ``kind`` foresees, where the network saw ``seen``."""
    if kind == "epsilon":
        return (seen - sigma * prediction) / max(alpha, 1e-3)
    if kind == "v_prediction":
        return alpha * seen - sigma * prediction
    if kind == "flow_prediction":
        return seen - sigma * prediction
    return prediction  # "sample"


def predicting(kind: str, seen: Tensor, final: Tensor, alpha: float, sigma: float) -> Tensor:
    """Return the prediction of ``kind`` that foresees ``final``: the inverse of `expected`."""
    if kind == "epsilon":
        return (seen - alpha * final) / max(sigma, 1e-3)
    if kind == "v_prediction":
        return (alpha * seen - final) / max(sigma, 1e-3)
    if kind == "flow_prediction":
        return (seen - final) / max(sigma, 1e-3)
    return final


def truth(kind: str, latents: Tensor, noise: Tensor, alpha: float, sigma: float) -> Tensor:
    """Return what a perfect network would predict for latents under noise."""
    if kind == "epsilon":
        return noise
    if kind == "v_prediction":
        return alpha * noise - sigma * latents
    return noise - latents if kind == "flow_prediction" else latents
