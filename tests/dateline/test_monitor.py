"""A watched worker on a real embedded broker and database: its numbers, and what it answers over HTTP."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine

from dateline.monitor import Monitor, serving
from ingest.outcome import Outcome
from scripts.system import free_ports
from storage.engine import transaction
from storage.feeds import add_feed
from stream.broker import Broker, TopicPartition, TopicSpec
from stream.chunk import Batch
from stream.connect import connect_broker
from stream.errors import ConfigError
from stream.sink import TopicSink
from stream.stage import Poll, Source, Stage, run_stage
from tests.dateline.running import until

GROUP, TOPIC = "t.stage", "in"
BOTH = frozenset({TopicPartition(TOPIC, 0), TopicPartition(TOPIC, 1)})


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = connect_broker(f"sqlite:///{tmp_path / 'broker.db'}")
    broker.ensure_topics([TopicSpec(TOPIC, 2), TopicSpec("out", 1), TopicSpec("dead", 1)])
    yield broker
    broker.close()


def a_monitor(broker: Broker, engine: Engine | None = None, *, topic: str = TOPIC, patience: float = 900.0) -> Monitor:
    return Monitor("test", (GROUP,), {GROUP: topic}, broker, engine, patience)


def a_fetching_monitor(broker: Broker, engine: Engine, patience: float = 900.0) -> Monitor:
    return Monitor("ingest", (), {GROUP: TOPIC}, broker, engine, patience)


def numbers(monitor: Monitor) -> dict[str, float]:
    """Return every sample as ``name{label}`` with the labels' values alone, in the order of their names."""
    text = monitor.answer("/metrics")[2].decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {f"{one.name}{{{','.join(one.labels.values())}}}": one.value for one in samples}


def send(broker: Broker, *values: str) -> None:
    producer = broker.producer()
    for value in values:
        producer.send(TOPIC, key=value.encode(), value=value.encode())
    producer.flush()
    producer.close()


def test_a_stage_tells_of_its_polls_batches_and_dead_letters(broker: Broker) -> None:
    def handle(values: Sequence[str]) -> Sequence[str]:
        if "poison" in values:
            raise ValueError("cannot handle poison")
        return values

    monitor, stop, done = a_monitor(broker), threading.Event(), []

    def on_batch(batch: Batch) -> None:
        monitor.on_batch(batch)
        done.append(batch.records)
        if sum(done) == 5:
            stop.set()

    send(broker, "a", "b", "poison", "c", "d")
    monitor.look()
    assert numbers(monitor)["dateline_lag_records{t.stage}"] == 5
    sink = TopicSink[str](broker, "out", lambda value: (b"k", value.encode()))
    source = Source(TOPIC, lambda record: (record.value or b"").decode(), len)
    run_stage(
        Stage(GROUP, source, sink, handle), broker, stop, dead_letters="dead", version="0", on_batch=on_batch, on_poll=monitor.on_poll
    )
    monitor.look()
    found = numbers(monitor)
    assert found["dateline_records_total{done,t.stage}"] == 4
    assert found["dateline_records_total{dead-letter,t.stage}"] == 1
    assert found["dateline_dead_letters_total{ValueError,t.stage}"] == 1
    assert found["dateline_batch_seconds_count{t.stage}"] == len(done)
    assert found["dateline_assigned_partitions{t.stage}"] == 2
    assert found["dateline_rebalances_total{t.stage}"] == 1
    assert (found["dateline_lag_records{t.stage}"], found["dateline_lag_seconds{t.stage}"]) == (0, 0)
    assert found["dateline_reachable{broker}"] == 1
    assert found["dateline_last_poll_age_seconds{t.stage}"] >= 0


def test_records_that_wait_in_its_partitions_make_an_idle_worker_red(broker: Broker) -> None:
    monitor = a_monitor(broker, patience=0.0)
    send(broker, "a", "b", "c")
    monitor.on_poll(Poll(GROUP, 0, BOTH))
    monitor.look()
    assert monitor.answer("/livez")[0] == 503
    assert b"t.stage: 3 wait and nothing was done" in monitor.answer("/livez")[2]
    monitor.on_batch(Batch(GROUP, 3, (), 0.1, datetime.now(UTC)))
    assert a_monitor(broker).answer("/livez") == (200, "text/plain; charset=utf-8", b"alive\n")


def test_a_stage_that_hangs_turns_red_and_green_again_when_it_goes_on(broker: Broker) -> None:
    monitor, stop, hanging, go_on = a_monitor(broker, patience=0.3), threading.Event(), threading.Event(), threading.Event()

    def handle(values: Sequence[str]) -> Sequence[str]:
        hanging.set()
        go_on.wait(30)
        return ()

    stage = Stage(GROUP, Source(TOPIC, lambda record: "x", len), TopicSink[str](broker, "out", lambda value: (b"k", b"")), handle)
    watched = {"on_batch": monitor.on_batch, "on_poll": monitor.on_poll}
    worker = threading.Thread(target=lambda: run_stage(stage, broker, stop, dead_letters="dead", version="0", **watched))
    send(broker, "a")
    worker.start()
    assert hanging.wait(30)
    assert until(lambda: looked_at(monitor) == 503)
    go_on.set()
    assert until(lambda: looked_at(monitor) == 200)
    stop.set()
    worker.join(30)


