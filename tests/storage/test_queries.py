"""The questions people ask, and the views behind them, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from storage import queries
from storage.dialect import SearchTerms, search_terms
from storage.engine import connect_database, reading, transaction
from storage.schema_feeds import feeds, fetches
from storage.views import all_events, entity_daily, event_facts, planned_events
from storage.writer import write_annotated
from stream.messages import AnnotatedArticle, EventDate
from tests.services.postgres import DATABASES, fresh_database
from tests.storage.samples import PUBLISHED, annotated

HOSTILE = (
    "", "'", '"', "%", "_", "\\", "*", "^", "-", '-"', '"""', "(", ")", "NEAR(a b)", "a AND", "OR", "NOT x", "title:x", "{a}:b", "x:*",
    "a & | !", "'; DROP TABLE articles; --", "\x00", "\ud800", ":x", "%s", "%(x)s", "🚀", "中文", "x" * 5_000, "a " * 5_000, "-a -b", "<->",
    "a\nb", "“quoted”",
)  # fmt: skip


@pytest.fixture(scope="module", params=DATABASES)
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Three articles, each with a meeting and an announced visit; the third is of another outlet, language and day. Only read it."""
    other = annotated("a3", title="Gespräche in Genf", outlet="Beispiel", country="DEU", language="de", feed_id="f2",
                      published_at=PUBLISHED + timedelta(days=2))  # fmt: skip
    with fresh_database(request, request.param, tmp_path_factory.mktemp("filled")) as url:
        engine = connect_database(url)
        with transaction(engine) as conn:
            write_annotated(conn, [annotated("a1"), annotated("a2", title="Sanctions and protests", published_at=None), other])
        yield engine
        engine.dispose()


def ids(rows: tuple[dict[str, Any], ...]) -> list[str]:
    return [row["article_id"] for row in rows]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, ["a3", "a2", "a1"]),
        ({"limit": 1}, ["a3"]),
        ({"since": PUBLISHED + timedelta(seconds=1)}, ["a3", "a2"]),
        ({"since": PUBLISHED}, ["a3", "a2", "a1"]),
        ({"until": PUBLISHED}, []),
        ({"until": PUBLISHED + timedelta(seconds=1)}, ["a1"]),
        ({"country": "DEU"}, ["a3"]),
        ({"language": "en"}, ["a2", "a1"]),
        ({"feed_id": "f2"}, ["a3"]),
        ({"text": "sanction protested"}, ["a2"]),
        ({"text": "sanctions", "language": "de"}, []),
        ({"text": "!"}, []),
    ],
)
def test_articles_fit_every_filter_the_newest_first(filled: Engine, filters: dict[str, Any], found: list[str]) -> None:
    with reading(filled) as conn:
        assert ids(queries.articles(conn, **filters)) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("meets", []),  # "met" is no regular form
        ("visits keller", ["a1", "a2", "a3"]),
        ("KELLER protest", ["a2"]),
        ('"in Geneva on Monday"', ["a1", "a2", "a3"]),
        ('"Geneva in"', []),
        ("keller -sanctions", ["a1", "a3"]),
        ('keller -"talks in geneva"', ["a2", "a3"]),
        ("keller OR sanctions", []),  # "or" is a word, and no article has it
        ("-keller", []),
        ("gespräche", ["a3"]),
    ],
)
def test_search_finds_words_in_their_forms_and_phrases(filled: Engine, text: str, found: list[str]) -> None:
    with reading(filled) as conn:
        assert sorted(ids(queries.search(conn, text))) == found


def test_search_puts_the_title_first_and_shows_where_it_found_the_words(engine: Engine) -> None:
    in_text = annotated("a1", title="Weather", body="Strikes, they said. " + "Rain fell all day. " * 20)
    with transaction(engine) as conn:
        write_annotated(conn, [in_text, annotated("a2", title="Strikes", body="Rain.")])
    with reading(engine) as conn:
        rows = queries.search(conn, "strike")
    assert ids(rows) == ["a2", "a1"]
    assert "[Strikes]" in rows[1]["snippet"]


def test_search_follows_a_changed_text(engine: Engine) -> None:
    for message in (annotated(body="An earthquake."), annotated(revision=2, body="A flood.")):
        with transaction(engine) as conn:
            write_annotated(conn, [message])
    with reading(engine) as conn:
        assert (ids(queries.search(conn, "earthquake")), ids(queries.search(conn, "flood"))) == ([], ["a1"])


@pytest.mark.parametrize(
    ("words", "terms"),
    [
        ("peace talks", SearchTerms(("peace", "talks"))),
        ('"peace talks" -war', SearchTerms(("peace talks",), ("war",))),
        ('-"peace talks"', SearchTerms((), ("peace talks",))),
        ('an "open end', SearchTerms(("an", "open end"))),
        ("cease-fire don't", SearchTerms(("cease-fire", "don't"))),
        (' - -- " "" *', SearchTerms(())),
    ],
)  # fmt: skip
def test_search_terms(words: str, terms: SearchTerms) -> None:
    assert search_terms(words) == terms


QUESTIONS: tuple[Callable[..., Any], ...] = (
    lambda conn, text: queries.search(conn, text),
    lambda conn, text: queries.articles(conn, text=text),
    lambda conn, text: queries.articles(conn, language=text, feed_id=text),
    lambda conn, text: queries.entities(conn, name=text, type=text, country=text),
    lambda conn, text: queries.events(conn, entity=text),
    lambda conn, text: queries.events(conn, country=text, actor_country=text, recipient_country=text, type=text, modality=text),
    lambda conn, text: queries.dead_letters(conn, stage=text, topic=text),
)


@pytest.mark.parametrize("question", range(len(QUESTIONS)))
def test_no_text_is_an_error_or_a_wildcard(filled: Engine, question: int) -> None:
    with reading(filled) as conn:
        for text in HOSTILE:
            QUESTIONS[question](conn, text)
        assert queries.entities(conn, name="%") == queries.entities(conn, name="_") == queries.events(conn, entity="%") == ()


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, [("CONSULT", "asserted"), ("AGREE", "planned")]),
        ({"planned": True}, [("AGREE", "planned")]),
        ({"modality": "planned"}, [("AGREE", "planned")]),
        ({"modality": "negated"}, []),
        ({"type": "CONSULT"}, [("CONSULT", "asserted")]),
        ({"quad": 2}, []),
        ({"since": datetime(2025, 5, 26, 18, tzinfo=UTC)}, [("CONSULT", "asserted")]),
        ({"since": datetime(2025, 5, 27, tzinfo=UTC)}, []),
        ({"until": datetime(2025, 5, 26, tzinfo=UTC)}, []),
        ({"until": datetime(2025, 5, 26, 1, tzinfo=UTC)}, [("CONSULT", "asserted")]),
        ({"planned": True, "since": datetime(2025, 6, 9, tzinfo=UTC)}, [("AGREE", "planned")]),
        ({"planned": True, "until": datetime(2025, 6, 9, tzinfo=UTC)}, []),
        ({"actor_country": "DEU"}, [("CONSULT", "asserted"), ("AGREE", "planned")]),
        ({"actor_country": "RUS"}, []),
        ({"recipient_country": "RUS"}, [("CONSULT", "asserted")]),
        ({"country": "RUS"}, [("CONSULT", "asserted")]),
        ({"country": "CHE"}, [("CONSULT", "asserted")]),
        ({"entity": "petrov"}, [("CONSULT", "asserted")]),
        ({"entity": "KELLER", "limit": 1}, [("CONSULT", "asserted")]),
    ],
)
def test_events_fit_every_filter_the_latest_first(filled: Engine, filters: dict[str, Any], found: list[tuple[str, str]]) -> None:
    with reading(filled) as conn:
        rows = queries.events(conn, **filters)
    assert [(row["type"], row["modality"]) for row in rows if row["article_id"] == "a3"] == found


def test_event_shows_who_did_what_to_whom_and_where_it_is_told(engine: Engine) -> None:
    message = annotated()
    met, visit = message.events
    more = (*met.actors, met.recipients[0].model_copy(update={"country": "AUT"}), met.actors[0])
    message = message.model_copy(update={"events": (met.model_copy(update={"actors": more}), visit)})
    with transaction(engine) as conn:
        write_annotated(conn, [message])
    with reading(engine) as conn:
        (row,) = queries.events(conn, type="CONSULT")
    assert row["who"] == "Maria Keller; Ivan Petrov; Maria Keller"
    assert (row["who_countries"], row["who_sectors"]) == ("AUT, DEU", "GOV")
    assert (row["what"], row["whom"], row["whom_countries"], row["whom_sectors"]) == ("met", "Ivan Petrov", "RUS", None)
    assert (row["date_start"], row["place"], row["place_country"], row["contexts"]) == (date(2025, 5, 26), "Geneva", "CHE", ["diplomatic"])
    assert row["sentence"] == "Maria Keller met Ivan Petrov in Geneva on Monday."
    assert (row["title"], row["published_at"]) == ("Talks in Geneva", PUBLISHED)


@pytest.mark.parametrize(
    ("modality", "quad", "fact", "ahead"),
    [
        ("asserted", 1, True, False),
        ("asserted", 4, True, False),
        ("planned", 1, True, True),
        ("planned", 2, False, True),
        ("conditional", 3, True, True),
        ("conditional", 4, False, True),
        ("hypothetical", 1, False, True),
        ("possible", 1, False, False),
        ("negated", 3, False, False),
    ],
)
def test_facts_are_what_was_done_and_plans_what_was_not_yet(engine: Engine, modality: str, quad: int, fact: bool, ahead: bool) -> None:
    one = annotated().events[0].model_copy(update={"modality": modality, "quad": quad})
    with transaction(engine) as conn:
        write_annotated(conn, [annotated().model_copy(update={"events": (one,)})])
    with reading(engine) as conn:
        found = [bool(conn.execute(select(view.c.n)).all()) for view in (all_events, event_facts, planned_events)]
    assert found == [True, fact, ahead]


def test_planned_events_come_by_their_planned_day_and_those_without_one_last(engine: Engine) -> None:
    def planned(id: str, day: str | None) -> AnnotatedArticle:
        when = EventDate(start=day, end=day, precision="day") if day else None
        event = annotated().events[1].model_copy(update={"planned_date": when})
        return annotated(id).model_copy(update={"events": (event,)})

    with transaction(engine) as conn:
        write_annotated(conn, [planned("a1", None), planned("a2", "2025-07-02"), planned("a3", "2025-07-01")])
    with reading(engine) as conn:
        assert ids(queries.events(conn, planned=True)) == ["a3", "a2", "a1"]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, [("Geneva", 3, 3), ("Ivan Petrov", 3, 3), ("Maria Keller", 3, 3)]),
        ({"type": "GPE"}, [("Geneva", 3, 3)]),
        ({"country": "DEU"}, [("Maria Keller", 3, 3)]),
        ({"name": "kell"}, [("Maria Keller", 3, 3)]),
        ({"since": PUBLISHED + timedelta(days=1), "type": "PERSON"}, [("Ivan Petrov", 1, 1), ("Maria Keller", 1, 1)]),
        ({"limit": 1}, None),
    ],
)
def test_entities_are_counted_within_the_time_asked_for(filled: Engine, filters: dict[str, Any], found: list[Any] | None) -> None:
    with reading(filled) as conn:
        rows = queries.entities(conn, **filters)
    if found is None:
        assert len(rows) == 1
    else:
        assert sorted((row["name"], row["articles"], row["mentions"]) for row in rows) == found


def test_entity_daily_counts_articles_and_mentions(filled: Engine) -> None:
    with reading(filled) as conn:
        named = select(entity_daily.c.day, entity_daily.c.articles, entity_daily.c.mentions).where(entity_daily.c.name == "Geneva")
        rows = conn.execute(named.order_by(entity_daily.c.day)).all()
    assert [tuple(row) for row in rows] == [(date(2025, 6, 1), 2, 2), (date(2025, 6, 3), 1, 1)]


def test_counts_name_every_table(filled: Engine) -> None:
    with reading(filled) as conn:
        found = queries.counts(conn)
    assert (found["articles"], found["event_reports"], found["feeds"]) == (3, 6, 0)


@pytest.mark.parametrize(
    ("fields", "health"),
    [
        ({}, "new"),
        ({"last_success_at": PUBLISHED}, "ok"),
        ({"last_success_at": PUBLISHED, "failures": 3, "last_error": "timeout"}, "failing"),
        ({"failures": 1, "state": "gone"}, "gone"),
        ({"state": "paused"}, "paused"),
    ],
)
def test_feed_health(engine: Engine, fields: dict[str, Any], health: str) -> None:
    feed = {"feed_id": "f1", "url": "https://news.example/rss", "added_at": PUBLISHED, "next_fetch_at": PUBLISHED}
    with transaction(engine) as conn:
        write_annotated(conn, [annotated()])
        conn.execute(feeds.insert().values(**feed, **fields))
        for hour, status in enumerate((200, 503, None)):
            at = PUBLISHED + timedelta(hours=hour)
            conn.execute(fetches.insert().values(feed_id="f1", started_at=at, duration=1.0, outcome="x", status=status))
    with reading(engine) as conn:
        (row,) = queries.feed_health(conn)
    assert (row["health"], row["articles"], row["last_status"], row["last_article_at"]) == (health, 1, 503, PUBLISHED)


def test_articles_per_day_are_those_of_the_last_week(engine: Engine) -> None:
    now = datetime.now(UTC)
    ages = {"a1": 1, "a2": 2, "a3": 6, "a4": 8, "a5": 400}
    with transaction(engine) as conn:
        write_annotated(conn, [annotated(name, published_at=now - timedelta(days=days)) for name, days in ages.items()])
        for feed_id in ("f1", "silent"):
            conn.execute(feeds.insert().values(feed_id=feed_id, url=f"https://{feed_id}.example/", added_at=now, next_fetch_at=now))
    with reading(engine) as conn:
        assert {row["feed_id"]: row["articles_per_day"] for row in queries.feed_health(conn)} == {"f1": 3 / 7, "silent": 0.0}
