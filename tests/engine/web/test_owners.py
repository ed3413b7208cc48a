"""A key is a person to those in charge: bans, exports, deletions, statistics and the record know it."""

from __future__ import annotations

import io
import json
import zipfile

from engine.jobs import State
from engine.store import keys as store_keys
from tests.engine.web.conftest import Api, Opened

JOBS = "/api/v1/jobs"
HOST = "123456789012345678"


async def exported(api: Api, owner: str) -> tuple[dict[str, list[dict[str, object]]], list[str]]:
    """Return the rows and the names of the files of an export."""
    rows: dict[str, list[dict[str, object]]] = {}
    names: list[str] = []
    async for part in api.service.export(owner, 2**24):
        with zipfile.ZipFile(io.BytesIO(part)) as archive:
            names += archive.namelist()
            for name in archive.namelist():
                if name.endswith(".json"):
                    for table, lines in json.loads(archive.read(name)).items():
                        if isinstance(lines, list):
                            rows.setdefault(table, []).extend(lines)
    return rows, names


async def test_a_banned_key_draws_nothing_until_it_may_again(api: Api) -> None:
    key, secret = await api.key()
    async with api.client(secret) as client, api.client() as other:
        await api.service.admin.ban(HOST, None, key.owner, "too loud")
        answer = await client.post(JOBS, json={"prompt": "a cat"})
        assert answer.status_code == 403
        assert "too loud" in answer.json()["error"]["message"]
        assert (await other.post(JOBS, json={"prompt": "a cat"})).status_code == 202
        assert await api.service.admin.unban(HOST, None, key.owner)
        assert (await client.post(JOBS, json={"prompt": "a cat"})).status_code == 202
        record = [(one.action, one.target) for one in await api.service.admin.audits()]
        assert record[:2] == [("unban", key.owner), ("ban", key.owner)]
        assert record[-1] == ("key create", key.owner)


async def test_a_key_that_acts_for_a_person_shares_their_ban_and_their_data(api: Api) -> None:
    key, secret = await api.key(person=HOST)
    async with api.client(secret) as client:
        job = await api.drawn(client)
        assert job.owner == HOST
        rows, names = await exported(api, HOST)
        assert [row["id"] for row in rows["job"]] == [job.id]
        assert [row["start"] for row in rows["api_key"]] == [secret[:13]]
        assert f"pictures/{job.id}-1.png" in names
        await api.service.admin.ban("cli", None, HOST, "")
        assert (await client.post(JOBS, json={"prompt": "a cat"})).status_code == 403
        await api.service.forget(HOST)
        assert (await client.get(JOBS)).status_code == 401
        assert await api.service.store.read(store_keys.get, key.id) is None


async def test_a_key_of_its_own_is_exported_and_forgotten_whole(api_at: Opened) -> None:
    async with api_at({"step_seconds": 0.2}) as api:
        key, secret = await api.key()
        _, kept = await api.key()
        async with api.client(secret) as client, api.client(kept) as other:
            job = await api.drawn(client, "a secret apple --steps 1")
            theirs = await api.drawn(other, "a pear --steps 1")
            named = {"Idempotency-Key": "one"}
            await client.post(JOBS, json={"prompt": "a slow apple --steps 99"}, headers=named)
            rows, names = await exported(api, key.owner)
            assert {row["id"] for row in rows["job"]} >= {job.id}
            assert rows["api_key"][0]["id"] == key.id
            assert "sha256" not in rows["api_key"][0]
            assert f"pictures/{job.id}-4.png" in names
            assert secret not in json.dumps(rows)
            await api.service.forget(key.owner)
            assert (await client.get(JOBS)).status_code == 401
            assert (await exported(api, key.owner))[0]["job"] == []
            assert (await other.get(f"{JOBS}/{theirs.id}")).json()["state"] == State.RENDERED
            # what was charged still counts, under a hash
            figures = await api.service.admin.figures(None, 30)
            assert figures.people == 1


async def test_keys_count_in_the_figures(api: Api) -> None:
    async with api.client() as one, api.client() as two:
        await api.drawn(one)
        await api.drawn(two)
        await api.drawn(two)
    figures = await api.service.admin.figures(None, 30)
    assert (figures.people, figures.pictures) == (2, 12)
    table, count, _ = await api.service.admin.jobs_table(None, 30, 2**20)
    assert count == 3
    assert table.decode().count("key:2") == 2
