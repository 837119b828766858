"""How fast annotated articles are written, as the storage stage writes them: one transaction a batch, offsets in it.

    python -m benchmarks.storage

SQLite runs with synchronous=FULL as in production, Postgres with fsync on. Articles are made up, with the sizes of real
ones: about 500 words, 25 entities with two mentions each, 12 events; names follow Zipf's law, so that most are known soon.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from base64 import b64encode
from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine

from scripts.postgres import PostgresServer, ensure
from storage.engine import connect_database, upgrade
from storage.worker import DatabaseSink
from storage.writer import write_annotated
from stream.broker import TopicPartition
from stream.messages import AnnotatedArticle, Article, Entity, Event, EventDate, Mention, Participant, PipelineInfo, Place, Span, TextSpan

BATCH = 200  # articles, as the stage takes them
BATCHES = 8
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


def main() -> None:
    """Print rows and articles a second on each database; the median of the batches, the first of which warms up."""
    table = Table("database", "articles/s", "rows/s", "rows an article", "again: rows/s", title=f"{BATCHES} batches of {BATCH} articles")
    batches = [[made_up(b * BATCH + i) for i in range(BATCH)] for b in range(BATCHES)]
    with tempfile.TemporaryDirectory() as folder:
        table.add_row("SQLite", *measure(connect_database(f"sqlite:///{folder}/bench.db"), batches))
    if reason := ensure():
        Console().print(f"Postgres is left out: {reason}")
    else:
        server = PostgresServer(durable=True)
        try:
            table.add_row("Postgres", *measure(connect_database(server.start().create_database("bench")), batches))
        finally:
            server.close()
    Console().print(table)


def measure(engine: Engine, batches: list[list[AnnotatedArticle]]) -> tuple[str, ...]:
    """Write *batches* twice, the second time over themselves, and return the cells of a row."""
    upgrade(engine)
    first, again = _times(engine, batches), _times(engine, batches)
    rows = _rows_of(engine, batches[0])
    engine.dispose()
    return f"{BATCH / first:,.0f}", f"{rows / first:,.0f}", f"{rows / BATCH:.0f}", f"{rows / again:,.0f}"


def made_up(number: int) -> AnnotatedArticle:
    """Return an annotated article; the same for the same *number*."""
    rng = random.Random(number)
    words = [_name(rng.randrange(20_000)) for _ in range(WORDS)]
    text = f"Headline {number}\n\n" + " ".join(words)
    entities = tuple(_entity(i, min(int(rng.paretovariate(0.6)), NAMES), text, rng) for i in range(ENTITIES))
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


def _times(engine: Engine, batches: list[list[AnnotatedArticle]]) -> float:
    sink, seconds = DatabaseSink(engine, "bench"), []
    for number, batch in enumerate(batches):
        started = time.perf_counter()
        sink.deliver(batch, {TopicPartition("bench", 0): number})
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[1:])


def _rows_of(engine: Engine, batch: list[AnnotatedArticle]) -> int:
    with engine.begin() as conn:
        return write_annotated(conn, batch).rows


if __name__ == "__main__":
    main()
