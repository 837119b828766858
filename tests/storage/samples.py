"""Annotated articles for the storage tests."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

from stream.messages import (
    AnnotatedArticle,
    Article,
    Attribution,
    Entity,
    Event,
    EventDate,
    Magnitude,
    Magnitudes,
    Mention,
    Participant,
    PipelineInfo,
    Place,
    Span,
    TextSpan,
)

PUBLISHED = datetime(2025, 6, 1, 12, 30, tzinfo=UTC)
MINHASH = b64encode(bytes(range(192))).decode()
PIPELINE = PipelineInfo(name="en_test", version="1.0", knowledge="k1", lexicon="l1")
GENEVA = Place(name="Geneva", country="CHE", lat=46.2, lon=6.15, geonames_id=2660646, precision="city")


def span_of(text: str, words: str) -> dict[str, Any]:
    """The first place where *words* stand in *text*."""
    start = text.index(words)
    return {"start": start, "end": start + len(words), "text": words}


def article(id: str = "a1", revision: int = 1, *, title: str = "Talks in Geneva", body: str | None = None, **fields: Any) -> Article:
    body = body or "Maria Keller met Ivan Petrov in Geneva on Monday. Keller will visit Kyiv on 9 June, officials said."
    values: dict[str, Any] = {
        "feed_id": "f1", "url": f"https://news.example/{id}", "outlet": "Example", "country": "GBR", "language": "en",
        "published_at": PUBLISHED, "published_at_source": "published", "first_seen_at": PUBLISHED + timedelta(minutes=3),
        "authors": ("A. Writer",), "categories": ("world",), "text_source": "content", "minhash": MINHASH,
    }  # fmt: skip
    return Article(id=id, revision=revision, title=title, text=f"{title}\n\n{body}", **(values | fields))


def annotated(id: str = "a1", revision: int = 1, run: int = 1, **fields: Any) -> AnnotatedArticle:
    """A meeting in Geneva that took place and a visit to Kyiv that is announced."""
    story = article(id, revision, **fields)
    text = story.text
    if "Keller met" not in text:
        return AnnotatedArticle(run=run, pipeline=PIPELINE, article=story)
    first, second = text.index("Maria"), text.index("Keller will")
    entities = (
        _entity("e1", "person:maria keller", "Maria Keller", "PERSON", text, ("Maria Keller",), country="DEU", sectors=("GOV",)),
        _entity("e2", "person:ivan petrov", "Ivan Petrov", "PERSON", text, ("Ivan Petrov",), country="RUS"),
        _entity("e3", "place:geneva", "Geneva", "GPE", text, ("Geneva",), country="CHE", place=GENEVA),
    )
    keller = Participant(**span_of(text, "Maria Keller"), entity="e1", country="DEU", sector="GOV")
    petrov = Participant(**span_of(text, "Ivan Petrov"), entity="e2", country="RUS")
    met = Event(
        id="v1", type="CONSULT", mode="visit", contexts=("diplomatic",), quad=1, score=2.5, modality="asserted",
        trigger=TextSpan(**span_of(text, "met")), sentence=Span(start=first, end=second - 1), mentions=(Span(start=first, end=first + 5),),
        actors=(keller,), recipients=(petrov,), date=EventDate(start="2025-05-26", end="2025-05-26", precision="day"),
        place=GENEVA.model_copy(update={"start": 0, "end": 6}), confidence=0.9,
    )  # fmt: skip
    visit = Event(
        id="v2", type="AGREE", quad=1, score=3.0, modality="planned", trigger=TextSpan(**span_of(text, "visit")),
        sentence=Span(start=second, end=len(text)), actors=(keller,),
        planned_date=EventDate(start="2025-06-09", end="2025-06-09", precision="day"),
        attribution=Attribution(text="officials", entity="e1"), magnitudes=Magnitudes(crowd=Magnitude(min=12)), confidence=0.7,
    )  # fmt: skip
    return AnnotatedArticle(run=run, pipeline=PIPELINE, article=story, entities=entities, events=(met, visit))


def _entity(id: str, key: str, name: str, type: str, text: str, wordings: tuple[str, ...], **fields: Any) -> Entity:
    mentions = tuple(Mention(**span_of(text, wording), label=type) for wording in wordings)
    return Entity(id=id, key=key, name=name, type=type, mentions=mentions, **fields)
