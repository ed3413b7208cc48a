"""The Stability API, version 1: its seven endpoints, drawn by this server's models.

Long: seven endpoints that share one reading of forms and one answer.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from engine import images
from engine.jobs import Condition, Job, State
from engine.planning.literal import Literal
from engine.rules.keys import Key, Scope
from engine.web import bodies, fields
from engine.web.bodies import Part
from engine.web.doors import Door, Doors, let_in
from engine.web.drawing import PictureInput
from engine.web.engines import ENGINES, UPSCALED_MOST, Engine, check_size
from engine.web.errors import STATUS, Fault, FaultType, Shaped, wrong
from engine.web.stability.fields import (
    ImageToImage,
    Masking,
    Options,
    TextPrompt,
    TextToImage,
    Upscale,
)

STARTS = ("/v1/generation", "/v1/engines", "/v1/user")
NAMES: Mapping[FaultType, str] = {
    "invalid": "bad_request",
    "unauthorized": "unauthorized",
    "forbidden": "permission_denied",
    "missing": "not_found",
    "gone": "not_found",
    "method": "method_not_allowed",
    "slow": "request_timeout",
    "conflict": "idempotency_conflict",
    "large": "invalid_file_size",
    "media": "unsupported_media_type",
    "rate": "rate_limit_exceeded",
    "waiting": "rate_limit_exceeded",
    "allowance": "permission_denied",
    "blocked": "invalid_prompts",
    "server": "server_error",
    "busy": "service_unavailable",
    "draining": "service_unavailable",
}
CODES = {"file_size": "invalid_file_size", "mime_type": "invalid_mime_type"}
ORGANIZATION = "org-limner"
UNLIMITED = 1_000_000.0
"""The balance of a key without an allowance."""
T = TypeVar("T", bound=Options | Upscale)
_PROMPT = re.compile(r"text_prompts\[(\d{1,9})\]\[(text|weight)\]")
_TEXTS_MOST = 6


def shape(fault: Fault, request_id: str) -> Shaped:
    """The contract's error: ``id`` names this occurrence, ``name`` its class."""
    name, message = NAMES[fault.kind], fault.sentence
    if fault.code is not None:
        name = CODES.get(fault.code, fault.code if fault.code.startswith("invalid_") else name)
    status = STATUS[fault.kind]
    if fault.kind == "allowance":  # the words that clients look for
        status, message = 403, f"You do not have enough balance to request this action. {message}"
    return Shaped(status, {"id": request_id, "name": name, "message": message})


def mount(app: FastAPI, doors: Doors) -> None:
    """Put the seven endpoints on the application."""
    door = _Door(doors)
    app.get("/v1/engines/list")(door.engines)
    app.get("/v1/user/account")(door.account)
    app.get("/v1/user/balance")(door.balance)
    for path, endpoint in (
        ("text-to-image", door.text_to_image),
        ("image-to-image", door.image_to_image),
        ("image-to-image/masking", door.masking),
        ("image-to-image/upscale", door.upscale),
    ):
        app.post(f"/v1/generation/{{engine_id}}/{path}")(endpoint)


def _let_in(scope: Scope) -> Any:
    """As ``let_in``, where the organization is ours too."""

    async def member(request: Request, key: Key = let_in(scope, raw=True)) -> Key:
        if request.headers.get("organization", "").strip() not in ("", ORGANIZATION):
            sentence = "You do not have permission to access this resource: the only organization is "
            raise Fault("forbidden", sentence + ORGANIZATION)
        return key

    return Depends(member)


Draws = Annotated[Key, _let_in("draw")]
Reads = Annotated[Key, _let_in("read")]


