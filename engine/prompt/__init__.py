"""The prompt language: what people type becomes ``Prompt`` values. Knows no models, pixels or Discord."""

from engine.prompt.attention import take_networks
from engine.prompt.flags import BY_NAME
from engine.prompt.parse import Parsed, flags_of, layered, parse
from engine.prompt.prompt import Given, Prompt, Source, Value

__all__ = [
    "BY_NAME",
    "Given",
    "Parsed",
    "Prompt",
    "Source",
    "Value",
    "flags_of",
    "layered",
    "parse",
    "take_networks",
]
