"""Dead letters and gaps in their tables: what operators look at, replay and accept."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from sqlalchemy import Connection, select, update

from storage.dialect import insert_into
from storage.schema import dead_letters, gaps
from storage.tombstones import buried
from stream.broker import Record
from stream.dead_letters import DeadLetter, read_dead_letter
from stream.messages import clean_text

WITHHELD = {"value": None, "by_reference": True}  # the columns of a letter whose value is not copied


def write_letters(conn: Connection, records: Iterable[Record], *, keep_values: bool = True, now: datetime | None = None) -> int:
    """Write records of the dead-letter topic within the caller's transaction; return how many are new.

    One failure is one row, however often the record about it comes. No content makes this fail. Values are not copied without
    *keep_values*, nor those of an article that was erased.
    """
    now = now or datetime.now(UTC)
    letters = [read_dead_letter(record) for record in records]
    gone = erased(conn, [letter.key for letter in letters])
    rows = [_row(letter, now) | ({} if keep_values and letter.key not in gone else WITHHELD) for letter in letters]
    if not rows:
        return 0
    statement = insert_into(conn, dead_letters).on_conflict_do_nothing().returning(dead_letters.c.dead_letter_id)
    return len(conn.execute(statement, rows).all())


def erased(conn: Connection, keys: Iterable[bytes | None]) -> frozenset[bytes | None]:
    """Return those of the records' *keys* that are the ids of articles which were erased."""
    ids = {key: (key or b"").decode("utf-8", "replace") for key in keys}
    gone = buried(conn, "article", ids.values())
    return frozenset(key for key, article_id in ids.items() if article_id in gone)


def mark_replayed(conn: Connection, dead_letter_id: int, *, now: datetime | None = None) -> bool:
    """Note that a dead letter was sent to its topic again; return False where there is no such one."""
    statement = update(dead_letters).where(dead_letters.c.dead_letter_id == dead_letter_id)
    return conn.execute(statement.values(replayed_at=now or datetime.now(UTC))).rowcount == 1


def record_gaps(conn: Connection, group: str, missing: Mapping[tuple[str, int], tuple[int, int]], *, now: datetime | None = None) -> None:
    """Write down the ranges of records that *group* can no longer read (``OffsetsLost.missing``); known ones stay as they are."""
    now = now or datetime.now(UTC)
    rows = [
        {"consumer_group": group, "topic": topic, "partition": partition, "from_offset": start, "to_offset": end, "detected_at": now}
        for (topic, partition), (start, end) in sorted(missing.items())
    ]
    if rows:
        conn.execute(insert_into(conn, gaps).on_conflict_do_nothing(), rows)


def accept_gaps(conn: Connection, group: str, *, now: datetime | None = None) -> int:
    """Note that an operator takes the loss of every open gap of *group*; return how many there were."""
    still_open = update(gaps).where(gaps.c.consumer_group == group, gaps.c.accepted_at.is_(None))
    return conn.execute(still_open.values(accepted_at=now or datetime.now(UTC))).rowcount


def gaps_accepted(conn: Connection, group: str, missing: Mapping[tuple[str, int], tuple[int, int]]) -> bool:
    """Tell whether an operator has taken the loss of every range in *missing*, or of one around it.

    A log that is shorter than what was read of it grows while the operator decides, and the range that is missing gets shorter.
    """
    t = gaps.c
    taken = select(t.topic, t.partition, t.from_offset, t.to_offset).where(t.consumer_group == group, t.accepted_at.is_not(None))
    rows = conn.execute(taken).all()
    return all(
        any((row.topic, row.partition) == at and row.from_offset <= start and end <= row.to_offset for row in rows)
        for at, (start, end) in missing.items()
    )


def _row(letter: DeadLetter, now: datetime) -> dict[str, object]:
    content = hashlib.sha256(b"%d:" % len(letter.key or b"") + (letter.key or b"") + (letter.value or b""))
    return {
        "stage": clean_text(letter.stage),
        "topic": clean_text(letter.topic),
        "partition": letter.partition,
        "record_offset": letter.offset,
        "content_hash": content.hexdigest(),
        "key": letter.key,
        "value": letter.value,
        "by_reference": letter.by_reference,
        "headers": [[clean_text(name), base64.b64encode(value).decode()] for name, value in letter.headers],
        "error_class": clean_text(letter.error_class),
        "cause": clean_text(letter.cause) or None,
        "message": clean_text(letter.message),
        "trace": clean_text(letter.trace),
        "attempt": letter.attempt,
        "version": clean_text(letter.version),
        "failed_at": letter.failed_at,
        "stored_at": now,
    }
