"""The Stability API: the test list of its contract, line by line. Expected values are the contract's."""

from __future__ import annotations

import asyncio
import base64
import io
import logging
from typing import Any

import httpx
import pytest
import requests
from PIL import Image

from engine.config import AllowanceConfig
from tests.engine.web.conftest import Api, Opened

V16 = "stable-diffusion-v1-6"
XL = "stable-diffusion-xl-1024-v1-0"
V15 = "stable-diffusion-v1-5"
CAT = [{"text": "a cat"}]


def picture(
    width: int = 512, height: int = 512, kind: str = "PNG", colour: str = "red", **more: Any
) -> bytes:
    file = io.BytesIO()
    Image.new(more.pop("mode", "RGB"), (width, height), colour).save(file, kind, **more)
    return file.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def first(answer: httpx.Response) -> Image.Image:
    assert answer.status_code == 200, answer.text
    return opened(base64.b64decode(answer.json()["artifacts"][0]["base64"]))


async def words(client: httpx.AsyncClient, engine: str = V16, **more: Any) -> httpx.Response:
    headers = more.pop("headers", {})
    body = {"text_prompts": CAT, "steps": 10, **more}
    return await client.post(f"/v1/generation/{engine}/text-to-image", json=body, headers=headers)


async def sent(
    client: httpx.AsyncClient, path: str, files: Any, engine: str = V16, **data: Any
) -> httpx.Response:
    told = {"text_prompts[0][text]": "a cat", "steps": "10", **data}
    return await client.post(f"/v1/generation/{engine}/{path}", files=files, data=told)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """The error's status and name; its shape is checked on the way."""
    body = answer.json()
    assert set(body) == {"id", "name", "message"}
    assert answer.headers["content-type"] == "application/json"
    assert body["id"] == answer.headers["x-request-id"]
    return answer.status_code, body["name"]


async def test_words_become_a_picture_of_the_size_asked_and_a_seed_repeats_it(api: Api) -> None:
    async with api.client() as client:
        answer = await words(client, width=1024, height=576)
        assert first(answer).size == (1024, 576)
        [artifact] = answer.json()["artifacts"]
        assert artifact["seed"] != 0
        assert (await words(client, seed=0)).json()["artifacts"][0]["seed"] != 0
        assert artifact["finishReason"] == "SUCCESS"
        again = await words(client, width=1024, height=576, seed=artifact["seed"])
        assert first(again).tobytes() == first(answer).tobytes()
        three = (await words(client, samples=3, seed=5)).json()["artifacts"]
        assert [one["seed"] for one in three] == [5, 6, 7]


async def test_png_alone_has_its_seed_in_the_header(api: Api) -> None:
    png = {"Accept": "image/png"}
    async with api.client() as client:
        answer = await words(client, seed=9, headers=png)
        assert opened(answer.content).size == (512, 512)
        assert (answer.headers["seed"], answer.headers["finish-reason"]) == ("9", "SUCCESS")
        assert answer.headers["content-type"] == "image/png"
        assert refusal(await words(client, samples=2, headers=png)) == (400, "invalid_samples")
        for accept in ("", "*/*", "application/json"):
            assert first(await words(client, headers={"Accept": accept})).size == (512, 512)


async def test_a_key_is_needed_raw_or_as_bearer(api: Api) -> None:
    _, secret = await api.key()
    async with api.client("") as client:
        for path in ("engines/list", "user/account", "user/balance"):
            assert refusal(await client.get(f"/v1/{path}")) == (401, "unauthorized")
        assert refusal(await words(client)) == (401, "unauthorized")
        for said in (secret, f"Bearer {secret}", f"bearer {secret}"):
            answer = await client.get("/v1/engines/list", headers={"Authorization": said})
            assert answer.status_code == 200
        wrong = {"Authorization": f"Bearer {secret[:-1]}!"}
        assert refusal(await client.get("/v1/engines/list", headers=wrong)) == (401, "unauthorized")


