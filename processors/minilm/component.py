"""The spaCy component ``dateline_minilm``: sentences, tags, parts of speech, features, trees and named entities in one pass.

Importing this module registers its factory with spaCy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import spacy.util
from numpy.typing import NDArray
from spacy.language import Language
from spacy.scorer import Scorer, get_ner_prf
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import SimpleFrozenList

from processors.languages import load_language
from processors.minilm.encode import Pieces, WordPieces, encode, windows
from processors.minilm.model import FILES, Model, Reading
from processors.minilm.quantities import LABELS as QUANTITIES
from processors.minilm.quantities import find_quantities
from processors.minilm.sentences import BREAK, MARK, MUST, NEVER, SPACE, SentenceRules, start_bias, window_cuts
from processors.minilm.spans import BioDecoder
from processors.minilm.trees import ROOT
from stream.errors import ConfigError

NAME = "dateline_minilm"
CACHE_WORDS = 50_000
_IOB_INSIDE, _IOB_OUTSIDE, _IOB_BEGIN = 1, 2, 3  # as spaCy numbers them
_ATTRIBUTES: list[int | str] = ["TAG", "POS", "MORPH", "HEAD", "DEP", "ENT_IOB", "ENT_TYPE"]
_ASSIGNS = ["token.tag", "token.pos", "token.morph", "token.head", "token.dep", "doc.sents", "doc.ents"]
_SCORES: dict[str, float | None] = {"tag_acc": 0.2, "pos_acc": 0.0, "dep_uas": 0.1, "dep_las": 0.3, "sents_f": 0.1, "ents_f": 0.3}

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Word(NamedTuple):
    """What is kept of a token's text."""

    pieces: Pieces
    flags: int


@Language.factory(NAME, assigns=_ASSIGNS, default_score_weights=_SCORES)
def make_minilm(nlp: Language, name: str) -> MiniLM:
    """Return the component without a model; ``from_disk`` or ``load_files`` gives it one."""
    return MiniLM(nlp, name)


