"""The OpenAI Images API: generations, edits, variations and models, drawn by this server's models.

Long: five endpoints that share one answer, whole or streamed.
"""

from __future__ import annotations

import asyncio
import base64
import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from engine import images
from engine.config import ModelConfig
from engine.jobs import Condition, Job
from engine.planning.literal import Literal
from engine.rules.keys import Key
from engine.service import FileOptions
from engine.web import bodies, fields
from engine.web.bodies import Part
from engine.web.doors import Door, Doors, Draws, Reads
from engine.web.drawing import PictureInput, showable
from engine.web.errors import STATUS, Fault, FaultType, Shaped, fault_of, wrong
from engine.web.openai.fields import FREEDOM, IMAGES, Edits, Images, Variations, size_of

STARTS = ("/v1/images", "/v1/models")
NAMES = ("dall-e-2", "dall-e-3", "gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5", "chatgpt-image-latest")
"""Names of OpenAI's models that are listed; every gpt-image-… is drawn."""

_CODES: Mapping[FaultType, tuple[str, str | None]] = {
    "invalid": ("invalid_request_error", "invalid_value"),
    "unauthorized": ("invalid_request_error", "invalid_api_key"),
    "forbidden": ("invalid_request_error", "permission_denied"),
    "slow": ("timeout", "request_timeout"),
    "conflict": ("invalid_request_error", "idempotency_key_reused"),
    "large": ("invalid_request_error", "request_too_large"),
    "media": ("invalid_request_error", "unsupported_media_type"),
    "rate": ("rate_limit_error", "rate_limit_exceeded"),
    "waiting": ("rate_limit_error", "rate_limit_exceeded"),
    "allowance": ("insufficient_quota", "insufficient_quota"),
    "blocked": ("image_generation_user_error", "moderation_blocked"),
    "server": ("server_error", "server_error"),
    "busy": ("server_error", "overloaded"),
    "draining": ("server_error", "draining"),
}
_FIELDS = {
    "type": "invalid_type",
    "missing": "missing_required_parameter",
    "string_too_long": "string_above_max_length",
    "unsupported_value": "unsupported_value",
    "invalid_size": "invalid_size",
    "file_size": "invalid_image",
    "mime_type": "invalid_image",
    "image": "invalid_image",
}


def shape(fault: Fault, request_id: str) -> Shaped:
    """The contract's error, its four keys always."""
    kind, code = _CODES.get(fault.kind, ("invalid_request_error", None))
    if fault.kind == "invalid":
        code = _FIELDS.get(fault.code or "", code)
    elif fault.kind == "unauthorized" and fault.code == "missing":
        return _error(401, "You didn't provide an API key.", kind, None, None)
    elif fault.kind == "missing" and fault.code == "model":
        code = "model_not_found"
    elif fault.kind == "blocked" and fault.code == "dall-e":
        kind, code = "invalid_request_error", "content_policy_violation"
    return _error(STATUS[fault.kind], fault.sentence, kind, fault.field, code)


def _error(status: int, message: str, kind: str, param: str | None, code: str | None) -> Shaped:
    return Shaped(status, {"error": {"message": message, "type": kind, "param": param, "code": code}})


def mount(app: FastAPI, doors: Doors) -> None:
    """Put the endpoints on the application."""
    door = _Door(doors)
    app.get("/v1/models")(door.models)
    app.get("/v1/models/{name}")(door.one_model)
    app.post("/v1/images/generations")(door.generations)
    app.post("/v1/images/edits")(door.edits)
    app.post("/v1/images/variations")(door.variations)