async def test_an_unknown_engine_is_named(api: Api) -> None:
    async with api.client() as client:
        answer = await words(client, "some-fake-engine")
        assert refusal(answer) == (404, "not_found")
        assert answer.json()["message"] == "The specified engine (ID some-fake-engine) was not found."
        assert first(await words(client, "pocket")).size == (512, 512)


SIZES: list[tuple[str, tuple[int, int], str | None]] = [
    (V15, (500, 512), "invalid_height_or_width"),
    (V15, (128, 128), "invalid_pixel_count"),
    (V15, (512, 512), None),
    (V15, (1024, 1024), None),
    (V15, (1088, 1024), "invalid_pixel_count"),
    ("stable-diffusion-768-v2-1", (704, 768), "invalid_pixel_count"),
    ("stable-diffusion-768-v2-1", (768, 768), None),
    ("stable-diffusion-xl-beta-v2-2-2", (512, 896), None),
    ("stable-diffusion-xl-beta-v2-2-2", (512, 960), "invalid_sdxl_v222_dimensions"),
    ("stable-diffusion-xl-beta-v2-2-2", (576, 576), "invalid_sdxl_v222_dimensions"),
    (XL, (512, 512), "invalid_sdxl_v1_dimensions"),
    (XL, (640, 1536), None),
    (V16, (320, 320), None),
    (V16, (1536, 320), None),
    (V16, (1024, 576), None),
    (V16, (256, 512), "invalid_height_or_width"),
    (V16, (1600, 512), "invalid_height_or_width"),
    (V16, (330, 512), "invalid_height_or_width"),
    ("stable-inpainting-512-v2-0", (1024, 1024), None),
    ("stable-inpainting-512-v2-0", (1088, 1024), "invalid_pixel_count"),
]


async def test_each_engine_has_its_sizes(api: Api) -> None:
    async with api.client() as client:
        for engine, size, name in SIZES:
            answer = await words(client, engine, width=size[0], height=size[1])
            if name is None:
                assert first(answer).size == size
            else:
                assert refusal(answer) == (400, name), (engine, size)


async def test_every_limit_has_two_sides(api: Api) -> None:
    long = "a" * 2000
    good: list[dict[str, Any]] = [
        {"text_prompts": [{"text": long}]},
        {"steps": 150},
        {"cfg_scale": 0},
        {"cfg_scale": 35},
        {"samples": 10},
        {"seed": 2**32 - 1},
        {"sampler": None, "unknown": 1, "extras": {}},
        {"sampler": "k_dpmpp_2m"},
        {"style_preset": "anime"},
    ]
    bad: list[tuple[dict[str, Any], str]] = [
        ({"text_prompts": [{"text": long + "a"}]}, "text_prompts"),
        ({"text_prompts": []}, "text_prompts"),
        ({"text_prompts": [{"text": "a cat", "weight": 0}]}, "text_prompts"),
        ({"steps": 9}, "steps"),
        ({"steps": 151}, "steps"),
        ({"cfg_scale": 36}, "cfg_scale"),
        ({"cfg_scale": -1}, "cfg_scale"),
        ({"samples": 0}, "samples"),
        ({"samples": 11}, "samples"),
        ({"seed": 2**32}, "seed"),
        ({"sampler": "K_NONE"}, "sampler"),
        ({"style_preset": "ugly"}, "style_preset"),
    ]
    async with api.client() as client:
        for fields in good:
            assert (await words(client, **fields)).status_code == 200, fields
        for said in ("K_HEUN", "k_heun", None):
            await words(client, sampler=said, seed=3)
        loud, quiet, usual = [job.spec.sampler for job in (await api.service.jobs_of("key:1"))[:3]][::-1]
        assert loud == quiet != usual
        for fields, named in bad:
            answer = await words(client, **fields)
            assert refusal(answer) == (400, "bad_request"), fields
            assert named in answer.json()["message"]


async def test_what_has_no_effect_is_named(api: Api) -> None:
    async with api.client() as client:
        answer = await words(client, clip_guidance_preset="FAST_BLUE", colour=1)
        assert answer.headers["x-limner-ignored"] == "colour, clip_guidance_preset"


