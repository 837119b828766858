"""The bundled MiniLM pipeline as users meet it: a spaCy pipeline that annotates any text the same way every time."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc

from processors.minilm.component import NAME
from processors.minilm.model import FILES
from stream.errors import ConfigError

PIPELINE = Path(str(files("processors") / "pipelines" / "en_dateline_minilm"))
needs_model = pytest.mark.skipif(not PIPELINE.is_dir(), reason="the trained model is not in this checkout: training/ makes it")
STORY = (
    "Zelensky Confirms Talks in Turkey\n\nUkrainian President Volodymyr Zelensky plans to meet Turkish President Tayyip Erdogan in Ankara "
    'on June 1, he said. "I won\'t go," Mr. J. Smith told the U.S. Senate at 5 p.m. on Monday. Police arrested 12 people.\n'
)


@pytest.fixture(scope="module")
def nlp() -> Language:
    return spacy.load(PIPELINE)


def annotation(doc: Doc) -> list[tuple[Any, ...]]:
    return [(t.text, t.tag_, t.pos_, str(t.morph), t.lemma_, t.dep_, t.head.i, t.is_sent_start, t.ent_iob_, t.ent_type_) for t in doc]


@needs_model
def test_a_story_is_annotated_in_every_respect(nlp: Language) -> None:
    doc = nlp(STORY)
    assert all(doc.has_annotation(name) for name in ("TAG", "POS", "MORPH", "LEMMA", "DEP", "SENT_START", "ENT_IOB"))
    assert [sent[0].text for sent in doc.sents] == ["Zelensky", "Ukrainian", '"', "Police"]
    entities = {(ent.text, ent.label_) for ent in doc.ents}
    assert {("Turkey", "GPE"), ("Ukrainian", "NORP"), ("Volodymyr Zelensky", "PERSON"), ("June 1", "DATE"), ("12", "CARDINAL")} <= entities
    arrested = next(token for token in doc if token.text == "arrested")
    assert (arrested.dep_, arrested.lemma_) == ("ROOT", "arrest")
    assert {(child.text, child.dep_) for child in arrested.children} >= {("Police", "nsubj"), ("people", "dobj")}


@needs_model
def test_the_annotation_does_not_depend_on_the_texts_around_it(nlp: Language) -> None:
    others = ["BREAKING", "x" * 300, "", "Iran and Iraq signed a treaty. " * 60]
    alone = annotation(nlp(STORY))
    among = [doc for doc in nlp.pipe([*others, STORY, *others, STORY], batch_size=5) if doc.text == STORY]
    assert [annotation(doc) for doc in among] == [alone, alone]


@needs_model
@pytest.mark.parametrize(
    "text",
    [
        "", " ", "\n", "\n \n\t", "a", ".", " a ", "\n a \n\n b ", "😀" * 300, "x" * 5000, "(" * 2000, "\u200b\u200e", "é" * 200,
        "1,2." * 500, "word " * 3000,
        "\x00\x01 a\x85b\u2028c", "مرحبا بالعالم. 你好世界。", "\U0010ffff" * 50, "\ud7ff\ufffd",
    ],
    ids=str.__len__,
)  # fmt: skip
def test_any_text_is_annotated_and_kept(nlp: Language, text: str) -> None:
    doc = nlp(text)
    assert doc.text == text
    for sent in doc.sents:
        assert sum(token.head.i == token.i for token in sent) == 1
        assert all(sent.start <= token.head.i < sent.end for token in sent)
    assert all(token.dep_ and token.tag_ and token.pos_ for token in doc)


@needs_model
def test_every_line_starts_a_sentence(nlp: Language) -> None:
    doc = nlp("Talks begin\nThe army withdrew\r\n\r\nFriday, August 21, 2015\n- one of the items\n")
    assert [sent.text.strip() for sent in doc.sents] == [
        "Talks begin",
        "The army withdrew",
        "Friday, August 21, 2015",
        "- one of the items",
    ]


@needs_model
def test_a_quote_alone_is_no_sentence(nlp: Language) -> None:
    doc = nlp('The ministry denied it. " Foolish acts deserve punishment ", it added. The talks go on.')
    assert all(any(token.is_alpha for token in sent) for sent in doc.sents)


@needs_model
def test_starts_given_by_an_earlier_component_are_obeyed(nlp: Language) -> None:
    doc = nlp.make_doc("Iran left the talks on Monday")
    doc.from_array(["SENT_START"], np.array([[1], [-1], [-1], [1], [-1], [-1]]).astype(np.int64).view(np.uint64))
    for _, pipe in nlp.pipeline:
        doc = pipe(doc)
    assert [sent.text for sent in doc.sents] == ["Iran left the", "talks on Monday"]


@needs_model
def test_what_is_accused_of_something_is_an_object(nlp: Language) -> None:
    pairs = (("Ukraine", "Russia"), ("Kenya", "Somalia"), ("Mali", "Algeria"), ("Qatar", "Bahrain"))
    text = "{} accuses {} of sending the tanks, training and fighting alongside the separatists."
    docs = nlp.pipe(text.format(*pair) for pair in pairs)
    assert [next((t.text, t.head.text) for t in doc if t.dep_ == "dobj") for doc in docs] == [(accused, "accuses") for _, accused in pairs]


def test_no_verb_has_subjects_on_both_sides(nlp: Language) -> None:
    people = ("Britta Nielsen", "Jane Roe", "the minister", "two sailors", "Ahmed Hassan", "the Kenyan officer")
    docs = nlp.pipe(f"A Copenhagen judge found {name} guilty of stealing nearly 117 million kroner from an agency." for name in people)
    assert [[t.text for t in doc if t.dep_ == "nsubj" and t.head.text == "found"] for doc in docs] == [["judge"]] * len(people)


def test_no_clause_with_a_subordinator_is_relative(nlp: Language) -> None:
    claims = ("pretext", "claim", "allegation", "suspicion", "warning", "rumour", "belief", "fact")
    told = nlp.pipe(f"The army shelled the village under the absurd {noun} that its people had fired at a convoy." for noun in claims)
    marked = [mark.head.dep_ for doc in told for mark in doc if mark.dep_ == "mark"]
    assert marked
    assert "relcl" not in marked


def test_a_pipeline_written_and_loaded_again_annotates_the_same(nlp: Language, tmp_path: Path) -> None:
    nlp.to_disk(tmp_path / "copy")
    expected = annotation(nlp(STORY))
    assert annotation(spacy.load(tmp_path / "copy")(STORY)) == expected
    other = spacy.blank("en")
    other.add_pipe(NAME, name="minilm")
    other.add_pipe("lemmatizer", config={"mode": "rule"})
    other.from_bytes(nlp.to_bytes())
    assert annotation(other(STORY)) == expected


def test_a_component_without_a_model_says_so() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe(NAME)
    with pytest.raises(ConfigError, match="has no model"):
        nlp("Iran left.")


@needs_model
@pytest.mark.parametrize("damaged", FILES)
@pytest.mark.parametrize("kept", [0, 0.5], ids=["empty", "half"])
def test_a_damaged_file_is_refused(damaged: str, kept: float) -> None:
    contents = {file: (PIPELINE / "minilm" / file).read_bytes() for file in FILES}
    contents[damaged] = contents[damaged][: int(kept * len(contents[damaged]))]
    component: Any = spacy.blank("en").add_pipe(NAME)
    with pytest.raises(ConfigError, match="cannot be loaded"):
        component.load_files(contents)


def test_a_folder_that_lacks_files_is_refused_by_their_names(tmp_path: Path) -> None:
    component: Any = spacy.blank("en").add_pipe(NAME)
    with pytest.raises(ConfigError, match=r"lacks model.onnx, heads.npz, labels.json, tokenizer.json"):
        component.from_disk(tmp_path)
