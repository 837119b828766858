"""``demo``: the whole job on sample feeds, on this machine alone, by the same workers as in production."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from sqlalchemy import Engine

from dateline import compose
from dateline.commands.workers import prepare
from dateline.demo.server import DEMO_PORT, HOST, DemoServer
from dateline.output import console, show
from dateline.supervisor import Supervisor
from storage import feeds, queries, upkeep
from storage.engine import reading
from stream.broker import Broker
from stream.errors import ConfigError, DatelineError
from stream.settings import Settings, load_settings
from stream.signals import stop_on_signals

PATIENCE = 2  # times that a worker may end soon after its start
TIMEOUT = 300.0  # seconds; a run takes well under a minute
LOOK_EVERY = 0.25  # seconds
QUIET_LOOKS = 3  # looks in a row with nothing left to do before the run counts as done

EVENT_COLUMNS = ("date_start", "type", "who", "what", "whom", "place", "modality", "confidence")
PLANNED_COLUMNS = ("planned_start", "type", "who", "what", "whom", "modality", "confidence")
FEED_COLUMNS = ("outlet", "health", "articles", "last_success_at", "next_fetch_at")


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command()(demo)


def demo(
    data_dir: Annotated[Path | None, typer.Option(help="Where its broker and database live; default: demo in the data folder.")] = None,
) -> None:
    """Fetch, annotate and store sample reports about well-known events, and show what came of them.

    The sample feeds are served on this machine; the workers are those of production, on the embedded broker and database.
    A second run adds nothing.

    Example: dateline demo
    """
    folder = (data_dir or load_settings().data_dir / "demo").expanduser().resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise ConfigError(f"{folder} cannot be made ({e.strerror}): name another with --data-dir") from e
    settings = load_settings(data_dir=folder, broker_url="", database_url="")
    started = time.monotonic()
    with DemoServer() as server, _parts(settings) as (engine, broker):
        before = _state(settings, engine, broker)
        since = _subscribe(engine, server)
        _work(settings, engine, broker, since)
        after = _state(settings, engine, broker)
        _report(engine)
    seconds = time.monotonic() - started
    console().print(
        f"\n{after.articles} articles and {after.events} events are stored, {after.articles - before.articles} and "
        f"{after.events - before.events} of them new; {seconds:.0f} s."
    )
    console().print(_next(folder), markup=False)


@dataclass(frozen=True, slots=True)
class _State:
    fetched: int  # feeds
    feeds: int
    waiting: int  # pages and outbox rows
    to_annotate: int
    to_store: int
    articles: int
    events: int

    @property
    def done(self) -> bool:
        return self.fetched == self.feeds and not (self.waiting or self.to_annotate or self.to_store)


@contextmanager
def _parts(settings: Settings) -> Iterator[tuple[Engine, Broker]]:
    prepare(settings)
    engine, broker = compose.open_engine(settings), compose.open_broker(settings)
    try:
        yield engine, broker
    finally:
        broker.close()
        engine.dispose()


def _subscribe(engine: Engine, server: DemoServer) -> datetime:
    """Add the sample feeds, due now; return the database's time before that."""
    since = feeds.database_time(engine)
    for sample in server.feeds:
        # A feed keeps the id of its first address, so that a run on another port finds the same feeds and entries.
        permanent_url = sample.url.replace(server.url, f"http://{HOST}:{DEMO_PORT}", 1)
        full_text: feeds.FullText = "always" if sample.full_text else "auto"
        feed, _ = feeds.add_feed(engine, permanent_url, outlet=sample.outlet, country=sample.country, full_text=full_text)
        feeds.move_feed(engine, feed.feed_id, sample.url)
    return since


