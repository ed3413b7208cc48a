"""OpenAI Images through the official client, unmodified. Expected values are the contract's."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import openai
import pytest
from PIL import Image

from engine.config import ApiConfig, ModelConfig, pocket
from engine.jobs import Job, Kind, Role, State
from engine.rules import keys
from tests import ROOT
from tests.engine.web.conftest import Api, Opened

STEPS = {"steps": 10}


@asynccontextmanager
async def official(api: Api, secret: str | None = None) -> AsyncIterator[openai.AsyncOpenAI]:
    if secret is None:
        _, secret = await api.key()
    async with openai.AsyncOpenAI(api_key=secret, base_url=f"{api.url}/v1", max_retries=0) as client:
        yield client


def opened(data: str | None) -> Image.Image:
    assert data is not None
    return Image.open(io.BytesIO(base64.b64decode(data)))


def picture(width: int = 256, height: int = 256, mode: str = "RGB", colour: str = "red") -> bytes:
    file = io.BytesIO()
    Image.new(mode, (width, height), colour).save(file, "PNG")
    return file.getvalue()


def hole() -> bytes:
    """A mask as the contract has it: its left half is transparent."""
    mask = Image.new("RGBA", (256, 256), "black")
    mask.paste((0, 0, 0, 0), (0, 0, 128, 256))
    file = io.BytesIO()
    mask.save(file, "PNG")
    return file.getvalue()


async def test_every_size_is_the_files_size(api: Api) -> None:
    async with official(api) as client:
        for size in (
            *("256x256", "512x512", "1024x1024", "1792x1024", "1024x1792", "1536x1024", "1024x1536"),
            "64X64",
        ):
            answer = await client.images.generate(
                prompt="a cat",
                model="gpt-image-1",
                size=size,
                extra_body=STEPS,  # type: ignore[call-overload]
            )
            assert f"{'x'.join(map(str, opened(answer.data[0].b64_json).size))}" == size.lower()
            assert answer.size == size.lower()
        for size in ("5120x1024", "0x0", "1024", "1024x", "9999x9999", "63x64"):
            with pytest.raises(openai.BadRequestError) as told:
                await client.images.generate(prompt="a cat", size=size)  # type: ignore[call-overload]
            assert (told.value.code, told.value.param) == ("invalid_size", "size"), size


async def test_an_answer_is_whole_and_links_need_no_key(api: Api) -> None:
    async with official(api) as client, httpx.AsyncClient(timeout=None) as stranger:
        answer = await client.images.generate(
            *(), prompt="a cat", n=2, model="dall-e-3", style="vivid", extra_body={**STEPS, "num_images": 2}
        )
        assert answer.data is not None
        assert len(answer.data) == 2
        assert (answer.background, answer.output_format, answer.quality) == ("opaque", "png", "medium")
        assert answer.usage is not None
        assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
        first, second = [str(one.url) for one in answer.data]
        assert first.startswith(api.url)
        one = await stranger.get(first)
        assert (one.status_code, one.headers["content-type"]) == (200, "image/png")
        assert one.headers["cache-control"].startswith("private")
        assert (await stranger.get(first, headers={"Authorization": "Bearer x"})).content == one.content
        assert (await stranger.get(second)).content != one.content
        assert (await stranger.get(first[:-1] + ("0" if first[-1] != "0" else "1"))).status_code == 404
        assert (await stranger.get(first.replace("/0/", "/1/"))).status_code == 404
        jpeg = await client.images.generate(
            prompt="a cat", model="gpt-image-1", output_format="jpeg", output_compression=50, extra_body=STEPS
        )
        assert jpeg.data is not None
        assert opened(jpeg.data[0].b64_json).format == "JPEG"
        raw = await client.images.with_raw_response.generate(
            prompt="a cat", style="vivid", extra_body={**STEPS, "num_images": 2}
        )
        assert raw.headers["x-limner-ignored"] == "num_images, style"


async def test_fields_have_two_sides(api: Api) -> None:
    good: list[dict[str, Any]] = [
        {"n": 1},
        {"n": 10},
        {"n": 2.0},
        {"n": None},
        {"prompt": "a" * 6000},
        {"prompt": "a cat --ar 3:2 {a, b} cat::2 https://example.com/a.png"},
    ]
    bad: list[tuple[dict[str, Any], str, str]] = [
        ({"n": 0}, "n", "invalid_value"),
        ({"n": 11}, "n", "invalid_value"),
        ({"n": "2"}, "n", "invalid_type"),
        ({"n": 2.5}, "n", "invalid_type"),
        ({"n": True}, "n", "invalid_type"),
        ({"prompt": "a" * 6001}, "prompt", "string_above_max_length"),
        ({"prompt": ""}, "prompt", "invalid_value"),
        ({"prompt": "  "}, "prompt", "invalid_value"),
        ({"prompt": None}, "prompt", "missing_required_parameter"),
        ({"background": "transparent"}, "background", "unsupported_value"),
        ({"output_format": "gif"}, "output_format", "unsupported_value"),
        ({"output_compression": 50}, "output_compression", "invalid_value"),
        ({"partial_images": 1}, "partial_images", "invalid_value"),
        ({"seed": -1}, "seed", "invalid_value"),
    ]
    async with api.client() as client:
        for fields in good:
            body = {"prompt": "a cat", "size": "256x256", **STEPS, **fields}
            answer = await client.post("/v1/images/generations?api-version=1", json=body)
            assert answer.status_code == 200, answer.text
            [newest, *_] = await api.service.jobs_of("key:1")
            assert newest.spec.conditions[0].text == body["prompt"]
        for fields, param, code in bad:
            answer = await client.post("/v1/images/generations", json={"prompt": "a cat", **fields})
            error = answer.json()["error"]
            assert answer.status_code == 400
            assert set(error) == {"message", "type", "param", "code"}
            assert (error["param"], error["code"]) == (param, code), fields


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # the client's own word on variations
async def test_edits_and_variations(api: Api) -> None:
    async with official(api) as client:
        start, mask = picture(), hole()
        for image in (start, io.BytesIO(start), ("lake.png", start), [start, start]):
            answer = await client.images.edit(
                image=image,
                prompt="a cat",
                model="gpt-image-1",
                extra_body=STEPS,  # type: ignore[arg-type]
            )
            assert answer.data is not None
            assert opened(answer.data[0].b64_json).size == (256, 256)
        masked = await client.images.edit(
            image=start, mask=mask, prompt="a cat", model="pocket", n=2, size="512x512", extra_body=STEPS
        )
        assert masked.data is not None
        assert [opened(one.b64_json).size for one in masked.data] == [(512, 512)] * 2
        for wrong in (picture(mode="L"), picture(128, 128, "RGBA", "#00000000")):
            with pytest.raises(openai.BadRequestError) as told:
                await client.images.edit(image=start, mask=wrong, prompt="a cat", model="pocket")
            assert (told.value.code, told.value.param) == ("invalid_image", "mask")
        varied = await client.images.create_variation(image=start, n=2, size="256x256", model="dall-e-2")
        assert varied.data is not None
        assert all(one.url for one in varied.data)


async def test_models_are_listed(api: Api) -> None:
    async with official(api) as client:
        names = [model.id async for model in await client.models.list()]
        assert names[0] == "pocket"
        assert {"dall-e-3", "gpt-image-1"} < set(names)
        assert (await client.models.retrieve("pocket")).owned_by == "limner"
        with pytest.raises(openai.NotFoundError) as told:
            await client.images.generate(prompt="a cat", model="nosuch")
        assert (told.value.code, told.value.param) == ("model_not_found", "model")


async def test_streams_send_what_was_asked(api_at: Opened) -> None:
    async with api_at({"step_seconds": 0.03}) as api, official(api) as client:
        for partials in (None, 0, 1, 3):
            more = {} if partials is None else {"partial_images": partials}
            stream = await client.images.generate(
                prompt="a cat", model="gpt-image-1", stream=True, extra_body={"steps": 40}, **more
            )
            kinds = []
            async for event in stream:
                kinds.append(event.type)
                assert opened(event.b64_json).size == (512, 512)
            assert kinds[-1] == "image_generation.completed"
            assert kinds.count("image_generation.partial_image") == len(kinds) - 1 <= (partials or 0)
            assert len(kinds) > 1 or not partials


async def test_whoever_stops_reading_frees_the_job(api_at: Opened) -> None:
    async with api_at({"step_seconds": 0.1}) as api, official(api) as client:
        stream = await client.images.generate(
            prompt="a cat", model="gpt-image-1", stream=True, partial_images=3, extra_body={"steps": 150}
        )
        async for event in stream:
            assert event.type == "image_generation.partial_image"
            break
        await stream.close()

        async def taken_back() -> bool:
            return [job.state for job in await api.service.jobs_of("key:1")] == [State.CANCELLED]

        await api.settled(taken_back)


async def test_errors_are_the_clients_own_and_counted(api: Api) -> None:
    _, none = await api.key(scopes=("read",))
    _, spent = await api.key(allowance=0.0)
    cases: list[tuple[str, type[openai.APIStatusError], str | None]] = [
        (keys.make(), openai.AuthenticationError, "invalid_api_key"),
        (none, openai.PermissionDeniedError, "permission_denied"),
        (spent, openai.RateLimitError, "insufficient_quota"),
    ]
    for secret, kind, code in cases:
        seen = 0

        async def count(request: httpx.Request) -> None:
            nonlocal seen
            seen += 1

        wire = httpx.AsyncClient(timeout=None, event_hooks={"request": [count]})
        async with openai.AsyncOpenAI(api_key=secret, base_url=f"{api.url}/v1", http_client=wire) as client:
            with pytest.raises(kind) as told:
                await client.images.generate(prompt="a cat")
        assert told.value.code == code
        assert told.value.request_id
        assert seen == 1
    async with official(api) as client:
        for model, code in (("gpt-image-1", "moderation_blocked"), ("dall-e-3", "content_policy_violation")):
            with pytest.raises(openai.BadRequestError) as blocked:
                await client.images.generate(prompt="a nude child", model=model)
            assert blocked.value.code == code


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # the client's own word on variations
async def test_the_synchronous_client_too(api: Api) -> None:
    _, secret = await api.key()

    def asked() -> list[str | None]:
        found: list[str | None] = []
        small: dict[str, Any] = {"size": "256x256", "model": "pocket"}
        with openai.OpenAI(api_key=secret, base_url=f"{api.url}/v1") as client:
            assert client.models.list().data[0].id == client.models.retrieve("pocket").id == "pocket"
            drawn = client.images.generate(prompt="a cat", **small, extra_body=STEPS)
            edited = client.images.edit(image=picture(), mask=hole(), prompt="a cat", **small)
            varied = client.images.create_variation(image=picture(), **small, response_format="b64_json")
            for answer in (drawn, edited, varied):
                found += [one.b64_json for one in answer.data or ()]
            for event in client.images.generate(prompt="a cat", **small, extra_body=STEPS, stream=True):
                found.append(event.b64_json)
            for event in client.images.edit(image=picture(), prompt="a cat", **small, stream=True):
                assert event.type == "image_edit.completed"
                found.append(event.b64_json)
        return found

    found = await asyncio.to_thread(asked)
    assert [opened(one).size for one in found] == [(256, 256)] * 5


async def test_quality_is_steps(api: Api) -> None:
    """Half, once, twice and four times the model's own, and no more than the host allows."""
    usual, most = pocket().steps, api.service.config.limits.max_steps
    times = {"low": 0.5, "medium": 1, "auto": 1, "standard": 1, "high": 2, "hd": 2, "xhigh": 4, "max": 4}
    names = {"auto": "medium", "standard": "medium", "hd": "high"}
    async with api.client() as client:
        for quality, factor in times.items():
            body = {"prompt": "a cat", "model": "pocket", "size": "64x64", "quality": quality}
            answer = (await client.post("/v1/images/generations", json=body)).json()
            assert answer["quality"] == names.get(quality, quality)
            [newest, *_] = await api.service.jobs_of("key:1")
            assert newest.spec.steps == min(int(usual * factor), most), quality


