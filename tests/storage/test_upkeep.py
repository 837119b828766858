"""What may be forgotten, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Engine, select

from storage import feeds, leases, upkeep
from storage.schema_feeds import fetches
from tests.storage.ingesting import NOW, RECORD, leased, update


def test_pruning_forgets_old_fetches_and_keeps_new_ones(engine: Engine) -> None:
    for started_at in (NOW - timedelta(days=4000), feeds.database_time(engine)):
        lease = leased(engine)
        leases.record_outcome(engine, lease, update(lease.feed, delay=0.0), replace(RECORD, started_at=started_at))
    upkeep.prune(engine)
    with engine.connect() as connection:
        assert len(connection.execute(select(fetches)).all()) == 1
