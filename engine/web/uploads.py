"""Pictures brought to our own API: kept to be drawn from, or only asked where they come from."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from engine.errors import UserError
from engine.planning.references import kept
from engine.provenance import words
from engine.web import bodies
from engine.web.doors import Door, Doors, Draws, Reads
from engine.web.errors import Fault, wrong

RAW = ("image/", "application/octet-stream")
"""Types of a body that is the picture itself."""


def mount(app: FastAPI, doors: Doors) -> None:
    """Put the endpoints on the application."""
    door = _Door(doors)
    app.post("/api/v1/uploads")(door.upload)
    app.post("/api/v1/verify")(door.verify)


class _Door(Door):
    async def upload(self, request: Request, key: Draws) -> Response:
        """Keep a picture that prompts and actions of this key can name, and say how it is called."""
        data = await self._picture(request)
        try:
            image, mask = await self._service.uploads.keep(key.owner, data)
        except UserError as error:
            raise wrong("image", str(error)) from None
        told = {"image": kept(image.sha256), "width": image.width, "height": image.height}
        return JSONResponse(told | {"mask": None if mask is None else kept(mask)}, status_code=201)

    async def verify(self, request: Request, key: Reads) -> Response:
        """Say where a picture comes from, in the words of /verify, and what it was drawn with."""
        try:
            found, job = await self._service.verify(await self._picture(request))
        except UserError as error:
            raise wrong("image", str(error)) from None
        own = job is not None and job.owner == key.owner
        recipe = found.recipe
        told: dict[str, Any] = {
            "text": words.verdict(found, job, told=own, shown=_shown),
            "ours": found.ours,
            "limner": found.limner,
            "job": job.id if job is not None and own else None,
            "signature": None if found.signature is None else found.signature.state,
            "program": None if recipe is None else recipe.program,
            "prompt": None if recipe is None else await self._service.line_of(recipe) or None,
        }
        return JSONResponse(told)

    async def _picture(self, request: Request) -> bytes:
        """Return the picture that is the body, or the one file of a form. Raises Fault."""
        kind = request.headers.get("content-type", "").strip().lower()
        budget = self._doors.budget
        if kind.startswith(RAW):
            data = b"".join([chunk async for chunk in bodies.chunks(request, budget, bodies.FILE_MOST)])
        elif kind.startswith("multipart/form-data"):
            parts = [part for part in await bodies.form(request, budget) if part.name == "image"]
            if len(parts) != 1:
                raise wrong("image", "is required, once")
            data = bytes(parts[0].data)
        else:
            raise Fault("media", "Send the picture itself as image/png, or a form with the file `image`.")
        if not bodies.is_picture(data):
            raise wrong("image", "must be a picture (PNG, JPEG, WebP or GIF)")
        return data


def _shown(text: str, limit: int) -> str:
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
