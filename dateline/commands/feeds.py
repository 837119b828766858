"""``feeds add|list|remove|check|import|export``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import Engine

from dateline import compose
from dateline.output import AsCsv, AsJson, console, read_file, show
from storage import feeds, queries
from storage.engine import check_migration, reading
from stream.errors import ConfigError, DatelineError
from stream.settings import Settings, load_settings

app = typer.Typer(name="feeds", no_args_is_help=True, help="The feeds that are read.")

COLUMNS = (
    "feed_id", "health", "outlet", "url", "articles", "articles_per_day", "last_success_at", "next_fetch_at", "next_fetch_why",
    "pushed_by", "last_error",
)  # fmt: skip


class FullText(StrEnum):
    """When the page behind an entry is fetched."""

    auto = "auto"
    always = "always"
    never = "never"


@app.command("add")
def add(
    sources: Annotated[list[str], typer.Argument(help="Addresses of feeds or web pages, and files that list some.", metavar="SOURCE…")],
    outlet: Annotated[str | None, typer.Option(help="Who publishes it.")] = None,
    country: Annotated[str | None, typer.Option(help="Country of the outlet, ISO 3166 alpha-3.")] = None,
    language: Annotated[str | None, typer.Option(help="Language of the articles, ISO 639-1.")] = None,
    full_text: Annotated[
        FullText, typer.Option(help="auto: the page is fetched where the feed gives under 400 characters.")
    ] = FullText.auto,
    every: Annotated[bool, typer.Option("--all", help="Add all feeds of a page that has several.")] = False,
    unchecked: Annotated[bool, typer.Option("--unchecked", help="Add the addresses as they are, without looking at them.")] = False,
) -> None:
    """Add feeds; they are fetched as soon as an ingest worker runs.

    An address is looked at first: a page is searched for its feeds. Files are OPML, or text with an address a line; - is standard input.
    Thousands may be given; where this is interrupted, the same command goes on with what is left.

    Example: dateline feeds add https://example.org/news.rss --outlet "Example News" --country GBR
    """
    from dateline.commands.adding import EACH_TOLD, Report, add_checked, wanted

    values = {"outlet": outlet, "country": _code(country, 3), "language": _code(language, 2), "full_text": full_text.value}
    listed = wanted(sources)
    report = Report(quiet=len(listed) > EACH_TOLD)
    with database() as (settings, engine):
        try:
            if unchecked:
                report.add_all(engine, listed, values)
            else:
                add_checked(settings, engine, listed, values, report, every=every)
        except KeyboardInterrupt:
            report.tell()
            raise
    report.conclude()


@app.command("list")
def list_(as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """Show every feed with its health.

    Example: dateline feeds list --csv
    """
    with database() as (_, engine), reading(engine) as conn:
        rows = queries.feed_health(conn)
    show(rows, COLUMNS, as_json=as_json, as_csv=as_csv, empty="No feeds yet. Add one: dateline feeds add URL")


@app.command("remove")
def remove(feed: Annotated[str, typer.Argument(help="The feed's id or address.")]) -> None:
    """Stop reading a feed; its articles stay.

    Example: dateline feeds remove https://example.org/news.rss
    """
    with database() as (_, engine):
        if not feeds.remove_feed(engine, feed):
            raise ConfigError(f"no feed has the id or address {feed!r}; `dateline feeds list` shows them")
    typer.echo(f"removed {feed}")


@app.command("check")
def check(
    url: Annotated[str, typer.Argument(help="Address of a feed; it need not be added.")],
    country: Annotated[str | None, typer.Option(help="Country of the outlet, ISO 3166 alpha-3, by which zones of dates are read.")] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch and read a feed step by step, and store nothing; dates are read as those of the country that the feed was added with.

    Example: dateline feeds check https://example.org/news.rss
    """
    from ingest.check import check_feed

    settings = load_settings()
    report = check_feed(settings, url, _code(country, 3) or _country_of(settings, url))
    if as_json:
        show([report.as_row()], (), as_json=True, as_csv=False)
    else:
        for step in report.steps:
            console().print(step, markup=False)
    if not report.ok:
        raise DatelineError(f"{url}: {report.problem}")


@app.command("import")
def import_(file: Annotated[str, typer.Argument(help="An OPML file, or - for standard input.")]) -> None:
    """Add every feed of a list, without looking at it; known ones stay as they are.

    Example: dateline feeds import subscriptions.opml
    """
    from dateline.commands.adding import Report
    from ingest.opml import read_list

    report = Report(quiet=True)
    with database() as (_, engine):
        report.add_all(engine, read_list(read_file(file), file), {})
    report.conclude()


@app.command("export")
def export(file: Annotated[str, typer.Argument(help="Where to write, or - for standard output.")] = "-") -> None:
    """Write all feeds as OPML.

    Example: dateline feeds export subscriptions.opml
    """
    from ingest.opml import write_opml

    with database() as (_, engine):
        document = write_opml(feeds.list_feeds(engine))
    if file == "-":
        sys.stdout.buffer.write(document)
        return
    try:
        Path(file).write_bytes(document)
    except OSError as e:
        raise ConfigError(f"{file} cannot be written: {e.strerror}") from e
    typer.echo(f"wrote {file}")


@contextmanager
def database(**overrides: Any) -> Iterator[tuple[Settings, Engine]]:
    """Open the database in force, at the right migration; an embedded one is made on first use."""
    settings = load_settings(**overrides)
    engine = compose.open_engine(settings)
    try:
        compose.prepare_embedded(settings, engine)
        check_migration(engine)
        yield settings, engine
    finally:
        engine.dispose()


def _country_of(settings: Settings, url: str) -> str | None:
    """Return the country that the feed at *url* was added with; None where it was not, or where there is no database that says."""
    if not compose.has_database(settings):
        return None
    with suppress(DatelineError), database() as (_, engine):
        feed = feeds.find_feed(engine, url)
        return feed.country if feed else None
    return None


def _code(value: str | None, letters: int) -> str | None:
    if value is None:
        return None
    if len(value) != letters or not value.isascii() or not value.isalpha():
        raise ConfigError(f"{value!r} is no code of {letters} letters, such as {'GBR' if letters == 3 else 'en'}")
    return value.upper() if letters == 3 else value.lower()
