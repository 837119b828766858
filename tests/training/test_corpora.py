"""What the sources say becomes labels; what they do not say stays open."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from training.corpora import ENTITY_TYPES, NER_LABELS, OPEN_TYPES, TREEBANKS, bio, entity_documents, tree_documents


def test_spans_become_bio_labels_and_unknown_types_and_words_are_left_out() -> None:
    ents = [(0, 2, "PERSON"), (2, 3, "PERSON"), (4, 5, "COLOUR")]
    assert bio(6, ents, missing=[5]) == ["B-PERSON", "I-PERSON", "B-PERSON", "O", "O", None]


def test_every_type_has_a_beginning_and_an_inside() -> None:
    assert NER_LABELS[0] == "O"
    assert sorted(NER_LABELS[1:]) == sorted(f"{prefix}-{kind}" for kind in ENTITY_TYPES for prefix in "BI")


@pytest.mark.parametrize("group", OPEN_TYPES)
def test_open_types_are_known_types(group: str) -> None:
    assert OPEN_TYPES[group] <= set(ENTITY_TYPES)


def test_no_test_set_is_trained_on_but_those_of_the_domains_that_are_not_scored() -> None:
    from training.corpora import NER_SOURCES

    names = {source.name for source in NER_SOURCES} | {entities for _, entities, _, _ in TREEBANKS} | {tree for tree, _, _, _ in TREEBANKS}
    assert not names & {"uner-ewt-test", "crossner-politics-test", "gum-ship-test", "gum-ship-dev", "test/ewt-test", "test/gum-ship-test"}


def test_documents_are_cut_into_sentences_and_only_the_first_starts_a_line(tmp_path: Path) -> None:
    row = {"words": ["Ada", "ran", ".", "She", "won", "."], "sents": [0, 3], "ents": [[0, 1, "PERSON"]]}
    document = next(entity_documents(_lines(tmp_path, [row]), "gum"))
    assert [s.words for s in document] == [("Ada", "ran", "."), ("She", "won", ".")]
    assert [s.starts_line for s in document] == [True, False]
    assert [s.ner for s in document] == [("B-PERSON", "O", "O"), ("O", "O", "O")]


def test_a_tree_takes_the_entities_of_the_same_words_and_none_where_they_are_missing(tmp_path: Path) -> None:
    rows = [{"words": ["Ada", " ", "ran"], "sents": [0], "ents": [[0, 1, "PERSON"]]}]  # a source with a word of whitespace alone
    doc = Doc(
        Vocab(), words=["Ada", "ran", "Bo", "sat"], heads=[1, 1, 3, 3], deps=["nsubj", "ROOT", "nsubj", "ROOT"], sent_starts=[1, 0, 1, 0]
    )
    DocBin(attrs=["HEAD", "DEP", "SENT_START"], docs=[doc]).to_disk(tmp_path / "trees.spacy")
    entities = entity_documents(_lines(tmp_path, rows), "uner")
    first, second = next(tree_documents(tmp_path / "trees.spacy", entities, "uner"))
    assert (first.ner, first.heads, first.deps) == (("B-PERSON", "O"), (1, -1), ("nsubj", "ROOT"))
    assert (second.ner, second.heads) == (None, (1, -1))


def _lines(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "entities.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path