async def edited(api: Api, client: httpx.AsyncClient, files: Any, **data: str) -> Job:
    told = {"prompt": "a cat", "model": "pocket", "steps": "5", **data}
    answer = await client.post("/v1/images/edits", files=files, data=told)
    assert answer.status_code == 200, answer.text
    assert "x-limner-ignored" not in answer.headers
    [newest, *_] = await api.service.jobs_of("key:1")
    return newest


async def test_what_an_edit_goes_by(api: Api) -> None:
    red, blue, clear = picture(), picture(colour="blue"), picture(mode="RGBA", colour="#ff000000")
    async with api.client() as client:
        for fidelity, strength in (
            ({}, 0.75),
            ({"input_fidelity": "low"}, 0.75),
            ({"input_fidelity": "high"}, 0.35),
        ):
            job = await edited(api, client, {"image": red}, **fidelity)
            assert (job.spec.kind, job.spec.strength) == (Kind.VARY, strength)
        # what is clear in the picture itself is painted, where no mask is sent
        assert (await edited(api, client, {"image": clear})).spec.kind is Kind.INPAINT
        # further pictures are gone by
        for name in ("image", "image[]"):
            job = await edited(api, client, [(name, red), (name, blue), (name, clear)])
            assert [one.role for one in job.spec.inputs] == [Role.INIT, Role.PROMPT, Role.PROMPT]
            shown = [await api.service.gallery.load(one.sha256) for one in job.spec.inputs[:2]]
            colours = [Image.open(io.BytesIO(one)).convert("RGB").getpixel((9, 9)) for one in shown]
            assert colours == [(255, 0, 0), (0, 0, 255)]
        job = await edited(api, client, [*[("image", red)] * 8, ("mask", hole())])
        assert len(job.spec.inputs) == 2 + 7
        for files, param in (
            ([("image", (None, red))] * 9, "image"),
            ([("mask", ("a.png", hole()))], "image"),
            ([("image", ("a.png", b"no picture"))], "image"),
        ):
            answer = await client.post("/v1/images/edits", files=files, data={"prompt": "a cat"})
            assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_an_edit_of_another_shape_is_cut_and_not_squeezed(api: Api) -> None:
    file = io.BytesIO()
    wide = Image.new("RGB", (512, 256), "red")  # its middle half is blue
    wide.paste("blue", (128, 0, 384, 256))
    wide.save(file, "PNG")
    async with api.client() as client:
        job = await edited(api, client, {"image": file.getvalue()}, size="256x256")
        start = Image.open(io.BytesIO(await api.service.gallery.load(job.spec.inputs[0].sha256)))
    assert start.size == (256, 256)
    assert start.convert("RGB").getcolors() == [(256 * 256, (0, 0, 255))]


