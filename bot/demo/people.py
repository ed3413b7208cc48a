"""The hands of a person: all a Discord client lets somebody do, as methods; refuses what a client would.

Long: all that a person can do in a client.

A method returns at once with what was created; the bot's answer arrives as events of the `World`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bot.demo import interactions
from bot.demo import permissions as perm
from bot.demo.errors import DiscordError
from bot.demo.forms import SELECTS, walk
from bot.demo.shapes import DM, EPHEMERAL, GROUP_DM, Json, Message, Upload
from bot.demo.world import World

if TYPE_CHECKING:
    from bot.demo.interactions import Interaction

Value = str | int | float | bool | Upload
SUBCOMMAND, GROUP, STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = range(
    1, 12
)


class Refused(Exception):
    """What a Discord client does not let a person do; the text says why."""


class Person:
    """A user of the stand-in. Channels and messages are given by id (channels also by name)."""

    def __init__(self, world: World, user_id: str) -> None:
        self.world = world
        self.id = user_id
        self.user = world.users[user_id]

    @property
    def mention(self) -> str:
        """Return ``<@id>``."""
        return f"<@{self.id}>"

    def commands(self, channel: str) -> list[Json]:
        """Return the commands offered here."""
        return self.world.commands_for(self.id, self.world.channel_id(channel))

    def command(self, channel: str, name: str, kind: int = 1) -> Json:
        """Return the command called ``name`` (its first word) that is offered here."""
        for command in self.commands(channel):
            if command["name"] == name and command["type"] == kind:
                return command
        raise Refused(f"{self.user['username']} is offered no command {name!r} here")

    def slash(self, channel: str, name: str, options: Mapping[str, Value] | None = None) -> Interaction:
        """Send a slash command; ``name`` may have subcommands (``"settings show"``), files are `Upload`s."""
        return self._slash(channel, name, dict(options or {}), None)

    def autocomplete(
        self, channel: str, name: str, options: Mapping[str, Value], focused: str
    ) -> Interaction:
        """Ask for choices of the option ``focused``, being typed; the event ``autocomplete`` has them."""
        return self._slash(channel, name, {focused: "", **options}, focused)

    def _slash(self, channel: str, name: str, values: dict[str, Value], focused: str | None) -> Interaction:
        channel_id = self.world.channel_id(channel)
        words = name.removeprefix("/").split()
        command = self.command(channel_id, words[0])
        level: list[Json] = list(command.get("options") or [])
        path: list[Json] = []
        for word in words[1:]:
            found = [item for item in level if item["name"] == word and item["type"] in (SUBCOMMAND, GROUP)]
            if not found:
                raise Refused(f"/{' '.join(words)}: there is no {word!r}")
            path.append(found[0])
            level = list(found[0].get("options") or [])
        if any(item["type"] in (SUBCOMMAND, GROUP) for item in level):
            raise Refused(f"/{' '.join(words)} needs a subcommand")
        resolved: Json = {}
        filled = self._fill(level, values, focused, resolved, channel_id)
        for item in reversed(path):
            filled = [{"name": item["name"], "type": item["type"], "options": filled}]
        data: Json = {"id": command["id"], "name": command["name"], "type": 1}
        if command.get("guild_id"):
            data["guild_id"] = command["guild_id"]
        if filled:
            data["options"] = filled
        if resolved:
            data["resolved"] = resolved
        kind = interactions.AUTOCOMPLETE if focused else interactions.COMMAND
        return interactions.create(self.world, self.id, channel_id, kind, data, command=command)

    def _fill(
        self,
        level: list[Json],
        values: dict[str, Value],
        focused: str | None,
        resolved: Json,
        channel_id: str,
    ) -> list[Json]:
        out: list[Json] = []
        known = {item["name"]: item for item in level}
        for name in values:
            if name not in known:
                raise Refused(f"there is no option {name!r}; there are {', '.join(known) or 'none'}")
        for name, option in known.items():
            if name not in values:
                if option.get("required") and focused is None:
                    raise Refused(f"the option {name!r} must be filled in")
                continue
            value, kind = values[name], option["type"]
            if focused is None:
                value = self._checked(option, value)
            entry: Json = {"name": name, "type": kind, "value": value}
            if kind == ATTACHMENT:
                if not isinstance(value, Upload):
                    raise Refused(f"the option {name!r} takes a file")
                stored = self.world.store(channel_id, value, ephemeral=True)
                resolved.setdefault("attachments", {})[stored["id"]] = self.world.link(stored, channel_id)
                entry["value"] = stored["id"]
            elif kind in (USER, CHANNEL, ROLE, MENTIONABLE):
                entry["value"] = self._resolve(kind, str(value), resolved, channel_id)
            if name == focused:
                entry["focused"] = True
            out.append(entry)
        return out

    def _checked(self, option: Json, value: Value) -> Value:
        """Return a value as the client would send it, or refuse it as the client would."""
        name, kind = option["name"], option["type"]
        if kind == STRING:
            value = str(value)
            low, high = option.get("min_length") or 0, option.get("max_length") or 6000
            if not max(low, 1 if option.get("required") else 0) <= len(value) <= high:
                raise Refused(f"{name!r} takes {low} to {high} characters")
        elif kind in (INTEGER, NUMBER):
            if isinstance(value, (Upload, bool)):
                raise Refused(f"{name!r} takes a number")
            try:
                value = int(value) if kind == INTEGER else float(value)
            except ValueError:
                raise Refused(f"{name!r} takes a number") from None
            low, high = option.get("min_value"), option.get("max_value")
            if (low is not None and value < low) or (high is not None and value > high):
                raise Refused(f"{name!r} must be between {low} and {high}")
        elif kind == BOOLEAN and not isinstance(value, bool):
            raise Refused(f"{name!r} takes true or false")
        offered = [choice["value"] for choice in option.get("choices") or []]
        if offered and value not in offered:
            raise Refused(f"{name!r} must be one of {offered}")
        return value

    def _resolve(self, kind: int, value: str, resolved: Json, channel_id: str) -> str:
        world = self.world
        if kind == CHANNEL:
            found = world.channel(world.channel_id(value.strip("<#>")))
            bits = str(world.permissions(self.id, found["id"]))
            partial: Json = {key: found[key] for key in ("id", "name", "type", "parent_id") if key in found}
            resolved.setdefault("channels", {})[found["id"]] = {**partial, "permissions": bits}
            return str(found["id"])
        guild_id = world.guild_of(channel_id)
        roles = {role["id"]: role for role in world.guilds[guild_id]["roles"]} if guild_id else {}
        if kind == ROLE or (kind == MENTIONABLE and value in roles):
            resolved.setdefault("roles", {})[value] = roles[value]
            return value
        user_id = world.user_id(value.strip("<@!>"))
        resolved.setdefault("users", {})[user_id] = world.users[user_id]
        if guild_id and user_id in world.members[guild_id]:
            member = interactions.member(world, user_id, channel_id)
            resolved.setdefault("members", {})[user_id] = {
                key: entry for key, entry in member.items() if key not in ("user", "deaf", "mute")
            }
        return user_id

    def context_menu(self, channel: str, name: str, target: str) -> Interaction:
        """Use a command of a message's or a user's menu; ``target`` is its id."""
        channel_id = self.world.channel_id(channel)
        resolved: Json = {}
        if target in self.world.messages.get(channel_id, {}):
            command = self.command(channel_id, name, 3)
            message = self._visible(target)
            resolved["messages"] = {target: self.world.render(message, self.id)}
        else:
            command = self.command(channel_id, name, 2)
            target = self._resolve(USER, target, resolved, channel_id)
        data: Json = {
            "id": command["id"],
            "name": name,
            "type": command["type"],
            "target_id": target,
            "resolved": resolved,
        }
        if command.get("guild_id"):
            data["guild_id"] = command["guild_id"]
        return interactions.create(
            self.world, self.id, channel_id, interactions.COMMAND, data, command=command
        )

    def click(self, message_id: str, component: str, values: Sequence[str] | None = None) -> Interaction:
        """Press a button, by custom_id or label (or emoji), or choose ``values`` of a select."""
        message = self._visible(message_id)
        parts = [item for item in walk(message.data["components"]) if item.get("custom_id")]
        by_id = [item for item in parts if item["custom_id"] == component]
        by_face = [item for item in parts if component in _faces(item)]
        if len(by_id or by_face) != 1:
            there = [" ".join(_faces(item)) or item["custom_id"] for item in parts]
            raise Refused(f"no single component {component!r}; there are {there}")
        item = (by_id or by_face)[0]
        if item.get("disabled"):
            raise Refused(f"{component!r} is disabled")
        data: Json = {"custom_id": item["custom_id"], "component_type": item["type"], "id": item["id"]}
        if item["type"] in SELECTS:
            data["values"] = self._chosen(item, list(values or []), data, message.channel_id)
        return interactions.create(
            self.world, self.id, message.channel_id, interactions.COMPONENT, data, message=message
        )

    def _chosen(self, item: Json, values: list[str], data: Json, channel_id: str) -> list[str]:
        low, high = item.get("min_values", 1), item.get("max_values", 1)
        if item["type"] == 3:
            offered = {option["value"] for option in item["options"]}
            if not set(values) <= offered:
                raise Refused(f"{values} are not all among {sorted(offered)}")
        else:
            resolved: Json = {}
            kind = {5: USER, 6: ROLE, 7: MENTIONABLE, 8: CHANNEL}[item["type"]]
            values = [self._resolve(kind, value, resolved, channel_id) for value in values]
            data["resolved"] = resolved
        if not low <= len(values) <= high:
            raise Refused(f"choose {low} to {high} of them")
        return values

    def submit(self, interaction_id: str, values: Mapping[str, Any]) -> Interaction:
        """Send in an open modal: values by custom_id (text, list of choices, bool, list of `Upload`)."""
        opener = self.world.interactions.get(interaction_id)
        if opener is None or opener.modal is None or opener.user_id != self.id:
            raise Refused("no such modal is open")
        modal, opener.modal = opener.modal, None
        resolved: Json = {}
        try:
            components = [
                self._answer(top, values, resolved, opener.channel_id) for top in modal["components"]
            ]
        except Refused:
            opener.modal = modal  # a client keeps the window open and shows what is missing
            raise
        data: Json = {"custom_id": modal["custom_id"], "components": components}
        if resolved:
            data["resolved"] = resolved
        source = None
        if opener.message_id is not None:
            source = self.world.messages.get(opener.channel_id, {}).get(opener.message_id)
        return interactions.create(
            self.world, self.id, opener.channel_id, interactions.MODAL, data, message=source, parent=opener
        )

    def _answer(self, top: Json, values: Mapping[str, Any], resolved: Json, channel_id: str) -> Json:
        if top["type"] == 10:
            return {"type": 10, "id": top["id"]}
        if top["type"] == 1:
            inner = [self._field(child, values, resolved, channel_id) for child in top["components"]]
            return {"type": 1, "id": top["id"], "components": inner}
        field = self._field(top["component"], values, resolved, channel_id)
        return {"type": 18, "id": top["id"], "component": field}

    def _field(self, item: Json, values: Mapping[str, Any], resolved: Json, channel_id: str) -> Json:
        name, kind = item["custom_id"], item["type"]
        required = item.get("required", True)
        out: Json = {"type": kind, "id": item["id"], "custom_id": name}
        given = values.get(name)
        if kind == 4:
            text = str(item.get("value") or "") if given is None else str(given)
            low, high = item.get("min_length") or (1 if required else 0), item.get("max_length") or 4000
            if (text or required) and not low <= len(text) <= high:
                raise Refused(f"{name!r} takes {low} to {high} characters")
            return {**out, "value": text}
        if kind == 23:
            return {**out, "value": bool(item.get("default") if given is None else given)}
        if kind == 21:
            chosen = [option["value"] for option in item["options"] if option.get("default")]
            value = given if given is not None else (chosen[0] if chosen else None)
            if value is None and required:
                raise Refused(f"{name!r} must be chosen")
            return {**out, "value": value}
        if kind == 19:
            uploads: list[Upload] = list(given or [])
            low, high = item.get("min_values", 1) if required else 0, item.get("max_values", 1)
            if not low <= len(uploads) <= high:
                raise Refused(f"{name!r} takes {low} to {high} files")
            ids = []
            for upload in uploads:
                stored = self.world.store(channel_id, upload, ephemeral=True)
                resolved.setdefault("attachments", {})[stored["id"]] = self.world.link(stored, channel_id)
                ids.append(stored["id"])
            return {**out, "values": ids}
        chosen = [option["value"] for option in item.get("options") or [] if option.get("default")]
        picked = [given] if isinstance(given, str) else list(chosen if given is None else given)
        if not picked and not required:
            return {**out, "values": []}
        if kind == 22:
            return {**out, "values": picked}
        holder: Json = {}
        out["values"] = self._chosen(item, picked, holder, channel_id)
        for key, entries in holder.get("resolved", {}).items():
            resolved.setdefault(key, {}).update(entries)
        return out

    def dismiss(self, interaction_id: str) -> None:
        """Close a modal without sending it."""
        opener = self.world.interactions.get(interaction_id)
        if opener is not None and opener.user_id == self.id:
            opener.modal = None

    def say(
        self, channel: str, content: str, uploads: Sequence[Upload] = (), reply_to: str | None = None
    ) -> Message:
        """Write a message."""
        channel_id = self.world.channel_id(channel)
        try:
            self.world.demand(self.id, channel_id, perm.SEND_MESSAGES)
        except DiscordError:
            raise Refused("you cannot write here") from None
        if not content.strip() and not uploads:
            raise Refused("an empty message is not sent")
        stored = [self.world.store(channel_id, upload) for upload in uploads]
        return self.world.post(self.id, channel_id, content, attachments=stored, reply_to=reply_to)

    def react(self, message_id: str, emoji: str, *, add: bool = True) -> None:
        """Put a reaction on a message, or take it off."""
        message = self._visible(message_id)
        if message.ephemeral:
            raise Refused("an ephemeral message takes no reactions")
        self.world.react(self.id, message, emoji, add=add)

    def delete(self, message_id: str) -> None:
        """Delete an own message (any, for an admin); an ephemeral one is dismissed."""
        message = self._visible(message_id)
        bits = self.world.permissions(self.id, message.channel_id)
        own = message.data["author"]["id"] == self.id or message.viewer == self.id
        if not own and not bits & perm.MANAGE_MESSAGES:
            raise Refused("you cannot delete this message")
        self.world.delete(message)

    def start_thread(self, channel: str, name: str, message_id: str | None = None) -> Json:
        """Open a thread."""
        return self.world.start_thread(self.id, self.world.channel_id(channel), name, message_id)

    def dm(self) -> Json:
        """Return the DM channel with the bot, opening it."""
        return self.world.public_channel(self.world.dm(self.id), self.id)

    def _visible(self, message_id: str) -> Message:
        message = self.world.find_message(message_id)
        if message.viewer not in (None, self.id):
            raise Refused("you do not see that message")
        if not self.world.permissions(self.id, message.channel_id) & perm.VIEW_CHANNEL:
            raise Refused("you do not see that message")
        return message


def _faces(item: Json) -> list[str]:
    """Return what a component shows: its label, its emoji."""
    faces = [item.get("label"), (item.get("emoji") or {}).get("name"), item.get("placeholder")]
    return [face for face in faces if face]


__all__ = ["DM", "EPHEMERAL", "GROUP_DM", "Person", "Refused", "Upload"]
