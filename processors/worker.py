"""The processor stages: articles in, annotated articles out, the pipeline in an isolated child.

One stage takes what is published, the other what was stored and is to be annotated anew, under a run of its own.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from processors.annotate import Annotator
from stream.broker import Broker, Headers, Producer, Record
from stream.errors import BadMessage
from stream.isolation import IsolatedPool
from stream.messages import AnnotatedArticle, Article, decode, encode
from stream.settings import MAX_INT, Settings
from stream.sink import TopicSink
from stream.stage import Source, Stage

GIB = 1024**3
RUN = "dateline.run"  # header of a record that is to be annotated anew

_annotator: Annotator | None = None  # of the child


class Coder(Protocol):
    """Annotates articles. Used by several threads at once."""

    def annotate(self, articles: Sequence[Article]) -> Sequence[AnnotatedArticle]:
        """Return the annotations in the same order."""


class Processor:
    """One spaCy pipeline in one child. A crash, a deadline or a memory fault costs the child, not this process."""

    def __init__(self, settings: Settings) -> None:
        self._timeout = settings.annotate_timeout
        memory = int(settings.annotate_memory * GIB) or None
        self._pool = IsolatedPool(
            1, initializer=_load, initargs=(settings.pipeline, settings.run, settings.language_pipelines), memory_bytes=memory
        )

    def warm_up(self) -> None:
        """Return when the pipeline is loaded; raises ConfigError where it cannot be."""
        self._pool.run(_annotate, (), timeout=self._timeout)

    def annotate(self, articles: Sequence[Article]) -> tuple[AnnotatedArticle, ...]:
        """Return the annotations in the same order; raises ChildLost."""
        return self._pool.run(_annotate, tuple(articles), timeout=self._timeout)

    def close(self) -> None:
        """End the child."""
        self._pool.close()


@contextmanager
def pipeline_in_force(settings: Settings) -> Iterator[Processor]:
    """Give a processor that is ready for the length of a block; raises ConfigError where its pipeline cannot be loaded."""
    processor = Processor(settings)
    try:
        processor.warm_up()
        yield processor
    finally:
        processor.close()


@dataclass(frozen=True, slots=True)
class Replayed:
    """A stored article that is to be annotated anew, and the run that its annotation counts as."""

    article: Article
    run: int


def replay_stage(
    settings: Settings, broker: Broker, coder: Coder, group: str, wait: Callable[[], None]
) -> Stage[Replayed, AnnotatedArticle]:
    """Return the stage that annotates stored articles anew; it works on a batch once *wait* has returned."""

    def handle(replayed: Sequence[Replayed]) -> Sequence[AnnotatedArticle]:
        wait()
        annotated = coder.annotate([one.article for one in replayed])
        return [made.model_copy(update={"run": one.run}) for made, one in zip(annotated, replayed, strict=True)]

    return Stage(group, Source(settings.replay_topic, _replayed, lambda one: len(one.article.text)), _annotated(settings, broker), handle)


def send_replay(producer: Producer, topic: str, article: Article, run: int) -> None:
    """Send *article* to *topic*, to be annotated anew as *run*."""
    headers: Headers = ((RUN, b"%d" % run),)
    producer.send(topic, key=article.id.encode(), value=encode(article), headers=headers)


def process_stage(settings: Settings, broker: Broker, coder: Coder, group: str) -> Stage[Article, AnnotatedArticle]:
    """Return the stage between the article topic and the topic of annotated articles; *group* is its consumer group."""
    return Stage(
        name=group,
        source=Source(settings.articles_topic, _article, lambda article: len(article.text)),
        sink=_annotated(settings, broker),
        handle=coder.annotate,
    )


def _annotated(settings: Settings, broker: Broker) -> TopicSink[AnnotatedArticle]:
    return TopicSink(broker, settings.annotated_topic, lambda annotated: (annotated.article.id.encode(), encode(annotated)))


def _replayed(record: Record) -> Replayed:
    run = dict(record.headers).get(RUN, b"")
    if not (run.isdigit() and 0 < int(run) <= MAX_INT):
        raise BadMessage(f"the header {RUN} is no number of a run: {run[:20]!r}")
    return Replayed(decode(Article, record.value), int(run))


def _article(record: Record) -> Article:
    return decode(Article, record.value)


def _load(pipeline: str, run: int, languages: dict[str, str]) -> None:
    global _annotator
    _annotator = Annotator(pipeline, run, languages)
    gc.collect()
    gc.freeze()  # pipelines and tables stay as long as the child: looking for garbage in them took a twentieth of the time


def _annotate(articles: tuple[Article, ...]) -> tuple[AnnotatedArticle, ...]:
    assert _annotator is not None
    return _annotator.annotate(articles)