class _Door(Door):
    # ---- models --------------------------------------------------------------------------------------------

    async def models(self, key: Reads) -> Response:
        """List what the key may draw with, then OpenAI's own names."""
        found = [told for name in self._names() if (told := self._listed(key, name))]
        return JSONResponse({"object": "list", "data": found})

    async def one_model(self, key: Reads, name: str) -> Response:
        """Say that a model is there."""
        told = self._listed(key, name) if name in self._names() else None
        if told is None:
            raise _no_model(name)
        return JSONResponse(told)

    def _names(self) -> list[str]:
        return [*(model.name for model in self._service.models), *NAMES]

    def _listed(self, key: Key, name: str) -> dict[str, Any] | None:
        """Return a model as it is listed, None where the key may not draw with it."""
        try:
            model = self._drawing.model(key, name, NAMES)
        except Fault:
            return None
        dates = self._service.origin.dates
        created = 0 if model is None else int(dates.get(model.name, 0))
        return {"id": name, "object": "model", "created": created, "owned_by": "limner"}

    def _model(self, key: Key, name: str | None) -> ModelConfig:
        foreign = NAMES if name is None or not name.startswith("gpt-image-") else (*NAMES, name)
        found = self._drawing.model(key, name, foreign)
        if found is None:
            raise _no_model(name or "")
        return found

    # ---- drawing -------------------------------------------------------------------------------------------

    async def generations(self, request: Request, key: Draws) -> Response:
        """Draw from words."""
        sent = await bodies.json_object(request, self._doors.budget)
        asked = fields.read(Images, sent, strict=True)
        more = [name for name in sent if name not in Images.model_fields]
        model = self._model(key, asked.model)
        asked.check(self._service.config.limits)
        literal = self._literal(asked, model, size=self._size(asked, model))
        return await self._drawn(request, key, literal, asked, more, "image_generation")

    async def edits(self, request: Request, key: Draws) -> Response:
        """Paint a part of a picture afresh, or draw from the whole of it."""
        parts = await bodies.form(request, self._doors.budget, bodies.EDIT_MOST)
        sent, files, more = _sorted(parts, Edits)
        asked = fields.read(Edits, sent)
        model = self._model(key, asked.model)
        asked.check(self._service.config.limits)
        picture, *beside = await self._images(files)
        size = self._size(asked, model)
        mask = await self._mask(files, picture)
        start, uploads = picture.sha256, self._service.uploads
        if size is not None:
            start = await uploads.fitted(start, size)
            mask = None if mask is None else await uploads.fitted(mask, size)
        strength = None if mask is not None else FREEDOM[asked.input_fidelity]
        size = size or picture.size
        told: dict[str, Any] = {"size": size, "start": start, "mask": mask, "strength": strength}
        told["beside"] = tuple(one.sha256 for one in beside)
        literal = self._literal(asked, model, **told)
        return await self._drawn(request, key, literal, asked, more, "image_edit")

    async def variations(self, request: Request, key: Draws) -> Response:
        """Draw a picture again, freely."""
        sent, files, more = _sorted(await bodies.form(request, self._doors.budget), Variations)
        sent.pop("prompt", None)
        asked = fields.read(Variations, sent)
        model = self._model(key, asked.model)
        asked.check(self._service.config.limits)
        picture = (await self._images(files, 1))[0]
        size, start = self._size(asked, model), picture.sha256
        if size is not None:
            start = await self._service.uploads.fitted(start, size)
        literal = self._literal(
            *(asked, model), size=size or picture.size, start=start, strength=model.strong_strength, texts=()
        )
        return await self._drawn(request, key, literal, asked, more, "image_edit")

    # ---- what they share -----------------------------------------------------------------------------------

    def _size(self, asked: Images, model: ModelConfig) -> tuple[int, int] | None:
        return size_of(asked.size, model, self._service.config.limits)

    def _literal(self, asked: Images, model: ModelConfig, **more: Any) -> Literal:
        told: dict[str, Any] = {
            "texts": (Condition(text=asked.prompt),),
            "negative": asked.negative_prompt,
            "model": model.name,
            "count": asked.n,
            "seed": asked.seed,
            "steps": asked.run(model, self._service.config.limits),
            "guidance": asked.cfg_scale,
            "sampler": asked.sampler,
        }
        return Literal(**{**told, **more})

    async def _images(self, files: Mapping[str, Sequence[Part]], most: int = IMAGES) -> list[PictureInput]:
        found = files.get("image", ())
        if not found:
            raise wrong("image", "is required", "missing")
        if len(found) > most:
            raise wrong("image", f"may be sent at most {most} times")
        return [await self._drawing.bring(bytes(part.data), "image") for part in found]

    async def _mask(self, files: Mapping[str, Sequence[Part]], picture: PictureInput) -> str | None:
        """Return what is repainted, white: what is transparent in the mask, else in the picture itself."""
        clear = picture.mask
        if "mask" in files:
            mask = await self._drawing.bring(bytes(files["mask"][0].data), "mask")
            if mask.mask is None:
                what = "has no transparent pixels; those are what is repainted, not black or white"
                raise wrong("mask", what, "image")
            if mask.size != picture.size:
                what = "must be as large as the image, {}x{}, and is {}x{}"
                raise wrong("mask", what.format(*picture.size, *mask.size), "image")
            clear = mask.mask
        return None if clear is None else await self._service.uploads.mask(clear, inverted=True)

    async def _drawn(
        self, request: Request, key: Key, literal: Literal, asked: Images, more: list[str], kind: str
    ) -> Response:
        headers = fields.ignored([*more, *asked.without_effect()])
        try:
            if asked.stream:
                with self._doors.streaming(key):
                    pass  # refused before anything is drawn
            job = await self._drawing.start(request, key, literal)
            if asked.stream:
                events = self._events(request, key, job, asked, kind)
                return _Stream(events, lambda: self._drawing.release(job), headers)
            ended = await self._drawing.ended(request, key, job)
            return JSONResponse(await self._answer(ended, asked), headers=headers)
        except Exception as error:
            raise _named(error, asked) from error

    async def _answer(self, job: Job, asked: Images) -> dict[str, Any]:
        files = await self._files(job, asked)
        if asked.by_url():
            url, to = self._doors.url, self._service.links.to
            how = asked.output_format, asked.compression, self._doors.clock()
            data = [{"url": await to(url, job.id, cell, *how)} for cell in range(len(files))]
        else:
            data = [{"b64_json": base64.b64encode(file).decode()} for file in files]
        answer = {"created": int(job.created_at), **_described(job, asked), "data": data}
        answer["usage"] = _usage(job, asked)
        return answer | _identified(asked)

    async def _files(self, job: Job, asked: Images) -> list[bytes]:
        wanted = FileOptions(form=asked.form, quality=asked.compression)
        show, cells = self._service.files.file, range(len(showable(job).pictures))
        files = [(await show(job.id, cell, wanted)).data for cell in cells]
        return files + files[:1] * (asked.n - len(files))

    async def _events(
        self, request: Request, key: Key, job: Job, asked: Images, kind: str
    ) -> AsyncIterator[str]:
        """Yield server-sent events: previews, then each picture; an error once it has begun is one too."""
        number, shown = 0, b""
        try:
            with self._doors.streaming(key):
                async for told in self._drawing.stream(request, key, job):
                    if told is None:
                        yield ": keep-alive\n\n"
                    elif isinstance(told, Job):
                        for file in await self._files(told, asked):
                            usage = {"usage": _usage(told, asked), **_identified(asked)}
                            yield _event(f"{kind}.completed", told, asked, file, usage)
                    elif told.preview and told.preview != shown and _is_due(told.percent, number, asked):
                        shown = told.preview
                        file = await self._preview(shown, job, asked)
                        index = {"partial_image_index": number}
                        yield _event(f"{kind}.partial_image", job, asked, file, index)
                        number += 1
        except Exception as error:
            _, body = shape(fault_of(_named(error, asked)), request.state.request_id)
            yield f"event: error\ndata: {json.dumps(body)}\n\n"

    async def _preview(self, data: bytes, job: Job, asked: Images) -> bytes:
        def made() -> bytes:
            picture = images.fitted(images.previewed(data), job.spec.fitted)
            return images.encoded(picture, asked.form, asked.compression).data

        return await asyncio.to_thread(made)


