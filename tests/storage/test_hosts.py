"""How hosts are spared, over all workers: threads and processes on both databases."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, select, update

from storage import feeds, hosts, leases, upkeep
from storage.engine import reading, transaction
from storage.hosts import HostLimits, place_of
from storage.leases import FeedLease
from storage.schema_feeds import feed_hosts
from tests.storage.ingesting import FREELY, RECORD, leased
from tests.storage.ingesting import update as changed

TWO = HostLimits(connections=2, pause=0.0)
WORKER = """
import sys, time
from storage import leases
from storage.engine import connect_database
from storage.hosts import HostLimits
engine = connect_database(sys.argv[1])
for _ in range(10):
    for lease in leases.claim_due(engine, 8, 60.0, HostLimits(2, 0.3)):
        print(lease.feed.url, time.time(), flush=True)
        leases.put_feed_off(engine, lease, 3600.0, "done")
    time.sleep(0.1)
"""
VISITOR = """
import sys, time, uuid
from storage import hosts
from storage.engine import connect_database
from storage.hosts import HostLimits
engine, done = connect_database(sys.argv[1]), 0
while done < 5:
    token = uuid.uuid4().hex
    if wait := hosts.visit(engine, "a.example", token, 60.0, HostLimits(2, 0.3)):
        time.sleep(wait)
        continue
    print(token, time.time(), flush=True)
    hosts.leave(engine, "a.example", token)
    done += 1
