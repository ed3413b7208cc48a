"""A throwaway bot on an unmodified hikari: one command with progress, a picture, a button, a modal."""

from __future__ import annotations

import asyncio
import os

import hikari

from tests.bot.demo.tracer_dot import DOT

bot = hikari.GatewayBot(
    os.environ["LIMNER_TOKEN"],
    rest_url=os.environ["LIMNER_DISCORD_API"],
    intents=hikari.Intents.GUILDS,
    banner=None,
    logs="WARNING",
)


@bot.listen()
async def started(event: hikari.StartedEvent) -> None:
    application = await bot.rest.fetch_application()
    prompt = hikari.CommandOption(
        type=hikari.OptionType.STRING, name="prompt", description="p", is_required=True
    )
    draw = bot.rest.slash_command_builder("draw", "Draw a dot").add_option(prompt)
    await bot.rest.set_application_commands(application, [draw])


@bot.listen()
async def used(event: hikari.InteractionCreateEvent) -> None:
    interaction = event.interaction
    match interaction:
        case hikari.CommandInteraction():
            await interaction.create_initial_response(hikari.ResponseType.DEFERRED_MESSAGE_CREATE)
            await interaction.edit_initial_response("50 %")
            row = bot.rest.build_message_action_row()
            row.add_interactive_button(hikari.ButtonStyle.PRIMARY, "h:one", label="ONE")
            row.add_interactive_button(hikari.ButtonStyle.SECONDARY, "h:ask", label="ASK")
            await bot.rest.create_message(
                interaction.channel_id,
                f"{interaction.user.mention} {interaction.options[0].value}",
                attachment=hikari.Bytes(DOT, "dot.png"),
                component=row,
                user_mentions=[interaction.user],
            )
            await interaction.edit_initial_response("done")
        case hikari.ComponentInteraction(custom_id="h:one"):
            text = f"one by {interaction.user.username}"
            await interaction.create_initial_response(
                hikari.ResponseType.MESSAGE_CREATE, text, flags=hikari.MessageFlag.EPHEMERAL
            )
        case hikari.ComponentInteraction(custom_id="h:ask"):
            field = bot.rest.build_modal_action_row().add_text_input("words", "Words")
            await interaction.create_modal_response("A question", "h:modal", component=field)
        case hikari.ModalInteraction():
            words = interaction.components[0].components[0].value
            await interaction.create_initial_response(hikari.ResponseType.MESSAGE_CREATE, f"said {words}")


asyncio.set_event_loop(asyncio.new_event_loop())
bot.run(check_for_updates=False)
