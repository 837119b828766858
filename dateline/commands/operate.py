"""``status``, ``config``, ``topics ensure``, ``gaps list|accept`` and ``db upgrade|grant-readonly``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer
from pydantic import SecretStr

from dateline import compose
from dateline.brake import Brake
from dateline.commands.feeds import database
from dateline.output import AsCsv, AsJson, console, show
from storage import queries
from storage.dead_letters import accept_gaps
from storage.engine import reading, transaction, upgrade
from storage.grants import grant_readonly
from stream.connect import shown
from stream.errors import ConfigError, TransientError
from stream.settings import PREFIX, Settings, load_settings

topics_app = typer.Typer(name="topics", no_args_is_help=True, help="The broker's topics.")
gaps_app = typer.Typer(name="gaps", no_args_is_help=True, help="Records that were deleted before a stage read them.")
db_app = typer.Typer(name="db", no_args_is_help=True, help="The database.")

WORST = 5  # feeds that fail, the longest failing first, of which the status tells the last error
GAP_COLUMNS = ("consumer_group", "topic", "partition", "from_offset", "to_offset", "detected_at", "accepted_at")


def register(app: typer.Typer) -> None:
    """Add the commands that stand alone to *app*."""
    app.command()(status)
    app.command()(config)


def status(as_json: AsJson = False) -> None:
    """Show feeds by health, the worst of them with its last error, articles a day, which feed is fetched next and why, how far
    each stage is behind, dead letters, and rows.

    Example: dateline status
    """
    with database() as (settings, engine):
        with reading(engine) as conn:
            rows, feeds = queries.counts(conn), _feeds(queries.feed_health(conn))
        lags, problem = _lags(settings)
        waiting = _ingest_waits(settings)
    found = {"broker": shown(settings.broker), "database": shown(settings.database), **feeds, "ingest": waiting, "lag": lags, "rows": rows}
    if as_json:
        typer.echo(json.dumps(found, default=str, indent=2))
        return
    lines = [f"broker    {found['broker']}", f"database  {found['database']}", *_about_feeds(feeds)]
    if waiting:
        lines.append(f"ingest    fetches nothing: {waiting}")
    lines += [f"lag       {group}: {f'unknown ({problem})' if records is None else records}" for group, records in lags.items()]
    console().print("\n".join(lines), markup=False)
    show([{"table": name, "rows": count} for name, count in rows.items()], ("table", "rows"), as_json=False, as_csv=False)


def _feeds(feeds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what all *feeds* come to: how many there are by health, what they bring, the WORST of them, and which is fetched next."""
    failing = sorted((feed for feed in feeds if feed["health"] == "failing"), key=lambda feed: -feed["failures"])
    active = (feed for feed in feeds if feed["health"] in ("new", "ok", "failing"))
    soonest = min(active, key=lambda feed: feed["next_fetch_at"], default=None)
    return {
        "feeds": Counter(feed["health"] for feed in feeds),
        "pushed": sum(feed["pushed_by"] is not None for feed in feeds),
        "articles_per_day": sum(feed["articles_per_day"] for feed in feeds),
        "failing": [_of(feed, "url", "failures", "last_error") for feed in failing[:WORST]],
        "next_fetch": _of(soonest, "url", "next_fetch_at", "next_fetch_why") if soonest else None,
    }


def _of(feed: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: feed[name] for name in names}


