"""Stored articles, to be annotated anew, and the number of the run that will replace what is stored."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, Engine, func, select

from storage.engine import reading
from storage.schema import annotations as annotations_table
from storage.schema import articles
from stream.messages import Article

PAGE = 200  # articles read at a time


def next_run(conn: Connection) -> int:
    """Return a number above every run that is stored."""
    return (conn.execute(select(func.max(annotations_table.c.run))).scalar() or 0) + 1


def stored_articles(engine: Engine, *, since: datetime | None = None, language: str | None = None) -> Iterator[Article]:
    """Yield the articles that are stored, each in its newest revision, oldest row first.

    *since* is inclusive and compares ``dated_at``. Articles whose text may not be stored are left out: there is nothing to annotate.
    """
    last = 0
    query = select(articles.c.article_key, annotations_table.c.document).join(
        annotations_table, annotations_table.c.article_key == articles.c.article_key
    )
    if since is not None:
        query = query.where(articles.c.dated_at >= since)
    if language is not None:
        query = query.where(articles.c.language == language)
    while True:
        with reading(engine) as conn:
            page = conn.execute(query.where(articles.c.article_key > last).order_by(articles.c.article_key).limit(PAGE)).all()
        if not page:
            return
        for key, document in page:
            article = Article.model_validate(document["article"])
            last = key
            if article.text:
                yield article
