"""Components and embeds as Discord sends them back: ids and defaults filled in."""

from __future__ import annotations

from collections.abc import Sequence

from bot.demo.forms import SELECTS, STRING_SELECT, walk
from bot.demo.shapes import Json


def components(items: Sequence[Json], start: int = 1) -> list[Json]:
    """Return components as Discord sends them back: every one with an ``id``, defaults filled in."""
    taken = {
        item["id"] for item in walk(list(items)) if isinstance(item.get("id"), int) and item["id"] > 0
    }
    counter = iter(number for number in range(start, 10_000) if number not in taken)

    def one(item: Json) -> Json:
        out = {key: value for key, value in item.items() if value is not None}
        if not isinstance(out.get("id"), int) or out["id"] <= 0:
            out["id"] = next(counter)
        kind = out["type"]
        if isinstance(out.get("emoji"), dict):
            out["emoji"] = {key: value for key, value in out["emoji"].items() if value is not None}
        if "components" in out:
            out["components"] = [one(child) for child in out["components"]]
        for key in ("accessory", "component"):
            if key in out:
                out[key] = one(out[key])
        if kind in SELECTS:
            out.setdefault("min_values", 1)
            out.setdefault("max_values", 1)
        if kind == STRING_SELECT:
            out["options"] = [
                {key: value for key, value in option.items() if value is not None}
                for option in out["options"]
            ]
        if kind == 17:
            out.setdefault("accent_color", None)
            out.setdefault("spoiler", False)
        if kind in (11, 13):
            key = "media" if kind == 11 else "file"
            out[key] = _media(out[key])
            out.setdefault("spoiler", False)
            if kind == 11:
                out.setdefault("description", None)
        if kind == 12:
            out["items"] = [
                {"description": None, "spoiler": False, **entry, "media": _media(entry["media"])}
                for entry in out["items"]
            ]
        if kind == 14:
            out.setdefault("divider", True)
            out.setdefault("spacing", 1)
        return out

    return [one(item) for item in items]


def _media(item: Json) -> Json:
    return {"id": "0", "url": item["url"], "proxy_url": item["url"]}


def embeds_of(embeds: Sequence[Json]) -> list[Json]:
    """Return embeds as Discord sends them back: of type rich, media with a proxied link."""
    out = []
    for embed in embeds:
        made = {key: value for key, value in embed.items() if value is not None} | {"type": "rich"}
        for key in ("image", "thumbnail"):
            if made.get(key):
                made[key] = {**made[key], "proxy_url": made[key]["url"]}
        for field in made.get("fields") or []:
            field.setdefault("inline", False)
        out.append(made)
    return out