def _about_feeds(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield lines for people on what ``_feeds`` returned."""
    yield "feeds     " + (
        ", ".join(f"{count} {name}" for name, count in sorted(found["feeds"].items())) or "none yet: dateline feeds add URL"
    )
    if found["feeds"]:
        yield f"articles  {found['articles_per_day']:.1f} a day in the last week"
    if found["pushed"]:
        yield f"pushed    {found['pushed']} feeds, of which a hub tells the news"
    for feed in found["failing"]:
        yield f"failing   {feed['url']}: {feed['last_error']} ({feed['failures']} in a row)"
    if soonest := found["next_fetch"]:
        why = f" ({soonest['next_fetch_why']})" if soonest["next_fetch_why"] else ""
        yield f"next      {soonest['next_fetch_at']:%Y-%m-%d %H:%M} UTC, {soonest['url']}{why}"


def config(as_json: AsJson = False) -> None:
    """Print the settings in force, secrets hidden, and what each is for.

    Example: DATELINE_RUN=2 dateline config
    """
    settings = load_settings()
    rows = [
        {"variable": PREFIX + name.upper(), "value": _plain(name, settings), "meaning": field.description or ""}
        for name, field in Settings.model_fields.items()
    ]
    show(rows, ("variable", "value", "meaning"), as_json=as_json, as_csv=False)


@topics_app.command("ensure")
def ensure() -> None:
    """Make the topics that do not exist yet; existing ones stay as they are.

    Example: dateline topics ensure
    """
    settings = load_settings()
    broker = compose.open_broker(settings)
    try:
        made = set(broker.ensure_topics(compose.topics(settings)))
    finally:
        broker.close()
    for topic in compose.topics(settings):
        typer.echo(f"{topic.name}: {f'made with {topic.partitions} partitions' if topic.name in made else 'exists'}")


@db_app.command("upgrade")
def db_upgrade() -> None:
    """Bring the database to the schema of this version.

    Example: DATELINE_DATABASE_URL=postgresql://dateline@db/dateline dateline db upgrade
    """
    settings = load_settings()
    engine = compose.open_engine(settings)
    try:
        upgrade(engine)
    finally:
        engine.dispose()
    typer.echo(f"{shown(settings.database)} is at the schema of this version")


@db_app.command("grant-readonly")
def db_grant_readonly(role: Annotated[str, typer.Argument(help="A role of Postgres that exists already.")]) -> None:
    """Let a role read every table and view, those of later versions too, and change nothing.

    Example: dateline db grant-readonly analyst
    """
    with database() as (settings, engine):
        grant_readonly(engine, role)
    typer.echo(f"{role} may read {shown(settings.database)}")


@gaps_app.command("list")
def gaps_list(as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """Show what is missing; a stage with an open gap does not go on.

    Example: dateline gaps list
    """
    with database() as (_, engine), reading(engine) as conn:
        rows = queries.gaps(conn)
    show(rows, GAP_COLUMNS, as_json=as_json, as_csv=as_csv, empty="No gaps.")


@gaps_app.command("accept")
def gaps_accept(group: Annotated[str, typer.Argument(help="The stage, as shown in the list.")]) -> None:
    """Take the loss of every open gap of a stage, which then goes on behind it when it is started again.

    Example: dateline gaps accept dateline.store
    """
    with database() as (_, engine), transaction(engine) as conn:
        number = accept_gaps(conn, group)
    if not number:
        raise ConfigError(f"{group!r} has no open gap; `dateline gaps list` shows them")
    typer.echo(f"{number} accepted; start {group} again")


def _ingest_waits(settings: Settings) -> str | None:
    broker = compose.open_broker(settings)
    try:
        return Brake(settings, broker, compose.live_groups(settings))()
    finally:
        broker.close()


def _lags(settings: Settings) -> tuple[dict[str, int | None], str]:
    """Return how many records each group has still to read, None where that cannot be told, and why."""
    groups = compose.groups(settings)
    broker = compose.open_broker(settings)
    try:
        partitions = {group: broker.lag(group, [topic]) for group, topic in groups.items()}
    except TransientError as e:
        return dict.fromkeys(groups), str(e)
    finally:
        broker.close()
    lags = {group: sum(one.lag for one in found) if found else None for group, found in partitions.items()}
    return lags, "the topic does not exist yet"


def _plain(name: str, settings: Settings) -> object:
    urls = {"broker_url": settings.broker, "database_url": settings.database, "http_proxy": settings.http_proxy.get_secret_value()}
    if name in urls:
        return shown(urls[name])
    value = getattr(settings, name)
    if isinstance(value, SecretStr):
        return "********"
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value)
    if name == "kafka_options":
        return json.dumps({key: "********" if "password" in key or "token" in key else item for key, item in value.items()}, default=str)
    return value if isinstance(value, int | float | str | None) else str(value)
