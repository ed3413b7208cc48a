"""The samplers people may name and the diffusers scheduler behind each; refuses to know pictures and models.

Every scheduler is made ``from_config`` of the model's own, so the noise schedule, the prediction type and the
spacing stay the model's; only the way of stepping changes.
"""

from __future__ import annotations

import importlib
import inspect
import warnings
from typing import Any

import numpy as np
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler

import engine.prompt.samplers
from engine.errors import PromptError
from engine.words import Sentence

SAMPLERS: dict[str, tuple[str, dict[str, Any]]] = {
    "ddim": ("scheduling_ddim.DDIMScheduler", {}),
    "ddpm": ("scheduling_ddpm.DDPMScheduler", {}),
    "euler": ("scheduling_euler_discrete.EulerDiscreteScheduler", {}),
    "euler_karras": ("scheduling_euler_discrete.EulerDiscreteScheduler", {"use_karras_sigmas": True}),
    "euler_ancestral": ("scheduling_euler_ancestral_discrete.EulerAncestralDiscreteScheduler", {}),
    "dpmpp_2m": ("scheduling_dpmsolver_multistep.DPMSolverMultistepScheduler", {}),
    "dpmpp_2m_karras": (
        "scheduling_dpmsolver_multistep.DPMSolverMultistepScheduler",
        {"use_karras_sigmas": True},
    ),
    "dpmpp_2m_sde": (
        "scheduling_dpmsolver_multistep.DPMSolverMultistepScheduler",
        {"algorithm_type": "sde-dpmsolver++"},
    ),
    "dpmpp_2m_sde_karras": (
        "scheduling_dpmsolver_multistep.DPMSolverMultistepScheduler",
        {"algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": True},
    ),
    "dpmpp_2s": ("scheduling_dpmsolver_singlestep.DPMSolverSinglestepScheduler", {}),
    "dpmpp_2s_karras": (
        "scheduling_dpmsolver_singlestep.DPMSolverSinglestepScheduler",
        {"use_karras_sigmas": True},
    ),
    "heun": ("scheduling_heun_discrete.HeunDiscreteScheduler", {}),
    "kdpm2": ("scheduling_k_dpm_2_discrete.KDPM2DiscreteScheduler", {}),
    "kdpm2_karras": ("scheduling_k_dpm_2_discrete.KDPM2DiscreteScheduler", {"use_karras_sigmas": True}),
    "kdpm2_ancestral": ("scheduling_k_dpm_2_ancestral_discrete.KDPM2AncestralDiscreteScheduler", {}),
    "kdpm2_ancestral_karras": (
        "scheduling_k_dpm_2_ancestral_discrete.KDPM2AncestralDiscreteScheduler",
        {"use_karras_sigmas": True},
    ),
    "lms": ("scheduling_lms_discrete.LMSDiscreteScheduler", {}),
    "lms_karras": ("scheduling_lms_discrete.LMSDiscreteScheduler", {"use_karras_sigmas": True}),
    "unipc": ("scheduling_unipc_multistep.UniPCMultistepScheduler", {}),
    "pndm": ("scheduling_pndm.PNDMScheduler", {}),
    "lcm": ("scheduling_lcm.LCMScheduler", {}),
}
"""Our names; the module and class in ``diffusers.schedulers``; what is set on top of the model's config."""

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
    path, overrides = SAMPLERS[canonical(name)]
    module, _, title = path.partition(".")
    scheduler_class = getattr(importlib.import_module(f"diffusers.schedulers.{module}"), title)
    if title == "LMSDiscreteScheduler":
        scheduler_class = _lms_without_scipy(scheduler_class)
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
    with warnings.catch_warnings():
        # diffusers hands tensors to numpy in a way that numpy 2 warns of
        warnings.filterwarnings("ignore", message="__array_", category=DeprecationWarning)
        scheduler = scheduler_class.from_config({**config, **overrides})
        scheduler.set_timesteps(steps, device="cpu")
    return scheduler


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
        scheduler_class = DDIMScheduler  # such as the PNDM of SD 1.x
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


def _lms_without_scipy(scheduler_class: Any) -> Any:
    """Return the LMS scheduler, its integral of a polynomial solved exactly instead of by scipy."""

    class ExactLMS(scheduler_class):
        """Linear multistep, with exact coefficients."""

        def get_lms_coefficient(self, order: int, t: int, current_order: int) -> float:
            """Integrate the Lagrange basis polynomial over one step."""
            sigmas = [float(self.sigmas[t - k]) for k in range(order)]
            others = [sigma for k, sigma in enumerate(sigmas) if k != current_order]
            basis = np.poly1d(others, r=True) / float(np.prod([sigmas[current_order] - s for s in others]))
            integral = basis.integ()
            return float(integral(float(self.sigmas[t + 1])) - integral(float(self.sigmas[t])))

    ExactLMS.__name__ = ExactLMS.__qualname__ = scheduler_class.__name__
    return ExactLMS
