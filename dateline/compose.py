"""The composition root: settings become brokers, engines and workers here and nowhere else."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Engine

from dateline import __version__
from dateline.brake import Brake
from dateline.observer import Nobody, Observer
from dateline.quiet import quiet
from storage.dead_letters import gaps_accepted, record_gaps
from storage.engine import check_migration, connect_database, current_migration, transaction, upgrade
from storage.in_flight import InFlightTable
from storage.worker import DatabaseSink, DeadLetterSink
from storage.writer import reset_offsets, stored_offsets
from stream.broker import Broker, Offsets, Record, TopicPartition, TopicSpec
from stream.connect import connect_broker
from stream.errors import OffsetsLost, StageStopped, TransientError
from stream.messages import AnnotatedArticle, decode
from stream.settings import Settings
from stream.stage import Limits, Source, Stage, run_stage

if TYPE_CHECKING:
    from processors.worker import Coder

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
    names = (settings.articles_topic, settings.replay_topic, settings.annotated_topic, settings.dead_letters_topic)
    return tuple(TopicSpec(name, settings.topic_partitions, retention) for name in names)


def groups(settings: Settings) -> dict[str, str]:
    """Return the topic that each consumer group reads, in the order in which an article passes them."""
    return {
        _process_group(settings): settings.articles_topic,
        _store_group(settings): settings.annotated_topic,
        _letters_group(settings): settings.dead_letters_topic,
        _replay_group(settings): settings.replay_topic,
    }


def live_groups(settings: Settings) -> dict[str, str]:
    """Return the groups that new articles pass, with their topics: those of which ingest must not get too far ahead."""
    return {group: topic for group, topic in groups(settings).items() if topic != settings.replay_topic}


def has_database(settings: Settings) -> bool:
    """Return whether the database in force is a server's, or an embedded one that was made."""
    return not settings.database.startswith("sqlite:") or Path(settings.database.removeprefix("sqlite:///")).exists()


def prepare_embedded(settings: Settings, engine: Engine) -> None:
    """Make the tables of an embedded database that has none yet; those of a server are made by ``dateline db upgrade``."""
    if settings.database.startswith("sqlite:") and current_migration(engine) is None:
        upgrade(engine)


def ingest(settings: Settings, stop: threading.Event) -> None:
    """Run an ingest worker until *stop* is set."""
    from ingest.worker import Timing, run_ingest  # each worker imports its own libraries alone: memory, and time to start

    with _parts(settings, stop, "ingest") as (broker, engine, observer):
        brake = Brake(settings, broker, live_groups(settings))

        def wait() -> str | None:
            reason = brake()
            observer.on_brake(reason)
            return reason

        timing = Timing(lease=settings.feed_lease)
        run_ingest(settings, engine, broker, stop, brake=wait, on_outcome=observer.on_outcome, timing=timing)


def process(settings: Settings, stop: threading.Event, coder: Coder | None = None) -> None:
    """Run a processor worker until *stop* is set: what is published, and beside it what is to be annotated anew.

    *coder* annotates in place of the pipeline in force; it stays its maker's.
    """
    from processors.worker import pipeline_in_force, process_stage, replay_stage

    group, anew_group = _process_group(settings), _replay_group(settings)
    with _parts(settings, stop, "process", (group, anew_group), database=False) as (broker, engine, observer):
        free = quiet(broker, group, settings.articles_topic, stop, on_rest=lambda: observer.on_rest(anew_group))
        with nullcontext(coder) if coder else pipeline_in_force(settings) as chosen:
            live = process_stage(settings, broker, chosen, group)
            anew = replay_stage(settings, broker, chosen, anew_group, free)
            with _beside(lambda: _run_stage(settings, anew, broker, engine, stop, observer), stop):
                _run_stage(settings, live, broker, engine, stop, observer)


