"""The API described as OpenAPI has it: from the routes, the models of their bodies, and what they answer."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from engine.web import answers as told
from engine.web import jobs, predict
from engine.web.openai import fields as openai_fields
from engine.web.sdapi import fields as sdapi_fields
from engine.web.sdapi.lists import CONSTANTS
from engine.web.stability import fields as stability_fields

SCHEMAS = "#/components/schemas/{model}"
HIDDEN = ("/draw/", "/gallery", "/docs", "/openapi.json")
"""Pages for people, and what they load."""
REFUSALS = (400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 503)
OPEN = ("/healthz", "/config", "/pictures/{job}/{cell}/{quality}/{until}.{kind}")
"""What needs no key."""


@dataclass(frozen=True)
class Told:
    """An endpoint: its answers, and the model of its body, or of each there may be; files make it a form."""

    answers: Mapping[str, Mapping[str, Any]]
    bodies: tuple[type[BaseModel], ...] = ()
    files: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    """Files and fields of a form that must be there."""
    raw: bool = False
    """Whether the picture may be the whole body."""
    query: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    status: int = 200


_HEADER = {"X-Request-Id": {"required": True, "schema": {"type": "string"}}}


def _json(schema: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {"application/json": schema}


_DRAWN = {**_json(told.ARTIFACTS), "image/png": told.FILE}
_IMAGES = {**_json(told.IMAGES), "text/event-stream": told.EVENTS}
_PAGE: dict[str, dict[str, Any]] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": jobs.PAGE_MOST, "default": 20},
    "after": {"type": "string"},
}
_PROMPT = "text_prompts[0][text]"
ENDPOINTS: Mapping[tuple[str, str], Told] = {
    ("get", "/healthz"): Told(_json(told.HEALTH)),
    ("get", "/metrics"): Told({"text/plain": told.TEXT}),
    ("get", "/pictures/{job}/{cell}/{quality}/{until}.{kind}"): Told(told.PICTURES),
    ("get", "/v1/engines/list"): Told(_json(told.ENGINES)),
    ("get", "/v1/user/account"): Told(_json(told.ACCOUNT)),
    ("get", "/v1/user/balance"): Told(_json(told.CREDITS)),
    ("post", "/v1/generation/{engine_id}/text-to-image"): Told(_DRAWN, (stability_fields.TextToImage,)),
    ("post", "/v1/generation/{engine_id}/image-to-image"): Told(
        _DRAWN, (stability_fields.ImageToImage,), ("init_image",), ("init_image", _PROMPT)
    ),
    ("post", "/v1/generation/{engine_id}/image-to-image/masking"): Told(
        *(_DRAWN, (stability_fields.Masking,), ("init_image", "mask_image")),
        needed=("init_image", "mask_source", _PROMPT),
    ),
    ("post", "/v1/generation/{engine_id}/image-to-image/upscale"): Told(
        _DRAWN, (stability_fields.Upscale,), ("image",), ("image",)
    ),
    ("post", "/predict"): Told(
        {**_json(told.PREDICTIONS), "image/jpeg": told.FILE}, (predict.Instance, predict.Instances)
    ),
    ("post", "/v1/projects/{project}/locations/{location}/endpoints/{endpoint}:predict"): Told(
        _json(told.PREDICTIONS), (predict.Instances,)
    ),
    ("get", "/v1/models"): Told(_json(told.MODELS)),
    ("get", "/v1/models/{name}"): Told(_json(told.MODEL)),
    ("post", "/v1/images/generations"): Told(_IMAGES, (openai_fields.Images,)),
    ("post", "/v1/images/edits"): Told(
        _IMAGES, (openai_fields.Edits,), ("image", "mask"), ("image", "prompt")
    ),
    ("post", "/v1/images/variations"): Told(
        _json(told.IMAGES), (openai_fields.Variations,), ("image",), ("image",)
    ),
    ("post", "/sdapi/v1/txt2img"): Told(_json(told.DRAWN), (sdapi_fields.Txt2Img,)),
    ("post", "/sdapi/v1/img2img"): Told(_json(told.DRAWN), (sdapi_fields.Img2Img,)),
    ("post", "/sdapi/v1/extra-single-image"): Told(_json(told.ENLARGED), (sdapi_fields.Extra,)),
    ("post", "/sdapi/v1/interrogate"): Told(_json(told.CAPTION), (sdapi_fields.WithPicture,)),
    ("post", "/sdapi/v1/png-info"): Told(_json(told.RECIPE), (sdapi_fields.WithPicture,)),
    ("post", "/sdapi/v1/options"): Told(_json(told.NOTHING), (sdapi_fields.Options,)),
    ("post", "/sdapi/v1/interrupt"): Told(_json(told.NOTHING)),
    ("post", "/sdapi/v1/skip"): Told(_json(told.NOTHING)),
    ("get", "/sdapi/v1/progress"): Told(
        _json(told.PROGRESS), query={"skip_current_image": {"type": "boolean"}}
    ),
    ("get", "/sdapi/v1/options"): Told(_json(told.OPTIONS)),
    ("post", "/api/v1/jobs"): Told(_json(told.ACCEPTED), (jobs.Asked,), status=202),
    ("get", "/api/v1/jobs"): Told(_json(told.PAGE), query=_PAGE),
    ("get", "/api/v1/jobs/{job_id}"): Told(_json(told.JOB)),
    ("delete", "/api/v1/jobs/{job_id}"): Told(_json(told.JOB)),
    ("get", "/api/v1/jobs/{job_id}/events"): Told({"text/event-stream": told.EVENTS}),
    ("get", "/api/v1/jobs/{job_id}/pictures/{number}.{kind}"): Told(told.PICTURES),
    ("get", "/api/v1/balance"): Told(_json(told.BALANCE)),
    ("post", "/api/v1/uploads"): Told(_json(told.UPLOAD), files=("image",), raw=True, status=201),
    ("post", "/api/v1/verify"): Told(_json(told.VERDICT), files=("image",), raw=True),
    ("get", "/api/v1/webhook-secret"): Told(_json(told.SECRET)),
}


def described(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of an application's endpoints."""
    models = [model for one in ENDPOINTS.values() for model in one.bodies]
    _, schemas = models_json_schema(
        [(model, "validation") for model in dict.fromkeys(models)], ref_template=SCHEMAS
    )
    paths: dict[str, dict[str, Any]] = {}
    for method, path, about in endpoints(app):
        paths.setdefault(path, {})[method] = _operation(method, path, about)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Limner", "version": "1", "description": "Pictures from words. See docs/api.md."},
        "paths": paths,
        "components": {
            "schemas": schemas.get("$defs", {}),
            "responses": {
                f"{told.name_at(path)}{status}": _refusal(path, status)
                for path in paths
                for status in REFUSALS
            },
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def endpoints(app: FastAPI) -> Iterator[tuple[str, str, str]]:
    """Yield method, path and description of every endpoint that is no page for people."""
    for route in app.routes:
        if isinstance(route, APIRoute) and not route.path.startswith(HIDDEN):
            about = inspect.cleandoc(route.endpoint.__doc__ or "").split("\n\n")[0]
            for method in sorted(route.methods or ()):
                yield method.lower(), route.path, " ".join(about.replace("``", "`").split())


def _operation(method: str, path: str, about: str) -> dict[str, Any]:
    one = ENDPOINTS.get((method, path)) or Told(_json(_constant(path)))
    good = {name: {"schema": dict(schema)} for name, schema in one.answers.items()}
    responses: dict[str, Any] = {str(one.status): {"description": about, "content": good, "headers": _HEADER}}
    place = "#/components/responses/" + told.name_at(path)
    responses |= {str(status): {"$ref": f"{place}{status}"} for status in REFUSALS}
    if path == "/healthz":
        responses["503"] = {**responses["200"], "description": told.WORDS[503]}
    if path.startswith("/pictures/"):
        responses["410"] = {**_refusal(path, 404), "description": "The link has ended."}
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", path)
    ]
    parameters += [
        {"name": name, "in": "query", "required": False, "schema": dict(schema)}
        for name, schema in one.query.items()
    ]
    operation: dict[str, Any] = {
        "tags": [told.door_at(path)[0]],
        "summary": about,
        "operationId": f"{method} {path}",
        "parameters": parameters,
        "responses": responses,
        "security": [] if path in OPEN else [{"key": []}],
    }
    if body := _body(one):
        operation["requestBody"] = {"required": True, "content": body}
    return operation


