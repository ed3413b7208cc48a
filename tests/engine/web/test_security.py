"""The walls: one test for each of OWASP's API Security Top 10 (2023), and each rule of keys and doors shut.

``WALLS`` says which test stands for which rule; two keys try every route that the application lists.
"""

from __future__ import annotations

import importlib
import io
import json
import logging
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from PIL import Image

from engine import log as limner_log
from engine.config import AllowanceConfig, ApiConfig, WebConfig
from engine.jobs import State
from engine.planning.references import kept
from engine.rules import keys
from engine.web import application, listening
from engine.web.description import HIDDEN, OPEN
from tests.engine.web.conftest import Api, Opened, unhurried

JOBS, WORD = "/api/v1/jobs", "zanzibar"
HERE = "test_security"
WALLS: dict[str, str] = {
    "API1 object level authorization": f"{HERE}.test_two_keys_against_each_other_over_every_route",
    "API2 authentication": f"{HERE}.test_no_door_opens_to_half_a_key",
    "API3 object property level authorization": f"{HERE}.test_nobody_sets_or_reads_what_is_not_theirs",
    "API4 resource consumption": f"{HERE}.test_no_request_asks_for_more_than_there_is",
    "API5 function level authorization": f"{HERE}.test_a_key_does_what_its_scopes_say_and_no_more",
    "API6 sensitive business flows": f"{HERE}.test_an_allowance_ends_and_says_so",
    "API7 server side request forgery": f"{HERE}.test_links_of_prompts_lead_nowhere_inside",
    "API8 security misconfiguration": f"{HERE}.test_answers_give_nothing_away",
    "API9 inventory management": f"{HERE}.test_no_route_is_unknown",
    "API10 unsafe consumption of APIs": f"{HERE}.test_what_comes_from_outside_is_not_believed",
    "needs a key": f"{HERE}.test_two_keys_against_each_other_over_every_route",
    "metrics need their scope": "test_entry.test_only_health_is_open_and_metrics_need_their_scope",
    "beyond loopback without https: a warning": f"{HERE}.test_beyond_this_machine_without_https_is_warned_of",
    "bearer, raw, basic, never in an address": f"{HERE}.test_no_door_opens_to_half_a_key",
    "keys appear nowhere": f"{HERE}.test_a_key_is_found_nowhere",
    "ten wrong keys a minute": "test_limits.test_ten_wrong_keys_a_minute_from_one_address",
    "rates and streams": "test_limits.test_so_many_requests_and_streams_for_one_key",
    "another's does not exist": "test_uploads.test_nobody_elses_picture_can_be_named",
    "links end after an hour": "test_doors.test_a_link_ends_after_an_hour",
    "links come from public_url": f"{HERE}.test_links_come_from_where_the_host_says",
    "no CORS, nosniff, private, no HTML or SVG": f"{HERE}.test_answers_give_nothing_away",
    "a revoked key ends within a second": "test_entry.test_a_revoked_key_waits_no_longer",
    "the cookie only reads": "test_gallery.test_a_key_becomes_a_cookie_that_only_reads_the_gallery",
    "webhooks stay outside": "test_webhooks.test_no_name_leads_a_message_inwards",
}


@pytest.mark.parametrize("wall", WALLS)
def test_every_wall_has_its_test(wall: str) -> None:
    module, name = WALLS[wall].split(".")
    assert callable(getattr(importlib.import_module(f"tests.engine.web.{module}"), name))


# ---- every route ------------------------------------------------------------------------------------------

PAGES = ("/gallery", "/gallery/files/{name}", "/docs", "/docs/{name}", "/openapi.json")
BY_LINK = ("/draw/", "/pictures/")
FREE = {
    "engine_id": "stable-diffusion-v1-6", "name": "pocket", "number": "1", "kind": "png",
    "project": "p", "location": "l", "endpoint": "e",
}  # fmt: skip
"""What stands in addresses and is nobody's; ``job_id`` is somebody's. A name that is new fails here."""
CHANGES = {"DELETE", "PATCH", "POST", "PUT"}


