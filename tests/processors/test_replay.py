"""Stored articles go through the process stage once more, under the run they were sent with, and only while little else waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from processors.worker import RUN, replay_stage, send_replay
from stream.broker import Broker, TopicSpec
from stream.connect import connect_broker
from stream.dead_letters import read_dead_letter
from stream.messages import AnnotatedArticle, Article, decode
from stream.settings import Settings
from stream.stage import run_stage
from tests.storage.samples import annotated, article

GROUP = "t.process.replay"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate({"data_dir": tmp_path, "topic_prefix": "t"})


@pytest.fixture
def broker(settings: Settings) -> Iterator[Broker]:
    broker = connect_broker(settings.broker)
    broker.ensure_topics([TopicSpec(name, 1) for name in (settings.replay_topic, settings.annotated_topic, settings.dead_letters_topic)])
    yield broker
    broker.close()


class Coder:
    """Annotates without a pipeline; its own run is 1."""

    def annotate(self, articles: Sequence[Article]) -> tuple[AnnotatedArticle, ...]:
        return tuple(annotated(one.id) for one in articles)


def replay(settings: Settings, broker: Broker, free: threading.Event) -> None:
    """Run the stage until a batch is done or a while is over; batches begin once *free* is set."""
    stop = threading.Event()

    def wait() -> None:
        free.wait(20.0)

    threading.Timer(20.0, stop.set).start()
    stage = replay_stage(settings, broker, Coder(), GROUP, wait)
    run_stage(stage, broker, stop, dead_letters=settings.dead_letters_topic, version="1", on_batch=lambda batch: stop.set())


def read(broker: Broker, topic: str) -> list[AnnotatedArticle]:
    return [decode(AnnotatedArticle, record.value) for record in broker.consumer(f"r{time.monotonic_ns()}", [topic]).poll(2.0, 100)]


def test_an_annotation_counts_as_the_run_that_was_asked_for(settings: Settings, broker: Broker) -> None:
    producer, free = broker.producer(), threading.Event()
    for number in range(3):
        send_replay(producer, settings.replay_topic, article(f"a{number}"), 7)
    producer.flush()
    free.set()
    replay(settings, broker, free)
    assert [(one.article.id, one.run) for one in read(broker, settings.annotated_topic)] == [("a0", 7), ("a1", 7), ("a2", 7)]


def test_a_record_without_a_run_is_a_dead_letter(settings: Settings, broker: Broker) -> None:
    producer, free = broker.producer(), threading.Event()
    producer.send(settings.replay_topic, key=b"a", value=b"{}", headers=((RUN, b"first"),))
    producer.flush()
    free.set()
    replay(settings, broker, free)
    [record] = broker.consumer("r", [settings.dead_letters_topic]).poll(5.0, 10)
    assert "is no number of a run" in read_dead_letter(record).message


def test_nothing_is_annotated_anew_while_the_stage_has_to_wait(settings: Settings, broker: Broker) -> None:
    producer, free = broker.producer(), threading.Event()
    send_replay(producer, settings.replay_topic, article(), 2)
    producer.flush()
    work = threading.Thread(target=replay, args=(settings, broker, free))
    work.start()
    time.sleep(1.5)
    assert read(broker, settings.annotated_topic) == []
    free.set()
    work.join(30)
    assert len(read(broker, settings.annotated_topic)) == 1
