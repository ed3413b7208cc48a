"""A throwaway bot on an unmodified discord.py: uses every road the stand-in must have, nothing of ours."""

from __future__ import annotations

import asyncio
import io
import os
import re
import sys
from pathlib import Path

import discord
import yarl
from discord import app_commands

sys.path.insert(0, str(Path(__file__).parent))
from tracer_dot import DOT

discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
discord.http.Route.BASE = os.environ["LIMNER_DISCORD_API"]
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(os.environ["LIMNER_DISCORD_GATEWAY"])


def picture(name: str = "dot.png") -> discord.File:
    return discord.File(io.BytesIO(DOT), name, description="a dot")


class Press(discord.ui.DynamicItem[discord.ui.Button], template=r"t:(?P<what>\w+)"):
    def __init__(self, what: str) -> None:
        super().__init__(discord.ui.Button(label=what.upper(), custom_id=f"t:{what}"))
        self.what = what

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item, match: re.Match[str]
    ) -> Press:
        return cls(match["what"])

    async def callback(self, interaction: discord.Interaction) -> None:
        if self.what == "ask":
            await interaction.response.send_modal(Ask())
        elif self.what == "change":
            await interaction.response.edit_message(content="changed", view=buttons("ask"))
        elif self.what == "quiet":
            await interaction.response.defer()
            await interaction.followup.send("whispered", ephemeral=True)
        elif self.what == "silent":
            await asyncio.sleep(4)
        else:
            await interaction.response.send_message(f"{self.what} by {interaction.user.name}", file=picture())


class Ask(discord.ui.Modal, title="A question"):
    words = discord.ui.Label(text="Words", component=discord.ui.TextInput(max_length=100))
    files = discord.ui.Label(text="A file", component=discord.ui.FileUpload(required=False, max_values=1))

    async def on_submit(self, interaction: discord.Interaction) -> None:
        read = [len(await file.read()) for file in self.files.component.values]
        await interaction.response.send_message(f"{self.words.component.value} {read}", ephemeral=True)


def buttons(*names: str) -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    for name in names:
        view.add_item(Press(name))
    return view


class Tracer(discord.Client):
    def __init__(self) -> None:
        intents = discord.Intents(guilds=True, dm_messages=True)
        super().__init__(
            intents=intents, guild_ready_timeout=0.1, allowed_mentions=discord.AllowedMentions.none()
        )
        self.tree = app_commands.CommandTree(self)

    async def setup_hook(self) -> None:
        self.add_dynamic_items(Press)
        tree = self.tree

        @tree.command(description="Draw a dot")
        @app_commands.describe(prompt="what", picture_in="a picture")
        async def draw(
            interaction: discord.Interaction, prompt: str, picture_in: discord.Attachment | None = None
        ) -> None:
            await interaction.response.defer(thinking=True)
            for percent in (10, 50):
                await interaction.edit_original_response(
                    content=f"{percent} %", attachments=[picture("step.png")]
                )
            size = 0 if picture_in is None else len(await picture_in.read())
            names = ("one", "ask", "change", "quiet", "silent")
            channel = interaction.channel
            assert isinstance(channel, discord.abc.Messageable)
            await channel.send(
                f"{interaction.user.mention} {prompt} {size}",
                file=picture(),
                view=buttons(*names),
                nonce="fixed-nonce",
                allowed_mentions=discord.AllowedMentions(users=[interaction.user]),
            )
            await interaction.edit_original_response(content="done", attachments=[])

        @draw.autocomplete("prompt")
        async def prompts(interaction: discord.Interaction, text: str) -> list[app_commands.Choice[str]]:
            return [app_commands.Choice(name=f"{text} {end}", value=f"{text} {end}") for end in ("a", "b")]

        @tree.context_menu(name="Look")
        async def look(interaction: discord.Interaction, message: discord.Message) -> None:
            await interaction.response.send_message(f"saw {message.content[:20]!r}", ephemeral=True)

        @tree.command(description="Fail in a named way")
        async def fail(interaction: discord.Interaction, how: str) -> None:
            await FAILURES[how](interaction)

        @tree.command(description="Anywhere", auto_locale_strings=False)
        @app_commands.allowed_installs(guilds=True, users=True)
        @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
        async def anywhere(interaction: discord.Interaction) -> None:
            await interaction.response.send_message(f"here {interaction.is_user_integration()}")
            sent = 0
            try:
                for _ in range(6):
                    await interaction.followup.send("more")
                    sent += 1
            except discord.HTTPException as error:
                await interaction.edit_original_response(content=f"{sent} then {error.code}")

        @tree.command(description="The new layout")
        async def layout(interaction: discord.Interaction) -> None:
            view = discord.ui.LayoutView()
            gallery = discord.ui.MediaGallery(
                discord.MediaGalleryItem("attachment://dot.png", description="dot")
            )
            row = discord.ui.ActionRow(
                discord.ui.Select(options=[discord.SelectOption(label="red", value="r")])
            )
            text = discord.ui.TextDisplay("# Hello")
            view.add_item(
                discord.ui.Container(text, gallery, discord.ui.Separator(), row, accent_colour=0x112233)
            )
            await interaction.response.send_message(view=view, file=picture())

        @tree.command(description="Threads, history, reactions, direct messages")
        async def tour(interaction: discord.Interaction) -> None:
            await interaction.response.send_message("touring")
            channel = interaction.channel
            assert isinstance(channel, discord.TextChannel)
            message = await channel.send("to be talked about")
            await message.add_reaction("🎨")
            thread = await message.create_thread(name="talk")
            await thread.send("inside")
            history = [entry.content async for entry in channel.history(limit=10)]
            dm = await interaction.user.create_dm()
            await dm.send(f"{len(history)} messages")
            async with channel.typing():
                fetched = await channel.fetch_message(message.id)
            await fetched.reply("replied", mention_author=False)
            await message.delete()

        await tree.sync()


async def _attempt(interaction: discord.Interaction, **message: object) -> None:
    try:
        await interaction.response.send_message(**message)
    except discord.HTTPException as error:
        await interaction.response.send_message(f"{error.status} {error.code}")


async def _twice(interaction: discord.Interaction) -> None:
    await interaction.response.defer()
    interaction.response._response_type = None
    try:
        await interaction.response.defer()
    except discord.HTTPException as error:
        await interaction.edit_original_response(content=f"{error.status} {error.code}")


async def _late(interaction: discord.Interaction) -> None:
    await asyncio.sleep(3.2)
    try:
        await interaction.response.defer()
    except discord.HTTPException as error:
        channel = interaction.channel
        assert isinstance(channel, discord.abc.Messageable)
        await channel.send(f"{error.status} {error.code}")


def _row(label: str) -> discord.ui.View:
    view = discord.ui.View()
    view.add_item(discord.ui.Button(label=label, custom_id="same"))
    return view


FAILURES = {
    "long": lambda interaction: _attempt(interaction, content="x" * 2001),
    "empty": lambda interaction: _attempt(interaction, content=""),
    "big": lambda interaction: _attempt(
        interaction, file=discord.File(io.BytesIO(b"\0" * (10 * 2**20 + 1)), "big.bin")
    ),
    "label": lambda interaction: _attempt(interaction, content="x", view=_row("y" * 81)),
    "twice": _twice,
    "late": _late,
}


if __name__ == "__main__":
    client = Tracer()
    client.run(os.environ["LIMNER_TOKEN"], log_handler=None if "-q" in sys.argv else discord.utils.MISSING)