def test_a_stage_that_waits_on_purpose_is_alive(broker: Broker) -> None:
    monitor = a_monitor(broker, patience=0.5)
    send(broker, "a", "b", "c")
    monitor.on_poll(Poll(GROUP, 3, BOTH))
    assert until(lambda: looked_at(monitor) == 503)
    monitor.on_rest(GROUP)
    assert looked_at(monitor) == 200


def looked_at(monitor: Monitor) -> int:
    monitor.look()
    return monitor.answer("/livez")[0]


def test_records_in_partitions_of_others_are_not_its_fault(broker: Broker) -> None:
    monitor = a_monitor(broker, patience=0.0)
    send(broker, "a", "b", "c")
    monitor.look()
    monitor.on_poll(Poll(GROUP, 0, frozenset()))
    monitor.look()
    assert b"wait" not in monitor.answer("/livez")[2]


def test_ready_once_broker_and_database_answered(broker: Broker, engine: Engine) -> None:
    monitor = a_monitor(broker, engine)
    assert monitor.answer("/readyz")[0] == 503
    assert monitor.look()
    assert monitor.answer("/readyz") == (200, "text/plain; charset=utf-8", b"ready\n")


def test_a_topic_that_is_missing_is_named_with_the_remedy(broker: Broker) -> None:
    monitor = a_monitor(broker, topic="nowhere")
    assert not monitor.look()
    status, _, body = monitor.answer("/readyz")
    assert (status, body) == (503, b"broker: the topic nowhere does not exist: `dateline topics ensure` makes it\n")
    assert numbers(monitor)["dateline_reachable{broker}"] == 0
    assert monitor.answer("/livez")[0] == 200


def test_fetches_are_counted_and_what_is_due_is_shown(broker: Broker, engine: Engine) -> None:
    monitor = a_fetching_monitor(broker, engine)
    add_feed(engine, "https://example.org/news.rss")
    monitor.look()
    monitor.on_outcome(Outcome("feed", "https://example.org/news.rss", "fetched", 0.5, entries=3, new=2, changed=1))
    monitor.on_outcome(Outcome("feed", "https://example.org/news.rss", "timeout", 30.0))
    found = numbers(monitor)
    assert found["dateline_waiting{feeds}"] == 1
    assert found["dateline_fetches_total{feed,fetched}"] == found["dateline_fetches_total{feed,timeout}"] == 1
    assert (found["dateline_entries_total{new}"], found["dateline_entries_total{changed}"]) == (2, 1)
    assert found["dateline_lag_records{t.stage}"] == 0  # of those who read what is published


def test_feeds_that_stay_due_make_an_idle_ingest_worker_red(broker: Broker, engine: Engine) -> None:
    monitor = a_fetching_monitor(broker, engine, patience=0.0)
    monitor.look()
    assert b"wait" not in monitor.answer("/livez")[2]
    add_feed(engine, "https://example.org/news.rss")
    monitor.look()
    assert monitor.answer("/livez")[2].startswith(b"feeds: 1 wait and nothing was done")


def test_transactions_are_measured_by_how_they_ended(broker: Broker, engine: Engine) -> None:
    monitor = a_monitor(broker, engine)
    with transaction(engine):
        pass
    with pytest.raises(KeyError), transaction(engine):
        raise KeyError
    found = numbers(monitor)
    assert found["dateline_database_seconds_count{commit}"] == found["dateline_database_seconds_count{rollback}"] == 1


def get(url: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as e:
        return e.code, e.read()


def test_the_pages_are_served_while_the_worker_runs(broker: Broker) -> None:
    (port,) = free_ports(1)
    with serving(a_monitor(broker), "127.0.0.1", port):
        assert get(f"http://127.0.0.1:{port}/livez") == (200, b"alive\n")
        assert b"dateline_records_total" in get(f"http://127.0.0.1:{port}/metrics")[1]
        assert get(f"http://127.0.0.1:{port}/")[0] == 404
    with pytest.raises(urllib.error.URLError):
        get(f"http://127.0.0.1:{port}/livez")


def test_a_port_that_is_taken_is_named(broker: Broker) -> None:
    (port,) = free_ports(1)
    with ExitStack() as stack:
        stack.enter_context(serving(a_monitor(broker), "127.0.0.1", port))
        with pytest.raises(ConfigError, match=rf"127.0.0.1:{port} .*DATELINE_METRICS_PORT"):
            stack.enter_context(serving(a_monitor(broker), "127.0.0.1", port))
