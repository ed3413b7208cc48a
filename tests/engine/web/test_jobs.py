"""Our own jobs: promised, looked at, cancelled, and nobody else's."""

from __future__ import annotations

import io

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
        assert same.status_code == 304
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
        for limit, status in (("0", 422), ("1", 200), ("100", 200), ("101", 422), ("x", 422)):
            assert (await client.get(JOBS, params={"limit": limit})).status_code == status


async def test_a_job_is_taken_back(api_at: Opened) -> None:
    async with api_at({"step_seconds": 0.3}) as api, api.client() as client:
        where = (await client.post(JOBS, json={"prompt": "a cat"})).headers["location"]
        assert (await client.delete(where)).json()["state"] == State.CANCELLED
