"""How fast annotated articles are written, as the storage stage writes them: one transaction a batch, offsets in it.

    python -m benchmarks storage

SQLite runs with synchronous=FULL as in production, Postgres with fsync on. Articles are made up, with the sizes of real
ones: about 500 words, 25 entities with two mentions each, 12 events; names follow Zipf's law, so that most are known soon.
"""

from __future__ import annotations

import random
import statistics
import time
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Engine

from benchmarks.report import Section, at_least
from benchmarks.services import POSTGRES, databases
from storage.engine import transaction
from storage.worker import DatabaseSink
from storage.writer import write_annotated
from stream.broker import TopicPartition
from stream.messages import AnnotatedArticle, Article, Entity, Event, EventDate, Mention, Participant, PipelineInfo, Place, Span, TextSpan

BATCH = 200  # articles, as the stage takes them
BATCHES = 12
LEAST = 20_000  # rows a second into Postgres
WORDS, ENTITIES, EVENTS, NAMES = 500, 25, 12, 4_000
PIPELINE = PipelineInfo(name="en_made_up", version="1", knowledge="1", lexicon="1")
START = datetime(2025, 6, 1, tzinfo=UTC)
SYLLABLES = (
    "ba",
    "ke",
    "lo",
    "mi",
    "nu",
    "ra",
    "se",
    "to",
    "vi",
    "za",
    "dor",
    "gan",
    "hel",
    "kov",
    "lin",
    "mar",
    "pet",
    "ris",
    "son",
    "tor",
)


TITLE = "Storing"
ABOUT = (
    f"The median of {BATCHES} batches of {BATCH} made-up articles of {WORDS} words, {ENTITIES} entities and {EVENTS} events, one "
    "transaction a batch with the offsets in it, by one writer; SQLite with synchronous=FULL, Postgres with fsync. *Again* writes the "
    "same batches over themselves."
)
HEAD = ("database", "articles/s", "rows/s", "rows an article", "again: rows/s")


class Rates(NamedTuple):
    """Articles and rows a second, and rows a second where they replace their like."""

    articles: float
    rows: float
    again: float


def run() -> Section:
    """Measure both databases; without Postgres SQLite alone."""
    batches = [[made_up(b * BATCH + i) for i in range(BATCH)] for b in range(BATCHES)]
    with databases() as engines:
        rates = {kind: measure(engine, batches) for kind, (engine,) in engines.items()}
    rows = [
        (kind, *(f"{number:,.0f}" for number in (rate.articles, rate.rows, rate.rows / rate.articles, rate.again)))
        for kind, rate in rates.items()
    ]
    targets = [at_least("rows a second into Postgres", LEAST, rate.rows) for kind, rate in rates.items() if kind == POSTGRES]
    return Section("storage", TITLE, ABOUT, HEAD, tuple(rows), tuple(targets))


def measure(engine: Engine, batches: list[list[AnnotatedArticle]]) -> Rates:
    """Write *batches* twice, the second time over themselves."""
    first, again = _seconds(engine, batches), _seconds(engine, batches)
    with transaction(engine) as conn:
        rows = write_annotated(conn, batches[0]).rows
    return Rates(BATCH / first, rows / first, rows / again)


def made_up(number: int, names: int = NAMES) -> AnnotatedArticle:
    """Return an annotated article that names some of so many *names*; the same for the same *number*."""
    rng = random.Random(number)
    words = [_name(rng.randrange(20_000)) for _ in range(WORDS)]
    text = f"Headline {number}\n\n" + " ".join(words)
    entities = tuple(_entity(i, min(int(rng.paretovariate(0.6)), names), text, rng) for i in range(ENTITIES))
    events = tuple(_event(i, entities, text, rng) for i in range(EVENTS))
    article = Article(
        id=f"{rng.getrandbits(128):032x}", feed_id="f0", url=f"https://news.example/{number}", outlet="Example", country="GBR",
        language="en", title=f"Headline {number}", text=text, text_source="content", published_at=START + timedelta(minutes=number),
        first_seen_at=START + timedelta(minutes=number + 3), minhash=b64encode(rng.randbytes(192)).decode(),
    )  # fmt: skip
    return AnnotatedArticle(pipeline=PIPELINE, article=article, entities=entities, events=events)


def _entity(i: int, number: int, text: str, rng: random.Random) -> Entity:
    name = f"{_name(number).title()} {_name(number * 7).title()}"
    at = [rng.randrange(len(text) - 20) for _ in range(2)]
    place = Place(name=name, country="UKR", lat=50.0, lon=30.0, geonames_id=number, precision="city") if number % 4 == 0 else None
    mentions = tuple(Mention(start=start, end=start + len(name), text=name, label="PERSON") for start in at)
    return Entity(id=f"e{i}", key=f"PERSON:{name.lower()}", name=name, type="PERSON", country="UKR", place=place, mentions=mentions)


def _event(i: int, entities: tuple[Entity, ...], text: str, rng: random.Random) -> Event:
    start = rng.randrange(len(text) - 200)
    actor, recipient = rng.sample(entities, 2)
    return Event(
        id=f"v{i}", type="CONSULT", quad=1, score=1.0, modality="asserted", trigger=TextSpan(start=start, end=start + 4, text="met"),
        sentence=Span(start=start, end=start + 150), actors=(_participant(actor),), recipients=(_participant(recipient),),
        mentions=(Span(start=start, end=start + 4),), date=EventDate(start="2025-06-01", end="2025-06-01", precision="day"), confidence=0.8,
    )  # fmt: skip


def _participant(entity: Entity) -> Participant:
    mention = entity.mentions[0]
    return Participant(start=mention.start, end=mention.end, text=mention.text, entity=entity.id, country=entity.country, sector="GOV")


def _name(number: int) -> str:
    parts: list[str] = []
    while number or not parts:
        number, part = divmod(number, len(SYLLABLES))
        parts.append(SYLLABLES[part])
    return "".join(parts)


def _seconds(engine: Engine, batches: list[list[AnnotatedArticle]]) -> float:
    """Return the median of the batches, of which the first warms up."""
    sink, seconds = DatabaseSink(engine, "bench"), []
    for number, batch in enumerate(batches):
        started = time.perf_counter()
        sink.deliver(batch, {TopicPartition("bench", 0): number})
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[1:])
