"""Articles → annotated articles: one pass of the pipeline over a batch, then entities, times, places and events of each.

An annotation is a pure function of the article and of the versions in ``pipeline``: it does not depend on the batch
around the article nor on anything read before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from spacy.tokens import Doc

from processors.entities import find_entities
from processors.events import code_events
from processors.facts import DocumentFacts
from processors.knowledge import load_knowledge
from processors.nlp import load_nlp, pipeline_info
from processors.places import dateline_place
from processors.times import document_date, find_times
from stream.messages import AnnotatedArticle, Article, Span

CHUNK = 20_000  # code points that the pipeline sees at once; bounds memory, a longer text is cut at a line break
_WHITESPACE = re.compile(r"\s")


class Annotator:
    """A loaded pipeline with the knowledge; loading takes about two seconds and happens once per process.

    *pipeline* is any installed spaCy pipeline by name or path, "" the bundled one; raises ConfigError where it cannot be used.
    """

    def __init__(self, pipeline: str = "", run: int = 1) -> None:
        self._nlp = load_nlp(pipeline)
        self._knowledge = load_knowledge()
        self._run = run
        self.info = pipeline_info(self._nlp)

    def annotate(self, articles: Sequence[Article]) -> tuple[AnnotatedArticle, ...]:
        """Return the annotation of each article in the same order.

        An article in a language that the pipeline is not for comes back with the status ``no-pipeline`` and nothing else;
        one without a language is taken to be in the pipeline's.
        """
        docs = self._docs([a.text for a in articles if self._reads(a)])
        return tuple(self._annotated(a, next(docs)) if self._reads(a) else self._passed_by(a) for a in articles)

    def _reads(self, article: Article) -> bool:
        return not article.language or article.language.replace("_", "-").split("-")[0].strip().lower() == self._nlp.lang

    def _docs(self, texts: Sequence[str]) -> Iterator[Doc]:
        """Yield one Doc per text, ``doc.text == text``."""
        chunks = [tuple(split_text(text)) for text in texts]
        docs = self._nlp.pipe(chunk for parts in chunks for chunk in parts)
        for parts in chunks:
            pieces = [next(docs) for _ in parts]
            whole = pieces[0] if len(pieces) == 1 else Doc.from_docs(pieces, ensure_whitespace=False)
            assert whole is not None
            yield whole

    def _passed_by(self, article: Article) -> AnnotatedArticle:
        return AnnotatedArticle(run=self._run, status="no-pipeline", pipeline=self.info, article=article)

    def _annotated(self, article: Article, doc: Doc) -> AnnotatedArticle:
        published_on = document_date(article.text, article.published_at)
        facts = DocumentFacts(
            entities=find_entities(doc, self._knowledge),
            times=find_times(doc, published_on),
            published_on=published_on,
            dateline_place=dateline_place(article.text, self._knowledge),
        )
        return AnnotatedArticle(
            run=self._run,
            pipeline=self.info,
            article=article,
            sentences=tuple(_sentences(doc)),
            entities=facts.entities,
            times=facts.times,
            events=code_events(doc, facts, self._knowledge),
        )


def split_text(text: str, limit: int = CHUNK) -> Iterator[str]:
    """Yield *text* in pieces of at most *limit* code points that together are *text*.

    Cut after the last line break in reach, else after the last whitespace, else hard.
    """
    start = 0
    while len(text) - start > limit:
        window = text[start : start + limit]
        cut = window.rfind("\n") + 1 or max((m.end() for m in _WHITESPACE.finditer(window)), default=limit)
        yield text[start : start + cut]
        start += cut
    yield text[start:]


def _sentences(doc: Doc) -> Iterable[Span]:
    """Yield the sentences without the whitespace around them; one of whitespace alone is none."""
    for sent in doc.sents:
        text = sent.text
        start = sent.start_char + len(text) - len(text.lstrip())
        end = sent.start_char + len(text.rstrip())
        if start < end:
            yield Span(start=start, end=end)
