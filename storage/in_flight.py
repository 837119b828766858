"""The notes of what a consumer group is working on, in the table ``in_flight``: one for all its members."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import Engine, and_, delete, or_, select

from storage.dialect import upsert
from storage.engine import reading, transaction
from storage.schema import in_flight
from stream.broker import TopicPartition
from stream.in_flight import Mark, Marks


class InFlightTable:
    """The marks of *group* (``stream.in_flight.Notes``); the engine stays its maker's."""

    def __init__(self, engine: Engine, group: str) -> None:
        self._engine, self._group = engine, group

    def read(self) -> Marks:
        """Return the marks that there are."""
        t = in_flight.c
        query = select(t.topic, t.partition, t.first_offset, t.end_offset, t.starts, t.alone_until).where(t.consumer_group == self._group)
        with reading(self._engine) as conn:
            return {TopicPartition(topic, partition): Mark(*mark) for topic, partition, *mark in conn.execute(query)}

    def write(self, marks: Mapping[TopicPartition, Mark | None]) -> None:
        """Put these in place of those there are; None strikes one out."""
        now, t = datetime.now(UTC), in_flight.c
        rows = [self._row(at, mark, now) for at in sorted(marks) if (mark := marks[at]) is not None]
        gone = [and_(t.topic == at.topic, t.partition == at.partition) for at, mark in marks.items() if mark is None]
        with transaction(self._engine) as conn:
            upsert(conn, in_flight, rows)
            if gone:
                conn.execute(delete(in_flight).where(t.consumer_group == self._group, or_(*gone)))

    def _row(self, at: TopicPartition, mark: Mark, now: datetime) -> dict[str, object]:
        return {
            "consumer_group": self._group,
            "topic": at.topic,
            "partition": at.partition,
            "first_offset": mark.first,
            "end_offset": mark.end,
            "starts": mark.starts,
            "alone_until": mark.alone_until,
            "started_at": now,
        }
