"""Which hubs are asked to tell of a feed's news, what they promised, and what they told (WebSub).

Asking moves ``ask_at`` ahead, further with each try, and an agreement to before the promise runs out: so no answer, no
verification and a worker that dies all lead to being asked again, by whichever worker.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, Select, and_, or_, select, update

from storage.base import database_now
from storage.dialect import upsert
from storage.engine import reading, transaction
from storage.schema_feeds import feeds, subscriptions
from stream.messages import clean_text

FIRST_RETRY, LAST_RETRY = 900.0, 86_400.0  # seconds in which a hub may verify before it is asked again; doubled by each try
SHORTEST_LEASE, LONGEST_LEASE = 300.0, 30 * 86_400.0  # seconds of a promise that are believed
RENEW_AFTER = 0.75  # of a promise
REFUSED_FOR = 86_400.0  # seconds for which a hub that refused is not asked


@dataclass(frozen=True, slots=True)
class Subscription:
    """What *hub* is asked: to tell *callback* of news of *topic*, signed with *secret*."""

    feed_id: str
    hub: str
    topic: str
    callback: str
    secret: str


def claim_due(engine: Engine, base: str, limit: int) -> tuple[Subscription, ...]:
    """Return up to *limit* subscriptions that are to be asked for now, new ones included; no two workers get the same one.

    Callbacks lie under the URL *base*. A feed whose hub, or name there, is another than before gets a new callback and secret.
    """
    with transaction(engine) as connection:
        now = database_now(connection)
        due = _due(base, now)
        locked = connection.execute(due.limit(limit).with_for_update(of=feeds, skip_locked=True)).scalars().all()
        if not locked:
            return ()
        rows = connection.execute(due.where(feeds.c.feed_id.in_(locked))).mappings().all()  # as they are now that nobody else has them
        asked = [_asked(row, base) for row in rows]
        tries = [1 if one.callback != row["callback"] else row["tries"] + 1 for one, row in zip(asked, rows, strict=True)]
        upsert(connection, subscriptions, [_row(one, number, now) for one, number in zip(asked, tries, strict=True)])
        _forget(connection, feeds.c.feed_id.in_([one.feed_id for one in asked]), feeds.c.hub_until <= now)
        fresh = [one.feed_id for one, row in zip(asked, rows, strict=True) if one.callback != row["callback"]]
        _forget(connection, feeds.c.feed_id.in_(fresh))
    return tuple(asked)


def find(engine: Engine, callback: str) -> Subscription | None:
    """Return the subscription of an active feed whose news come to *callback*."""
    columns = (subscriptions.c[name] for name in Subscription.__slots__)
    query = select(*columns).join(feeds, feeds.c.feed_id == subscriptions.c.feed_id)
    with reading(engine) as connection:
        row = connection.execute(query.where(subscriptions.c.callback == callback, feeds.c.state == "active")).mappings().first()
    return Subscription(**row) if row else None


def agreed(engine: Engine, subscription: Subscription, seconds: float) -> None:
    """Note that the hub promised to tell of news for *seconds*; it is asked again before they are over."""
    lease = max(SHORTEST_LEASE, min(seconds, LONGEST_LEASE))
    with transaction(engine) as connection:
        now = database_now(connection)
        renewed = {"ask_at": now + timedelta(seconds=lease * RENEW_AFTER), "tries": 0, "problem": None}
        connection.execute(update(subscriptions).where(subscriptions.c.callback == subscription.callback).values(renewed))
        _tell_feed(connection, subscription, hub_until=now + timedelta(seconds=min(seconds, LONGEST_LEASE)))


def refused(engine: Engine, subscription: Subscription, why: str) -> None:
    """Note that the hub will not tell of news, or no longer: the feed is due, for it is fetched by its own rhythm again."""
    with transaction(engine) as connection:
        now = database_now(connection)
        later = {"ask_at": now + timedelta(seconds=REFUSED_FOR), "problem": clean_text(why)}
        connection.execute(update(subscriptions).where(subscriptions.c.callback == subscription.callback).values(later))
        _tell_feed(connection, subscription, hub_until=None, hub_trusted=False, next_fetch_at=now, next_fetch_why="its hub refused")


def failed(engine: Engine, subscription: Subscription, why: str) -> None:
    """Note *why* asking the hub came to nothing; it is asked again when its time comes."""
    with transaction(engine) as connection:
        told = update(subscriptions).where(subscriptions.c.callback == subscription.callback)
        connection.execute(told.values(problem=clean_text(why)))


def told(engine: Engine, subscription: Subscription) -> None:
    """Note that the hub told of news: the feed is due now, and if it is just being fetched, right afterwards."""
    with transaction(engine) as connection:
        now = database_now(connection)
        _tell_feed(connection, subscription, told_at=now, next_fetch_at=now, next_fetch_why="its hub told of news")


def _due(base: str, now: datetime) -> Select[Any]:
    """Return the query for active feeds with a hub that is to be asked, because it never was, was asked something else, or it is time."""
    s = subscriptions.c
    other = or_(s.hub != feeds.c.hub, s.topic != feeds.c.topic, ~s.callback.startswith(f"{base}/", autoescape=True))
    return (
        select(feeds.c.feed_id, feeds.c.hub, feeds.c.topic, s.callback, s.secret, s.tries, other.label("other"))
        .outerjoin(subscriptions, s.feed_id == feeds.c.feed_id)
        .where(feeds.c.state == "active", feeds.c.hub.is_not(None), feeds.c.topic.is_not(None))
        .where(or_(s.feed_id.is_(None), s.ask_at <= now, other))
        .order_by(s.ask_at, feeds.c.feed_id)
    )


def _asked(row: RowMapping, base: str) -> Subscription:
    kept = row["callback"] is not None and not row["other"]
    callback = row["callback"] if kept else f"{base}/{secrets.token_urlsafe(24)}"
    return Subscription(row["feed_id"], row["hub"], row["topic"], callback, row["secret"] if kept else secrets.token_urlsafe(32))


def _row(subscription: Subscription, tries: int, now: datetime) -> dict[str, Any]:
    wait = min(FIRST_RETRY * 2.0 ** min(tries - 1, 16), LAST_RETRY)
    unverified = f"asked {tries} times" if tries > 1 else None
    return {**asdict(subscription), "asked_at": now, "ask_at": now + timedelta(seconds=wait), "tries": tries, "problem": unverified}


def _forget(connection: Connection, *feeds_that: ColumnElement[bool]) -> None:
    """Expect nothing more of the hubs of *feeds_that*, until they promise again."""
    connection.execute(update(feeds).where(*feeds_that).values(hub_until=None, hub_trusted=False))


def _tell_feed(connection: Connection, subscription: Subscription, **values: Any) -> None:
    connection.execute(update(feeds).where(and_(feeds.c.feed_id == subscription.feed_id, feeds.c.state == "active")).values(values))