def routes(api: Api) -> list[tuple[str, str]]:
    app = application(api.service, None, api.doors)
    return [
        (method, route.path)
        for route in app.routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods or ())
    ]


def is_open(path: str) -> bool:
    return path in (*OPEN, *PAGES) or path.startswith(BY_LINK) or path.startswith("/docs")


def filled(path: str, job: str) -> str:
    return re.sub(r"{(\w+)}", lambda name: job if name[1] == "job_id" else FREE[name[1]], path)


def plain(answer: httpx.Response) -> str:
    text = answer.text.replace(answer.headers["x-request-id"], "")
    return re.sub(r'"(id|request_id)": ?"[^"]*",? ?', "", text)


async def test_no_route_is_unknown(api: Api) -> None:
    """Each is described, or a page for people; and what is not listed is not there."""
    known = {path for _, path in routes(api)}
    for path in known:
        filled(path, "x") if not is_open(path) else None
    async with api.client() as client:
        for path in (
            "/",
            "/admin",
            "/api",
            "/api/v2/jobs",
            "/v2/images",
            "/debug",
            "/.env",
            "/redoc",
            "/draw",
        ):
            assert path not in known
            assert (await client.get(path)).status_code == 404, path
        described = (await client.get("/openapi.json")).json()["paths"]
    assert {path for path in known if not path.startswith(HIDDEN)} == set(described)


async def test_two_keys_against_each_other_over_every_route(api_at: Opened) -> None:
    async with api_at(pace=unhurried()) as api:
        _, secret = await api.key()
        _, other = await api.key()
        async with api.client(secret) as owner:
            drawn = await api.drawn(owner, f"a {WORD}")
            api.service.control.pause()
            waiting = (await owner.post(JOBS, json={"prompt": f"a second {WORD}"})).json()["jobs"][0]["id"]
        async with api.client(other) as stranger, api.client("") as nobody:
            answer = await nobody.post("/gallery/session", headers={"Authorization": f"Bearer {other}"})
            nobody.cookies.clear()
            cookie = {"Cookie": answer.headers["set-cookie"].partition(";")[0]}
            for method, path in routes(api):
                if path.startswith(BY_LINK):
                    continue
                asked = {"json": {"steps": "x"}} if method in CHANGES else {}  # nothing is drawn for it
                if not is_open(path):
                    bare = await nobody.request(method, filled(path, drawn.id), **asked)
                    assert bare.status_code == 401, (method, path)
                where = [filled(path, job) for job in (drawn.id, waiting, "0123456789")]
                headers = cookie if path.startswith("/gallery/") and path != "/gallery/session" else {}
                came = [await stranger.request(method, one, headers=headers, **asked) for one in where]
                if "{job_id}" in path:
                    assert [one.status_code for one in came] == [404] * 3, (method, path)
                    assert plain(came[0]) == plain(came[1]) == plain(came[2])
                for one in came:
                    assert one.status_code < 500 or path == "/healthz", (method, path)
                    told = one.text + str(one.headers)
                    assert not any(word in told for word in (WORD, drawn.id, waiting)), (method, path)
            picture = kept(drawn.pictures[0])
            for body in (
                {"action": "vary_strong", "job": drawn.id, "picture": 1},
                {"action": "vary_strong", "image": picture, "prompt": "a cat"},
                {"action": "inpaint", "job": drawn.id, "picture": 1, "mask": picture},
                {"prompt": f"{picture} a cat"},
                {"prompt": f"a cat --sref {picture}"},
            ):
                assert (await stranger.post(JOBS, json=body)).status_code == 404, body
            for query in ({"after": drawn.id}, {"limit": "1", "after": waiting}):
                assert (await stranger.get(JOBS, params=query)).status_code == 404
        assert (await api.service.find(waiting)).state is State.QUEUED
        assert (await api.service.find(drawn.id)).state is State.RENDERED


