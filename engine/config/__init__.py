"""The host's choices: what may be set (`sections`), the model that ships, how it is read (`file`)."""

from engine.config.file import CONFIG_NAME, find, load, retired, token
from engine.config.sections import (
    AdapterConfig,
    AllowanceConfig,
    ApiConfig,
    Config,
    DiscordConfig,
    EngineConfig,
    LimitsConfig,
    LinksConfig,
    LoraConfig,
    ModelConfig,
    ModerationConfig,
    ProvenanceConfig,
    RetentionConfig,
    WebConfig,
)
from engine.config.shipped import (
    pocket,
    shipped,
)
from engine.pocket import SHIPPED

__all__ = [
    "CONFIG_NAME",
    "SHIPPED",
    "AdapterConfig",
    "AllowanceConfig",
    "ApiConfig",
    "Config",
    "DiscordConfig",
    "EngineConfig",
    "LimitsConfig",
    "LinksConfig",
    "LoraConfig",
    "ModelConfig",
    "ModerationConfig",
    "ProvenanceConfig",
    "RetentionConfig",
    "WebConfig",
    "find",
    "load",
    "pocket",
    "retired",
    "shipped",
    "token",
]
