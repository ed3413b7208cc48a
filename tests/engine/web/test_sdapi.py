"""AUTOMATIC1111's API: the test list of its contract, line by line. Expected values are the contract's."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from engine.config import ApiConfig, LimitsConfig, LoraConfig, ModelConfig
from engine.jobs import Kind, State
from engine.rules import keys
from engine.web import bodies
from tests.engine.web.conftest import Api, Opened, status_of

AT = "/sdapi/v1"
CAT = {"prompt": "a cat", "steps": 5}
SLOW = {"step_seconds": 0.3}


def picture(width: int = 256, height: int = 256, colour: str = "red", kind: str = "PNG") -> str:
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(file, kind)
    return base64.b64encode(file.getvalue()).decode()


def opened(text: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text, validate=True)))


async def drawn(client: httpx.AsyncClient, path: str = "txt2img", **more: Any) -> dict[str, Any]:
    answer = await client.post(f"{AT}/{path}", json=CAT | more)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    assert set(told) == {"images", "parameters", "info"}
    return told | {"info": json.loads(told["info"])}


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """The status and the field of a refusal; its sentence is checked on the way."""
    told = answer.json()["detail"]
    if answer.status_code != 422:
        assert set(answer.json()) == {"error", "detail", "body", "errors"}
        return answer.status_code, ""
    [wrong] = told
    assert set(wrong) == {"loc", "msg", "type"}
    assert wrong["msg"]
    return 422, wrong["loc"][-1]


async def test_who_may_ask(api: Api) -> None:
    _, secret = await api.key()
    async with api.client("") as client:

        async def asked(said: str | None, path: str = f"{AT}/cmd-flags") -> int:
            headers = {} if said is None else {"Authorization": said}
            answer = await client.get(path, headers=headers)
            assert "www-authenticate" not in answer.headers
            return answer.status_code

        def basic(password: str) -> str:
            return "Basic " + base64.b64encode(f"anybody:{password}".encode()).decode()

        assert await asked(None) == 401
        assert await asked(basic(keys.make())) == 401
        bare = [
            await status_of(api, f"GET {AT}/cmd-flags HTTP/1.1", "Authorization: Basic ") for _ in range(12)
        ]
        assert bare == [401] * 12  # no guess, so never 429
        assert await asked(f"Bearer {secret}") == 200
        assert await asked(basic(secret)) == 200
        assert await asked(basic(secret), "/v1/models") == 401
        form = {"Authorization": basic(secret), "Content-Type": "text/plain"}
        assert (await client.post(f"{AT}/interrupt", headers=form)).status_code == 415
        assert (await client.post(f"{AT}/txt2img", headers=form, content=b"{}")).status_code == 415
        assert (await client.get("/config")).json() == {"components": []}
        assert (await client.head("/")).status_code < 500
        assert (await client.post("/login")).status_code == 404


async def test_an_answer_has_what_clients_read(api: Api) -> None:
    async with api.client() as client:
        told = await drawn(client, seed=5, n_iter=2, batch_size=2, sampler_name="euler A", cfg_scale=7)
        info = told["info"]
        assert info["all_seeds"] == [5, 6, 7, 8]
        assert (info["seed"], info["sampler_name"], info["steps"]) == (5, "Euler a", 5)
        assert (info["sd_model_name"], info["index_of_first_image"]) == ("pocket", 0)
        assert told["parameters"] == CAT | {
            "seed": 5, "n_iter": 2, "batch_size": 2, "sampler_name": "euler A", "cfg_scale": 7
        }  # fmt: skip
        assert len(info["infotexts"]) == len(told["images"]) == 4
        for number, (text, image) in enumerate(zip(info["infotexts"], told["images"], strict=True)):
            assert opened(image).info["parameters"] == text
            assert text.startswith("a cat\nSteps: 5, Sampler: Euler a, CFG scale: 7, ")
            assert f"Seed: {5 + number}, Size: 512x512, Model" in text
        again = await drawn(client, seed=5, batch_size=4, sampler_index="Euler a", negative_prompt="")
        assert opened(again["images"][0]).tobytes() == opened(told["images"][0]).tobytes()
        random = await drawn(client, seed=-1)
        repeated = await drawn(client, seed=random["info"]["seed"])
        assert opened(repeated["images"][0]).tobytes() == opened(random["images"][0]).tobytes()
        assert (await drawn(client, send_images=False))["images"] == []


async def test_the_file_has_the_size_that_was_asked(api: Api) -> None:
    async with api.client() as client:
        for wide, high in ((513, 512), ("512", 768), (64, 2048), (2048, 64)):
            told = await drawn(client, width=wide, height=high)
            assert opened(told["images"][0]).size == (int(wide), int(high))
        for scale, size in ((1, (200, 300)), (1.5, (300, 450)), (4, (800, 1200))):
            told = await drawn(client, width=200, height=300, enable_hr=True, hr_scale=scale, n_iter=2)
            assert [opened(one).size for one in told["images"]] == [size] * 2
            job = (await api.service.jobs_of("key:1"))[0]
            assert (job.spec.kind, job.spec.strength) == (Kind.VARY, 0.7)
        told = await drawn(client, enable_hr=True, hr_resize_x=700, denoising_strength=0.3)
        assert opened(told["images"][0]).size == (700, 700)
        for side in (2049, 63, 0, -64, "big", 64.5):
            for name in ("width", "height"):
                answer = await client.post(f"{AT}/txt2img", json=CAT | {name: side})
                assert refusal(answer) == (422, name)
        before = len(await api.service.jobs_of("key:1"))
        large = {"width": 2048, "height": 1024, "enable_hr": True, "hr_scale": 2}
        assert (await client.post(f"{AT}/txt2img", json=CAT | large)).status_code == 422
        assert len(await api.service.jobs_of("key:1")) == before


async def test_every_limit_has_two_sides(api_at: Opened) -> None:
    good: list[dict[str, Any]] = [
        {"steps": 1},
        {"steps": 150, "width": 64, "height": 64},
        {"cfg_scale": 0},
        {"cfg_scale": 35},
        {"seed": 0},
        {"seed": 2**32 - 1},
        {"batch_size": 10, "width": 64, "height": 64},
        {"batch_size": 2, "n_iter": 5, "width": 64, "height": 64},
        {"sampler_name": None, "scheduler": None, "styles": None, "override_settings": None},
        {"scheduler": "Automatic"},
        {"scheduler": "Karras"},
        {"prompt": None},
        {"prompt": "a" * 6000},
    ]
    bad: list[tuple[dict[str, Any], str]] = [
        ({"steps": 0}, "steps"),
        ({"steps": 151}, "steps"),
        ({"cfg_scale": -0.1}, "cfg_scale"),
        ({"cfg_scale": 35.1}, "cfg_scale"),
        ({"seed": -2}, "seed"),
        ({"seed": 2**32}, "seed"),
        ({"batch_size": 11}, "batch_size"),
        ({"batch_size": 0}, "batch_size"),
        ({"n_iter": 0}, "n_iter"),
        ({"batch_size": 2, "n_iter": 6}, "batch_size"),
        ({"enable_hr": True, "hr_scale": 0.9}, "hr_scale"),
        ({"enable_hr": True, "hr_scale": 4.1}, "hr_scale"),
        ({"denoising_strength": 1.1}, "denoising_strength"),
        ({"prompt": 5}, "prompt"),
        ({"prompt": "a" * 6001}, "body"),
        ({"styles": "anime"}, "styles"),
    ]
    limits = LimitsConfig(max_steps=100)
    async with api_at(limits=limits) as api, api.client() as client:
        for fields in good:
            await drawn(client, **fields)
        [most] = [job for job in await api.service.jobs_of("key:1") if job.spec.steps > 5]
        assert most.spec.steps == 100  # held to what the host allows
        for fields, named in bad:
            assert refusal(await client.post(f"{AT}/txt2img", json=CAT | fields)) == (422, named), fields
        answer = await client.post(f"{AT}/txt2img", json=CAT | {"sampler_name": "Restart"})
        assert (answer.status_code, answer.json()["detail"]) == (400, "Sampler not found")
        assert (await client.post(f"{AT}/nothing", json={})).json() == {"detail": "Not Found"}
        for path in ("train/embedding", "server-restart", "unload-checkpoint", "extra-batch-images"):
            assert (await client.post(f"{AT}/{path}", json={})).status_code == 404


async def test_words_are_taken_as_they_are(api_at: Opened) -> None:
    loras = (LoraConfig(name="ink", source="/nowhere/ink.safetensors"),)
    async with api_at(loras=loras) as api, api.client() as client:
        for prompt in (
            "a cat --ar 3:2 {a, b} https://example.com/a.png",
            "((cat))",
            r"\(smile\)",
            "(cat:1.3",
            "a::2 [cat] BREAK",
        ):
            told = await drawn(client, prompt=prompt)
            assert len(told["images"]) == 1
            [newest, *_] = await api.service.jobs_of("key:1")
            assert newest.spec.conditions[0].text == prompt
        told = await drawn(client, prompt="a cat <lora:no:1> <lora:INK:0.8><hypernet:x:1>")
        [newest, *_] = await api.service.jobs_of("key:1")
        assert [(one.name, one.weight) for one in newest.spec.loras] == [("ink", 0.8)]
        assert newest.spec.conditions[0].text.strip() == "a cat"
        assert told["info"]["ignored"] == ["<hypernet:x:1>", "<lora:no>"]
        assert (await client.get(f"{AT}/loras")).json() == [{"name": "ink", "alias": "ink", "path": ""}]


async def test_what_has_no_effect_is_named(api: Api) -> None:
    settings = {"CLIP_stop_at_last_layers": 2, "sd_vae": "x.safetensors", "sd_model_checkpoint": "POCKET"}
    more: dict[str, Any] = {"restore_faces": True, "save_images": False, "eta": 0.5, "url": "x"}
    more |= {"scheduler": "SGM Uniform", "styles": ["", "anime", "nosuch"], "hr_upscaler": "Latent"}
    more |= {"override_settings": settings}
    async with api.client() as client:
        answer = await client.post(f"{AT}/txt2img", json=CAT | more)
        named = [
            *("restore_faces", "eta", "url", "override_settings.CLIP_stop_at_last_layers"),
            *("override_settings.sd_vae", "scheduler", "styles.nosuch"),
        ]
        assert json.loads(answer.json()["info"])["ignored"] == named
        assert answer.headers["x-limner-ignored"] == ", ".join(named)
        assert "url" not in answer.json()["parameters"]
    [job] = await api.service.jobs_of("key:1")
    assert (job.spec.style, job.spec.model) == ("anime", "pocket")


async def test_a_picture_is_drawn_over(api: Api) -> None:
    async with api.client() as client:
        for more in ({}, {"denoising_strength": None}, {"denoising_strength": 0.2, "resize_mode": 2}):
            told = await drawn(client, "img2img", init_images=[picture(300, 200)], **more)
            assert opened(told["images"][0]).size == (512, 512)
            [job, *_] = await api.service.jobs_of("key:1")
            assert job.spec.strength == (more.get("denoising_strength") or 0.75)
            assert "init_images" not in told["parameters"]
        kept = await drawn(client, "img2img", init_images=[picture()], include_init_images=True)
        assert kept["parameters"]["init_images"] == [picture()]
        mask = "data:image/png;base64," + picture(100, 100, "white")
        for inverted in (0, 1):
            more = {"mask": mask, "inpainting_mask_invert": inverted, "mask_blur": 4, "inpainting_fill": 1}
            told = await drawn(client, "img2img", init_images=[picture()], **more)
            assert told["info"]["ignored"] == ["mask_blur", "inpainting_fill"]
            [job, *_] = await api.service.jobs_of("key:1")
            assert job.spec.kind is Kind.INPAINT
            png = await api.service.gallery.load(job.spec.inputs[1].sha256)
            with Image.open(io.BytesIO(png)) as made:
                assert (made.size, made.getextrema()) == ((512, 512), [(255, 255), (0, 0)][inverted])
        for wrong in ([], [picture(), picture()], None):
            answer = await client.post(f"{AT}/img2img", json=CAT | {"init_images": wrong})
            assert refusal(answer) == (422, "init_images")
        for mode in (-1, 3):
            more = {"init_images": [picture()], "resize_mode": mode}
            answer = await client.post(f"{AT}/img2img", json=CAT | more)
            assert refusal(answer) == (422, "resize_mode")


async def test_a_shape_is_brought_to_another_in_three_ways(api: Api) -> None:
    # left half red, right half blue, twice as wide as high
    wide = Image.new("RGB", (512, 256), "red")
    wide.paste("blue", (256, 0, 512, 256))
    file = io.BytesIO()
    wide.save(file, "PNG")
    sent = base64.b64encode(file.getvalue()).decode()
    red, blue = (255, 0, 0), (0, 0, 255)
    async with api.client() as client:
        starts = []
        for mode in (0, 1, 2):
            await drawn(client, "img2img", init_images=[sent], resize_mode=mode)
            [job, *_] = await api.service.jobs_of("key:1")
            png = await api.service.gallery.load(job.spec.inputs[0].sha256)
            starts.append(Image.open(io.BytesIO(png)).convert("RGB"))
    squeezed, cropped, filled = starts
    assert {one.size for one in starts} == {(512, 512)}
    assert (squeezed.getpixel((5, 5)), squeezed.getpixel((506, 506))) == (red, blue)
    assert (cropped.getpixel((5, 256)), cropped.getpixel((506, 256))) == (red, blue)
    assert (filled.getpixel((5, 256)), filled.getpixel((506, 256))) == (red, blue)
    # squeezed and filled keep the whole width, cropped only its middle half
    line = [one.crop((0, 256, 512, 257)).resize((4, 1), Image.Resampling.BOX) for one in starts]
    assert {one.getpixel((0, 0)) for one in line} == {red}


async def test_pictures_are_enlarged(api: Api) -> None:
    cases: list[tuple[dict[str, Any], tuple[int, int] | None]] = [
        ({}, (600, 400)),
        ({"upscaling_resize": 1}, (300, 200)),
        ({"upscaling_resize": 4, "upscaler_1": "Limner 4x"}, (1200, 800)),
        ({"resize_mode": 1}, (512, 512)),
        ({"resize_mode": 1, "upscaling_resize_w": 900, "upscaling_resize_h": 400}, (900, 400)),
        ({"resize_mode": 1, "upscaling_crop": False}, (768, 512)),
        ({"upscaling_resize": 0.9}, None),
        ({"upscaling_resize": 4.1}, None),
        ({"resize_mode": 2}, None),
    ]
    async with api.client() as client:
        for more, size in cases:
            body = {"image": picture(300, 200), **more}
            answer = await client.post(f"{AT}/extra-single-image", json=body)
            if size is None:
                assert refusal(answer) == (422, next(iter(more)))
            else:
                assert set(answer.json()) == {"html_info", "image"}
                assert opened(answer.json()["image"]).size == size
        for side, status in ((1024, 200), (1025, 422)):  # 4,194,304 pixels come out at the most
            answer = await client.post(f"{AT}/extra-single-image", json={"image": picture(side, 1024)})
            assert answer.status_code == status
        more = {"gfpgan_visibility": 1, "upscaler_1": "SwinIR_4x"}
        answer = await client.post(f"{AT}/extra-single-image", json={"image": picture(), **more})
        assert answer.headers["x-limner-ignored"] == "gfpgan_visibility, upscaler_1"


async def test_a_picture_says_how_it_was_made(api: Api) -> None:
    async with api.client() as client:
        told = await drawn(client, prompt="a red fox, ink", negative_prompt="blurry", seed=77, width=320)
        answer = await client.post(f"{AT}/png-info", json={"image": told["images"][0]})
        said = answer.json()
        assert said["info"].startswith("a red fox, ink\nNegative prompt: blurry\nSteps: 5, ")
        assert "Seed: 77, Size: 320x512" in said["info"]
        assert said["parameters"]["Prompt"] == "a red fox, ink"
        assert said["parameters"]["Seed"] == "77"
        noise = io.BytesIO()
        Image.effect_noise((256, 256), 90).save(noise, "JPEG")
        photo = "data:image/jpeg;base64," + base64.b64encode(noise.getvalue()).decode()
        said = (await client.post(f"{AT}/png-info", json={"image": photo})).json()
        assert said == {"info": "", "items": {}, "parameters": {}}
        caption = (await client.post(f"{AT}/interrogate", json={"image": photo, "model": "clip"})).json()
        assert caption == {"caption": "2 discs on a plain ground"}


async def test_bodies_and_pictures_that_are_none(api: Api) -> None:
    huge = Image.new("L", (6000, 5001))  # thirty megapixels
    file = io.BytesIO()
    huge.save(file, "PNG")
    large = base64.b64encode(file.getvalue()).decode()
    as_json = {"Content-Type": "application/json"}
    async with api.client() as client:
        for wrong in ("?", "YQ==", "", picture(1, 1), large, "http://example.com/a.png"):
            for path, body in (
                ("img2img", CAT | {"init_images": [wrong]}),
                ("extra-single-image", {"image": wrong}),
                ("png-info", {"image": wrong}),
            ):
                answer = await client.post(f"{AT}/{path}", json=body)
                assert refusal(answer)[0] == 422, (path, wrong[:20])
        # before anything of it is read
        key, length = client.headers["Authorization"], f"Content-Length: {57 * bodies.MIB}"
        told = (f"Authorization: {key}", length, "Content-Type: application/json")
        assert await status_of(api, f"POST {AT}/txt2img HTTP/1.1", *told) == 413
        body = json.dumps(CAT | {"filler": "a" * 30 * bodies.MIB}).encode()
        assert (await client.post(f"{AT}/txt2img", content=body, headers=as_json)).status_code == 200
        for body in (b"{", b"[" * 100_000, b"[1]", b'{"steps": NaN}', b'{"prompt": "\\ud800"}'):
            answer = await client.post(f"{AT}/txt2img", content=body, headers=as_json)
            assert refusal(answer)[0] == 422


async def test_two_keys_know_nothing_of_each_other(api_at: Opened) -> None:
    models = (
        ModelConfig(name="pocket", source="pocket"),
        ModelConfig(name="other", source="pocket", aliases=("the other one",)),
    )
    async with api_at(SLOW, models=models) as api, api.client() as one, api.client() as two:
        titles = [model["title"] for model in (await one.get(f"{AT}/sd-models")).json()]
        assert titles == ["pocket", "other"]
        chosen = await one.post(f"{AT}/options", json={"sd_model_checkpoint": "The Other One"})
        assert (chosen.status_code, chosen.json()) == (200, {})
        whole = (await one.get(f"{AT}/options")).json()
        assert whole["sd_model_checkpoint"] == "other"
        assert (await one.post(f"{AT}/options", json=whole)).status_code == 200
        assert (await two.get(f"{AT}/options")).json()["sd_model_checkpoint"] == "pocket"
        answer = await one.post(f"{AT}/options", json={"sd_model_checkpoint": "nosuch"})
        assert answer.status_code == 404
        assert (await one.get(f"{AT}/options")).json()["sd_model_checkpoint"] == "other"

        body = {"prompt": "a cat", "steps": 150}
        asking = [asyncio.create_task(client.post(f"{AT}/txt2img", json=body)) for client in (one, two)]

        async def both_run() -> bool:
            told = [(await client.get(f"{AT}/progress")).json() for client in (one, two)]
            return all(one["state"]["sampling_step"] > 0 for one in told)

        await api.settled(both_run)
        mine = (await one.get(f"{AT}/progress")).json()
        assert 0 < mine["progress"] < 1
        assert (mine["state"]["job_count"], mine["state"]["sampling_steps"]) == (1, 150)
        assert mine["state"]["job"]
        assert (await one.post(f"{AT}/interrupt")).json() == {}
        ended = await asking[0]
        assert (ended.status_code, ended.json()["images"]) == (200, [])
        idle = (await one.get(f"{AT}/progress")).json()
        assert (idle["progress"], idle["state"]["job"], idle["state"]["job_count"]) == (0, "", 0)
        assert (await one.post(f"{AT}/skip")).json() == {}  # nothing of its own is left to stop
        theirs = (await two.get(f"{AT}/progress")).json()
        assert theirs["state"]["job_count"] == 1
        assert (await api.service.jobs_of("key:1"))[0].spec.model == "other"
        assert (await two.post(f"{AT}/interrupt")).status_code == 200
        assert (await asking[1]).status_code == 200


async def test_a_waiting_picture_says_its_place_and_a_running_one_is_shown(api_at: Opened) -> None:
    async with api_at(SLOW, limits=LimitsConfig(running=1)) as api, api.client() as client:
        body = {"prompt": "a cat", "steps": 150, "batch_size": 8, "width": 64, "height": 64}
        asking = [asyncio.create_task(client.post(f"{AT}/txt2img", json=body)) for _ in range(2)]

        async def seen() -> bool:
            told = (await client.get(f"{AT}/progress?skip_current_image=false")).json()
            return told["current_image"] is not None and told["state"]["job_count"] == 2

        await api.settled(seen)
        told = (await client.get(f"{AT}/progress")).json()
        opened(told["current_image"]).load()
        bare = (await client.get(f"{AT}/progress?skip_current_image=true")).json()
        assert bare["current_image"] is None
        states = [job.state for job in await api.service.jobs_of("key:1")]
        assert sorted(states) == [State.QUEUED, State.RUNNING]
        await client.post(f"{AT}/interrupt")  # the one that runs
        done, _ = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        assert [one.result().json()["images"] for one in done] == [[]]
        await client.post(f"{AT}/interrupt")
        assert [one.json()["images"] for one in await asyncio.gather(*asking)] == [[], []]


@pytest.mark.parametrize("word", ["nude", "naked child"])
async def test_words_that_are_not_drawn_are_refused(api: Api, word: str) -> None:
    async with api.client() as client:
        answer = await client.post(f"{AT}/txt2img", json={"prompt": f"a {word}"})
        assert refusal(answer) == (400, "")


async def test_a_queue_that_is_too_long_is_said_at_once(api_at: Opened) -> None:
    async with api_at(api=ApiConfig(enabled=True, wait=0.001)) as api, api.client() as client:
        answer = await client.post(f"{AT}/txt2img", json=CAT)
        assert refusal(answer) == (503, "")
        assert int(answer.headers["retry-after"]) > 0


async def test_lists_are_there(api: Api) -> None:
    async with api.client() as client:

        async def listed(name: str) -> Any:
            answer = await client.get(f"{AT}/{name}")
            assert answer.status_code == 200
            return answer.json()

        for name in ("latent-upscale-modes", "sd-vae", "sd-modules", "hypernetworks", "face-restorers"):
            assert await listed(name) == []
        assert await listed("realesrgan-models") == []
        assert await listed("cmd-flags") == {}
        assert await listed("embeddings") == {"loaded": {}, "skipped": {}}
        assert await listed("scripts") == {"txt2img": [], "img2img": []}
        assert await listed("memory") == {"ram": {}, "cuda": {}}
        assert {"name": "anime", "prompt": "", "negative_prompt": ""} in await listed("prompt-styles")
        assert len(await listed("prompt-styles")) == 17
        assert [one["label"] for one in await listed("schedulers")][:2] == ["Automatic", "Karras"]
        assert all({"name", "scale"} <= set(one) for one in await listed("upscalers"))
        for one in await listed("samplers"):
            assert set(one) == {"name", "aliases", "options"}
            for name in (one["name"], *one["aliases"]):
                await drawn(client, sampler_name=name, width=64, height=64)
        names = {one["name"] for one in await listed("samplers")}
        assert {"Euler", "Euler a", "DPM++ 2M", "DDIM", "Heun", "LMS", "UniPC"} <= names


async def test_recorded_requests_are_drawn(api: Api) -> None:
    """What the programs' own sources send, field by field: Open WebUI (routers/images.py), SillyTavern
    (extensions/stable-diffusion, endpoints/stable-diffusion.js), aiyabot (core/stablecog.py, upscalecog.py).
    """
    text = (Path(__file__).parent / "sdapi_recorded.json").read_text("utf-8")
    async with api.client() as client:
        for one in json.loads(text.replace("$PICTURE", "data:image/png;base64," + picture())):
            answer = await client.post(f"{AT}/{one['path']}", json=one["body"])
            assert answer.status_code == 200, (one["client"], answer.text)
            told = answer.json()
            pictures = told["images"] if "images" in told else [told["image"]]
            assert [opened(picture).size for picture in pictures] == [tuple(one["size"])] * one["count"]
            assert "secret" not in answer.text  # what came in `auth`
