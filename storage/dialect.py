"""The few places where Postgres and SQLite differ: ON CONFLICT, COPY, JSON, full-text search. Nothing else asks which database it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import sql
from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Connection,
    Float,
    Integer,
    Select,
    Table,
    column,
    func,
    literal_column,
    select,
    table,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from storage.base import UtcDateTime

BigId = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows by itself only in a column typed INTEGER
Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

Insert = postgresql.Insert | sqlite.Insert

WRITERS_LOCK = 0x7772_6974_6572_7321  # "writers!": key of the advisory lock

MAX_TERMS = 32  # of a search; FTS5 nests AND, and 256 levels are its limit
MAX_TERM_CHARS = 200  # code points; Postgres refuses a word over 2,046 bytes in a query
SNIPPET_WORDS = 30
HEADLINE = f"StartSel=[, StopSel=], MaxWords={SNIPPET_WORDS}, MinWords=15, FragmentDelimiter=' … ', MaxFragments=1"

_TERM = re.compile(r'(-?)(?:"([^"]*)"?|(\S+))')


class hour_of(FunctionElement[datetime]):  # noqa: N801 (a function of SQL)
    """The start of the hour, UTC, that a moment falls into."""

    type = UtcDateTime()
    inherit_cache = True


@compiles(hour_of, "postgresql")
def _hour_on_postgres(element: hour_of, compiler: SQLCompiler, **options: Any) -> str:
    return f"date_trunc('hour', {compiler.process(element.clauses, **options)}, 'UTC')"


@compiles(hour_of, "sqlite")
def _hour_on_sqlite(element: hour_of, compiler: SQLCompiler, **options: Any) -> str:
    return f"(substr({compiler.process(element.clauses, **options)}, 1, 13) || ':00:00.000000Z')"


class week_ago(FunctionElement[datetime]):  # noqa: N801
    """The moment seven days before the statement."""

    type = UtcDateTime()
    inherit_cache = True


@compiles(week_ago, "postgresql")
def _week_ago_on_postgres(element: week_ago, compiler: SQLCompiler, **options: Any) -> str:
    return "(CURRENT_TIMESTAMP - INTERVAL '7 days')"


@compiles(week_ago, "sqlite")
def _week_ago_on_sqlite(element: week_ago, compiler: SQLCompiler, **options: Any) -> str:
    return "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', '-7 days')"


@dataclass(frozen=True, slots=True)
class RawJson:
    """JSON that is encoded already, for a Json column."""

    text: str


@dataclass(frozen=True, slots=True)
class SearchTerms:
    """What a reader looks for: each of *wanted*, a word or words that follow each other, and none of *unwanted*."""

    wanted: tuple[str, ...]
    unwanted: tuple[str, ...] = ()


def dump_json(value: Any) -> str:
    """Encode *value* for a Json column; the engine's serialiser."""
    return value.text if isinstance(value, RawJson) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def insert_into(conn: Connection, target: Table) -> Insert:
    """Return the dialect's INSERT into *target*, the one that has ON CONFLICT."""
    return postgresql.insert(target) if conn.dialect.name == "postgresql" else sqlite.insert(target)


def upsert(conn: Connection, target: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write *rows*, all of the same columns, in place of those with the same primary keys."""
    values = list(rows)
    if not values:
        return
    insert, keys = insert_into(conn, target), [column.name for column in target.primary_key]
    changes = {name: insert.excluded[name] for name in values[0] if name not in keys}
    conn.execute(insert.on_conflict_do_update(index_elements=keys, set_=changes), values)


def insert_rows(conn: Connection, target: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert *rows*, all of the same columns, that cannot conflict with any that are there.

    Postgres takes them by COPY: with INSERTs a batch of articles cost the server 1.7 and the client 2.7 times as much processor
    time (benchmarks/storage.py).
    """
    if not rows:
        return
    if conn.dialect.name != "postgresql":
        conn.execute(target.insert(), list(rows))
        return
    names = list(rows[0])
    encoders = {name: _copied_json for name in names if isinstance(target.c[name].type, JSON)}
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(target.name), columns)
    connection: Any = conn.connection.driver_connection
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row([encoders[name](row[name]) if name in encoders else row[name] for name in names])