async def test_what_is_not_done_is_refused_and_never_in_silence(api: Api) -> None:
    async with api.client() as client:
        for name, value in (("frame_count", 8), ("frame_duration_ms", 40), ("svg", {"model": "x"})):
            answer = await client.post("/v1/images/generations", json={"prompt": "a cat", name: value})
            error = answer.json()["error"]
            assert (answer.status_code, error["code"], error["param"]) == (400, "unsupported_value", name)
        for name, field in (("markup", "markup"), ("svg[model]", "svg"), ("frame_count", "frame_count")):
            files = {"image": ("a.png", picture())}
            answer = await client.post("/v1/images/edits", files=files, data={"prompt": "a cat", name: "1"})
            error = answer.json()["error"]
            assert (answer.status_code, error["code"], error["param"]) == (400, "unsupported_value", field)


async def test_a_silent_stream_says_that_it_is_alive(api: Api) -> None:
    assert api.doors.drawing.alive_every < 15
    api.doors.drawing.alive_every = 0.05
    api.service.control.pause()
    body = {"prompt": "a cat", "stream": True, "model": "pocket", **STEPS}
    async with api.client() as client, client.stream("POST", "/v1/images/generations", json=body) as stream:
        lines = stream.aiter_lines()
        while await anext(lines) != ": keep-alive":
            pass
        api.service.control.pause(False)
        assert "event: image_generation.completed" in [line async for line in lines]


