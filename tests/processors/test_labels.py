"""Universal Dependencies → CLEAR: heads and labels of trees built by hand."""

from pathlib import Path
from random import Random

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc

from processors.labels import NAME, Words, convert_labels, is_tree, is_universal, to_clear
from processors.nlp import load_nlp

VOCAB = spacy.blank("en").vocab


def converted(tree: str) -> list[str]:
    """Return "word/label/head" of each word of the CLEAR tree; *tree* has lines of word, tag, part of speech, head and label in UD."""
    rows = [line.split() for line in tree.strip().splitlines()]
    texts = [row[0] for row in rows]
    heads = [texts.index(row[3]) for row in rows]
    words = Words(texts, [row[1] for row in rows], [row[2] for row in rows])
    new_heads, deps = to_clear(words, heads, [row[4] for row in rows])
    return [f"{text}/{dep}/{texts[head]}" for text, dep, head in zip(texts, deps, new_heads, strict=True)]


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (
            """
            Merkel    NNP PROPN visited nsubj
            visited   VBD VERB  visited root
            Paris     NNP PROPN visited obj
            on        IN  ADP   Friday  case
            Friday    NNP PROPN visited obl
            """,
            "Merkel/nsubj/visited visited/ROOT/visited Paris/dobj/visited on/prep/visited Friday/pobj/on",
        ),
        (
            """
            Rebels  NNS NOUN seized nsubj:pass
            were    VBD AUX  seized aux:pass
            seized  VBN VERB seized root
            by      IN  ADP  police case
            police  NNS NOUN seized obl
            """,
            "Rebels/nsubjpass/seized were/auxpass/seized seized/ROOT/seized by/agent/seized police/pobj/by",
        ),
        (
            """
            Erdogan    NNP PROPN president nsubj
            is         VBZ AUX   president cop
            not        RB  PART  president advmod
            the        DT  DET   president det
            president  NN  NOUN  president root
            of         IN  ADP   Greece    case
            Greece     NNP PROPN president nmod
            .          .   PUNCT president punct
            """,
            "Erdogan/nsubj/is is/ROOT/is not/neg/is the/det/president president/attr/is of/prep/president Greece/pobj/of ./punct/is",
        ),
        (
            """
            Talks    NNS NOUN  Turkey nsubj
            were     VBD AUX   Turkey cop
            in       IN  ADP   Turkey case
            Turkey   NNP PROPN Turkey root
            """,
            "Talks/nsubj/were were/ROOT/were in/prep/were Turkey/pobj/in",
        ),
        (
            """
            Russia   NNP PROPN Russia root
            ,        ,   PUNCT Iran   punct
            Iran     NNP PROPN Russia conj
            and      CC  CCONJ China  cc
            China    NNP PROPN Russia conj
            """,
            "Russia/ROOT/Russia ,/punct/Iran Iran/conj/Russia and/cc/Iran China/conj/Iran",
        ),
        (
            """
            President  NNP PROPN Tayyip  compound
            Tayyip     NNP PROPN left    nsubj
            Erdogan    NNP PROPN Tayyip  flat:name
            left       VBD VERB  left    root
            """,
            "President/compound/Erdogan Tayyip/compound/Erdogan Erdogan/nsubj/left left/ROOT/left",
        ),
        (
            """
            He    PRP  PRON wants nsubj
            wants VBZ  VERB wants root
            to    TO   PART meet  mark
            meet  VB   VERB wants xcomp
            Iran  NNP  PROPN envoy nmod:poss
            's    POS  PART Iran  case
            envoy NN   NOUN meet  obj
            """,
            "He/nsubj/wants wants/ROOT/wants to/aux/meet meet/xcomp/wants Iran/poss/envoy 's/case/Iran envoy/dobj/meet",
        ),
        (
            """
            troops NNS  NOUN  troops root
            who    WP   PRON  fled   nsubj
            fled   VBD  VERB  troops acl:relcl
            out    IN   ADP   Syria  case
            of     IN   ADP   Syria  case
            Syria  NNP  PROPN fled   obl
            """,
            "troops/ROOT/troops who/nsubj/fled fled/relcl/troops out/prep/fled of/prep/out Syria/pobj/of",
        ),
    ],
    ids=["object", "passive", "copula", "place", "conjuncts", "name", "infinitive", "relative"],
)
def test_trees_of_universal_dependencies_become_clear_ones(tree: str, expected: str) -> None:
    assert converted(tree) == expected.split()


