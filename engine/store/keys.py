"""The SQL of API keys: plain functions of a connection, run by the store. Never sees a key, only its hash."""

from __future__ import annotations

import hmac
import json
import sqlite3
from dataclasses import asdict, dataclass

from engine.jobs import Speed
from engine.rules.keys import USED_EVERY, Key, Scope
from engine.store import audit
from engine.store.rows import inserted, read


@dataclass(frozen=True, slots=True)
class NewKey:
    """What is decided about a key before there is one. ``person``: the Discord id it acts for."""

    name: str
    start: str
    sha256: bytes
    scopes: tuple[Scope, ...]
    actor: str
    person: str | None = None
    models: tuple[str, ...] | None = None
    allowance: float | None = None
    speed: Speed | None = None
    expires_at: float | None = None


def create(db: sqlite3.Connection, now: float, new: NewKey) -> Key:
    """Keep a new key, on the record, and return it."""
    row = asdict(new) | {"scopes": json.dumps(sorted(new.scopes)), "created_at": now}
    row["models"] = None if new.models is None else json.dumps(new.models)
    actor, row["owner"] = row.pop("actor"), row.pop("person")
    key = _key(inserted(db, "api_key", row))
    audit.audit(db, now, actor, "key create", None, key.owner, {"name": new.name, "key": key.id})
    return key


def by_digest(db: sqlite3.Connection, sha256: bytes) -> Key | None:
    """Return the key with this hash, whatever its state; None: there is none."""
    row = db.execute("SELECT * FROM api_key WHERE sha256 = ?", (sha256,)).fetchone()
    # found by an index, so compared once more in constant time
    return _key(row) if row is not None and hmac.compare_digest(row["sha256"], sha256) else None


def get(db: sqlite3.Connection, key: int) -> Key | None:
    """Return a key by its number."""
    row = db.execute("SELECT * FROM api_key WHERE id = ?", (key,)).fetchone()
    return None if row is None else _key(row)


def every(db: sqlite3.Connection) -> list[Key]:
    """Return all keys, the oldest first."""
    return [_key(row) for row in db.execute("SELECT * FROM api_key ORDER BY id")]


def used(db: sqlite3.Connection, now: float, key: int) -> None:
    """Note that a key was used; at most once in a minute it costs a write."""
    db.execute(
        "UPDATE api_key SET used_at = ? WHERE id = ? AND (used_at IS NULL OR used_at < ?)",
        (now, key, now - USED_EVERY),
    )


def revoke(db: sqlite3.Connection, now: float, actor: str, key: int) -> Key | None:
    """End a key for good, on the record, and return it; None: it does not hold, or there is none."""
    row = db.execute(
        "UPDATE api_key SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL RETURNING *", (now, key)
    ).fetchone()
    if row is None:
        return None
    ended = _key(row)
    audit.audit(db, now, actor, "key revoke", None, ended.owner, {"name": ended.name, "key": key})
    return ended


def _key(row: sqlite3.Row) -> Key:
    return read(
        Key,
        row,
        owner=row["owner"] or f"key:{row['id']}",
        scopes=frozenset(json.loads(row["scopes"])),
        models=None if row["models"] is None else tuple(json.loads(row["models"])),
        speed=None if row["speed"] is None else Speed(row["speed"]),
    )


def claim(
    db: sqlite3.Connection, now: float, key: int, name: str, sha256: bytes, before: float
) -> float | None:
    """Return when this request was first made under its name, now if never; None: it was another request.

    ``before``: names from then or earlier are forgotten.
    """
    db.execute("DELETE FROM api_request WHERE at <= ?", (before,))
    row = db.execute(
        "INSERT INTO api_request (key, name, sha256, at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (key, name) DO UPDATE SET at = at RETURNING sha256, at",
        (key, name, sha256, now),
    ).fetchone()
    return float(row["at"]) if row["sha256"] == sha256 else None
