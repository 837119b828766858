"""An ingest worker's surroundings: feeds to serve, a broker that can fail, and what came of it all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from xml.sax.saxutils import escape

from sqlalchemy import Engine, func, select, update

from ingest.outcome import Outcome
from ingest.worker import Timing, run_ingest
from storage import feeds
from storage.schema_feeds import feed_hosts
from storage.schema_feeds import feeds as feeds_table
from stream.broker import Broker, Consumer, Headers, Offsets, PartitionLag, Producer, Record, TopicSpec
from stream.errors import BrokerUnavailable
from stream.messages import Article, decode
from stream.settings import Settings
from stream.sqlite_broker import SqliteBroker

QUICK = Timing(lease=60.0, poll=0.1)
LONG = "The ministers of both countries met in the capital on Monday and spoke about trade for three hours. " * 5
PAGE = "<html><head><title>{0}</title></head><body><article><h1>{0}</h1>{1}</article></body></html>"


def rss(*items: tuple[str, str, str], head: str = "") -> bytes:
    """Return an RSS feed of (guid, link, description) items."""
    entries = "".join(
        f"<item><guid isPermaLink='false'>{guid}</guid><link>{link}</link><title>Title {guid}</title>"
        f"<description>{escape(text)}</description><pubDate>Mon, 02 Mar 2026 12:00:00 GMT</pubDate></item>"
        for guid, link, text in items
    )
    return f"<rss version='2.0'><channel><title>Example</title><language>en-gb</language>{head}{entries}</channel></rss>".encode()


def page(title: str, text: str) -> bytes:
    return PAGE.format(title, "".join(f"<p>{text}</p>" for _ in range(3))).encode()


class Ingest:
    """A worker's surroundings: what it publishes can be read, and every fetch is noted."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.settings = Settings.model_validate(
            {
                "data_dir": folder,
                "allow_networks": "127.0.0.0/8",
                "page_pause": 0.0,
                "host_pause": 0.0,
                "fetch_timeout": 5.0,
                "topic_partitions": 1,
            }
        )
        self.broker = SqliteBroker(folder / "broker.db")
        self.broker.ensure_topics([TopicSpec(self.settings.articles_topic, 1)])
        self._consumer = self.broker.consumer("test", [self.settings.articles_topic])
        self._read = 0
        self.outcomes: list[Outcome] = []
        self.brake: str | None = None

    def once(self, broker: Broker | None = None, stop: threading.Event | None = None, **settings: object) -> list[str]:
        """Run a worker once; return what came of each fetch, in order."""
        before = len(self.outcomes)
        chosen = self.settings.model_copy(update=settings)
        run_ingest(
            chosen,
            self.engine,
            broker or self.broker,
            stop or threading.Event(),
            once=True,
            brake=lambda: self.brake,
            on_outcome=self.outcomes.append,
            timing=QUICK,
        )
        return [outcome.outcome for outcome in self.outcomes[before:]]

    def again(self, **settings: object) -> list[str]:
        """Make every feed due and run once."""
        with self.engine.begin() as connection:
            connection.execute(update(feeds_table).values(next_fetch_at=feeds_table.c.added_at, lease_token=None, lease_until=None))
            connection.execute(update(feed_hosts).values(ready_at=select(func.min(feeds_table.c.added_at)).scalar_subquery()))
        return self.once(**settings)

    def published(self) -> list[Article]:
        """Return what was published since the last call."""
        return [decode(Article, record.value) for record in self.records()]

    def records(self) -> list[Record]:
        (partition,) = self.broker.lag("test", [self.settings.articles_topic])
        found: list[Record] = []
        while self._read + len(found) < partition.end:
            found += self._consumer.poll(5.0, 1000)
        self._read += len(found)
        return found

    def feed(self) -> feeds.Feed:
        (feed,) = feeds.list_feeds(self.engine)
        return feed

    def close(self) -> None:
        self._consumer.close()
        self.broker.close()


class Breaking:
    """A broker that goes away when asked to make the records durable, *times* times, and then works as *broker* does."""

    def __init__(self, broker: Broker, times: int, on_break: Callable[[], None] = lambda: None) -> None:
        self._broker = broker
        self.left = times
        self._on_break = on_break

    def ensure_topics(self, topics: Iterable[TopicSpec]) -> tuple[str, ...]:
        return self._broker.ensure_topics(topics)

    def producer(self) -> Producer:
        return _BreakingProducer(self, self._broker.producer())

    def consumer(self, group: str, topics: Iterable[str]) -> Consumer:
        return self._broker.consumer(group, tuple(topics))

    def lag(self, group: str, topics: Iterable[str]) -> tuple[PartitionLag, ...]:
        return self._broker.lag(group, tuple(topics))

    def close(self) -> None:
        self._broker.close()

    def break_(self) -> None:
        if self.left > 0:
            self.left -= 1
            self._on_break()
            raise BrokerUnavailable("the broker went away")


class _BreakingProducer:
    def __init__(self, broker: Breaking, producer: Producer) -> None:
        self._broker = broker
        self._producer = producer
        self.sent: Offsets = {}

    def send(self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers = ()) -> None:
        self._producer.send(topic, key=key, value=value, headers=headers)

    def flush(self) -> None:
        self._broker.break_()
        self._producer.flush()

    def close(self) -> None:
        self._producer.close()
