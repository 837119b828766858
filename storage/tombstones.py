"""What was erased and must never be stored again, whoever publishes or annotates it anew.

Only hashes are kept: a list of erased names would be what the erasure was to undo.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, select

from storage.base import chunks, database_now
from storage.dialect import insert_into
from storage.rows import entity_key
from storage.schema import tombstones
from storage.withheld import without_entities
from stream.messages import AnnotatedArticle

Kind = Literal["article", "entity"]


def bury(conn: Connection, kind: Kind, key: str, *, now: datetime | None = None) -> None:
    """Note that what *key* names was erased: an article's id, or the ``key`` of an entity. Idempotent."""
    row = {"kind": kind, "key_hash": _hash(key), "erased_at": now or database_now(conn)}
    conn.execute(insert_into(conn, tombstones).on_conflict_do_nothing(), [row])


def buried(conn: Connection, kind: Kind, keys: Iterable[str]) -> frozenset[str]:
    """Return those of *keys* that were erased."""
    t = tombstones
    if conn.execute(select(t.c.kind).where(t.c.kind == kind).limit(1)).first() is None:
        return frozenset()  # as nearly always
    hashes = {_hash(key): key for key in keys}
    found: set[str] = set()
    for some in chunks(sorted(hashes)):
        found |= set(conn.execute(select(t.c.key_hash).where(t.c.kind == kind, t.c.key_hash.in_(some))).scalars())
    return frozenset(hashes[one] for one in found)


def spared(conn: Connection, batch: Sequence[AnnotatedArticle]) -> tuple[AnnotatedArticle, ...]:
    """Return what of *batch* may be stored: no erased article, and in the others no erased entity."""
    articles = buried(conn, "article", {message.article.id for message in batch})
    entities = _erased_entities(conn, {entity_key(entity) for message in batch for entity in message.entities})
    return tuple(without_entities(message, entities) for message in batch if message.article.id not in articles)


def covering(key: str) -> frozenset[str]:
    """Return the entity keys that, when they are erased, take *key* with them: itself, and its name without the country.

    Whether a text tells a person's country differs from article to article, so an erased name must not come back with another.
    """
    shorter = key.rpartition(":")[0]
    return frozenset({key, shorter} if ":" in shorter else {key})


def _erased_entities(conn: Connection, keys: Collection[str]) -> frozenset[str]:
    erased = buried(conn, "entity", {one for key in keys for one in covering(key)})
    return frozenset(key for key in keys if erased & covering(key)) if erased else erased


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
