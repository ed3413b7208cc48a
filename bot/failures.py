"""Where every failure is answered: nobody sees a bare "interaction failed"; knows no commands."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Coroutine, Sequence
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import discord
from discord import app_commands, ui

from bot.custom_ids import ACCEPT_ID, Of, appeal_id
from bot.language import Translator, hear
from bot.messages import asking as messages_asking
from bot.messages import jobs as messages_jobs
from bot.messages import welcome as messages_welcome
from bot.messages.reports import APPEAL
from engine.errors import Cancelled, EngineError, LimitError, LimnerError, UserError
from engine.service import RulesError
from engine.words import said, say

log = logging.getLogger(__name__)

THINKING = "limner.thinking"
"""Key of ``interaction.extras``: the first answer was a "thinking" message, ``PUBLIC`` or ``HIDDEN``."""
PUBLIC, HIDDEN = "public", "hidden"
TYPED = "limner.typed"
"""Key of ``interaction.extras``: what was typed, to be given back with a refusal."""
REDO = "limner.redo"
"""Key of ``interaction.extras``: the ``custom_id`` of a button that draws the line given back."""

GONE = frozenset({10003, 10008, 10015, 10062, 50027})
"""Error codes that mean nobody is left to answer: unknown channel, message, webhook, interaction."""

MENUS = {"Describe": "describe", "DM results": "show", "Edit": "edit"}
"""Menus that stand under the rules of a command of another name."""

P = ParamSpec("P")
S = TypeVar("S")
Interaction = discord.Interaction[Any]
Slash = app_commands.Command
Answering = Callable[Concatenate[S, Interaction, P], Coroutine[Any, Any, None]]


def guarded(callback: Answering[S, P]) -> Answering[S, P]:
    """Wrap a button's or modal's callback so that whatever it raises reaches the person as a sentence.

    discord.py logs and swallows what a component's callback raises; the person would see nothing.
    """

    @wraps(callback)
    async def answering(self: S, interaction: Interaction, /, *args: P.args, **kwargs: P.kwargs) -> None:
        hear(interaction)
        try:
            interaction.client.service.pace(str(interaction.user.id))
            await callback(self, interaction, *args, **kwargs)
        except Exception as error:
            await answer(interaction, error)

    return answering


class Tree(app_commands.CommandTree[Any]):
    """The command tree, answering failures like everything else."""

    def add(self, command: Any, scopes: Sequence[discord.Object]) -> None:
        """Take a command in, for some servers or for all."""
        if not isinstance(command, app_commands.ContextMenu):
            self.add_command(command, guilds=scopes) if scopes else self.add_command(command)
            return
        # discord.py 2.7.1 refuses a sixth menu; Discord takes fifteen since March 2026
        for scope in scopes or (None,):
            key = command.name, None if scope is None else scope.id, command.type.value
            self._context_menus[key] = command

    async def payload(self, guild: discord.Object | None) -> list[dict[str, Any]]:
        """Return what is registered in a server, or everywhere, with descriptions in every language."""
        await self.set_translator(translator := Translator())
        commands = self.get_commands(guild=guild)
        return [await command.get_translated_payload(self, translator) for command in commands]

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Ask the rules of the place before anything else, also before what is typed is completed."""
        hear(interaction)
        command = interaction.command
        if command is None:
            return True
        name = (command.root_parent or command).name if isinstance(command, Slash) else command.name
        try:
            if interaction.type is not discord.InteractionType.autocomplete:
                interaction.client.service.pace(str(interaction.user.id))
            interaction.client.admit(interaction, MENUS.get(name, name))
        except UserError as refused:
            if interaction.type is discord.InteractionType.autocomplete:
                await interaction.response.autocomplete([])
                return False
            if typed := getattr(interaction.namespace, "prompt", None):
                interaction.extras.setdefault(TYPED, str(typed))
            await answer(interaction, refused)
            return False
        return True

    async def on_error(self, interaction: Interaction, error: app_commands.AppCommandError, /) -> None:
        """Answer what a command or its checks raised."""
        if interaction.type is discord.InteractionType.autocomplete:
            return  # nothing can be said there; the list stays empty
        await answer(interaction, error)


def sentence(error: BaseException) -> str:
    """Return what a person is told about ``error``; the general apology for what nobody foresaw."""
    match error:
        case UserError():
            return messages_asking.refusal(said(error), error.repaired)
        case EngineError():
            return say(error.apology)
        case Cancelled():
            return say(messages_jobs.CANCELLED)
        case app_commands.CommandNotFound() | app_commands.CommandSignatureMismatch():
            return say(messages_asking.OUTDATED)
        case app_commands.TransformerError():
            return say(
                "`{value}` cannot be used there. Please choose one of the values offered.",
                value=str(error.value)[:80],
            )
        case _:
            return say(messages_asking.APOLOGY)


