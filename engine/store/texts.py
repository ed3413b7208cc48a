"""A connection that can store any text: halves of characters, which SQLite refuses, are mended."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from engine.prompt.characters import storable


class TextConnection(sqlite3.Connection):
    """For ``sqlite3.connect(factory=…)``: whichever door a text came through, it cannot stop a change."""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Run one statement."""
        try:
            return super().execute(sql, parameters)
        except UnicodeEncodeError:
            return super().execute(sql, _storable(parameters))

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        """Run one statement for each row; all are looked at first, so that none is stored twice."""
        return super().executemany(sql, [_storable(row) for row in parameters])


def _storable(parameters: Any) -> Any:
    if isinstance(parameters, Mapping):
        return {name: _text(value) for name, value in parameters.items()}
    return [_text(value) for value in parameters]


def _text(value: Any) -> Any:
    return storable(value) if isinstance(value, str) else value
