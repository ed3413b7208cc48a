"""Links to pictures that need no key: signed, for an hour, made from the address the host names."""

from __future__ import annotations

import hashlib
import hmac

from fastapi import FastAPI
from fastapi.responses import Response

from engine.service import Service
from engine.web.doors import Doors
from engine.web.errors import Fault
from engine.web.formats import FORMATS, format_of

GOOD_FOR = 3600
"""Seconds a link opens its picture."""
GONE = "This link has ended: it was good for an hour. Ask for the picture again."
WRONG = "There is nothing at this address."


async def link(doors: Doors, job: str, cell: int, kind: str, quality: int) -> str:
    """Return a link to a picture of a job, ``cell`` from 0, in a format at a quality."""
    until = int(doors.clock()) + GOOD_FOR
    name = f"{job}/{cell}/{quality}/{until}.{kind}"
    return f"{doors.url}/pictures/{name}?signature={await _signature(doors.service, name)}"


def mount(app: FastAPI, doors: Doors) -> None:
    """Put the pictures on the application."""

    @app.get("/pictures/{job}/{cell}/{quality}/{until}.{kind}")
    async def picture(
        job: str, cell: str, quality: str, until: str, kind: str, signature: str = ""
    ) -> Response:
        """Return a picture to whoever has a good link; a key that comes along means nothing."""
        good = await _signature(doors.service, f"{job}/{cell}/{quality}/{until}.{kind}")
        if not hmac.compare_digest(good.encode(), signature.encode()):
            raise Fault("missing", WRONG)
        if int(until) < doors.clock():
            raise Fault("gone", GONE)
        form = format_of(kind)
        assert form is not None  # as it was signed
        file = await doors.service.files.file(job, int(cell), form=form, quality=int(quality))
        return Response(file.data, media_type=FORMATS[form])


async def _signature(service: Service, name: str) -> str:
    secret = await service.keys.secret("links")
    return hmac.new(secret, f"picture {name}".encode(), hashlib.sha256).hexdigest()[:40]
