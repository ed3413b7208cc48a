"""One table, all doors: the same moderation, limits, ledger row and origin, whichever way a request came."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from engine.config import AllowanceConfig, LimitsConfig, ModerationConfig, ProvenanceConfig
from engine.jobs import State
from tests.engine.web.conftest import Api, Opened

Ask = Callable[[httpx.AsyncClient, dict[str, Any]], Awaitable[httpx.Response]]
FIELDS = {"steps": 12, "seed": 7, "cfg": 6.0, "sampler": "euler", "width": 640, "height": 512}


async def stability(client: httpx.AsyncClient, asked: dict[str, Any]) -> httpx.Response:
    body = {"text_prompts": [{"text": asked["prompt"]}], "sampler": "K_EULER", "cfg_scale": asked["cfg"]}
    body |= {name: asked[name] for name in ("steps", "seed", "width", "height")}
    return await client.post("/v1/generation/stable-diffusion-v1-6/text-to-image", json=body)


async def openai(client: httpx.AsyncClient, asked: dict[str, Any]) -> httpx.Response:
    body = {"prompt": asked["prompt"], "model": "pocket", "size": f"{asked['width']}x{asked['height']}"}
    body |= {"cfg_scale": asked["cfg"], **{name: asked[name] for name in ("steps", "seed", "sampler")}}
    return await client.post("/v1/images/generations", json=body)


async def sdapi(client: httpx.AsyncClient, asked: dict[str, Any]) -> httpx.Response:
    body = {"sampler_name": "Euler", "cfg_scale": asked["cfg"]}
    body |= {name: asked[name] for name in ("prompt", "steps", "seed", "width", "height")}
    return await client.post("/sdapi/v1/txt2img", json=body)


async def predict(client: httpx.AsyncClient, asked: dict[str, Any]) -> httpx.Response:
    return await client.post("/predict", json={"prompt": asked["prompt"]})


async def own(client: httpx.AsyncClient, asked: dict[str, Any]) -> httpx.Response:
    return await client.post("/api/v1/jobs", json={"prompt": asked["prompt"]})


EXACT: tuple[Ask, ...] = (stability, openai, sdapi)
"""Doors that can say every field."""
ALL: tuple[Ask, ...] = (*EXACT, predict, own)


def pixels(answer: httpx.Response) -> bytes:
    told = answer.json()
    if "artifacts" in told:
        text = told["artifacts"][0]["base64"]
    else:
        text = told["data"][0]["b64_json"] if "data" in told else told["images"][0]
    return Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB").tobytes()


async def test_the_same_fields_are_the_same_picture_and_the_same_row(api: Api) -> None:
    async with api.client() as client:
        made = {pixels(await ask(client, {"prompt": "a red apple", **FIELDS})) for ask in EXACT}
    assert len(made) == 1
    jobs = await api.service.jobs_of("key:1")
    assert len(jobs) == len(EXACT)
    assert len({job.spec for job in jobs}) == 1
    assert {(job.prompt, job.speed, job.guild, job.weight) for job in jobs} == {
        ("a red apple", "fast", None, 1.0)
    }
    rows = await api.service.store.read(
        lambda db: db.execute("SELECT owner, guild, reserved, settled FROM ledger").fetchall()
    )
    assert len({tuple(row) for row in rows}) == 1


async def test_the_same_words_are_refused(api: Api) -> None:
    refused = {"stability": 400, "openai": 400, "sdapi": 400, "predict": 400, "own": 400}
    sentences = set()
    async with api.client() as client:
        for ask in ALL:
            answer = await ask(client, {"prompt": "a nude child", **FIELDS})
            assert answer.status_code == refused[ask.__name__], answer.text
            sentences.add(next(one for one in said(answer.json()) if "drawn" in one))
    assert len(sentences) == 1
    assert await api.service.jobs_of("key:1") == []
    counted = await api.service.store.read(
        lambda db: db.execute("SELECT count(*) FROM audit WHERE action = 'blocked'").fetchone()
    )
    assert counted[0] == len(ALL)


def said(value: Any) -> list[str]:
    """Return every text in an answer."""
    if isinstance(value, dict):
        return [text for one in value.values() for text in said(one)]
    return [value] if isinstance(value, str) else []


async def test_the_same_limits_hold(api_at: Opened) -> None:
    spent = {"stability": 403, "openai": 429, "sdapi": 429, "predict": 429, "own": 429}
    async with api_at(limits=LimitsConfig(running=1, waiting=0)) as api:
        _, none = await api.key(allowance=0.0)
        _, read = await api.key(scopes=("read",))
        _, other = await api.key(models=("another",))
        for ask in ALL:
            asked = {"prompt": "a red apple", **FIELDS}
            async with api.client(none) as client:
                answer = await ask(client, asked)
                assert answer.status_code == spent[ask.__name__], answer.text
                assert answer.headers["x-should-retry"] == "false"
            async with api.client(read) as client:
                assert (await ask(client, asked)).status_code == 403
            async with api.client(other) as client:
                assert (await ask(client, asked)).status_code == 403
            async with api.client() as client:
                answer = await ask(client, asked | {"prompt": "a" * 6001})
                assert answer.status_code in (400, 422)
        assert await api.service.jobs_of("key:1") == []


async def test_too_many_waiting_is_said_with_a_time(api_at: Opened) -> None:
    async with api_at({"step_seconds": 0.3}, limits=LimitsConfig(running=1, waiting=1)) as api:
        for ask in ALL:
            async with api.client() as client:
                for _ in range(2):
                    assert (await own(client, {"prompt": "a red apple --steps 150"})).status_code == 202
                answer = await ask(client, {"prompt": "a red apple", **FIELDS})
                assert answer.status_code == 429, ask.__name__
                assert int(answer.headers["retry-after"]) > 0
                assert "x-should-retry" not in answer.headers


async def test_a_picture_refused_after_drawing_is_never_shown(api_at: Opened, tmp_path: Path) -> None:
    from tests.engine.moderation import colours  # brings transformers, for which others need not wait

    looking = ModerationConfig(classifier=str(colours.save(tmp_path / "colours")))
    async with api_at({"red": "apple"}, moderation=looking) as api, api.client() as client:
        asked = {"prompt": "a red apple", **FIELDS}
        told = (await stability(client, asked)).json()
        [artifact] = told["artifacts"]
        assert artifact["finishReason"] == "CONTENT_FILTERED"
        with Image.open(io.BytesIO(base64.b64decode(artifact["base64"]))) as grey:
            assert grey.size == (640, 512)
            [(_, (red, green, blue))] = grey.convert("RGB").getcolors() or []
            assert red == green == blue
        png = await client.post(
            "/v1/generation/stable-diffusion-v1-6/text-to-image",
            json={"text_prompts": [{"text": "an apple"}], "samples": 1},
            headers={"Accept": "image/png"},
        )
        assert (png.status_code, png.headers["finish-reason"]) == (200, "CONTENT_FILTERED")
        for ask, code in ((openai, "moderation_blocked"), (sdapi, ""), (predict, "")):
            answer = await ask(client, asked)
            assert answer.status_code == 400
            assert code in answer.text
            assert len(answer.content) < 2000  # a sentence, and no picture
        old = await client.post("/v1/images/generations", json={"prompt": "an apple", "model": "dall-e-3"})
        assert old.json()["error"]["code"] == "content_policy_violation"
        body = {"prompt": "an apple", "model": "gpt-image-1", "stream": True, "partial_images": 3}
        async with client.stream("POST", "/v1/images/generations", json=body) as stream:
            events = "".join([part async for part in stream.aiter_text()])
        assert "partial_image" not in events  # no preview of what may not be shown either
        assert json.loads(events.partition("data: ")[2])["error"]["code"] == "moderation_blocked"
        where = (await own(client, {"prompt": "an apple"})).headers["location"]

        async def blocked() -> bool:
            return bool((await client.get(where)).json()["state"] == State.BLOCKED)

        await api.settled(blocked)
        assert (await client.get(f"{where}/pictures/1.png")).status_code == 404
        good = await stability(client, asked | {"prompt": "a pear"})
        assert good.json()["artifacts"][0]["finishReason"] == "SUCCESS"


async def test_whatever_leaves_says_what_it_is(api_at: Opened) -> None:
    on = ProvenanceConfig()
    async with api_at(provenance=on, allowance=AllowanceConfig()) as api, api.client() as client:
        asked = {"prompt": "a red apple", **FIELDS}
        files = [base64.b64decode((await stability(client, asked)).json()["artifacts"][0]["base64"])]
        files.append(base64.b64decode((await sdapi(client, asked)).json()["images"][0]))
        files.append((await predict(client, asked)).content)
        for form in ("png", "jpeg", "webp"):
            body = {"prompt": "a red apple", "output_format": form, "steps": 5, "size": "256x256"}
            told = await client.post("/v1/images/generations", json=body | {"model": "pocket"})
            files.append(base64.b64decode(told.json()["data"][0]["b64_json"]))
            told = await client.post("/v1/images/generations", json=body | {"response_format": "url"})
            files.append((await client.get(told.json()["data"][0]["url"])).content)
        where = (await own(client, {"prompt": "a red apple --steps 5"})).headers["location"]

        async def drawn() -> bool:
            return bool((await client.get(where)).json()["state"] == State.RENDERED)

        await api.settled(drawn)
        files += [(await client.get(f"{where}/pictures/1.{form}")).content for form in ("jpeg", "webp")]
        for number, file in enumerate(files):
            verdict, job = await api.service.verify(file)
            assert job is not None, number
            assert verdict.signature is not None
            assert (verdict.signature.state, verdict.signature.ours) == ("valid", True)
            assert verdict.recipe is not None
            assert verdict.recipe.prompt == "a red apple"
            assert verdict.recipe.facts["Seed"] == str(job.spec.seed)
    kinds = {Image.open(io.BytesIO(file)).format for file in files}
    assert kinds == {"PNG", "JPEG", "WEBP"}


async def test_a_link_ends_after_an_hour(api: Api) -> None:
    began = 1_800_000_000.0
    api.doors.clock = lambda: began
    async with api.client() as client:
        told = await client.post("/v1/images/generations", json={"prompt": "a cat", "steps": 5})
        url = told.json()["data"][0]["url"]
        until = int(url.partition("?")[0].rpartition("/")[2].partition(".")[0])
        assert abs(until - 3600 - began) <= 1
        for now, status in ((until, 200), (until + 1, 410)):
            api.doors.clock = lambda now=now: now
            assert (await client.get(url)).status_code == status
        api.doors.clock = lambda: began - 31 * 86400  # signed by a clock that was a month ahead
        assert (await client.get(url)).status_code == 410
        api.doors.clock = lambda: began
        later = url.replace(str(until), str(until + 60))
        assert (await client.get(later)).status_code == 404  # whoever writes another hour has not signed it