class _Door(Door):
    # ---- looking -------------------------------------------------------------------------------------------

    async def engines(self, key: Reads) -> Response:
        """List the engines, a bare array."""
        listed = [*ENGINES.values(), *(_own(model.name) for model in self._service.models)]
        found = []
        for engine in listed:
            try:
                self._drawing.model(key, engine.id, tuple(ENGINES))
            except Fault:
                continue
            told = {"description": engine.description, "id": engine.id, "name": engine.name}
            found.append(told | {"type": "PICTURE"})
        return JSONResponse(found)

    async def account(self, key: Annotated[Key, let_in("read", raw=True)]) -> Response:
        """Say who the key is."""
        mine = {"id": ORGANIZATION, "name": "Limner", "role": "MEMBER", "is_default": True}
        return JSONResponse({"id": f"user-{key.id}", "email": "", "organizations": [mine]})

    async def balance(self, key: Reads) -> Response:
        """Say how many seconds of the device are left."""
        left = await self._doors.left(key)
        return JSONResponse({"credits": UNLIMITED if left is None else left})

    # ---- drawing -------------------------------------------------------------------------------------------

    async def text_to_image(self, request: Request, key: Draws, engine_id: str) -> Response:
        """Draw from words."""
        engine = self._engine(engine_id)
        sent = await bodies.json_object(request, self._doors.budget)
        asked = fields.read(TextToImage, _without_nulls(sent), "body.")
        size = (asked.width or engine.size[0], asked.height or engine.size[1])
        check_size(engine, *size)
        texts = self._texts(asked.text_prompts)
        more = [name for name in sent if name not in TextToImage.model_fields]
        literal = self._literal(key, engine, asked, texts, size=size)
        return await self._drawn(request, key, literal, asked, more)

    async def image_to_image(self, request: Request, key: Draws, engine_id: str) -> Response:
        """Draw from a picture and words."""
        engine, asked, files, more = await self._form(request, engine_id, ImageToImage, "init_image")
        picture = await self._picture(files, "init_image")
        check_size(engine, *picture.size)
        literal = self._literal(
            *(key, engine, asked, self._texts(asked.text_prompts)),
            size=picture.size,
            start=picture.sha256,
            strength=asked.strength,
            until=1 - asked.step_schedule_end if asked.uses_end else 1.0,
        )
        return await self._drawn(request, key, literal, asked, more)

    async def masking(self, request: Request, key: Draws, engine_id: str) -> Response:
        """Paint a part of a picture afresh."""
        names = ("init_image", "mask_image")
        engine, asked, files, more = await self._form(request, engine_id, Masking, *names)
        picture = await self._picture(files, "init_image")
        check_size(engine, *picture.size)
        mask = await self._mask(asked.mask_source, picture, files)
        texts = self._texts(asked.text_prompts)
        literal = self._literal(
            *(key, engine, asked, texts), size=picture.size, start=picture.sha256, mask=mask
        )
        return await self._drawn(request, key, literal, asked, more)

    async def upscale(self, request: Request, key: Draws, engine_id: str) -> Response:
        """Enlarge a picture."""
        engine, asked, files, more = await self._form(request, engine_id, Upscale, "image")
        if asked.width and asked.height:
            raise Fault("invalid", "body.width: only one of width and height may be given", field="width")
        picture = await self._picture(files, "image")
        size = asked.size(*picture.size)
        if size[0] * size[1] > UPSCALED_MOST:
            sentence = f"{size[0]}x{size[1]} is more than {UPSCALED_MOST} pixels, the most there may be"
            raise Fault("invalid", sentence, code="invalid_pixel_count")
        told = ("steps", "seed", "cfg_scale", "text_prompts")
        more += [name for name in told if getattr(asked, name) not in (None, [])]
        literal = Literal(
            model=self._model(key, engine),
            size=size,
            start=picture.sha256,
            enlarge=True,
            seed=asked.seed or None,
        )
        return await self._drawn(request, key, literal, asked, more)

    # ---- what they share -----------------------------------------------------------------------------------

    def _engine(self, engine_id: str) -> Engine:
        if engine_id in ENGINES:
            return ENGINES[engine_id]
        if any(engine_id == model.name for model in self._service.models):
            return _own(engine_id)
        raise Fault("missing", f"The specified engine (ID {engine_id[:100]}) was not found.")

    async def _form(
        self, request: Request, engine_id: str, model: type[T], *names: str
    ) -> tuple[Engine, T, dict[str, Part], list[str]]:
        """Return the engine, and of a form its fields, its files of these names, and what means nothing."""
        engine = self._engine(engine_id)
        sent, files, more = _sorted(await bodies.form(request, self._doors.budget), model, names)
        return engine, fields.read(model, sent, "body."), files, more

    async def _picture(self, files: Mapping[str, Part], name: str) -> PictureInput:
        if name not in files:
            raise wrong(name, "is required")
        return await self._drawing.bring(bytes(files[name].data), name)

    async def _mask(self, source: str, picture: PictureInput, files: Mapping[str, Part]) -> str:
        """Return the mask that is asked for, white repaints."""
        uploads = self._service.uploads
        if source == "INIT_IMAGE_ALPHA":
            if picture.mask is None:
                raise wrong("init_image", "has no transparent pixels to replace")
            return await uploads.mask(picture.mask, inverted=True)
        if "mask_image" not in files:
            sentence = f"mask_image: is required where mask_source is {source}"
            raise Fault("invalid", sentence, code="invalid_mask_image")
        mask = await self._picture(files, "mask_image")
        if mask.size != picture.size:
            sentence = "mask_image must be of the same dimensions as init_image: {}x{}, not {}x{}"
            sizes = (*picture.size, *mask.size)
            raise Fault("invalid", sentence.format(*sizes), code="invalid_image_dimensions")
        return await uploads.mask(mask.sha256, inverted=source == "MASK_IMAGE_BLACK")

    def _model(self, key: Key, engine: Engine) -> str:
        found = self._drawing.model(key, engine.id, tuple(ENGINES))
        if found is None:
            raise Fault("missing", f"The specified engine (ID {engine.id}) was not found.")
        return found.name

    def _texts(self, prompts: Sequence[TextPrompt]) -> tuple[tuple[Condition, ...], str | None]:
        """Return what to draw and what to keep out: a negative weight makes a text a negative prompt."""
        good = tuple(Condition(text=one.text, weight=one.weight) for one in prompts if one.weight > 0)
        if not good:
            raise wrong("text_prompts", "needs a text with a weight above 0")
        if len(good) > _TEXTS_MOST:
            raise wrong("text_prompts", f"at most {_TEXTS_MOST} texts may have a weight above 0")
        return good, ", ".join(one.text for one in prompts if one.weight < 0) or None

    def _literal(
        self,
        key: Key,
        engine: Engine,
        asked: Options,
        texts: tuple[tuple[Condition, ...], str | None],
        **more: Any,
    ) -> Literal:
        return Literal(
            texts=texts[0],
            negative=texts[1],
            model=self._model(key, engine),
            count=asked.samples,
            seed=asked.seed or None,
            steps=asked.steps,
            guidance=asked.cfg_scale,
            sampler=asked.sampler,
            style=asked.style_preset or "",
            **more,
        )

    async def _drawn(
        self, request: Request, key: Key, literal: Literal, asked: Options | Upscale, more: list[str]
    ) -> Response:
        """Draw, and answer as the request accepts it."""
        as_png = _accepts_png(request)
        if as_png and literal.count > 1:
            sentence = "samples must be 1 where Accept is image/png; ask for application/json"
            raise Fault("invalid", sentence, field="samples", code="invalid_samples")
        job = await self._drawing.draw(request, key, literal)
        filtered = job.state is State.BLOCKED
        cells = [_grey(job)] * job.spec.count if filtered else await self._service.pictures(job.id)
        cells += cells[:1] * (literal.count - len(cells))  # the picture itself is there once
        reason = "CONTENT_FILTERED" if filtered else "SUCCESS"
        headers = fields.ignored([*more, *asked.without_effect()])
        if as_png:
            headers |= {"Seed": str(job.spec.seed_of(0)), "Finish-Reason": reason}
            return Response(cells[0], media_type="image/png", headers=headers)
        artifacts = [
            {
                "base64": base64.b64encode(png).decode(),
                "seed": job.spec.seed_of(cell),
                "finishReason": reason,
            }
            for cell, png in enumerate(cells)
        ]
        return JSONResponse({"artifacts": artifacts}, headers=headers)


