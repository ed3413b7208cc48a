"""A small Discord in one object: people, channels, messages, files, commands; refuses to know sockets.

All that HTTP, the gateway, the page and the tests show or change goes through one `World`. It is synchronous,
lives in one event loop and speaks Discord's own JSON (``dict``), ids being decimal strings.

Reading: `World.people`, `World.channels_for`, `World.history`, `World.render`, `World.commands_for`.
Acting as somebody: ``bot.demo.people.Person`` (``world.person("alice").slash(…)``).
Watching: `World.subscribe`; ``bot.demo.state`` has the table of events.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.demo import permissions as perm
from bot.demo.channels import Channels
from bot.demo.errors import DiscordError
from bot.demo.seed_data import APP_ID
from bot.demo.shapes import Json

if TYPE_CHECKING:
    from bot.demo.people import Person


class World(Channels):
    """Everything a stand-in Discord remembers. ``data_dir=None`` keeps it in memory."""

    def person(self, who: str) -> Person:
        """Return the hands of a user, by id or username."""
        from bot.demo.people import Person

        return Person(self, self.user_id(who))

    # -- commands ---------------------------------------------------------------------------------

    def put_commands(self, guild_id: str | None, bodies: Sequence[Json]) -> list[Json]:
        """Replace the command list; commands that keep name and type keep their id. Raises 30034."""
        before = {(command["name"], command["type"]): command for command in self.commands.get(guild_id, [])}
        fresh = [body for body in bodies if (body["name"], body.get("type") or 1) not in before]
        if self.command_creates + len(fresh) > 200:
            raise DiscordError(30034)
        self.command_creates += len(fresh)
        out = []
        for body in bodies:
            kind = body.get("type") or 1
            old = before.get((body["name"], kind))
            needed = body.get("default_member_permissions")
            command: Json = {
                "id": old["id"] if old else self.snowflake(),
                "application_id": APP_ID,
                "version": self.snowflake(),
                "type": kind,
                "name": body["name"],
                "name_localizations": body.get("name_localizations"),
                "description": body.get("description") or "",
                "description_localizations": body.get("description_localizations"),
                # a number is taken, a string is given
                "default_member_permissions": None if needed is None else str(needed),
                "nsfw": bool(body.get("nsfw")),
            }
            if body.get("options"):
                command["options"] = body["options"]
            if guild_id is None:
                command["dm_permission"] = body.get("dm_permission", True) is not False
                command["contexts"] = body.get("contexts")
                command["integration_types"] = body.get("integration_types") or [0]
            else:
                command["guild_id"] = guild_id
            out.append(command)
        self.commands[guild_id] = out
        self.dirty = True
        self.emit("commands", commands=self.all_commands())
        return out

    def all_commands(self) -> list[Json]:
        """Return every registered command."""
        return [command for commands in self.commands.values() for command in commands]

    def commands_for(self, user_id: str, channel_id: str) -> list[Json]:
        """Return the commands a client would offer this user here: context, permission, age gate."""
        channel = self.channel(channel_id)
        guild_id = channel.get("guild_id")
        member_here = guild_id is None or APP_ID in self.members[guild_id]
        context = 0 if guild_id else (1 if APP_ID in channel["users"] else 2)
        bits = self.permissions(user_id, channel_id)
        if guild_id and not bits & perm.USE_APPLICATION_COMMANDS:
            return []
        out = []
        for command in [*self.commands.get(None, []), *self.commands.get(guild_id, [])]:
            installs = command.get("integration_types") or [0]
            if 0 not in installs and 1 not in installs:
                continue
            if (not member_here or context == 2) and 1 not in installs:
                continue
            contexts = command.get("contexts")
            if contexts is not None and context not in contexts:
                continue
            needed = command.get("default_member_permissions")
            if guild_id and needed is not None and not _may(bits, int(needed)):
                continue
            if command["nsfw"] and guild_id and not channel.get("nsfw"):
                continue
            if command not in out:
                out.append(command)
        return out


def _may(bits: int, needed: int) -> bool:
    if bits & perm.ADMINISTRATOR:
        return True
    return needed != 0 and bits & needed == needed
