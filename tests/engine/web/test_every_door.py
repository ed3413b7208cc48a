"""What holds at every door alike: one row for each way to draw, and each rule tried at all of them."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from typing import Any

import httpx
from fastapi.routing import APIRoute
from PIL import Image

from engine.config import ApiConfig
from engine.jobs import Condition, State
from engine.planning.literal import Literal
from engine.rules import changes
from engine.service import Draw
from engine.store import keys as store_keys
from engine.web import application
from engine.web.bodies import EDIT_MOST, FILE_MOST, FORM_MOST, MIB, SDAPI_MOST
from tests.engine.web.conftest import Api, Opened, status_of, unhurried

DAY = 86_400.0
STABILITY = "/v1/generation/stable-diffusion-v1-5"
NAMES = {"engine_id": "stable-diffusion-v1-5", "project": "p", "location": "l", "endpoint": "e"}


def png(side: int = 512, colour: str = "red", **more: Any) -> bytes:
    file = io.BytesIO()
    Image.new(more.pop("mode", "RGB"), (side, side), colour).save(file, "PNG", **more)
    return file.getvalue()


RED, BLUE, CLEAR = png(), png(colour="blue"), png(mode="RGBA", colour="#ff000000")


def form(files: dict[str, bytes], **data: str) -> dict[str, Any]:
    return {"files": {name: (f"{name}.png", one) for name, one in files.items()}, "data": data}


def rows(word: str, picture: bytes) -> dict[str, dict[str, Any]]:
    """Return a small request for each way to draw, by its path, with this word, this picture, or both."""
    told, coded = {"text_prompts[0][text]": word, "steps": "10"}, base64.b64encode(picture).decode()
    openai = {"model": "pocket", "size": "256x256", "response_format": "b64_json"}
    return {
        f"{STABILITY}/text-to-image": {"json": {"text_prompts": [{"text": word}], "steps": 10}},
        f"{STABILITY}/image-to-image": form({"init_image": picture}, **told),
        f"{STABILITY}/image-to-image/masking": form(
            {"init_image": picture, "mask_image": RED}, **told, mask_source="MASK_IMAGE_WHITE"
        ),
        f"{STABILITY}/image-to-image/upscale": form({"image": picture}),
        "/v1/images/generations": {"json": {"prompt": word, **openai}},
        "/v1/images/edits": form({"image": picture}, prompt=word, **openai),
        "/v1/images/variations": form({"image": picture}, **openai),
        "/predict": {"json": {"prompt": word}},
        "/v1/projects/p/locations/l/endpoints/e:predict": {"json": {"instances": [{"prompt": word}]}},
        "/sdapi/v1/txt2img": {"json": {"prompt": word, "steps": 5}},
        "/sdapi/v1/img2img": {"json": {"prompt": word, "steps": 5, "init_images": [coded]}},
        "/sdapi/v1/extra-single-image": {"json": {"image": coded}},
        "/sdapi/v1/interrogate": {"json": {"image": coded}},
        "/api/v1/jobs": {"json": {"prompt": f"{word} --steps 10"}},
    }


DRAWS = rows("a cat", RED)
TAKE_JSON = [
    *(path for path, asked in DRAWS.items() if "json" in asked),
    *("/sdapi/v1/png-info", "/sdapi/v1/options"),
]
TAKE_FORMS = [
    *(path for path, asked in DRAWS.items() if "files" in asked),
    *("/api/v1/uploads", "/api/v1/verify"),
]
ELSEWHERE = {"/sdapi/v1/interrupt", "/sdapi/v1/skip", "/gallery/session", "/draw/{link}"}
"""Where a POST draws nothing and reads no body of these kinds."""


async def test_every_route_that_reads_a_body_is_in_the_table(api: Api) -> None:
    found = {
        re.sub(r"{(\w+)}", lambda name: NAMES.get(name[1], name[0]), route.path)
        for route in application(api.service, None, api.doors).routes
        if isinstance(route, APIRoute) and "POST" in (route.methods or ())
    }
    assert found == {*TAKE_JSON, *TAKE_FORMS, *ELSEWHERE}


# ---- what is wrong ----------------------------------------------------------------------------------------

KIND = {
    STABILITY: lambda told: told["name"],
    "/v1/images": lambda told: told["error"]["code"],
    "/predict": lambda told: told["error"]["status"],
    "/v1/projects": lambda told: told["error"]["status"],
    "/sdapi": lambda told: told["error"],
    "/api/v1": lambda told: told["error"]["kind"],
}
"""Where each contract writes what kind of error it is."""


def kind(path: str, answer: httpx.Response) -> str:
    return str(next(read for start, read in KIND.items() if path.startswith(start))(answer.json()))


def is_told(answer: httpx.Response, *statuses: int) -> None:
    assert answer.status_code in statuses, (answer.request.url, answer.text)
    assert answer.headers["content-type"] == "application/json"
    assert any(len(text) >= 9 and " " in text for text in texts(answer.json()))
    assert not re.search(r"Traceback|\.py\b|/usr/|/root/|pydantic", answer.text)


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from texts(one)


BROKEN = {
    "empty": b"",
    "cut off": b"{",
    "a list": b"[1]",
    "a text": b'"text"',
    "100,000 brackets": b"[" * 100_000,
    "100,000 nested objects": b'{"a":' * 100_000,
    "NaN": b'{"prompt": NaN, "image": NaN, "text_prompts": NaN}',
    "infinite": b'{"prompt": -Infinity, "image": Infinity, "text_prompts": Infinity}',
    "NUL": b'{"prompt": "a\\u0000b", "image": "\\u0000"}',
    "half a surrogate": b'{"prompt": "a\\ud800b", "image": "\\udc00"}',
    "a name with NUL": b'{"\\u0000": 1}',
    "Latin-1": '{"prompt": "caf\u00e9"}'.encode("latin-1"),
    "UTF-16": '{"prompt": "a cat"}'.encode("utf-16"),
    "a number of 5,000 digits": b'{"prompt": "a", "seed": ' + b"9" * 5000 + b"}",
}


OTHER_TYPES = ("text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded")


async def test_json_that_is_broken_is_told_so(api_at: Opened) -> None:
    async with api_at(pace=unhurried()) as api, api.client() as client:
        for path in TAKE_JSON:
            for name, body in BROKEN.items():
                answer = await client.post(path, content=body, headers={"Content-Type": "application/json"})
                assert answer.status_code in (400, 413, 422), (path, name)
                is_told(answer, 400, 413, 422)
            for said in OTHER_TYPES:
                is_told(await client.post(path, content=b"{}", headers={"Content-Type": said}), 415)
            is_told(await client.post(path, content=b"{}"), 415)
            await is_there_for_posts_alone(client, path)
        assert await api.service.jobs_of("key:1") == []


async def is_there_for_posts_alone(client: httpx.AsyncClient, path: str) -> None:
    wrong = await client.put(path)
    is_told(wrong, 405)
    assert "POST" in wrong.headers["allow"]
    is_told(await client.post(f"{path}-nothing", json={}), 404)


NAMED = {"": "?", " ": "?", "a,b": "a?b", "\r\nX: y": "??X??y", "\u00e9": "?", "a" * 100: "a" * 64}


async def test_any_name_of_what_is_ignored_can_be_told(api: Api) -> None:
    """A header ends in no blank: an empty name is a question mark, like any letter that is none."""
    async with api.client() as client:
        for name, told in NAMED.items():
            for path, body in (
                ("/predict", {"prompt": "a cat", name: 1}),
                ("/predict", {"instances": [{"prompt": "a cat", name: 1}]}),
                ("/v1/images/generations", {"prompt": "a cat", "size": "64x64", name: 1}),
                (f"{STABILITY}/text-to-image", {"text_prompts": [{"text": "a cat"}], "steps": 10, name: 1}),
                ("/sdapi/v1/txt2img", {"prompt": "a cat", "steps": 5, name: 1}),
            ):
                answer = await client.post(path, json=body)
                assert answer.status_code == 200, (path, name)
                assert answer.headers["x-limner-ignored"] == told, (path, name)


def part(name: str, data: bytes, *more: str) -> bytes:
    head = [f'Content-Disposition: form-data; name="{name}"', *more, "", ""]
    return b"--x\r\n" + "\r\n".join(head).encode() + data + b"\r\n"


BROKEN_FORMS = {
    "empty": b"",
    "no parts": b"--x--\r\n",
    "cut off": part("image", RED)[:-20],
    "never ended": part("image", RED),
    "another boundary": b"--y\r\n\r\n--y--\r\n",
    "no name": b"--x\r\n\r\nabc\r\n--x--\r\n",
    "a broken header": b"--x\r\n: \r\n\r\nabc\r\n--x--\r\n",
    "NUL": part("text_prompts[0][text]", b"a\0b") + part("prompt", b"a\0b") + b"--x--\r\n",
    "Latin-1": part("text_prompts[0][text]", b"caf\xe9") + part("prompt", b"caf\xe9") + b"--x--\r\n",
    "no picture": part("image", b"no picture") + part("init_image", b"none") + b"--x--\r\n",
    "an index of a million digits": part(f"text_prompts[{'9' * 10**6}][text]", b"a") + b"--x--\r\n",
}


async def test_forms_that_are_broken_are_told_so(api_at: Opened) -> None:
    said = "multipart/form-data"
    async with api_at(pace=unhurried()) as api, api.client() as client:
        for path in TAKE_FORMS:
            for name, body in BROKEN_FORMS.items():
                headers = {"Content-Type": f"{said}; boundary=x"}
                answer = await client.post(path, content=body, headers=headers)
                assert answer.status_code in (400, 413, 422), (path, name)
                is_told(answer, 400, 413, 422)
            is_told(await client.post(path, content=b"", headers={"Content-Type": said}), 400, 422)
            is_told(await client.post(path, json={}), 415)
            await is_there_for_posts_alone(client, path)
        assert await api.service.jobs_of("key:1") == []


# ---- how large --------------------------------------------------------------------------------------------


def exactly(body: bytes, size: int, end: bytes = b"") -> bytes:
    """Return a body of so many bytes, the rest of it in parts that mean nothing, or spaces behind JSON."""
    if not end:
        return body + b" " * (size - len(body))
    head = part("filler", b"")[:-2]
    while (room := size - len(body) - len(end)) > FILE_MOST:
        body += part("filler", bytes(FILE_MOST - len(head) - MIB))
    return body + head + bytes(room - len(head) - 2) + b"\r\n" + end


LARGE: list[tuple[str, int, str, bytes, bytes]] = [
    ("/v1/images/generations", MIB, "application/json", b'{"prompt": "a cat", "steps": 5}', b""),
    ("/api/v1/jobs", MIB, "application/json", b'{"prompt": "a cat --steps 5"}', b""),
    ("/predict", MIB, "application/json", b'{"prompt": "a cat"}', b""),
    ("/sdapi/v1/txt2img", SDAPI_MOST, "application/json", b'{"prompt": "a cat", "steps": 5}', b""),
    (
        f"{STABILITY}/image-to-image",
        FORM_MOST,
        "multipart/form-data; boundary=x",
        part("init_image", RED) + part("text_prompts[0][text]", b"a cat") + part("steps", b"10"),
        b"--x--\r\n",
    ),
    (
        "/v1/images/edits",
        EDIT_MOST,
        "multipart/form-data; boundary=x",
        part("image", RED) + part("prompt", b"a cat") + part("steps", b"5"),
        b"--x--\r\n",
    ),
]


def test_the_sizes_are_those_that_are_promised() -> None:
    promised = (FILE_MOST, FORM_MOST, EDIT_MOST, SDAPI_MOST)
    assert promised == tuple(mib * 1024 * 1024 for mib in (20, 42, 64, 56))
    assert MIB == 1024 * 1024


async def test_a_body_has_its_largest_size(api_at: Opened) -> None:
    async def pieces(data: bytes) -> Any:
        for start in range(0, len(data), MIB):
            yield data[start : start + MIB]

    async with api_at(pace=unhurried()) as api, api.client() as client:
        for path, most, said, body, end in LARGE:
            full, more = exactly(body, most, end), exactly(body, most + 1, end)
            assert (len(full), len(more)) == (most, most + 1)
            for content in (full, pieces(full)):  # with its length, and without
                answer = await client.post(path, content=content, headers={"Content-Type": said})
                assert answer.status_code in (200, 202), answer.text
            # before anything is read where a length is given, else while it is read
            head = [f"POST {path} HTTP/1.1", f"Authorization: {client.headers['Authorization']}"]
            head += [f"Content-Type: {said}", f"Content-Length: {most + 1}"]
            assert await status_of(api, *head) == 413
            try:
                answer = await client.post(path, content=pieces(more), headers={"Content-Type": said})
                is_told(answer, 413)
            except httpx.WriteError:
                pass  # closed while it was still sending
        assert api.doors.budget.held == 0


async def test_files_come_byte_for_byte_with_and_without_a_name(api: Api) -> None:
    noise = Image.effect_noise((1024, 1024), 200).convert("RGB")
    file = io.BytesIO()
    noise.save(file, "PNG")
    assert len(file.getvalue()) > 1_200_000
    async with api.client() as client:
        for told in ((None, file.getvalue()), ("a", file.getvalue()), ("a", file.getvalue(), "x/y")):
            data = {"text_prompts[0][text]": "a cat", "steps": "10"}
            answer = await client.post(f"{STABILITY}/image-to-image", files={"init_image": told}, data=data)
            assert answer.status_code == 200, answer.text
            [job, *_] = await api.service.jobs_of("key:1")
            kept = await api.service.gallery.load(job.spec.inputs[0].sha256)
            with Image.open(io.BytesIO(kept)) as start:
                assert start.convert("RGB").tobytes() == noise.tobytes()


# ---- how often --------------------------------------------------------------------------------------------

TOO_FAST = {
    f"{STABILITY}/text-to-image": "rate_limit_exceeded",
    "/v1/images/generations": "rate_limit_exceeded",
    "/predict": "RESOURCE_EXHAUSTED",
    "/sdapi/v1/txt2img": "LimitError",
    "/api/v1/jobs": "rate",
}


async def test_who_is_too_fast_is_told_so_in_each_shape(api_at: Opened) -> None:
    async with api_at(pace=lambda: 0.0) as api:
        for path, said in TOO_FAST.items():
            async with api.client() as client:
                for _ in range(60):
                    assert (await client.post(path, json={"steps": "x"})).status_code in (400, 422)
                answer = await client.post(path, json={"steps": "x"})
            is_told(answer, 429)
            assert kind(path, answer) == said
            assert answer.headers["retry-after"] == "1"  # a sixtieth of the minute
            assert "x-should-retry" not in answer.headers


# ---- names ------------------------------------------------------------------------------------------------


def told(api: Api, now: float) -> None:
    """Say what time it is, twice: once might be a mistake, and the machine's clock alone proves nothing."""
    for _ in range(2):
        api.service.retention.told(now)