@pytest.mark.parametrize("seed", range(200))
def test_any_tree_becomes_a_tree(seed: int) -> None:
    random = Random(seed)
    n = random.randint(1, 12)
    heads = [max(0, i - random.randint(1, 4)) for i in range(n)]
    deps = ["root", *random.choices(["case", "obl", "cop", "conj", "flat", "nsubj", "cc", "mark", "punct", "nmod", "advcl"], k=n - 1)]
    words = Words(
        random.choices(["be", "by", "to", "'s", "not"], k=n),
        random.choices(["VBN", "IN", "TO", "NN"], k=n),
        random.choices(["VERB", "NOUN", "ADJ", "ADP"], k=n),
    )
    new_heads, new_deps = to_clear(words, heads, deps)
    assert is_tree(new_heads)
    assert [dep == "ROOT" for dep in new_deps] == [head == i for i, head in enumerate(new_heads)]


@pytest.mark.parametrize(("heads", "expected"), [([0], True), ([1, 1, 1], True), ([0, 1], False), ([1, 0, 2], False), ([1, 2, 0], False)])
def test_a_tree_has_one_root_and_no_circle(heads: list[int], expected: bool) -> None:
    assert is_tree(heads) == expected


def test_labels_tell_the_scheme() -> None:
    assert is_universal(["nsubj", "obj", "ROOT"])
    assert not is_universal(["nsubj", "dobj", "pobj", "ROOT"])


def test_a_document_is_converted_sentence_by_sentence() -> None:
    doc = Doc(
        VOCAB,
        words=["Rebels", "left", "Aleppo", ".", "Talks", "failed", "in", "Geneva"],
        heads=[1, 1, 1, 1, 5, 5, 7, 5],
        deps=["nsubj", "ROOT", "obj", "punct", "nsubj", "ROOT", "case", "obl"],
        tags=["NNS", "VBD", "NNP", ".", "NNS", "VBD", "IN", "NNP"],
        pos=["NOUN", "VERB", "PROPN", "PUNCT", "NOUN", "VERB", "ADP", "PROPN"],
    )
    convert_labels(doc)
    assert [(t.dep_, t.head.text) for t in doc][2:] == [
        ("dobj", "left"), ("punct", "left"), ("nsubj", "failed"), ("ROOT", "failed"), ("prep", "failed"), ("pobj", "in"),
    ]  # fmt: skip
    assert [sent.text for sent in doc.sents] == ["Rebels left Aleppo .", "Talks failed in Geneva"]


@Language.component("test_universal_trees")
def universal_trees(doc: Doc) -> Doc:
    """Stand for the parser of a pipeline with Universal Dependencies: the verb governs, "on" hangs on the last word."""
    heads = [0 if len(doc) < 2 else 1] * len(doc)
    deps = ["dep"] * len(doc)
    if [token.text for token in doc[:4]] == ["Angela", "Merkel", "visited", "Paris"]:
        heads, deps = [1, 2, 2, 2, 5, 2, 2], ["compound", "nsubj", "ROOT", "obj", "case", "obl", "punct"]
    return Doc(
        doc.vocab, words=[t.text for t in doc], spaces=[bool(t.whitespace_) for t in doc], heads=heads, deps=deps, lemmas=["x"] * len(doc),
        tags=["NN"] * len(doc), pos=["NOUN"] * len(doc), ents=["O"] * len(doc),
    )  # fmt: skip


def test_a_pipeline_of_universal_dependencies_is_converted_when_it_is_loaded(tmp_path: Path) -> None:
    pipeline = spacy.blank("en")
    pipeline.add_pipe("test_universal_trees")
    pipeline.to_disk(tmp_path / "universal")
    nlp = load_nlp(str(tmp_path / "universal"))
    doc = nlp("Angela Merkel visited Paris on Friday.")
    assert nlp.pipe_names[-1] == NAME
    assert [token.dep_ for token in doc] == ["compound", "nsubj", "ROOT", "dobj", "prep", "pobj", "punct"]
    assert doc[5].head.text == "on"


def test_the_bundled_pipeline_is_left_as_it_is() -> None:
    assert NAME not in load_nlp().pipe_names


def test_an_empty_document_has_no_trees_to_convert() -> None:
    assert len(convert_labels(Doc(VOCAB))) == 0
