"""Stored articles that are annotated anew: which, as which run, and what readers see meanwhile."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select

from storage.engine import reading, transaction
from storage.replay import next_run, stored_articles
from storage.schema import annotations, event_reports
from storage.worker import DatabaseSink
from storage.writer import write_annotated
from stream.messages import AnnotatedArticle
from tests.storage.samples import PUBLISHED, annotated, article


def write(engine: Engine, *messages: AnnotatedArticle) -> None:
    with transaction(engine) as conn:
        write_annotated(conn, messages)


def runs(engine: Engine) -> dict[str, tuple[int, int]]:
    """Return run and number of events of each stored article."""
    with reading(engine) as conn:
        events = select(func.count()).where(event_reports.c.article_key == annotations.c.article_key).scalar_subquery()
        rows = conn.execute(select(annotations.c.document, annotations.c.run, events)).all()
    return {document["article"]["id"]: (run, number) for document, run, number in rows}


def without_events(run: int) -> AnnotatedArticle:
    return annotated(run=run).model_copy(update={"events": ()})


def test_every_stored_article_comes_in_its_newest_revision(engine: Engine) -> None:
    for number in range(250):
        write(engine, annotated(f"a{number}"))
    write(engine, annotated("a7", 2, body="Another text."))
    found = {one.id: one for one in stored_articles(engine)}
    assert len(found) == 250
    assert (found["a7"].revision, found["a7"].text) == (2, "Talks in Geneva\n\nAnother text.")
    assert found["a8"] == article("a8")


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ({"language": "de"}, {"german"}),
        ({"since": PUBLISHED + timedelta(days=1)}, {"late"}),
        ({"since": PUBLISHED}, {"early", "late", "german"}),
    ],
)
def test_articles_are_chosen_by_date_and_language(engine: Engine, filters: dict[str, object], ids: set[str]) -> None:
    write(engine, annotated("early"), annotated("late", published_at=PUBLISHED + timedelta(days=2)), annotated("german", language="de"))
    assert {one.id for one in stored_articles(engine, **filters)} == ids  # type: ignore[arg-type]


def test_an_article_whose_text_is_not_stored_cannot_be_annotated_anew(engine: Engine) -> None:
    DatabaseSink(engine, "t.store", keep_text=False).deliver([annotated()], {})
    assert list(stored_articles(engine)) == []


def test_a_new_run_replaces_and_going_back_is_a_further_run(engine: Engine) -> None:
    write(engine, annotated(run=1))
    with reading(engine) as conn:
        assert next_run(conn) == 2
    before = runs(engine)["a1"][1]
    write(engine, without_events(run=2))
    assert runs(engine) == {"a1": (2, 0)}
    write(engine, annotated(run=1))  # a late message of the old one
    assert runs(engine) == {"a1": (2, 0)}
    write(engine, annotated(run=3))  # the old pipeline again
    assert runs(engine) == {"a1": (3, before)}


def test_readers_never_see_half_a_replacement(engine: Engine) -> None:
    write(engine, annotated(run=1))
    whole, seen, over = len(annotated().events), set[tuple[int, int]](), threading.Event()

    def read() -> None:
        while not over.is_set():
            run, events = runs(engine)["a1"]
            seen.add((run % 2, events))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for run in range(2, 60):
        write(engine, annotated(run=run) if run % 2 else without_events(run))
    over.set()
    for reader in readers:
        reader.join()
    assert seen <= {(1, whole), (0, 0)}
