"""The ingest worker on both databases, with a real HTTP server, a real broker, and real children that parse."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from sqlalchemy import Connection, Engine, event, select, update

from ingest.worker import Outcome, Timing, check_feed, run_ingest
from storage import feeds, pages, upkeep
from storage.outbox import pending_outbox
from storage.schema_feeds import feeds as feeds_table
from storage.schema_feeds import fetches, outbox, page_queue
from stream.broker import MAX_RECORD_BYTES, Broker, Consumer, Headers, Offsets, PartitionLag, Producer, Record, TopicSpec
from stream.errors import BrokerUnavailable, ConfigError, DatabaseUnavailable
from stream.messages import Article, decode
from stream.settings import Settings
from stream.sqlite_broker import SqliteBroker
from tests.ingest.conftest import Handler, Loopback

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
            {"data_dir": folder, "allow_networks": "127.0.0.0/8", "page_pause": 0.0, "fetch_timeout": 5.0, "topic_partitions": 1}
        )
        self.broker = SqliteBroker(folder / "broker.db")
        self.broker.ensure_topics([TopicSpec(self.settings.articles_topic, 1)])
        self._consumer = self.broker.consumer("test", [self.settings.articles_topic])
        self._read = 0
        self.outcomes: list[Outcome] = []

    def once(self, broker: Broker | None = None, stop: threading.Event | None = None, **settings: object) -> list[str]:
        """Run a worker once; return what came of each fetch, in order."""
        before = len(self.outcomes)
        chosen = self.settings.model_copy(update=settings)
        run_ingest(
            chosen, self.engine, broker or self.broker, stop or threading.Event(), once=True, on_outcome=self.outcomes.append, timing=QUICK
        )
        return [outcome.outcome for outcome in self.outcomes[before:]]

    def again(self) -> list[str]:
        """Make every feed due and run once."""
        with self.engine.begin() as connection:
            connection.execute(update(feeds_table).values(next_fetch_at=feeds_table.c.added_at, lease_token=None, lease_until=None))
        return self.once()

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


@pytest.fixture
def ingest(engine: Engine, tmp_path: Path) -> Iterator[Ingest]:
    ingest = Ingest(engine, tmp_path)
    yield ingest
    ingest.close()


def test_new_entries_are_published_once_whole(ingest: Ingest, loopback: Loopback) -> None:
    links = [loopback.url(f"/news/{n}") for n in (1, 2)]
    url = loopback.serve("/feed", rss(("g1", links[0] + "?utm_source=rss", LONG), ("g2", links[1], LONG)))
    feed, _ = feeds.add_feed(ingest.engine, url, outlet="Example News", country="GBR")
    assert ingest.once() == ["fetched"]
    records = ingest.records()
    first, second = sorted((decode(Article, record.value) for record in records), key=lambda article: article.title)
    assert {record.key for record in records} == {first.id.encode(), second.id.encode()}
    assert (first.feed_id, first.entry_key, first.url, first.link) == (feed.feed_id, "g1", links[0], links[0] + "?utm_source=rss")
    assert (first.outlet, first.country, first.language, first.revision) == ("Example News", "GBR", "en", 1)
    assert first.text == f"Title g1\n\n{LONG.strip()}"
    assert first.published_at is not None
    assert ingest.once() == [], "it is not due"
    assert ingest.again() == ["unchanged"]
    assert ingest.published() == []
    assert (ingest.feed().title, ingest.feed().failures, upkeep.count_waiting(ingest.engine)) == ("Example", 0, (0, 0))


def test_not_modified_reads_nothing_and_keeps_the_validators(ingest: Ingest, loopback: Loopback) -> None:
    def answer(handler: Handler) -> None:
        fresh = (
            handler.headers.get("If-None-Match") == '"1"' and handler.headers.get("If-Modified-Since") == "Mon, 02 Mar 2026 12:00:00 GMT"
        )
        validators = {"ETag": '"1"', "Last-Modified": "Mon, 02 Mar 2026 12:00:00 GMT"}
        handler.answer(304 if fresh else 200, b"" if fresh else rss(("g1", loopback.url("/1"), LONG)), validators)

    feeds.add_feed(ingest.engine, loopback.route("/feed", answer))
    assert [ingest.once(), ingest.again(), ingest.again()] == [["fetched"], ["not-modified"], ["not-modified"]]
    assert len(ingest.published()) == 1
    with ingest.engine.connect() as connection:
        rows = connection.execute(
            select(fetches.c.outcome, fetches.c.status, fetches.c.entries, fetches.c.new).order_by(fetches.c.fetch_id)
        ).all()
    assert [tuple(row) for row in rows] == [("fetched", 200, 1, 1), ("not-modified", 304, 0, 0), ("not-modified", 304, 0, 0)]


def test_a_changed_entry_is_the_next_revision_of_the_same_article(ingest: Ingest, loopback: Loopback) -> None:
    link = loopback.url("/news/1")
    url = loopback.serve("/feed", rss(("g1", link, LONG)))
    feeds.add_feed(ingest.engine, url)
    ingest.once()
    (first,) = ingest.published()
    loopback.serve("/feed", rss(("g1", link + "-moved", LONG + "Correction: it was Tuesday."), head="<ttl>60</ttl>"))
    ingest.again()
    (second,) = ingest.published()
    assert (second.id, second.revision, second.first_seen_at) == (first.id, 2, first.first_seen_at)
    assert second.text.endswith("Correction: it was Tuesday.")


def test_the_same_link_in_two_feeds_is_one_article(ingest: Ingest, loopback: Loopback) -> None:
    link = loopback.url("/news/1")
    for name in ("a", "b"):
        feeds.add_feed(ingest.engine, loopback.serve(f"/{name}", rss((f"guid of {name}", f"{link}?utm_source={name}", LONG + name))))
    assert sorted(ingest.once()) == ["fetched", "fetched"]
    (article,) = ingest.published()
    assert (article.url, article.revision) == (link, 1)


def test_a_short_entry_goes_out_once_with_its_page(ingest: Ingest, loopback: Loopback) -> None:
    link = loopback.serve("/news/1", page("Title g1", LONG), Content_Type="text/html")
    feeds.add_feed(ingest.engine, loopback.serve("/feed", rss(("g1", link, "Ministers met."))))
    assert ingest.once() == ["fetched", "fetched"]
    (article,) = ingest.published()
    assert (article.text_source, article.revision) == ("page", 1)
    assert article.text.startswith("Title g1\n\nMinisters met.\n\nThe ministers of both countries")
    assert ingest.again() == ["unchanged"]
    assert [request.path for request in loopback.requests].count("/news/1") == 1


@pytest.mark.parametrize(
    ("status", "robots", "outcome"),
    [(404, b"", "http"), (503, b"", "http"), (200, b"User-agent: *\nDisallow: /news/\n", "robots"), (200, b"", "parse")],
)
def test_an_entry_whose_page_cannot_be_had_goes_out_with_its_summary(
    ingest: Ingest, loopback: Loopback, status: int, robots: bytes, outcome: str
) -> None:
    loopback.serve("/robots.txt", robots)
    link = loopback.serve("/news/1", page("Title", LONG) if robots else b"<html></html>", status)
    feeds.add_feed(ingest.engine, loopback.serve("/feed", rss(("g1", link, "Ministers met."))))
    assert ingest.once() == ["fetched", outcome]
    (article,) = ingest.published()
    assert (article.text, article.text_source) == ("Title g1\n\nMinisters met.", "summary")
    assert ("/news/1" in [request.path for request in loopback.requests]) == (outcome != "robots")


def test_an_entry_that_waited_too_long_goes_out_without_its_page(ingest: Ingest, loopback: Loopback) -> None:
    link = loopback.serve("/news/1", page("Title g1", LONG))
    feeds.add_feed(ingest.engine, loopback.serve("/feed", rss(("g1", link, "Ministers met."))))
    assert ingest.once(page_wait=0.0) == ["fetched"]
    assert [article.text_source for article in ingest.published()] == ["summary"]


def test_a_bad_feed_is_a_row_and_a_log_line_and_harms_nobody(ingest: Ingest, loopback: Loopback, caplog: pytest.LogCaptureFixture) -> None:
    bad = loopback.serve("/bad", b"<html><body>Not a feed</body></html>")
    missing = loopback.url("/missing")
    good = loopback.serve("/good", rss(("g1", loopback.url("/1"), LONG)))
    for url in (bad, missing, good):
        feeds.add_feed(ingest.engine, url)
    with caplog.at_level(logging.INFO, "dateline.ingest"):
        assert sorted(ingest.once()) == ["fetched", "http", "parse"]
    assert len(ingest.published()) == 1
    rows = {feed.url: feed for feed in feeds.list_feeds(ingest.engine)}
    assert "not a feed" in (rows[bad].last_error or "")
    assert "404" in (rows[missing].last_error or "")
    assert (rows[bad].failures, rows[good].failures, rows[good].last_error) == (1, 0, None)
    assert rows[bad].next_fetch_at > feeds.database_time(ingest.engine) + timedelta(minutes=4)
    lines = {record.__dict__["feed_id"]: record for record in caplog.records if "feed_id" in record.__dict__}
    assert {line.levelname for line in (lines[rows[bad].feed_id], lines[rows[missing].feed_id])} == {"WARNING"}
    assert lines[rows[missing].feed_id].__dict__["status"] == 404


def test_gone_stops_a_feed_and_a_permanent_redirect_moves_it_at_the_second_sight(ingest: Ingest, loopback: Loopback) -> None:
    target = loopback.serve("/new", rss(("g1", loopback.url("/1"), LONG)))
    feeds.add_feed(ingest.engine, loopback.serve("/old", b"", 301, Location=target))
    urls = []
    for run in (ingest.once, ingest.again, ingest.again):
        run()
        urls.append(ingest.feed().url)
    assert urls == [loopback.url("/old"), target, target]
    loopback.serve("/new", b"", 410)
    assert ingest.again() == ["gone"]
    assert ingest.feed().state == "gone"
    assert ingest.again() == []


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


def test_a_broker_that_comes_back_gets_everything_once(ingest: Ingest, loopback: Loopback) -> None:
    feeds.add_feed(ingest.engine, loopback.serve("/feed", rss(("g1", loopback.url("/1"), LONG), ("g2", loopback.url("/2"), LONG))))
    broker = Breaking(ingest.broker, 2)
    assert ingest.once(broker) == ["fetched"]
    assert broker.left == 0
    assert sorted(article.entry_key or "" for article in ingest.published()) == ["g1", "g2"]
    assert upkeep.count_waiting(ingest.engine) == (0, 0)


def test_what_was_written_before_a_crash_is_published_after_it_with_the_same_bytes(ingest: Ingest, loopback: Loopback) -> None:
    feeds.add_feed(ingest.engine, loopback.serve("/feed", rss(("g1", loopback.url("/1"), LONG))))
    stop = threading.Event()
    assert ingest.once(Breaking(ingest.broker, 99, stop.set), stop) == [], "the worker ends between writing and sending"
    assert ingest.records() == []
    (left,) = pending_outbox(ingest.engine)
    loopback.serve("/feed", rss(("g1", loopback.url("/1"), LONG + "Corrected meanwhile.")))
    assert ingest.again() == ["fetched"]
    values = sorted((decode(Article, record.value).revision, record.value) for record in ingest.records())
    assert [revision for revision, _ in values] == [1, 2]
    assert values[0][1] == left.payload
    assert upkeep.count_waiting(ingest.engine) == (0, 0)


def test_a_database_that_comes_back_is_asked_again(ingest: Ingest, loopback: Loopback) -> None:
    feeds.add_feed(ingest.engine, loopback.serve("/feed", rss(("g1", loopback.url("/1"), LONG))))
    asked: list[Connection] = []

    @event.listens_for(ingest.engine, "begin")
    def every_second_time(connection: Connection) -> None:
        asked.append(connection)
        if len(asked) % 2:
            raise DatabaseUnavailable("the database is away")

    assert ingest.once() == ["fetched"]
    event.remove(ingest.engine, "begin", every_second_time)
    assert len(ingest.published()) == 1
    assert upkeep.count_waiting(ingest.engine) == (0, 0)


def test_a_waiting_entry_that_cannot_be_read_is_held_and_harms_no_other(ingest: Ingest, loopback: Loopback) -> None:
    items = [(f"g{n}", loopback.url(f"/{n}"), "Short.") for n in range(3)]
    feeds.add_feed(ingest.engine, loopback.serve("/feed", rss(*items)))

    def spoil(outcome: Outcome) -> None:
        with ingest.engine.begin() as connection:
            first = select(page_queue.c.article_id).order_by(page_queue.c.article_id).limit(1).scalar_subquery()
            connection.execute(update(page_queue).where(page_queue.c.article_id == first).values(payload="{}"))
        stop.set()

    stop = threading.Event()
    run_ingest(ingest.settings, ingest.engine, ingest.broker, stop, once=True, on_outcome=spoil, timing=QUICK)
    assert upkeep.count_waiting(ingest.engine) == (3, 0)
    stop = threading.Event()

    def until_all_were_tried(outcome: Outcome) -> None:
        ingest.outcomes.append(outcome)
        if len(ingest.outcomes) == 3:
            stop.set()

    run_ingest(ingest.settings, ingest.engine, ingest.broker, stop, on_outcome=until_all_were_tried, timing=QUICK)
    assert len(ingest.published()) == 2
    assert upkeep.count_waiting(ingest.engine) == (1, 0)
    assert pages.overdue_pages(ingest.engine) == ()


def test_a_feed_with_an_endless_title_is_read_like_any_other(ingest: Ingest, loopback: Loopback) -> None:
    body = rss(("g1", loopback.url("/1"), LONG), ("g2", loopback.url("/2"), LONG)).replace(b"Title g1", b"word " * 1_800_000)
    feeds.add_feed(ingest.engine, loopback.serve("/feed", body))
    assert ingest.once() == ["fetched"]
    assert sorted(len(article.title) for article in ingest.published()) == [8, 999]


def test_a_message_that_the_broker_never_takes_is_dropped_with_a_log_line_and_holds_up_no_other(
    ingest: Ingest, loopback: Loopback, caplog: pytest.LogCaptureFixture
) -> None:
    feeds.add_feed(ingest.engine, loopback.serve("/feed", rss(("g1", loopback.url("/1"), LONG), ("g2", loopback.url("/2"), LONG))))
    stop = threading.Event()
    ingest.once(Breaking(ingest.broker, 99, stop.set), stop)
    with ingest.engine.begin() as connection:
        first = select(outbox.c.outbox_id).order_by(outbox.c.outbox_id).limit(1).scalar_subquery()
        connection.execute(update(outbox).where(outbox.c.outbox_id == first).values(payload=b"x" * (MAX_RECORD_BYTES + 1)))
    ingest.once()
    assert [article.entry_key for article in ingest.published()] == ["g2"]
    assert upkeep.count_waiting(ingest.engine) == (0, 0)
    assert len([record for record in caplog.records if record.message.startswith("dropped revision 1 of article")]) == 1


def test_bytes_that_are_not_utf8_in_a_status_line_or_a_content_type_are_a_failure_of_their_feed(ingest: Ingest, loopback: Loopback) -> None:
    for name, answer in {
        "reason": b"HTTP/1.1 404 N\xff\r\nContent-Length: 0\r\n\r\n",
        "type": b"HTTP/1.1 200 OK\r\nContent-Type: text/\xff\r\nContent-Length: 5\r\n\r\nhello",
    }.items():
        feeds.add_feed(ingest.engine, loopback.route(f"/{name}", lambda handler, answer=answer: handler.raw(answer)))  # type: ignore[misc]
    assert sorted(ingest.once()) == ["http", "parse"]
    assert all("\ufffd" in (feed.last_error or "") for feed in feeds.list_feeds(ingest.engine))


def test_an_outcome_that_cannot_be_recorded_is_a_plain_failure_of_its_feed(
    ingest: Ingest, loopback: Loopback, caplog: pytest.LogCaptureFixture
) -> None:
    feeds.add_feed(ingest.engine, loopback.serve("/feed", rss(("g1", loopback.url("/1"), LONG))))
    refused = []

    @event.listens_for(ingest.engine, "before_cursor_execute")
    def once(connection: Connection, cursor: object, statement: str, *rest: object) -> None:
        if statement.startswith("INSERT INTO fetches") and not refused:
            refused.append(statement)
            raise UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed")

    assert ingest.once() == ["parse"]
    assert "UnicodeEncodeError" in (ingest.feed().last_error or "")
    assert ingest.feed().failures == 1
    assert "cannot be recorded" in caplog.text
    assert len(ingest.published()) == 1


def test_an_entry_with_an_endless_host_goes_out_with_what_its_feed_gave(ingest: Ingest, loopback: Loopback) -> None:
    host = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=4000))
    feeds.add_feed(ingest.engine, loopback.serve("/feed", rss(("g1", loopback.url("/1"), LONG), ("g2", f"http://{host}/x", "Short."))))
    assert ingest.once() == ["fetched"]
    assert sorted(article.entry_key or "" for article in ingest.published()) == ["g1", "g2"]


def test_an_entry_that_cannot_be_written_down_keeps_none_of_the_others_back(
    ingest: Ingest, loopback: Loopback, caplog: pytest.LogCaptureFixture
) -> None:
    items = [(f"g{n}", loopback.url(f"/{n}"), LONG) for n in range(9)]
    feeds.add_feed(ingest.engine, loopback.serve("/feed", rss(*items)))

    @event.listens_for(ingest.engine, "before_cursor_execute")
    def refuse(connection: Connection, cursor: object, statement: str, parameters: object, *rest: object) -> None:
        if statement.startswith("INSERT INTO sightings") and "'g5'" in repr(parameters):
            raise UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed")

    assert ingest.once() == ["fetched"]
    assert sorted(article.entry_key or "" for article in ingest.published()) == [f"g{n}" for n in range(9) if n != 5]
    assert "1 entries that cannot be written down" in (ingest.outcomes[0].message or "")
    assert [record.__dict__["entry_key"] for record in caplog.records if "cannot be written" in record.message] == ["g5"]


def test_a_missing_topic_ends_the_worker_with_the_remedy_and_loses_nothing(ingest: Ingest, loopback: Loopback) -> None:
    feeds.add_feed(ingest.engine, loopback.serve("/feed", rss(("g1", loopback.url("/1"), LONG))))
    with pytest.raises(ConfigError, match="topics ensure"):
        ingest.once(topic_prefix="elsewhere")
    assert upkeep.count_waiting(ingest.engine) == (0, 1)


def test_a_worker_that_lost_its_lease_records_nothing(ingest: Ingest, loopback: Loopback) -> None:
    def slow(handler: Handler) -> None:
        with ingest.engine.begin() as connection:
            connection.execute(update(feeds_table).values(lease_token="another worker's"))
        handler.answer(200, rss(("g1", loopback.url("/1"), LONG)))

    feeds.add_feed(ingest.engine, loopback.route("/feed", slow))
    assert ingest.once() == []
    assert ingest.published() == []
    assert ingest.feed().last_fetch_at is None


def test_two_workers_share_the_feeds_and_stop_when_told(ingest: Ingest, loopback: Loopback) -> None:
    for n in range(12):
        items = [(f"g{m}", loopback.url(f"/{n}/{m}"), LONG) for m in range(3)]
        feeds.add_feed(ingest.engine, loopback.serve(f"/feed/{n}", rss(*items)))
    stop = threading.Event()
    done: list[Outcome] = []

    def work() -> None:
        run_ingest(ingest.settings, ingest.engine, ingest.broker, stop, on_outcome=done.append, timing=QUICK)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    deadline = time.monotonic() + 60
    while len(done) < 12 and time.monotonic() < deadline:
        time.sleep(0.05)
    stop.set()
    for worker in workers:
        worker.join(60)
    assert not any(worker.is_alive() for worker in workers)
    assert len({outcome.url for outcome in done}) == 12 == len(done)
    assert len({article.id for article in ingest.published()}) == 36


def test_told_to_stop_a_worker_ends_what_it_has_begun(ingest: Ingest, loopback: Loopback) -> None:
    stop = threading.Event()

    def slow(handler: Handler) -> None:
        stop.set()
        time.sleep(0.5)
        handler.answer(200, rss(("g1", loopback.url("/1"), LONG)))

    feeds.add_feed(ingest.engine, loopback.route("/feed", slow))
    assert ingest.once(stop=stop) == ["fetched"]
    assert len(ingest.published()) == 1


def test_told_to_stop_a_worker_ends_in_time_whatever_hangs(ingest: Ingest, loopback: Loopback) -> None:
    stop, release = threading.Event(), threading.Event()

    @event.listens_for(ingest.engine, "begin")
    def hang(connection: Connection) -> None:
        if stop.is_set():
            release.wait(60)

    def slow(handler: Handler) -> None:
        stop.set()
        release.wait(60)

    feeds.add_feed(ingest.engine, loopback.route("/feed", slow))
    worker = threading.Thread(
        target=run_ingest,
        args=(ingest.settings, ingest.engine, ingest.broker, stop),
        kwargs={"timing": replace(QUICK, grace=0.1, last=0.5)},
    )
    worker.start()
    stop.wait(30)
    told = time.monotonic()
    worker.join(30)
    took = time.monotonic() - told
    release.set()
    assert not worker.is_alive()
    assert took < 15
    event.remove(ingest.engine, "begin", hang)


def test_check_tells_step_by_step_and_writes_nothing(loopback: Loopback) -> None:
    settings = Settings.model_validate({"allow_networks": "127.0.0.0/8"})
    good = check_feed(
        settings, loopback.serve("/feed", rss(("g1", loopback.url("/1"), "Short."), ("g2", loopback.url("/2"), LONG)), ETag='"1"')
    )
    assert (good.ok, good.entries, good.problem) == (True, 2, None)
    told = "\n".join(good.steps)
    for words in ("by ETag", "rss20, 'Example', 2 entries", "language: en", "2026-03-02 12:00 UTC", "1 of 2 entries give under 400"):
        assert words in told
    bad = check_feed(settings, loopback.serve("/page", b"<html><body>No feed</body></html>"))
    assert (bad.ok, bad.entries) == (False, 0)
    assert "web page" in (bad.problem or "")
    refused = check_feed(Settings(), loopback.url("/feed"))
    assert "DATELINE_ALLOW_NETWORKS" in (refused.problem or "")
    assert good.as_row()["ok"] is True