class MiniLM:
    """Annotates documents with a model; an annotation depends on nothing but the document.

    Tokens that already say where a sentence starts or must not (``is_sent_start``) are obeyed; a start that is
    given is a line's. Memory: the model's (about 150 MB), the words kept (bounded) and one document's arrays.
    """

    def __init__(self, nlp: Language, name: str) -> None:
        self.name = name
        self._vocab = nlp.vocab
        self._language = str(nlp.lang)
        spec = load_language(nlp.lang) or load_language("en")
        assert spec is not None
        self._rules = SentenceRules(spec)
        self._files: dict[str, bytes] = {}

    def load_files(self, files: dict[str, bytes]) -> None:
        """Take the contents of a model's files (see the package); raises ConfigError where one is missing or cannot be read."""
        missing = [file for file in FILES if file not in files]
        if missing:
            raise ConfigError(f"the model of {self.name!r} lacks {', '.join(missing)}: export it again, or install the pipeline anew")
        try:
            self._model = Model(files)
            self._pieces = WordPieces(files["tokenizer.json"].decode())
        except Exception as e:  # onnxruntime and tokenizers raise bare exceptions of their own
            raise ConfigError(f"the model of {self.name!r} cannot be loaded, install it anew: {(str(e) or repr(e)).splitlines()[0]}") from e
        self._files = {file: files[file] for file in FILES}
        self._words: dict[str, Word] = {}
        self._bio = BioDecoder(self._model.labels.ner)
        self._numbers = _Numbers(self._vocab, self._model, self._bio.types)

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the labels of dependencies and the types of entities; none before a model is loaded."""
        if not self._files:
            return ()
        return tuple(dict.fromkeys([*(dep for dep in self._model.labels.deps if dep not in ("", "-")), *self._bio.types, *QUANTITIES]))

    def __call__(self, doc: Doc) -> Doc:
        """Set every annotation on *doc* and return it."""
        if not self._files:
            raise ConfigError(f"the component {self.name!r} has no model: load the pipeline from its folder")
        if len(doc):
            self._annotate(doc)
        return doc

    def pipe(self, stream: Iterable[Doc], batch_size: int = 128) -> Iterator[Doc]:
        """Yield each document annotated, in order."""
        for doc in stream:
            yield self(doc)

    def score(self, examples: Iterable[Example], **_: Any) -> dict[str, Any]:
        """Return accuracy of tags, parts of speech, features; UAS, LAS; F of sentences and named entities: under spaCy's names."""
        examples = list(examples)
        scores = {k: v for attribute in ("tag", "pos", "morph") for k, v in Scorer.score_token_attr(examples, attribute).items()}
        scores |= Scorer.score_deps(examples, "dep", ignore_labels=("p", "punct"))
        scores |= Scorer.score_spans(examples, "sents", has_annotation=lambda doc: doc.has_annotation("SENT_START"))
        return scores | get_ner_prf(examples)

    def _annotate(self, doc: Doc) -> None:
        words = [self._word(token.text) for token in doc]
        flags = np.fromiter((word.flags for word in words), np.int64, len(words))
        wishes = doc.to_array("SENT_START").view(np.int64)
        spaced = doc.to_array("SPACY").astype(bool)
        bias = np.select([wishes > 0, wishes < 0], [MUST, NEVER], start_bias(flags, spaced)).astype(np.float32)
        rows = np.flatnonzero((flags & SPACE) == 0)
        table, heads = _blank(len(doc), self._numbers)
        if not len(rows):
            table[0, 4] = self._numbers.root
            self._write(doc, table, heads)
            return
        lines = (_line_starts(flags) | (wishes > 0))[rows]
        cuts = window_cuts(flags, spaced, bias)[rows]
        marks = (flags[rows] & MARK) != 0
        pieces = [words[row].pieces for row in rows]
        lengths = np.fromiter((len(p.ids) for p in pieces), np.int64, len(pieces))
        for start, end in windows(lengths, cuts, self._model.labels.max_pieces):
            window = encode(pieces[start:end], lines[start:end] if self._model.labels.types > 8 else None, start=start)
            reading = self._model.read(window, bias[rows[start:end]], marks[start:end])
            self._take(reading, rows[start:end], lines[start:end], marks[start:end], table, heads)
        table[rows, 2] = self._numbers.features(table[rows, 0], [doc[int(row)].lower_ for row in rows])
        self._add_quantities(doc, table)
        _mend_objects(table, heads, self._numbers)
        _mend_complements(table, heads, self._numbers)
        _hang_spaces(heads, flags)
        self._write(doc, table, heads)

    def _word(self, text: str) -> Word:
        known = self._words.get(text)
        if known is None:
            if len(self._words) >= CACHE_WORDS:
                self._words.clear()
            known = self._words[text] = Word(self._pieces(text), self._rules.flags(text))
        return known

    def _take(self, reading: Reading, rows: Ints, lines: Mask, marks: Mask, table: Ints, heads: Ints) -> None:
        """Write what is read of the words *rows* of the document into *table* (columns of ``_ATTRIBUTES``) and *heads*."""
        numbers = self._numbers
        table[rows, 0] = numbers.tags[reading.tags]
        table[rows, 1] = numbers.pos[reading.pos]
        heads[rows] = np.where(reading.heads == ROOT, rows, rows[reading.heads])
        table[rows, 4] = numbers.deps[reading.deps]
        for start, end, kind in zip(*self._bio(reading.ner, lines | reading.starts), strict=True):
            if marks[start:end].all():
                continue  # no name is without a letter or digit
            inside = slice(rows[start], rows[end - 1] + 1)  # with the whitespace tokens between
            table[inside, 5] = _IOB_INSIDE
            table[rows[start], 5] = _IOB_BEGIN
            table[inside, 6] = numbers.types[kind]

    def _add_quantities(self, doc: Doc, table: Ints) -> None:
        """Mark the quantities of *doc* on tokens that are in no entity."""
        lengths, spaces = doc.to_array(["LENGTH", "SPACY"]).astype(np.int64).T
        ends = np.cumsum(lengths + spaces) - spaces
        begins = ends - lengths
        for start, end, label in find_quantities(doc.text, self._language):
            first, last = int(np.searchsorted(ends, start, side="right")), int(np.searchsorted(begins, end))
            if first < last and begins[first] == start and ends[last - 1] == end and (table[first:last, 5] == _IOB_OUTSIDE).all():
                table[first:last, 5] = _IOB_INSIDE
                table[first, 5] = _IOB_BEGIN
                table[first:last, 6] = self._numbers.quantities[label]

    def _write(self, doc: Doc, table: Ints, heads: Ints) -> None:
        table[:, 3] = heads - np.arange(len(doc))
        values: Any = table.view(np.uint64)
        doc.from_array(_ATTRIBUTES, values)

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = SimpleFrozenList()) -> None:
        """Write the model's files into the folder *path*."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        for file, content in self._files.items():
            (folder / file).write_bytes(content)

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = SimpleFrozenList()) -> MiniLM:
        """Load the model from the folder *path*; raises ConfigError where a file is missing."""
        folder = Path(path)
        self.load_files({file: (folder / file).read_bytes() for file in FILES if (folder / file).is_file()})
        return self

    def to_bytes(self, *, exclude: Iterable[str] = SimpleFrozenList()) -> bytes:
        """Return the model's files as one array of bytes."""
        return spacy.util.to_bytes({file: partial(self._files.__getitem__, file) for file in self._files}, exclude)

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = SimpleFrozenList()) -> MiniLM:
        """Load the model from what ``to_bytes`` gave."""
        files: dict[str, bytes] = {}
        spacy.util.from_bytes(data, {file: partial(files.__setitem__, file) for file in FILES}, exclude)
        self.load_files(files)
        return self


