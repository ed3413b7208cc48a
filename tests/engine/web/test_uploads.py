"""Pictures brought to our own API: named by whoever brought them, and by nobody else."""

from __future__ import annotations

import io
from typing import Any

import httpx
from PIL import Image, ImageDraw

from engine.jobs import Role, State
from engine.store import retention as store_retention
from tests.engine.web.conftest import Api

JOBS, UPLOADS, VERIFY = "/api/v1/jobs", "/api/v1/uploads", "/api/v1/verify"
AS_PNG = {"Content-Type": "image/png"}
DAY = 86_400.0


def photo(clear: bool = False, size: tuple[int, int] = (96, 64), red: int = 0) -> bytes:
    picture = Image.new("RGBA", size, (red, 120, 200, 255))
    if clear:
        ImageDraw.Draw(picture).rectangle((10, 10, 50, 40), fill=(0, 0, 0, 0))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


async def brought(client: httpx.AsyncClient, data: bytes) -> dict[str, Any]:
    answer = await client.post(UPLOADS, content=data, headers=AS_PNG)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def ended(api: Api, where: str) -> Any:
    job = None
    async for snapshot in api.service.progress(where.rpartition("/")[2]):
        job = snapshot.job
    return job


async def test_a_picture_is_brought_and_drawn_from(api: Api) -> None:
    async with api.client() as client:
        told = await brought(client, photo(clear=True))
        assert (told["width"], told["height"]) == (96, 64)
        form = await client.post(UPLOADS, files={"image": ("a.png", photo(clear=True))})
        assert form.json() == told
        asked: list[tuple[dict[str, Any], set[Role]]] = [
            ({"prompt": f"{told['image']} a cat"}, {Role.PROMPT, Role.INIT}),
            ({"prompt": "a cat", "action": "vary_strong", "image": told["image"]}, {Role.INIT}),
            (
                {"prompt": "a dog", "action": "inpaint", "image": told["image"], "mask": told["mask"]},
                {Role.INIT, Role.MASK},
            ),
        ]
        for body, roles in asked:
            answer = await client.post(JOBS, json=body)
            assert answer.status_code == 202, answer.text
            job = await ended(api, answer.headers["location"])
            assert job.state is State.RENDERED
            assert {one.role for one in job.spec.inputs} <= roles
            beginning = told["image"].removeprefix("picture:")
            assert any(one.sha256.startswith(beginning) for one in job.spec.inputs)
        mask = next(one.sha256 for one in job.spec.inputs if one.role is Role.MASK)
        with Image.open(io.BytesIO(await api.service.gallery.load(mask))) as grey:
            assert (grey.getpixel((30, 20)), grey.getpixel((80, 60))) == (255, 0)  # white repaints


async def test_nobody_elses_picture_can_be_named(api: Api) -> None:
    async with api.client() as client, api.client() as stranger:
        told = await brought(client, photo())
        for body in (
            {"prompt": f"{told['image']} a cat"},
            {"prompt": f"a cat --sref {told['image']}"},
            {"prompt": "a cat", "action": "vary_strong", "image": told["image"]},
            {"prompt": "a cat", "action": "vary_strong", "image": "picture:0123456789abcdef"},
        ):
            answer = await stranger.post(JOBS, json=body)
            assert answer.status_code == 404, body
        never = await stranger.post(JOBS, json={"prompt": "picture:0123456789abcdef a cat"})
        theirs = await stranger.post(JOBS, json={"prompt": f"{told['image']} a cat"})
        assert (
            never.json()["error"]["message"].replace("picture:0123456789abcdef", told["image"])
            == (theirs.json()["error"]["message"])
        )
        # brought by both, it is both's
        assert await brought(stranger, photo()) == told
        assert (await stranger.post(JOBS, json={"prompt": f"{told['image']} a cat"})).status_code == 202


async def test_what_is_no_picture_is_told_so(api: Api) -> None:
    async with api.client() as client:
        for path in (UPLOADS, VERIFY):
            answer = await client.post(path, content=b"<svg/>", headers={"Content-Type": "image/svg+xml"})
            assert answer.status_code == 422
            assert (await client.post(path, json={})).status_code == 415
            assert (await client.post(path, content=photo()[:60], headers=AS_PNG)).status_code == 422
            most = 20 * 2**20
            cut = photo() + bytes(most - len(photo()))
            assert (await client.post(path, content=cut, headers=AS_PNG)).status_code in (200, 201)
            assert (await client.post(path, content=cut + b"x", headers=AS_PNG)).status_code == 413


async def test_uploads_end_after_a_week_and_with_their_owner(api: Api) -> None:
    key, secret = await api.key()
    async with api.client(secret) as client:
        told = await brought(client, photo(red=1))
        parts = [part async for part in api.service.export(key.owner, 2**24)]
        sha256 = await api.service.uploads.own(key.owner, told["image"])
        assert any(f"inputs/{sha256}".encode() in part for part in parts)
        store, now = api.service.store, api.service.store.now()
        await store.write(store_retention.prune, now + 6.9 * DAY)
        answer = await client.post(JOBS, json={"prompt": f"{told['image']} a"})
        await ended(api, answer.headers["location"])
        await store.write(store_retention.prune, now + 7.1 * DAY)
        again = await brought(client, photo(red=2))
        await api.service.forget(key.owner)
        assert not any(api.service.gallery.root.rglob("*.png"))
        assert again["image"] != told["image"]


async def test_where_a_picture_comes_from_is_told_as_by_the_command(api: Api) -> None:
    async with api.client() as client, api.client() as stranger:
        where = (await client.post(JOBS, json={"prompt": "a cat --seed 7"})).headers["location"]
        job = await ended(api, where)
        picture = (await client.get(f"{where}/pictures/1.png")).content
        told = (await client.post(VERIFY, content=picture, headers=AS_PNG)).json()
        assert told["text"].startswith("Made by this Limner.\nJob `" + job.id)
        assert (told["ours"], told["signature"], told["job"]) == (True, "valid", job.id)
        assert "--seed 7" in told["prompt"]
        other = (await stranger.post(VERIFY, content=picture, headers=AS_PNG)).json()
        assert other["job"] is None
        assert job.id not in other["text"]
        unknown = (await stranger.post(VERIFY, content=photo(), headers=AS_PNG)).json()
        assert unknown["text"].startswith("Nothing was found in this picture")
