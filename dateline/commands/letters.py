"""``dead-letters list|show|replay``."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from sqlalchemy import Engine

from dateline import compose
from dateline.commands.feeds import database
from dateline.output import AsCsv, AsJson, Since, cell, console, moment, show
from storage import queries
from storage.dead_letters import mark_replayed
from storage.engine import reading, transaction
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

    Example: dateline dead-letters replay --error timeout --since 24h
    """
    filters = {"stage": stage, "topic": topic, "error": error, "since": moment(since)}
    if bool(ids) == any(value is not None for value in filters.values()):
        raise ConfigError("name the dead letters by their ids, or by filters such as --stage, not by both")
    with database() as (settings, engine):
        if ids is None or not ids:
            with reading(engine) as conn:
                found = queries.dead_letters(conn, **filters, limit=limit)  # type: ignore[arg-type]
            ids = [row["id"] for row in found if row["stage"] and not row["by_reference"]]
        rows = [_replayable(_letter(engine, id_)) for id_ in dict.fromkeys(ids)]
        fresh = [row for row in rows if again or row["replayed_at"] is None]
        _send(settings, engine, fresh)
    for row in rows:
        what = f"sent to {row['topic']}" if row in fresh else "was sent before: --again sends it once more"
        typer.echo(f"{row['id']} {what}")
    if not rows:
        typer.echo("No dead letter fits.")


def _send(settings: Settings, engine: Engine, rows: list[Any]) -> None:
    """Send, flush, mark: a crash before the last step sends them again, which their stage makes nothing of."""
    broker = compose.open_broker(settings)
    producer = broker.producer()
    try:
        for row in rows:
            producer.send(row["topic"], key=row["key"], value=row["value"], headers=queries.letter_headers(row))
        producer.flush()
        with transaction(engine) as conn:
            for row in rows:
                mark_replayed(conn, row["id"])
    finally:
        producer.close()
        broker.close()


def _replayable(row: Any) -> Any:
    if not row["stage"]:
        raise ConfigError(f"dead letter {row['id']} does not say which topic it came from: no stage wrote it")
    if row["by_reference"]:
        raise DatelineError(f"dead letter {row['id']} was too large to be copied, or must not be; read it at its own topic and offset")
    return row


def _letter(engine: Engine, id_: int) -> Any:
    with reading(engine) as conn:
        row = queries.dead_letter(conn, id_)
    if row is None:
        raise ConfigError(f"there is no dead letter {id_}; `dateline dead-letters list` shows them")
    return row
