"""AUTOMATIC1111's `/sdapi/v1`: the least that its clients need, and nothing of one key touches another's.

Long: one contract, whose drawing, watching and settings belong together.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from engine import images
from engine.config import ModelConfig
from engine.jobs import Condition, Job, State
from engine.planning.literal import Literal, check_size
from engine.planning.plan import default_model
from engine.prompt import take_networks
from engine.rules.keys import Key
from engine.service import Describe, Snapshot
from engine.web import bodies, fields
from engine.web.doors import Door, Doors, let_in
from engine.web.drawing import PictureInput, showable
from engine.web.engines import UPSCALED_MOST
from engine.web.errors import STATUS, Fault, Shaped, wrong
from engine.web.sdapi import fields as asked_fields
from engine.web.sdapi.answers import Shown, answered, as_progress
from engine.web.sdapi.fields import Drawn, Extra, Img2Img, Options, Txt2Img, WithPicture
from engine.web.sdapi.lists import CONSTANTS, UPSCALERS, listed, loras, scheduled

STARTS = ("/sdapi/", "/config")
BASE = "/sdapi/v1"
_MODES: Mapping[int, images.Fitting] = {0: "squeeze", 1: "cover", 2: "fill"}
Draws = Annotated[Key, let_in("draw", basic=True)]
Reads = Annotated[Key, let_in("read", basic=True)]
_NAMES = {"rate": "LimitError", "waiting": "LimitError", "allowance": "LimitError"}


def shape(fault: Fault, request_id: str) -> Shaped:
    """The web UI's errors: a wrong field as FastAPI says it, a path that is none, all others."""
    if fault.kind == "invalid" and fault.code != "sampler":
        place = ["body", *([fault.field] if fault.field else [])]
        detail = {"loc": place, "msg": fault.sentence, "type": fault.code or "value_error"}
        return Shaped(422, {"detail": [detail]})
    if fault.kind == "missing" and fault.code == "path":
        return Shaped(404, {"detail": "Not Found"})
    name = _NAMES.get(fault.kind, "HTTPException")
    told = {"error": name, "detail": fault.sentence, "body": "", "errors": fault.sentence}
    return Shaped(STATUS[fault.kind], told)


def mount(app: FastAPI, doors: Doors) -> None:
    """Put the endpoints on the application."""
    door = _Door(doors)
    for path, draws in (
        ("txt2img", door.txt2img),
        ("img2img", door.img2img),
        ("extra-single-image", door.enlarge),
        ("interrogate", door.interrogate),
        ("png-info", door.png_info),
        ("options", door.set_options),
        ("interrupt", door.interrupt),
        ("skip", door.interrupt),
    ):
        app.post(f"{BASE}/{path}")(draws)
    app.get(f"{BASE}/progress")(door.progress)
    app.get(f"{BASE}/options")(door.options)
    app.get(f"{BASE}/sd-models")(door.models)
    app.get(f"{BASE}/loras")(door.loras)
    for name, value in CONSTANTS.items():
        app.get(f"{BASE}/{name}")(_constant(name, value))

    @app.get("/config")
    async def config() -> Response:
        """Return the parts of a page that is not there: a client reads it before anything, without a key."""
        return JSONResponse({"components": []})


def _constant(name: str, value: Any) -> Callable[[Key], Awaitable[Response]]:
    """Return an endpoint that gives everybody with a key the same answer."""

    async def answer(key: Reads) -> Response:
        return JSONResponse(value)

    answer.__doc__ = f"List what there is of {name.replace('-', ' ')}."
    return answer


