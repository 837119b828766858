"""The stage loop on a real embedded broker: nothing lost, nothing dropped, only the offender dead-lettered."""

from __future__ import annotations

import ctypes
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from stream.broker import Broker, Offsets, Record, TopicSpec
from stream.connect import connect_broker
from stream.dead_letters import DeadLetter, read_dead_letter
from stream.errors import BadMessage, ChildLost, ConfigError, DatabaseUnavailable, SchemaTooNew, StageStopped
from stream.isolation import IsolatedPool
from stream.sink import TopicSink
from stream.stage import Limits, Source, Stage, run_stage

GROUP = "t.stage"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'broker.db'}"


@pytest.fixture
def broker(url: str) -> Iterator[Broker]:
    broker = connect_broker(url)
    make_topics(broker)
    yield broker
    broker.close()


def make_topics(broker: Broker) -> None:
    broker.ensure_topics([TopicSpec("in", 2), TopicSpec("out", 2), TopicSpec("dead", 1)])


def record(offset: int, value: bytes = b"a") -> Record:
    return Record("in", 0, offset, b"k", value, (), datetime(2025, 6, 1, tzinfo=UTC))


def decode(record: Record) -> str:
    text = (record.value or b"").decode()
    if text == "new":
        raise SchemaTooNew("schema 2 came in: upgrade this worker")
    if text == "junk":
        raise BadMessage("not a message")
    return text


def upper(messages: Sequence[str]) -> list[str]:
    if any(message.startswith("poison") for message in messages):
        raise ValueError("cannot handle poison")
    return [message.upper() for message in messages]


def make_stage(broker: Broker, handle: Callable[[Sequence[str]], Sequence[str]] = upper) -> Stage[str, str]:
    sink = TopicSink[str](broker, "out", lambda text: (b"k", text.encode()))
    return Stage(GROUP, Source("in", decode, len), sink, handle)


def send(broker: Broker, *values: str, topic: str = "in") -> None:
    producer = broker.producer()
    for value in values:
        producer.send(topic, key=b"k", value=value.encode(), headers=(("trace", b"1"),))
    producer.flush()
    producer.close()


def read(broker: Broker, topic: str) -> list[Record]:
    consumer = broker.consumer(f"reader-{time.monotonic_ns()}", [topic])
    found: list[Record] = []
    while records := consumer.poll(0.3, 1000):
        found.extend(records)
    consumer.close()
    return found


def values(broker: Broker, topic: str = "out") -> list[str]:
    return [(record.value or b"").decode() for record in read(broker, topic)]


def letters(broker: Broker) -> list[DeadLetter]:
    return [read_dead_letter(record) for record in read(broker, "dead")]


def lag(broker: Broker) -> int:
    return sum(partition.lag for partition in broker.lag(GROUP, ["in"]))


def run_until_idle(broker: Broker, stage: Stage[str, str], limits: Limits | None = None, timeout: float = 30.0) -> None:
    """Run *stage* until its group has read everything, then stop it; raises what it raises."""
    stop, raised = threading.Event(), list[BaseException]()

    def run() -> None:
        try:
            run_stage(stage, broker, stop, dead_letters="dead", version="1.2", limits=limits or Limits())
        except BaseException as e:
            raised.append(e)

    thread = threading.Thread(target=run)
    thread.start()
    deadline = time.monotonic() + timeout
    while thread.is_alive() and lag(broker) and time.monotonic() < deadline:
        time.sleep(0.02)
    stop.set()
    thread.join(40)
    assert not thread.is_alive()
    if raised:
        raise raised[0]


def test_results_are_in_order_and_the_group_goes_on_where_it_was(broker: Broker) -> None:
    send(broker, "a", "b")
    run_until_idle(broker, make_stage(broker))
    send(broker, "c")
    run_until_idle(broker, make_stage(broker))
    assert values(broker) == ["A", "B", "C"]


def test_the_line_of_a_batch_says_where_its_records_lie_and_what_they_are_called(broker: Broker, caplog: pytest.LogCaptureFixture) -> None:
    send(broker, "a", "b", "c")
    partition = read(broker, "in")[0].partition
    with caplog.at_level(logging.INFO, "dateline.stage"):
        run_until_idle(broker, make_stage(broker), Limits(records=2))
    told = [record.__dict__ for record in caplog.records if record.message == "batch committed"]
    assert [(line["stage"], line["offsets"]) for line in told] == [(GROUP, [f"in/{partition}/0-1"]), (GROUP, [f"in/{partition}/2-2"])]
    assert [line["keys"] for line in told] == [["k", "k"], ["k"]]


def test_transient_failure_is_retried_in_place_and_nothing_is_dropped(broker: Broker) -> None:
    send(broker, "a", "b", "c")
    left = [2]

    def handle(messages: Sequence[str]) -> list[str]:
        if left[0]:
            left[0] -= 1
            raise DatabaseUnavailable("away")
        return upper(messages)

    run_until_idle(broker, make_stage(broker, handle))
    assert values(broker) == ["A", "B", "C"]
    assert letters(broker) == []


