"""SQL of any table: rows added by their columns' names, and read as values whose fields have the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def insert(db: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> None:
    """Add a row."""
    db.execute(_insertion(table, row), row)


def inserted(db: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> sqlite3.Row:
    """Add a row and return it as it stands then."""
    added: sqlite3.Row = db.execute(f"{_insertion(table, row)} RETURNING *", row).fetchone()
    return added


def _insertion(table: str, row: Mapping[str, Any]) -> str:
    return f"INSERT INTO {table} ({', '.join(row)}) VALUES (:{', :'.join(row)})"


def read(kind: type[T], row: sqlite3.Row, **other: Any) -> T:
    """Return a row as a value of this class; ``other``: fields that are no column, or are not as in it.

    A field that a base class of it has is not looked for.
    """
    return kind(**{name: row[name] for name in kind.__annotations__ if name not in other}, **other)
