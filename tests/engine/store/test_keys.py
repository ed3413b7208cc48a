"""Keys as they are kept: found by their hash alone, ended once, every change on the record."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from engine.errors import EngineError
from engine.jobs import Speed
from engine.rules import keys
from engine.service.keys import Keys
from engine.store import audit
from engine.store import keys as store_keys
from engine.store.connection import Store


def new(secret: str, **more: object) -> store_keys.NewKey:
    fields = {"name": "bench", "scopes": ("draw", "read"), "actor": "cli", **more}
    return store_keys.NewKey(start=secret[: keys.START], sha256=keys.digest(secret), **fields)  # type: ignore[arg-type]


async def test_a_key_is_kept_as_its_hash_and_found_by_it(tmp_path: Path) -> None:
    secret = keys.make()
    async with Store.open(tmp_path / "limner.db", clock=lambda: 1000.0) as store:
        kept = await store.write(
            store_keys.create,
            1000.0,
            new(secret, models=("a",), allowance=3.5, speed=Speed.RELAX, expires_at=1010.0),
        )
        found = await store.read(store_keys.by_digest, keys.digest(secret))
        assert found == kept
        assert (kept.owner, kept.models, kept.allowance, kept.speed) == ("key:1", ("a",), 3.5, Speed.RELAX)
        assert kept.holds(1009.9)
        assert not kept.holds(1010.0)
        assert await store.read(store_keys.by_digest, keys.digest(keys.make())) is None
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert secret.encode() not in written
    assert secret[: keys.START].encode() in written


async def test_a_key_that_acts_for_somebody_is_theirs(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "limner.db") as store:
        kept = await store.write(store_keys.create, 1.0, new(keys.make(), person="1234567890123456789"))
    assert kept.owner == "1234567890123456789"


async def test_it_ends_once_and_for_good(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "limner.db") as store:
        kept = await store.write(store_keys.create, 1.0, new(keys.make()))
        ended = await store.write(store_keys.revoke, 2.0, "cli", kept.id)
        assert ended is not None
        assert not ended.holds(2.0)
        assert await store.write(store_keys.revoke, 3.0, "cli", kept.id) is None
        lines = await store.read(audit.audits, None, 9, None)
        assert [(line.action, line.target, line.at) for line in lines] == [
            ("key revoke", "key:1", 2.0),
            ("key create", "key:1", 1.0),
        ]


async def test_use_is_noted_once_a_minute(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "limner.db") as store:
        kept = await store.write(store_keys.create, 0.0, new(keys.make()))
        for at, noted in ((5.0, 5.0), (30.0, 5.0), (64.9, 5.0), (66.0, 66.0)):
            await store.write(store_keys.used, at, kept.id)
            found = await store.read(store_keys.get, kept.id)
            assert found is not None
            assert found.used_at == noted


async def test_two_keys_never_share_a_hash(tmp_path: Path) -> None:
    secret = keys.make()
    async with Store.open(tmp_path / "limner.db") as store:
        await store.write(store_keys.create, 0.0, new(secret))
        with pytest.raises((sqlite3.IntegrityError, EngineError)) as refused:
            await store.write(store_keys.create, 0.0, new(secret))
        assert "limner_" not in str(refused.value)


async def test_a_clock_that_jumps_ahead_forgets_no_requests_name(tmp_path: Path) -> None:
    """Else a client that asks again, because no answer came, has its picture drawn and charged twice."""
    day, machine, certain = 86_400.0, [1000.0], [1000.0]
    async with Store.open(tmp_path / "limner.db", clock=lambda: machine[0]) as store:
        key = await store.write(store_keys.create, 1.0, new(keys.make()))
        named = Keys(store, lambda: certain[0])
        first = await named.claim(key, "one", b"a")
        machine[0] += 31 * day
        assert await named.claim(key, "one", b"a") == first
        assert await named.claim(key, "one", b"b") is None
        certain[0] += 2 * day  # and a day that has passed for certain does
        assert await named.claim(key, "one", b"b") not in (None, first)