def test_only_the_offender_is_dead_lettered_with_its_bytes_untouched(broker: Broker) -> None:
    send(broker, "a", "poison", "b", "c", "d", "e", "f")
    run_until_idle(broker, make_stage(broker))
    assert values(broker) == ["A", "B", "C", "D", "E", "F"]
    [letter] = letters(broker)
    assert (letter.key, letter.value, letter.headers) == (b"k", b"poison", (("trace", b"1"),))
    assert (letter.stage, letter.topic, letter.offset, letter.version) == (GROUP, "in", 1, "1.2")
    assert (letter.error_class, letter.message) == ("ValueError", "cannot handle poison")
    assert "in upper" in letter.trace
    assert letter.attempt > 1


def test_bytes_that_are_no_message_are_dead_lettered_and_the_rest_passes(broker: Broker) -> None:
    send(broker, "a", "junk", "b", "junk")
    run_until_idle(broker, make_stage(broker))
    assert values(broker) == ["A", "B"]
    assert [(letter.value, letter.error_class) for letter in letters(broker)] == [(b"junk", "BadMessage")] * 2


def test_a_chunk_of_nothing_but_junk_is_committed(broker: Broker) -> None:
    send(broker, "junk")
    run_until_idle(broker, make_stage(broker))
    assert lag(broker) == 0
    assert len(letters(broker)) == 1


@pytest.mark.parametrize(
    ("sent", "error", "says"),
    [
        (["a", "new", "b"], SchemaTooNew, "upgrade this worker"),
        (["poison"] * 21, StageStopped, "21 records failed in a row.*DATELINE_FAILURES_IN_ROW"),
        (["junk"] * 21, StageStopped, "21 records failed in a row"),
    ],
)
def test_fault_of_the_stage_stops_it_and_commits_nothing(broker: Broker, sent: list[str], error: type[StageStopped], says: str) -> None:
    send(broker, *sent)
    with pytest.raises(error, match=says):
        run_until_idle(broker, make_stage(broker))
    assert lag(broker) == len(sent)
    assert letters(broker) == []


def test_a_fifth_of_the_last_records_failing_stops_the_stage(broker: Broker) -> None:
    send(broker, *["ok", "ok", "poison"] * 150)
    with pytest.raises(StageStopped, match="101 of the last"):
        run_until_idle(broker, make_stage(broker))


def test_a_setting_that_cannot_be_used_stops_the_stage_instead_of_dead_lettering(broker: Broker) -> None:
    def handle(_: Sequence[str]) -> list[str]:
        raise ConfigError("no such pipeline")

    send(broker, "a")
    with pytest.raises(ConfigError, match="no such pipeline"):
        run_until_idle(broker, make_stage(broker, handle))
    assert lag(broker) == 1


def test_a_child_lost_once_costs_no_record(broker: Broker) -> None:
    lost = [1]

    def handle(messages: Sequence[str]) -> list[str]:
        if lost[0]:
            lost[0] -= 1
            raise ChildLost("killed by somebody else", cause="crash")
        return upper(messages)

    send(broker, "a")
    run_until_idle(broker, make_stage(broker, handle))
    assert values(broker) == ["A"]
    assert letters(broker) == []


def test_a_child_lost_again_and_again_dead_letters_its_record(broker: Broker) -> None:
    def handle(messages: Sequence[str]) -> list[str]:
        if "bad" in messages:
            raise ChildLost("crashed", cause="crash")
        return upper(messages)

    send(broker, "a", "bad", "b")
    run_until_idle(broker, make_stage(broker, handle))
    assert values(broker) == ["A", "B"]
    assert [letter.value for letter in letters(broker)] == [b"bad"]


@pytest.mark.parametrize(("message", "cause"), [("segfault", "crash"), ("exit", "crash"), ("loop", "timeout"), ("hoard", "memory")])
def test_a_record_that_costs_a_real_child_is_dead_lettered_alone_with_its_cause(broker: Broker, message: str, cause: str) -> None:
    pool = IsolatedPool(1, memory_bytes=2 * 1024**3)
    send(broker, "a", "b", message, "c", "d")
    try:
        run_until_idle(broker, make_stage(broker, lambda messages: pool.run(endure, tuple(messages), timeout=2.0)), timeout=90.0)
    finally:
        pool.close()
    assert values(broker) == ["A", "B", "C", "D"]
    [letter] = letters(broker)
    assert (letter.value, letter.error_class, letter.cause) == (message.encode(), "ChildLost", cause)


def endure(messages: Sequence[str]) -> list[str]:
    """Do in a child what some messages make a library do."""
    if "segfault" in messages:
        ctypes.string_at(0)
    if "exit" in messages:
        os._exit(7)
    if "hoard" in messages:
        bytearray(4 * 1024**3)
    while "loop" in messages:
        pass
    return upper(messages)