async def answer(interaction: Interaction, error: BaseException) -> None:
    """Log ``error`` where it is ours, and tell the person what happened; never raises."""
    if isinstance(error, app_commands.CommandInvokeError):
        error = error.original
    if isinstance(error, discord.HTTPException) and error.code in GONE:
        log.info("nobody left to answer: code %s, interaction %s", error.code, interaction.id)
        return
    if not isinstance(error, (UserError, Cancelled, app_commands.AppCommandError)):
        log.error("interaction %s by %s failed", interaction.id, interaction.user.id, exc_info=error)
    if isinstance(error, LimnerError) and error.for_host:
        await interaction.client.tell_host(error.for_host)
    text, typed = sentence(error), interaction.extras.get(TYPED)
    if isinstance(error, LimitError) and error.prompt:
        typed = error.prompt
    kept = getattr(error, "repaired", None) or typed
    # a repaired line is the better one to copy
    if isinstance(error, RulesError):
        text, whole = messages_welcome.rules(str(error), typed)
    elif typed and typed.strip() and getattr(error, "repaired", None) is None:
        text, whole = messages_asking.with_prompt(text, typed)
    else:
        whole = kept is None or kept.strip().replace("`", "'") in text.replace("`", "'")
    try:
        # a message cannot hold the longest prompts: those come back as a file
        await reply(interaction, text, None if whole else kept, _buttons(interaction, error, text))
    except (discord.DiscordException, OSError) as silent:
        log.warning("could not answer interaction %s: %s", interaction.id, silent)


class LastingView(ui.View):
    """Buttons that their ``custom_id`` alone tells of: discord.py need not remember where they stand.

    It remembers every view with plain buttons until the process ends, unless that has stopped.
    """

    def __init__(self, *items: ui.Item[Any]) -> None:
        super().__init__(timeout=None)
        self.stop()
        for item in items:
            self.add_item(item)


def _buttons(interaction: Interaction, error: BaseException, text: str) -> ui.View | None:
    """Return the row under a refusal: draw the line in it, and appeal, each where it can help."""
    view = LastingView()
    if isinstance(error, RulesError):
        view.add_item(
            ui.Button(
                label=say(messages_welcome.ACCEPT), style=discord.ButtonStyle.success, custom_id=ACCEPT_ID
            )
        )
    redo = interaction.extras.get(REDO)
    repaired = getattr(error, "repaired", None)
    passing = isinstance(error, LimitError) and error.kind != "size"
    if redo is not None and (repaired is not None or passing) and messages_asking.copied(text) is not None:
        label = messages_asking.redo(interaction.extras.get(TYPED) or "", repaired)
        view.add_item(ui.Button(label=label, custom_id=redo))
    # a rule that moderators can change
    number = getattr(error, "number", None)
    if number is not None and not getattr(error, "absolute", False):
        view.add_item(ui.Button(label=say(APPEAL), custom_id=appeal_id(Of.REFUSAL, str(number))))
    return view if view.children else None


async def reply(
    interaction: Interaction, text: str, prompt: str | None = None, view: ui.View | None = None
) -> None:
    """Give this interaction its answer, whichever state it is in; only the person sees it where possible.

    ``prompt`` goes with it as a file.
    """
    buttons: dict[str, Any] = {} if view is None else {"view": view}

    def files() -> list[discord.File]:  # each send reads them to the end
        if prompt is None:
            return []
        data = io.BytesIO(prompt.encode("utf-8", "replace"))
        return [discord.File(data, "prompt.txt", description=say(messages_asking.PROMPT_FILE))]

    if not interaction.response.is_done():
        await interaction.response.send_message(text, ephemeral=True, files=files(), **buttons)
    elif interaction.extras.get(THINKING) == HIDDEN:
        await interaction.edit_original_response(content=text, attachments=files(), view=view)
    elif interaction.extras.get(THINKING) == PUBLIC:
        # the first follow-up of a public "thinking" would be public too: fill that one, then remove it
        await interaction.edit_original_response(
            content=say(messages_asking.REFUSED), attachments=[], view=None
        )
        await interaction.followup.send(text, ephemeral=True, files=files(), **buttons)
        await interaction.delete_original_response()
    else:
        await interaction.followup.send(text, ephemeral=True, files=files(), **buttons)
