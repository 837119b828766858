"""The corpora as sentences with what each source says about them; what it does not say is left open, not learnt as absent.

Folder layout (variable CORPORA): ``parse/clear/{train,dev,test}/*.spacy`` (spaCy DocBins, CLEAR labels, paragraph starts in
``user_data["pars"]``) and ``ner/*.jsonl`` (words, sents, ents as [start, end, label] in tokens, scheme).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import spacy
from spacy.tokens import Doc, DocBin

ENTITY_TYPES = ("PERSON", "ORG", "GPE", "LOC", "FAC", "NORP", "EVENT", "DATE", "MISC")
NER_LABELS = ("O", *(f"{prefix}-{kind}" for kind in ENTITY_TYPES for prefix in "BI"))

# Group of sources → entity types that its annotators did not mark, or marked by pattern only: a word outside every entity
# may be one of these. (NORP by list is nearly complete in CrossNER, and a list would be contradicted: not open there.)
OPEN_TYPES: Mapping[str, frozenset[str]] = {
    "docred": frozenset(),
    "crossner": frozenset({"DATE"}),
    "wikigold": frozenset({"DATE"}),
    "gum": frozenset(),
    "uner": frozenset({"DATE", "NORP", "EVENT", "MISC"}),
    "silver": frozenset(),
}
GROUPS = tuple(OPEN_TYPES)


@dataclass(frozen=True)
class Source:
    """A file of named entities; *share* of its documents is seen in each pass over the training data."""

    name: str
    group: str
    share: float
    single: bool = False  # its sentences stand alone: shuffled and glued into windows


NER_SOURCES = (
    Source("docred-dev", "docred", 0.4),
    Source("docred-dev2", "docred", 0.4),
    Source("docred-test", "docred", 0.4),
    Source("wikigold", "wikigold", 0.6, single=True),
    *(Source(f"crossner-politics-{part}", "crossner", 1.0, single=True) for part in ("train", "dev")),
    *(
        Source(f"crossner-{domain}-{part}", "crossner", 0.5, single=True)
        for domain in ("science", "music", "literature", "ai")
        for part in ("train", "dev", "test")
    ),
)
# Treebank file, file of entities over the same sentences, group, times in each pass. They train the parser and the entities in one
# pass. EWT's dev part is the only text whose entities people marked by the rules of Universal NER, and it is small.
TREEBANKS = (
    ("train/ewt-train", "silver-ewt", "silver", 1),
    ("dev/ewt-dev", "uner-ewt-dev", "uner", 2),
    ("train/gum-ship-train", "gum-ship-train", "gum", 1),
)
UNER_HELD_OUT = 8  # every eighth document of uner-ewt-dev is kept for development


@dataclass(frozen=True)
class Sentence:
    """Words with labels; a field that is None is not annotated in the source."""

    words: tuple[str, ...]
    starts_line: bool
    group: str
    ner: tuple[str | None, ...] | None = None
    tags: tuple[str, ...] | None = None
    pos: tuple[str, ...] | None = None
    morphs: tuple[str, ...] | None = None
    heads: tuple[int, ...] | None = None  # index in the sentence; -1 for the root
    deps: tuple[str, ...] | None = None


Document = tuple[Sentence, ...]


def read_json_lines(path: Path) -> tuple[dict[str, Any], ...]:
    """Return the documents of a file of entities."""
    with path.open(encoding="utf-8") as lines:
        return tuple(json.loads(line) for line in lines)


def bio(length: int, ents: Iterable[Sequence[Any]], missing: Iterable[int] = ()) -> list[str | None]:
    """Return one BIO label per word; None where the label is unknown."""
    labels: list[str | None] = ["O"] * length
    for start, end, kind in ents:
        if kind in ENTITY_TYPES:
            labels[start:end] = [f"B-{kind}", *[f"I-{kind}"] * (end - start - 1)]
    for i in missing:
        labels[i] = None
    return labels


def entity_documents(path: Path, group: str) -> Iterator[Document]:
    """Yield the documents of a file of entities; the first sentence of each starts a line."""
    for row in read_json_lines(path):
        words, labels = row["words"], bio(len(row["words"]), row["ents"], row.get("missing", ()))
        bounds = [*row["sents"], len(words)]
        yield tuple(Sentence(tuple(words[a:b]), a == bounds[0], group, ner=tuple(labels[a:b])) for a, b in pairwise(bounds) if b > a)


def read_docs(path: Path) -> tuple[Doc, ...]:
    """Return the Docs of a DocBin with their user data, over one blank English vocabulary."""
    vocab = spacy.blank("en").vocab
    return tuple(DocBin(store_user_data=True).from_disk(path).get_docs(vocab))


def tree_documents(path: Path, entities: Iterable[Document], group: str) -> Iterator[Document]:
    """Yield the documents of a treebank, with the entities of the same sentences where *entities* has them."""
    known: dict[tuple[str, ...], list[tuple[str | None, ...]]] = defaultdict(list)
    for document in entities:
        for sentence in document:
            labels = zip(sentence.words, sentence.ner or (), strict=True)
            kept = [(word, label) for word, label in labels if word.strip()]
            known[tuple(word for word, _ in kept)].append(tuple(label for _, label in kept))
    for doc in read_docs(path):
        paragraphs = {0, *doc.user_data.get("pars", ())}
        yield tuple(_tree(sent, sent.start in paragraphs, group, known) for sent in doc.sents)


def _tree(sent: Any, starts_line: bool, group: str, known: Mapping[tuple[str, ...], list[tuple[str | None, ...]]]) -> Sentence:
    words = tuple(token.text for token in sent)
    labels = known.get(words)
    return Sentence(
        words,
        starts_line,
        group,
        ner=(labels.pop(0) if len(labels) > 1 else labels[0]) if labels else None,
        tags=tuple(token.tag_ for token in sent),
        pos=tuple(token.pos_ for token in sent),
        morphs=tuple(str(token.morph) for token in sent),
        heads=tuple(-1 if token.head.i == token.i else token.head.i - sent.start for token in sent),
        deps=tuple(token.dep_ for token in sent),
    )


@dataclass(frozen=True)
class TrainingData:
    """*entities*: (source, documents) with entities alone; *trees*: documents with both; *dev*: name → documents with entities."""

    entities: tuple[tuple[Source, tuple[Document, ...]], ...]
    trees: tuple[Document, ...]
    dev_entities: Mapping[str, tuple[Document, ...]]
    dev_trees: tuple[Document, ...]


def load_training_data(corpora: Path) -> TrainingData:
    """Read all that the training sees; held out for development: GUM's dev part and an eighth of uner-ewt-dev."""
    ner, clear = corpora / "ner", corpora / "parse" / "clear"
    trees: list[Document] = []
    dev_entities: dict[str, tuple[Document, ...]] = {}
    for tree_file, entity_file, group, times in TREEBANKS:
        found = tuple(entity_documents(ner / f"{entity_file}.jsonl", group))
        if group == "uner":
            dev_entities["uner"] = found[::UNER_HELD_OUT]
            found = tuple(d for i, d in enumerate(found) if i % UNER_HELD_OUT)
        trees += times * tuple(tree_documents(clear / f"{tree_file}.spacy", found, group))
    dev_entities["gum"] = tuple(entity_documents(ner / "gum-ship-dev.jsonl", "gum"))
    return TrainingData(
        entities=tuple((s, tuple(entity_documents(ner / f"{s.name}.jsonl", s.group))) for s in NER_SOURCES),
        trees=tuple(trees),
        dev_entities=dev_entities,
        dev_trees=tuple(tree_documents(clear / "dev" / "gum-ship-dev.spacy", (), "gum")),
    )
