"""The drawing page: a picture, a brush, and one chance to send what was marked. Knows the service alone.

A link is signed, good for 15 minutes and one sending, and made for one person and one picture. The page asks
no other host for anything, and says so to the browser.
"""

from __future__ import annotations

import logging
from urllib.parse import unquote

from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from engine.errors import EngineError, NotFound, UserError
from engine.library.masks import MaskDraft
from engine.service import UNRULED, Caller, Service
from engine.web import pages
from engine.web.bodies import Budget, chunks
from engine.web.errors import STATUS, Fault, Shaped, answer
from engine.web.pages import HEADERS
from engine.words import Sentence, language, said, say

log = logging.getLogger("limner.web")

MOST_BYTES = 8 * 2**20
"""Bytes of a sent mask; one of four million pixels, drawn by hand, takes a tenth of that."""
GONE = (
    "<!doctype html><html lang={}><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    "<title>{}</title><p>{}</p></html>"
)


def mount(app: FastAPI, service: Service, budget: Budget) -> None:
    """Put the page on the listener. ``budget``: what bodies may take."""
    heard = [Depends(pages.listen)]

    @app.get("/draw/files/{name}")
    async def files(name: str) -> Response:
        """Return the page's own scripts and style."""
        return pages.file(name, "draw")

    @app.get("/draw/{link}", dependencies=heard)
    async def draw(link: str) -> Response:
        """Return the page, or why the link is not good any more."""
        try:
            await service.masks.linked(link)
        except UserError as error:
            text = GONE.format(language() or "en", say("Link used up"), said(error))
            return HTMLResponse(text, status_code=410, headers=HEADERS)
        return pages.page("draw")

    @app.get("/draw/{link}/{name}.png", dependencies=heard)
    async def pixels(link: str, name: str) -> Response:
        """Return the picture, or what is marked of it so far."""
        try:
            sketch = await service.masks.linked(link)
            if name == "mask":
                png = await service.masks.so_far(sketch)
            elif name == "picture":
                png = (await service.files.shown(sketch.picture)).data
            else:
                return Response(status_code=404, headers=HEADERS)
        except UserError as error:
            return _refused(error)
        return Response(png, media_type="image/png", headers=HEADERS)

    @app.get("/draw/{link}/about", dependencies=heard)
    async def about(link: str) -> Response:
        """Return the prompt to begin with, and whether sending starts the drawing."""
        try:
            sketch = await service.masks.linked(link)
            prompt = sketch.line
            if prompt is None:
                prompt = "" if sketch.job is None else (await service.find(sketch.job)).prompt
        except UserError as error:
            return _refused(error)
        return JSONResponse({"prompt": prompt, "paints": bool(sketch.origin)}, headers=HEADERS)

    @app.post("/draw/{link}", dependencies=heard)
    async def send(link: str, request: Request) -> Response:
        """Take the mask (PNG, white repaints) and, where results can be posted, paint."""
        return await _take(service, budget, link, request)


async def _take(service: Service, budget: Budget, link: str, request: Request) -> Response:
    """Take a mask that was sent; answer whether it is being painted."""
    try:
        sketch = await service.masks.linked(link)
        data = b"".join([chunk async for chunk in chunks(request, budget, MOST_BYTES)])
        kept = await service.uploads.take(data)
        sketch = await service.masks.drawn(sketch, kept.sha256)
        if sketch.origin:
            await _paint(service, sketch, unquote(request.headers.get("X-Prompt", "")).strip())
        await service.masks.spend(sketch)
    except Fault as fault:
        refused = answer(_shape, fault, "")
        refused.headers.update(HEADERS)
        return refused
    except UserError as error:
        return _refused(error)
    except EngineError as error:
        log.exception("a drawn mask could not be used")
        return JSONResponse({"error": say(error.apology)}, status_code=500, headers=HEADERS)
    finally:
        budget.release(request.scope)
    return JSONResponse({"painting": bool(sketch.origin)}, headers=HEADERS)


async def _paint(service: Service, sketch: MaskDraft, line: str) -> None:
    if not line:
        raise UserError(Sentence("Write what should be there: it is drawn into the marked part."))
    caller = Caller(
        key=f"draw:{sketch.ticket}",  # sent twice, it is still one request
        owner=sketch.owner,
        origin=sketch.origin,
        requester=sketch.asker or UNRULED,
        language=language() or "",
    )
    await service.submit(await service.plan(await service.repaint(caller, sketch, line)))


def _shape(fault: Fault, request_id: str) -> Shaped:
    return Shaped(STATUS[fault.kind], {"error": say(fault.sentence)})


def _refused(error: UserError) -> JSONResponse:
    status = 410 if isinstance(error, NotFound) else 422
    return JSONResponse({"error": said(error)}, status_code=status, headers=HEADERS)