async def test_a_negative_weight_is_a_negative_prompt(api: Api) -> None:
    texts = [{"text": "a --ar 3:2 cat"}, {"text": "blurry", "weight": -1.0}]
    async with api.client() as client:
        assert (await words(client, text_prompts=texts)).status_code == 200
    [job] = await api.service.jobs_of("key:1")
    assert job.spec.negative_prompt == "blurry"
    assert [one.text for one in job.spec.conditions] == ["a --ar 3:2 cat"]


async def test_forms_are_read_as_clients_write_them(api: Api) -> None:
    data = {
        "text_prompts[7][text]": "nothing",
        "text_prompts[3][text]": "a dog",
        "text_prompts[3][weight]": "0.5",
        "seed": "4",
    }
    async with api.client() as client:
        once = first(await sent(client, "image-to-image", {"init_image": picture()}, **data))
        # the last of an index wins; a file without a name is one; `height` beside a picture is nothing
        parts = [("text_prompts[7][text]", (None, "wrong")), ("height", (None, "5"))]
        parts += [(name, (None, value)) for name, value in {"steps": "10", **data}.items()]
        parts += [("text_prompts[0][text]", (None, "a cat"))]
        files: Any = [*parts, ("init_image", (None, picture()))]
        again = await client.post(f"/v1/generation/{V16}/image-to-image", files=files)
        assert first(again).tobytes() == once.tobytes()
        assert again.headers["x-limner-ignored"] == "height"


async def test_strength_and_schedule_are_one_thing_and_both_ends_hold(api: Api) -> None:
    start = Image.effect_noise((512, 512), 90).convert("RGB")
    file = io.BytesIO()
    start.save(file, "PNG")
    files = {"init_image": file.getvalue()}
    async with api.client() as client:
        one = await sent(client, "image-to-image", files, seed="3", image_strength="0.35")
        two = await sent(
            client,
            "image-to-image",
            files,
            seed="3",
            init_image_mode="STEP_SCHEDULE",
            step_schedule_start="0.65",
        )
        assert first(one).tobytes() == first(two).tobytes()
        assert (await api.service.jobs_of("key:1"))[0].spec.strength == 0.65
        whole = await sent(client, "image-to-image", files, image_strength="1", samples="2")
        assert len(whole.json()["artifacts"]) == 2
        nothing = await sent(client, "image-to-image", files, image_strength="0")
        assert nothing.status_code == 200
        for value in ("-0.1", "1.1", "x"):
            answer = await sent(client, "image-to-image", files, image_strength=value)
            assert refusal(answer) == (400, "bad_request")
            assert "image_strength" in answer.json()["message"]


async def test_masks_have_three_sources(api: Api) -> None:
    start, grey = picture(), picture(mode="L", colour="grey")
    clear = picture(mode="RGBA", colour="#ff000000")
    async with api.client() as client:

        async def masked(source: str, files: Any) -> httpx.Response:
            return await sent(client, "image-to-image/masking", files, V15, mask_source=source)

        for source in ("MASK_IMAGE_WHITE", "MASK_IMAGE_BLACK"):
            answer = await masked(source, {"init_image": start, "mask_image": grey})
            assert first(answer).size == (512, 512)
            assert refusal(await masked(source, {"init_image": start})) == (400, "invalid_mask_image")
        assert first(await masked("INIT_IMAGE_ALPHA", {"init_image": clear})).size == (512, 512)
        assert refusal(await masked("INIT_IMAGE_ALPHA", {"init_image": start})) == (400, "bad_request")
        other = await masked("MASK_IMAGE_WHITE", {"init_image": start, "mask_image": picture(576, 512)})
        assert refusal(other) == (400, "invalid_image_dimensions")
        assert refusal(await masked("", {"init_image": start})) == (400, "bad_request")


ENLARGED: list[tuple[tuple[int, int], dict[str, str], Any]] = [
    ((300, 200), {}, (600, 400)),
    ((1024, 1024), {"width": "2048"}, (2048, 2048)),
    ((600, 300), {"height": "1000"}, (2000, 1000)),
    ((1024, 1040), {"width": "2048"}, "invalid_pixel_count"),
    ((1025, 1025), {}, "invalid_pixel_count"),
    ((300, 200), {"width": "512", "height": "512"}, "bad_request"),
    ((300, 200), {"width": "511"}, "bad_request"),
    ((300, 200), {"width": "512"}, (512, 341)),
]


