"""The page that describes the API, and the description itself: written by the server; loads nothing."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, JSONResponse, Response

from engine.web.description import described
from engine.web.doors import Doors
from engine.web.pages import HEADERS

_LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
}


def mount(app: FastAPI, doors: Doors) -> None:
    """Put the page on the application, after everything that it describes."""
    style = (resources.files("engine.web") / "page" / "docs.css").read_bytes()
    document: dict[str, Any] = {}

    def whole() -> dict[str, Any]:
        document.update(document or described(app))
        return document

    @app.get("/openapi.json")
    async def openapi() -> Response:
        """Return the description as OpenAPI has it."""
        return JSONResponse(whole())

    @app.get("/docs")
    async def docs() -> Response:
        """Return the description as a page for people."""
        return HTMLResponse(_page(whole(), doors.url), headers=HEADERS)

    @app.get("/docs/style.css")
    async def css() -> Response:
        """Return the page's style."""
        return Response(style, media_type="text/css", headers=HEADERS)


def _page(document: Mapping[str, Any], url: str) -> str:
    doors: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            block = "".join(_endpoint(method, path, operation, document))
            doors.setdefault(operation["tags"][0], []).append(block)
    parts = [f"<h2>{html.escape(name)}</h2>{''.join(blocks)}" for name, blocks in doors.items()]
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        "<title>Limner's HTTP API</title><link rel=stylesheet href='/docs/style.css'>"
        f"<main><h1>Limner's HTTP API</h1><p>At <code>{html.escape(url)}</code>. Send your key as "
        "<code>Authorization: Bearer KEY</code>. <a href='/openapi.json'>The same as OpenAPI</a>.</p>"
        f"{''.join(parts)}</main></html>"
    )


def _endpoint(
    method: str, path: str, operation: Mapping[str, Any], document: Mapping[str, Any]
) -> Iterator[str]:
    name, about = f"{method.upper()} {path}", operation["summary"]
    yield f"<details><summary><code>{html.escape(name)}</code> {html.escape(about)}</summary>"
    if not operation["security"]:
        yield "<p>Needs no key.</p>"
    rows = [(one["name"], one["schema"], one["required"]) for one in operation["parameters"]]
    if rows:
        yield _table("In the address", rows)
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        for schema in content["schema"].get("anyOf", [content["schema"]]):
            found = _found(schema, document)
            needed = found.get("required", [])
            fields = found.get("properties", {})
            yield _table(f"Body, {kind}", [(one, fields[one], one in needed) for one in fields])
    good = next(one for status, one in operation["responses"].items() if status < "300")
    yield f"<p>Answers {html.escape(', '.join(good['content']))}.</p></details>"


def _found(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: Mapping[str, Any] = document["components"]["schemas"][name] if name else schema
    return found


def _table(title: str, rows: list[tuple[str, Mapping[str, Any], bool]]) -> str:
    cells = "".join(
        f"<tr><td><code>{html.escape(name)}</code>{' (required)' if needed else ''}"
        f"<td>{html.escape(_said(schema))}</tr>"
        for name, schema, needed in rows
    )
    return f"<h3>{html.escape(title)}</h3><table>{cells}</table>" if cells else ""


def _said(schema: Mapping[str, Any]) -> str:
    """Return what a field may be, in words."""
    kinds = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    told = []
    for one in kinds:
        name = one.get("$ref", "").rpartition("/")[2]
        if "enum" in one:
            told.append(" | ".join(map(str, one["enum"])))
        elif one.get("format") == "binary":
            told.append("file")
        else:
            limits = [words.format(one[limit]) for limit, words in _LIMITS.items() if limit in one]
            told.append(", ".join([name or str(one.get("type", "anything")), *limits]))
    usual = schema.get("default")
    return " or ".join(told) + ("" if usual in (None, "", [], {}) else f"; {usual} where absent")
