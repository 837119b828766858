"""The pipeline: which one is loaded, and where its sentences end."""

from pathlib import Path

import pytest
import spacy

from processors.nlp import MAX_RUN, load_nlp, pipeline_info
from stream.errors import ConfigError


def sentences(text: str) -> list[str]:
    return [" ".join(sent.text.split()) for sent in load_nlp()(text).sents if sent.text.strip()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Talks begin\nThe army withdrew.", ["Talks begin", "The army withdrew."]),
        (
            "A headline without a stop\n\nFriday, August 21, 2015\n\nThe body.",
            ["A headline without a stop", "Friday, August 21, 2015", "The body."],
        ),
        ("- one of the items\n- another of them\r\n- a third", ["- one of the items", "- another of them", "- a third"]),
        ("Officials met on Monday. They agreed.", ["Officials met on Monday.", "They agreed."]),
        ("U.S. President Donald Trump met Mr. Smith.", ["U.S. President Donald Trump met Mr. Smith."]),
        ("The U.S. Army left.", ["The U.S. Army left."]),
        ("He paid 3.5 million dollars to J. R. Jones of Jan. 5 fame.", ["He paid 3.5 million dollars to J. R. Jones of Jan. 5 fame."]),
        ("Capt. Ahmed met Sgt. Lee and Brig. Gen. Haidar.", ["Capt. Ahmed met Sgt. Lee and Brig. Gen. Haidar."]),
        ("He saw Kim Jun. They said No. They left.", ["He saw Kim Jun.", "They said No.", "They left."]),
        ("Undersecretary for Education Mr. Toccafondi spoke.", ["Undersecretary for Education Mr. Toccafondi spoke."]),
    ],
)
def test_sentences_follow_lines_and_stops_but_not_abbreviations(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@pytest.mark.parametrize(
    "text", ["x" * 5000, "(" * 5000, "http://" * 900, "a,b." * 1500, "😀" * 3000, f"{'y' * 300} and {'z' * 300} met.\n", "é" * 101 + " "]
)
def test_long_runs_without_whitespace_keep_their_text_in_short_tokens(text: str) -> None:
    doc = load_nlp()(text)
    assert doc.text == text
    assert max(len(token) for token in doc) <= MAX_RUN + len("https://")


def test_a_text_without_any_stop_is_cut_into_bounded_sentences() -> None:
    doc = load_nlp()("word and word " * 500)
    assert max(len(sent) for sent in doc.sents) <= 128


def test_the_bundled_pipeline_is_loaded_once_and_says_what_it_is() -> None:
    info = pipeline_info(load_nlp())
    assert load_nlp() is load_nlp()
    assert info.name == "en_dateline_minilm"
    assert all((info.version, info.knowledge, info.lexicon))


def test_a_missing_pipeline_is_refused_with_the_command_that_installs_it() -> None:
    with pytest.raises(ConfigError, match="spacy download en_no_such_pipeline"):
        load_nlp("en_no_such_pipeline")


def test_a_pipeline_without_a_parser_is_refused_by_what_it_lacks(tmp_path: Path) -> None:
    spacy.blank("en").to_disk(tmp_path / "blank")
    with pytest.raises(ConfigError, match="no dependencies and no lemmas and no named entities"):
        load_nlp(str(tmp_path / "blank"))


def test_a_folder_that_is_no_pipeline_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        load_nlp(str(tmp_path))


def test_a_pipeline_is_loaded_by_its_path_too() -> None:
    bundled = load_nlp().path
    assert bundled is not None
    assert pipeline_info(load_nlp(str(bundled))) == pipeline_info(load_nlp())


@pytest.mark.parametrize("line", ["CANBERRA, Australia — ", "JOHANNESBURG — ", "PARIS (Agency) - "])
def test_a_dateline_is_no_part_of_the_sentence_behind_it(line: str) -> None:
    report = "The prime minister apologised in parliament on Wednesday."
    doc = load_nlp()(f"Australia apologises\n\n{line}{report}")
    assert [sent.text for sent in doc.sents][-1] == report


def test_words_are_cut_as_in_treebanks() -> None:
    doc = load_nlp()("Sgt. Lee, a non-member, re-imposed it!!! Pro-Russian **** left.")
    assert [token.text for token in doc][:9] == ["Sgt.", "Lee", ",", "a", "non-member", ",", "re", "-", "imposed"]
    assert [token.text for token in doc][9:] == ["it", "!!!", "Pro", "-", "Russian", "****", "left", "."]
