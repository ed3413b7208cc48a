"""The gateway, version 10: hello, identify, ready, heartbeats, dispatches, resume; refuses to know REST.

Long: one protocol, from hello to resume.

One `Session` outlives its connections: what a bot misses while it is away is kept and replayed on RESUME.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from bot.demo import faults
from bot.demo.seed_data import APP_ID
from bot.demo.shapes import Json
from bot.demo.world import World

DISPATCH, HEARTBEAT, IDENTIFY, PRESENCE, RESUME, RECONNECT, MEMBERS, INVALID, HELLO, ACK = (
    0, 1, 2, 3, 6, 7, 8, 9, 10, 11,
)  # fmt: skip
HEARTBEAT_MS = 41_250
ROUND_TRIP = 0.1  # seconds before a heartbeat is answered: see `Gateway._acknowledge`
KEPT = 1000  # dispatches kept for a resume
SESSION_LIVES = 120.0  # seconds a session waits for its bot
LOGIN_EVERY = 5.0  # seconds between two logins of one group of shards

GUILDS, GUILD_MEMBERS, GUILD_PRESENCES, MESSAGE_CONTENT = 1 << 0, 1 << 1, 1 << 8, 1 << 15
GUILD_MESSAGES, GUILD_REACTIONS, DM_MESSAGES, DM_REACTIONS = 1 << 9, 1 << 10, 1 << 12, 1 << 13
PRIVILEGED = GUILD_MEMBERS | GUILD_PRESENCES | MESSAGE_CONTENT


def _needed(name: str, guild_id: str | None) -> int:
    """Return the intent an event needs, 0 for those everybody gets."""
    if name.startswith("MESSAGE_REACTION"):
        return GUILD_REACTIONS if guild_id else DM_REACTIONS
    if name.startswith("MESSAGE_"):
        return GUILD_MESSAGES if guild_id else DM_MESSAGES
    if name.startswith(("CHANNEL_", "THREAD_", "GUILD_")):
        return GUILDS if guild_id else 0
    return 0


@dataclass(slots=True)
class Session:
    """A bot's session: its sequence, what it was sent, and the connection it has now."""

    id: str
    intents: int
    shard: tuple[int, int]
    sequence: int = 0
    sent: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=KEPT))
    outbox: asyncio.Queue[str | None] | None = None  # None: not connected
    away_since: float | None = None
    held: str | None = None  # a frame that the next one overtakes


def without_content(data: Json, guild_id: str | None) -> Json:
    """Return a message as a bot without the message content intent gets it, over whichever way."""
    mine = data["author"]["id"] == APP_ID or any(user["id"] == APP_ID for user in data["mentions"])
    if mine or guild_id is None:
        return data
    return {**data, "content": "", "embeds": [], "attachments": [], "components": []}


