"""The composition root: settings become brokers, engines and workers here and nowhere else."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

from sqlalchemy import Engine

from dateline import __version__
from storage.dead_letters import gaps_accepted, record_gaps
from storage.engine import check_migration, connect_database, current_migration, transaction, upgrade
from storage.worker import DatabaseSink, DeadLetterSink
from stream.broker import Broker, Record, TopicSpec
from stream.connect import connect_broker
from stream.errors import OffsetsLost, StageStopped, TransientError
from stream.messages import AnnotatedArticle, decode
from stream.settings import Settings
from stream.stage import Limits, Source, Stage, run_stage

START_RETRY = 1.0  # seconds between two tries to reach the broker and the database at the start

log = logging.getLogger("dateline.worker")

In = TypeVar("In")
Out = TypeVar("Out")
T = TypeVar("T")


def open_engine(settings: Settings) -> Engine:
    """Return the engine of the database in force; nothing connects yet."""
    password = settings.database_password
    return connect_database(settings.database, password.get_secret_value() if password else None)


def open_broker(settings: Settings) -> Broker:
    """Return the broker in force; nothing connects yet."""
    options = dict(settings.kafka_options)
    if settings.kafka_password is not None:
        options["sasl_plain_password"] = settings.kafka_password.get_secret_value()
    return connect_broker(settings.broker, options=options, session_timeout=settings.session_timeout)


def topics(settings: Settings) -> tuple[TopicSpec, ...]:
    """Return the topics that the workers need."""
    retention = timedelta(days=settings.topic_retention_days)
    names = (settings.articles_topic, settings.annotated_topic, settings.dead_letters_topic)
    return tuple(TopicSpec(name, settings.topic_partitions, retention) for name in names)


def groups(settings: Settings) -> dict[str, str]:
    """Return the topic that each consumer group reads, in the order in which an article passes them."""
    return {
        _process_group(settings): settings.articles_topic,
        _store_group(settings): settings.annotated_topic,
        _letters_group(settings): settings.dead_letters_topic,
    }


def prepare_embedded(settings: Settings, engine: Engine) -> None:
    """Make the tables of an embedded database that has none yet; those of a server are made by ``dateline db upgrade``."""
    if settings.database.startswith("sqlite:") and current_migration(engine) is None:
        upgrade(engine)


def ingest(settings: Settings, stop: threading.Event) -> None:
    """Run an ingest worker until *stop* is set."""
    from ingest.worker import Timing, run_ingest  # each worker imports its own libraries alone: memory, and time to start

    with _parts(settings, stop) as (broker, engine):
        run_ingest(settings, engine, broker, stop, timing=Timing(lease=settings.feed_lease))


def process(settings: Settings, stop: threading.Event) -> None:
    """Run a processor worker until *stop* is set."""
    from processors.worker import Processor, process_stage

    with _parts(settings, stop, database=False) as (broker, engine):
        processor = Processor(settings)
        try:
            processor.warm_up()
            _run_stage(settings, process_stage(settings, broker, processor, _process_group(settings)), broker, engine, stop)
        finally:
            processor.close()


def store(settings: Settings, stop: threading.Event) -> None:
    """Run a storage worker until *stop* is set: annotated articles, and beside them copies of dead letters."""
    with _parts(settings, stop) as (broker, engine):
        group, letters_group = _store_group(settings), _letters_group(settings)
        articles = Source(
            settings.annotated_topic, lambda record: decode(AnnotatedArticle, record.value), lambda one: len(one.article.text)
        )
        letters: Source[Record] = Source(settings.dead_letters_topic, lambda record: record, lambda record: len(record.value or b""))
        with _beside(
            lambda: _run_stage(
                settings, Stage(letters_group, letters, DeadLetterSink(engine, letters_group), _unchanged), broker, engine, stop
            ),
            stop,
        ):
            _run_stage(settings, Stage(group, articles, DatabaseSink(engine, group), _unchanged), broker, engine, stop)


def _run_stage(settings: Settings, stage: Stage[In, Out], broker: Broker, engine: Engine, stop: threading.Event) -> None:
    limits = Limits(settings.batch_records, settings.batch_chars, settings.failures_in_row)

    def accepts(lost: OffsetsLost) -> bool:
        with transaction(engine) as conn:
            record_gaps(conn, stage.name, lost.missing)
            return gaps_accepted(conn, stage.name, lost.missing)

    try:
        run_stage(stage, broker, stop, dead_letters=settings.dead_letters_topic, version=__version__, limits=limits, accepts=accepts)
    except OffsetsLost as e:
        raise StageStopped(f"{e}. To go on without them: dateline gaps accept {stage.name}") from e


@contextmanager
def _beside(work: Callable[[], None], stop: threading.Event) -> Iterator[None]:
    """Run *work* on a second thread during the block; if it fails, set *stop* and raise its error at the end of the block."""
    errors: list[Exception] = []

    def run() -> None:
        try:
            work()
        except Exception as e:
            errors.append(e)
        finally:
            stop.set()

    thread = threading.Thread(target=run, name="beside", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    if errors:
        raise errors[0]


@contextmanager
def _parts(settings: Settings, stop: threading.Event, *, database: bool = True) -> Iterator[tuple[Broker, Engine]]:
    """Open the broker and the database, waiting for either that is away; where *stop* is set meanwhile, go on at once."""
    engine, broker = open_engine(settings), open_broker(settings)
    try:
        if database:
            _wait_for(lambda: prepare_embedded(settings, engine), stop)
            _wait_for(lambda: check_migration(engine), stop)
        if settings.broker.startswith("sqlite:"):  # a file of this machine, with no deployment step of its own
            _wait_for(lambda: broker.ensure_topics(topics(settings)), stop)
        yield broker, engine
    finally:
        broker.close()
        engine.dispose()


def _wait_for(call: Callable[[], object], stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            call()
        except TransientError as e:
            log.warning("waiting", extra={"error": str(e)})
            stop.wait(START_RETRY * random.uniform(0.5, 1.5))  # noqa: S311
        else:
            return


def _unchanged(messages: Sequence[T]) -> Sequence[T]:
    return messages


def _process_group(settings: Settings) -> str:
    return f"{settings.topic_prefix}.process"


def _store_group(settings: Settings) -> str:
    return f"{settings.topic_prefix}.store"


def _letters_group(settings: Settings) -> str:
    return f"{settings.topic_prefix}.store.dead-letters"