def join_writers(conn: Connection) -> None:
    """Work beside other writers until the transaction ends, and not while ``keep_writers_out`` holds.

    On SQLite a writing transaction is alone by itself.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(select(func.pg_advisory_xact_lock_shared(WRITERS_LOCK)))


def keep_writers_out(conn: Connection) -> None:
    """Wait until no writer is at work, and let none begin until the transaction ends."""
    if conn.dialect.name == "postgresql":
        conn.execute(select(func.pg_advisory_xact_lock(WRITERS_LOCK)))


def search_terms(words: str) -> SearchTerms:
    """Read what a person types: words that must all occur, "words in a row" in quotes, and -words that must not.

    Nothing else has a meaning, and nothing is an error; what holds no letter or digit is left out.
    """
    terms: dict[bool, list[str]] = {False: [], True: []}
    for minus, quoted, plain in _TERM.findall(words)[:MAX_TERMS]:
        term = (quoted or plain).replace('"', " ").strip()[:MAX_TERM_CHARS]
        if any(character.isalnum() for character in term):
            terms[bool(minus)].append(term)
    return SearchTerms(tuple(terms[False]), tuple(terms[True]))


def best_articles(conn: Connection, terms: SearchTerms, limit: int) -> Select[tuple[int, float, str]]:
    """Return the query for (article_key, rank, snippet) of the articles that fit best, the best first; needs a wanted term.

    *rank* is comparable within one search only; the found words stand in [brackets] in *snippet*.
    """
    return _best_postgres(terms, limit) if conn.dialect.name == "postgresql" else _best_sqlite(terms, limit)


def article_matches(conn: Connection, terms: SearchTerms) -> ColumnElement[bool]:
    """Return the condition that a row of ``articles`` fits; needs a wanted term."""
    if conn.dialect.name == "postgresql":
        return _matches_postgres(terms)
    found = select(_FTS5.c.rowid).where(_fts5_match(terms))
    return literal_column("articles.article_key", Integer).in_(found)


def outside_of_metadata(_object: object, name: str | None, kind: str, reflected: bool, _compare_to: object) -> bool:
    """Return whether Alembic should compare *name*: the parts of full-text search are the migrations' alone."""
    return not (reflected and name is not None and (name.startswith("article_search") or "search_vector" in name))


def _copied_json(value: Any) -> str | None:
    return None if value is None else dump_json(value)


_ARTICLES = table("articles", column("article_key", Integer), column("text"), column("dated_at"))
_FTS5 = table("article_search", column("rowid", Integer))


def _tsquery(terms: SearchTerms) -> ColumnElement[Any]:
    """Every term in quotes, so that the words ``or`` and ``and`` are words; websearch_to_tsquery raises for nothing."""
    quoted = [f'"{term}"' for term in terms.wanted] + [f'-"{term}"' for term in terms.unwanted]
    return func.websearch_to_tsquery(literal_column("'dateline'"), " ".join(quoted))


def _best_postgres(terms: SearchTerms, limit: int) -> Select[tuple[int, float, str]]:
    """Snippets are made for the best alone: each costs a new parse of a whole text."""
    rank = func.ts_rank(literal_column("articles.search_vector"), _tsquery(terms), type_=Float).label("rank")
    order = (rank.desc(), _ARTICLES.c.dated_at.desc(), _ARTICLES.c.article_key)
    best = select(_ARTICLES.c.article_key, rank).where(_matches_postgres(terms)).order_by(*order).limit(limit).subquery()
    snippet = func.ts_headline(literal_column("'dateline'"), _ARTICLES.c.text, _tsquery(terms), HEADLINE).label("snippet")
    joined = best.join(_ARTICLES, _ARTICLES.c.article_key == best.c.article_key)
    found = select(best.c.article_key, best.c.rank, snippet).select_from(joined)
    return found.order_by(best.c.rank.desc(), _ARTICLES.c.dated_at.desc(), best.c.article_key)


def _matches_postgres(terms: SearchTerms) -> ColumnElement[bool]:
    return literal_column("articles.search_vector").bool_op("@@")(_tsquery(terms))


def _fts5_match(terms: SearchTerms) -> ColumnElement[bool]:
    def phrase(term: str) -> str:
        return f'"{term}"'

    wanted = " AND ".join(map(phrase, terms.wanted))
    unwanted = " OR ".join(map(phrase, terms.unwanted))
    expression = f"({wanted}) NOT ({unwanted})" if unwanted else wanted
    return literal_column("article_search").bool_op("MATCH")(expression)


def _best_sqlite(terms: SearchTerms, limit: int) -> Select[tuple[int, float, str]]:
    """bm25 is the smaller the better; the title, first column, counts ten times."""
    rank = literal_column("-bm25(article_search, 10.0, 1.0)", Float).label("rank")
    snippet: ColumnElement[str] = literal_column(f"snippet(article_search, 1, '[', ']', ' … ', {SNIPPET_WORDS})")
    joined = _FTS5.join(_ARTICLES, _ARTICLES.c.article_key == _FTS5.c.rowid)
    found = select(_ARTICLES.c.article_key, rank, snippet.label("snippet")).select_from(joined).where(_fts5_match(terms))
    return found.order_by(rank.desc(), _ARTICLES.c.dated_at.desc(), _ARTICLES.c.article_key).limit(limit)