"""


def add(engine: Engine, *urls: str) -> None:
    for url in urls:
        feeds.add_feed(engine, url)


def urls(claimed: Sequence[FeedLease]) -> list[str]:
    return [lease.feed.url for lease in claimed]


def ready_now(engine: Engine) -> None:
    with transaction(engine) as connection:
        connection.execute(update(feed_hosts).values(ready_at=feeds.database_time(engine)))


def failures(engine: Engine) -> dict[str, int]:
    with reading(engine) as connection:
        return dict(connection.execute(select(feed_hosts.c.host, feed_hosts.c.failures)).all())


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://News.example/feed", "news.example"),
        ("http://news.example:80/feed", "news.example"),
        ("https://news.example:8443/feed", "news.example:8443"),
        ("http://[::1]:8080/", "[::1]:8080"),
        (" https://bücher.example/ ", "xn--bcher-kva.example"),
        ("https://" + "a" * 500 + ".example/", "a" * 300),
        ("https://[bad", "https://[bad"),
    ],
)
def test_a_feed_is_at_a_host_and_port(url: str, place: str) -> None:
    assert place_of(url) == place


def test_a_host_has_two_feeds_under_way_and_the_others_do_not_stand_in_the_way(engine: Engine) -> None:
    add(engine, *(f"https://big.example/{n}" for n in range(8)), "https://small.example/")
    first = leases.claim_due(engine, 4, 60.0, TWO)
    assert urls(first) == ["https://big.example/0", "https://big.example/1", "https://small.example/"]
    assert leases.claim_due(engine, 4, 60.0, TWO) == ()
    leases.record_outcome(engine, first[0], changed(first[0].feed), RECORD)
    assert urls(leases.claim_due(engine, 4, 60.0, TWO)) == ["https://big.example/2"]


def test_leases_that_ran_out_do_not_count(engine: Engine) -> None:
    add(engine, "https://big.example/1", "https://big.example/2", "https://big.example/3")
    assert len(leases.claim_due(engine, 10, 0.0, TWO)) == 2
    assert len(leases.claim_due(engine, 10, 60.0, TWO)) == 2


def test_a_host_is_asked_again_after_its_pause_and_others_are_meanwhile(engine: Engine) -> None:
    add(engine, "https://a.example/1", "https://a.example/2", "https://a.example:8443/3")
    slow = HostLimits(connections=1, pause=30.0)
    held = leases.claim_due(engine, 10, 60.0, slow)
    assert urls(held) == ["https://a.example/1", "https://a.example:8443/3"]
    for lease in held:
        leases.record_outcome(engine, lease, changed(lease.feed), RECORD)
    assert leases.claim_due(engine, 10, 60.0, slow) == ()
    assert (leases.anything_left(engine, HostLimits(1, 1.0)), leases.anything_left(engine, slow)) == (False, True)
    ready_now(engine)
    assert urls(leases.claim_due(engine, 10, 60.0, slow)) == ["https://a.example/2"]


def test_threads_never_hold_more_than_two_feeds_of_a_host_together(engine: Engine) -> None:
    add(engine, *(f"https://{name}.example/{n}" for name in "abc" for n in range(10)))

    def work(_: int) -> list[str]:
        return [place_of(lease.feed.url) for _ in range(5) for lease in leases.claim_due(engine, 7, 60.0, TWO)]

    with ThreadPoolExecutor(4) as pool:
        held = [host for part in pool.map(work, range(4)) for host in part]
    assert sorted(held) == ["a.example", "a.example", "b.example", "b.example", "c.example", "c.example"]


def test_processes_ask_a_host_no_more_often_together_than_one_alone(engine: Engine, database_url: str) -> None:
    add(engine, *(f"https://a.example/{n}" for n in range(40)))
    began = time.time()
    told = told_by([WORKER, WORKER], database_url)
    took = max(float(at) for _, at in told) - began
    assert len({url for url, _ in told}) == len(told) > 2
    assert len(told) <= 2 + took / 0.3


def test_processes_take_turns_at_a_host_with_visits_and_leases_alike(engine: Engine, database_url: str) -> None:
    add(engine, *(f"https://a.example/{n}" for n in range(40)))
    began = time.time()
    told = told_by([VISITOR, VISITOR, WORKER], database_url)
    took = max(float(at) for _, at in told) - began
    assert len({name for name, _ in told}) == len(told) >= 10
    assert len(told) <= 2 + took / 0.3


def told_by(programs: Sequence[str], database_url: str) -> list[list[str]]:
    """Run *programs* beside each other; return the words of the lines that they wrote."""
    running = [subprocess.Popen([sys.executable, "-c", one, database_url], stdout=subprocess.PIPE, text=True) for one in programs]
    return [line.split() for one in running for line in one.communicate(timeout=120)[0].splitlines()]


def test_a_visit_is_one_of_the_two_that_are_under_way_at_a_host(engine: Engine) -> None:
    add(engine, "https://a.example/1", "https://a.example/2", "https://b.example/1")
    assert hosts.visit(engine, "a.example", "one", 60.0, TWO) == 0.0
    assert hosts.visit(engine, "a.example", "two", 60.0, TWO) > 0.0
    assert urls(leases.claim_due(engine, 10, 60.0, TWO)) == ["https://a.example/1", "https://b.example/1"]
    hosts.leave(engine, "a.example", "two")
    assert leases.claim_due(engine, 10, 60.0, TWO) == ()
    hosts.leave(engine, "a.example", "one")
    assert urls(leases.claim_due(engine, 10, 60.0, TWO)) == ["https://a.example/2"]
    assert hosts.visit(engine, "a.example", "two", 60.0, TWO) > 0.0


def test_the_visit_of_a_worker_that_died_ends_by_itself(engine: Engine) -> None:
    assert hosts.visit(engine, "a.example", "dead", 0.0, TWO) == 0.0
    assert hosts.visit(engine, "a.example", "other", 60.0, TWO) == 0.0
    hosts.leave(engine, "a.example", "dead")
    assert hosts.visit(engine, "a.example", "third", 60.0, TWO) > 0.0


def test_who_holds_a_lease_at_a_host_has_a_place_there_and_waits_for_the_pause_alone(engine: Engine) -> None:
    one = HostLimits(connections=1, pause=30.0)
    add(engine, "https://a.example/1")
    assert leases.claim_due(engine, 1, 60.0, one)
    assert 29.0 < hosts.visit(engine, "a.example", None, 60.0, one) <= 30.0
    ready_now(engine)
    assert hosts.visit(engine, "a.example", "stranger", 60.0, one) == hosts.LOOK_AGAIN
    assert hosts.visit(engine, "a.example", None, 60.0, one) == 0.0


def test_a_host_that_asked_for_a_pause_is_not_visited_before_it_is_over(engine: Engine) -> None:
    lease = leased(engine, "https://a.example/1")
    changes = changed(lease.feed, host="b.example", host_pause=900.0, host_failures=1)
    assert hosts.visit(engine, "b.example", "one", 60.0, FREELY) == 0.0
    leases.record_outcome(engine, lease, changes, RECORD)
    assert 890.0 < hosts.visit(engine, "b.example", "two", 60.0, FREELY) <= 900.0


def test_hosts_that_were_visited_long_ago_are_forgotten_and_those_of_feeds_are_not(engine: Engine) -> None:
    add(engine, "https://a.example/1")
    hosts.visit(engine, "b.example", None, 60.0, FREELY)
    upkeep.prune(engine, keep_days=-1.0)
    assert set(failures(engine)) == {"a.example"}


def test_a_host_that_asks_for_a_pause_has_all_its_feeds_wait(engine: Engine) -> None:
    there = ["https://a.example/1", "https://a.example/2", "http://a.example/3", "https://a.example:8443/4", "https://www.a.example/5"]
    add(engine, *there)
    lease, *others = leases.claim_due(engine, 10, 60.0, FREELY)
    leases.release_feeds(engine, others)
    paused = changed(lease.feed, delay=900.0, failures=1, error="HTTP 429", host="a.example", host_pause=900.0, host_failures=1)
    leases.record_outcome(engine, lease, paused, RECORD)
    assert urls(leases.claim_due(engine, 10, 60.0, FREELY)) == there[3:]
    waiting = [feed for feed in feeds.list_feeds(engine) if feed.url in there[1:3]]
    assert {feed.next_fetch_why for feed in waiting} == {f"a.example is left alone: feed {lease.feed.feed_id} got fetched 200"}


def test_a_pause_also_holds_for_a_feed_that_was_under_way_or_comes_to_the_host_later(engine: Engine) -> None:
    add(engine, "https://a.example/1", "https://a.example/2")
    one, other = leases.claim_due(engine, 10, 60.0, FREELY)
    leases.record_outcome(engine, one, changed(one.feed, host="a.example", host_pause=900.0, host_failures=1), RECORD)
    leases.record_outcome(engine, other, changed(other.feed, delay=-1.0, host="a.example", host_failures=0), RECORD)
    add(engine, "https://a.example/3")
    assert leases.claim_due(engine, 10, 60.0, FREELY) == ()


def test_failures_of_a_host_are_handed_to_whoever_asks_it_next(engine: Engine) -> None:
    add(engine, "https://dead.example/1", "https://dead.example/2")
    for times in range(3):
        lease = leases.claim_due(engine, 1, 60.0, FREELY)[0]
        assert lease.host_failures == times
        failed = changed(lease.feed, delay=0.0, host="dead.example", host_pause=900.0, host_failures=times + 1)
        leases.record_outcome(engine, lease, failed, RECORD)
        ready_now(engine)
        for feed in feeds.list_feeds(engine):
            feeds.move_feed(engine, feed.feed_id, feed.url)
    lease = leases.claim_due(engine, 1, 60.0, FREELY)[0]
    leases.record_outcome(engine, lease, changed(lease.feed, host="dead.example", host_failures=0), RECORD)
    assert failures(engine) == {"dead.example": 0}


def test_a_feed_that_moves_takes_its_turns_at_its_new_host(engine: Engine) -> None:
    lease = leased(engine, "https://old.example/feed")
    leases.record_outcome(engine, lease, changed(lease.feed, delay=-1.0, url="https://new.example/feed"), RECORD)
    add(engine, "https://new.example/1", "https://new.example/2")
    assert len(leases.claim_due(engine, 10, 60.0, TWO)) == 2
    assert set(failures(engine)) == {"old.example", "new.example"}


def test_a_feed_that_is_put_off_is_due_later_and_says_why(engine: Engine) -> None:
    lease = leased(engine)
    leases.put_feed_off(engine, lease, 900.0, "its host is left alone")
    (feed,) = feeds.list_feeds(engine)
    assert (feed.next_fetch_why, feed.failures, feed.last_fetch_at) == ("its host is left alone", 0, None)
    assert leases.claim_due(engine, 10, 60.0, FREELY) == ()
    leases.put_feed_off(engine, lease, -1.0, "too late")
    assert leases.claim_due(engine, 10, 60.0, FREELY) == ()
