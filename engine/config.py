"""The host's choices, from TOML and the environment; every wrong key is one clear sentence."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from engine import config_keys
from engine import token as bot_token
from engine.errors import ConfigError

SMALL = 128
"""Models whose pictures are at most this many pixels a side hand them out enlarged."""

Device = Literal["auto", "cpu", "cuda", "mps"]
Family = Literal["auto", "sd", "sdxl", "other"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AdapterConfig(_Section):
    """An IP-Adapter: how a model reads pictures in a prompt. Folders are inside ``source``."""

    source: str  # a folder or a hub name
    subfolder: str = ""  # where in it the weights lie
    weights: str  # their file's name, a .safetensors
    image_encoder: str = "image_encoder"  # beside the weights; with a slash in it, from the top of ``source``
    style_blocks: tuple[str, ...] = ()  # UNet layers that style references enter; empty = the family's own


class ModelConfig(_Section):
    """One model people can ask for. ``source``: a folder, a ``.safetensors``, a hub name or ``pocket``."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
    aliases: tuple[str, ...] = ()  # such as "v 7" or "niji": what --v, --niji and --model may say
    source: str
    family: Family = "auto"
    width: int = 512  # the size of a square picture in pixels
    height: int = 512
    multiple: int = 8  # sides are multiples of this
    max_ratio: float = 4.0
    steps: int = 20
    guidance_scale: float = 7.0
    sampler: str = "dpmpp_2m"
    few_steps: int = 0  # steps with few-step weights; 0 = none configured
    few_steps_source: str = ""  # the LoRA for them; empty = the model's own weights and the sampler below
    few_steps_sampler: str = "lcm"
    few_steps_guidance: float = 1.0  # 1 = none
    prediction: Literal["", "epsilon", "v", "sample"] = ""  # what it was taught; empty = as its files say
    zero_snr: bool | None = None  # whether to the end of all signal; unset = as its files say
    house_style: str = ""  # the words --stylize steers toward
    scatter: tuple[str, ...] = ()  # words --chaos leans the pictures of a grid toward, in turn
    negative_prompt: str = ""
    subtle_strength: Annotated[float, Field(gt=0, le=1)] = 0.35  # variations: share of the schedule run
    strong_strength: Annotated[float, Field(gt=0, le=1)] = 0.75
    strong_chaos: Annotated[int, Field(ge=0, le=100)] = 0  # at least so much --chaos in strong variations
    strong_weird: Annotated[int, Field(ge=0, le=3000)] = 0  # and so much --weird
    outward_strength: Annotated[float, Field(gt=0, le=1)] = 0.85  # zoom and pan: share of the schedule run
    creative_strength: Annotated[float, Field(gt=0, le=1)] = 0.3  # the same for creative upscales
    wordless: bool = False  # both without the picture's words, unless they are changed
    upscaler: str = ""  # a .safetensors; empty = the shipped one
    ip_adapter: AdapterConfig | None = None  # reads the pictures in prompts
    licence: str = ""
    default: bool = False

    @property
    def enlarged(self) -> int:
        """How many times as wide as drawn its pictures are handed out: small models' are enlarged at once."""
        small = max(self.width, self.height) <= SMALL
        return 4 if small and (self.upscaler or self.source == "pocket") else 1