class Gateway:
    """All sessions. ``duplicate_next``, ``lose_next``, ``swap_next``: how many dispatches go wrong so.

    ``heartbeat_ms`` is what HELLO asks of a client. ``shards``: how many are recommended, and at least
    wanted; one of each of ``max_concurrency`` groups of them may log in at a time.
    """

    def __init__(
        self, world: World, *, privileged: int = 0, shards: int = 1, max_concurrency: int = 1
    ) -> None:
        self.world = world
        self.privileged = privileged  # intents granted in the portal
        self.shards = shards
        self.max_concurrency = max_concurrency
        self._logins: dict[int, float] = {}  # by group of shards: the last one
        self.sessions: dict[str, Session] = {}
        self.url = ""  # set by the server once its port is known
        self.duplicate_next = 0
        self.lose_next = 0
        self.swap_next = 0
        self.heartbeat_ms = HEARTBEAT_MS
        self.closed = False  # refuse every new connection, as in an outage
        self.identifies = 0
        self.resumes = 0
        self._sockets: dict[str, web.Request] = {}
        self._shard_of: dict[str, int] = {}  # connection → its shard, once it is known
        self._muted: set[str] = set()
        self._stop = world.on_dispatch(self.dispatch)

    # -- sending ----------------------------------------------------------------------------------

    def dispatch(self, name: str, data: Json, guild_id: str | None) -> None:
        """Send an event to every session that should have it."""
        for session in list(self.sessions.values()):
            if session.away_since is not None and self.world.clock() - session.away_since > SESSION_LIVES:
                del self.sessions[session.id]
                continue
            needed = _needed(name, guild_id)
            if needed and not session.intents & needed:
                continue
            number, count = session.shard
            if (int(guild_id) >> 22) % count != number if guild_id in self._home() else number != 0:
                continue
            if self.lose_next > 0:
                self.lose_next -= 1
                self.world.traffic("fault", f"lost {name}")
                continue
            self._send_event(session, name, self._redact(session, name, data, guild_id))
            if self.duplicate_next > 0 and session.outbox is not None:
                self.duplicate_next -= 1
                self.world.traffic("fault", f"doubled {name}")
                session.outbox.put_nowait(session.sent[-1][1])

    def _home(self) -> set[str]:
        return {guild for guild, members in self.world.members.items() if APP_ID in members}

    def _redact(self, session: Session, name: str, data: Json, guild_id: str | None) -> Json:
        """Take the content away from a bot that may not read messages it is not part of."""
        if name not in ("MESSAGE_CREATE", "MESSAGE_UPDATE") or session.intents & MESSAGE_CONTENT:
            return data
        return without_content(data, guild_id)

    def _send_event(self, session: Session, name: str, data: Any) -> None:
        session.sequence += 1
        frame = json.dumps({"op": DISPATCH, "t": name, "s": session.sequence, "d": data})
        session.sent.append((session.sequence, frame))
        if session.outbox is not None:
            if self.swap_next > 0 and session.held is None:
                self.swap_next -= 1
                session.held = frame
                self.world.traffic("fault", f"held back {name}")
                return
            session.outbox.put_nowait(frame)
            if session.held is not None:
                session.outbox.put_nowait(session.held)
                session.held = None
            self.world.traffic("gateway", f"→ {name}", body=data)

    # -- faults -----------------------------------------------------------------------------------

    def drop(self, shard: int | None = None) -> None:
        """Break the connection of one shard, or every one, with a reset; the bot may resume."""
        for key, request in list(self._sockets.items()):
            if shard is None or self._shard_of.get(key) == shard:
                faults.reset(request)

    def mute(self) -> None:
        """Say nothing more on the connections there are, heartbeats unanswered: a line that went dead."""
        self._muted |= set(self._sockets)

    def reconnect(self) -> None:
        """Ask every connection to reconnect (op 7)."""
        self._to_all({"op": RECONNECT, "d": None})

    def invalidate(self, *, resumable: bool = False) -> None:
        """Declare every session invalid (op 9)."""
        self._to_all({"op": INVALID, "d": resumable})
        if not resumable:
            for session in list(self.sessions.values()):
                del self.sessions[session.id]

    def _to_all(self, payload: Json) -> None:
        for session in self.sessions.values():
            if session.outbox is not None:
                session.outbox.put_nowait(json.dumps(payload))

    # -- a connection -----------------------------------------------------------------------------

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one connection from HELLO to its end."""
        if self.closed:
            raise web.HTTPServiceUnavailable
        socket = web.WebSocketResponse(max_msg_size=2**20, heartbeat=None)
        await socket.prepare(request)
        press = _press(request.query.get("compress"))
        outbox: asyncio.Queue[str | None] = asyncio.Queue()
        key = secrets.token_hex(4)
        self._sockets[key] = request
        hello = {"heartbeat_interval": self.heartbeat_ms, "_trace": []}
        outbox.put_nowait(json.dumps({"op": HELLO, "d": hello}))
        session: Session | None = None
        async with asyncio.TaskGroup() as group:
            sender = group.create_task(self._pump(key, socket, outbox, press))
            try:
                while True:
                    message = await socket.receive(timeout=self.heartbeat_ms / 1000 * 1.5)
                    if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                        break
                    try:
                        frame = json.loads(message.data)
                    except ValueError:
                        await socket.close(code=4002, message=b"Error while decoding payload.")
                        break
                    opcode, data = frame.get("op"), frame.get("d")
                    if opcode == HEARTBEAT:
                        self._acknowledge(outbox)
                    elif opcode == IDENTIFY and session is None:
                        session = await self._identify(socket, outbox, data)
                    elif opcode == RESUME and session is None:
                        session = self._resume(outbox, data)
                    elif opcode == PRESENCE:
                        self.world.traffic("gateway", "← presence", body=data)
                    elif opcode == MEMBERS and session is not None:
                        self._members(session, data)
                    elif opcode in (IDENTIFY, RESUME):
                        await socket.close(code=4005, message=b"Already authenticated.")
                    else:
                        self.world.traffic("gateway", f"← op {opcode}: not built here", status=501)
                        await socket.close(code=4001, message=b"Unknown opcode.")
                    if session is not None:
                        self._shard_of[key] = session.shard[0]
            except (TimeoutError, ConnectionError):
                pass
            finally:
                self._sockets.pop(key, None)
                self._shard_of.pop(key, None)
                self._muted.discard(key)
                if session is not None and session.outbox is outbox:
                    session.outbox, session.away_since = None, self.world.clock()
                if session is not None:
                    self._presence(-1)
                outbox.put_nowait(None)
                sender.cancel()
        return socket

    @staticmethod
    def _acknowledge(outbox: asyncio.Queue[str | None]) -> None:
        """Answer a heartbeat, no sooner than a network would.

        discord.py notes when it sent one only after the send has returned, on another thread: an answer that
        is there before counts from the heartbeat before, and is warned about as 41 seconds late.
        """
        ack = json.dumps({"op": ACK, "d": None})
        asyncio.get_running_loop().call_later(ROUND_TRIP, outbox.put_nowait, ack)

    async def _pump(
        self,
        key: str,
        socket: web.WebSocketResponse,
        outbox: asyncio.Queue[str | None],
        press: Callable[[bytes], bytes] | None,
    ) -> None:
        """Send what is queued, one after another: a compression context is shared by all of it."""
        while (frame := await outbox.get()) is not None:
            if key in self._muted:
                continue
            try:
                if press is None:
                    await socket.send_str(frame)
                else:
                    await socket.send_bytes(press(frame.encode()))
            except ConnectionError:
                return

    async def _identify(
        self, socket: web.WebSocketResponse, outbox: asyncio.Queue[str | None], data: Json
    ) -> Session | None:
        self.world.traffic("gateway", "← IDENTIFY", body={**data, "token": "…"})
        self.identifies += 1
        if str(data.get("token", "")).removeprefix("Bot ") != self.world.token:
            await socket.close(code=4004, message=b"Authentication failed.")
            return None
        shard = tuple(data.get("shard") or (0, 1))
        if len(shard) != 2 or not 0 <= shard[0] < shard[1]:
            await socket.close(code=4010, message=b"Invalid shard.")
            return None
        if shard[1] < self.shards:
            await socket.close(code=4011, message=b"Sharding required.")
            return None
        if not self._may_log_in(shard[0], shard[1]):
            self.world.traffic("gateway", "← IDENTIFY refused: too soon")
            outbox.put_nowait(json.dumps({"op": INVALID, "d": False}))
            return None
        if int(data["intents"]) & PRIVILEGED & ~self.privileged:
            await socket.close(code=4014, message=b"Disallowed intent(s).")
            return None
        session = Session(secrets.token_hex(16), int(data["intents"]), (shard[0], shard[1]), outbox=outbox)
        self.sessions[session.id] = session
        home = [g for g in self._home() if (int(g) >> 22) % shard[1] == shard[0]]
        ready = {
            "v": 10,
            "user": {**self.world.users[APP_ID], "verified": True, "mfa_enabled": False, "email": None},
            "guilds": [{"id": guild, "unavailable": True} for guild in home],
            "session_id": session.id,
            "resume_gateway_url": self.url,
            "shard": list(shard),
            "application": {"id": APP_ID, "flags": 0},
            "private_channels": [],
            "relationships": [],
            "user_settings": {},
            "session_type": "normal",
        }
        self._send_event(session, "READY", ready)
        for guild in home:
            self._send_event(session, "GUILD_CREATE", self.guild_create(guild, session.intents))
        self._presence(1)
        return session

    def _may_log_in(self, shard: int, count: int) -> bool:
        """Say whether a shard logs in no sooner than its group may; a bot of one shard is not held up."""
        group, now = shard % self.max_concurrency, self.world.clock()
        soon = count > 1 and now - self._logins.get(group, -LOGIN_EVERY) < LOGIN_EVERY
        if not soon:
            self._logins[group] = now
        return not soon

    def _resume(self, outbox: asyncio.Queue[str | None], data: Json) -> Session | None:
        session = self.sessions.get(str(data.get("session_id")))
        oldest = session.sent[0][0] if session and session.sent else 1
        wrong_token = str(data.get("token", "")).removeprefix("Bot ") != self.world.token
        if session is None or wrong_token or int(data.get("seq") or 0) < oldest - 1:
            self.world.traffic("gateway", "← RESUME refused")
            outbox.put_nowait(json.dumps({"op": INVALID, "d": False}))
            return None
        self.resumes += 1
        session.outbox, session.away_since, session.held = outbox, None, None  # it is among what was missed
        missed = [frame for number, frame in session.sent if number > int(data["seq"])]
        self.world.traffic("gateway", f"← RESUME, {len(missed)} missed")
        for frame in missed:
            outbox.put_nowait(frame)
        self._send_event(session, "RESUMED", {"_trace": []})
        self._presence(1)
        return session

    def _members(self, session: Session, data: Json) -> None:
        guild = str(data["guild_id"])
        wanted = data.get("user_ids")
        members = [
            member
            for user, member in self.world.members.get(guild, {}).items()
            if wanted is None or user in ([wanted] if isinstance(wanted, str) else wanted)
        ]
        chunk: Json = {"guild_id": guild, "members": members, "chunk_index": 0, "chunk_count": 1}
        if data.get("nonce"):
            chunk["nonce"] = data["nonce"]
        self._send_event(session, "GUILD_MEMBERS_CHUNK", chunk)

    def guild_create(self, guild_id: str, intents: int) -> Json:
        """Return a whole server as GUILD_CREATE carries it; other members only to those who may list them."""
        world = self.world
        here = [channel for channel in world.channels.values() if channel.get("guild_id") == guild_id]
        members = world.members[guild_id]
        shown = members.values() if intents & GUILD_MEMBERS else [members[APP_ID]]
        return {
            **world.guilds[guild_id],
            "joined_at": members[APP_ID]["joined_at"],
            "large": False,
            "unavailable": False,
            "member_count": len(members),
            "members": list(shown),
            "channels": [channel for channel in here if "thread_metadata" not in channel],
            "threads": [channel for channel in here if "thread_metadata" in channel],
            "voice_states": [],
            "presences": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }

    def _presence(self, change: int) -> None:
        self.world.online += change
        self.world.emit("presence", online=self.world.online > 0)


def _press(name: str | None) -> Callable[[bytes], bytes] | None:
    """Return what compresses one frame in a connection's shared context; None for plain text frames."""
    if name == "zlib-stream":
        deflate = zlib.compressobj()
        return lambda data: deflate.compress(data) + deflate.flush(zlib.Z_SYNC_FLUSH)
    if name == "zstd-stream":
        import zstandard  # a client asks for it only where it can read it, which is where it is installed

        squeeze = zstandard.ZstdCompressor().compressobj()
        return lambda data: squeeze.compress(data) + squeeze.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    return None
