"""``/admin``, used by people with and without the right, and what it then does to everybody."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import datetime
import io
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from bot.cli import main
from bot.commands.admin.work import ending
from bot.demo.driver import Actor, Answer, BotProcess, Discord
from bot.demo.seed_data import ADMIN_CHANNEL_ID, ADMIN_ROLE_ID, ALICE_ID, BOB_ID, GENERAL_ID, GUILD_ID
from bot.demo.shapes import Json
from engine.errors import PromptError
from engine.rules import changes
from engine.service.admin import Administration
from engine.store.connection import Store
from tests.bot.conftest import is_grid

MakeBot = Callable[..., BotProcess]

pytestmark = pytest.mark.e2e

GALLERY_ID = "1100000000000000112"
FORBIDDEN = "`/admin` is for those who manage this server"

# every subcommand in an order that makes sense: options, and what the answer says to who may
USES: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("channels allow", {"channel": "#gallery"}, f"I now answer in <#{GALLERY_ID}>, and elsewhere only where"),
    ("channels allow", {"channel": f"<#{GENERAL_ID}>"}, f"I now answer in <#{GENERAL_ID}>"),
    ("channels deny", {"channel": GALLERY_ID}, f"I do not answer in <#{GALLERY_ID}> any more"),
    ("channels deny", {"channel": "no such place"}, "I see no channel `no such place` here"),
    ("channels content", {"level": "restricted", "past": "spoiler", "channel": "after-dark"}, "restricts a"),
    ("channels list", {}, "everywhere else: no"),
    ("channels reset", {"channel": "gallery"}, f"<#{GALLERY_ID}> has no rules of its own any more"),
    ("channels reset", {}, "I answer everywhere"),
    ("log", {"channel": "gallery"}, f"is reported in <#{GALLERY_ID}>"),
    ("roles command", {"command": "/vary", "role": ADMIN_ROLE_ID}, f"`/vary` is for <@&{ADMIN_ROLE_ID}>"),
    ("roles command", {"command": "imagin", "role": ADMIN_ROLE_ID}, "Did you mean `imagine`?"),
    ("roles command", {"command": "help", "role": ADMIN_ROLE_ID}, "There is no command `help` that can be"),
    ("roles model", {"model": "pocket", "role": ADMIN_ROLE_ID}, "The model `pocket` is for"),
    ("roles model", {"model": "pocket", "role": ADMIN_ROLE_ID, "remove": True}, "is for everybody"),
    ("roles speed", {"speed": "turbo", "role": ADMIN_ROLE_ID}, "The speed `turbo` is for"),
    ("roles size", {"role": GUILD_ID, "side": 512}, "@everyone draws up to 512 × 512 pixels"),
    ("roles weight", {"role": ADMIN_ROLE_ID, "weight": 2.5}, "counts 2.5 times in the queue"),
    ("roles allowance", {"role": ADMIN_ROLE_ID, "seconds": 600.0}, "may use 600 seconds of the engine"),
    ("roles list", {}, "up to 512 × 512"),
    ("roles reset", {"role": ADMIN_ROLE_ID}, "has no rules any more"),
    ("roles reset", {}, "everybody may use everything"),
    ("defaults settings", {"flags": "--ar 2:3 --stylize 50"}, "draws with `--ar 2:3"),
    ("defaults settings", {"flags": "a cat"}, "Only flags can stand here"),
    ("defaults suffix", {"flags": "--no text"}, "`--no text` is put after prompts here"),
    ("defaults model", {"model": "pocket"}, "draws with `pocket` here"),
    ("defaults show", {}, "--ar 2:3"),
    ("defaults label", {"where": "corner"}, "a machine made them, in their corner"),
    ("defaults label", {}, "carry no visible word"),
    ("styles set", {"name": "House", "adds": "in blue  ink"}, "`--style house` adds: `in blue ink`"),
    ("styles set", {"name": "anime", "adds": "x"}, "There is a style `anime` everywhere already"),
    ("styles list", {}, "`--style house`"),
    ("styles remove", {"name": "house"}, "There is no style `house` here any more"),
    ("words block", {"words": "pineapple, blue car"}, "Not drawn here"),
    ("words try", {"prompt": "a p1neapple"}, "Held back (`list: pineapple`)"),
    ("words try", {"prompt": "a red apple"}, "Let through"),
    ("words allow", {"words": "pineapple pizza"}, "Let through here after all"),
    ("words list", {}, "`pineapple`"),
    ("words remove", {"words": "PINEAPPLE, pineapple pizza"}, "Off the lists"),
    ("words remove", {"words": "never listed"}, "None of these words is on a list"),
    ("ban", {"person": ALICE_ID, "reason": "spam"}, f"<@{ALICE_ID}> does not draw in this server. "),
    ("bans", {}, "for good"),
    ("unban", {"person": f"<@{ALICE_ID}>"}, f"<@{ALICE_ID}> may draw again"),
    ("unban", {"person": ALICE_ID}, "is not banned here"),
    ("bankey", {"number": 1}, "Only the bot's owner can do that"),
    ("timeout", {"person": ALICE_ID, "length": "2h"}, "does not draw in this server for 2 hours"),
    ("timeout", {"person": ALICE_ID, "length": "soon"}, "`soon` is no length of time"),
    ("unban", {"person": ALICE_ID}, "may draw again"),
    ("pause", {}, "Paused"),
    ("pause", {}, "It was already like that. Paused"),
    ("drain", {}, "Draining"),
    ("resume", {}, "Going on"),
    ("jobs list", {}, "0 jobs waiting or being drawn"),
    ("jobs move", {"job": "0123456789", "to": "front"}, "There is no such job"),
    ("jobs cancel", {}, "Name a job or a person"),
    ("jobs cancel", {"all": True}, "There was nothing to cancel"),
    ("models list", {}, "`pocket`"),
    ("models load", {"model": "pocket"}, "is being brought into memory"),
    ("models unload", {"model": "pocket"}, "is dropped from memory"),
    ("models disable", {"model": "pocket"}, "Nobody draws with `pocket`"),
    ("models enable", {"model": "pocket"}, "`pocket` can be drawn with"),
    ("stats", {"days": 7}, "The last 7 days"),
    ("export", {}, "0 jobs of the last 30 days"),
    ("audit", {}, "**models enable** `pocket`"),
)  # fmt: skip


def leaves(options: list[Json], before: str = "") -> Iterator[str]:
    for option in options:
        name = f"{before} {option['name']}".strip()
        if option["type"] == 1:
            yield name
        elif option["type"] == 2:
            yield from leaves(option["options"], name)


def the_command(discord: Discord) -> Json:
    return next(one for one in discord.world.commands[None] if one["name"] == "admin")


def promote(discord: Discord, user: str) -> None:
    """Give somebody the Admin role; only ada owns the bot."""
    discord.world.members[GUILD_ID][user]["roles"].append(ADMIN_ROLE_ID)


async def told(discord: Discord, answer: Answer) -> str:
    """Return the whole answer, once it is there."""
    await discord.until(lambda: answer.message.data["content"], "the answer")
    return str(answer.message.data["content"])


async def admin(discord: Discord, who: Actor, name: str, /, **options: Any) -> str:
    return await told(discord, await who.send(f"admin {name}", options))


def record(data: Path) -> list[tuple[str, str, str | None]]:
    with sqlite3.connect(f"file:{data / 'limner.db'}?mode=ro", uri=True) as db:
        rows = db.execute("SELECT actor, action, target FROM audit ORDER BY id").fetchall()
    db.close()
    return rows


async def test_every_command_refuses_who_may_not(discord: Discord, bot: BotProcess, data: Path) -> None:
    command = the_command(discord)
    assert {name for name, _, _ in USES} == set(leaves(command["options"])), "a command that is not tried"
    assert int(command["default_member_permissions"]) == 1 << 5  # Manage Server
    assert command["contexts"] == [0]
    alice = discord.user("alice")
    assert "admin" not in {one["name"] for one in alice.person.commands("general")}
    # a server's admins may offer it to anybody (Server Settings > Integrations); that gives no right
    command["default_member_permissions"] = None
    for name, options, _ in USES:
        assert FORBIDDEN in await admin(discord, alice, name, **options), name
    for name, option in (("admin unban", "person"), ("admin jobs cancel", "job"), ("admin log", "channel")):
        assert await alice.autocomplete(name, option, "") == []
    assert record(data) == []


async def test_every_command_serves_who_may(discord: Discord, bot: BotProcess, data: Path) -> None:
    promote(discord, BOB_ID)
    bob = discord.user("bob")
    for name, options, said in USES:
        answer = await bob.send(f"admin {name}", options)
        assert said in await told(discord, answer), name
        assert answer.message.data["flags"] & 64, "only who asked sees it"
    assert {actor for actor, _, _ in record(data)} == {BOB_ID}
    assert record(data)[:3] == [
        (BOB_ID, "channels allow", GALLERY_ID),
        (BOB_ID, "channels allow", GENERAL_ID),
        (BOB_ID, "channels deny", GALLERY_ID),
    ]
    # what was done while there was a log channel was reported there, by whom
    reported = await discord.wait_for_message(
        lambda message: "models enable" in message.data["content"], channel=GALLERY_ID
    )
    assert f"by <@{BOB_ID}>" in reported.data["content"]
    assert reported.data["mentions"] == []
    said = "\n".join(message.data["content"] for message in discord.messages(GALLERY_ID))
    assert said.count("**unban**") == 2
    assert f"**ban** <@{ALICE_ID}> by <@{BOB_ID}> (reason `spam`)" in said
    for name, option, typed, offered in (
        ("admin channels allow", "channel", "gal", "#gallery"),
        ("admin roles command", "command", "var", "vary"),
        ("admin models load", "model", "poc", "pocket"),
    ):
        [choice] = await bob.autocomplete(name, option, typed)
        assert choice["name"] == offered


async def test_only_the_owner_means_all_servers(discord: Discord, bot: BotProcess, data: Path) -> None:
    promote(discord, BOB_ID)
    bob, ada = discord.user("bob"), discord.user("ada")
    everywhere = [
        (name, options) for name, options, _ in USES
        if name in ("pause", "drain", "resume", "bans", "stats", "export", "audit", "jobs list", "words list")
    ] + [("ban", {"person": ALICE_ID}), ("models disable", {"model": "pocket"})]  # fmt: skip
    for name, options in everywhere:
        text = await admin(discord, bob, name, **options, everywhere=True)
        assert "Only the bot's owner" in text, name
    assert record(data) == []
    assert "has paused" not in await admin(discord, ada, "pause", everywhere=True)
    assert "bot's owner has paused" in await admin(discord, bob, "resume")
    assert "Going on" in await admin(discord, ada, "resume", everywhere=True)
    assert "in any server" in await admin(discord, ada, "ban", person=ALICE_ID, everywhere=True)
    refused = await told(discord, await discord.user("alice").slash("imagine", prompt="a red apple"))
    assert "You may not draw here." in refused
    assert "a red apple" in refused, "what was typed is given back"
    assert "bot's owner, who cannot be kept out" in await admin(discord, bob, "ban", person=ada.id)
    assert "They manage this server" in await admin(discord, ada, "ban", person=bob.id)


async def test_nobody_is_sent_to_a_channel_that_they_do_not_see(discord: Discord, bot: BotProcess) -> None:
    alice, ada = discord.user("alice"), discord.user("ada")
    await admin(discord, ada, "channels allow", channel=ADMIN_CHANNEL_ID)
    refused = await told(discord, await alice.slash("imagine", prompt="a red apple"))
    assert "Try another channel." in refused
    refused = await told(discord, await ada.slash("imagine", prompt="a red apple"))
    assert f"Try <#{ADMIN_CHANNEL_ID}>." in refused


async def test_what_is_decided_holds_for_everybody(discord: Discord, bot: BotProcess) -> None:
    alice, ada = discord.user("alice"), discord.user("ada")
    thread = discord.world.start_thread(ALICE_ID, GALLERY_ID, "sketches")["id"]
    await admin(discord, ada, "channels deny", channel="gallery")
    for channel in (GALLERY_ID, thread):
        refused = await told(discord, await alice.slash("imagine", channel=channel, prompt="a red apple"))
        assert "I do not draw in this channel." in refused
        assert "a red apple" in refused
    assert "whatever is said of" in await admin(discord, ada, "channels allow", channel=thread)
    await alice.slash("imagine", channel=thread, prompt="a red apple")
    grid = await discord.wait_for_message(is_grid, channel=thread)

    await admin(discord, ada, "roles command", command="vary", role=ADMIN_ROLE_ID)
    await alice.click(grid, "V1")
    await discord.until(
        lambda: any("`/vary` is for people with the role" in one.data["content"]
                    for one in discord.messages(thread)), "the refusal",
    )  # fmt: skip
    await discord.user("ada").click(grid, "V1")
    await discord.wait_for_message(is_grid, channel=thread, after=grid)

    await admin(discord, ada, "defaults settings", flags="--ar 2:3 --chaos 5")
    await admin(discord, ada, "styles set", name="house", adds="in blue ink")
    assert "house" in {one["value"] for one in await alice.autocomplete("imagine", "style", "hou")}
    await alice.slash("imagine", prompt="a red apple --chaos 9 --style house")
    drawn = await discord.wait_for_message(is_grid)
    info = await alice.context_menu("Info", drawn)
    await discord.until(lambda: info.message.data["embeds"], "the facts")
    facts = {one["name"]: one["value"] for one in info.message.data["embeds"][0]["fields"]}
    assert "server" in facts["Size"] or any("server" in value for value in facts.values()), facts
    assert any("in blue ink" in value for value in facts.values()), facts


async def test_a_pause_holds_jobs_that_can_be_seen_moved_and_cancelled(
    discord: Discord, make_bot: MakeBot
) -> None:
    promote(discord, BOB_ID)
    async with make_bot(step_seconds=0.05):
        alice, bob = discord.user("alice"), discord.user("bob")
        await admin(discord, bob, "pause")
        for prompt in ("a red apple", "a blue car"):
            asked = await alice.slash("imagine", prompt=prompt)
            await discord.until(lambda it=asked: "waiting" in it.message.data["content"], "its turn")  # type: ignore[misc]
            await discord.until(
                lambda it=asked: "paused by an admin" in it.message.data["content"], "the pause"  # type: ignore[misc]
            )
        listed = await admin(discord, bob, "jobs list")
        assert "2 jobs waiting or being drawn** Paused." in listed
        assert listed.count("held back") == 2
        first, second = await bob.autocomplete("admin jobs cancel", "job", "")
        assert "Cancelled 1 job" in await admin(discord, bob, "jobs cancel", job=first["value"])
        assert not any(map(is_grid, discord.messages()))
        await admin(discord, bob, "resume")
        grid = await discord.wait_for_message(is_grid)
        assert second["value"] in str(grid.data["components"])
        assert "does not wait (any more)" in await admin(
            discord, bob, "jobs move", job=second["value"], to="front"
        )


def test_a_pause_ends_after_a_time_or_at_one() -> None:
    now = datetime.datetime(2026, 11, 24, 17, 45, 30, tzinfo=datetime.UTC)
    assert ending("2h", now) == datetime.datetime(2026, 11, 24, 19, 45, 30, tzinfo=datetime.UTC).timestamp()
    assert ending("18:30", now) == datetime.datetime(2026, 11, 24, 18, 30, tzinfo=datetime.UTC).timestamp()
    assert ending("6.05", now) == datetime.datetime(2026, 11, 25, 6, 5, tzinfo=datetime.UTC).timestamp()
    for wrong in ("24:00", "soon", "18:60"):
        with pytest.raises(PromptError, match="length of time"):
            ending(wrong, now)


async def test_a_pause_says_when_it_ends_and_ends_by_itself(
    discord: Discord, make_bot: MakeBot, data: Path
) -> None:
    promote(discord, BOB_ID)
    async with make_bot():
        alice, bob = discord.user("alice"), discord.user("bob")
        said = await admin(discord, bob, "pause", until="2h")
        [end] = re.findall(r"Paused until <t:(\d+):f>", said)
        assert 7100 < int(end) - time.time() < 7300
        asked = await alice.slash("imagine", prompt="a red apple")
        waits = f"(waiting, paused by an admin until <t:{end}:t>)"
        await discord.until(lambda: waits in asked.message.data["content"], "the pause")
        queue = await alice.slash("queue")
        await discord.until(lambda: f"until <t:{end}:t>" in queue.message.data["content"], "the queue")
        assert not any(map(is_grid, discord.messages()))
    async with Store.open(data / "limner.db") as store:  # two hours later
        ended = changes.set_state("paused", time.time())
        await (await Administration.of(store)).change(BOB_ID, GUILD_ID, ended)
    async with make_bot():
        await discord.wait_for_message(is_grid)
        record = await admin(discord, bob, "audit")
        assert "resume" in record


async def test_a_moved_job_goes_first_also_after_a_power_cut(
    discord: Discord, make_bot: MakeBot, data: Path
) -> None:
    promote(discord, BOB_ID)
    alice, bob = discord.user("alice"), discord.user("bob")
    async with make_bot() as bot:
        await admin(discord, bob, "pause")
        for prompt in ("a red apple", "a blue car"):
            asked = await alice.slash("imagine", prompt=prompt)
            await discord.until(lambda it=asked: "waiting" in it.message.data["content"], "its turn")  # type: ignore[misc]
        [later] = await bob.autocomplete("admin jobs move", "job", "blue", to="front")
        assert "goes before all others" in await admin(
            discord, bob, "jobs move", job=later["value"], to="front"
        )
        await bot.kill()
        await bot.start()
        await admin(discord, bob, "resume")
        await discord.until(lambda: len([*filter(is_grid, discord.messages())]) == 2, "both grids")
    # they are drawn in the same calls, so that either may be posted first
    with contextlib.closing(sqlite3.connect(f"file:{data / 'limner.db'}?mode=ro", uri=True)) as db:
        began = [row[0] for row in db.execute("SELECT prompt FROM job ORDER BY started_at")]
    assert began == ["a blue car", "a red apple"]


async def test_figures_as_a_picture_and_as_a_table(discord: Discord, bot: BotProcess) -> None:
    alice, ada = discord.user("alice"), discord.user("ada")
    await alice.slash("imagine", prompt="=HYPERLINK(1)")
    await discord.wait_for_message(is_grid)
    stats = await ada.slash("admin stats")
    said = await told(discord, stats)
    assert "1 job by 1 person, 4 pictures" in said
    assert "cpu:0 (fake): drawing 0, 1 drawn since the start, holds `pocket`" in said
    [file] = stats.message.data["attachments"]
    picture = Image.open(io.BytesIO(discord.world.file(file["id"])))
    assert (picture.format, picture.size) == ("PNG", (1200, 1040))
    assert "1" in file["description"]
    export = await ada.slash("admin export", days=1)
    assert "1 job of the last 1 day." in await told(discord, export)
    [file] = export.message.data["attachments"]
    rows = [*csv.DictReader(io.StringIO(discord.world.file(file["id"]).decode("utf-8-sig")))]
    assert [(row["person"], row["state"], row["pictures"]) for row in rows] == [(ALICE_ID, "rendered", "4")]
    assert "HYPERLINK" not in str(rows), "prompts stay out"


async def test_two_devices_at_work_stand_in_the_figures(
    discord: Discord, make_bot: MakeBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIMNER_ENGINE_DEVICES", "cpu,cpu")
    ada = discord.user("ada")
    asked, drawn = 0, dict[str, int]()
    async with make_bot(step_seconds=0.1):
        while len(drawn) < 2 or not all(drawn.values()):  # more than one holds, until both had their share
            for name in ("alice", "bob", "ada") * 3:
                await discord.user(name).slash("imagine", prompt="a red apple --steps 20")
                asked += 1
            await discord.until(
                lambda: len([*filter(is_grid, discord.messages())]) == asked,  # noqa: B023
                "all grids",
            )
            said = await told(discord, await ada.slash("admin stats"))
            found = re.findall(r"(cpu:\d) \(fake\): .*?(\d+) drawn", said)
            drawn = {name: int(count) for name, count in found}
    assert sorted(drawn) == ["cpu:0", "cpu:1"]
    assert sum(drawn.values()) == asked


async def limner(*arguments: str, data: Path) -> tuple[int, str]:
    """Run ``limner …`` beside the bot's process; return its exit code and what it said."""
    environment = {"LIMNER_DATA_DIR": str(data)}
    done = await asyncio.to_thread(CliRunner().invoke, main.app, arguments, env=environment)
    return done.exit_code, done.output