class LoraConfig(_Section):
    """One LoRA people can ask for by name."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
    source: str
    model: str = ""  # the model it belongs to; empty = any of the same family


class WildcardsConfig(_Section):
    """What ``__name__`` in a prompt may stand for."""

    folder: str = ""  # of text files, one choice a line: animal.txt is __animal__; empty = none


class DiscordConfig(_Section):
    """Who the bot is. The token is read from ``LIMNER_TOKEN`` or ``token_file``, never from this file."""

    token_file: str = ""
    owners: tuple[int, ...] = ()
    guilds: tuple[int, ...] = ()  # register commands in these servers only (at once); empty = everywhere


class EngineConfig(_Section):
    """How pictures are made on this machine."""

    device: Device = "auto"
    dtype: Literal["auto", "float32", "float16", "bfloat16"] = "auto"
    offload: Literal["auto", "none", "model", "sequential"] = "auto"
    workers: int = 1
    max_rows: int = 16  # rows of one UNet call
    preview_every: int = 4  # steps between previews; 0 = none
    heartbeat_timeout: float = 60.0  # seconds without a beat before a worker is restarted
    threads: int = 0  # CPU threads of a worker; 0 = all but one core
    segmenter: str = ""  # CLIPSeg, for masks from words; empty = the drawing model's own attention
    describer: str = ""  # image-to-text model for /describe (folder or hub name); "" = the encoder that ships


class LimitsConfig(_Section):
    """How much one person may ask for."""

    running: int = 3
    waiting: int = 10
    permutations: int = 10
    confirm_above: int = 3
    prompt_length: int = 6000
    max_pixels: int = 4_194_304
    max_steps: int = 150
    max_pixel_steps: Annotated[int, Field(gt=0)] = 1_000_000_000  # pixels × steps × pictures of one job
    commands_a_minute: Annotated[int, Field(gt=0)] = 60  # buttons and dialogs count too


class AllowanceConfig(_Section):
    """Seconds of the device that may be used in a day or a month; 0 = no limit."""

    per: Literal["day", "month"] = "day"  # calendar days and months, in UTC
    seconds: Annotated[float, Field(ge=0)] = 0.0  # one person
    roles: dict[str, Annotated[float, Field(ge=0)]] = {}  # one person with this role (by id) instead
    server: Annotated[float, Field(ge=0)] = 0.0  # all people of a server together
    servers: dict[str, Annotated[float, Field(ge=0)]] = {}  # all people of this server (by id) instead


class RetentionConfig(_Section):
    """How long what was drawn is kept, unless somebody kept it; 0 = for ever."""

    days: Annotated[int, Field(ge=0)] = 30


class ModerationConfig(_Section):
    """Words that are not drawn here, beside what is refused everywhere."""

    blocked: tuple[str, ...] = ()  # words or phrases, however they are spelled or spaced
    allowed: tuple[str, ...] = ()  # words of that list to let through after all
    # adult content in direct messages, on the command line and over HTTP; each server decides for itself
    direct_messages: Literal["refuse", "spoiler", "allow"] = "refuse"
    classifier: str = ""  # "nudenet", or the folder of a transformers image classifier; empty = none
    labels: tuple[str, ...] = ()  # that classifier's labels that mean adult content; empty = the usual names
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.5  # from this probability on a picture counts as adult
    unsure: Literal["refuse", "show"] = (
        "refuse"  # what becomes of pictures while the classifier does not work
    )


class LinksConfig(_Section):
    """Pictures that people link to, as part of a prompt or for a command."""

    hosts: tuple[str, ...] = ()  # fetched from these servers only, and what is below them; empty = any public


class ProvenanceConfig(_Section):
    """What pictures that leave say of their origin."""

    recipe: bool = True  # prompt and settings in the file, as other programs read them
    mark: bool = True  # the invisible mark
    sign: bool = True  # a C2PA manifest
    required: bool = False  # what cannot be marked and signed does not leave
    sign_prompt: bool = False  # the prompt in the signed manifest, too
    certificate: str = ""  # a file with the host's own certificates (PEM); empty = made at the first start
    key: str = ""  # the file of the key that belongs to them
    timestamp_authority: str = ""  # address of an RFC 3161 server; empty = signatures bear no proven time


class WebConfig(_Section):
    """The one optional HTTP listener."""

    enabled: bool = False
    host: str = "127.0.0.1"
    port: int = 8765
    public_url: str = ""


class Config(_Section):
    """Everything the host may choose."""

    data_dir: Path = Path("data")
    min_free_mb: Annotated[int, Field(ge=0)] = 200  # the bot does not start with less disk space than this
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"
    discord: DiscordConfig = DiscordConfig()
    engine: EngineConfig = EngineConfig()
    limits: LimitsConfig = LimitsConfig()
    allowance: AllowanceConfig = AllowanceConfig()
    retention: RetentionConfig = RetentionConfig()
    moderation: ModerationConfig = ModerationConfig()
    links: LinksConfig = LinksConfig()
    provenance: ProvenanceConfig = ProvenanceConfig()
    web: WebConfig = WebConfig()
    wildcards: WildcardsConfig = WildcardsConfig()
    models: tuple[ModelConfig, ...] = ()
    loras: tuple[LoraConfig, ...] = ()


MIDJOURNEY_VERSIONS = (
    *(f"v {v}" for v in ("1", "2", "3", "4", "5", "5.0", "5.1", "5.2", "6", "6.0", "6.1", "7", "7.0")),
    *("v 8", "v 8.0", "v 8.1", "v 8.2"),
    *("niji", "niji 4", "niji 5", "niji 6", "niji 7"),
)
"""Every model name Midjourney's ``--v`` and ``--niji`` have taken (its own list, 2022-2026)."""