# ---- keys -------------------------------------------------------------------------------------------------


async def test_no_door_opens_to_half_a_key(api_at: Opened) -> None:
    async with api_at(pace=unhurried()) as api:
        _, good = await api.key()
        _, ended = await api.key(expires_at=api.service.store.now() - 1)
        bad = [
            "",
            good[:-1],
            good + "0",
            good.upper(),
            good.replace("limner_", ""),
            keys.make(),
            ended,
            "é",
        ]
        stability, sdapi = "/v1/engines/list", "/sdapi/v1/options"
        basic = httpx.BasicAuth("any", good)
        async with api.client("") as client:

            async def came(path: str, said: str) -> int:
                told: Any = {"Authorization": said.encode("latin-1")}
                return (await client.get(path, headers=told)).status_code

            for secret in bad:
                for said in (f"Bearer {secret}".strip(), secret or "Bearer"):
                    assert await came(stability, said) == 401, said
            for path, said, status in (
                (JOBS, f"Bearer {good}", 200),
                (JOBS, f"bearer  {good}", 200),
                (JOBS, good, 401),  # raw: for Stability alone
                (stability, good, 200),
                (JOBS, f"Token {good}", 401),
                (JOBS, f"Bearer {good}, Bearer {good}", 401),
            ):
                assert await came(path, said) == status, (path, said)
            for path, status in ((sdapi, 200), (JOBS, 401), (stability, 401), ("/metrics", 401)):
                assert (await client.get(path, auth=basic)).status_code == status, path
            for name in ("key", "api_key", "token", "access_token"):
                assert (await client.get(JOBS, params={name: good})).status_code == 401


async def test_a_key_does_what_its_scopes_say_and_no_more(api: Api) -> None:
    _, reads = await api.key(scopes=("read",))
    _, draws = await api.key(scopes=("draw",))
    _, counts = await api.key(scopes=("metrics",))
    async with api.client(draws) as by_draws, api.client(reads) as by_reads, api.client(counts) as by_counts:
        where = (await by_draws.post(JOBS, json={"prompt": "a cat"})).headers["location"]
        for client, may in (
            (by_draws, (202, 403, 403)),
            (by_reads, (403, 200, 403)),
            (by_counts, (403, 403, 200)),
        ):
            came = (
                await client.post(JOBS, json={"prompt": "a cat"}),
                await client.get(JOBS),
                await client.get("/metrics"),
            )
            assert tuple(one.status_code for one in came) == may
        assert (await by_reads.delete(where)).status_code == 403
        assert (await by_reads.post("/v1/images/generations", json={"prompt": "a"})).status_code == 403
        assert (await by_draws.post("/gallery/session")).status_code == 403


