"""Our own jobs: promised, looked at, cancelled, and nobody else's."""

from __future__ import annotations

import asyncio
import base64
import io
import json

import httpx
from PIL import Image

from engine.jobs import State
from tests.engine.web.conftest import Api, Opened

JOBS, VARY = "/api/v1/jobs", "vary_strong"


async def test_a_line_becomes_a_job_with_pictures(api: Api) -> None:
    async with api.client() as client, api.client() as stranger:
        named = {"Idempotency-Key": "one"}
        answer = await client.post(JOBS, json={"prompt": "a cat --ar 3:2 --seed 7"}, headers=named)
        assert answer.status_code == 202
        again = await client.post(JOBS, json={"prompt": "a cat --ar 3:2 --seed 7"}, headers=named)
        assert again.headers["location"] == answer.headers["location"]
        where = answer.headers["location"]
        async with client.stream("GET", f"{where}/events") as stream:
            text = "".join([part async for part in stream.aiter_text()])
        assert text.rstrip().rpartition("event: ")[2].startswith("end")
        job = (await client.get(where)).json()
        assert (job["state"], job["seed"], len(job["pictures"])) == ("rendered", 7, 4)
        for kind, form in (("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")):
            picture = await client.get(f"{where}/pictures/1.{kind}")
            assert Image.open(io.BytesIO(picture.content)).format == form
        same = await client.get(
            f"{where}/pictures/1.webp", headers={"If-None-Match": picture.headers["etag"]}
        )
        assert (same.status_code, same.content) == (304, b"")
        files = [await client.get(f"{where}/pictures/{one}") for one in ("1.png", "1.webp", "2.png")]
        assert len({file.headers["etag"] for file in files}) == 3
        old = {"If-None-Match": f'"x", {picture.headers["etag"]}'}
        api.service.origin.let_go(0.0)  # made and signed again, it is the same picture
        assert (await client.get(f"{where}/pictures/1.webp", headers=old)).status_code == 304
        assert (await client.get(f"{where}/pictures/1.png", headers=old)).status_code == 200
        for path in (where, f"{where}/events", f"{where}/pictures/1.png"):
            assert (await stranger.get(path)).status_code == 404
        assert (await stranger.delete(where)).status_code == 404
        wrong = [f"{where}/pictures/5.png", f"{where}/pictures/0.png", f"{where}/pictures/1.gif"]
        assert {(await client.get(path)).status_code for path in wrong} == {404}
        theirs = {"action": VARY, "job": job["id"], "picture": 1}
        assert (await stranger.post(JOBS, json=theirs)).status_code == 404
        assert (await client.post(JOBS, json=theirs)).status_code == 202
        page = (await client.get(JOBS, params={"limit": "1"})).json()
        rest = (await client.get(JOBS, params={"limit": "1", "after": page["next"]})).json()
        assert [one["id"] for one in rest["jobs"]] == [job["id"]]
        assert rest["next"] is None
        assert (await stranger.get(JOBS)).json() == {"jobs": [], "next": None}
        assert (await client.get("/api/v1/balance")).json() == {"seconds_left": None}


async def test_what_is_wrong_is_422(api: Api) -> None:
    async with api.client() as client:
        for body in (
            {},
            {"prompt": "a cat", "colour": 1},
            {"action": "fly"},
            {"action": VARY},
            {"prompt": 1},
        ):
            answer = await client.post(JOBS, json=body)
            assert answer.status_code == 422, body
            assert answer.json()["error"]["message"]
        unknown = (await client.post(JOBS, json={"prompt": "a cat", "colour": 1})).json()["error"]
        assert (unknown["field"], unknown["message"]) == ("colour", "colour: is not known here; leave it out")
        for limit, status in (("0", 422), ("1", 200), ("100", 200), ("101", 422), ("x", 422)):
            assert (await client.get(JOBS, params={"limit": limit})).status_code == status


def events(text: str) -> list[dict[str, str]]:
    """Read server-sent events as the standard has them."""
    found = []
    for block in text.split("\n\n"):
        lines = [line.split(": ", 1) for line in block.splitlines() if line and not line.startswith(":")]
        if lines:
            found.append(dict(lines))
    return found


