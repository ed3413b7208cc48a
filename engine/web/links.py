"""Pictures behind links that need no key: signed, for an hour; ``engine.service.links`` makes them."""

from __future__ import annotations

from fastapi import Depends, FastAPI
from fastapi.responses import Response

from engine.errors import NotFound
from engine.service import FileOptions, Service
from engine.service.links import GOOD_FOR, SLACK
from engine.web import pages
from engine.web.doors import Doors
from engine.web.errors import STATUS, Fault
from engine.web.formats import FORMATS, format_of
from engine.words import Sentence, say

GONE = Sentence("This link has ended: it was good for an hour. Ask for the picture again.")
WRONG = Sentence("There is nothing at this address.")


def mount(app: FastAPI, service: Service, doors: Doors | None = None) -> None:
    """Put the pictures on the application. ``doors``: the API's; without them refusals are plain words."""

    def refused(fault: Fault) -> Response:
        if doors is not None:
            raise fault
        return Response(say(fault.sentence), STATUS[fault.kind], media_type="text/plain")

    @app.get("/pictures/{job}/{cell}/{quality}/{until}.{kind}", dependencies=[Depends(pages.listen)])
    async def picture(
        job: str, cell: str, quality: str, until: str, kind: str, signature: str = ""
    ) -> Response:
        """Return a picture to whoever has a good link; a key that comes along means nothing."""
        now = service.store.now() if doors is None else doors.clock()
        if not await service.links.good(f"{job}/{cell}/{quality}/{until}.{kind}", signature):
            return refused(Fault("missing", WRONG))
        if not now <= int(until) <= now + GOOD_FOR + SLACK:  # later: signed by a clock that ran ahead
            return refused(Fault("gone", GONE))
        form = format_of(kind)
        assert form is not None  # as it was signed
        try:
            file = await service.files.file(job, int(cell), FileOptions(form=form, quality=int(quality)))
        except NotFound as error:
            return refused(Fault("missing", str(error)))
        return Response(file.data, media_type=FORMATS[form], headers={"Cache-Control": "private, no-store"})
