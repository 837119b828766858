"""Articles → annotated articles: one pass of a pipeline over the batch, then entities, times, places and events of each.

An annotation is a pure function of the article and of the versions in ``pipeline``: it does not depend on the batch
around the article nor on anything read before. An article is read by the pipeline of its language; what words a batch has
brought into a pipeline's vocabulary is forgotten after it, so that memory stays flat however many articles go through.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from spacy.language import Language
from spacy.tokens import Doc

from processors.entities import find_entities
from processors.events import code_events
from processors.facts import DocumentFacts
from processors.knowledge import Knowledge, load_knowledge
from processors.languages import any_language
from processors.languages.identify import language_of
from processors.nlp import load_nlp, pipeline_info
from processors.places import dateline_place
from processors.times import LANGUAGE, document_date, find_times
from stream.messages import AnnotatedArticle, Article, PipelineInfo, Span

CHUNK = 20_000  # code points that the pipeline sees at once; bounds memory, a longer text is cut at a line break
CACHED = 50_000  # words whose lemmas spaCy's rule lemmatizer may keep
_WHITESPACE = re.compile(r"\s")


class _Reader(NamedTuple):
    """What reads one language: a pipeline, and whether there are words for times and events."""

    nlp: Language
    info: PipelineInfo
    times: bool
    events: bool


class Annotator:
    """Loaded pipelines with the knowledge; loading takes about two seconds a pipeline and happens once per process.

    *pipeline* is any installed spaCy pipeline by name or path, "" the bundled one; *languages* maps further languages (ISO
    639-1) to theirs. Raises ConfigError where one cannot be used.
    """

    def __init__(self, pipeline: str = "", run: int = 1, languages: Mapping[str, str] | None = None) -> None:
        main = load_nlp(pipeline)
        self._default = main.lang or "xx"
        self._readers = {self._default: _reader(main, self._default)}
        for code, name in (languages or {}).items():
            self._readers[code] = _reader(load_nlp(name, events=bool(any_language(code).lexicon)), code)
        self._knowledge = load_knowledge()
        self._run = run
        self.info = self._readers[self._default].info

    def annotate(self, articles: Sequence[Article]) -> tuple[AnnotatedArticle, ...]:
        """Return the annotation of each article in the same order.

        The language is what the article says unless its text is plainly in another (``processors.languages.identify``); one
        that does not say and does not show is taken to be in the language of the main pipeline. An article in a language
        without a pipeline comes back with the status ``no-pipeline`` and nothing else.
        """
        codes = [language_of(a.text, a.language, self._default) for a in articles]
        found: dict[int, AnnotatedArticle] = {}
        for code in dict.fromkeys(codes):
            chosen = {n: article for n, article in enumerate(articles) if codes[n] == code}
            reader = self._readers.get(code)
            found |= self._read(chosen, code, reader) if reader else {n: self._passed_by(a, code) for n, a in chosen.items()}
        return tuple(found[n] for n in range(len(articles)))

    def _read(self, articles: Mapping[int, Article], code: str, reader: _Reader) -> dict[int, AnnotatedArticle]:
        with reader.nlp.memory_zone():
            docs = _docs(reader.nlp, [a.text for a in articles.values()])
            found = {n: self._annotated(article, next(docs), code, reader) for n, article in articles.items()}
        _bound_caches(reader.nlp)
        return found

    def _passed_by(self, article: Article, code: str) -> AnnotatedArticle:
        return AnnotatedArticle(run=self._run, status="no-pipeline", language=code, pipeline=self.info, article=article)

    def _annotated(self, article: Article, doc: Doc, code: str, reader: _Reader) -> AnnotatedArticle:
        facts = read_facts(doc, article, self._knowledge, times=reader.times)
        return AnnotatedArticle(
            run=self._run,
            language=code,
            pipeline=reader.info,
            article=article,
            sentences=tuple(_sentences(doc)),
            entities=facts.entities,
            times=facts.times,
            events=code_events(doc, facts, self._knowledge) if reader.events else (),
        )


def read_facts(doc: Doc, article: Article, knowledge: Knowledge, *, times: bool = True) -> DocumentFacts:
    """Return what is known of *article* before its events are coded; *times* says whether there is a grammar for its language's."""
    published_on = document_date(article.text, article.published_at)
    return DocumentFacts(
        entities=find_entities(doc, knowledge, published_on),
        times=find_times(doc, published_on) if times else (),
        published_on=published_on,
        dateline_place=dateline_place(article.text, knowledge),
    )


def _reader(nlp: Language, code: str) -> _Reader:
    return _Reader(nlp, pipeline_info(nlp), times=code == LANGUAGE, events=bool(any_language(code).lexicon))


def _docs(nlp: Language, texts: Sequence[str]) -> Iterator[Doc]:
    """Yield one Doc per text, ``doc.text == text``."""
    chunks = [tuple(split_text(text)) for text in texts]
    docs = nlp.pipe(chunk for parts in chunks for chunk in parts)
    for parts in chunks:
        pieces = [next(docs) for _ in parts]
        whole = pieces[0] if len(pieces) == 1 else Doc.from_docs(pieces, ensure_whitespace=False)
        assert whole is not None
        yield whole


def _bound_caches(nlp: Language) -> None:
    """Empty what a component has kept of every word that it has met, where that has become much."""
    for _, component in nlp.pipeline:
        cache = getattr(component, "cache", None)
        if isinstance(cache, dict) and len(cache) > CACHED:
            cache.clear()


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