async def streamed(client: httpx.AsyncClient, where: str, known: str | None = None) -> tuple[int, str]:
    headers = {} if known is None else {"Last-Event-ID": known}
    async with client.stream("GET", f"{where}/events", headers=headers) as stream:
        return stream.status_code, "".join([part async for part in stream.aiter_text()])


async def test_a_stream_tells_place_progress_previews_and_end(api_at: Opened) -> None:
    async with api_at({"step_seconds": 0.2}) as api, api.client() as client:
        api.service.control.pause()
        prompts = ("a dog --steps 10", "a cat --steps 10")
        places = [(await client.post(JOBS, json={"prompt": one})).headers["location"] for one in prompts]
        async with client.stream("GET", f"{places[1]}/events") as stream:
            lines = stream.aiter_lines()
            told = [await anext(lines) for _ in range(3)]  # where it stands, before anything is drawn
            api.service.control.pause(False)
            told += [line async for line in lines]
        text = "\n".join(told)
        found = events(text)
        assert found[0] == {
            "event": "progress",
            "id": "queued-1",
            "data": '{"state": "queued", "percent": 0, "position": 1}',
        }
        previews = [json.loads(one["data"]) for one in found if one["event"] == "preview"]
        assert previews
        for one in previews:
            with Image.open(io.BytesIO(base64.b64decode(one["b64"]))) as picture:
                assert Image.MIME[picture.format or ""] == one["type"]
        steps = [json.loads(one["data"])["percent"] for one in found if one["event"] == "progress"]
        assert steps == sorted(steps)
        assert found[-1]["event"] == "end"
        assert len(json.loads(found[-1]["data"])["pictures"]) == 4
        # whoever knows the end needs to come no more; whoever knows less is told the end
        assert await streamed(client, places[1], "end") == (204, "")
        _, late = await streamed(client, places[1], found[0]["id"])
        assert events(late)[-1]["event"] == "end"
        assert "queued" not in [json.loads(one["data"])["state"] for one in events(late)]


async def test_a_stream_resumes_where_it_broke_off(api_at: Opened) -> None:
    async with api_at() as api, api.client() as client:
        api.service.control.pause()
        where = (await client.post(JOBS, json={"prompt": "a cat"})).headers["location"]
        async with client.stream("GET", f"{where}/events") as stream:
            lines = stream.aiter_lines()
            assert [await anext(lines) for _ in range(2)] == ["event: progress", "id: queued-0"]
        again = asyncio.create_task(streamed(client, where, "queued-0"))

        async def listens() -> bool:
            return sum(api.doors.streams.values()) == 1

        await api.settled(listens)
        api.service.control.pause(False)
        _, text = await again
        assert "queued-0" not in text  # known already
        assert events(text)[-1]["event"] == "end"


async def test_pages_hold_every_job_once_while_others_come(api: Api) -> None:
    async with api.client() as client, api.client() as stranger:
        api.service.control.pause()
        lines = [{"prompt": f"a cat {number}"} for number in range(5)]
        made = [(await client.post(JOBS, json=line)).headers["location"] for line in lines]
        foreign = (await stranger.post(JOBS, json={"prompt": "a dog"})).json()["jobs"][0]["id"]
        seen: list[str] = []
        after = ""
        while after is not None:
            page = (await client.get(JOBS, params={"limit": "2", "after": after})).json()
            seen += [one["id"] for one in page["jobs"]]
            after = page["next"]
            await client.post(JOBS, json={"prompt": "a newer one"})
        assert seen == [where.rpartition("/")[2] for where in reversed(made)]
        for unknown in (foreign, "0123456789"):
            assert (await client.get(JOBS, params={"after": unknown})).status_code == 404


async def test_a_job_is_taken_back(api_at: Opened) -> None:
    async with api_at({"step_seconds": 0.3}) as api, api.client() as client:
        where = (await client.post(JOBS, json={"prompt": "a cat"})).headers["location"]
        assert (await client.delete(where)).json()["state"] == State.CANCELLED
