"""``dead-letters list|show|replay``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Annotated

import typer
from sqlalchemy import Engine

from dateline import compose
from dateline.commands.feeds import database
from dateline.output import AsCsv, AsJson, Since, cell, console, moment, show
from storage import queries
from storage.dead_letters import erased, mark_replayed
from storage.engine import reading, transaction
from storage.queries import Row
from stream.broker import Broker, Place, Record, TopicPartition
from stream.errors import ConfigError, DatelineError
from stream.settings import Settings

app = typer.Typer(name="dead-letters", no_args_is_help=True, help="Records that no stage could handle.")

COLUMNS = ("id", "failed_at", "stage", "topic", "partition", "offset", "error_class", "cause", "message", "replayed_at")

Stage = Annotated[str | None, typer.Option(help="Only those of this stage, as shown in the list.")]
Topic = Annotated[str | None, typer.Option(help="Only those read from this topic.")]
Error = Annotated[str | None, typer.Option(help="Only those of this class of error, or cause: BadMessage, timeout …")]
Most = Annotated[int, typer.Option(min=1, max=1_000_000, help="Most rows, the newest.")]


@app.command("list")
def list_(
    stage: Stage = None,
    topic: Topic = None,
    error: Error = None,
    since: Since = None,
    limit: Most = 50,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show what failed for good, the newest first.

    Example: dateline dead-letters list --stage dateline.process --since 7d
    """
    with database() as (_, engine), reading(engine) as conn:
        rows = queries.dead_letters(conn, stage=stage, topic=topic, error=error, since=moment(since), limit=limit)
    show(rows, COLUMNS, as_json=as_json, as_csv=as_csv, empty="No dead letters.")


@app.command("show")
def show_(id_: Annotated[int, typer.Argument(metavar="ID")], as_json: AsJson = False) -> None:
    """Show one dead letter whole: what failed, why, and the record's bytes.

    Example: dateline dead-letters show 3
    """
    with database() as (_, engine):
        row = _letter(engine, id_)
    if as_json:
        show([row], (), as_json=True, as_csv=False)
        return
    for name, value in row.items():
        shown = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) if name == "trace" else cell(value)
        console().print(f"{name + ':':16}{shown}", markup=False)


@app.command("replay")
def replay(
    ids: Annotated[list[int] | None, typer.Argument(metavar="[ID…]")] = None,
    stage: Stage = None,
    topic: Topic = None,
    error: Error = None,
    since: Since = None,
    limit: Most = 1_000,
    again: Annotated[bool, typer.Option("--again", help="Also those that were replayed before.")] = False,
) -> None:
    """Send dead letters to the topic that they came from: those named, or all that fit the filters. Each is sent once.

    One whose record was too large to be copied, or must not be, is read where it lies, as long as its topic keeps it.

    Example: dateline dead-letters replay --error timeout --since 24h
    """
    filters = {"stage": stage, "topic": topic, "error": error, "since": moment(since)}
    if bool(ids) == any(value is not None for value in filters.values()):
        raise ConfigError("name the dead letters by their ids, or by filters such as --stage, not by both")
    with database() as (settings, engine):
        if not ids:
            with reading(engine) as conn:
                found = queries.dead_letters(conn, **filters, limit=limit)  # type: ignore[arg-type]
            ids = [row["id"] for row in found if row["stage"]]
        rows = [_replayable(_letter(engine, id_)) for id_ in dict.fromkeys(ids)]
        fresh = [row for row in rows if again or row["replayed_at"] is None]
        sent = _send(settings, engine, fresh)
    for row in rows:
        if row not in fresh:
            typer.echo(f"{row['id']} was sent before: --again sends it once more")
        elif row["id"] in sent:
            typer.echo(f"{row['id']} sent to {row['topic']}")
    if not rows:
        typer.echo("No dead letter fits.")
    if gone := [str(row["id"]) for row in fresh if row["id"] not in sent]:
        raise DatelineError(
            f"not sent: {', '.join(gone)}. What they refer to was erased, or is no longer in its topic, which keeps records for "
            "DATELINE_TOPIC_RETENTION_DAYS: replay sooner, or keep them for longer"
        )


def _send(settings: Settings, engine: Engine, rows: Sequence[Row]) -> frozenset[int]:
    """Send, flush, mark; return the ids of those that could be sent.

    A crash before the last step sends them again, which their stage makes nothing of.
    """
    with closing(compose.open_broker(settings)) as broker, closing(broker.producer()) as producer:
        sent = []
        for row, record in _records(broker, _spared(engine, rows)):
            producer.send(record.topic, key=record.key, value=record.value, headers=record.headers)
            sent.append(row["id"])
        producer.flush()
        with transaction(engine) as conn:
            for id_ in sent:
                mark_replayed(conn, id_)
    return frozenset(sent)


def _records(broker: Broker, rows: Sequence[Row]) -> Iterator[tuple[Row, Record]]:
    """Yield each of *rows* with its record: copied in it, or where it lies. What is gone from there is left out.

    A topic that was made anew may have another record there, with another key.
    """
    referring: dict[Place, list[Row]] = defaultdict(list)
    for row in rows:
        at, offset = TopicPartition(row["topic"], row["partition"]), row["offset"]
        if row["by_reference"]:
            referring[at, offset].append(row)
        else:
            yield row, Record(*at, offset, row["key"], row["value"], queries.letter_headers(row), row["failed_at"])
    for record in broker.records_at(referring):
        at = TopicPartition(record.topic, record.partition)
        yield from ((row, record) for row in referring[at, record.offset] if row["key"] == record.key)


def _spared(engine: Engine, rows: Sequence[Row]) -> list[Row]:
    """Return *rows* without those of articles that were erased."""
    with reading(engine) as conn:
        gone = erased(conn, [row["key"] for row in rows])
    return [row for row in rows if row["key"] not in gone]


def _replayable(row: Row) -> Row:
    if not row["stage"]:
        raise ConfigError(f"dead letter {row['id']} does not say which topic it came from: no stage wrote it")
    return row


def _letter(engine: Engine, id_: int) -> Row:
    with reading(engine) as conn:
        row = queries.dead_letter(conn, id_)
    if row is None:
        raise ConfigError(f"there is no dead letter {id_}; `dateline dead-letters list` shows them")
    return row
