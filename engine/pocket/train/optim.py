"""The optimiser for small networks: Muon for matrices and convolutions, AdamW for the rest."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


def half_pays(device: torch.device) -> bool:
    """Whether bfloat16 is quicker than float32: a processor without units for it takes ten times as long."""
    able = torch.cpu.get_capabilities()
    return device.type != "cpu" or bool(able.get("amx_bf16") or able.get("avx512_bf16"))


def orthogonalise(matrix: Tensor, steps: int = 4) -> Tensor:
    """Push the singular values of a 2-D tensor towards 1 by a quintic Newton-Schulz iteration.

    Coefficients: Keller Jordan, "Muon", 2024. torch.optim.Muon always does this in bfloat16, which processors
    without bfloat16 units emulate slowly, and takes no convolutions; hence our own. The iteration runs on the
    small square Gram matrix and touches the long matrix twice only: a quarter of the work for a 3 x 3 kernel.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrix.size(0) > matrix.size(1)
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    gram = x @ x.T
    total: Tensor | None = None
    for step in range(steps):
        factor = b * gram + c * gram @ gram
        factor.diagonal().add_(a)
        total = factor if total is None else factor @ total
        # every factor is a polynomial of the same symmetric matrix, so they commute and stay symmetric
        if step < steps - 1:
            gram = factor @ gram @ factor
    if total is not None:
        x = total @ x
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """Momentum with orthogonalised updates; convolution kernels count as (out, in·h·w) matrices."""

    def __init__(self, params: Iterable[nn.Parameter], lr: float, momentum: float = 0.95) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Update every parameter that has a gradient."""
        # units for it make bfloat16 two to three times as fast; orthogonal within 3 % is orthogonal enough
        half = half_pays(torch.device("cpu"))
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["momentum"] = torch.zeros_like(p)
                average = state["momentum"].lerp_(p.grad, 1 - group["momentum"])
                update = p.grad.lerp(average, group["momentum"]).flatten(1)
                scale = max(1.0, update.size(0) / update.size(1)) ** 0.5
                if p.device.type == "cpu" and half:
                    update = update.bfloat16()
                p.add_(orthogonalise(update).view_as(p), alpha=-group["lr"] * scale)


def split(module: nn.Module, plain: Iterable[str] = ()) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Parameters for Muon (hidden matrices and kernels) and for AdamW.

    Vectors, tiny kernels and names containing one of `plain` (word tables, first and last layers) go to
    AdamW: orthogonal updates make no sense for them.
    """
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, p in module.named_parameters():
        hidden = p.ndim >= 2 and min(p.size(0), p[0].numel()) >= 24
        if hidden and not any(part in name for part in plain):
            matrices.append(p)
        else:
            others.append(p)
    return matrices, others


def descend(
    loss: torch.Tensor, parameters: Iterable[nn.Parameter], optimizers: Iterable[torch.optim.Optimizer]
) -> None:
    """Take one step down `loss`, its gradient's norm over all `parameters` cut to 1; leaves no gradients."""
    loss.backward()
    nn.utils.clip_grad_norm_(parameters, 1.0)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