def _own(name: str) -> Engine:
    return Engine(name, name, f"The model {name} of this server", "ours")


def _accepts_png(request: Request) -> bool:
    return request.headers.get("accept", "").partition(";")[0].strip().lower() == "image/png"


def _grey(job: Job) -> bytes:
    """Return what stands in a picture's place that may not be shown."""
    return images.png(images.plain(job.spec.fitted or (job.spec.width, job.spec.height)))


def _without_nulls(sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body without nulls, also in its texts."""
    texts = sent.get("text_prompts")
    if not isinstance(texts, list):
        return dict(sent)
    clean = [
        {name: value for name, value in one.items() if value is not None} if isinstance(one, dict) else one
        for one in texts
    ]
    return {**sent, "text_prompts": clean}


def _sorted(
    parts: Sequence[Part], model: type[BaseModel], files: tuple[str, ...]
) -> tuple[dict[str, Any], dict[str, Part], list[str]]:
    """Return a form's fields, its files, and the names of what means nothing. Raises Fault.

    Texts come by index, in whatever order; a repeated one overrides the former.
    """
    values: dict[str, Any] = {}
    texts: dict[int, dict[str, str]] = {}
    pictures: dict[str, Part] = {}
    more: list[str] = []
    for part in parts:
        if match := _PROMPT.fullmatch(part.name):
            texts.setdefault(int(match[1]), {})[match[2]] = part.text
        elif part.name in files:
            pictures[part.name] = part
        elif part.name in model.model_fields and part.name != "text_prompts":
            values[part.name] = part.text
        else:
            more.append(part.name)
    if texts:
        values["text_prompts"] = [texts[index] for index in sorted(texts)]
    return values, pictures, more
