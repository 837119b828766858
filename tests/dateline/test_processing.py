"""The processor worker as it is composed, with an annotator of the test's own in place of a pipeline."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from dateline import compose
from processors.worker import send_replay
from scripts.system import free_ports
from stream.broker import Broker
from stream.messages import AnnotatedArticle, Article, decode, encode
from stream.settings import Settings, load_settings
from tests.dateline.running import until
from tests.storage.samples import annotated, article

NO_DATABASE = "postgresql://nobody@127.0.0.1:1/none"


class Coder:
    """Annotates without a pipeline."""

    def annotate(self, articles: Sequence[Article]) -> tuple[AnnotatedArticle, ...]:
        return tuple(annotated(one.id) for one in articles)


@contextmanager
def processing(settings: Settings) -> Iterator[Broker]:
    """Run a worker during the block; raise at its end what it has raised."""
    stop, raised = threading.Event(), list[BaseException]()

    def work() -> None:
        try:
            compose.process(settings, stop, Coder())
        except BaseException as e:
            raised.append(e)

    broker, worker = compose.open_broker(settings), threading.Thread(target=work)
    broker.ensure_topics(compose.topics(settings))
    worker.start()
    try:
        yield broker
    finally:
        stop.set()
        worker.join(60)
        broker.close()
    if raised:
        raise raised[0]


def publish(broker: Broker, settings: Settings, live: Sequence[str], anew: Sequence[str]) -> None:
    producer = broker.producer()
    for one in live:
        producer.send(settings.articles_topic, key=one.encode(), value=encode(article(one)))
    for one in anew:
        send_replay(producer, settings.replay_topic, article(one), 2)
    producer.flush()
    producer.close()


def annotations(broker: Broker, settings: Settings) -> set[tuple[str, int]]:
    records = broker.consumer("reader", [settings.annotated_topic]).poll(1.0, 100)
    return {(one.article.id, one.run) for one in (decode(AnnotatedArticle, record.value) for record in records)}


@pytest.mark.parametrize("database", ["", NO_DATABASE])
def test_articles_pass_with_a_database_and_while_it_is_away(database: str, tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path, database_url=database, topic_partitions=1)
    found: set[tuple[str, int]] = set()
    with processing(settings) as broker:
        publish(broker, settings, live=["a1"], anew=["a2"])
        assert until(lambda: not found.update(annotations(broker, settings)) and len(found) == 2, 60)
    assert found == {("a1", 1), ("a2", 2)}


def test_both_stages_of_a_processor_are_watched(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    settings = load_settings(data_dir=tmp_path, topic_partitions=1, metrics_port=port)

    def shows(line: str) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                return line in answer.read().decode().splitlines()
        except OSError:
            return False

    with processing(settings) as broker:
        publish(broker, settings, live=["a1"], anew=["a2", "a3"])
        assert until(lambda: shows('dateline_records_total{outcome="done",stage="dateline.process.replay"} 2.0'))
        assert until(lambda: shows('dateline_records_total{outcome="done",stage="dateline.process"} 1.0'))
        assert until(lambda: shows('dateline_assigned_partitions{stage="dateline.process.replay"} 1.0'))
