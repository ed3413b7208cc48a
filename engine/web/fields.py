"""Fields of a request's body against a contract's model: absent ones, wrong ones, and those of no effect."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from engine.web.errors import Fault, wrong

T = TypeVar("T", bound=BaseModel)
NAMED_MOST = 20


def read(model: type[T], values: Mapping[str, Any], prefix: str = "", *, strict: bool = False) -> T:
    """Return the fields as values. Raises Fault that names the first wrong one, after ``prefix``.

    ``strict``: a number in quotes is no number, as JSON has it.
    """
    if strict:  # 2.0 is a whole number of JSON too
        values = {
            name: int(value) if isinstance(value, float) and value.is_integer() else value
            for name, value in values.items()
        }
    try:
        return model.model_validate(values, strict=strict)
    except ValidationError as error:
        first = dict(error.errors(include_url=False, include_input=False)[0])
        raise _fault(first, prefix) from None


def _fault(first: Mapping[str, Any], prefix: str) -> Fault:
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])[1:]
    if first["type"] == "missing":
        return wrong(field, "is required", "missing")
    if first["type"] == "extra_forbidden":
        return wrong(field, "is not known here; leave it out", "extra")
    message = str(first["msg"]).removeprefix("Value error, ")
    message = re.sub(r"^Input should (?:be|have) ", "must be ", message)
    message = re.sub(r"^(?:String|List) should have ", "must have ", message)
    message = message if message.startswith("must") else f"must be right: {message}"
    kind = "type" if first["type"].endswith(("_type", "_parsing", "_from_float")) else first["type"]
    return Fault("invalid", f"{prefix}{field} {message}", field=field, code=kind)


def ignored(names: Iterable[str]) -> dict[str, str]:
    """Return the header that names what had no effect; none where all had one."""
    clean = [re.sub(r"[^\w.\[\]-]", "?", name, flags=re.ASCII)[:64] or "?" for name in names]
    told = ", ".join(list(dict.fromkeys(clean))[:NAMED_MOST])
    return {"X-Limner-Ignored": told} if told else {}
