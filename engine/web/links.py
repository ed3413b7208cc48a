"""Pictures behind links that need no key: signed, for an hour; ``engine.service.links`` makes them."""

from __future__ import annotations

import time
from collections.abc import Callable

from fastapi import FastAPI
from fastapi.responses import Response

from engine.errors import NotFound
from engine.service import Service
from engine.web.formats import FORMATS, format_of

GONE = "This link has ended: it was good for an hour. Ask for the picture again."
WRONG = "There is nothing at this address."


def mount(app: FastAPI, service: Service, clock: Callable[[], float] = time.time) -> None:
    """Put the pictures on the application."""

    @app.get("/pictures/{job}/{cell}/{quality}/{until}.{kind}")
    async def picture(
        job: str, cell: str, quality: str, until: str, kind: str, signature: str = ""
    ) -> Response:
        """Return a picture to whoever has a good link; a key that comes along means nothing."""
        if not await service.links.good(f"{job}/{cell}/{quality}/{until}.{kind}", signature):
            return Response(WRONG, 404, media_type="text/plain")
        if int(until) < clock():
            return Response(GONE, 410, media_type="text/plain")
        form = format_of(kind)
        assert form is not None  # as it was signed
        try:
            file = await service.files.file(job, int(cell), form=form, quality=int(quality))
        except NotFound as error:
            return Response(str(error), 404, media_type="text/plain")
        return Response(file.data, media_type=FORMATS[form], headers={"Cache-Control": "private, no-store"})