async def test_the_command_line_does_the_same_beside_a_running_bot(
    discord: Discord, make_bot: MakeBot, data: Path
) -> None:
    code, said = await limner("admin", "pause", data=data)
    assert code == 2
    assert said.startswith(f"limner: There is no `{data / 'limner.db'}` yet. Start the bot once")
    alice, ada = discord.user("alice"), discord.user("ada")
    async with make_bot():
        code, said = await limner("admin", "pause", data=data)
        assert (code, "within two seconds" in said) == (0, True)
        while "paused by an admin" not in await told(discord, await alice.slash("queue")):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        asked = await alice.slash("imagine", prompt="a red apple")
        await discord.until(lambda: "waiting" in asked.message.data["content"], "its turn")
        code, said = await limner("admin", "jobs", data=data)
        job = said.split()[0]
        assert said.startswith(f"{job}  queued   {ALICE_ID}")
        assert (await limner("admin", "cancel", job, data=data))[0] == 0
        await discord.until(lambda: "(cancelled)" in asked.message.data["content"], "the cancelled state")
        assert (await limner("admin", "cancel", job, data=data)) == (
            2, f"limner: Job `{job}` has ended: cancelled.\n",
        )  # fmt: skip
        assert (await limner("admin", "resume", data=data))[0] == 0
        banned = await limner("admin", "ban", ALICE_ID, "--reason", "spam", "--for", "2h", data=data)
        assert banned[0] == 0
        assert ALICE_ID in (await limner("admin", "bans", data=data))[1]
        assert (await limner("keys", "create", "program", data=data))[0] == 0
        kept_out = await admin(discord, ada, "bankey", number=1, length="2h", reason="loud")
        assert kept_out.startswith("`key:1` does not draw in any server for 2 hours. ")
        assert "key:1" in await admin(discord, ada, "bans", everywhere=True)
        assert "key:1" in await admin(discord, ada, "unban", person="key:1", everywhere=True)
        assert "key:1" not in (await limner("admin", "bans", data=data))[1]
        while "You may not draw" not in (  # noqa: ASYNC110
            refused := await told(discord, await alice.slash("imagine", prompt="a red apple"))
        ):
            await asyncio.sleep(0.5)
        assert "You may not draw here for about 2 hours more. Reason: spam" in refused
        assert "command line" in await admin(discord, ada, "audit", everywhere=True)
        await admin(discord, ada, "defaults settings", flags="--ar 2:3")
        await admin(discord, ada, "styles set", name="house", adds="in blue ink")
    for line, answer in (
        (["channels", "deny", GALLERY_ID], f"I do not answer in {GALLERY_ID} any more"),
        (["channels", "content", "restricted", "--past", "spoiler"], "Adult pictures are allowed in this"),
        (["channels", "list"], f"<#{GALLERY_ID}>: no"),
        (["channels", "reset", GALLERY_ID], "has no rules of its own"),
        (["roles", "command", "vary", ADMIN_ROLE_ID], f"vary: on the list: role {ADMIN_ROLE_ID}."),
        (["roles", "speed", "turbo", ADMIN_ROLE_ID], "turbo: on the list"),
        (["roles", "model", "pocket", ADMIN_ROLE_ID, "--remove"], "like that. pocket: off the list"),
        (["roles", "size", GUILD_ID, "512"], "draws up to 512 × 512 pixels"),
        (["roles", "weight", ADMIN_ROLE_ID, "2"], "counts 2 times in the queue"),
        (["roles", "allowance", ADMIN_ROLE_ID, "600", "--per", "month"], "600 seconds of the engine"),
        (["roles", "list"], "600 s a month"),
        (["roles", "reset"], "No role has rules any more"),
        (["defaults", "suffix", "--", "--no text"], "`--no text` is put after prompts here"),
        (["defaults", "model", "pocket"], "draws with `pocket` here"),
        (["defaults", "show"], "--ar 2:3"),
        (["styles", "set", "ink", "in black ink"], "--style ink` adds: `in black ink`"),
        (["styles", "remove", "ink"], "There is no style `ink` here any more"),
        (["styles", "list"], "`--style house`: `in blue ink`"),
        (["log", GALLERY_ID], "is reported in"),
        (["words", "--block", "teapot"], "blocked  teapot"),
        (["words", "--try", "a t3apot"], "Held back (`list: teapot`)"),
    ):  # fmt: skip
        at = line.index("--") if "--" in line else len(line)
        code, said = await limner("admin", *line[:at], "--server", GUILD_ID, *line[at:], data=data)
        assert (code, answer in said) == (0, True), (line, said)
    code, said = await limner("parse", "--server", GUILD_ID, "a cat", "--style", "house", data=data)
    assert code == 0
    assert "--ar 2:3  (from server)" in said
    assert "--style house  (from prompt)" in said
    code, said = await limner("admin", "stats", "--picture", str(data / "stats.png"), data=data)
    assert (code, "1 job by 1 person" in said) == (0, True)
    with Image.open(data / "stats.png") as picture:
        assert picture.size == (1200, 1040)
    code, said = await limner("admin", "export", str(data / "jobs.csv"), data=data)
    assert (code, said) == (0, f"1 job: {data / 'jobs.csv'}\n")
    assert (data / "jobs.csv").stat().st_mode & 0o777 == 0o600
    for wrong in (["ban", "alice"], ["unban", ALICE_ID, "--server", "5"], ["load", "nothing"], ["move", "x"]):
        code, said = await limner("admin", *wrong, data=data)
        assert code == 2
        assert said.startswith("limner: ")
        assert said.count("\n") == 1