async def test_other_makers_names_are_drawn_with_what_the_host_says(api_at: Opened) -> None:
    models = (ModelConfig(name="pocket", source="pocket"), ModelConfig(name="other", source="pocket"))
    settings = ApiConfig(enabled=True, models={"dall-e-3": "other"})
    wanted = {"dall-e-3": "other", "dall-e-2": "pocket", "gpt-image-7": "pocket", None: "pocket"}
    async with api_at(api=settings, models=models) as api, api.client() as client:
        for name, drawn in wanted.items():
            body = {"prompt": "a cat", "model": name, "size": "64x64", **STEPS}
            assert (await client.post("/v1/images/generations", json=body)).status_code == 200
            [newest, *_] = await api.service.jobs_of("key:1")
            assert newest.spec.model == drawn, name


async def test_a_models_date_is_its_weights(api: Api) -> None:
    """Of the model that is shipped, those of the newest file in its folder, as the system says it."""
    newest = max(
        file.stat().st_mtime for file in (ROOT / "engine/pocket/weights").rglob("*") if file.is_file()
    )

    async def dated() -> bool:
        return bool(api.service.origin.dates)

    await api.settled(dated)
    async with api.client() as client:
        listed = (await client.get("/v1/models")).json()["data"]
    assert {one["created"] for one in listed} == {int(newest)}  # all are drawn by it
