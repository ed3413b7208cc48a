"""REST version 10: the routes the bot needs, the rest answered 501; keeps no state itself.

Long: one table of routes.
"""

from __future__ import annotations

import time

from bot.demo import command_forms, followups, forms, interactions, normal
from bot.demo import permissions as perm
from bot.demo.errors import DiscordError, NotBuilt
from bot.demo.gateway import MESSAGE_CONTENT, without_content
from bot.demo.limits import OLD_MESSAGE
from bot.demo.seed_data import APP_ID
from bot.demo.serving import Answer, Call, Serving, route
from bot.demo.shapes import COMPONENTS_V2, DM, Json, Message
from bot.demo.state import EPOCH_MS


class Rest(Serving):
    """The routes of the stand-in."""

    @route("GET", "/users/@me")
    async def me(self, call: Call) -> Answer:
        """The bot itself."""
        return 200, {
            **self.world.users[APP_ID],
            "locale": "en-US",
            "mfa_enabled": False,
            "verified": True,
            "email": None,
        }

    @route("GET", "/users/{user}")
    async def user(self, call: Call) -> Answer:
        """Somebody."""
        found = self.world.users.get(call.path["user"])
        if found is None:
            raise DiscordError(10013)
        return 200, found

    @route("GET", "/oauth2/applications/@me")
    async def application(self, call: Call) -> Answer:
        """The application."""
        admin = next(user for user in self.world.users.values() if user["username"] == "ada")
        return 200, {
            "id": APP_ID,
            "name": "Limner",
            "icon": None,
            "description": "",
            "type": None,
            "bot": dict(self.world.users[APP_ID]),
            "bot_public": True,
            "bot_require_code_grant": False,
            "verify_key": "0" * 64,
            "owner": admin,
            "team": None,
            "flags": 0,
            "flags_new": "0",
            "approximate_guild_count": 1,
            "approximate_user_install_count": 1,
            "approximate_user_authorization_count": 1,
            "eligible_oauth2_scopes": [],
            "explicit_content_filter": 0,
            "interactions_endpoint_url": None,
            "redirect_uris": [],
            "role_connections_verification_url": None,
            "integration_types_config": {"0": {}, "1": {}},
        }

    @route("GET", "/applications/@me")
    async def application_me(self, call: Call) -> Answer:
        """The application, by its newer name."""
        return await self.application(call)

    @route("GET", "/gateway")
    async def gateway(self, call: Call) -> Answer:
        """Where the gateway is."""
        return 200, {"url": self.gateway_url}

    @route("GET", "/gateway/bot")
    async def gateway_bot(self, call: Call) -> Answer:
        """Where the gateway is, and how many shards to open."""
        limit = {"total": 1000, "remaining": 999, "reset_after": 14_400_000}
        limit["max_concurrency"] = self.max_concurrency
        return 200, {"url": self.gateway_url, "shards": self.shards, "session_start_limit": limit}

    # -- commands ---------------------------------------------------------------------------------

    @route("GET", "/applications/{application}/commands")
    async def commands(self, call: Call) -> Answer:
        """List the global commands."""
        return 200, self.world.commands.get(None, [])

    @route("PUT", "/applications/{application}/commands")
    async def put_commands(self, call: Call) -> Answer:
        """Replace the global commands."""
        return 200, self.world.put_commands(None, command_forms.commands(call.body))

    @route("GET", "/applications/{application}/guilds/{guild}/commands")
    async def guild_commands(self, call: Call) -> Answer:
        """List a server's commands."""
        self._guild(call)
        return 200, self.world.commands.get(call.path["guild"], [])

    @route("PUT", "/applications/{application}/guilds/{guild}/commands")
    async def put_guild_commands(self, call: Call) -> Answer:
        """Replace a server's commands."""
        self._guild(call)
        return 200, self.world.put_commands(call.path["guild"], command_forms.commands(call.body))

    def _guild(self, call: Call) -> str:
        guild = call.path["guild"]
        if APP_ID not in self.world.members.get(guild, {}):
            raise DiscordError(50001 if guild in self.world.guilds else 10004)
        return guild

    # -- channels ---------------------------------------------------------------------------------

    @route("GET", "/channels/{channel}")
    async def channel(self, call: Call) -> Answer:
        """One channel."""
        found = self.world.channel(call.path["channel"])
        self.world.demand(APP_ID, found["id"], 0)
        return 200, self.world.public_channel(found, APP_ID)

    @route("POST", "/users/@me/channels")
    async def open_dm(self, call: Call) -> Answer:
        """Open a DM."""
        return 200, self.world.public_channel(self.world.dm(str(call.body["recipient_id"])), APP_ID)

    @route("POST", "/channels/{channel}/typing")
    async def typing(self, call: Call) -> Answer:
        """Show the bot typing."""
        self.world.demand(APP_ID, call.path["channel"], perm.SEND_MESSAGES)
        self.world.typing(APP_ID, call.path["channel"])
        return 204, None

    @route("POST", "/channels/{channel}/threads")
    async def thread(self, call: Call) -> Answer:
        """Open a thread without a message."""
        if call.body.get("type") != 11:
            raise NotBuilt("private threads")
        return 201, self.world.start_thread(APP_ID, call.path["channel"], call.body["name"])

    @route("POST", "/channels/{channel}/messages/{message}/threads")
    async def message_thread(self, call: Call) -> Answer:
        """Open a thread from a message."""
        message = self._seen(call)
        return 201, self.world.start_thread(APP_ID, call.path["channel"], call.body["name"], message.id)

    # -- messages ---------------------------------------------------------------------------------

    @route("GET", "/channels/{channel}/messages")
    async def history(self, call: Call) -> Answer:
        """The latest messages, newest first."""
        channel = call.path["channel"]
        self.world.demand(APP_ID, channel, 0)
        if "around" in call.query:
            raise NotBuilt("history around a message")
        limit = int(call.query.get("limit", 50))
        if not 1 <= limit <= 100:
            words = "int value should be less than or equal to 100."
            raise DiscordError(50035, {"limit": ("NUMBER_TYPE_MAX", words)})
        if not self.world.permissions(APP_ID, channel) & perm.READ_MESSAGE_HISTORY:
            return 200, []
        before, after = call.query.get("before"), call.query.get("after")
        found = self.world.history(channel, APP_ID, limit=limit, before=before, after=after)
        return 200, [self._readable(message, channel) for message in found]

    @route("GET", "/channels/{channel}/messages/{message}")
    async def get_message(self, call: Call) -> Answer:
        """One message."""
        message = self._seen(call)
        self.world.demand(APP_ID, call.path["channel"], perm.READ_MESSAGE_HISTORY)
        return 200, self._readable(self.world.render(message), call.path["channel"])

    def _readable(self, message: Json, channel: str) -> Json:
        """Return a message as far as the bot may read it."""
        if self.privileged & MESSAGE_CONTENT:
            return message
        return without_content(message, self.world.guild_of(channel))

    @route("POST", "/channels/{channel}/messages")
    async def create_message(self, call: Call) -> Answer:
        """Post a message; a nonce used here in the past minutes gives back the message it made."""
        world, channel, body = self.world, call.path["channel"], call.body or {}
        found = world.channel(channel)
        world.demand(APP_ID, channel, perm.SEND_MESSAGES | (perm.ATTACH_FILES if call.uploads else 0))
        if found["type"] == DM and self.closed_dms & set(found["users"]):
            raise DiscordError(50007)
        forms.message(body, call.uploads)
        nonce = body.get("nonce")
        if nonce is not None and body.get("enforce_nonce"):
            before = world.remembered(channel, str(nonce))
            if before is not None:
                return 200, world.render(before)
        reply_to = None
        reference = body.get("message_reference")
        if reference:
            if reference.get("type", 0) != 0:
                raise NotBuilt("forwarded messages")
            reply_to = str(reference["message_id"])
            if reply_to not in world.messages[channel] or world.messages[channel][reply_to].ephemeral:
                if reference.get("fail_if_not_exists", True):
                    words = ("MESSAGE_REFERENCE_UNKNOWN_MESSAGE", "Unknown message")
                    raise DiscordError(50035, {"message_reference": words})
                reply_to = None
            else:
                world.demand(APP_ID, channel, perm.READ_MESSAGE_HISTORY)
        flags = int(body.get("flags") or 0) & (COMPONENTS_V2 | 1 << 2 | 1 << 12)
        message = world.post(
            APP_ID,
            channel,
            body.get("content") or "",
            attachments=interactions.attach(world, channel, body, call.uploads, ()),
            embeds=normal.embeds_of(body.get("embeds") or []),
            components=normal.components(body.get("components") or []),
            allowed_mentions=body.get("allowed_mentions"),
            flags=flags,
            reply_to=reply_to,
            nonce=nonce,
        )
        if nonce is not None:
            world.remember(channel, str(nonce), message)
        return 200, world.render(message)

    @route("PATCH", "/channels/{channel}/messages/{message}")
    async def edit_message(self, call: Call) -> Answer:
        """Edit one of the bot's own messages."""
        message = self._seen(call)
        if message.data["author"]["id"] != APP_ID:
            raise DiscordError(50005)
        age = self.world.clock() - ((int(message.id) >> 22) + EPOCH_MS) / 1000
        if age > OLD_MESSAGE and self.limits.old_edit(call.path["channel"], time.monotonic()) is not None:
            raise DiscordError(30046)
        return 200, self.world.render(interactions.change(self.world, message, call.body or {}, call.uploads))

    @route("DELETE", "/channels/{channel}/messages/{message}")
    async def delete_message(self, call: Call) -> Answer:
        """Delete a message."""
        message = self._seen(call)
        if message.data["author"]["id"] != APP_ID:
            self.world.demand(APP_ID, call.path["channel"], perm.MANAGE_MESSAGES)
        self.world.delete(message)
        return 204, None

    def _seen(self, call: Call) -> Message:
        """Return the message a path names, if the bot sees it: an ephemeral one lives only by its token."""
        self.world.demand(APP_ID, call.path["channel"], 0)
        message = self.world.message(call.path["channel"], call.path["message"])
        if message.ephemeral:
            raise DiscordError(10008)
        return message

    # -- reactions --------------------------------------------------------------------------------

    @route("PUT", "/channels/{channel}/messages/{message}/reactions/{emoji}/@me")
    async def react(self, call: Call) -> Answer:
        """Put the bot's reaction on a message."""
        message, emoji = self._seen(call), call.path["emoji"]
        self.world.demand(APP_ID, call.path["channel"], perm.READ_MESSAGE_HISTORY)
        if emoji.isascii() and ":" not in emoji:
            raise DiscordError(10014)
        if emoji not in message.reactions:
            self.world.demand(APP_ID, call.path["channel"], perm.ADD_REACTIONS)
        self.world.react(APP_ID, message, emoji)
        return 204, None

    @route("DELETE", "/channels/{channel}/messages/{message}/reactions/{emoji}/@me")
    async def unreact(self, call: Call) -> Answer:
        """Take the bot's reaction off a message."""
        self.world.react(APP_ID, self._seen(call), call.path["emoji"], add=False)
        return 204, None

    @route("GET", "/channels/{channel}/messages/{message}/reactions/{emoji}")
    async def reactors(self, call: Call) -> Answer:
        """Who reacted so."""
        users = self._seen(call).reactions.get(call.path["emoji"], [])
        return 200, [self.world.users[user] for user in users]

    # -- interactions -----------------------------------------------------------------------------

    @route("POST", "/interactions/{interaction}/{token}/callback")
    async def callback(self, call: Call) -> Answer:
        """Take the first answer to an interaction."""
        path = call.path
        done = interactions.answer(
            self.world, path["interaction"], path["token"], call.body or {}, call.uploads
        )
        if call.query.get("with_response") not in ("1", "true", "True"):
            return 204, None
        about: Json = {"id": done.id, "type": done.type, "channel_id": done.channel_id}
        guild = self.world.guild_of(done.channel_id)
        if guild:
            about["guild_id"] = guild
        answer: Json = {"interaction": about}
        if done.original is not None:
            about["response_message_id"] = done.original
            about["response_message_loading"] = done.answered == 5
            about["response_message_ephemeral"] = done.ephemeral
        if done.answered in (4, 7):
            message = followups.original(self.world, done)
            answer["resource"] = {"type": done.answered, "message": self.world.render(message)}
        return 200, answer

    @route("POST", "/webhooks/{application}/{token}")
    async def followup(self, call: Call) -> Answer:
        """Send a follow-up."""
        spoken = followups.by_token(self.world, call.path["application"], call.path["token"])
        return 200, self.world.render(
            followups.followup(self.world, spoken, call.body or {}, call.uploads)
        )

    @route("GET", "/webhooks/{application}/{token}/messages/{message}")
    async def get_own(self, call: Call) -> Answer:
        """One message sent by this token."""
        spoken = followups.by_token(self.world, call.path["application"], call.path["token"])
        return 200, self.world.render(followups.own(self.world, spoken, call.path["message"]))

    @route("PATCH", "/webhooks/{application}/{token}/messages/{message}")
    async def edit_own(self, call: Call) -> Answer:
        """Edit a message sent by this token."""
        spoken = followups.by_token(self.world, call.path["application"], call.path["token"])
        message = followups.own(self.world, spoken, call.path["message"])
        return 200, self.world.render(interactions.change(self.world, message, call.body or {}, call.uploads))

    @route("DELETE", "/webhooks/{application}/{token}/messages/{message}")
    async def delete_own(self, call: Call) -> Answer:
        """Delete a message sent by this token."""
        spoken = followups.by_token(self.world, call.path["application"], call.path["token"])
        self.world.delete(followups.own(self.world, spoken, call.path["message"]))
        return 204, None
