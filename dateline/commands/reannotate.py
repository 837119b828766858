"""``reannotate``."""

from __future__ import annotations

from typing import Annotated

import typer

from dateline import compose
from dateline.commands.feeds import database
from dateline.output import Since, moment
from storage.engine import reading
from storage.replay import next_run, stored_articles
from stream.errors import ConfigError
from stream.settings import MAX_INT


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command()(reannotate)


def reannotate(
    since: Since = None,
    language: Annotated[str | None, typer.Option(help="Only articles in this language, ISO 639-1.")] = None,
    run: Annotated[int | None, typer.Option(min=1, max=MAX_INT, help="Number of the run; default: one above the highest stored.")] = None,
) -> None:
    """Have stored articles annotated anew by the process workers, when they have nothing else to do. Rows of lower runs give way.

    Going back to an older pipeline is a new run, too: deploy it, and reannotate.

    Example: dateline reannotate --since 30d --language en
    """
    from processors.worker import send_replay

    wanted = moment(since)
    with database() as (settings, engine):
        with reading(engine) as conn:
            free = next_run(conn)
        if run is not None and run < free - 1:
            raise ConfigError(f"run {run} would replace nothing: {free - 1} is stored; leave --run out for {free}")
        broker = compose.open_broker(settings)
        producer, number = broker.producer(), 0
        try:
            for article in stored_articles(engine, since=wanted, language=language):
                send_replay(producer, settings.replay_topic, article, run or free)
                number += 1
            producer.flush()
        finally:
            producer.close()
            broker.close()
    typer.echo(f"{number} articles are to be annotated anew as run {run or free}; `dateline status` shows how many still wait")
