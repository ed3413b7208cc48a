"""Reading the configuration: environment over file over defaults; every wrong key is one clear sentence."""

from __future__ import annotations

import logging
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError

from engine.config import devices, keys, secret
from engine.config.sections import PICKLES, Config, ModelConfig, is_address
from engine.config.shipped import pocket, shipped
from engine.errors import ConfigError

log = logging.getLogger(__name__)

CONFIG_NAME = "config.toml"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""Names of this machine."""


def load(path: Path | str | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """Return the host's configuration: environment over file over defaults.

    Without ``path`` the file is ``$LIMNER_CONFIG``, else ``config.toml`` in the working directory, else none.
    ``LIMNER_<SECTION>_<KEY>`` (``LIMNER_ENGINE_DEVICE``) and ``LIMNER_<KEY>`` (``LIMNER_DATA_DIR``) win over
    the file. Relative paths in the file are relative to the file. Raises ConfigError with one sentence.
    """
    environ = os.environ if environ is None else environ
    file = find(path, environ)
    values: dict[str, Any] = {} if file is None else _read(file)
    for said in keys.drop_retired(values):
        log.warning("%s: %s", file, said)
    where, base = ("the configuration", Path()) if file is None else (str(file), file.parent)
    unknown = list(keys.unknown_keys(values, Config, Config))
    if unknown:
        raise ConfigError(f"{where}: {keys.listed(unknown)}")
    own = {one.source: one.model_dump(exclude={"name", "aliases", "default"}) for one in shipped()}
    values["models"] = [own.get(model.get("source"), {}) | model for model in values.get("models", ())]
    keys.overlay(values, environ, Config)
    try:
        config = Config.model_validate(values, context={"base": base})
    except ValidationError as error:
        raise ConfigError(keys.wrong_values(error, where, environ)) from None
    return _finish(config, base, where)


def find(path: Path | str | None = None, environ: Mapping[str, str] | None = None) -> Path | None:
    """Return the configuration file that `load` reads, or None where there is none and the defaults hold."""
    named = path or (os.environ if environ is None else environ).get("LIMNER_CONFIG")
    if named:
        return Path(named).expanduser()
    return Path(CONFIG_NAME) if Path(CONFIG_NAME).exists() else None


def retired(file: Path) -> list[str]:
    """Return a sentence for each key of a file that older versions read, and this one leaves out."""
    return list(keys.drop_retired(_read(file)))


def token(config: Config, environ: Mapping[str, str] | None = None) -> SecretStr:
    """Return the bot's token from ``LIMNER_TOKEN`` or ``discord.token_file``. Raises ConfigError."""
    return secret.read(config.discord.token_file, os.environ if environ is None else environ)


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(
            f"There is no configuration file `{file}`. Copy config.example.toml there, or name another."
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"`{file}` is not valid TOML: {error}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"`{file}` is not UTF-8 text. Save it as UTF-8.") from None
    except OSError as error:
        raise ConfigError(f"`{file}` cannot be read: {error.strerror}.") from None


def _check_models(models: Sequence[ModelConfig], where: str) -> None:
    """Refuse two models of one name, and weights that are programs. Raises ConfigError."""
    taken: dict[str, str] = {}
    for number, model in enumerate(models):
        if any(other.name == model.name for other in models[:number]):
            raise ConfigError(f"{where}: two models are named `{model.name}`. Rename one.")
        if model.source.endswith(PICKLES):
            raise ConfigError(
                f"{where}: model `{model.name}` is a pickle (`{Path(model.source).name}`), which can run any "
                "program. Use its .safetensors file."
            )
        read = model.ip_adapter.weights if model.ip_adapter is not None else ".safetensors"
        if not read.endswith(".safetensors"):
            raise ConfigError(
                f"{where}: the IP-Adapter of model `{model.name}` is a pickle (`{read}`), which can run any "
                "program. Use its .safetensors file."
            )
        for word in (model.name, *(alias.lower() for alias in model.aliases)):
            if word in taken and taken[word] != model.name:
                raise ConfigError(
                    f"{where}: the models `{taken[word]}` and `{model.name}` both answer to `{word}`. "
                    "Give it to one of them."
                )
            taken[word] = model.name


def _check_near(key: str, source: str, where: str) -> None:
    """Refuse a language model's address that is not on this machine: prompts stay here."""
    if is_address(source) and urlsplit(source).hostname not in LOOPBACK:
        told = f"`{source}` is not on this machine"
        raise ConfigError(f"{where}: {told}. Set `{key}` under `[engine]` to a http://127.0.0.1 address.")


def _with_default(models: Sequence[ModelConfig], where: str) -> tuple[ModelConfig, ...]:
    """Return the models with one of them the default: the first named, where the host says nothing."""
    defaults = [model.name for model in models if model.default]
    if len(defaults) > 1:
        raise ConfigError(
            f"{where}: {' and '.join(f'`{name}`' for name in defaults)} are both `default = true`. Keep one."
        )
    first, *others = models
    return (first if defaults else first.model_copy(update={"default": True}), *others)


def _finish(config: Config, base: Path, where: str) -> Config:
    """Add the shipped model where none is named, make one the default, check names."""
    models = config.models or (pocket(),)
    _check_models(models, where)
    models = _with_default(models, where)
    names = [model.name for model in models]
    for lora in config.loras:
        if lora.model and lora.model not in names:
            raise ConfigError(
                f"{where}: the LoRA `{lora.name}` is for the model `{lora.model}`, which is not named here."
            )
    engine = config.engine
    placement = [(one.device, one.models) for one in engine.placement]
    if wrong := devices.trouble(engine.device, engine.devices, placement, names):
        raise ConfigError(f"{where}: {wrong}")
    for key in ("enhancer", "translator"):
        _check_near(key, str(getattr(engine, key)), where)
    if (folder := config.wildcards.folder) and not Path(folder).is_dir():
        told = f"there is no folder `{folder}`. Correct `folder` under `[wildcards]`."
        raise ConfigError(f"{where}: {told}")
    data = (base / config.data_dir.expanduser()).absolute()
    return config.model_copy(update={"models": models, "data_dir": data})