def _refusal(path: str, status: int) -> dict[str, Any]:
    content = {"application/json": {"schema": dict(told.door_at(path)[1])}}
    return {"description": told.WORDS[status], "content": content, "headers": _HEADER}


def _constant(path: str) -> Mapping[str, Any]:
    """Return the schema of what only has to be there: a list or an object."""
    value = CONSTANTS.get(path.rpartition("/")[2], {})
    lists = isinstance(value, list) or path.endswith(("/sd-models", "/loras"))
    return {"type": "array" if lists else "object"}


def _body(one: Told) -> dict[str, Any]:
    if one.files:
        content: dict[str, Any] = {"multipart/form-data": {"schema": _form(one)}}
        if one.raw:
            content["image/png"] = {"schema": told.FILE}
        return content
    refs = [{"$ref": SCHEMAS.format(model=model.__name__)} for model in one.bodies]
    if not refs:
        return {}
    return {"application/json": {"schema": refs[0] if len(refs) == 1 else {"anyOf": refs}}}


def _form(one: Told) -> dict[str, Any]:
    """Return a form's parts; texts are written by index, of which the first stands for all."""
    parts: dict[str, Any] = {name: dict(told.FILE) for name in one.files}
    for model in one.bodies:
        fields = model.model_json_schema(ref_template=SCHEMAS)["properties"]
        parts |= {name: schema for name, schema in fields.items() if name not in ("text_prompts", "extras")}
        if "text_prompts" in fields:
            parts |= {_PROMPT: {"type": "string", "maxLength": 2000}}
            parts |= {"text_prompts[0][weight]": {"type": "number"}}
    needed = list(one.needed or one.files)
    return {"type": "object", "properties": parts, "required": needed}
