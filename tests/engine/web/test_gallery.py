"""The gallery's cookie, its pages and its walls; the page itself is driven in tests/page/test_gallery.py."""

from __future__ import annotations

import io
from typing import Any

import httpx
from PIL import Image

from engine.config import ProvenanceConfig
from engine.jobs import Job
from engine.planning.redraw import line_again
from engine.provenance.values import job_number
from engine.rules import keys
from engine.store import keys as store_keys
from engine.web.gallery import SIDE
from tests.engine.web.conftest import Api, Opened, unhurried

HOUR = 3600.0


async def entered(api: Api, secret: str) -> httpx.AsyncClient:
    """Return a client that has exchanged its key for a cookie, and forgotten the key."""
    client = httpx.AsyncClient(base_url=api.url, timeout=60)
    answer = await client.post("/gallery/session", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 200, answer.text
    assert secret not in answer.text + str(answer.headers)
    return client


async def test_a_key_becomes_a_cookie_that_only_reads_the_gallery(api: Api) -> None:
    _, secret = await api.key()
    async with api.client(secret) as by_key:
        job = await api.drawn(by_key)
    client = await entered(api, secret)
    answer = await client.post("/gallery/session", headers={"Authorization": f"Bearer {secret}"})
    cookie = answer.headers["set-cookie"].lower()
    for word in ("httponly", "samesite=strict", "path=/gallery", "max-age=43200"):
        assert word in cookie
    told = (await client.get("/gallery/jobs")).json()
    assert [one["id"] for one in told["jobs"]] == [job.id]
    assert told["jobs"][0]["lines"] == [line_again(job, cell) for cell in range(4)]
    assert told["jobs"][0]["seeds"] == [(job.spec.seed + cell) % 2**32 for cell in range(4)]
    small = await client.get(f"/gallery/pictures/{job.id}/1/small.webp")
    with Image.open(io.BytesIO(small.content)) as picture:
        longer = max(job.spec.width, job.spec.height)
        assert (picture.format, max(picture.size)) == ("WEBP", min(SIDE, longer))
    full = await client.get(f"/gallery/pictures/{job.id}/1/full.png")
    assert (await by_key_verified(api, secret, full.content)).startswith("Made by this Limner.")
    # whatever else there is, the cookie opens none of it, sent there or not
    async with forced(api, client.cookies["limner_gallery"]) as browser:
        assert (await browser.get("/api/v1/jobs")).status_code == 401
        assert (await browser.post("/api/v1/jobs", json={"prompt": "a cat"})).status_code == 401
        assert (await browser.delete(f"/api/v1/jobs/{job.id}")).status_code == 401
        assert (await browser.post("/gallery/jobs")).status_code == 405
        assert (await browser.get("/gallery/jobs")).status_code == 200
    assert (await client.delete("/gallery/session")).status_code == 204
    assert (await client.get("/gallery/jobs")).status_code == 401
    await client.aclose()


def forced(api: Api, cookie: str) -> httpx.AsyncClient:
    """Return a client that sends a cookie everywhere, whatever its path and age."""
    raw: Any = {"Cookie": f"limner_gallery={cookie}".encode("latin-1")}
    return httpx.AsyncClient(base_url=api.url, headers=raw, timeout=60)


async def by_key_verified(api: Api, secret: str, picture: bytes) -> str:
    async with api.client(secret) as client:
        answer = await client.post("/api/v1/verify", content=picture, headers={"Content-Type": "image/png"})
        return str(answer.json()["text"])


async def test_the_cookie_ends_after_twelve_hours_and_with_its_key(api_at: Opened) -> None:
    now = 1_800_000_000.0
    async with api_at(clock=lambda: now) as api:
        key, secret = await api.key()
        client = await entered(api, secret)
        for later, status in ((12 * HOUR - 1, 200), (12 * HOUR, 401)):
            now = 1_800_000_000.0 + later
            async with forced(api, client.cookies["limner_gallery"]) as old:
                assert (await old.get("/gallery/jobs")).status_code == status
        now = 1_800_000_000.0
        assert (await client.get("/gallery/jobs")).status_code == 200
        await api.service.store.write(store_keys.revoke, now, "cli", key.id)
        assert (await client.get("/gallery/jobs")).status_code == 401
        await client.aclose()


async def test_what_opens_nothing(api: Api) -> None:
    _, secret = await api.key()
    client = await entered(api, secret)
    good = client.cookies["limner_gallery"]
    number, until, signature = good.split(".")
    bad = ["", ".", "..", "1.2", f"{number}.{until}.", f"{number}.{int(until) + 1}.{signature}"]
    bad += [f"{int(number) + 1}.{until}.{signature}", good + "0", good[:-1]]
    bad += [f"{number}.{until}.é", f".{signature}"]
    for cookie in bad:
        async with forced(api, cookie) as forger:
            assert (await forger.get("/gallery/jobs")).status_code == 401, cookie
    await client.aclose()
    _, drawing = await api.key(scopes=("draw",))
    async with api.client(drawing) as other:
        assert (await other.post("/gallery/session")).status_code == 403
    async with api.client(keys.make()) as other:
        assert (await other.post("/gallery/session")).status_code == 401
    async with api.client("") as other:
        for path in ("/gallery", "/gallery/files/gallery.js", "/gallery/files/gallery.css"):
            answer = await other.get(path)
            assert answer.status_code == 200
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
            assert "unsafe" not in policy
        assert (await other.get("/gallery/files/draw.html")).status_code == 404


async def test_ten_thousand_pictures_are_paged_both_ways_each_once(api_at: Opened) -> None:
    async with api_at(pace=unhurried()) as api:
        _, secret = await api.key()
        async with api.client(secret) as by_key:
            ids = await api.many(await api.drawn(by_key), 2499)
        async with api.client() as stranger:
            await api.drawn(stranger)
        client = await entered(api, secret)
        seen: list[str] = []
        page = (await client.get("/gallery/jobs")).json()
        assert not page["newer"]
        while True:
            seen += [one["id"] for one in page["jobs"]]
            if not page["older"]:
                break
            page = (await client.get("/gallery/jobs", params={"after": seen[-1]})).json()
        assert seen == ids
        back = seen[-1:]
        while True:
            page = (await client.get("/gallery/jobs", params={"before": back[0]})).json()
            back = [one["id"] for one in page["jobs"]] + back
            if not page["newer"]:
                break
        assert back == ids
        await client.aclose()


async def test_nobody_elses_picture_is_there(api: Api) -> None:
    _, secret = await api.key()
    async with api.client() as stranger:
        job: Job = await api.drawn(stranger)
    client = await entered(api, secret)
    for path in (
        f"/gallery/pictures/{job.id}/1/small.webp",
        f"/gallery/pictures/{job.id}/1/full.png",
        "/gallery/pictures/0123456789/1/full.png",
        f"/gallery/jobs?after={job.id}",
        f"/gallery/jobs?before={job.id}",
    ):
        answer = await client.get(path)
        assert answer.status_code == 404, path
        assert answer.json()["error"]["message"] == "There is no such picture here."
    await client.aclose()


async def test_small_pictures_are_marked_too(api_at: Opened) -> None:
    async with api_at(provenance=ProvenanceConfig(sign=False, mark=True)) as api:
        _, secret = await api.key()
        async with api.client(secret) as by_key:
            job = await api.drawn(by_key)
        client = await entered(api, secret)
        small = await client.get(f"/gallery/pictures/{job.id}/2/small.webp")
        found, known = await api.service.verify(small.content)
        assert found.mark is not None
        assert found.mark.mark.job == job_number(job.id)
        assert known is not None
        assert known.id == job.id
        await client.aclose()
