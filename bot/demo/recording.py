"""One HTML file that holds a conversation of the demo, pictures and all; it needs nothing beside itself."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from pathlib import Path
from typing import Any

from bot.demo.playground import PAGE
from bot.demo.seed_data import ALICE_ID
from bot.demo.shapes import Json
from bot.demo.viewer import snapshot
from bot.demo.world import World

POLICY = (
    "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline' data:; "
    "base-uri 'none'; form-action 'none'"
)
_FILE = re.compile(r"^https?://[^/]+/attachments/\d+/(\d+)/")
_IMPORT = re.compile(r'(from\s+|import\s+)"\./([a-z0-9_-]+\.js)"')


def write(world: World, path: Path, viewer: str = ALICE_ID) -> None:
    """Write the conversation as ``viewer`` sees it."""
    path.write_text(conversation(world, viewer), encoding="utf-8")


def conversation(world: World, viewer: str = ALICE_ID) -> str:
    """Return the page with the world in it: scripts, style and pictures inlined, nothing to ask of anyone."""
    data = snapshot(world, viewer)
    data["commands"], data["offered"], data["welcome"] = [], {}, []
    spoken = {channel: messages for channel, messages in data["messages"].items() if messages}
    # servers nobody wrote in would only be clutter
    kept = set(spoken) | {
        channel["id"] for channel in data["channels"] if channel["id"] == _open(world, spoken)
    }
    data["channels"] = [channel for channel in data["channels"] if channel["id"] in kept]
    data["messages"] = {channel: _inlined(messages, world) for channel, messages in spoken.items()}
    data["open"] = _open(world, spoken)
    return _page(data)


def _open(world: World, spoken: dict[str, list[Json]]) -> str:
    """Return the channel with the newest message, or the first one there is."""
    if not spoken:
        return next(iter(world.channels))
    return max(spoken, key=lambda channel: int(spoken[channel][-1]["id"]))


def _inlined(node: Any, world: World) -> Any:
    """Replace every link to a stored file by the file itself."""
    if isinstance(node, list):
        return [_inlined(item, world) for item in node]
    if isinstance(node, dict):
        kind = str(node.get("content_type") or "application/octet-stream")
        out = {key: _inlined(value, world) for key, value in node.items() if key != "proxy_url"}
        if isinstance(node.get("url"), str) and (found := _FILE.match(node["url"])):
            content = world.file(found[1])
            out["url"] = "" if content is None else _data(content, kind)
        return out
    return node


def _data(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{b64encode(content).decode()}"


def _page(data: Json) -> str:
    html = (PAGE / "index.html").read_text(encoding="utf-8")
    style = (PAGE / "style.css").read_text(encoding="utf-8")
    modules = {}
    for path in sorted(PAGE.glob("*.js")):
        # a data: module cannot import its neighbours by path; by a bare name the import map can
        source = _IMPORT.sub(r'\1"page/\2"', path.read_text(encoding="utf-8"))
        modules[f"page/{path.name}"] = _data(source.encode(), "text/javascript")
    icon = _data((PAGE / "icon.svg").read_bytes(), "image/svg+xml")
    parts = {
        '<link rel="stylesheet" href="style.css">': f"<style>{style}</style>",
        '<link rel="icon" href="icon.svg" type="image/svg+xml">': f'<link rel="icon" href="{icon}">',
        '<script type="module" src="main.js"></script>': (
            f'<script type="application/json" id="record">{_script(data)}</script>\n'
            f'<script type="importmap">{_script({"imports": modules})}</script>\n'
            '<script type="module">import "page/main.js";</script>'
        ),
        '<meta charset="utf-8">': (
            f'<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        ),
    }
    for old, new in parts.items():
        if old not in html:
            raise ValueError(f"index.html no longer has {old!r}")
        html = html.replace(old, new)
    return html


def _script(value: Json) -> str:
    """Return JSON that no text inside can break out of its script element."""
    return json.dumps(value).replace("<", "\\u003c")
