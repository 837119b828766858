"""What every table and statement stands on: one ``MetaData``, the UTC type, the database's time, and keys in parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, DateTime, Dialect, MetaData, String, func, select
from sqlalchemy.types import TypeDecorator, TypeEngine

ISO_CHARS = 27  # 2026-03-02T05:06:07.000000Z: fixed, so that text sorts as time does
KEYS_AT_A_TIME = 500  # bound parameters of one IN; SQLite takes 32,766, Postgres 65,535, and one size keeps one prepared statement

T = TypeVar("T")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in and out: TIMESTAMP WITH TIME ZONE on Postgres, fixed-width ISO text on SQLite.

    Raises ValueError for a datetime without a zone.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(String(ISO_CHARS) if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a datetime needs a time zone: {value!r}")
        moment = value.astimezone(UTC)
        return f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}Z" if dialect.name == "sqlite" else moment

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment: datetime = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.astimezone(UTC)


def database_now(connection: Connection) -> datetime:
    """Return the database's time, aware UTC, the one clock that all workers share; on SQLite that is this machine's."""
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    moment: datetime = connection.execute(select(func.clock_timestamp(type_=UtcDateTime()))).scalar_one()
    return moment


def chunks(keys: Sequence[T]) -> Iterator[Sequence[T]]:
    """Cut *keys* into parts for one IN each."""
    return (keys[i : i + KEYS_AT_A_TIME] for i in range(0, len(keys), KEYS_AT_A_TIME))