async def test_a_named_request_is_one_at_every_door(api_at: Opened) -> None:
    now = 1_800_000_000.0
    async with api_at(pace=unhurried(), clock=lambda: now) as api:
        for path in DRAWS:
            key, secret = await api.key()
            async with api.client(secret) as client:

                async def asked(
                    word: str = "a cat",
                    picture: bytes = RED,
                    name: str = "one",
                    client: httpx.AsyncClient = client,
                    path: str = path,
                ) -> httpx.Response:
                    headers: Any = {"Idempotency-Key": name.encode("latin-1")}
                    return await client.post(path, headers=headers, **rows(word, picture)[path])

                async def drawn(owner: str = key.owner) -> int:
                    return len(await api.service.jobs_of(owner))

                first = await asked()
                assert first.status_code in (200, 202), first.text
                again = await asked()
                if path == "/api/v1/jobs":
                    assert again.headers["location"] == first.headers["location"]
                else:
                    assert again.content == first.content
                    assert again.headers["content-type"] == first.headers["content-type"]
                assert await drawn() == 1
                # another word or, where there is one, other bytes of a file
                changed = {"a dog": RED} if "a cat" in str(DRAWS[path]) else {}
                changed |= {"a cat": BLUE} if rows("a cat", BLUE)[path] != DRAWS[path] else {}
                for word, picture in changed.items():
                    other = await asked(word, picture)
                    is_told(other, 409)
                    assert other.headers["x-should-retry"] == "false"
                for name in ("x" * 256, "a b", "\u00e9", ""):
                    is_told(await asked(name=name), 400, 422)
                for name in ("x" * 255, "!", "~"):
                    assert (await asked(name=name)).status_code == first.status_code
                assert await drawn() == 4
                now += DAY - 1
                told(api, now)
                assert (await asked()).status_code == first.status_code
                assert await drawn() == 4
                now += 1  # a day after the first: the name may be another request's
                told(api, now)
                assert (await asked()).status_code == first.status_code
                assert await drawn() == 5


