"""``query articles|entities|events|search``."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, get_args

import typer

from dateline.commands.feeds import database
from dateline.output import AsCsv, AsJson, Since, moment, show
from storage import queries
from storage.engine import reading
from stream.errors import ConfigError
from stream.messages import EventType

app = typer.Typer(name="query", no_args_is_help=True, help="Ask the database.")


class Modality(StrEnum):
    """Whether it happened."""

    asserted = "asserted"
    planned = "planned"
    conditional = "conditional"
    possible = "possible"
    hypothetical = "hypothetical"
    negated = "negated"


Until = Annotated[str | None, typer.Option(help="Before this moment; the same forms.")]
Limit = Annotated[int, typer.Option(min=1, max=1_000_000, help="Most rows.")]
Country = Annotated[str | None, typer.Option(help="PLOVER country code: UKR, EUR, IGO …")]

ARTICLE_COLUMNS = ("published_at", "outlet", "title", "events", "url")
ENTITY_COLUMNS = ("name", "type", "country", "articles", "mentions")
EVENT_COLUMNS = ("date_start", "type", "who", "what", "whom", "place", "modality", "confidence", "title")
PLANNED_COLUMNS = ("planned_start", "type", "who", "what", "whom", "place", "modality", "confidence", "title")
SEARCH_COLUMNS = ("published_at", "outlet", "title", "snippet")


@app.command("articles")
def articles(
    since: Since = None,
    until: Until = None,
    country: Annotated[str | None, typer.Option(help="Country of the outlet, ISO 3166 alpha-3.")] = None,
    language: Annotated[str | None, typer.Option(help="ISO 639-1.")] = None,
    feed: Annotated[str | None, typer.Option(help="A feed's id.")] = None,
    text: Annotated[str | None, typer.Option(help="Only articles with these words.")] = None,
    limit: Limit = 20,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Newest articles first.

    Example: dateline query articles --since 7d --country GBR
    """
    _show(
        queries.articles,
        ARTICLE_COLUMNS,
        as_json,
        as_csv,
        since=moment(since),
        until=moment(until),
        country=_upper(country),
        language=language,
        feed_id=feed,
        text=text,
        limit=limit,
    )


@app.command("entities")
def entities(
    since: Since = None,
    until: Until = None,
    type_: Annotated[str | None, typer.Option("--type", help="PERSON, ORG, GPE, NORP, LOC, FAC, EVENT …")] = None,
    country: Country = None,
    name: Annotated[str | None, typer.Option(help="Part of the name or of an alias.")] = None,
    limit: Limit = 20,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Who and what is written about most.

    Example: dateline query entities --type PERSON --since 24h
    """
    _show(
        queries.entities,
        ENTITY_COLUMNS,
        as_json,
        as_csv,
        since=moment(since),
        until=moment(until),
        type=_upper(type_),
        country=_upper(country),
        name=name,
        limit=limit,
    )


@app.command("events")
def events(
    since: Annotated[str | None, typer.Option(help="Events that took place from this day on: 2025-05-13, or an age such as 7d.")] = None,
    until: Annotated[str | None, typer.Option(help="Events before this day.")] = None,
    type_: Annotated[str | None, typer.Option("--type", help="A PLOVER type: CONSULT, THREATEN, ASSAULT …")] = None,
    country: Annotated[str | None, typer.Option(help="PLOVER code of any party or of the place.")] = None,
    actor: Annotated[str | None, typer.Option(help="PLOVER code of an actor.")] = None,
    recipient: Annotated[str | None, typer.Option(help="PLOVER code of a recipient.")] = None,
    entity: Annotated[str | None, typer.Option(help="Part of a party's name.")] = None,
    modality: Annotated[Modality | None, typer.Option(help="Only events of this modality, instead of what is a fact.")] = None,
    quad: Annotated[
        int | None, typer.Option(min=1, max=4, help="1 verbal cooperation, 2 material cooperation, 3 verbal conflict, 4 material conflict.")
    ] = None,
    planned: Annotated[
        bool,
        typer.Option("--planned", help="What lies ahead by its planned date, not what is a fact; from today on without --since."),
    ] = False,
    limit: Limit = 20,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Who did what to whom, when and where; the newest first.

    Example: dateline query events --type CONSULT --country TUR --since 30d --json
    """
    if planned and modality is not None:
        raise ConfigError("--planned and --modality exclude each other")
    if type_ is not None and type_.upper() not in get_args(EventType):
        raise ConfigError(f"--type {type_!r} is no event type; they are {', '.join(get_args(EventType))}")
    if planned and since is None:
        since = datetime.now(UTC).date().isoformat()
    _show(
        queries.events,
        PLANNED_COLUMNS if planned else EVENT_COLUMNS,
        as_json,
        as_csv,
        since=moment(since),
        until=moment(until),
        type=_upper(type_),
        country=_upper(country),
        actor_country=_upper(actor),
        recipient_country=_upper(recipient),
        entity=entity,
        modality=modality.value if modality else None,
        quad=quad,
        planned=planned,
        limit=limit,
    )


@app.command("search")
def search(
    words: Annotated[list[str], typer.Argument(help="Words that must all stand in the article.")],
    limit: Limit = 20,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Full-text search over articles, the best first.

    Example: dateline query search ceasefire talks
    """
    _show(queries.search, SEARCH_COLUMNS, as_json, as_csv, text=" ".join(words), limit=limit)


def _show(question: Any, columns: tuple[str, ...], as_json: bool, as_csv: bool, **arguments: Any) -> None:
    with database() as (_, engine), reading(engine) as conn:
        rows = question(conn, **arguments)
    show(rows, columns, as_json=as_json, as_csv=as_csv, empty="Nothing found. `dateline status` shows what there is.")


def _upper(value: str | None) -> str | None:
    return value.upper() if value is not None else None
