"""``ingest``, ``process``, ``store`` and ``run``."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Annotated

import typer

from dateline import compose
from dateline.logs import configure_logging
from dateline.supervisor import Supervisor
from storage.engine import upgrade
from stream.errors import StageStopped
from stream.settings import Settings, load_settings
from stream.signals import stop_on_signals, stop_with_standard_input

MetricsPort = Annotated[
    int | None,
    typer.Option(min=0, max=65_535, help="Answer /metrics, /livez and /readyz on this port; DATELINE_METRICS_PORT where it is not given."),
]
Supervised = Annotated[bool, typer.Option("--supervised", hidden=True, help="End when standard input ends.")]


def register(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    for command in (ingest, process, store, run):
        app.command()(command)


def ingest(metrics_port: MetricsPort = None, supervised: Supervised = False) -> None:
    """Fetch feeds that are due and publish their articles, until stopped.

    Example: dateline ingest
    """
    _work("ingest", compose.ingest, metrics_port, supervised)


def process(metrics_port: MetricsPort = None, supervised: Supervised = False) -> None:
    """Annotate published articles with entities and events, until stopped.

    Example: DATELINE_PIPELINE=en_core_web_sm dateline process
    """
    _work("process", compose.process, metrics_port, supervised)


def store(metrics_port: MetricsPort = None, supervised: Supervised = False) -> None:
    """Write annotated articles to the database, until stopped.

    Example: DATELINE_DATABASE_URL=postgresql://dateline@db/dateline dateline store
    """
    _work("store", compose.store, metrics_port, supervised)


def run(
    metrics_port: Annotated[
        int | None,
        typer.Option(min=0, max=65_533, help="ingest answers on this port, process and store on the next two; DATELINE_METRICS_PORT."),
    ] = None,
) -> None:
    """Run all three workers on this machine; what dies is started again, Ctrl-C or SIGTERM ends them all.

    Example: dateline run
    """
    settings = _settings(metrics_port)
    configure_logging(settings, "run")
    stop = stop_on_signals()
    prepare(settings)
    supervisor = Supervisor(metrics_port=settings.metrics_port)
    supervisor.run(stop)
    if supervisor.broken:
        raise StageStopped(supervisor.broken)


def prepare(settings: Settings) -> None:
    """Bring the database to this version and make the topics, as one machine does for itself and a deployment by jobs."""
    engine, broker = compose.open_engine(settings), compose.open_broker(settings)
    try:
        upgrade(engine)
        broker.ensure_topics(compose.topics(settings))
    finally:
        broker.close()
        engine.dispose()


def _settings(metrics_port: int | None) -> Settings:
    return load_settings(**({} if metrics_port is None else {"metrics_port": metrics_port}))


def _work(name: str, worker: Callable[[Settings, threading.Event], None], metrics_port: int | None, supervised: bool) -> None:
    settings = _settings(metrics_port)
    configure_logging(settings, name)
    stop = stop_on_signals()
    if supervised:
        stop_with_standard_input(stop)
    worker(settings, stop)