# ---- waiting ----------------------------------------------------------------------------------------------

WAIT = [path for path in DRAWS if path != "/api/v1/jobs"]


async def test_what_cannot_end_in_time_is_refused_at_once(api_at: Opened) -> None:
    """By the queue's own estimate: what the job before takes lies between the two waits."""
    async with api_at({"step_seconds": 0.002}, pace=unhurried()) as api:
        key, secret = await api.key()
        async with api.client(secret) as client:
            for _ in range(2):  # so it is known how fast this engine is, once its model is there
                await api.drawn(client, "a cat --steps 20")
            api.service.control.pause()
            for _ in range(3):
                long = await client.post("/api/v1/jobs", json={"prompt": "a cat --steps 500 --quality 2"})
                assert long.status_code == 202, long.text
            caller = api.doors.drawing.caller(key, "look", waited_for=True)
            asked = Literal(texts=(Condition(text="a cat"),), steps=10)
            planned = await api.service.plan(Draw(caller, asked))
            seconds = api.service.seconds_beyond(0.0, planned)
            assert seconds is not None
            before = len(await api.service.jobs_of(key.owner))
            api.doors.drawing.config = ApiConfig(enabled=True, wait=seconds / 4)
            for path in WAIT:
                answer = await client.post(path, **DRAWS[path])
                is_told(answer, 503)
                assert int(answer.headers["retry-after"]) >= 1
            assert len(await api.service.jobs_of(key.owner)) == before  # nothing was taken
            api.doors.drawing.config = ApiConfig(enabled=True, wait=seconds * 4)
            api.service.control.pause(False)
            answer = await client.post(WAIT[0], **DRAWS[WAIT[0]])
            assert answer.status_code == 200, answer.text


