"""The scores compare words by what they cover, whatever the tokenizer and the whitespace."""

from __future__ import annotations

from pathlib import Path

import spacy
from spacy.tokens import Doc, Span

from training.evaluate import Score, arcs, entities, gold_entities, paragraphs, score, sentences, tags, with_lines

VOCAB = spacy.blank("en").vocab
WORDS = ("Can", "not", "go", ".", "Stay", ".")


def _doc(words: tuple[str, ...] = WORDS, heads: tuple[int, ...] = (2, 2, 2, 2, 4, 4)) -> Doc:
    deps = ["aux", "neg", "ROOT", "punct", "ROOT", "punct"]
    return Doc(VOCAB, words=list(words), spaces=[False, True, False, True, False, True], heads=list(heads), deps=deps, tags=["X"] * 6)


def test_the_same_annotation_scores_full_marks() -> None:
    assert score([arcs(_doc(), True)], [arcs(_doc(), True)]) == Score(100, 100, 100)


def test_punctuation_is_no_arc() -> None:
    assert len(arcs(_doc(), True)) == 4


def test_whitespace_tokens_change_no_score() -> None:
    spaced = Doc(
        VOCAB,
        words=[*WORDS[:4], "\n\n", *WORDS[4:]],
        heads=[2, 2, 2, 2, 3, 5, 5],
        deps=["aux", "neg", "ROOT", "punct", "dep", "ROOT", "punct"],
        tags=["X"] * 4 + ["_SP"] + ["X"] * 2,
    )
    assert (arcs(spaced, True), tags(spaced), sentences(spaced)) == (arcs(_doc(), True), tags(_doc()), sentences(_doc()))


def test_a_word_that_is_cut_otherwise_is_another_word() -> None:
    whole = Doc(VOCAB, words=["Cannot", "go"], heads=[1, 1], deps=["aux", "ROOT"])
    assert {place for place, _, _ in arcs(whole, False)} & {place for place, _, _ in arcs(_doc(), False)} == {(6, 8)}


def test_entities_of_a_row_and_of_a_doc_are_the_same_facts() -> None:
    row = {"words": ["In", "New", "York"], "ents": [[1, 3, "GPE"]]}
    doc = Doc(VOCAB, words=["In", "New", "York"])
    doc.ents = [Span(doc, 1, 3, label="GPE")]
    assert entities(doc, ["GPE"], core=True) == gold_entities(row, ["GPE"], core=True) == {(2, 9, "LOC")}


def test_blank_lines_stand_where_the_treebank_says_that_a_paragraph_starts(tmp_path: Path) -> None:
    rows = [f"{i}\t{word}" for i, word in enumerate(WORDS, start=1)]
    (tmp_path / "a.conllu").write_text("\n".join(["# newdoc", *rows[:4], "", "# newpar id = 2", *rows[4:], "", ""]), encoding="utf-8")
    assert with_lines(_doc(), paragraphs(tmp_path)) == "Cannot go. \n\nStay. "
    assert with_lines(_doc(), set()) == "Cannot go. Stay. "