def _work(settings: Settings, engine: Engine, broker: Broker, since: datetime) -> None:
    """Run the workers until everything is stored."""
    env = {
        "DATELINE_DATA_DIR": str(settings.data_dir),
        "DATELINE_BROKER_URL": "",
        "DATELINE_DATABASE_URL": "",
        "DATELINE_ALLOW_NETWORKS": "127.0.0.1/32",
        "DATELINE_PAGE_PAUSE": "0",  # the pages are on this machine
        "DATELINE_HOST_PAUSE": "0",
        "DATELINE_LOG_FORMAT": "console",
    }
    log_path = settings.data_dir / "workers.log"
    stop = stop_on_signals()
    deadline = time.monotonic() + TIMEOUT
    with log_path.open("wb") as log, _progress() as (progress, bars):
        supervisor = Supervisor(env=env, log_file=log, patience=PATIENCE)
        quiet = 0
        try:
            while quiet < QUIET_LOOKS:
                supervisor.check()
                if stop.wait(LOOK_EVERY):
                    raise KeyboardInterrupt
                if supervisor.broken or time.monotonic() > deadline:
                    raise DatelineError(f"{supervisor.broken or 'the run did not end in time'}; the workers' log is {log_path}")
                state = _state(settings, engine, broker, since)
                _draw(progress, bars, state)
                quiet = quiet + 1 if state.done else 0
        finally:
            supervisor.stop()


def _state(settings: Settings, engine: Engine, broker: Broker, since: datetime | None = None) -> _State:
    known = feeds.list_feeds(engine)
    lag = [sum(one.lag for one in broker.lag(group, [topic])) for group, topic in list(compose.groups(settings).items())[:2]]
    with reading(engine) as conn:
        rows = queries.counts(conn)
    return _State(
        fetched=sum(feed.last_fetch_at is not None and (since is None or feed.last_fetch_at >= since) for feed in known),
        feeds=len(known),
        waiting=sum(upkeep.count_waiting(engine)),
        to_annotate=lag[0],
        to_store=lag[1],
        articles=rows["articles"],
        events=rows["event_reports"],
    )


@contextmanager
def _progress() -> Iterator[tuple[Progress, tuple[TaskID, TaskID]]]:
    columns = (
        TextColumn("{task.description:10}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} of {task.total:.0f}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console()) as progress:
        yield progress, (progress.add_task("feeds", total=1), progress.add_task("articles", total=1))


def _draw(progress: Progress, bars: tuple[TaskID, TaskID], state: _State) -> None:
    progress.update(bars[0], completed=state.fetched, total=max(1, state.feeds))
    on_the_way = state.waiting + state.to_annotate + state.to_store
    progress.update(bars[1], completed=state.articles, total=max(1, state.articles + on_the_way))


def _report(engine: Engine) -> None:
    with reading(engine) as conn:
        facts = queries.events(conn, limit=20)
        planned = queries.events(conn, planned=True, limit=8)
        entities = queries.entities(conn, limit=10)
        health = queries.feed_health(conn)
    show(facts, EVENT_COLUMNS, as_json=False, as_csv=False, title="\nNewest events")
    show(planned, PLANNED_COLUMNS, as_json=False, as_csv=False, title="\nPlanned, promised or threatened")
    show(entities, ("name", "type", "country", "articles", "mentions"), as_json=False, as_csv=False, title="\nWho is written about")
    show(health, FEED_COLUMNS, as_json=False, as_csv=False, title="\nFeeds")


def _next(folder: Path) -> str:
    here = Path(os.path.relpath(folder))
    short = here if len(str(here)) < len(str(folder)) else folder
    return (
        "\nWhat next:\n"
        f"  export DATELINE_DATA_DIR={short}\n"
        "  dateline query events --type CONSULT          one kind of event\n"
        "  dateline query events --country ZAF --json    one country, for a program\n"
        "  dateline query search ceasefire               full-text search\n"
        "  dateline status                               what is stored, and how far each worker is\n"
        "  unset DATELINE_DATA_DIR; dateline feeds add URL; dateline run     your own feeds\n"
        "(dateline is .venv/bin/dateline in this checkout)"
    )
