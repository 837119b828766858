"""``dateline process`` with an annotator that costs next to nothing, so that what is around it is measured: ``python -m benchmarks.cheap``.

Two capitalised words are a person, and the first two persons of a text meet. All else, the isolated child included, is as in production.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dateline import compose
from dateline.logs import configure_logging
from stream.isolation import IsolatedPool
from stream.messages import AnnotatedArticle, Article, Entity, Event, Mention, Participant, PipelineInfo, Span, TextSpan
from stream.settings import load_settings
from stream.signals import stop_on_signals

TIMEOUT = 60.0  # seconds
PIPELINE = PipelineInfo(name="en_cheap", version="1", knowledge="1", lexicon="1")
_PERSON = re.compile(r"\b[A-Z][a-z]+ [A-Z][a-z]+\b")


class Cheap:
    """Annotates in one isolated child (``processors.worker.Coder``)."""

    def __init__(self) -> None:
        self._pool = IsolatedPool(1)

    def annotate(self, articles: Sequence[Article]) -> tuple[AnnotatedArticle, ...]:
        """Return the annotations in the same order."""
        return self._pool.run(annotate, tuple(articles), timeout=TIMEOUT)

    def close(self) -> None:
        """End the child."""
        self._pool.close()


def annotate(articles: Sequence[Article]) -> tuple[AnnotatedArticle, ...]:
    """Return the annotations in the same order."""
    return tuple(_annotated(article) for article in articles)


def main() -> None:
    """Run until told to stop."""
    settings = load_settings()
    configure_logging(settings, "process")
    coder = Cheap()
    try:
        compose.process(settings, stop_on_signals(), coder)
    finally:
        coder.close()


def _annotated(article: Article) -> AnnotatedArticle:
    found: dict[str, list[Mention]] = {}
    for match in _PERSON.finditer(article.text):
        mention = Mention(start=match.start(), end=match.end(), text=match.group(), label="PERSON")
        found.setdefault(match.group(), []).append(mention)
    people = tuple(
        Entity(id=f"e{n}", key=f"PERSON:{name.lower()}", name=name, type="PERSON", mentions=tuple(mentions))
        for n, (name, mentions) in enumerate(found.items())
    )
    return AnnotatedArticle(pipeline=PIPELINE, article=article, language="en", entities=people, events=_meeting(people))


def _meeting(people: tuple[Entity, ...]) -> tuple[Event, ...]:
    if len(people) < 2:
        return ()
    first, second = (person.mentions[0] for person in people[:2])
    return (
        Event(
            id="v0", type="CONSULT", quad=1, score=1.0, modality="asserted", confidence=0.5,
            trigger=TextSpan(start=first.start, end=first.end, text=first.text), sentence=Span(start=first.start, end=second.end),
            actors=(_party(people[0]),), recipients=(_party(people[1]),),
        ),
    )  # fmt: skip


def _party(person: Entity) -> Participant:
    mention = person.mentions[0]
    return Participant(start=mention.start, end=mention.end, text=mention.text, entity=person.id)


if __name__ == "__main__":
    main()
