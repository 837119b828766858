"""The processor stage: articles in, annotated articles out, the pipeline in an isolated child."""

from __future__ import annotations

from collections.abc import Sequence

from processors.annotate import Annotator
from stream.broker import Broker, Record
from stream.isolation import IsolatedPool
from stream.messages import AnnotatedArticle, Article, decode, encode
from stream.settings import Settings
from stream.sink import TopicSink
from stream.stage import Source, Stage

GIB = 1024**3

_annotator: Annotator | None = None  # of the child


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


def process_stage(settings: Settings, broker: Broker, processor: Processor, group: str) -> Stage[Article, AnnotatedArticle]:
    """Return the stage between the article topic and the topic of annotated articles; *group* is its consumer group."""
    return Stage(
        name=group,
        source=Source(settings.articles_topic, _article, lambda article: len(article.text)),
        sink=TopicSink(broker, settings.annotated_topic, lambda annotated: (annotated.article.id.encode(), encode(annotated))),
        handle=processor.annotate,
    )


def _article(record: Record) -> Article:
    return decode(Article, record.value)


def _load(pipeline: str, run: int, languages: dict[str, str]) -> None:
    global _annotator
    _annotator = Annotator(pipeline, run, languages)


def _annotate(articles: tuple[Article, ...]) -> tuple[AnnotatedArticle, ...]:
    assert _annotator is not None
    return _annotator.annotate(articles)
