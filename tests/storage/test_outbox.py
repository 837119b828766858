"""Messages until they are sent, on both databases."""

from __future__ import annotations

from sqlalchemy import Engine

from storage import outbox, upkeep
from tests.storage.ingesting import keys, leased, write


def test_outbox_gives_what_was_left_there_until_it_is_marked_sent(engine: Engine) -> None:
    written = write(engine, leased(engine), keys("1", "2", "3"))
    assert outbox.pending_outbox(engine, older_than=60.0) == ()
    assert written.outbox[:2] == outbox.pending_outbox(engine, limit=2)
    outbox.mark_sent(engine, [row.outbox_id for row in written.outbox[:2]])
    outbox.mark_sent(engine, [row.outbox_id for row in written.outbox[:2]])
    assert written.outbox[2:] == outbox.pending_outbox(engine)
    assert upkeep.count_waiting(engine) == (0, 1)


def test_outbox_gives_no_more_than_memory_should_hold(engine: Engine) -> None:
    write(engine, leased(engine), keys(*"1234"))  # nine bytes each
    found = [[row.article_id for row in outbox.pending_outbox(engine, max_bytes=size)] for size in (1, 27, 35, 36)]
    assert found == [["id:1"], ["id:1", "id:2", "id:3"], ["id:1", "id:2", "id:3"], ["id:1", "id:2", "id:3", "id:4"]]