def test_a_request_waits_five_minutes() -> None:
    assert ApiConfig().wait == 300.0


async def test_a_revoked_key_ends_its_streams(api_at: Opened) -> None:
    async with api_at({"step_seconds": 0.3}) as api:
        key, secret = await api.key()
        async with api.client(secret) as client:
            long = await client.post("/api/v1/jobs", json={"prompt": "a dog --steps 400"})
            where = long.headers["location"]
            body = {"prompt": "a cat", "steps": 150, "stream": True, "model": "pocket"}
            async with (
                client.stream("GET", f"{where}/events") as watched,
                client.stream("POST", "/v1/images/generations", json=body) as drawn,
            ):
                await api.service.store.write(store_keys.revoke, api.service.store.now(), "cli", key.id)
                ends = ["".join([part async for part in one.aiter_text()]) for one in (watched, drawn)]
        for end in ends:
            assert end.rpartition("event: ")[2].startswith("error\n")
            assert "revoked" in end
        states = {job.prompt: job.state for job in await api.service.jobs_of(key.owner)}
        assert states["a cat"] is State.CANCELLED  # its connection alone waited for it
        assert not +api.doors.streams


# ---- the host's own rules ---------------------------------------------------------------------------------


NO_MODEL = ("interrogate", "upscale", "single-image")


async def test_what_the_host_decides_holds_at_every_door(api_at: Opened) -> None:
    async with api_at(pace=unhurried()) as api, api.client() as client:
        for change, status, word in (
            (changes.set_state("draining"), 503, "No new pictures are taken"),
            (changes.switch_model("pocket", on=False), 403, "switched off"),
        ):
            assert await api.service.admin.change("cli", None, change)
            for path, asked in DRAWS.items():
                if change.action == "models disable" and path.endswith(NO_MODEL):
                    continue  # nothing is drawn with the model
                answer = await client.post(path, **asked)
                is_told(answer, status)
                assert word in answer.text, (path, answer.text)
                assert ("retry-after" in answer.headers) == (status == 503)
            await api.service.admin.change("cli", None, changes.set_state("open"))
        assert await api.service.jobs_of("key:1") == []