async def test_pictures_are_enlarged(api: Api) -> None:
    path = "/v1/generation/esrgan-v1-x2plus/image-to-image/upscale"
    async with api.client() as client:
        for size, asked, made in ENLARGED:
            answer = await client.post(path, files={"image": picture(*size)}, data=asked)
            if isinstance(made, str):
                assert refusal(answer) == (400, made), (size, asked)
            else:
                assert first(answer).size == made


async def test_the_picture_to_enlarge_is_called_image(api: Api) -> None:
    async with api.client() as client:
        path = "/v1/generation/esrgan-v1-x2plus/image-to-image/upscale"
        answer = await client.post(path, files={"init_image": picture()})
        assert refusal(answer) == (400, "bad_request")
        assert answer.json()["message"] == "image: is required"


async def test_files_are_told_by_their_bytes(api: Api) -> None:
    noise = io.BytesIO()
    Image.effect_noise((1024, 1024), 200).convert("RGB").save(noise, "PNG")
    assert len(noise.getvalue()) > 1.2e6
    jpeg = picture(kind="JPEG")
    good: list[Any] = [
        ("a.jpg", jpeg),
        (None, jpeg),
        ("a.png", jpeg, "application/octet-stream"),
        (None, noise.getvalue()),
    ]
    bad: list[tuple[Any, tuple[int, str]]] = [
        (("a.png", b""), (400, "invalid_file_size")),
        (("a.png", b"text, no picture"), (400, "invalid_mime_type")),
        (("a.png", b"\x89PNG\r\n\x1a\n" + bytes(21 * 2**20)), (413, "invalid_file_size")),
        (("a.png", b"\x89PNG\r\n\x1a\n" + bytes(100)), (400, "bad_request")),
    ]
    async with api.client() as client:
        for file in good:
            assert (await sent(client, "image-to-image", {"init_image": file})).status_code == 200
        for file, wanted in bad:
            assert refusal(await sent(client, "image-to-image", {"init_image": file})) == wanted


async def test_engines_account_and_balance(api_at: Opened) -> None:
    async with api_at(allowance=AllowanceConfig(seconds=1000)) as api, api.client() as client:
        listed = (await client.get("/v1/engines/list")).json()
        assert {"esrgan-v1-x2plus", XL, V16, V15} < {one["id"] for one in listed}
        assert all(set(one) == {"id", "name", "description", "type"} for one in listed)
        assert {one["type"] for one in listed} == {"PICTURE"}
        account = (await client.get("/v1/user/account")).json()
        assert {"id", "email", "organizations"} <= set(account)
        assert set(account["organizations"][0]) == {"id", "name", "role", "is_default"}
        before = (await client.get("/v1/user/balance")).json()["credits"]
        assert before == 1000
        assert (await words(client)).status_code == 200
        assert (await client.get("/v1/user/balance")).json()["credits"] < before
        foreign = {"Organization": "org-123456"}
        assert refusal(await client.get("/v1/user/balance", headers=foreign)) == (403, "permission_denied")


async def test_an_allowance_that_is_used_up_says_so_in_the_clients_words(api: Api) -> None:
    _, secret = await api.key(allowance=0.0)
    async with api.client(secret) as client:
        answer = await words(client)
        assert refusal(answer) == (403, "permission_denied")
        assert "not have enough balance" in answer.json()["message"]
        assert answer.headers["x-should-retry"] == "false"


async def test_words_that_are_never_drawn_are_named(api: Api) -> None:
    async with api.client() as client:
        answer = await words(client, text_prompts=[{"text": "a nude child"}])
        assert refusal(answer) == (400, "invalid_prompts")


async def test_a_missing_accept_is_json(api: Api) -> None:
    async with api.client() as client:
        del client.headers["accept"]
        assert first(await words(client)).size == (512, 512)