def test_a_batch_given_up_while_stopping_dead_letters_nothing(broker: Broker) -> None:
    started, stop, over = threading.Event(), threading.Event(), threading.Event()

    def handle(_: Sequence[str]) -> list[str]:
        started.set()
        over.wait(20)
        raise ChildLost("the pool was closed", cause="crash")

    send(broker, "a", "b", "c")
    arguments: dict[str, Any] = {"dead_letters": "dead", "version": "1", "limits": Limits(drain=0.5)}
    run = threading.Thread(target=run_stage, args=(make_stage(broker, handle), broker, stop), kwargs=arguments)
    run.start()
    started.wait(10)
    stop.set()
    run.join(10)
    over.set()
    time.sleep(0.5)
    assert not run.is_alive()
    assert letters(broker) == []
    assert lag(broker) == 3


def test_chunks_are_bounded_by_records_and_characters(broker: Broker) -> None:
    sizes: list[list[int]] = []

    def handle(messages: Sequence[str]) -> list[str]:
        sizes.append([len(message) for message in messages])
        return list(messages)

    send(broker, "x" * 60, "x" * 60, "x" * 500, "x", "x", "x", "x")
    run_until_idle(broker, make_stage(broker, handle), Limits(records=3, chars=100))
    assert [size for chunk in sizes for size in chunk] == [60, 60, 500, 1, 1, 1, 1]
    assert all(len(chunk) <= 3 and (sum(chunk) <= 100 or len(chunk) == 1) for chunk in sizes)


def test_sink_gets_the_offsets_with_a_whole_chunk_and_after_the_dead_letters_otherwise(broker: Broker) -> None:
    delivered: list[tuple[list[str], dict[int, int]]] = []

    class Recorder:
        def deliver(self, results: Sequence[str], offsets: Offsets) -> None:
            delivered.append((list(results), {tp.partition: offset for tp, offset in offsets.items()}))

        def close(self) -> None:
            pass

    stage = Stage(GROUP, Source("in", decode, len), Recorder(), upper)
    send(broker, "a", "b")
    run_until_idle(broker, stage)
    send(broker, "c", "poison")
    run_until_idle(broker, stage)
    [partition] = delivered[0][1]
    assert delivered == [(["A", "B"], {partition: 2}), (["C"], {}), ([], {partition: 4})]


def test_stopping_finishes_the_chunk_under_way_and_leaves_the_rest(broker: Broker) -> None:
    started, stop = threading.Event(), threading.Event()

    def handle(messages: Sequence[str]) -> list[str]:
        started.set()
        time.sleep(0.5)
        return upper(messages)

    send(broker, "a", "b", "c")
    arguments: dict[str, Any] = {"dead_letters": "dead", "version": "1", "limits": Limits(records=1)}
    thread = threading.Thread(target=run_stage, args=(make_stage(broker, handle), broker, stop), kwargs=arguments)
    thread.start()
    started.wait(10)
    stop.set()
    thread.join(20)
    assert values(broker) == ["A"]
    assert lag(broker) == 2


def test_sigterm_drains_commits_and_ends_with_exit_code_0(broker: Broker, url: str) -> None:
    code = (
        "import sys, time\n"
        "from stream.signals import stop_on_signals\n"
        "from stream.connect import connect_broker\n"
        "from stream.stage import run_stage\n"
        "from tests.stream.test_stage import make_stage, upper\n"
        "def slow(messages):\n"
        "    print('handling', flush=True)\n"
        "    time.sleep(1.0)\n"
        "    return upper(messages)\n"
        "stop = stop_on_signals()\n"
        "broker = connect_broker(sys.argv[1])\n"
        "run_stage(make_stage(broker, slow), broker, stop, dead_letters='dead', version='1')\n"
    )
    send(broker, "a", "b")
    process = subprocess.Popen([sys.executable, "-c", code, url], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "handling\n"
    process.terminate()
    assert process.wait(30) == 0
    assert values(broker) == ["A", "B"]
    assert lag(broker) == 0


def test_members_that_join_while_batches_are_under_way_lose_nothing(broker: Broker) -> None:
    def handle(messages: Sequence[str]) -> list[str]:
        time.sleep(0.05)
        return upper(messages)

    producer = broker.producer()
    sent = [f"m{n}" for n in range(300)]
    for value in sent:
        producer.send("in", key=value.encode(), value=value.encode())
    producer.flush()
    stops = [threading.Event() for _ in range(3)]
    arguments: dict[str, Any] = {"dead_letters": "dead", "version": "1", "limits": Limits(records=5)}
    threads = [
        threading.Thread(target=run_stage, args=(make_stage(broker, handle), broker, stop), kwargs=arguments, daemon=True) for stop in stops
    ]
    for thread in threads:
        thread.start()
        time.sleep(0.4)
    stops[0].set()
    deadline = time.monotonic() + 60
    while lag(broker) and time.monotonic() < deadline:
        time.sleep(0.05)
    for stop in stops:
        stop.set()
    for thread in threads:
        thread.join(40)
    assert set(values(broker)) == {value.upper() for value in sent}
    assert letters(broker) == []
