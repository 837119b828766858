"""Hubs that tell of news, on both databases: a real hub on loopback, real workers, real signatures."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import update

from ingest.formats.jsonfeed import read as read_json
from ingest.formats.rss import read as read_rss
from ingest.model import Hub as Named
from ingest.model import ParsedFeed
from ingest.websub import is_signed
from scripts.system import free_ports
from storage import feeds
from storage.engine import reading
from storage.queries import feed_health
from storage.schema_feeds import subscriptions as table
from tests.ingest.conftest import Loopback
from tests.ingest.hub import CHALLENGE, Hub, hubbing, subscribing, until
from tests.ingest.working import LONG, Ingest, rss

REFUSED = (404, b"")


@pytest.fixture
def hub() -> Iterator[Hub]:
    with hubbing() as hub:
        yield hub


@pytest.fixture
def port() -> int:
    return free_ports(1)[0]


def publish(loopback: Loopback, hub: Hub, *names: str) -> bytes:
    """Serve a feed of *names* that says which hub tells of its news; return its body."""
    links = f"<atom:link xmlns:atom='http://www.w3.org/2005/Atom' rel='hub' href='{hub.url}'/>"
    links += f"<atom:link xmlns:atom='http://www.w3.org/2005/Atom' rel='self' href='{loopback.url('/feed')}'/>"
    body = rss(*((name, loopback.url(f"/{name}"), LONG) for name in names), head=links)
    loopback.serve("/feed", body)
    return body


def subscribed(ingest: Ingest, hub: Hub, loopback: Loopback) -> bool:
    """Add the feed and wait until the hub tells of its news."""
    feeds.add_feed(ingest.engine, loopback.url("/feed"))
    return until(lambda: bool(hub.verified) and ingest.feed().hub_until is not None)


def titles(ingest: Ingest, wanted: list[str]) -> bool:
    """Wait until what was published since the last call is *wanted*; return whether it is no more than that."""
    found: list[str] = []

    def enough() -> bool:
        found.extend(article.title for article in ingest.published())
        return len(found) >= len(wanted)

    return until(enough) and found == wanted


def fetches(loopback: Loopback) -> int:
    return sum(request.path == "/feed" for request in loopback.requests)


def outcomes(ingest: Ingest, kind: str = "hub") -> list[str]:
    return [outcome.outcome for outcome in ingest.outcomes if outcome.kind == kind]


def test_what_a_hub_tells_of_is_published_at_once(ingest: Ingest, hub: Hub, loopback: Loopback, port: int) -> None:
    publish(loopback, hub, "g1")
    with subscribing(ingest, port):
        assert subscribed(ingest, hub, loopback)
        assert hub.verified == [(200, CHALLENGE.encode())]
        assert hub.form["hub.mode"] == "subscribe"
        assert hub.form["hub.topic"] == loopback.url("/feed")
        assert titles(ingest, ["Title g1"])
        body = publish(loopback, hub, "g1", "g2")
        assert hub.deliver(body)[0] == 202
        assert titles(ingest, ["Title g2"])
    assert outcomes(ingest) == ["asked", "agreed", "told"] or outcomes(ingest) == ["agreed", "asked", "told"]


def test_while_a_hub_tells_of_news_its_feed_is_fetched_rarely(ingest: Ingest, hub: Hub, loopback: Loopback, port: int) -> None:
    publish(loopback, hub, "g1")
    with subscribing(ingest, port, websub_interval=160_000.0, max_interval=200_000.0):
        assert subscribed(ingest, hub, loopback)
        assert hub.deliver(publish(loopback, hub, "g1", "g2"))[0] == 202
        assert until(lambda: ingest.feed().hub_trusted)
    feed = ingest.feed()
    with reading(ingest.engine) as connection:
        assert [row["pushed_by"] for row in feed_health(connection)] == [hub.url]
    assert feed.next_fetch_why == "its hub tells of news until then"
    assert feed.last_fetch_at is not None
    assert feed.next_fetch_at - feed.last_fetch_at >= timedelta(seconds=160_000)


def test_a_hub_that_keeps_silent_is_no_longer_relied_on(ingest: Ingest, hub: Hub, loopback: Loopback, port: int) -> None:
    publish(loopback, hub, "g1")
    with subscribing(ingest, port):
        assert subscribed(ingest, hub, loopback)
        hub.deliver(publish(loopback, hub, "g1", "g2"))
        assert until(lambda: ingest.feed().hub_trusted)
    publish(loopback, hub, "g1", "g2", "g3")
    ingest.again()
    feed = ingest.feed()
    assert (feed.hub_trusted, feed.hub_until is not None) == (False, True)
    assert "hub" not in feed.next_fetch_why


def test_two_deliveries_of_the_same_entries_give_one_article(ingest: Ingest, hub: Hub, loopback: Loopback, port: int) -> None:
    publish(loopback, hub, "g1")
    with subscribing(ingest, port):
        assert subscribed(ingest, hub, loopback)
        assert titles(ingest, ["Title g1"])
        body = publish(loopback, hub, "g1", "g2")
        assert [hub.deliver(body)[0], hub.deliver(body)[0]] == [202, 202]
        assert titles(ingest, ["Title g2"])
        before = fetches(loopback)
        assert hub.deliver(body)[0] == 202
        assert until(lambda: fetches(loopback) > before)
    assert ingest.again() == ["unchanged"]
    (partition,) = ingest.broker.lag("test", [ingest.settings.articles_topic])
    assert partition.end == 2


def test_news_that_a_hub_tells_of_during_a_fetch_is_fetched_after_it(ingest: Ingest, hub: Hub, loopback: Loopback, port: int) -> None:
    publish(loopback, hub, "g1")
    with subscribing(ingest, port):
        assert subscribed(ingest, hub, loopback)
        body = publish(loopback, hub, "g1", "g2")

        def slow(handler: object) -> None:
            loopback.serve("/feed", publish(loopback, hub, "g1", "g2", "g3"))
            hub.deliver(body)
            handler.answer(200, body)  # type: ignore[attr-defined]

        loopback.route("/feed", slow)
        hub.deliver(body)
        assert until(lambda: len(outcomes(ingest, "feed")) >= 3)
        assert until(lambda: ingest.feed().hub_trusted)
    assert titles(ingest, ["Title g1", "Title g2", "Title g3"])


def test_a_delivery_with_a_wrong_signature_is_thanked_for_and_ignored(ingest: Ingest, hub: Hub, loopback: Loopback, port: int) -> None:
    publish(loopback, hub, "g1")
    with subscribing(ingest, port):
        assert subscribed(ingest, hub, loopback)
        before = fetches(loopback)
        assert hub.deliver(b"news", signature="sha256=00")[0] == 202
        assert until(lambda: "forged" in outcomes(ingest))
    assert (ingest.feed().told_at, fetches(loopback)) == (None, before)


@pytest.mark.parametrize("method", ["sha1", "sha256", "sha384", "sha512"])
def test_every_method_of_the_recommendation_signs(method: str) -> None:
    digest = hmac.new(b"secret", b"news", getattr(hashlib, method)).hexdigest()
    assert is_signed("secret", b"news", f"{method}={digest}")
    assert is_signed("secret", b"news", f"{method.upper()}={digest.upper()}")
    assert not is_signed("secret", b"news!", f"{method}={digest}")
    assert not is_signed("other", b"news", f"{method}={digest}")


@pytest.mark.parametrize("signature", ["", "sha256", "sha256=", "sha256=00", "sha256=\u00e9", "md5=e0b1d5", "=", "sha256=\udc80"])
def test_what_is_no_signature_is_a_wrong_one(signature: str) -> None:
    assert not is_signed("secret", b"news", signature)


ATOM = "xmlns:atom='http://www.w3.org/2005/Atom'"


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (
            read_rss,
            (
                f"<rss version='2.0' {ATOM}><channel><title>t</title><atom:link rel='hub' href='https://hub.example/'/>"
                "<atom:link rel='self' href='/f'/></channel></rss>"
            ),
        ),
        (
            read_rss,
            (
                "<feed xmlns='http://www.w3.org/2005/Atom'><title>t</title><link rel='self' href='https://example.org/f'/>"
                "<link rel='hub' href='https://hub.example/'/><link rel='hub' href='https://second.example/'/></feed>"
            ),
        ),
        (
            read_json,
            (
                '{"version": "https://jsonfeed.org/version/1.1", "title": "t", "items": [], "feed_url": "https://example.org/f",'
                ' "hubs": [{"type": "rssCloud", "url": "https://cloud.example/"}, {"type": "WebSub", "url": "https://hub.example/"}]}'
            ),
        ),
    ],
)
def test_a_feed_names_its_hub_and_itself(read: Callable[[str, str, int], ParsedFeed], text: str) -> None:
    assert read("https://example.org/feed", text, 10).hub == Named("https://hub.example/", "https://example.org/f")


def test_a_header_names_hub_and_feed_before_the_feed_does(ingest: Ingest, loopback: Loopback) -> None:
    head = f"<atom:link {ATOM} rel='hub' href='https://other.example/'/><atom:link {ATOM} rel='self' href='https://example.org/f'/>"
    url = loopback.serve("/feed", rss(("g1", loopback.url("/1"), LONG), head=head), Link='<https://hub.example/>; rel="hub"')
    feeds.add_feed(ingest.engine, url)
    assert ingest.once() == ["fetched"]
    assert (ingest.feed().hub, ingest.feed().topic) == ("https://hub.example/", "https://example.org/f")
    assert ingest.again() == ["unchanged"]
    assert ingest.feed().hub == "https://hub.example/"


def test_what_was_not_asked_for_is_not_confirmed(ingest: Ingest, hub: Hub, loopback: Loopback, port: int) -> None:
    publish(loopback, hub, "g1")
    with subscribing(ingest, port):
        assert subscribed(ingest, hub, loopback)
        elsewhere = hub.form["hub.callback"][:-1] + "_"
        assert hub.verify(**{"hub.topic": "http://example.org/other"})[0] == 404
        assert hub.verify(**{"hub.mode": "unsubscribe"})[0] == 404
        assert hub.verify(**{"hub.challenge": ""})[0] == 404
        assert hub.verify(elsewhere)[0] == 404
        assert hub.deliver(b"news", callback=elsewhere)[0] == 410
        feeds.remove_feed(ingest.engine, loopback.url("/feed"))
        assert (hub.verify()[0], hub.deliver(b"news")[0]) == (404, 410)


def test_a_delivery_of_huge_size_is_refused(ingest: Ingest, hub: Hub, loopback: Loopback, port: int) -> None:
    publish(loopback, hub, "g1")
    with subscribing(ingest, port, fetch_max_bytes=10_000):
        assert subscribed(ingest, hub, loopback)
        assert hub.deliver(b"x" * 20_000)[0] == 413
    assert ingest.feed().told_at is None


def test_a_promise_is_renewed_before_it_runs_out(ingest: Ingest, hub: Hub, loopback: Loopback, port: int) -> None:
    publish(loopback, hub, "g1")
    with subscribing(ingest, port):
        assert subscribed(ingest, hub, loopback)
        first = ingest.feed().hub_until
        hub.lease = 900_000.0
        with ingest.engine.begin() as connection:
            ((asked_at, ask_at),) = connection.execute(table.select().with_only_columns(table.c.asked_at, table.c.ask_at)).all()
            connection.execute(update(table).values(ask_at=asked_at))
        assert first is not None
        assert asked_at < ask_at < first
        assert until(lambda: ingest.feed().hub_until != first)
    assert [form["hub.callback"] for form in hub.asked] == [hub.form["hub.callback"]] * 2


def test_a_feed_whose_hub_refuses_is_fetched_by_its_rhythm(ingest: Ingest, hub: Hub, loopback: Loopback, port: int) -> None:
    publish(loopback, hub, "g1")
    with subscribing(ingest, port):
        assert subscribed(ingest, hub, loopback)
        hub.denies = "no more of that"
        before = fetches(loopback)
        assert hub.verify(**{"hub.mode": "denied", "hub.reason": hub.denies})[0] == 200
        assert until(lambda: fetches(loopback) > before)
    assert (ingest.feed().hub_until, ingest.feed().hub_trusted) == (None, False)
    assert "refused" in outcomes(ingest)
    assert problem(ingest) == "no more of that"


def test_a_hub_that_fails_is_asked_again_ever_later(ingest: Ingest, hub: Hub, loopback: Loopback, port: int) -> None:
    publish(loopback, hub, "g1")
    hub.accepts = 410
    waits = []
    for tries in range(1, 4):
        before = len(hub.asked)
        with subscribing(ingest, port):
            feeds.add_feed(ingest.engine, loopback.url("/feed"))
            assert until(lambda: len(hub.asked) > before and "HTTP 410" in (problem(ingest) or ""))  # noqa: B023
        with ingest.engine.begin() as connection:
            ((number, asked_at, ask_at),) = connection.execute(
                table.select().with_only_columns(table.c.tries, table.c.asked_at, table.c.ask_at)
            ).all()
            waits.append((ask_at - asked_at).total_seconds())
            connection.execute(update(table).values(ask_at=asked_at, problem=None))
        assert number == tries
    assert waits == [900.0, 1800.0, 3600.0]
    assert ingest.feed().hub_until is None


def test_any_worker_may_listen_for_the_others(ingest: Ingest, hub: Hub, loopback: Loopback, port: int) -> None:
    publish(loopback, hub, "g1")
    (second,) = free_ports(1)
    with subscribing(ingest, port, second, 0):
        assert subscribed(ingest, hub, loopback)
        body = publish(loopback, hub, "g1", "g2")
        there = hub.form["hub.callback"].replace(f":{port}/", f":{second}/")
        assert hub.deliver(body, callback=there)[0] == 202
        assert titles(ingest, ["Title g1", "Title g2"])
    assert len(hub.asked) == 1


def problem(ingest: Ingest) -> str | None:
    with ingest.engine.begin() as connection:
        found: str | None = connection.execute(table.select().with_only_columns(table.c.problem)).scalar()
    return found