async def test_the_shares_of_the_schedule_have_two_sides(api: Api) -> None:
    files, stepped = {"init_image": picture()}, {"init_image_mode": "STEP_SCHEDULE"}
    async with api.client() as client:
        for name in ("step_schedule_start", "step_schedule_end"):
            for value, status in (("0", 200), ("1", 200), ("-0.01", 400), ("1.01", 400)):
                answer = await sent(client, "image-to-image", files, **stepped, **{name: value})
                assert answer.status_code == status, (name, value)
                assert status == 200 or name in answer.json()["message"]
        answer = await sent(client, "image-to-image", files, init_image_mode="SOME")
        assert refusal(answer) == (400, "bad_request")
        for fields, named in (
            ({"seed": -1}, "seed"),
            ({"cfg_scale": 35.01}, "cfg_scale"),
            ({"cfg_scale": -0.01}, "cfg_scale"),
            ({"width": 0}, "width"),
            ({"samples": 2.5}, "samples"),
        ):
            answer = await words(client, **fields)
            assert refusal(answer) == (400, "bad_request"), fields
            assert named in answer.json()["message"]


async def test_an_upscale_holds_to_its_pixels(api: Api) -> None:
    path = "/v1/generation/esrgan-v1-x2plus/image-to-image/upscale"
    cases: list[tuple[tuple[int, int], dict[str, str], Any]] = [
        ((683, 683), {"width": "2049"}, "invalid_pixel_count"),
        ((683, 683), {"width": "2048"}, (2048, 2048)),
        ((512, 128), {"width": "4096"}, (4096, 1024)),
        ((300, 200), {"height": "511"}, "bad_request"),
        ((300, 200), {"height": "512"}, (768, 512)),
    ]
    async with api.client() as client:
        for size, asked, made in cases:
            answer = await client.post(path, files={"image": picture(*size)}, data=asked)
            if isinstance(made, str):
                assert refusal(answer) == (400, made), (size, asked)
            else:
                assert first(answer).size == made


async def test_every_error_is_its_own_and_in_the_log(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="limner.web")
    png = {"Accept": "image/png"}
    async with api.client() as client:
        refused = [await words(client, steps=9, headers=png), await words(client, steps=9)]
        refused.append(await client.get("/v1/engines/nothing"))
        refused.append(await client.delete("/v1/engines/list"))
    names = [refusal(answer)[1] for answer in refused]
    assert names == ["bad_request", "bad_request", "not_found", "method_not_allowed"]
    ids = {answer.json()["id"] for answer in refused}
    assert len(ids) == 4
    assert ids <= {getattr(record, "request", "") for record in caplog.records}


async def test_plain_requests_as_the_published_samples_write_them(api: Api) -> None:
    """Python's `requests`: a filename and no type; the account, the balance; one's own organization."""
    _, secret = await api.key()
    base, key = f"{api.url}/v1", {"Authorization": f"Bearer {secret}"}

    def ask() -> list[requests.Response]:
        with requests.Session() as http:
            found = [http.get(f"{base}/user/{name}", headers=key) for name in ("account", "balance")]
            mine = key | {"Organization": "org-limner", "Stability-Client-ID": "sample"}
            found.append(http.get(f"{base}/engines/list", headers=mine))
            found.append(
                http.post(
                    f"{base}/generation/{V16}/image-to-image",
                    headers=key | {"Accept": "application/json"},
                    files={"init_image": ("a.png", picture())},
                    data={
                        "image_strength": 0.35,
                        "init_image_mode": "IMAGE_STRENGTH",
                        "text_prompts[0][text]": "A dog",
                        "cfg_scale": 7,
                        "clip_guidance_preset": "FAST_BLUE",
                        "samples": 1,
                        "steps": 30,
                    },
                )
            )
            return found

    answers = await asyncio.to_thread(ask)
    assert [answer.status_code for answer in answers] == [200] * 4
    [artifact] = answers[3].json()["artifacts"]
    assert opened(base64.b64decode(artifact["base64"])).size == (512, 512)
    assert answers[1].json()["credits"] > 0