class _Numbers:
    """Indices of labels → the numbers by which spaCy knows their names; all in the string store from the start."""

    def __init__(self, vocab: Any, model: Model, types: tuple[str, ...]) -> None:
        labels, add = model.labels, vocab.strings.add
        self.tags = _hashes(add(name) for name in labels.tags)
        self.pos = _hashes(add(name) for name in labels.pos)
        self.deps = _hashes(add(name) for name in labels.deps)
        self.types = _hashes(add(name) for name in types)
        self.quantities = dict(zip(QUANTITIES, _hashes(add(name) for name in QUANTITIES).tolist(), strict=True))
        self.space_tag, self.space_pos, self.space_dep = _hashes([add("_SP"), add("SPACE"), add("dep")]).tolist()
        self.root = int(self.deps[labels.deps.index("ROOT")])
        self.mark, self.relcl, self.acl, self.dobj, self.nsubj, self.verb = _hashes(
            add(name) for name in ("mark", "relcl", "acl", "dobj", "nsubj", "VERB")
        ).tolist()
        self.nominal = _hashes(add(name) for name in ("dobj", "dative", "nsubj"))
        self.no_features = int(_hashes([vocab.morphology.add("")])[0])
        self._by_tag: dict[int, int] = {}
        self._by_word: dict[tuple[int, str], int] = {}
        for key, features in labels.morph.items():
            tag, _, word = key.partition(" ")
            number = int(_hashes([vocab.morphology.add(features)])[0])
            if word:
                self._by_word[int(_hashes([add(tag)])[0]), word] = number
            else:
                self._by_tag[int(_hashes([add(tag)])[0])] = number

    def features(self, tags: Ints, words: list[str]) -> Ints:
        """Return the number of the morphological features of each word."""
        by_tag, by_word, none = self._by_tag, self._by_word, self.no_features
        numbers = (by_word.get((tag, word)) or by_tag.get(tag, none) for tag, word in zip(tags.tolist(), words, strict=True))
        return np.fromiter(numbers, np.int64, len(words))


def _hashes(numbers: Iterable[int]) -> Ints:
    """Return 64-bit numbers of the string store as signed ones, bit by bit."""
    return np.array(list(numbers), np.uint64).view(np.int64)


def _line_starts(flags: Ints) -> Mask:
    """Return per token whether it is the first word of a line."""
    word = (flags & SPACE) == 0
    breaks = np.cumsum((flags & BREAK) != 0)
    at = np.flatnonzero(word)
    first = np.zeros(len(flags), bool)
    if len(at):
        first[at] = np.concatenate([[True], breaks[at][1:] > breaks[at][:-1]])
    return first


def _blank(n: int, numbers: _Numbers) -> tuple[Ints, Ints]:
    """Return a table and heads of *n* tokens as if all were whitespace, each but the first hanging on the one before."""
    table = np.zeros((n, len(_ATTRIBUTES)), np.int64)
    table[:, 0], table[:, 1], table[:, 2], table[:, 4] = numbers.space_tag, numbers.space_pos, numbers.no_features, numbers.space_dep
    table[:, 5] = _IOB_OUTSIDE
    return table, np.maximum(np.arange(n) - 1, 0)


def _mend_objects(table: Ints, heads: Ints, numbers: _Numbers) -> None:
    """Mend what no sentence has, and the network, which labels each word by itself, now and then gives.

    A noun before a clause's subordinator belongs to what governs the clause ("accuses Iran of arming rebels"); a verb with a
    subject before it has no other behind it ("found the man guilty"). In the treebanks the second holds of all verbs but "be".
    """
    for mark in np.flatnonzero(table[:, 4] == numbers.mark):
        clause = heads[mark]
        above = heads[clause]
        between = np.arange(above + 1, mark)  # within the sentence
        stray = between[(heads[between] == clause) & np.isin(table[between, 4], numbers.nominal)]
        heads[stray], table[stray, 4] = above, numbers.dobj
    subjects = np.flatnonzero(table[:, 4] == numbers.nsubj)
    verbs = heads[subjects]
    second = (subjects > verbs) & np.isin(verbs, verbs[subjects < verbs]) & (table[verbs, 1] == numbers.verb)
    table[subjects[second], 4] = numbers.dobj


def _mend_complements(table: Ints, heads: Ints, numbers: _Numbers) -> None:
    """Have a clause with a subordinator complete its noun: in "the claim that he fired" it is no relative clause.

    In the treebanks one clause in a hundred with one is relative; the network, which labels each word by itself, gives more.
    """
    clauses = heads[table[:, 4] == numbers.mark]
    table[clauses[table[clauses, 4] == numbers.relcl], 4] = numbers.acl


def _hang_spaces(heads: Ints, flags: Ints) -> None:
    """Hang every whitespace token on the word before it, those at the start on the first word."""
    space = (flags & SPACE) != 0
    at = np.where(~space, np.arange(len(flags)), -1)
    before = np.maximum.accumulate(at)
    first = int(np.argmax(~space))
    heads[space] = np.where(before < 0, first, before)[space]
