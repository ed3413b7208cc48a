"""The prompt language: what people type becomes ``Prompt`` values. Knows no models, pixels or Discord."""

from engine.prompt.attention import parse_attention, take_networks
from engine.prompt.explain import as_json
from engine.prompt.flags import BY_NAME, FLAGS, Action, Flag, FlagType
from engine.prompt.parse import Parsed, TooManyJobsError, flags_of, layered, parse
from engine.prompt.prompt import Given, ImageLink, Prompt, Source, Value, WeightedText

__all__ = [
    "BY_NAME",
    "FLAGS",
    "Action",
    "Flag",
    "FlagType",
    "Given",
    "ImageLink",
    "Parsed",
    "Prompt",
    "Source",
    "TooManyJobsError",
    "Value",
    "WeightedText",
    "as_json",
    "flags_of",
    "layered",
    "parse",
    "parse_attention",
    "take_networks",
]
