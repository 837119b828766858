"""The few places where Postgres and SQLite differ; nothing else asks which database it is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, BigInteger, Connection, Integer, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import JSONB

BigId = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows by itself only in a column typed INTEGER
Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

Insert = postgresql.Insert | sqlite.Insert


@dataclass(frozen=True, slots=True)
class RawJson:
    """JSON that is encoded already, for a Json column."""

    text: str


def dump_json(value: Any) -> str:
    """Encode *value* for a Json column; the engine's serialiser."""
    return value.text if isinstance(value, RawJson) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def insert_into(conn: Connection, table: Table) -> Insert:
    """Return the dialect's INSERT into *table*, the one that has ON CONFLICT."""
    return postgresql.insert(table) if conn.dialect.name == "postgresql" else sqlite.insert(table)


def outside_of_metadata(_object: object, name: str | None, kind: str, reflected: bool, _compare_to: object) -> bool:
    """Return whether Alembic should compare *name*: the parts of full-text search are the migrations' alone."""
    return not (reflected and name is not None and (name.startswith("article_search") or "search_vector" in name))