def store(settings: Settings, stop: threading.Event) -> None:
    """Run a storage worker until *stop* is set: annotated articles, and beside them copies of dead letters."""
    group, letters_group = _store_group(settings), _letters_group(settings)
    with _parts(settings, stop, "store", (group, letters_group)) as (broker, engine, observer):
        articles = Source(
            settings.annotated_topic, lambda record: decode(AnnotatedArticle, record.value), lambda one: len(one.article.text)
        )
        letters: Source[Record] = Source(settings.dead_letters_topic, lambda record: record, lambda record: len(record.value or b""))
        copying = Stage(letters_group, letters, DeadLetterSink(engine, letters_group, keep_text=settings.store_text), _unchanged)
        writing = Stage(group, articles, DatabaseSink(engine, group, keep_text=settings.store_text), _unchanged)
        with _beside(lambda: _run_stage(settings, copying, broker, engine, stop, observer, stored_offsets), stop):
            _run_stage(settings, writing, broker, engine, stop, observer, stored_offsets)


def _run_stage(
    settings: Settings,
    stage: Stage[In, Out],
    broker: Broker,
    engine: Engine,
    stop: threading.Event,
    observer: Observer,
    stored: Callable[[Engine, str], Offsets] | None = None,
) -> None:
    limits = Limits(settings.batch_records, settings.batch_chars, settings.failures_in_row)

    def accepts(lost: OffsetsLost) -> bool:
        with transaction(engine) as conn:
            accepted = gaps_accepted(conn, stage.name, lost.missing)
            if not accepted:
                record_gaps(conn, stage.name, lost.missing)
            elif stored:
                reset_offsets(conn, stage.name, {TopicPartition(*at): offset for at, offset in lost.resume.items()})
        return accepted

    try:
        run_stage(
            stage,
            broker,
            stop,
            dead_letters=settings.dead_letters_topic,
            version=__version__,
            limits=limits,
            accepts=accepts,
            stored=partial(stored, engine, stage.name) if stored else None,
            notes=InFlightTable(engine, stage.name),
            on_batch=observer.on_batch,
            on_poll=observer.on_poll,
        )
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
def _parts(
    settings: Settings, stop: threading.Event, worker: str, stages: Sequence[str] = (), *, database: bool = True
) -> Iterator[tuple[Broker, Engine, Observer]]:
    """Open what *worker* needs, waiting for what is away; where *stop* is set meanwhile, go on at once.

    It is watched from the start where DATELINE_METRICS_PORT says so. Without *database* the worker can do without one that is
    away, and does not wait for it. Raises MigrationMismatch for one at another migration.
    """
    with ExitStack() as stack:
        engine, broker = open_engine(settings), open_broker(settings)
        stack.callback(engine.dispose)
        stack.callback(broker.close)
        observer = stack.enter_context(_observed(settings, worker, stages, broker, engine if database else None))
        at_hand = partial(_wait_for, stop=stop) if database else _if_there
        at_hand(lambda: prepare_embedded(settings, engine))
        at_hand(lambda: check_migration(engine))
        if settings.broker.startswith("sqlite:"):  # a file of this machine, with no deployment step of its own
            _wait_for(lambda: broker.ensure_topics(topics(settings)), stop)
        yield broker, engine, observer


@contextmanager
def _observed(settings: Settings, worker: str, stages: Sequence[str], broker: Broker, engine: Engine | None) -> Iterator[Observer]:
    if not settings.metrics_port:
        yield Nobody()
        return
    from dateline.monitor import Monitor, serving

    asked = {group: topic for group, topic in groups(settings).items() if group in (stages or (_process_group(settings),))}
    monitor = Monitor(worker, stages, asked, broker, engine, settings.stall_after)
    with serving(monitor, settings.metrics_host, settings.metrics_port):
        yield monitor


def _wait_for(call: Callable[[], object], stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            call()
        except TransientError as e:
            log.warning("waiting", extra={"error": str(e)})
            stop.wait(START_RETRY * random.uniform(0.5, 1.5))  # noqa: S311
        else:
            return


def _if_there(call: Callable[[], object]) -> None:
    try:
        call()
    except TransientError as e:
        log.warning("goes on without", extra={"error": str(e)})


def _unchanged(messages: Sequence[T]) -> Sequence[T]:
    return messages


def _process_group(settings: Settings) -> str:
    return f"{settings.topic_prefix}.process"


def _replay_group(settings: Settings) -> str:
    return f"{settings.topic_prefix}.process.replay"


def _store_group(settings: Settings) -> str:
    return f"{settings.topic_prefix}.store"


def _letters_group(settings: Settings) -> str:
    return f"{settings.topic_prefix}.store.dead-letters"
