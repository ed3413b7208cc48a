"""Whether what the configuration names can draw: indexes, headers, shards, tokenizers, schedulers; no torch.

``Ready`` means here that everything a model needs lies on this machine and is whole, not only that its name
exists. What shows only when a picture is drawn is `engine.render.trial`'s (``limner check --deep``).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine import quantization, weights
from engine.config import SHIPPED, Config, LoraConfig, ModelConfig
from engine.errors import ConfigError
from engine.prompt.samplers import SAMPLERS, alike, sampler
from engine.readiness.files import Trouble, network, settings
from engine.readiness.folder import folder_troubles, network_troubles
from engine.readiness.said import described as described
from engine.readiness.single import adapter_troubles, lora_troubles, single_troubles

log = logging.getLogger(__name__)


def model_trouble(model: ModelConfig) -> str:
    """Return why a model cannot draw here, and what to do; empty where it is ready."""
    for key in ("sampler", "few_steps_sampler"):
        if sampler(getattr(model, key)) is None:
            like = alike(getattr(model, key))
            meant = f"Did you mean `{like}`?" if like else f"There are {', '.join(SAMPLERS)}."
            return f"The model `{model.name}` cannot draw: there is no {key} `{getattr(model, key)}`. {meant}"
    found = weights.find(model)
    if found is None:
        return weights.missing(model)
    troubles = folder_troubles(found) if found.is_dir() else single_troubles(found, model)
    if not troubles and (why := quantization.trouble(model, found)):
        return f"The model `{model.name}` cannot draw: {why}."
    return _sentence(f"The model `{model.name}` cannot draw", found, troubles, model.source, model.name)


def lora_trouble(lora: LoraConfig) -> str:
    """Return why a LoRA cannot be used, and what to do; empty where its file is whole and holds one."""
    found = weights.find_lora(lora)
    if found is None:
        fetch = f" Fetch it with: limner models pull {lora.name}" if weights.is_hub(lora.source) else ""
        hint = fetch or " Correct the path in `source`."
        return f"The LoRA `{lora.name}` (`{lora.source}`) is not on this machine.{hint}"
    start = f"The LoRA `{lora.name}` cannot be used"
    return _sentence(start, found, lora_troubles(found), lora.source, lora.name)


def few_steps_trouble(model: ModelConfig) -> str:
    """Return why a model's few-step weights cannot be used, and what to do; empty where none are wanted."""
    lora = LoraConfig(name="few-steps", source=model.few_steps_source)
    if not lora.source:
        return ""
    found = weights.find_lora(lora)
    if found is None:
        return (
            f"The few-step weights of `{model.name}` (`{lora.source}`) are not on this machine. "
            f"Fetch them with: limner models pull {model.name}"
        )
    start = f"The few-step weights of `{model.name}` cannot be used"
    return _sentence(start, found, lora_troubles(found), lora.source, model.name)


def adapter_trouble(model: ModelConfig) -> str:
    """Return why a model's IP-Adapter cannot be used, and what to do; empty where none is wanted."""
    adapter = model.ip_adapter
    if adapter is None:
        return ""
    root = weights.find_adapter(adapter)
    if root is None:
        return weights.missing_adapter(model)
    start = f"The IP-Adapter of `{model.name}` cannot be used"
    return _sentence(start, root, adapter_troubles(root, adapter), adapter.source, model.name)


def upscaler_trouble(model: ModelConfig) -> str:
    """Return why a model's own upscaler cannot be used, and what to do; empty where none is wanted."""
    if not model.upscaler:
        return ""
    file = Path(model.upscaler)
    start = f"The upscaler of `{model.name}` cannot be used"
    return _sentence(start, file, network(file, file.name), model.upscaler, model.name)


def tool_trouble(key: str, source: str) -> str:
    """Return why a model beside the drawing ones (``describer``, ``classifier`` …) is not ready.

    Empty where it is, or where ``source`` is empty.
    """
    if not source:
        return ""
    found = weights.find_tool(source)
    if found is None:
        pulled = key != "classifier"
        fetch = f"Fetch it with: limner models pull {key}" if pulled else "Fetch it first."
        what = fetch if weights.is_hub(source) else f"Correct the path in `{key}`."
        return f"The {key} `{source}` is not on this machine: there is no config.json. {what}"
    troubles = [*settings(found, "config.json"), *network_troubles(found, "", "transformers", "")]
    return _sentence(f"The {key} cannot be used", found, troubles, source, key)


def usable(model: ModelConfig) -> ModelConfig:
    """Return the model as it can be used here: without few-step weights or IP-Adapter that are not ready."""
    update: dict[str, object] = {}
    if why := few_steps_trouble(model):
        log.warning("%s Until then drafts of it take half the steps.", why)
        update |= {"few_steps": 0, "few_steps_source": ""}
    if why := adapter_trouble(model):
        log.warning("%s Until then it draws over pictures in prompts, or looks at them.", why)
        update |= {"ip_adapter": None}
    return model.model_copy(update=update) if update else model


@dataclass(frozen=True, slots=True)
class Choice:
    """The configuration with what is ready in it, and why each other model and LoRA was left out, by name."""

    config: Config
    left_out: Mapping[str, str]


def choose(config: Config) -> Choice:
    """Leave out the models and LoRAs that cannot draw here; the others are as their files say.

    Raises ConfigError where no model can.
    """
    out = {model.name: why for model in config.models if (why := model_trouble(model))}
    models = tuple(model for model in config.models if model.name not in out)
    if not models:
        first, *others = out.values()
        more = f" The other {len(others)} are not ready either; `limner check` names all." if others else ""
        raise ConfigError(first + more)
    loras = []
    for lora in config.loras:
        why = (
            f"It belongs to `{lora.model}`, which is not ready." if lora.model in out else lora_trouble(lora)
        )
        if why:
            out[f"--lora {lora.name}"] = why
        else:
            loras.append(lora)
    ready = config.model_copy(update={"models": models, "loras": tuple(loras)})
    return Choice(described(ready), out)


def _sentence(start: str, where: Path, troubles: list[Trouble], source: str, name: str) -> str:
    if not troubles:
        return ""
    listed = "; ".join(f"`{one.file}` {one.what}" for one in troubles[:3])
    more = f"; and {len(troubles) - 3} more" if len(troubles) > 3 else ""
    folder = f"in `{where}` " if where.is_dir() else f"`{where.parent}`: "
    remedy = next((one.remedy for one in troubles if one.remedy), "")
    if not remedy and source in SHIPPED:
        remedy = "This copy of Limner is incomplete: get it again."
    elif not remedy and weights.is_hub(source):
        gone = all(one.what == "is missing" for one in troubles)
        remedy = f"{'' if gone else 'Delete that file, then '}fetch it with: limner models pull {name}"
        remedy = remedy[0].upper() + remedy[1:]
    return f"{start}: {folder}{listed}{more}. {remedy or 'Copy it again from where you got it.'}"
