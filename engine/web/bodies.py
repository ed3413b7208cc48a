"""Bodies of requests: read no further than their limits allow, JSON taken strictly, forms byte for byte."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from engine.web.errors import Fault, wrong
from engine.words import Sentence

MIB = 2**20
JSON_MOST = MIB
FORM_MOST = 42 * MIB
EDIT_MOST = 64 * MIB
SDAPI_MOST = 56 * MIB
"""Of JSON with pictures in base64."""
FILE_MOST = 20 * MIB
FIELDS_MOST = 64
FILES_MOST = 9
ALL_MOST = 256 * MIB
"""Bytes of bodies under way in all."""
SECONDS = 60.0
"""Seconds a body may take."""
SILENT = 15.0
"""Seconds it may be silent meanwhile."""

AS_JSON = "Send this request as JSON, with the header Content-Type: application/json."
BROKEN = "This body is not valid JSON in UTF-8. Send one JSON object."


@dataclass
class Budget:
    """How many bytes of bodies are under way in all, and who holds them; how long one may take."""

    most: int = ALL_MOST
    seconds: float = SECONDS
    silent: float = SILENT
    held: int = field(default=0, init=False)

    def take(self, request: Request, size: int) -> None:
        """Count bytes of a request. Raises Fault where all bodies together are too much."""
        if self.held + size > self.most:
            sentence = Sentence("Too much is being sent to this server at once. Try again in a moment.")
            raise Fault("busy", sentence, retry_after=5)
        self.held += size
        request.scope["limner.held"] = request.scope.get("limner.held", 0) + size

    def release(self, scope: MutableMapping[str, Any]) -> None:
        """Count no more what a request held."""
        self.held -= scope.pop("limner.held", 0)


@dataclass
class Part:
    """One part of a form."""

    name: str
    filename: str | None
    data: bytearray = field(default_factory=bytearray)

    @property
    def text(self) -> str:
        """What it says. Raises Fault where that is no text."""
        try:
            text = self.data.decode()
        except UnicodeDecodeError:
            raise wrong(self.name, "must be text in UTF-8") from None
        return _clean(text, self.name)


async def chunks(request: Request, budget: Budget, most: int) -> AsyncIterator[bytes]:
    """Yield the body as it comes. Raises Fault where it is too large or too slow."""
    told = Sentence("This body is larger than {most} MiB, the most that is read here.", most=most // MIB)
    too_large = Fault("large", told)
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most:
        raise too_large
    size, now = 0, asyncio.get_running_loop().time
    end = now() + budget.seconds
    try:
        async with asyncio.timeout_at(min(now() + budget.silent, end)) as patience:
            async for chunk in request.stream():
                size += len(chunk)
                if size > most:
                    raise too_large
                budget.take(request, len(chunk))
                patience.reschedule(min(now() + budget.silent, end))  # one timer, however many pieces come
                yield chunk
    except TimeoutError:
        raise Fault("slow", Sentence("The body of this request came too slowly. Send it again.")) from None


def media_type(request: Request) -> str:
    """Return of what type a body says it is."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def json_object(request: Request, budget: Budget, most: int = JSON_MOST) -> dict[str, Any]:
    """Return the JSON object that is the body, without fields that are null. Raises Fault."""
    kind = media_type(request)
    if kind != "application/json" and not kind.endswith("+json"):
        raise Fault("media", AS_JSON)
    data = b"".join([chunk async for chunk in chunks(request, budget, most)])
    # a large one takes a while, in which others want to be served
    value, told = await asyncio.to_thread(_object, data) if len(data) > JSON_MOST else _object(data)
    request.state.digest = _digest(request, [told])
    return {name: one for name, one in value.items() if one is not None}


def _object(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return a JSON object, and the hash of what it says. Raises Fault."""
    try:
        value = json.loads(data.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Fault("invalid", BROKEN) from None
    if not isinstance(value, dict):
        raise Fault("invalid", BROKEN)
    _check_texts(value)
    return value, hashlib.sha256(json.dumps(value, sort_keys=True).encode()).digest()


async def form(request: Request, budget: Budget, most: int = FORM_MOST) -> list[Part]:
    """Return the parts of a multipart body, in order. Raises Fault.

    A part is a part: with or without a file's name, of whatever type it says it is.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data":
        raise Fault("media", "Send this request as multipart/form-data.")
    if not boundary:
        raise Fault("invalid", "This form's Content-Type names no boundary.")
    reader = _Reader()
    try:
        parser = MultipartParser(boundary, reader.callbacks())  # type: ignore[arg-type]
        async for chunk in chunks(request, budget, most):
            if chunk:
                parser.write(chunk)
        parser.finalize()
    except MultipartParseError:
        raise Fault("invalid", "This form cannot be read: its parts are broken.") from None
    if not reader.ended:
        raise Fault("invalid", "This form is cut off: its last part has no end.")
    told = [hashlib.sha256(f"{part.name}\0".encode() + part.data).digest() for part in reader.parts]
    request.state.digest = _digest(request, told)
    return reader.parts


class _Reader:
    """Collects what the parser finds."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.ended = False
        self._name = self._value = b""
        self._headers: dict[bytes, bytes] = {}

    def callbacks(self) -> dict[str, Any]:
        """What the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._field,
            "on_header_value": self._said,
            "on_header_end": self._header,
            "on_headers_finished": self._part,
            "on_part_data": self._data,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        if len(self.parts) >= FIELDS_MOST:
            raise Fault("large", f"A form may have at most {FIELDS_MOST} parts.")
        self._name = self._value = b""
        self._headers = {}

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _said(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _part(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        filename = options.get(b"filename")
        if filename is not None and sum(part.filename is not None for part in self.parts) >= FILES_MOST:
            raise Fault("large", f"A form may have at most {FILES_MOST} files.")
        name = options.get(b"name", b"").decode(errors="replace")
        self.parts.append(Part(name, None if filename is None else filename.decode(errors="replace")))

    def _data(self, data: bytes, start: int, end: int) -> None:
        part = self.parts[-1]
        part.data += data[start:end]
        if len(part.data) > FILE_MOST:
            sentence = f"{part.name}: is larger than {FILE_MOST // MIB} MiB. Make the picture smaller."
            raise Fault("large", sentence, field=part.name)

    def _end(self) -> None:
        self.ended = True


_UNWRITABLE = re.compile("[\0\ud800-\udfff]")
_SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")


def is_picture(data: bytes) -> bool:
    """Say whether bytes begin as those of a PNG, JPEG, GIF or WebP do."""
    return data.startswith(_SIGNATURES) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


def _digest(request: Request, told: list[bytes]) -> bytes:
    head = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    return hashlib.sha256(head + b"".join(hashlib.sha256(one).digest() for one in told)).digest()


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _check_texts(value: Any) -> None:
    """Raise Fault where a text in a JSON value cannot be written down."""
    rest = [value]
    while rest:
        one = rest.pop()
        if isinstance(one, str):
            _clean(one, "body")
        elif isinstance(one, dict):
            rest += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            rest += one


def _clean(text: str, name: str) -> str:
    if _UNWRITABLE.search(text):
        raise wrong(name, "holds a character that no text may have (NUL, or half of a surrogate pair)")
    return text