async def test_a_key_is_found_nowhere(api_at: Opened, tmp_path: Path) -> None:
    stream, root = io.StringIO(), logging.getLogger()
    before, level = list(root.handlers), root.level
    limner_log.setup("DEBUG", stream=stream)
    try:
        async with api_at() as api:
            _, secret = await api.key()
            _, counts = await api.key(scopes=("metrics",))
            body = "/v1/generation/stable-diffusion-v1-5/text-to-image"
            async with api.client(secret) as client, api.client(counts) as scrape:
                job = await api.drawn(client)
                await client.post(body, json={"text_prompts": [{"text": "a cat"}], "steps": 10})
                await client.post(body, json={"text_prompts": [{"text": 1}]})
                await client.get("/v1/nothing", params={"key": "x"})
                await client.get("/sdapi/v1/options", auth=httpx.BasicAuth("me", secret))
                await client.get("/v1/engines/list", headers={"Authorization": secret})
                await client.post("/gallery/session")
                told = await scrape.get("/metrics")
                pictures = [
                    await client.get(f"{JOBS}/{job.id}/pictures/1.{kind}") for kind in ("png", "webp")
                ]
                parts = [part async for part in api.service.export(job.owner, 2**24)]
            everything = [told.content, *(one.content for one in pictures), *parts]
        everything += [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
        everything.append(stream.getvalue().encode())
        assert len(stream.getvalue()) > 1000
        wanted = (secret, counts, secret[keys.START :], httpx.BasicAuth("me", secret)._auth_header)
        assert not [word for word in wanted for data in everything if word.encode() in data]
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        logging.captureWarnings(False)


async def test_beyond_this_machine_without_https_is_warned_of(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    for host, url, warned in (
        ("127.0.0.1", "", False),
        ("0.0.0.0", "", True),
        ("0.0.0.0", "http://example.com", True),
        ("0.0.0.0", "https://example.com", False),
    ):
        caplog.clear()
        async with listening(api.service, WebConfig(port=0, host=host, public_url=url), doors=api.doors):
            assert ("without https" in caplog.text) is warned, (host, url)
        api.doors.draining = False


# ---- what is asked and answered ---------------------------------------------------------------------------


async def test_nobody_sets_or_reads_what_is_not_theirs(api: Api) -> None:
    async with api.client() as client:
        for field in ("owner", "origin", "speed", "state", "id", "price", "guild", "weight", "notes"):
            answer = await client.post(JOBS, json={"prompt": "a cat", field: "x"})
            assert answer.status_code == 422, field
        job = await api.drawn(client)
        told = (await client.get(f"{JOBS}/{job.id}")).json()
        assert {"owner", "origin", "guild", "weight", "attempts"}.isdisjoint(told)
        assert not any(sha256 in json.dumps(told) for sha256 in job.pictures)
        body = {"text_prompts": [{"text": "a cat"}], "steps": 10, "owner": "key:9", "speed": "turbo"}
        answer = await client.post("/v1/generation/stable-diffusion-v1-5/text-to-image", json=body)
        assert answer.status_code == 200
        assert answer.headers["x-limner-ignored"] == "owner, speed"
        assert {one.owner for one in await api.service.jobs_of("key:1")} == {"key:1"}
        assert await api.service.jobs_of("key:9") == []


async def test_no_request_asks_for_more_than_there_is(api: Api) -> None:
    stability = "/v1/generation/stable-diffusion-v1-5/text-to-image"
    cat = {"text_prompts": [{"text": "a cat"}], "steps": 10}
    async with api.client() as client:
        for path, body in (
            (stability, cat | {"samples": 11}),
            (stability, cat | {"steps": 151}),
            (stability, cat | {"width": 10**9, "height": 10**9}),
            (stability, {"text_prompts": [{"text": "a" * 2001}]}),
            ("/v1/images/generations", {"prompt": "a", "n": 11}),
            ("/v1/images/generations", {"prompt": "a", "size": "99999x99999"}),
            ("/predict", {"instances": [{"prompt": "a"}] * 11}),
            (JOBS, {"prompt": "a cat {" + ",".join(map(str, range(1000))) + "}"}),
            (JOBS, {"prompt": "a" * 100_000}),
        ):
            answer = await client.post(path, json=body)
            assert 400 <= answer.status_code < 500, (path, body)
        assert await api.service.jobs_of("key:1") == []


async def test_an_allowance_ends_and_says_so(api_at: Opened) -> None:
    async with api_at(allowance=AllowanceConfig(seconds=1e-6)) as api, api.client() as client:
        answer = await client.post(JOBS, json={"prompt": "a cat"})
        assert answer.status_code == 429
        assert answer.json()["error"]["kind"] == "allowance"
        assert answer.headers["x-should-retry"] == "false"


async def test_links_of_prompts_lead_nowhere_inside(api: Api) -> None:
    async with api.client() as client:
        for link in (
            *(
                "https://127.0.0.1/a.png",
                "https://localhost/a.png",
                "https://169.254.169.254/latest/meta-data/",
            ),
            *("https://[::1]/a.png", "https://10.0.0.1/a.png", f"{api.url}/metrics"),
        ):
            answer = await client.post(JOBS, json={"prompt": f"{link} a cat"})
            assert answer.status_code in (400, 404, 422), link
        # in a text that is taken literally a link means nothing, and nothing is fetched
        literal = {"text_prompts": [{"text": "https://127.0.0.1/a.png"}], "steps": 10}
        answer = await client.post("/v1/generation/stable-diffusion-v1-5/text-to-image", json=literal)
        assert answer.status_code == 200
        assert (await api.service.jobs_of("key:1"))[0].spec.inputs == ()


async def test_answers_give_nothing_away(api: Api, tmp_path: Path) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    async with api.client() as client:
        job = await api.drawn(client)
        answers = [
            await client.options(JOBS, headers=asked),
            await client.request("TRACE", JOBS),
            await client.get(JOBS, headers=asked),
            await client.get(f"{JOBS}/{job.id}/pictures/1.png", headers=asked),
            await client.get(f"{JOBS}/{job.id}/pictures/1.svg"),
            await client.get(f"{JOBS}/{job.id}/pictures/1.html"),
            await client.get("/%00/../../etc/passwd"),
            await client.post(JOBS, content=b"{", headers={"Content-Type": "application/json"}),
            await client.get(f"{JOBS}/<script>alert(1)</script>"),
        ]
        assert [one.status_code for one in answers] == [405, 405, 200, 200, 404, 404, 404, 400, 404]
        for one in answers:
            assert not [name for name in one.headers if name.startswith("access-control-")]
            assert one.headers["x-content-type-options"] == "nosniff"
            assert "private" in one.headers["cache-control"]
            assert "server" not in one.headers
            assert one.headers["content-type"].split(";")[0] in ("application/json", "image/png")
            assert str(tmp_path) not in one.text
            assert not re.search(r"Traceback|\.py\b|uvicorn|fastapi|python/\d", one.text, re.IGNORECASE)


async def test_links_come_from_where_the_host_says(api: Api) -> None:
    body = {"prompt": "a cat", "model": "dall-e-2", "size": "256x256", "response_format": "url"}
    forged = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    async with api.client() as client:
        answer = await client.post("/v1/images/generations", json=body, headers=forged)
        assert answer.json()["data"][0]["url"].startswith(f"{api.url}/pictures/")
        assert "evil" not in answer.text + str(answer.headers)
    async with (
        listening(
            api.service, WebConfig(port=0, public_url="https://draw.example/"), doors=api.doors
        ) as port,
        api.client() as client,
    ):
        api.doors.draining = False
        answer = await client.post(f"http://127.0.0.1:{port}/v1/images/generations", json=body)
        assert answer.json()["data"][0]["url"].startswith("https://draw.example/pictures/")


async def test_what_comes_from_outside_is_not_believed(api: Api) -> None:
    """A picture's type is told by its bytes, its size before it is opened, its recipe proves nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(2**20)))
    bomb += chunk(b"IEND", b"")
    out = io.BytesIO()
    Image.new("RGB", (64, 64)).save(out, "BMP")
    as_png = {"Content-Type": "image/png"}
    async with api.client() as client:
        for data in (bomb, out.getvalue(), b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7"):
            answer = await client.post("/api/v1/uploads", content=data, headers=as_png)
            assert answer.status_code == 422, data[:20]
        job = await api.drawn(client)
        with Image.open(io.BytesIO(await api.service.gallery.load(job.pictures[0]))) as picture:
            claims = dict(picture.text)  # type: ignore[attr-defined]
        assert job.id in claims["limner"]
        from PIL.PngImagePlugin import PngInfo

        forged, said = io.BytesIO(), PngInfo()
        said.add_itxt("limner", claims["limner"])
        Image.new("RGB", (64, 64)).save(forged, "PNG", pnginfo=said)
        told = (await client.post("/api/v1/verify", content=forged.getvalue(), headers=as_png)).json()
        assert (told["ours"], told["job"]) == (False, None)


def test_the_api_is_off_until_it_is_asked_for() -> None:
    assert not ApiConfig().enabled
