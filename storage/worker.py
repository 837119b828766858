"""The storage stage's sinks: annotated articles, and copies of dead letters, into the database with the offsets beside them."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sqlalchemy import Engine

from storage.dead_letters import write_letters
from storage.engine import transaction
from storage.writer import WriteCounts, store_offsets, write_annotated
from stream.broker import Offsets, Record
from stream.messages import AnnotatedArticle

log = logging.getLogger("dateline.store")


class DatabaseSink:
    """Writes annotated articles and the offsets of *group* in one transaction; the engine stays its maker's.

    Without *keep_text* the texts of articles are not stored.
    """

    def __init__(self, engine: Engine, group: str, *, keep_text: bool = True) -> None:
        self._engine, self._group, self._keep_text = engine, group, keep_text

    def deliver(self, results: Sequence[AnnotatedArticle], offsets: Offsets) -> None:
        """Return when *results* and *offsets* are committed; delivering them again changes nothing.

        Raises DatabaseUnavailable where trying again helps, PermanentError where a message cannot be stored.
        """
        with transaction(self._engine) as conn:
            counts = write_annotated(conn, results, keep_text=self._keep_text) if results else WriteCounts()
            store_offsets(conn, self._group, offsets)
        if results:
            told = {"articles": counts.articles, "stale": counts.stale, "erased": counts.erased, "events": counts.events}
            ids = [message.article.id for message in results]
            log.info("articles stored", extra={"stage": self._group, **told, "rows": counts.rows, "article_ids": ids})

    def close(self) -> None:
        """Hold nothing back: every delivery was committed."""


class DeadLetterSink:
    """Copies records of the dead-letter topic into ``dead_letters``, with the offsets of *group*, in one transaction.

    Without *keep_text* their values, which may hold an article's text, stay in the topic.
    """

    def __init__(self, engine: Engine, group: str, *, keep_text: bool = True) -> None:
        self._engine, self._group, self._keep_text = engine, group, keep_text

    def deliver(self, results: Sequence[Record], offsets: Offsets) -> None:
        """Return when *results* and *offsets* are committed; a dead letter that is known is not doubled."""
        write_dead_letters(self._engine, results, self._group, offsets, keep_text=self._keep_text)

    def close(self) -> None:
        """Hold nothing back: every delivery was committed."""


def write_dead_letters(engine: Engine, records: Sequence[Record], group: str, offsets: Offsets, *, keep_text: bool = True) -> int:
    """Write *records* of the dead-letter topic and the offsets of *group* in one transaction; return how many are new."""
    with transaction(engine) as conn:
        new = write_letters(conn, records, keep_values=keep_text)
        store_offsets(conn, group, offsets)
    if new:
        log.warning("dead letters stored", extra={"new": new})
    return new
