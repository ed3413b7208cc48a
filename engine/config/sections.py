"""The sections of the configuration and their defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo

from engine.config.devices import DeviceName, named
from engine.pocket import SHIPPED

SMALL = 128
"""Models whose pictures are at most this many pixels a side hand them out enlarged."""


def is_address(source: str) -> bool:
    """Whether a language model is a server rather than weights."""
    return source.startswith(("http://", "https://"))


PICKLES = (".ckpt", ".pt", ".pth", ".bin")


def _placed(path: str, told: ValidationInfo) -> str:
    """Return a path from its root on; ``load`` tells the folder it is relative to, ``base``."""
    if not path or told.context is None:
        return path
    return str((told.context["base"] / Path(path).expanduser()).absolute())


def _found(source: str, told: ValidationInfo) -> str:
    """The same where it is a path, and neither an address nor a hub's name (``owner/name``)."""
    if is_address(source):
        return source
    there = _placed(source, told)
    named = source.startswith(("/", "./", "../", "~")) or source.endswith((".safetensors", *PICKLES))
    return there if named or Path(there).is_dir() else source


PathText = Annotated[str, AfterValidator(_placed)]
"""A folder or file."""
Source = Annotated[str, AfterValidator(_found)]
"""A folder or file, or a hub's name, or what ships."""
Side = Annotated[int, Field(ge=16, le=8192)]
Count = Annotated[int, Field(ge=1)]
Device = Literal["auto", "cpu", "cuda", "mps"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AdapterConfig(_Section):
    """An IP-Adapter: how a model reads pictures in a prompt. Folders are inside ``source``."""

    source: Source  # a folder or a hub name
    subfolder: str = ""  # where in it the weights lie
    weights: str  # their file's name, a .safetensors
    image_encoder: str = "image_encoder"  # beside the weights; with a slash in it, from the top of ``source``
    style_blocks: tuple[str, ...] = ()  # UNet layers that style references enter; empty = the family's own


class ModelConfig(_Section):
    """One model people can ask for. ``source``: a folder, a ``.safetensors``, a hub name or what ships."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
    aliases: tuple[str, ...] = ()  # such as "v 7" or "niji": what --v, --niji and --model may say
    source: Source
    width: Side = 512  # the size of a square picture in pixels; with height unset = as its files say
    height: Side = 512
    multiple: Count = 8  # sides are multiples of this
    max_ratio: Annotated[float, Field(ge=1)] = 4.0
    steps: Annotated[int, Field(ge=1, le=500)] = 20
    guidance_scale: Annotated[float, Field(ge=0)] = 7.0
    sampler: str = "dpmpp_2m"
    few_steps: Annotated[int, Field(ge=0, le=500)] = 0  # steps with few-step weights; 0 = none configured
    few_steps_source: Source = ""  # the LoRA for them; empty = the model's own weights and the sampler below
    few_steps_sampler: str = "lcm"
    few_steps_guidance: Annotated[float, Field(ge=0)] = 1.0  # 1 = none
    prediction: Literal["", "epsilon", "v", "sample"] = ""  # what it was taught; empty = as its files say
    zero_snr: bool | None = None  # whether to the end of all signal; unset = as its files say
    # which layer of the text encoder is read, counted from its end; unset = as its files say, else the usual
    clip_skip: Annotated[int, Field(ge=1, le=12)] | None = None
    trigger_words: tuple[str, ...] | None = None  # what calls its subject; unset = as its files say
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
    upscaler: Source = ""  # a .safetensors; empty = the shipped one
    ip_adapter: AdapterConfig | None = None  # reads the pictures in prompts
    quantization: Literal["", "fp8", "int8", "nf4", "gguf"] = ""  # weights of fewer bits; empty = as they are
    gguf: Source = ""  # the .gguf with the network's weights; the rest is read from ``source``
    licence: str = ""
    default: bool = False

    @property
    def enlarged(self) -> int:
        """How many times as wide as drawn its pictures are handed out: small models' are enlarged at once."""
        small = max(self.width, self.height) <= SMALL
        return 4 if small and (self.upscaler or self.source in SHIPPED) else 1


class LoraConfig(_Section):
    """One LoRA people can ask for by name."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
    source: Source
    model: str = ""  # the model it belongs to; empty = any of the same family
    trigger_words: tuple[str, ...] | None = None  # what calls its subject; unset = as its file says


class WildcardsConfig(_Section):
    """What ``__name__`` in a prompt may stand for."""

    folder: PathText = ""  # of text files, one choice a line: animal.txt is __animal__; empty = none


class DiscordConfig(_Section):
    """Who the bot is. The token is read from ``LIMNER_TOKEN`` or ``token_file``, never from this file."""

    token_file: PathText = ""
    owners: tuple[int, ...] = ()
    guilds: tuple[int, ...] = ()  # register commands in these servers only (at once); empty = everywhere
    shards: Annotated[int, Field(ge=0)] = 0  # connections; 0 = as many as Discord recommends


class PlacementConfig(_Section):
    """Which models one device draws: these and no others. A device that is not named here draws all."""

    device: DeviceName
    models: tuple[str, ...]


class EngineConfig(_Section):
    """How pictures are made on this machine."""

    device: Device = "auto"
    dtype: Literal["auto", "float32", "float16", "bfloat16"] = "auto"
    offload: Literal["auto", "none", "model", "sequential"] = "auto"
    devices: tuple[DeviceName, ...] = ()  # one worker each; empty = every one of the kind `device` says
    placement: tuple[PlacementConfig, ...] = ()
    ray: str = ""  # draw on other machines: the address of their head (host:port)
    max_rows: Count = 16  # rows of one UNet call
    preview_every: Annotated[int, Field(ge=0)] = 4  # steps between previews; 0 = none
    loras_kept: Annotated[int, Field(ge=0)] = 8  # LoRAs a model keeps in memory when no picture wears them
    heartbeat_timeout: Annotated[float, Field(gt=0)] = 60.0  # seconds without a beat: a worker is restarted
    threads: Annotated[int, Field(ge=0)] = 0  # CPU threads of a worker; 0 = all but one core
    segmenter: Source = ""  # CLIPSeg, for masks from words; empty = the drawing model's own attention
    enhancer: Source = ""  # a language model for /enhance: an address on this machine, a folder or a hub name
    enhancer_model: str = ""  # which of an address's models
    translator: Source = ""  # the same, for prompts in other languages where a model reads English alone
    translator_model: str = ""
    describer: Source = ""  # image-to-text model for /describe; "" = the encoder that ships

    @property
    def tools(self) -> dict[str, str]:
        """The models of transformers beside those that draw, by their keys: folders and hub names."""
        keys = ("describer", "segmenter", "enhancer", "translator")
        found = {key: str(getattr(self, key)) for key in keys}
        return {key: source for key, source in found.items() if source and not is_address(source)}

    @property
    def placed(self) -> dict[str, tuple[str, ...]]:
        """The models of each device that is limited to some, by its full name."""
        return {named((one.device,))[0]: one.models for one in self.placement}


class LimitsConfig(_Section):
    """How much one person may ask for."""

    running: Count = 3
    waiting: Annotated[int, Field(ge=0)] = 10
    permutations: Count = 10
    confirm_above: Annotated[int, Field(ge=0)] = 3
    prompt_length: Count = 6000
    max_pixels: Count = 4_194_304
    max_steps: Count = 150
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
    classifier: Source = ""  # "nudenet", or the folder of a transformers image classifier; empty = none
    labels: tuple[str, ...] = ()  # that classifier's labels that mean adult content; empty = the usual names
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.5  # from this probability on a picture counts as adult
    # what becomes of pictures while the classifier does not work
    unsure: Literal["refuse", "show"] = "refuse"


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


class WelcomeConfig(_Section):
    """What newcomers read."""

    rules: str = ""  # accepted by everybody before their first picture; empty = nobody is asked
    starters: tuple[Annotated[str, Field(max_length=80)], ...] = (
        "a red fox in the snow, watercolor",
        "a lighthouse at sunset",
        "a village at night, pixel art",
    )
    hints: bool = True  # what a button does is told the first time somebody presses it


class WebConfig(_Section):
    """The one optional HTTP listener."""

    enabled: bool = False
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8765
    public_url: str = ""


class ApiConfig(_Section):
    """The HTTP API, on the listener of ``[web]``; keys are made with ``limner keys create``."""

    enabled: bool = False
    wait: Annotated[float, Field(gt=0)] = 300.0  # seconds a request may wait for its pictures
    models: dict[str, str] = {}  # other programs' names of models, and the model here that draws for them
    proxies: tuple[str, ...] = ()  # addresses whose X-Forwarded-For is believed


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
    welcome: WelcomeConfig = WelcomeConfig()
    provenance: ProvenanceConfig = ProvenanceConfig()
    web: WebConfig = WebConfig()
    api: ApiConfig = ApiConfig()
    wildcards: WildcardsConfig = WildcardsConfig()
    models: tuple[ModelConfig, ...] = ()
    loras: tuple[LoraConfig, ...] = ()
