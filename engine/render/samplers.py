"""The samplers people may name and the diffusers scheduler behind each; refuses to know pictures and models.

Every scheduler is made ``from_config`` of the model's own, so the noise schedule, the prediction type and the
spacing stay the model's; only the way of stepping changes.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import diffusers
import numpy as np
import torch
from diffusers.schedulers.scheduling_lms_discrete import LMSDiscreteScheduler  # its dummy wants scipy

import engine.prompt.samplers
from engine.errors import PromptError
from engine.words import Sentence

_KARRAS = {"use_karras_sigmas": True}
_SDE = {"algorithm_type": "sde-dpmsolver++"}

SAMPLERS: dict[str, tuple[str, dict[str, Any]]] = {
    "ddim": ("DDIMScheduler", {}),
    "ddpm": ("DDPMScheduler", {}),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler_karras": ("EulerDiscreteScheduler", _KARRAS),
    "euler_ancestral": ("EulerAncestralDiscreteScheduler", {}),
    "dpmpp_2m": ("DPMSolverMultistepScheduler", {}),
    "dpmpp_2m_karras": ("DPMSolverMultistepScheduler", _KARRAS),
    "dpmpp_2m_sde": ("DPMSolverMultistepScheduler", _SDE),
    "dpmpp_2m_sde_karras": ("DPMSolverMultistepScheduler", _SDE | _KARRAS),
    "dpmpp_2s": ("DPMSolverSinglestepScheduler", {}),
    "dpmpp_2s_karras": ("DPMSolverSinglestepScheduler", _KARRAS),
    "heun": ("HeunDiscreteScheduler", {}),
    "kdpm2": ("KDPM2DiscreteScheduler", {}),
    "kdpm2_karras": ("KDPM2DiscreteScheduler", _KARRAS),
    "kdpm2_ancestral": ("KDPM2AncestralDiscreteScheduler", {}),
    "kdpm2_ancestral_karras": ("KDPM2AncestralDiscreteScheduler", _KARRAS),
    "lms": ("LMSDiscreteScheduler", {}),
    "lms_karras": ("LMSDiscreteScheduler", _KARRAS),
    "unipc": ("UniPCMultistepScheduler", {}),
    "pndm": ("PNDMScheduler", {}),
    "lcm": ("LCMScheduler", {}),
}
"""Our names; the class in diffusers; what is set on top of the model's config."""

_PLUS_PLUS = (None, "dpmsolver++", "sde-dpmsolver++")
"""The solver's algorithms that its sampler names stand for; a model's config may name an older one."""


def canonical(name: str) -> str:
    """Return our name for a sampler as people write it (``DPM++ 2M Karras``, ``K_EULER``, a diffusers class).

    Raises PromptError for one nobody knows, listing those there are.
    """
    known = engine.prompt.samplers.sampler(name)
    if known is None:
        told = Sentence("There is no sampler `{name}`. There are: {samplers}.")
        raise PromptError(Sentence(told, name=name, samplers=", ".join(SAMPLERS)))
    return known


def make(name: str, base: Any, steps: int) -> Any:
    """Return a fresh scheduler: the sampler ``name`` configured as the model's own scheduler ``base`` is.

    Its timesteps are set, and lie on the CPU, where reading one does not wait for the device.
    """
    title, overrides = SAMPLERS[name]
    scheduler_class = ExactLMS if title == "LMSDiscreteScheduler" else getattr(diffusers, title)
    config = dict(base.config)
    # latents have no natural bounds: clip only where the model's own configuration asks for it
    config["clip_sample"] = base.config.get("clip_sample", False)
    if "use_karras_sigmas" not in overrides and type(base).__name__ != title:
        config.pop("use_karras_sigmas", None)
    if title == "PNDMScheduler" and steps < 4:
        config["skip_prk_steps"] = True  # its way in takes four steps
    if config.get("rescale_betas_zero_snr") and not _knows(scheduler_class, "rescale_betas_zero_snr"):
        config["trained_betas"] = _betas(base)
    solver = title.startswith("DPMSolver") and config.get("algorithm_type") in _PLUS_PLUS
    if not solver:
        config.pop("algorithm_type", None)  # another class's algorithms mean something else, or nothing
    with numpy_unwarned():
        scheduler = scheduler_class.from_config({**config, **overrides})
        scheduler.set_timesteps(steps, device="cpu")
    return scheduler


@contextmanager
def numpy_unwarned() -> Iterator[None]:
    """Keep numpy 2 from warning of how diffusers hands it tensors, while inside."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="__array_", category=DeprecationWarning)
        yield


def understood(base: Any) -> bool:
    """Return whether samplers can be made of this scheduler: it noises as DDPM does, over a table of betas.

    EDM, flow matching and consistency models noise otherwise; those are drawn by their own schedulers.
    """
    config = base.config
    return (
        hasattr(base, "alphas_cumprod")
        and config.get("prediction_type", "epsilon") in ("epsilon", "v_prediction", "sample")
        and not config.get("use_flow_sigmas")
    )


def described(base: Any, prediction: str, zero_snr: bool | None) -> Any:
    """Return a model's scheduler with what its weights (or the host) say that they were trained to predict.

    ``prediction``: ``epsilon``, ``v``, ``sample``, or empty for the scheduler's own. ``zero_snr``: the last
    timestep is all noise (Lin et al. 2023, arXiv 2305.08891, which draws from there: "trailing"), or is not;
    None for the scheduler's own.
    """
    config = dict(base.config)
    if prediction:
        config["prediction_type"] = "v_prediction" if prediction == "v" else prediction
    if zero_snr is False:
        config["rescale_betas_zero_snr"] = False
    if zero_snr:
        config |= {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    scheduler_class = type(base)
    if zero_snr and not _knows(scheduler_class, "rescale_betas_zero_snr"):
        scheduler_class = diffusers.DDIMScheduler  # such as the PNDM of SD 1.x
        config["clip_sample"] = base.config.get("clip_sample", False)
    return scheduler_class.from_config(config)


def _knows(scheduler_class: Any, key: str) -> bool:
    return key in inspect.signature(scheduler_class.__init__).parameters


def _betas(base: Any) -> list[float]:
    """Return the betas of a schedule without the division by zero at the end of one with zero SNR."""
    kept = base.alphas_cumprod.double().clone()
    kept[-1] = kept[-1].clamp_min(2.0**-24)  # diffusers' own figure, of its Euler scheduler
    steps = torch.cat([kept[:1], kept[1:] / kept[:-1]])
    return [float(beta) for beta in 1 - steps]


class ExactLMS(LMSDiscreteScheduler):
    """Linear multistep, its integral of a polynomial solved exactly instead of by scipy."""

    def get_lms_coefficient(self, order: int, t: int, current_order: int) -> float:
        """Integrate the Lagrange basis polynomial over one step."""
        sigmas = [float(self.sigmas[t - k]) for k in range(order)]
        others = [sigma for k, sigma in enumerate(sigmas) if k != current_order]
        basis = np.poly1d(others, r=True) / float(np.prod([sigmas[current_order] - s for s in others]))
        integral = basis.integ()
        return float(integral(float(self.sigmas[t + 1])) - integral(float(self.sigmas[t])))


ExactLMS.__name__ = ExactLMS.__qualname__ = LMSDiscreteScheduler.__name__  # as its configuration has it