WEIGHTS = Path(__file__).parent / "pocket" / "weights"
"""Where the model that ships lies, as a plain diffusers folder."""

FEW_STEP_WEIGHTS = WEIGHTS.with_name("fewstep")
"""Where its few-step weights lie: a LoRA as diffusers keeps it, and how to step with it."""

CONFIG_NAME = "config.toml"


def pocket(weights: Path = WEIGHTS, few_steps: Path = FEW_STEP_WEIGHTS) -> ModelConfig:
    """Return the model that ships; its size is read from the weights, 64 x 64 where there are none.

    How its few-step weights are used is read from what lies beside them; nothing, where they are not there.
    """
    side, multiple = 64, 8
    try:
        unet = json.loads((weights / "unet" / "config.json").read_text())
        vae = json.loads((weights / "vae" / "config.json").read_text())
        # every stage but the first halves the picture, in AutoencoderKL and AutoencoderTiny alike
        stages = vae.get("block_out_channels") or vae["encoder_block_out_channels"]
        factor = 2 ** (len(stages) - 1)
        side = int(unet["sample_size"]) * factor
        # the UNet fits odd halves by itself, so 8, the step stock pipelines insist on, gives the exact ratio
        multiple = max(8, factor)
    except (OSError, ValueError, KeyError, TypeError):
        pass  # no weights, or unreadable: `limner check` says so, and so does whoever loads them
    quick: dict[str, Any] = {}
    try:
        told = json.loads((few_steps / "few_steps.json").read_text())
        quick = {
            "few_steps": int(told["steps"]),
            "few_steps_source": "pocket",
            "few_steps_sampler": str(told["sampler"]),
            "few_steps_guidance": float(told["guidance_scale"]),
        }
    except (OSError, ValueError, KeyError, TypeError):
        pass  # then drafts take half the steps
    return ModelConfig(
        name="pocket",
        aliases=MIDJOURNEY_VERSIONS,
        source="pocket",
        family="sd",
        width=side,
        height=side,
        multiple=multiple,
        max_ratio=2.0,
        steps=20,
        guidance_scale=5.0,
        sampler="dpmpp_2m",
        # it has one drawing for each thing: noise alone hardly varies it, bent and further words do
        scatter=(
            "on a pink background",
            "3d style",
            "in space",
            "flat style",
            "at sunset",
            "cartoon style",
            "in the snow",
            "watercolour",
        ),
        subtle_strength=0.1,
        strong_strength=0.9,
        strong_chaos=90,
        strong_weird=700,
        # more, and it draws its one subject again around itself (looked at: 0.2 to 1.0)
        outward_strength=0.2,
        # more, and tiles show its one subject in pieces at their edges (looked at: 0.1 to 0.35)
        creative_strength=0.15,
        # and with words it does so even then, faintly: ghosts on the ground, specks in the tiles
        wordless=True,
        licence="Apache-2.0",
        default=True,
        **quick,
    )


