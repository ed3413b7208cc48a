"""The plain endpoint of many tutorials, `POST /predict`, and Vertex AI's: a prompt in, a JPEG out."""

from __future__ import annotations

import base64
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from engine.jobs import Condition
from engine.planning.literal import Literal
from engine.rules.keys import Key
from engine.service import FileOptions
from engine.web import bodies, fields
from engine.web.doors import Door, Doors, Draws
from engine.web.drawing import showable
from engine.web.errors import STATUS, Fault, Shaped

STARTS = ("/predict", "/v1/projects/")
INSTANCES_MOST = 10
_GRPC = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


class Instance(BaseModel):
    """One picture that is asked for."""

    model_config = ConfigDict(extra="ignore")
    prompt: Annotated[str, Field(min_length=1)]


class Instances(BaseModel):
    """Several."""

    model_config = ConfigDict(extra="ignore")
    instances: Annotated[list[Instance], Field(min_length=1, max_length=INSTANCES_MOST)]


def shape(fault: Fault, request_id: str) -> Shaped:
    """Google's error: code, message, status."""
    status = STATUS[fault.kind]
    error = {"code": status, "message": fault.sentence, "status": _GRPC.get(status, "FAILED_PRECONDITION")}
    return Shaped(status, {"error": error})


def mount(app: FastAPI, doors: Doors) -> None:
    """Put both paths on the application."""
    door = _Door(doors)
    app.post("/predict")(door.predict)
    app.post("/v1/projects/{project}/locations/{location}/endpoints/{endpoint}:predict")(door.predict)


class _Door(Door):
    async def predict(self, request: Request, key: Draws) -> Response:
        """Answer one prompt with a JPEG, instances with predictions."""
        sent = await bodies.json_object(request, self._doors.budget)
        if "instances" not in sent and not request.url.path.endswith(":predict"):
            one = fields.read(Instance, sent, strict=True)
            headers = fields.ignored(name for name in sent if name != "prompt")
            [picture] = await self._drawn(request, key, [one])
            return Response(picture, media_type="image/jpeg", headers=headers)
        asked = fields.read(Instances, sent, strict=True)
        told: list[Any] = sent["instances"]
        more = [name for name in sent if name != "instances"]
        more += [name for one in told for name in one if name != "prompt"]
        pictures = await self._drawn(request, key, asked.instances)
        predictions = [base64.b64encode(picture).decode() for picture in pictures]
        return JSONResponse({"predictions": predictions}, headers=fields.ignored(more))

    async def _drawn(self, request: Request, key: Key, asked: list[Instance]) -> list[bytes]:
        """Draw one picture for each, one after another; return them as JPEG."""
        model = self._drawing.model(key, None)
        files = []
        for number, one in enumerate(asked):
            literal = Literal(texts=(Condition(text=one.prompt),), model=model.name if model else None)
            job = showable(await self._drawing.draw(request, key, literal, part=number))
            files.append((await self._service.files.file(job, 0, FileOptions(form="jpeg"))).data)
        return files
