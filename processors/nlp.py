"""The spaCy pipeline: any installed one by name or path, made safe for any text, with sentences that follow the lines.

Two things are put around a pipeline. Its tokenizer never sees a run without whitespace longer than MAX_RUN, because
tokenizer rules take quadratic time on such runs (20,000 brackets: two minutes). And a component before the parser says
where a sentence must start (after a line break, and after MAX_SENTENCE tokens without an end, where the parser's time
would grow with the square) and where it must not (after "Mr.", after an initial, in the middle of a line without any
closing punctuation).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import spacy
from spacy.language import Language
from spacy.tokens import Doc, Token
from spacy.vocab import Vocab

import processors.minilm.component  # noqa: F401  registers the factory that the bundled pipeline names
from processors import labels
from processors.coding.lexicon import load_lexicon
from processors.knowledge import load_knowledge
from processors.languages import LanguageSpec, any_language, load_language
from processors.places import dateline_end
from stream.errors import ConfigError
from stream.messages import PipelineInfo

MAX_RUN = 100  # code points without whitespace that the tokenizer's rules are tried on
MAX_SENTENCE = 120  # tokens after which a sentence without an end is cut
DEFAULT_LANGUAGE = "en"
MINILM = "minilm"  # the component of the bundled pipeline
SENTENCE_COMPONENTS = frozenset({"parser", "senter", "sentencizer", MINILM})

_RUN = re.compile(rf"\S{{{MAX_RUN + 1},}}")
_PIECE = re.compile(rf"https?://\S{{1,{MAX_RUN}}}|\w{{1,{MAX_RUN}}}|[^\w\s]{{1,{MAX_RUN}}}")
_ENDS = re.compile(r"[.!?…。！？؟][\"'”’»)\]]*$")
_CLOSERS = frozenset("\"'”’»)]")
_MAY_END = frozenset(":;—–-•*|·") | _CLOSERS
_INITIAL = re.compile(r"[^\W\d_]\.$")
_PROBE = "Angela Merkel visited Paris on Friday."


@lru_cache(maxsize=16)
def load_nlp(name_or_path: str = "", *, events: bool = True) -> Language:
    """Return the pipeline of that name or path, loaded once per process; "" is the bundled one.

    Raises ConfigError where it is missing, cannot be loaded, or gives no named entities, and, with *events*, no dependencies
    or lemmas.
    """
    nlp = _load(name_or_path)
    nlp.tokenizer = BoundedTokenizer(nlp.tokenizer, nlp.vocab)
    _add_boundaries(nlp)
    probe = nlp(_PROBE)
    if not probe.has_annotation("SENT_START"):  # names alone, as in spaCy's xx_ent_wiki_sm
        nlp.add_pipe("sentencizer", first=True)
        _add_boundaries(nlp)
    if labels.is_universal({token.dep_ for token in probe}.union(*nlp.pipe_labels.values())):
        nlp.add_pipe(labels.NAME, last=True)
    missing = [what for what, there in _annotations(probe, events=events) if not there]
    if missing:
        needed = "a parser, a lemmatizer and named entities" if events else "named entities"
        raise ConfigError(
            f"the spaCy pipeline {name_or_path!r} gives no {' and no '.join(missing)}: "
            f"choose one with {needed}, or leave DATELINE_PIPELINE empty for the bundled one"
        )
    return nlp


def pipeline_info(nlp: Language) -> PipelineInfo:
    """Return what an annotation by *nlp* is made with."""
    name, version = nlp.meta.get("name") or "unnamed", nlp.meta.get("version") or "0.0.0"
    return PipelineInfo(name=f"{nlp.lang}_{name}", version=str(version), knowledge=load_knowledge().version, lexicon=load_lexicon().version)


def _load(name_or_path: str) -> Language:
    spec = load_language(DEFAULT_LANGUAGE)
    assert spec is not None
    wanted: str | Path = name_or_path or Path(str(files("processors") / "pipelines" / spec.pipeline))
    try:
        return spacy.load(wanted)
    except OSError as e:
        raise ConfigError(
            f"the spaCy pipeline {str(wanted)!r} is not installed: `python -m spacy download {wanted}` installs one of spaCy's, "
            "`pip install` any other; leave DATELINE_PIPELINE empty for the bundled one"
        ) from e
    except (ValueError, ImportError, KeyError) as e:
        raise ConfigError(f"the spaCy pipeline {str(wanted)!r} cannot be loaded: {str(e).splitlines()[0]}") from e


def _annotations(doc: Doc, *, events: bool) -> Iterator[tuple[str, bool]]:
    if events:
        yield "dependencies", doc.has_annotation("DEP")
        yield "lemmas", doc.has_annotation("LEMMA")
    yield "named entities", doc.has_annotation("ENT_IOB")


class BoundedTokenizer:
    """A tokenizer that gives long runs without whitespace to plain pieces, so that its time is linear in the text."""

    def __init__(self, inner: Callable[[str], Doc], vocab: Vocab) -> None:
        self._inner = inner
        self._vocab = vocab

    def __call__(self, text: str) -> Doc:
        """Return the tokens of *text*; ``doc.text == text``."""
        words: list[str] = []
        spaces: list[bool] = []
        done = 0
        for run in _RUN.finditer(text):
            self._take(text[done : run.start()], words, spaces)
            pieces = _PIECE.findall(run.group())
            words += pieces
            spaces += [False] * len(pieces)
            done = run.end()
            if text[done : done + 1] == " ":
                spaces[-1] = True
                done += 1
        if not done:
            return self._inner(text)
        self._take(text[done:], words, spaces)
        return Doc(self._vocab, words=words, spaces=spaces)

    def _take(self, text: str, words: list[str], spaces: list[bool]) -> None:
        if text:
            doc = self._inner(text)
            words += [token.text for token in doc]
            spaces += [bool(token.whitespace_) for token in doc]


@Language.factory("dateline_boundaries")
class Boundaries:
    """Tell the parser where sentences must and must not start; it decides the rest."""

    def __init__(self, nlp: Language, name: str) -> None:
        self._spec = any_language(nlp.lang or "xx")

    def __call__(self, doc: Doc) -> Doc:
        """Set ``is_sent_start`` where it is certain."""
        starts: Any = np.zeros((len(doc), 1), dtype=np.int64)
        length = 0
        for token in doc:
            start = _starts_sentence(token, self._spec) if token.i else True
            length += 1
            if length > MAX_SENTENCE and not token.is_space:
                start = True
            if start is not None:
                starts[token.i] = 1 if start else -1
            if start or (start is None and _ENDS.search(doc[token.i - 1].text)):
                length = 0
        return doc.from_array(["SENT_START"], starts.view(np.uint64))  # the setter of each token would scan the whole document


@Language.component("dateline_filing_line")
def filing_line(doc: Doc) -> Doc:
    """Have a sentence start behind the dateline of a report: "PARIS —" is no part of it, and acts in none."""
    report = dateline_end(doc.text)
    first = next((t for t in doc if t.idx >= report and not t.is_space), None) if report is not None else None
    if first is not None:
        first.is_sent_start = True
    return doc


def _add_boundaries(nlp: Language) -> None:
    first = next((name for name in nlp.pipe_names if name in SENTENCE_COMPONENTS), None)
    if first is None:
        return
    if first != MINILM:  # which has these rules itself
        nlp.add_pipe("dateline_boundaries", before=first)
    nlp.add_pipe("dateline_filing_line", before=first)


def _starts_sentence(token: Token, spec: LanguageSpec) -> bool | None:
    """Return whether *token*, not the first, must (True) or must not (False) start a sentence; None leaves it to the parser."""
    if token.is_space:
        return False
    before = token.nbor(-1)
    if before.is_space:
        if "\n" in before.text or "\r" in before.text or "\u2029" in before.text:
            return True
        if before.i == 0:
            return True
        before = before.nbor(-1)
    word = before.lower_
    if word in spec.abbreviations or _INITIAL.match(before.text):
        return False
    if word in spec.open_abbreviations:
        return None if token.is_title and token.lower_ in spec.sentence_openers else False
    if _ENDS.search(before.text):
        return None if not token.text[0].islower() else False
    return None if before.text in _MAY_END else False
