"""From the outbox to the broker: one producer on a thread of its own, which all that is to be sent goes through."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial

from sqlalchemy import Engine

from ingest.rim import CLOSING, Rim
from storage import outbox
from storage.outbox import OutboxRow
from stream.broker import Broker, Producer
from stream.errors import PermanentError, TransientError
from stream.threads import Threads

BATCH = 500  # messages sent before a flush when catching up

log = logging.getLogger("dateline.ingest")

_Waiting = tuple[Sequence[OutboxRow], asyncio.Future[int]]


class Publisher:
    """Sends rows of the outbox. What comes in while a flush is under way goes out together with the next one."""

    def __init__(self, broker: Broker, topic: str, rim: Rim) -> None:
        self._broker = broker
        self._topic = topic
        self._rim = rim
        self._producer: Producer | None = None
        self._thread = Threads(1, "publisher")
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()

    async def publish(self, rows: Sequence[OutboxRow]) -> int:
        """Return when *rows* are durable in the broker and gone from the outbox; raises TransientError if told to stop before.

        A row that the broker will never take is logged and dropped, and holds up no other; what is returned is how many were.
        """
        if not rows:
            return 0
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((rows, done))
        return await done

    async def catch_up(self, older_than: float) -> None:
        """Publish what has been in the outbox for *older_than* seconds: a worker that crashed left it there."""
        while not self._rim.stopping and (rows := await self._rim.db(_leftovers, older_than)):
            await self.publish(rows)

    async def run(self) -> None:
        """Publish what comes in, until cancelled."""
        while True:
            batch = [await self._queue.get()]
            while not self._queue.empty():
                batch.append(self._queue.get_nowait())
            rows = [row for part, _ in batch for row in part]
            try:
                refused = await self._rim.retry(partial(self._thread.run, self._deliver, rows))
                await self._rim.db(outbox.mark_sent, [row.outbox_id for row in rows])
            except TransientError as e:  # only when stopping: the rows stay in the outbox
                _settle(batch, e)
            else:
                _settle(batch, refused)

    def close(self) -> None:
        """End the thread, and the producer on it; a flush that hangs is left to itself."""
        self._thread.submit(self._drop)
        self._thread.close(CLOSING)

    def _deliver(self, rows: Sequence[OutboxRow]) -> frozenset[int]:
        """Send *rows* and return the ids of those that the broker will never take."""
        try:
            self._send(rows)
        except PermanentError as e:
            if len(rows) > 1:  # one by one, so that only the offender is dropped
                return frozenset().union(*(self._deliver([row]) for row in rows))
            (row,) = rows
            told = {"article_id": row.article_id, "revision": row.revision, "bytes": len(row.payload)}
            log.error("dropped revision %d of article %s, which the broker never takes: %s", row.revision, row.article_id, e, extra=told)
            return frozenset({row.outbox_id})
        return frozenset()

    def _send(self, rows: Sequence[OutboxRow]) -> None:
        try:
            self._producer = self._producer or self._broker.producer()
            for row in rows:
                self._producer.send(self._topic, key=row.article_id.encode(), value=row.payload)
            self._producer.flush()
        except BaseException:
            self._drop()  # with whatever it still holds; all rows are sent again by a new one
            raise

    def _drop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.close()


def _leftovers(engine: Engine, older_than: float) -> tuple[OutboxRow, ...]:
    return outbox.pending_outbox(engine, older_than=older_than, limit=BATCH)


def _settle(batch: Sequence[_Waiting], result: Exception | frozenset[int]) -> None:
    for rows, done in batch:
        if done.done():
            continue  # whoever waited was cancelled
        if isinstance(result, Exception):
            done.set_exception(result)
        else:
            done.set_result(sum(row.outbox_id in result for row in rows))