class _Stream(StreamingResponse):
    """Events that let their job go also where whoever asked left before the first of them."""

    def __init__(
        self, events: AsyncIterator[str], left: Callable[[], Awaitable[None]], headers: dict[str, str]
    ) -> None:
        super().__init__(events, media_type="text/event-stream", headers=headers)
        self._left = left

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._left()


def _is_due(percent: int, number: int, asked: Images) -> bool:
    """Say whether preview ``number`` (from 0) is to be sent: they are spread over the steps.

    Of several pictures there is one preview of all together, which is none of any.
    """
    most = asked.partial_images or 0
    return asked.n == 1 and number < most and percent >= 100 * (number + 1) // (most + 1)


def _event(name: str, job: Job, asked: Images, file: bytes, more: Mapping[str, Any]) -> str:
    told = {"type": name, "b64_json": base64.b64encode(file).decode(), "created_at": int(job.created_at)}
    return f"event: {name}\ndata: {json.dumps({**told, **_described(job, asked), **more})}\n\n"


def _described(job: Job, asked: Images) -> dict[str, Any]:
    width, height = job.spec.fitted or (job.spec.width, job.spec.height)
    told = {"background": "opaque", "output_format": asked.output_format, "quality": asked.tier}
    return told | {"size": f"{width}x{height}"}


def _usage(job: Job, asked: Images) -> dict[str, Any]:
    """Return the contract's tokens: about four letters of the prompt each; seconds of the device each."""
    text = math.ceil(len(asked.prompt) / 4)
    device = math.ceil((job.finished_at or 0) - (job.started_at or 0)) if job.finished_at else 0
    return {
        "input_tokens": text,
        "input_tokens_details": {"text_tokens": text, "image_tokens": 0},
        "output_tokens": device,
        "output_tokens_details": {"image_tokens": device, "text_tokens": 0},
        "total_tokens": text + device,
    }


def _identified(asked: Images) -> dict[str, str]:
    return {"safety_identifier": asked.identifier} if asked.identifier else {}


def _named(error: Exception, asked: Images) -> Fault | Exception:
    """Return the fault; what is blocked is called as the model that was asked for calls it."""
    fault = fault_of(error)
    if fault.kind == "server" and not isinstance(error, Fault):
        return error
    if fault.kind == "blocked" and (asked.model or "").startswith("dall-e-"):
        fault.code = "dall-e"
    return fault


def _no_model(name: str) -> Fault:
    sentence = f"The model '{name[:64]}' does not exist or you do not have access to it."
    return Fault("missing", sentence, field="model", code="model")


def _sorted(
    parts: Sequence[Part], model: type[Images]
) -> tuple[dict[str, Any], dict[str, list[Part]], list[str]]:
    """Return a form's fields, its files (``image`` and ``image[]`` are one), the names that mean nothing."""
    values: dict[str, Any] = {}
    files: dict[str, list[Part]] = {}
    more: list[str] = []
    for part in parts:
        name = part.name.partition("[")[0]  # image[], svg[model]
        if name in ("image", "mask"):
            files.setdefault(name, []).append(part)
        elif name in model.model_fields:
            values[name] = part.text
        else:
            more.append(part.name)
    return values, files, more
