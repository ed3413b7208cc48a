"""Rights at every door: buttons, menus, dialogs and commands, pressed by somebody who may not."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.demo import interactions
from bot.demo.driver import Actor, Answer, BotProcess, Discord, NoAnswer, faces
from bot.demo.seed_data import ADMIN_ROLE_ID, APP_ID, BOB_ID, ELSEWHERE_ID, GENERAL_ID, GUILD_ID
from bot.demo.shapes import Message
from bot.demo.state import ANSWER_WITHIN
from engine.rules.permissions import ALWAYS
from tests.bot.commands.test_admin import admin, promote
from tests.bot.conftest import PATIENT, is_grid, is_picture

MakeBot = Callable[..., BotProcess]

pytestmark = pytest.mark.e2e

FREE = {"Info", "❤️"}
"""Buttons that draw and show nothing to others."""
NEEDED: dict[str, dict[str, Any]] = {
    "edit": {"instruction": "make it night"},
    "enhance": {"prompt": "a red apple"},
    "imagine": {"prompt": "a red apple"},
    "shorten": {"prompt": "a red apple"},
    "show": {"job": "0123456789"},
    "prefer option set": {"option": "mine", "value": "--ar 3:2"},
}
"""The options a command cannot do without."""


def work(data: Path) -> tuple[int, ...]:
    """Return how many jobs, promised messages and masks there are."""
    with contextlib.closing(sqlite3.connect(f"file:{data / 'limner.db'}?mode=ro", uri=True)) as db:
        return tuple(
            db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("job", "delivery", "mask")
        )


async def refused(discord: Discord, answer: Answer, why: str) -> None:
    """Wait for the refusal that only the person sees."""

    def told() -> bool:
        return any(
            why in message.data["content"] and message.data["flags"] & 64
            for message in discord.messages()
            if message.id > answer.interaction.id
        )

    await discord.until(told, f"{why!r} for {answer.interaction.name}")


async def shown(discord: Discord, who: Actor) -> tuple[Message, Message]:
    """Return a grid and a single picture of it."""
    await who.slash("imagine", prompt="a red apple --ar 3:2")
    grid = await discord.wait_for_message(is_grid)
    await who.click(grid, "U1")
    return grid, await discord.wait_for_message(is_picture, after=grid)


async def test_who_is_banned_draws_through_no_door(discord: Discord, bot: BotProcess, data: Path) -> None:
    alice, bob, ada = discord.user("alice"), discord.user("bob"), discord.user("ada")
    grid, one = await shown(discord, alice)
    zoom = await bob.click(one, "Custom Zoom")
    before = work(data)
    await admin(discord, ada, "timeout", person=BOB_ID, length="2h", reason="spam")
    why = "You may not draw in this server for about 2 hours more. Reason: spam"
    for message in (grid, one):
        for face in faces(message):
            answer = await bob.click(message, face)
            if face in FREE:
                await discord.until(lambda it=answer: it.message is not None, face)  # type: ignore[misc]
            else:
                await refused(discord, answer, why)
    # a dialog that was open when the time-out came gives back what was typed
    sent = await bob.submit(zoom, {"prompt": "a green pear", "factor": "1.5"})
    await refused(discord, sent, why)
    assert any("a green pear" in message.data["content"] for message in discord.messages())
    for menu in ("Describe", "DM results"):
        await refused(discord, await bob.context_menu(menu, one), why)
    tried = set()
    for name in discord.world.commands[None]:
        if name["type"] != 1 or name["name"] in ALWAYS | {"admin"}:
            continue
        for use in {key for key in NEEDED if key.split()[0] == name["name"]} or {name["name"]}:
            if use == name["name"] and any(option["type"] <= 2 for option in name.get("options", ())):
                continue  # a group has subcommands alone
            await refused(discord, await bob.send(use, NEEDED.get(use, {})), why)
            tried.add(use)
    assert {"imagine", "blend", "describe", "shorten", "inpaint", "vary", "upscale", "show", "turbo"} <= tried
    assert work(data) == before
    # forged: a button that is on no message is not heard at all; one with another job is read with care
    discord.world.answer_within = ANSWER_WITHIN
    with pytest.raises(NoAnswer):
        await _forged(discord, bob, grid, "l1:i:zzzzzzzzzz:")
    discord.world.answer_within = PATIENT
    button = grid.data["components"][0]["components"][0]
    for custom_id, said in (
        ("l1:r:zzzzzzzzzz::7", "You may not draw"),
        ("l1:x:zzzzzzzzzz:", "There is no such job here"),
        (f"l1:x:{_job(data)}:", "belongs to somebody else"),
    ):
        button["custom_id"] = custom_id
        await refused(discord, await _forged(discord, bob, grid, custom_id), said)
    assert work(data) == before


async def test_menus_stand_under_their_commands(discord: Discord, bot: BotProcess, data: Path) -> None:
    alice, bob, ada = discord.user("alice"), discord.user("bob"), discord.user("ada")
    grid, one = await shown(discord, alice)
    for command in ("show", "describe", "inpaint"):
        await admin(discord, ada, "roles command", command=command, role=ADMIN_ROLE_ID)
    before = work(data)
    for deed in (
        lambda: bob.context_menu("Describe", one),
        lambda: bob.context_menu("DM results", one),
        lambda: bob.click(grid, "U3"),
        lambda: bob.click(one, "Vary (Region)"),
    ):
        await refused(discord, await deed(), "is for people with the role")
    assert work(data) == before


async def test_admins_of_one_server_take_nothing_from_another(
    discord: Discord, make_bot: MakeBot, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIMNER_ALLOWANCE_SECONDS", "600")
    members = discord.world.members
    members[ELSEWHERE_ID][APP_ID] = {**members[GUILD_ID][APP_ID], "roles": []}
    promote(discord, BOB_ID)
    alice, bob, ada = discord.user("alice"), discord.user("bob"), discord.user("ada")
    role, more = {"role": GUILD_ID}, "only the bot's owner"
    async with make_bot():
        await admin(discord, bob, "pause")
        asked = await alice.slash("imagine", prompt="a red apple")
        await discord.until(lambda: "paused" in asked.message.data["content"], "its turn")
        job = _job(data)
        for name, options in (
            ("roles weight", role | {"weight": 1.5}),
            ("roles allowance", role | {"seconds": 601.0}),
            ("roles allowance", role | {"seconds": 18_030.0, "per": "month"}),
            ("jobs move", {"job": job, "to": "front"}),
            ("models load", {"model": "pocket"}),
        ):
            assert more in await admin(discord, bob, name, **options), name
            assert more not in await admin(discord, ada, name, **options), name
        for name, options in (
            ("roles weight", role | {"weight": 0.5}),
            ("roles allowance", role | {"seconds": 600.0}),
            ("roles allowance", role | {"seconds": 18_000.0, "per": "month"}),
            ("jobs move", {"job": job, "to": "back"}),
        ):
            assert more not in await admin(discord, bob, name, **options), name


def _job(data: Path) -> str:
    with contextlib.closing(sqlite3.connect(f"file:{data / 'limner.db'}?mode=ro", uri=True)) as db:
        return str(db.execute("SELECT id FROM job").fetchone()[0])


async def _forged(discord: Discord, who: Actor, message: Message, custom_id: str) -> Answer:
    """Press a button that is not on the message, as Discord would never let anybody."""
    data = {"custom_id": custom_id, "component_type": 2, "id": 1}
    made = interactions.create(
        discord.world, who.id, GENERAL_ID, interactions.COMPONENT, data, message=message
    )
    return await who._answered(made)
