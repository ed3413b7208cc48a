"""Reads what a bot wants to say and refuses it as Discord would (50035, 50006, 40005); stores nothing.

Long: one table of Discord's limits.

Limits are those of Discord's reference: https://docs.discord.com/developers (message, components, commands).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.demo.errors import DiscordError, NotBuilt
from bot.demo.files import REQUEST_LIMIT
from bot.demo.shapes import COMPONENTS_V2, Json, Upload

BUTTON, STRING_SELECT, TEXT_INPUT = 2, 3, 4
SELECTS = {3, 5, 6, 7, 8}
IN_MESSAGES = {1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 17}
ONLY_V2 = {9, 10, 11, 12, 13, 14, 17}
IN_LABELS = {3, 4, 5, 6, 7, 8, 19, 21, 22, 23}
KNOWN_MESSAGE_KEYS = {
    "content", "nonce", "tts", "embeds", "allowed_mentions", "message_reference", "components", "sticker_ids",
    "attachments", "flags", "enforce_nonce", "poll", "payload_json", "username", "avatar_url", "thread_name",
}  # fmt: skip


class Form:
    """Collects what is wrong with a body, then raises it all at once."""

    def __init__(self) -> None:
        self.errors: dict[str, tuple[str, str]] = {}

    def say(self, path: str, code: str, words: str) -> None:
        """Note one error at a dotted path."""
        self.errors.setdefault(path, (code, words))

    def text(self, value: Any, path: str, low: int, high: int) -> None:
        """Demand a string of ``low`` to ``high`` characters."""
        if not isinstance(value, str):
            self.say(path, "STRING_TYPE_CONVERT", "Could not interpret value as string.")
        elif not value and low:
            self.say(path, "BASE_TYPE_REQUIRED", "This field is required")
        elif len(value) > high or len(value) < low:
            words = (
                f"Must be between {low} and {high} in length."
                if low
                else f"Must be {high} or fewer in length."
            )
            self.say(path, "BASE_TYPE_BAD_LENGTH" if low else "BASE_TYPE_MAX_LENGTH", words)

    def count(self, value: Any, path: str, low: int, high: int) -> list[Any]:
        """Demand a list of ``low`` to ``high`` items; returns it (empty when it is none)."""
        if not isinstance(value, list):
            self.say(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return []
        if not low <= len(value) <= high:
            self.say(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {low} and {high} in length.")
        return value

    def done(self) -> None:
        """Raise 50035 if anything was wrong."""
        if self.errors:
            raise DiscordError(50035, self.errors)


def walk(components: Sequence[Json]) -> Iterator[Json]:
    """Yield every component, nested ones too."""
    for component in components:
        yield component
        yield from walk(component.get("components") or [])
        for key in ("accessory", "component"):
            if isinstance(component.get(key), dict):
                yield from walk([component[key]])


def message(
    body: Mapping[str, Any], uploads: Mapping[int, Upload], kept: Sequence[Json] = (), *, edit: bool = False
) -> None:
    """Check a message body. ``uploads`` by ``files[n]`` number; ``kept``: the attachments before an edit."""
    form = Form()
    unknown = set(body) - KNOWN_MESSAGE_KEYS
    if body.get("poll") or body.get("sticker_ids") or body.get("tts") or unknown - {"applied_tags"}:
        raise NotBuilt(f"message fields {sorted(unknown) or ['poll, sticker_ids or tts']}")
    if sum(len(upload.data) for upload in uploads.values()) > REQUEST_LIMIT:
        raise DiscordError(40005)
    content, embeds = body.get("content"), body.get("embeds") or []
    components = body.get("components") or []
    flags = int(body.get("flags") or 0)
    if content is not None:
        form.text(content, "content", 0, 2000)
    _embeds(form, embeds)
    _attachments(form, body, uploads, kept)
    _mentions(form, body.get("allowed_mentions"))
    nonce = body.get("nonce")
    if isinstance(nonce, str) and len(nonce) > 25:
        form.say("nonce", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
    if body.get("enforce_nonce") and nonce is None:
        form.say("nonce", "BASE_TYPE_REQUIRED", "This field is required")
    v2 = bool(flags & COMPONENTS_V2)
    if v2 and (content or embeds):
        field = "content" if content else "embeds"
        form.say(
            field,
            "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
            f"The '{field}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
        )
    _components(form, components, v2)
    form.done()
    if not edit and not (content or "").strip() and not (embeds or components or uploads):
        raise DiscordError(50006)


def _attachments(
    form: Form, body: Mapping[str, Any], uploads: Mapping[int, Upload], kept: Sequence[Json]
) -> None:
    entries = body.get("attachments")
    ids = {item["id"] for item in kept}
    if entries is not None:
        form.count(entries, "attachments", 0, 10)
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            number = str(entry.get("id", ""))
            if number not in ids and not (number.isdigit() and int(number) in uploads):
                form.say(
                    f"attachments.{index}.id",
                    "ATTACHMENT_NOT_FOUND" if number else "BASE_TYPE_REQUIRED",
                    f"Attachment {number} not found" if number else "This field is required",
                )
            if entry.get("description") is not None:
                form.text(entry["description"], f"attachments.{index}.description", 0, 1024)
    elif len(uploads) > 10:
        form.say("files", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.")


def _mentions(form: Form, allowed: Any) -> None:
    if allowed is None:
        return
    parse = allowed.get("parse") or []
    for kind in ("users", "roles"):
        if kind in parse and allowed.get(kind):
            words = f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.'
            form.say("allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", words)
        form.count(allowed.get(kind) or [], f"allowed_mentions.{kind}", 0, 100)
    for index, kind in enumerate(parse):
        if kind not in ("users", "roles", "everyone"):
            words = "Value must be one of {'everyone', 'roles', 'users'}."
            form.say(f"allowed_mentions.parse.{index}", "BASE_TYPE_CHOICES", words)


def _embeds(form: Form, embeds: Any) -> None:
    total = 0
    for index, embed in enumerate(form.count(embeds, "embeds", 0, 10)):
        at = f"embeds.{index}"
        texts = [
            ("title", embed.get("title"), 256),
            ("description", embed.get("description"), 4096),
            ("footer.text", (embed.get("footer") or {}).get("text"), 2048),
            ("author.name", (embed.get("author") or {}).get("name"), 256),
        ]
        fields = form.count(embed.get("fields") or [], f"{at}.fields", 0, 25)
        for number, item in enumerate(fields):
            form.text(item.get("name"), f"{at}.fields.{number}.name", 1, 256)
            form.text(item.get("value"), f"{at}.fields.{number}.value", 1, 1024)
            total += len(item.get("name") or "") + len(item.get("value") or "")
        for name, value, limit in texts:
            if value is not None:
                form.text(value, f"{at}.{name}", 0, limit)
                total += len(value)
        for key in ("image", "thumbnail", "footer", "author"):
            part = embed.get(key) or {}
            url = part.get("url" if key in ("image", "thumbnail") else "icon_url")
            if url and not re.match(r"(https?|attachment)://", url):
                words = "Scheme must be one of ('http', 'https')."
                form.say(f"{at}.{key}.url", "URL_TYPE_INVALID_SCHEME", words)
    if total > 6000:
        form.say("embeds", "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of 6000")


def _components(form: Form, components: Any, v2: bool) -> None:
    rows = form.count(components, "components", 0, 40 if v2 else 5)
    every = list(walk(rows))
    if v2 and len(every) > 40:
        form.say("components", "BASE_TYPE_BAD_LENGTH", "Must be 40 or fewer in total, nested components too.")
    if v2 and sum(len(item.get("content") or "") for item in every if item.get("type") == 10) > 4000:
        form.say("components", "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", "Displayable text exceeds 4000.")
    for index, row in enumerate(rows):
        if not v2 and row.get("type") != 1:
            words = 'Value of field "type" must be one of (1,).'
            form.say(f"components.{index}", "UNION_TYPE_CHOICES", words)
    for item in every:
        if item.get("type") not in IN_MESSAGES:
            raise NotBuilt(f"message component type {item.get('type')}")
        if item["type"] in ONLY_V2 and not v2:
            form.say("components", "UNION_TYPE_CHOICES", 'Value of field "type" must be one of (1,).')
    _rows(form, every)
    _unique(form, every)


def _rows(form: Form, every: Sequence[Json]) -> None:
    for item in every:
        kind = item["type"]
        if kind == 1:
            children = form.count(item.get("components"), "components.0.components", 1, 5)
            if len(children) > 1 and any(child.get("type") in SELECTS for child in children):
                form.say(
                    "components.0",
                    "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
                    "The specified component exceeds the max width",
                )
        elif kind == BUTTON:
            _button(form, item)
        elif kind in SELECTS:
            _select(form, item)
        elif kind == 12:
            form.count(item.get("items"), "components.items", 1, 10)


def _button(form: Form, item: Json) -> None:
    at = "components.0.components"
    style = item.get("style")
    if style not in (1, 2, 3, 4, 5, 6):
        form.say(f"{at}.style", "BASE_TYPE_CHOICES", "Value must be one of {1, 2, 3, 4, 5, 6}.")
    if style in (1, 2, 3, 4):
        form.text(item.get("custom_id"), f"{at}.custom_id", 1, 100)
    if style == 5:
        form.text(item.get("url"), f"{at}.url", 1, 512)
    if item.get("label") is not None:
        form.text(item["label"], f"{at}.label", 0, 80)
    if not item.get("label") and not item.get("emoji") and style != 6:
        form.say(at, "BUTTON_COMPONENT_INVALID", "A button must have a label or an emoji")
    emoji = item.get("emoji")
    if emoji and not emoji.get("id") and (not emoji.get("name") or emoji["name"].isascii()):
        form.say(f"{at}.emoji.name", "BUTTON_COMPONENT_INVALID_EMOJI", "Invalid emoji")


def _select(form: Form, item: Json) -> None:
    at = "components.0.components"
    form.text(item.get("custom_id"), f"{at}.custom_id", 1, 100)
    if item.get("placeholder") is not None:
        form.text(item["placeholder"], f"{at}.placeholder", 0, 150)
    if item["type"] == STRING_SELECT:
        options = form.count(item.get("options"), f"{at}.options", 1, 25)
        for number, option in enumerate(options):
            form.text(option.get("label"), f"{at}.options.{number}.label", 1, 100)
            form.text(option.get("value"), f"{at}.options.{number}.value", 1, 100)
            if option.get("description") is not None:
                form.text(option["description"], f"{at}.options.{number}.description", 0, 100)
        values = [option.get("value") for option in options]
        if len(values) != len(set(values)):
            form.say(
                f"{at}.options",
                "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
                "The specified option value is already used",
            )


def _unique(form: Form, every: Sequence[Json]) -> None:
    ids = [item["custom_id"] for item in every if item.get("custom_id")]
    if len(ids) != len(set(ids)):
        form.say("components", "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")


def modal(data: Mapping[str, Any]) -> None:
    """Check a modal: title, custom_id, one to five labels, texts or rows."""
    form = Form()
    form.text(data.get("title"), "data.title", 1, 45)
    form.text(data.get("custom_id"), "data.custom_id", 1, 100)
    tops = form.count(data.get("components"), "data.components", 1, 5)
    for index, top in enumerate(tops):
        at, kind = f"data.components.{index}", top.get("type")
        if kind not in (1, 10, 18):
            raise NotBuilt(f"modal component type {kind}")
        if kind == 18:
            form.text(top.get("label"), f"{at}.label", 1, 45)
            if top.get("description") is not None:
                form.text(top["description"], f"{at}.description", 0, 100)
            child = top.get("component") or {}
            if child.get("type") not in IN_LABELS:
                form.say(
                    f"{at}.component", "UNION_TYPE_CHOICES", 'Value of field "type" is not allowed here.'
                )
            else:
                _field(form, child, f"{at}.component")
        elif kind == 1:
            for child in form.count(top.get("components"), f"{at}.components", 1, 1):
                if child.get("type") != TEXT_INPUT:
                    form.say(f"{at}.components.0", "UNION_TYPE_CHOICES", "Only a text input may stand here.")
                else:
                    form.text(child.get("label"), f"{at}.components.0.label", 1, 45)
                    _field(form, child, f"{at}.components.0")
        else:
            form.text(top.get("content"), f"{at}.content", 1, 4000)
    _unique(form, list(walk(tops)))
    form.done()


def _field(form: Form, child: Json, at: str) -> None:
    form.text(child.get("custom_id"), f"{at}.custom_id", 1, 100)
    kind = child["type"]
    if kind == TEXT_INPUT:
        if child.get("style") not in (1, 2):
            form.say(f"{at}.style", "BASE_TYPE_CHOICES", "Value must be one of {1, 2}.")
        high = child.get("max_length") or 4000
        low = child.get("min_length") or 0
        if not (0 <= low <= 4000 and 1 <= high <= 4000 and low <= high):
            form.say(f"{at}.max_length", "NUMBER_TYPE_MAX", "int value should be less than or equal to 4000.")
        if child.get("value") is not None:
            form.text(child["value"], f"{at}.value", 0, 4000)
            if not low <= len(child["value"]) <= high and child["value"]:
                form.say(
                    f"{at}.value", "BASE_TYPE_BAD_LENGTH", f"Must be between {low} and {high} in length."
                )
        if child.get("placeholder") is not None:
            form.text(child["placeholder"], f"{at}.placeholder", 0, 100)
    elif kind in SELECTS:
        _select(form, child)
    elif kind == 21:
        form.count(child.get("options"), f"{at}.options", 2, 10)
    elif kind == 22:
        form.count(child.get("options"), f"{at}.options", 1, 10)


def choices(data: Mapping[str, Any]) -> list[Json]:
    """Check the choices of an autocomplete answer and return them."""
    form = Form()
    items = form.count(data.get("choices"), "data.choices", 0, 25)
    for index, item in enumerate(items):
        form.text(item.get("name"), f"data.choices.{index}.name", 1, 100)
        if isinstance(item.get("value"), str):
            form.text(item["value"], f"data.choices.{index}.value", 1, 100)
    form.done()
    return items