def load(path: Path | str | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """Return the host's configuration: environment over file over defaults.

    Without ``path`` the file is ``$LIMNER_CONFIG``, else ``config.toml`` in the working directory, else none.
    ``LIMNER_<SECTION>_<KEY>`` (``LIMNER_ENGINE_DEVICE``) and ``LIMNER_<KEY>`` (``LIMNER_DATA_DIR``) win over
    the file. Relative paths in the file are relative to the file. Raises ConfigError with one sentence.
    """
    environ = os.environ if environ is None else environ
    file = find(path, environ)
    values: dict[str, Any] = {} if file is None else _read(file)
    where = "the configuration" if file is None else str(file)
    unknown = list(config_keys.unknown_keys(values, Config, Config))
    if unknown:
        raise ConfigError(f"{where}: {config_keys.listed(unknown)}")
    shipped = pocket().model_dump(exclude={"name", "aliases", "default"})
    values["models"] = [
        shipped | model if model.get("source") == "pocket" else model for model in values.get("models", ())
    ]
    config_keys.overlay(values, environ, Config)
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError(config_keys.wrong_values(error, where, environ)) from None
    return _finish(config, Path() if file is None else file.parent, where)


def find(path: Path | str | None = None, environ: Mapping[str, str] | None = None) -> Path | None:
    """Return the configuration file that `load` reads, or None where there is none and the defaults hold."""
    named = path or (os.environ if environ is None else environ).get("LIMNER_CONFIG")
    if named:
        return Path(named).expanduser()
    return Path(CONFIG_NAME) if Path(CONFIG_NAME).exists() else None


def token(config: Config, environ: Mapping[str, str] | None = None) -> SecretStr:
    """Return the bot's token from ``LIMNER_TOKEN`` or ``discord.token_file``. Raises ConfigError."""
    return bot_token.read(config.discord.token_file, os.environ if environ is None else environ)


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


_PICKLES = (".ckpt", ".pt", ".pth", ".bin")


def _is_path(source: str) -> bool:
    """Tell a path from a hub name (``owner/name``)."""
    return source.startswith(("/", "./", "../", "~")) or source.endswith((".safetensors", *_PICKLES))


def _finish(config: Config, base: Path, where: str) -> Config:
    """Resolve paths against the file's folder, add the shipped model where none is named, check names."""

    def resolved(source: str) -> str:
        there = base / Path(source).expanduser()
        return str(there.absolute()) if source and (_is_path(source) or there.is_dir()) else source

    models = [
        model.model_copy(
            update={
                "source": resolved(model.source),
                "few_steps_source": resolved(model.few_steps_source),
                "upscaler": resolved(model.upscaler),
                "ip_adapter": model.ip_adapter
                and model.ip_adapter.model_copy(update={"source": resolved(model.ip_adapter.source)}),
            }
        )
        for model in config.models
    ] or [pocket()]
    taken: dict[str, str] = {}
    for number, model in enumerate(models):
        if any(other.name == model.name for other in models[:number]):
            raise ConfigError(f"{where}: two models are named `{model.name}`. Rename one.")
        if model.source.endswith(_PICKLES):
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
    defaults = [model.name for model in models if model.default]
    if len(defaults) > 1:
        raise ConfigError(
            f"{where}: {' and '.join(f'`{name}`' for name in defaults)} are both `default = true`. Keep one."
        )
    if not defaults:  # the first named is what people get
        models[0] = models[0].model_copy(update={"default": True})
    loras = [lora.model_copy(update={"source": resolved(lora.source)}) for lora in config.loras]
    for lora in loras:
        if lora.model and lora.model not in {model.name for model in models}:
            raise ConfigError(
                f"{where}: the LoRA `{lora.name}` is for the model `{lora.model}`, which is not named here."
            )
    update: dict[str, object] = {"models": tuple(models), "loras": tuple(loras)}
    tools = {key: resolved(getattr(config.engine, key)) for key in ("describer", "segmenter")}
    update["engine"] = config.engine.model_copy(update=tools)
    update["moderation"] = config.moderation.model_copy(
        update={"classifier": resolved(config.moderation.classifier)}
    )
    if config.wildcards.folder:
        folder = (base / Path(config.wildcards.folder).expanduser()).absolute()
        if not folder.is_dir():
            told = f"there is no folder `{folder}`. Correct `folder` under `[wildcards]`."
            raise ConfigError(f"{where}: {told}")
        update["wildcards"] = config.wildcards.model_copy(update={"folder": str(folder)})
    update["data_dir"] = (base / config.data_dir.expanduser()).absolute()
    if config.discord.token_file:
        file = (base / Path(config.discord.token_file).expanduser()).absolute()
        update["discord"] = config.discord.model_copy(update={"token_file": str(file)})
    return config.model_copy(update=update)
