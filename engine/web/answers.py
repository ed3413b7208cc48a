"""What the doors answer, as JSON Schema: the shapes that clients rely on, and those of refusals."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]


def _object(needed: Mapping[str, Schema], **more: Schema) -> Schema:
    return {"type": "object", "properties": {**needed, **more}, "required": list(needed)}


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": dict(of)}


def _or_null(kind: str) -> Schema:
    return {"type": [kind, "null"]}


TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer"}
YES_NO: Schema = {"type": "boolean"}
FILE: Schema = {"type": "string", "format": "binary"}
EVENTS: Schema = {}
"""Server-sent events: each door has its own."""
NOTHING: Schema = {"type": "object", "maxProperties": 0}

HEALTH = _object({"status": TEXT})
PICTURES: Mapping[str, Schema] = dict.fromkeys(("image/png", "image/jpeg", "image/webp"), FILE)

ENGINES = _list(_object({"id": TEXT, "name": TEXT, "description": TEXT, "type": {"const": "PICTURE"}}))
ACCOUNT = _object(
    {
        "id": TEXT,
        "email": TEXT,
        "organizations": _list(_object({"id": TEXT, "name": TEXT, "role": TEXT, "is_default": YES_NO})),
    }
)
CREDITS = _object({"credits": NUMBER})
ARTIFACTS = _object(
    {
        "artifacts": _list(
            _object(
                {
                    "base64": TEXT,
                    "seed": {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
                    "finishReason": {"enum": ["SUCCESS", "ERROR", "CONTENT_FILTERED"]},
                }
            )
        )
    }
)

MODEL = _object({"id": TEXT, "object": {"const": "model"}, "created": WHOLE, "owned_by": TEXT})
MODELS = _object({"object": {"const": "list"}, "data": _list(MODEL)})
IMAGES = _object(
    {
        "created": WHOLE,
        "background": {"const": "opaque"},
        "output_format": {"enum": ["png", "jpeg", "webp"]},
        "quality": {"enum": ["low", "medium", "high", "xhigh", "max"]},
        "size": {"type": "string", "pattern": r"^\d+x\d+$"},
        "data": _list({"anyOf": [_object({"url": TEXT}), _object({"b64_json": TEXT})]}),
        "usage": _object(
            {
                "input_tokens": WHOLE,
                "input_tokens_details": _object({"text_tokens": WHOLE, "image_tokens": WHOLE}),
                "output_tokens": WHOLE,
                "total_tokens": WHOLE,
            }
        ),
    },
    safety_identifier=TEXT,
)

PREDICTIONS = _object({"predictions": _list(TEXT)})

DRAWN = _object({"images": _list(TEXT), "parameters": {"type": "object"}, "info": TEXT})
ENLARGED = _object({"html_info": TEXT, "image": TEXT})
CAPTION = _object({"caption": TEXT})
RECIPE = _object({"info": TEXT, "items": {"type": "object"}, "parameters": {"type": "object"}})
OPTIONS = _object({"sd_model_checkpoint": TEXT, "samples_format": TEXT, "sd_vae": TEXT})
PROGRESS = _object(
    {
        "progress": {"type": "number", "minimum": 0, "maximum": 1},
        "eta_relative": NUMBER,
        "state": _object({"job": TEXT, "job_count": WHOLE, "sampling_step": WHOLE, "sampling_steps": WHOLE}),
        "current_image": _or_null("string"),
        "textinfo": _or_null("string"),
    }
)

JOB = _object(
    {
        "id": TEXT,
        "state": {"enum": ["queued", "running", "rendered", "failed", "blocked", "cancelled"]},
        "prompt": TEXT,
        "seed": WHOLE,
        "model": TEXT,
        "speed": {"enum": ["relax", "fast", "turbo"]},
        "notes": _list(TEXT),
        "failure": _or_null("string"),
        "created_at": NUMBER,
        "finished_at": _or_null("number"),
        "texts": _list(TEXT),
        "pictures": _list(TEXT),
        "parent": _or_null("string"),
    },
    position=_or_null("integer"),
)
ACCEPTED = _object({"jobs": _list(JOB)})
PAGE = _object({"jobs": _list(JOB), "next": _or_null("string")})
BALANCE = _object({"seconds_left": _or_null("number")})
UPLOAD = _object({"image": TEXT, "width": WHOLE, "height": WHOLE, "mask": _or_null("string")})
VERDICT = _object({"text": TEXT, "ours": YES_NO, "limner": YES_NO, "job": _or_null("string")})
SECRET = _object({"secret": TEXT})

# ---- refusals ----------------------------------------------------------------------------------------------

WORDS: Mapping[int, str] = {
    400: "Something in the request is wrong, or may not be drawn.",
    401: "There is no key, or none that holds.",
    403: "The key may not do this.",
    404: "There is nothing of that name for this key.",
    408: "The body came too slowly.",
    409: "The Idempotency-Key was used for another request.",
    413: "The body, or a file in it, is too large.",
    415: "The body is of another type than is read here.",
    422: "A field is wrong.",
    429: "Too fast, too much waiting, or an allowance used up.",
    503: "Too much is under way, or the server stops.",
}

_PLAIN = _object(
    {
        "error": _object(
            {"kind": TEXT, "message": TEXT, "field": _or_null("string"), "request_id": TEXT},
        )
    }
)
_STABILITY = _object({"id": TEXT, "name": TEXT, "message": TEXT})
_GOOGLE = _object({"error": _object({"code": WHOLE, "message": TEXT, "status": TEXT})})
_OPENAI = _object(
    {
        "error": _object(
            {"message": TEXT, "type": TEXT, "param": _or_null("string"), "code": _or_null("string")},
        )
    }
)
_FIELDS = _list(_object({"loc": {"type": "array"}, "msg": TEXT, "type": TEXT}))
_SDAPI: Schema = {
    "anyOf": [
        _object({"error": TEXT, "detail": TEXT, "body": TEXT, "errors": TEXT}),
        _object({"detail": _FIELDS}),
        _object({"detail": TEXT}),
    ]
}
_DOORS: tuple[tuple[str, str, Schema], ...] = (
    ("/v1/images", "OpenAI Images", _OPENAI),
    ("/v1/models", "OpenAI Images", _OPENAI),
    ("/predict", "A prompt in, a JPEG out", _GOOGLE),
    ("/v1/projects/", "A prompt in, a JPEG out", _GOOGLE),
    ("/v1/", "Stability API, version 1", _STABILITY),
    ("/sdapi/", "AUTOMATIC1111's API", _SDAPI),
    ("/config", "AUTOMATIC1111's API", _SDAPI),
    ("/api/v1/", "Our own jobs", _PLAIN),
    ("/", "The server", _PLAIN),
)


def door_at(path: str) -> tuple[str, Schema]:
    """Return what the door at a path is called, and the shape of its refusals."""
    return next((name, schema) for starts, name, schema in _DOORS if path.startswith(starts))


def name_at(path: str) -> str:
    """Return a short name of the door at a path."""
    return re.sub(r"\W", "", door_at(path)[0])
