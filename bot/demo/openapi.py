"""Judges every request and answer by Discord's own OpenAPI document, where one is at hand; changes nothing.

The document's path comes from the environment variable ``DISCORD_OPENAPI``; without it nothing is judged
and `Checker.enabled` says so. Needs jsonschema (a development dependency). Leniencies, each stated by the
document's README or needed for real traffic:

* a string that reads as an integer is taken where the document says integer;
* an integer is taken where it says snowflake (clients number their uploads);
* the codes of form errors are words (``BASE_TYPE_REQUIRED``), as Discord's reference shows them, where the
  document says integer;
* ``oneOf`` is read as ``anyOf`` (with the first leniency a numeric string fits both branches of ``nonce``).
"""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

VARIABLE = "DISCORD_OPENAPI"
URI = "discord:openapi"


class Checker:
    """Collects ``violations``; ``requests`` and ``responses`` count what was judged."""

    def __init__(self, document: str | None = None) -> None:
        path = document if document is not None else os.environ.get(VARIABLE, "")
        self.document = path if path and Path(path).is_file() else ""
        if path and not self.document:
            raise FileNotFoundError(f"{VARIABLE} names no file: {path}")
        self.violations: list[str] = []
        self.requests = 0
        self.responses = 0

    @property
    def enabled(self) -> bool:
        """Return whether there is a document to judge by."""
        return bool(self.document)

    def request(self, method: str, path: str, body: Any, *, form: bool, ok: bool) -> None:
        """Judge what a client sent. A body that was refused is the client's fault and judged too."""
        if not self.enabled:
            return
        self.requests += 1
        kind = "multipart/form-data" if form else "application/json"
        for words in _rules(self.document).judge(method, path, body, content_type=kind):
            self.violations.append(f"request {method} {path}: {words}{'' if ok else ' (refused)'}")

    def response(self, method: str, path: str, status: int, body: Any) -> None:
        """Judge what the stand-in answered."""
        if not self.enabled:
            return
        self.responses += 1
        if status >= 400:
            body = _numbered(body)
        for words in _rules(self.document).judge(method, path, body, status=status):
            self.violations.append(f"answer {status} {method} {path}: {words}")


@functools.cache
def _rules(document: str) -> _Rules:
    return _Rules(json.loads(Path(document).read_text()))


class _Rules:
    """The document, compiled as far as it is asked for."""

    def __init__(self, spec: dict[str, Any]) -> None:
        from jsonschema import (
            Draft202012Validator,
            FormatChecker,
            validators,
        )
        from referencing import Registry
        from referencing.jsonschema import DRAFT202012

        def is_integer(_: Any, value: Any) -> bool:
            if isinstance(value, bool):
                return False
            return isinstance(value, int) or (
                isinstance(value, str) and re.fullmatch(r"-?\d+", value) is not None
            )

        plain = Draft202012Validator.VALIDATORS

        def type_(validator: Any, types: Any, instance: Any, schema: Any) -> Iterator[Any]:
            if (
                schema.get("format") == "snowflake"
                and isinstance(instance, int)
                and not isinstance(instance, bool)
            ):
                return
            yield from plain["type"](validator, types, instance, schema)

        self._class = validators.extend(
            Draft202012Validator,
            {"type": type_, "oneOf": plain["anyOf"]},
            type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", is_integer),
        )
        self._formats = FormatChecker()
        self.spec = spec
        registry: Any = Registry()
        self._registry: Any = registry.with_resource(URI, DRAFT202012.create_resource(spec))
        self._routes = sorted(
            (
                (
                    template.count("{"),
                    re.compile(re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(template)) + "$"),
                    template,
                )
                for template in spec["paths"]
            ),
            key=lambda entry: entry[0],  # literal segments (@me) before parameters
        )
        self._validators: dict[str, Any] = {}

    def judge(
        self,
        method: str,
        path: str,
        body: Any,
        *,
        content_type: str = "application/json",
        status: int | None = None,
    ) -> list[str]:
        """Return what is wrong with a body, nothing if all is well."""
        verb = method.lower()
        for _, pattern, template in self._routes:
            if pattern.match(path) and verb in self.spec["paths"][template]:
                break
        else:
            return ["no such operation"]
        operation = self.spec["paths"][template][verb]
        at = f"/paths/{_escape(template)}/{verb}"
        if status is None:
            content, at = operation.get("requestBody", {}).get("content"), f"{at}/requestBody/content"
        else:
            answers = operation["responses"]
            key = str(status) if str(status) in answers else f"{str(status)[0]}XX"
            if key not in answers:
                return [f"status {status} is not described"]
            entry, at = answers[key], f"{at}/responses/{key}"
            if "$ref" in entry:
                at = entry["$ref"].removeprefix("#")
                entry = functools.reduce(lambda node, part: node[part], at.strip("/").split("/"), self.spec)
            content, at = entry.get("content"), f"{at}/content"
        if not content:
            return [] if body is None else ["no body is described"]
        if content_type not in content:
            content_type = "application/json" if "application/json" in content else next(iter(content))
        found = self._validator(f"{at}/{_escape(content_type)}/schema").iter_errors(body)
        return [line for error in found for line in _explain(error)]

    def _validator(self, pointer: str) -> Any:
        if pointer not in self._validators:
            self._validators[pointer] = self._class(
                {"$ref": f"{URI}#{pointer}"}, registry=self._registry, format_checker=self._formats
            )
        return self._validators[pointer]


def _numbered(node: Any) -> Any:
    """Return an error body with a number for every form error's word."""
    if isinstance(node, list):
        return [{**item, "code": 0} for item in node]
    if isinstance(node, dict):
        return {
            key: _numbered(value) if key == "errors" or "errors" not in node else value
            for key, value in node.items()
        }
    return node


def _escape(text: str) -> str:
    return text.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")


def _explain(error: Any) -> list[str]:
    """Follow an anyOf into the branch that the body's own ``type`` selects."""
    from jsonschema.exceptions import best_match

    if error.validator in ("anyOf", "oneOf") and error.context:
        groups: dict[Any, list[Any]] = {}
        for inner in error.context:
            groups.setdefault(inner.schema_path[0], []).append(inner)
        alive = [group for group in groups.values() if not any(_other_type(inner, error) for inner in group)]
        if len(alive) == 1:
            return [line for inner in alive[0] for line in _explain(inner)]
        error = best_match(error.context) if alive else error
    where = "/".join(map(str, error.absolute_path)) or "(body)"
    return [f"{where}: {error.message[:200]}"]


def _other_type(inner: Any, outer: Any) -> bool:
    if inner.validator == "enum" and list(inner.path) == ["type"]:
        return True
    whole = inner.validator == "type" and not inner.path
    return whole and inner.instance is outer.instance and isinstance(inner.instance, (dict, list))
