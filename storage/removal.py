"""Taking out what is in the database: old articles, one article, one entity.

Each step is one transaction that keeps the writers out, so that none of them leans on a row which is just being removed, or writes
what has just been erased. The ingest side keeps its ids and hashes (sightings, url_keys, article_ids): they hold no text, and
without them what is still in a feed would come in again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, FromClause, delete, exists, func, or_, select, update

from storage.base import chunks
from storage.dialect import RawJson, keep_writers_out
from storage.engine import reading, transaction
from storage.rows import entity_key
from storage.schema import annotations as annotations_table
from storage.schema import article_entities, articles, dead_letters, entities
from storage.schema_feeds import article_ids, outbox, page_queue
from storage.tombstones import Kind, buried, bury, covering
from storage.withheld import without_entities
from storage.writer import rebuild
from stream.errors import ConfigError
from stream.messages import AnnotatedArticle, encode

AT_A_TIME = 200  # articles of one transaction: the writers wait for it


@dataclass(frozen=True, slots=True)
class Removed:
    """Rows that were removed, or that would be."""

    articles: int = 0
    entities: int = 0
    dead_letters: int = 0
    rewritten: int = 0  # articles that stay, without the entity

    def __add__(self, other: Removed) -> Removed:
        """Return both together."""
        return Removed(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


def purge(engine: Engine, before: datetime, *, dry_run: bool = False, on_progress: Callable[[int], None] = lambda removed: None) -> Removed:
    """Remove the articles that are dated before *before*, with all that hangs on them, and dead letters stored before it.

    Entities that no other article names go with them. *on_progress* is told how many articles are gone so far. What was removed
    when it is interrupted stays so.
    """
    old, letters = articles.c.dated_at < before, dead_letters.c.stored_at < before
    if dry_run:
        with reading(engine) as conn:
            return Removed(_count(conn, articles, old), dead_letters=_count(conn, dead_letters, letters))
    total = Removed()
    while True:
        with _alone(engine) as conn:
            keys = conn.execute(select(articles.c.article_key).where(old).order_by(articles.c.dated_at).limit(AT_A_TIME)).scalars().all()
            lonely = _remove_articles(conn, keys)
        if not keys:
            break
        total += Removed(len(keys), lonely)
        on_progress(total.articles)
    with transaction(engine) as conn:
        return total + Removed(dead_letters=conn.execute(delete(dead_letters).where(letters)).rowcount)


def erase_article(engine: Engine, article_id: str, *, dry_run: bool = False) -> Removed:
    """Remove every trace of an article's text and of what was found in it, and never store it again.

    It need not be stored yet. Idempotent.
    """
    mine = articles.c.article_id == article_id
    letters = dead_letters.c.key == article_id.encode()
    if dry_run:
        with reading(engine) as conn:
            return Removed(_count(conn, articles, mine), dead_letters=_count(conn, dead_letters, letters))
    with _alone(engine) as conn:
        bury(conn, "article", article_id)
        keys = conn.execute(select(articles.c.article_key).where(mine)).scalars().all()
        lonely = _remove_articles(conn, keys)
        for waiting in (outbox, page_queue):
            conn.execute(delete(waiting).where(waiting.c.article_id == article_id))
        return Removed(len(keys), lonely, conn.execute(delete(dead_letters).where(letters)).rowcount)


def erase_entity(engine: Engine, key: str, *, dry_run: bool = False) -> Removed:
    """Remove the entity *key* from the index and from every stored annotation, and never store it again.

    A key without a country covers the same name with any (``tombstones.covering``); ``withheld.without_entities`` says what goes
    with it. The articles' texts stay as they are: ``naming`` lists those that may have to be erased themselves. The entity need
    not be there. Idempotent. Raises ConfigError for what is no key.
    """
    if not key.partition(":")[2]:
        raise ConfigError(f"{key!r} is no key of an entity, which is a type, a name and often a country: PERSON:jane roe:GBR")
    if dry_run:
        with reading(engine) as conn:
            return Removed(entities=_count(conn, entities, _covered(key)), rewritten=len(_naming(conn, key)))
    with _alone(engine) as conn:
        bury(conn, "entity", key)
        keys = _naming(conn, key)
    for some in (keys[i : i + AT_A_TIME] for i in range(0, len(keys), AT_A_TIME)):
        with _alone(engine) as conn:
            for article_key in some:
                _rewrite(conn, article_key, key)
    with _alone(engine) as conn:
        return Removed(entities=conn.execute(delete(entities).where(_covered(key))).rowcount, rewritten=len(keys))


def is_known(engine: Engine, kind: Kind, key: str) -> bool:
    """Tell whether what *key* names is stored, was met in a feed, is a dead letter, or was erased before."""
    known = {
        "article": (articles.c.article_id == key, article_ids.c.article_id == key, dead_letters.c.key == key.encode()),
        "entity": (_covered(key),),
    }
    with reading(engine) as conn:
        return any(conn.execute(select(exists().where(one))).scalar_one() for one in known[kind]) or key in buried(conn, kind, [key])


def naming(engine: Engine, key: str) -> tuple[str, ...]:
    """Return the ids of the articles that name the entity *key*."""
    with reading(engine) as conn:
        keys = _naming(conn, key)
        found = [conn.execute(select(articles.c.article_id).where(articles.c.article_key.in_(some))).scalars() for some in chunks(keys)]
    return tuple(sorted(one for some in found for one in some))


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    with transaction(engine) as conn:
        keep_writers_out(conn)
        yield conn


def _remove_articles(conn: Connection, keys: Sequence[int]) -> int:
    """Delete articles, whose children go with them, and the entities that only they named; return how many of these there were."""
    lonely = 0
    for some in chunks(keys):
        named = set(conn.execute(select(article_entities.c.entity_key).where(article_entities.c.article_key.in_(some))).scalars())
        conn.execute(delete(articles).where(articles.c.article_key.in_(some)))
        lonely += _remove_unnamed(conn, named)
    return lonely


def _remove_unnamed(conn: Connection, keys: Collection[int]) -> int:
    unnamed = ~exists().where(article_entities.c.entity_key == entities.c.entity_key)
    return sum(conn.execute(delete(entities).where(entities.c.entity_key.in_(some), unnamed)).rowcount for some in chunks(sorted(keys)))


def _naming(conn: Connection, key: str) -> Sequence[int]:
    joined = article_entities.join(entities, entities.c.entity_key == article_entities.c.entity_key)
    query = select(article_entities.c.article_key).select_from(joined).where(_covered(key)).distinct()
    return conn.execute(query.order_by(article_entities.c.article_key)).scalars().all()


def _covered(key: str) -> ColumnElement[bool]:
    return or_(entities.c.key == key, entities.c.key.startswith(f"{key}:", autoescape=True))


def _rewrite(conn: Connection, article_key: int, key: str) -> None:
    a = annotations_table
    mine = a.c.article_key == article_key
    document = conn.execute(select(a.c.document).where(mine)).scalar_one_or_none()
    if document is not None:
        message = AnnotatedArticle.model_validate(document)
        left = without_entities(message, {one for one in map(entity_key, message.entities) if key in covering(one)})
        conn.execute(update(a).where(mine).values(document=RawJson(encode(left).decode())))
        rebuild(conn, article_key)


def _count(conn: Connection, table: FromClause, condition: ColumnElement[bool]) -> int:
    return conn.execute(select(func.count()).select_from(table).where(condition)).scalar_one()