class _Door(Door):
    def __init__(self, doors: Doors) -> None:
        super().__init__(doors)
        self._now: dict[int, dict[str, Snapshot]] = {}
        """What waits or runs here: by key, then by job."""
        self._interrupted: set[str] = set()

    # ---- looking -------------------------------------------------------------------------------------------

    async def models(self, key: Reads) -> Response:
        """List the models the key may draw with."""
        return JSONResponse([listed(model) for model in self._models(key)])

    async def loras(self, key: Reads) -> Response:
        """List the LoRAs that there are."""
        return JSONResponse(loras(self._service.config.loras))

    async def options(self, key: Reads) -> Response:
        """Return the key's settings."""
        told: dict[str, Any] = {"sd_model_checkpoint": (await self._model(key)).name}
        told |= {"samples_format": "png", "sd_vae": "Automatic", "CLIP_stop_at_last_layers": 1}
        return JSONResponse(told)

    async def set_options(self, request: Request, key: Draws) -> Response:
        """Choose the model that draws for the key from now on."""
        sent = await bodies.json_object(request, self._doors.budget, bodies.SDAPI_MOST)
        name = fields.read(Options, sent).sd_model_checkpoint
        if name:
            await self._service.remember(_setting(key), (await self._model(key, name)).name)
        return JSONResponse({}, headers=fields.ignored(asked_fields.without_effect(sent, Options)))

    async def progress(self, key: Reads, skip_current_image: str = "false") -> Response:
        """Say how far the key's own picture is."""
        shows = skip_current_image.lower() not in ("true", "1", "yes", "on")
        now = self._now.get(key.id, {})
        current = _current(now)
        if current is not None and current.state is State.QUEUED:
            current = replace(current, position=await self._service.position(current.job.id))
        return JSONResponse(as_progress(current, len(now), self._service.store.now(), shows=shows))

    async def interrupt(self, key: Draws) -> Response:
        """Take the key's running job back, or its oldest waiting one."""
        if (current := _current(self._now.get(key.id, {}))) is not None:
            self._interrupted.add(current.job.id)
            await self._service.cancel(current.job.id, key.owner)
        return JSONResponse({})

    async def png_info(self, request: Request, key: Reads) -> Response:
        """Return the recipe in a picture."""
        asked, _ = await self._read(request, WithPicture)
        verdict, _ = await self._service.verify(await _decoded(asked.image, "image"))
        recipe = verdict.recipe
        if recipe is None:
            return JSONResponse({"info": "", "items": {}, "parameters": {}})
        texts = {"Prompt": recipe.prompt, "Negative prompt": recipe.negative_prompt}
        told = {"items": {"parameters": recipe.as_text()}, "parameters": texts | recipe.facts}
        return JSONResponse({"info": recipe.as_text(), **told})

    async def interrogate(self, request: Request, key: Draws) -> Response:
        """Put a picture into words."""
        asked, sent = await self._read(request, WithPicture)
        picture = await self._picture(asked.image, "image")
        job = await self._drawing.begin(request, key, lambda caller: Describe(caller, picture.sha256))
        job = showable(await self._drawing.ended(request, key, job))
        headers = fields.ignored(name for name in sent if name not in ("image", "model"))
        return JSONResponse({"caption": job.texts[0]}, headers=headers)

    # ---- drawing -------------------------------------------------------------------------------------------

    async def txt2img(self, request: Request, key: Draws) -> Response:
        """Draw from words; enlarged and drawn over where that is asked."""
        asked, sent = await self._read(request, Txt2Img)
        literal, noted = await self._literal(key, asked)
        if asked.enable_hr:
            check_size(asked.enlarged, self._service.config.limits)
        job = await self._drawn(request, key, literal)
        shown = await self._cells(job, literal.count)
        if asked.enable_hr and shown:
            shown = await self._over(request, key, literal, asked, shown)
        return self._answer(asked, sent, shown, noted)

    async def img2img(self, request: Request, key: Draws) -> Response:
        """Draw from a picture, over the whole of it or where a mask is white."""
        asked, sent = await self._read(request, Img2Img)
        literal, noted = await self._literal(key, asked)
        how, mask, uploads = _MODES[asked.resize_mode], None, self._service.uploads
        picture = await self._picture(asked.init_images[0], "init_images")
        if asked.mask is not None:
            brought = (await self._picture(asked.mask, "mask")).sha256
            fitted = await uploads.fitted(brought, asked.size, how)
            mask = await uploads.mask(fitted, inverted=bool(asked.inpainting_mask_invert))
        start = await uploads.fitted(picture.sha256, asked.size, how)
        strength = 0.75 if asked.denoising_strength is None else asked.denoising_strength
        job = await self._drawn(request, key, replace(literal, start=start, mask=mask, strength=strength))
        return self._answer(asked, sent, await self._cells(job, literal.count), noted)

    async def enlarge(self, request: Request, key: Draws) -> Response:
        """Enlarge a picture."""
        asked, sent = await self._read(request, Extra)
        picture = await self._picture(asked.image, "image")
        size = asked.size(*picture.size)
        if size[0] * size[1] > UPSCALED_MOST:
            sentence = f"{size[0]}x{size[1]} is more than {UPSCALED_MOST} pixels, the most there may be"
            raise Fault("invalid", sentence, field="upscaling_resize", code="less_than_equal")
        model = await self._model(key)
        literal = Literal(model=model.name, size=size, start=picture.sha256, enlarge=True)
        shown = await self._cells(await self._drawn(request, key, literal), 1)
        if not shown:
            raise Fault("busy", "This was interrupted.")
        more = [*asked_fields.without_effect(sent, Extra)]
        more += ["upscaler_1"] if asked.upscaler_1 not in ("", "None", *UPSCALERS) else []
        told = {"html_info": "", "image": base64.b64encode(shown[0].png).decode()}
        return JSONResponse(told, headers=fields.ignored(more))

    # ---- what they share -----------------------------------------------------------------------------------

    async def _read(self, request: Request, model: type[fields.T]) -> tuple[fields.T, dict[str, Any]]:
        sent = await bodies.json_object(request, self._doors.budget, bodies.SDAPI_MOST)
        return fields.read(model, sent), sent

    async def _picture(self, text: str, name: str) -> PictureInput:
        return await self._drawing.bring(await _decoded(text, name), name)

    def _models(self, key: Key) -> list[ModelConfig]:
        return [one for one in self._service.models if key.models is None or one.name in key.models]

    async def _model(self, key: Key, name: str | None = None) -> ModelConfig:
        """Return the model of a name, else the one the key has chosen. Raises Fault: there is none."""
        if name:
            found = self._drawing.model(key, name)
            if found is None:
                raise Fault("missing", f"There is no model `{name[:64]}` here. `/sd-models` lists them.")
            return found
        models = self._models(key)
        if not models:
            raise Fault("forbidden", "This key may not draw with any model of this server.")
        wanted = await self._service.meta(_setting(key)) or default_model(self._service.models).name
        return next((one for one in models if one.name == wanted), models[0])

    async def _literal(self, key: Key, asked: Drawn) -> tuple[Literal, list[str]]:
        """Return what is to be drawn, and the names of what cannot be."""
        model = await self._model(key, asked.override_settings.sd_model_checkpoint)
        sampler, both = scheduled(asked.sampler_name or asked.sampler_index or "Euler", asked.scheduler)
        if sampler is None:
            raise Fault("invalid", "Sampler not found", field="sampler_name", code="sampler")
        noted = [] if both else ["scheduler"]
        text, named, others = take_networks(asked.prompt)
        known = {one.name for one in self._service.config.loras if one.model in ("", model.name)}
        worn = tuple(one.model_copy(update={"name": one.name.lower()}) for one in named)
        noted += [*others, *(f"<lora:{one.name}>" for one in worn if one.name not in known)]
        styles = [style for style in asked.styles if style not in ("", "None")]
        good = [style for style in styles if any(style == one["name"] for one in CONSTANTS["prompt-styles"])]
        noted += [f"styles.{style}" for style in styles if style not in good[:1]]
        literal = Literal(
            texts=(Condition(text=text),) if text.strip() else (),
            negative=asked.negative_prompt or None,
            model=model.name,
            size=asked.size,
            count=asked.count,
            seed=None if asked.seed < 0 else asked.seed,
            steps=min(asked.steps, self._service.config.limits.max_steps),
            guidance=asked.cfg_scale,
            sampler=sampler,
            style=good[0] if good else "",
            loras=tuple(one for one in worn if one.name in known),
            tile=asked.tiling,
        )
        return literal, noted

    async def _drawn(self, request: Request, key: Key, literal: Literal, part: int = 0) -> Job | None:
        """Draw, where the key can watch and interrupt it; None: it did."""
        job = await self._drawing.start(request, key, literal, part)
        mine = self._now.setdefault(key.id, {})
        mine[job.id] = Snapshot(job)
        try:
            async with aclosing(self._drawing.stream(request, key, job)) as stream:
                async for told in stream:
                    if isinstance(told, Job):
                        job = told
                    elif told is not None:
                        mine[job.id] = told
        except Fault:
            if job.id not in self._interrupted:
                raise
            return None
        finally:
            mine.pop(job.id, None)
            self._interrupted.discard(job.id)
            if not mine:
                self._now.pop(key.id, None)
        return showable(job)

    async def _over(
        self, request: Request, key: Key, literal: Literal, asked: Txt2Img, shown: list[Shown]
    ) -> list[Shown]:
        """Return the pictures enlarged and drawn over, one after another; those that were interrupted not."""
        strength = asked_fields.USUAL_HR if asked.denoising_strength is None else asked.denoising_strength
        found: list[Shown] = []
        for part, first in enumerate(shown, start=1):
            start, seed = first.job.pictures[first.cell], first.seed
            more = replace(literal, size=asked.enlarged, count=1, seed=seed, start=start, strength=strength)
            job = await self._drawn(request, key, more, part)
            if job is None:
                break
            found += await self._cells(job, 1)
        return found

    async def _cells(self, job: Job | None, count: int) -> list[Shown]:
        if job is None:
            return []
        cells = [Shown(job, cell, png) for cell, png in enumerate(await self._service.pictures(job.id))]
        return cells + cells[:1] * (count - len(cells))  # the picture itself is there once

    def _answer(
        self, asked: Drawn, sent: Mapping[str, Any], shown: list[Shown], noted: list[str]
    ) -> Response:
        ignored = [*asked_fields.without_effect(sent, type(asked)), *noted]
        told = answered(asked, sent, shown, ignored)
        return JSONResponse(told, headers=fields.ignored(ignored))


def _setting(key: Key) -> str:
    """Return under which name a key's chosen model is remembered."""
    return f"sdapi.model.{key.id}"


def _current(now: Mapping[str, Snapshot]) -> Snapshot | None:
    """Return the job that runs, else the oldest that waits."""
    return min(now.values(), key=lambda one: (one.state is State.QUEUED, one.job.created_at), default=None)


async def _decoded(text: str, name: str) -> bytes:
    """Return a picture's bytes from its base64, with or without what data URLs begin with. Raises Fault."""
    coded = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return await asyncio.to_thread(base64.b64decode, "".join(coded.split()), validate=True)
    except (binascii.Error, ValueError):
        raise wrong(name, "must be a picture in base64", "base64") from None
