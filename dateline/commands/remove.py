"""``purge`` and ``erase article|entity``."""

from __future__ import annotations

from typing import Annotated

import typer
from sqlalchemy import Engine

from dateline.commands.feeds import database
from dateline.output import read_moment
from storage import removal
from storage.removal import Removed
from storage.tombstones import Kind
from stream.errors import ConfigError

erase_app = typer.Typer(name="erase", no_args_is_help=True, help="Take out one article or entity for good.")

UnknownToo = Annotated[
    bool, typer.Option("--unknown-too", help="Also where nothing is known of it yet: after a restore, before it comes in again.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")]


def register(app: typer.Typer) -> None:
    """Add the command that stands alone to *app*."""
    app.command()(purge)


def purge(
    before: Annotated[str, typer.Option(help="Articles dated before this moment: 2025-05-13 or 2025-05-13T08:00Z.")],
    dry_run: DryRun = False,
) -> None:
    """Remove old articles with all that was found in them, and old dead letters. Workers may go on meanwhile.

    Example: dateline purge --before 2024-01-01 --dry-run
    """
    try:
        moment = read_moment(before)
    except ValueError:
        raise ConfigError(f"{before!r} is no moment: give 2025-05-13 or 2025-05-13T08:00Z") from None
    with database() as (_, engine):
        removed = removal.purge(engine, moment, dry_run=dry_run, on_progress=lambda number: typer.echo(f"{number} articles …", err=True))
    _tell(removed, dry_run)


@erase_app.command("article")
def erase_article(
    article_id: Annotated[str, typer.Argument(metavar="ID", help="As in `query articles --json`.")],
    unknown_too: UnknownToo = False,
    dry_run: DryRun = False,
) -> None:
    """Remove an article, and never store it again, whoever publishes or annotates it anew.

    Example: dateline erase article 84be4eb967421a670b7c50de67dc223e
    """
    with database() as (_, engine):
        _check(engine, "article", article_id, unknown_too)
        removed = removal.erase_article(engine, article_id, dry_run=dry_run)
    _tell(removed, dry_run)


@erase_app.command("entity")
def erase_entity(
    key: Annotated[str, typer.Argument(metavar="KEY", help="As in `query entities --json`; without a country it stands for all.")],
    with_articles: Annotated[bool, typer.Option("--with-articles", help="Also erase every article that names it.")] = False,
    unknown_too: UnknownToo = False,
    dry_run: DryRun = False,
) -> None:
    """Remove a person or another entity from the index and from all annotations, and never store it again.

    The articles' own texts stay as they are, unless they are erased too.

    Example: dateline erase entity PERSON:'jane roe' --with-articles
    """
    with database() as (_, engine):
        _check(engine, "entity", key, unknown_too)
        ids = removal.naming(engine, key) if with_articles else ()
        gone = [removal.erase_article(engine, one, dry_run=dry_run) for one in ids]
        removed = removal.erase_entity(engine, key, dry_run=dry_run)
    _tell(sum(gone, removed), dry_run)


def _check(engine: Engine, kind: Kind, key: str, unknown_too: bool) -> None:
    """Raise ConfigError for what is not known, which may be a slip of the pen."""
    if not unknown_too and not removal.is_known(engine, kind, key):
        plural = {"article": "articles", "entity": "entities"}[kind]
        raise ConfigError(
            f"there is no {kind} {key!r}; `dateline query {plural} --json` shows them, --unknown-too erases what may still come"
        )


def _tell(removed: Removed, dry_run: bool) -> None:
    counted = f"{removed.articles} articles, {removed.entities} entities and {removed.dead_letters} dead letters"
    rewritten = f"; {removed.rewritten} articles stay without it" if removed.rewritten else ""
    typer.echo(f"{'would remove' if dry_run else 'removed'} {counted}{rewritten}")
