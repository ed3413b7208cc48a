"""Reads the commands a bot registers and refuses them as Discord would (50035); stores nothing."""

from __future__ import annotations

import re
from typing import Any

from bot.demo.errors import DiscordError
from bot.demo.forms import Form
from bot.demo.shapes import Json


def commands(bodies: Any) -> list[Json]:
    """Check a command list: names, lengths, counts, order of required options, 8000 characters each."""
    form = Form()
    if not isinstance(bodies, list):
        raise DiscordError(
            50035, {"commands": ("LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")}
        )
    for kind, limit in ((1, 100), (2, 15), (3, 15)):
        if sum((body.get("type") or 1) == kind for body in bodies) > limit:
            form.say(
                "commands", "APPLICATION_COMMANDS_MAX", f"Maximum number of commands of this type: {limit}"
            )
    names = [(body.get("name"), body.get("type") or 1) for body in bodies]
    if len(names) != len(set(names)):
        form.say(
            "commands", "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique"
        )
    for index, body in enumerate(bodies):
        kind = body.get("type") or 1
        form.text(body.get("name"), f"{index}.name", 1, 32)
        if kind == 1:
            _name(form, body.get("name"), f"{index}.name")
            form.text(body.get("description"), f"{index}.description", 1, 100)
        elif body.get("description"):
            form.say(
                f"{index}.description", "APPLICATION_COMMAND_DESCRIPTION", "Context menu commands have none"
            )
        _options(form, body.get("options") or [], f"{index}.options")
        if _characters(body) > 8000:
            form.say(f"{index}", "APPLICATION_COMMAND_TOO_LARGE", "Command exceeds maximum size (8000)")
    form.done()
    return bodies


def _name(form: Form, name: Any, at: str) -> None:
    if (isinstance(name, str) and not re.fullmatch(r"[-_'\w]{1,32}", name)) or name != str(name).lower():
        form.say(at, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")


def _options(form: Form, options: list[Json], at: str) -> None:
    form.count(options, at, 0, 25)
    optional_seen = False
    for index, option in enumerate(options):
        here = f"{at}.{index}"
        form.text(option.get("name"), f"{here}.name", 1, 32)
        _name(form, option.get("name"), f"{here}.name")
        form.text(option.get("description"), f"{here}.description", 1, 100)
        if option.get("required") and optional_seen:
            words = "Required options must be placed before non-required options"
            form.say(here, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", words)
        optional_seen |= not option.get("required") and option.get("type") not in (1, 2)
        listed = option.get("choices") or []
        form.count(listed, f"{here}.choices", 0, 25)
        for number, choice in enumerate(listed):
            form.text(choice.get("name"), f"{here}.choices.{number}.name", 1, 100)
        if option.get("autocomplete") and listed:
            form.say(
                f"{here}.autocomplete",
                "APPLICATION_COMMAND_AUTOCOMPLETE_CHOICES",
                "Choices or autocomplete, not both",
            )
        _options(form, option.get("options") or [], f"{here}.options")
    names = [option.get("name") for option in options]
    if len(names) != len(set(names)):
        form.say(at, "APPLICATION_COMMAND_OPTIONS_NAME_INVALID", "Option names must be unique")


def _characters(body: Json) -> int:
    def longest(item: Json, key: str) -> int:
        texts = [item.get(key) or "", *(item.get(f"{key}_localizations") or {}).values()]
        return max(len(text) for text in texts)

    total = longest(body, "name") + longest(body, "description")
    for choice in body.get("choices") or []:
        value = choice.get("value")
        total += longest(choice, "name") + (len(value) if isinstance(value, str) else 0)
    return total + sum(_characters(option) for option in body.get("options") or [])
