"""A stage for the page: the real stand-in and a scripted bot in place of Limner; no engine, no model."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from PIL import Image, ImageDraw

from bot.demo import followups, interactions, playground
from bot.demo.seed_data import APP_ID, GENERAL_ID
from bot.demo.server import Standin
from bot.demo.shapes import Json, Upload
from bot.demo.world import World

COMMANDS: list[Json] = [
    {
        "name": "imagine",
        "type": 1,
        "description": "Draw something",
        "options": [
            {
                "type": 3,
                "name": "prompt",
                "description": "What to draw",
                "required": True,
                "max_length": 6000,
            },
            {"type": 3, "name": "model", "description": "Which model draws", "autocomplete": True},
            {
                "type": 3,
                "name": "aspect",
                "description": "The shape of the picture",
                "choices": [{"name": "square 1:1", "value": "1:1"}, {"name": "wide 3:2", "value": "3:2"}],
            },
            {"type": 4, "name": "seed", "description": "A number to draw it again", "min_value": 0},
            {"type": 11, "name": "image", "description": "A picture to start from"},
        ],
    },
    {
        "name": "help",
        "type": 1,
        "description": "What Limner can do",
        "options": [{"type": 3, "name": "flag", "description": "Tell about one flag", "autocomplete": True}],
    },
    {
        "name": "kinds",
        "type": 1,
        "description": "Every kind of option",
        "options": [
            {
                "type": 4,
                "name": "count",
                "description": "1 to 4",
                "required": True,
                "min_value": 1,
                "max_value": 4,
            },
            {"type": 10, "name": "weight", "description": "A number", "required": True},
            {"type": 5, "name": "tile", "description": "Yes or no", "required": True},
            {"type": 6, "name": "who", "description": "A person", "required": True},
            {"type": 7, "name": "where", "description": "A channel", "required": True},
            {"type": 8, "name": "role", "description": "A role", "required": True},
        ],
    },
    {
        "name": "settings",
        "type": 1,
        "description": "Your settings",
        "options": [
            {"type": 1, "name": "show", "description": "Show your settings"},
            {"type": 1, "name": "reset", "description": "Forget your settings"},
        ],
    },
    {"name": "Describe picture", "type": 3, "description": ""},
]
MODELS = ("pocket", "pocket-fast", "sdxl")


def picture(size: int = 256, *, shade: int = 0, cells: int = 1) -> bytes:
    """Return a PNG: sky, ground and a disc in every cell."""
    image = Image.new("RGB", (size, size))
    draw = ImageDraw.Draw(image)
    step = size // cells
    for cell in range(cells * cells):
        x, y = cell % cells * step, cell // cells * step
        for line in range(step):
            level = line / step
            draw.line(
                (x, y + line, x + step, y + line),
                fill=(
                    40 + int(120 * level) + 10 * cell,
                    90 + int(60 * level),
                    190 - int(120 * level) - shade,
                ),
            )
        middle, radius = x + step // 2 + cell * 3, step // 4 - cell
        draw.ellipse(
            (middle - radius, y + step // 2 - radius, middle + radius, y + step // 2 + radius),
            fill=(210 - shade, 60 + 20 * cell, 50),
        )
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def buttons(*rows: tuple[tuple[str, int, str], ...]) -> list[Json]:
    """Return action rows of (label or emoji, style, custom_id)."""
    return [
        {
            "type": 1,
            "components": [
                {"type": 2, "style": style, "custom_id": custom_id}
                | ({"emoji": {"name": face, "id": None}} if not face[0].isascii() else {"label": face})
                for face, style, custom_id in row
            ],
        }
        for row in rows
    ]


GRID = buttons(
    (("U1", 2, "u:1"), ("U2", 2, "u:2"), ("U3", 2, "u:3"), ("U4", 2, "u:4"), ("🔄", 2, "reroll")),
    (("V1", 2, "v:1"), ("V2", 2, "v:2"), ("V3", 2, "v:3"), ("V4", 2, "v:4")),
)
MODAL: Json = {
    "title": "Change the prompt",
    "custom_id": "remix:1",
    "components": [
        {
            "type": 18,
            "label": "Prompt",
            "description": "What the variations should show",
            "component": {
                "type": 4,
                "custom_id": "prompt",
                "style": 2,
                "value": "a red apple",
                "required": True,
            },
        },
        {
            "type": 18,
            "label": "Strength",
            "component": {
                "type": 3,
                "custom_id": "strength",
                "options": [
                    {"label": "Subtle", "value": "subtle", "default": True},
                    {"label": "Strong", "value": "strong"},
                ],
            },
        },
        {
            "type": 18,
            "label": "A picture to lean on",
            "component": {"type": 19, "custom_id": "picture", "required": False, "max_values": 1},
        },
    ],
}


class ScriptedBot:
    """Answers interactions through the same code as the stand-in's REST, so that only the bot is missing."""

    def __init__(self, world: World, *, steps: int = 3, pause: float = 0.05) -> None:
        self.world = world
        self.steps, self.pause = steps, pause
        self.seen: list[Json] = []
        self.silent = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._stop = world.on_dispatch(self._dispatch)
        world.put_commands(None, COMMANDS)
        world.online = 1
        world.emit("presence", online=True)

    def close(self) -> None:
        """Leave."""
        self._stop()
        self.world.online = 0
        self.world.emit("presence", online=False)

    def _dispatch(self, name: str, data: Json, guild_id: str | None) -> None:
        if name != "INTERACTION_CREATE":
            return
        self.seen.append(data)
        if not self.silent:
            task = asyncio.create_task(self._handle(data))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _answer(self, data: Json, kind: int, body: Json | None = None, *files: bytes) -> Any:
        uploads = {
            index: Upload(f"picture-{index}.png", file, "a drawn disc") for index, file in enumerate(files)
        }
        payload: Json = {"type": kind, "data": body or {}}
        return interactions.answer(self.world, data["id"], data["token"], payload, uploads)

    async def _handle(self, data: Json) -> None:
        await asyncio.sleep(self.pause)
        if data["type"] == interactions.AUTOCOMPLETE:
            typed = next(item["value"] for item in data["data"]["options"] if item.get("focused"))
            found = [{"name": name, "value": name} for name in MODELS if typed.lower() in name]
            self._answer(data, 8, {"choices": found})
        elif data["type"] == interactions.COMPONENT:
            await self._press(data)
        elif data["type"] == interactions.MODAL:
            self._answer(data, 4, {"content": "Changed, thank you.", "flags": 64})
        elif data["data"]["name"] == "imagine":
            await self._imagine(data)
        else:
            self._answer(data, 4, {"content": "Only for your eyes: **help** is near.", "flags": 64})

    async def _press(self, data: Json) -> None:
        what = data["data"]["custom_id"]
        if what.startswith("v:"):
            self._answer(data, 9, MODAL)
        elif what.startswith("u:"):
            self._answer(
                data, 4, {"content": f"**a red apple** - picture {what[-1]} <@{_user(data)}>"}, picture(256)
            )
        elif what == "reroll":
            self._answer(data, 4, {"content": "Only you may do that.", "flags": 64})

    async def _imagine(self, data: Json) -> None:
        prompt = next(item["value"] for item in data["data"]["options"] if item["name"] == "prompt")
        interaction = self._answer(data, 5)
        message = followups.original(self.world, interaction)
        for step in range(self.steps):
            await asyncio.sleep(self.pause)
            preview = Upload("preview.png", picture(64, shade=120 - 40 * step, cells=2))
            interactions.change(
                self.world,
                message,
                {
                    "content": f"**{prompt}** - {(step + 1) * 100 // (self.steps + 1)} %",
                    "attachments": [{"id": 0}],
                },
                {0: preview},
            )
        await asyncio.sleep(self.pause)
        grid = self.world.store(
            GENERAL_ID, Upload("grid.png", picture(512, cells=2), f"four pictures of {prompt}")
        )
        self.world.post(
            APP_ID,
            data["channel_id"],
            f"**{prompt}** - <@{_user(data)}>",
            attachments=[grid],
            components=numbered(GRID),
            reply_to=None,
        )
        interactions.change(self.world, message, {"content": f"**{prompt}** - done", "attachments": []}, {})


def numbered(rows: list[Json] = GRID) -> list[Json]:
    """Give every component its id, as Discord does."""
    count = 0
    out = []
    for row in rows:
        count += 1
        parts = []
        base = count
        for part in row["components"]:
            count += 1
            parts.append({**part, "id": count})
        out.append({**row, "id": base, "components": parts})
    return out


def _user(data: Json) -> str:
    return str((data.get("member") or data)["user"]["id"])


@asynccontextmanager
async def stage(**more: Any) -> AsyncIterator[tuple[Standin, ScriptedBot]]:
    """Run the stand-in with the page and the scripted bot."""
    standin = Standin(rate_limits=False)
    playground.mount(standin.app, standin.world)
    async with standin:
        bot = ScriptedBot(standin.world, **more)
        yield standin, bot
        bot.close()
