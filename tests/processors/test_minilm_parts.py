"""The parts of the bundled pipeline that need no model: windows, rules of sentences, trees, spans, quantities."""

from itertools import pairwise, product

import numpy as np
import pytest
import spacy

from processors.languages import load_language
from processors.minilm.encode import case_class, windows
from processors.minilm.quantities import find_quantities
from processors.minilm.sentences import HARDLY, LIKELY, MUST, NEVER, RARELY, SentenceRules, start_bias, window_cuts
from processors.minilm.spans import BioDecoder
from processors.minilm.trees import ROOT, decode_trees

NLP = spacy.blank("en")
SPEC = load_language("en")
assert SPEC is not None
RULES = SentenceRules(SPEC)


def bias_of(text: str) -> dict[str, float]:
    """Return what the rules say of each token of *text*; the last of equal tokens wins."""
    doc = NLP(text)
    flags = np.array([RULES.flags(token.text) for token in doc], np.int64)
    values = start_bias(flags, np.array([bool(token.whitespace_) for token in doc]))
    return {token.text: float(value) for token, value in zip(doc, values, strict=True)}


@pytest.mark.parametrize(
    ("text", "token", "expected"),
    [
        ("Talks begin\nThe army left", "The", MUST),
        ("Talks begin\r\n\r\n Troops left", "Troops", MUST),
        ("They met. Russia agreed.", "Russia", LIKELY),
        ("The U.S. Army left.", "Army", NEVER),
        ("He left the U.S. The army stayed.", "The", 0.0),
        ("He left the U.S. However, the army stayed.", "However", 0.0),
        ("Officials met Mr. Smith.", "Smith", NEVER),
        ("Officials met J. Smith.", "Smith", NEVER),
        ("He paid 3.5 million.", "million", RARELY),
        ("President Chirac Tuesday met Blair.", "Tuesday", HARDLY),
        ("He said so. then left", "then", RARELY),
        ('"They left." Iran denied it.', "Iran", 0.0),
        ("They left . . . quietly", ".", NEVER),
        ("\n \n", "\n \n", NEVER),
    ],
)
def test_rules_say_where_a_sentence_must_may_and_must_not_start(text: str, token: str, expected: float) -> None:
    assert bias_of(text)[token] == expected


def test_a_closing_quote_starts_no_sentence() -> None:
    doc = NLP('He said: "They left." She agreed.')
    flags = np.array([RULES.flags(token.text) for token in doc], np.int64)
    values = start_bias(flags, np.array([bool(token.whitespace_) for token in doc]))
    assert [float(v) for token, v in zip(doc, values, strict=True) if token.text == '"'] == [0.0, NEVER]


def test_the_first_word_starts_a_sentence_whatever_space_is_before_it() -> None:
    assert bias_of(" \n Iran left")["Iran"] == MUST


def test_windows_hold_all_words_once_in_order_and_never_too_many_pieces() -> None:
    random = np.random.default_rng(7)
    for _ in range(50):
        lengths = random.integers(1, 13, random.integers(1, 400))
        cuts = random.choice(np.array([0, 0, 0, 1, 2], np.int8), len(lengths))
        found = list(windows(lengths, cuts, 64))
        assert [start for start, _ in found] == [0, *(end for _, end in found[:-1])]
        assert found[-1][1] == len(lengths)
        assert max(int(lengths[start:end].sum()) for start, end in found) <= 62


def test_windows_begin_at_sentences_rather_than_commas_rather_than_anywhere() -> None:
    lengths = np.ones(200, np.int64)
    cuts = np.zeros(200, np.int8)
    cuts[[20, 35]] = 2
    cuts[[30, 38, 60]] = 1
    assert [start for start, _ in windows(lengths, cuts, 42)] == [0, 35, 60, 100, 140, 180]


def test_no_words_need_no_window() -> None:
    assert list(windows(np.zeros(0, np.int64), np.zeros(0, np.int8))) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Iran left, Iraq stayed. Syria did not.", {"Iran": 2, "Iraq": 1, "Syria": 2}),
        ('"Iran left." Syria did not.', {'"': 2, "Iran": 1, "Syria": 2}),
        ('Iran left. "Syria did not."', {"Iran": 2, "Syria": 1}),
        ('Iran left.\n"Syria did not."', {"Iran": 2, '"': 2, "Syria": 1}),
    ],
)
def test_window_cuts_stand_at_sentences_and_behind_commas(text: str, expected: dict[str, int]) -> None:
    doc = NLP(text)
    flags = np.array([RULES.flags(token.text) for token in doc], np.int64)
    spaced = np.array([bool(token.whitespace_) for token in doc])
    cuts = window_cuts(flags, spaced, start_bias(flags, spaced))
    found = [(token.text, int(cut)) for token, cut in zip(doc, cuts, strict=True) if cut and not token.is_space]
    assert dict(reversed(found)) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("talks", 1),
        ("Ankara", 2),
        ("NATO", 3),
        ("A", 4),
        ("2024", 5),
        ("McCain", 6),
        ("iPhone", 6),
        ("--", 0),
        ("", 0),
        ("U.S.", 3),
        ("中", 6),
    ],
)
def test_the_class_of_case(word: str, expected: int) -> None:
    assert case_class(word) == expected


def best_tree(scores: np.ndarray) -> float:
    n = len(scores)

    def reaches_root(heads: tuple[int, ...], i: int) -> bool:
        for _ in range(n + 1):
            if i == n:
                return True
            i = heads[i]
        return False

    trees = (h for h in product(range(n + 1), repeat=n) if h.count(n) == 1 and all(reaches_root(h, i) for i in range(n)))
    return max(sum(float(scores[i, h]) for i, h in enumerate(tree)) for tree in trees)


@pytest.mark.parametrize("seed", range(40))
def test_the_tree_is_the_best_one_with_one_root(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(1, 6))
    scores = random.normal(size=(n, n + 1)).astype(np.float32)
    heads = decode_trees(scores, np.arange(n) == 0)
    assert (heads == ROOT).sum() == 1
    assert sum(float(scores[i, h]) for i, h in enumerate(heads)) == pytest.approx(best_tree(scores), abs=1e-4)


def test_every_sentence_has_its_own_root_and_no_arc_leaves_it() -> None:
    random = np.random.default_rng(1)
    scores = random.normal(size=(90, 91)).astype(np.float32)
    starts = np.arange(90) % 15 == 0
    heads = decode_trees(scores, starts)
    sentence = np.cumsum(starts)
    assert np.bincount(sentence[heads == ROOT]).tolist() == [0, 1, 1, 1, 1, 1, 1]
    below = heads != ROOT
    assert (sentence[below] == sentence[heads[below]]).all()


def test_scores_that_are_all_alike_give_a_tree() -> None:
    heads = decode_trees(np.zeros((120, 121), np.float32), np.arange(120) == 0)
    assert (heads == ROOT).sum() == 1


def spans_of(labels: str, breaks: tuple[int, ...] = ()) -> list[tuple[int, int, str]]:
    names = ("O", "B-ORG", "I-ORG", "B-GPE", "I-GPE")
    words = labels.split()
    scores = np.log(np.full((len(words), len(names)), 0.05, np.float32))
    for i, label in enumerate(words):
        scores[i, names.index(label.rstrip("!"))] = np.log(0.9 if label.endswith("!") else 0.5)
    decoder = BioDecoder(names)
    found = decoder(scores, np.isin(np.arange(len(words)), breaks))
    return [(int(s), int(e), decoder.types[t]) for s, e, t in zip(*found, strict=True)]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("O O", []),
        ("B-ORG I-ORG O B-GPE", [(0, 2, "ORG"), (3, 4, "GPE")]),
        ("B-ORG B-ORG", [(0, 1, "ORG"), (1, 2, "ORG")]),
        ("O I-ORG I-ORG", [(1, 3, "ORG")]),
        ("O! I-ORG I-ORG!", [(1, 3, "ORG")]),
        ("B-ORG I-GPE! O", [(0, 2, "GPE")]),
        ("", []),
    ],
)
def test_labels_become_the_most_probable_spans_of_one_type_each(labels: str, expected: list[tuple[int, int, str]]) -> None:
    assert spans_of(labels) == expected


def test_no_span_goes_over_a_line_break() -> None:
    assert spans_of("B-ORG I-ORG I-ORG") == [(0, 3, "ORG")]
    assert spans_of("B-ORG I-ORG I-ORG", breaks=(0, 2))[0] == (0, 2, "ORG")


def test_the_spans_are_those_of_the_best_of_all_sequences() -> None:
    names = ("O", "B-ORG", "I-ORG", "B-GPE", "I-GPE")
    legal = [path for path in product(range(5), repeat=5) if all(y not in (2, 4) or x in (y, y - 1) for x, y in pairwise((0, *path)))]
    random = np.random.default_rng(7)
    for _ in range(50):
        scores = np.log(random.dirichlet(np.full(5, 0.4), size=5)).astype(np.float32)
        best = max(legal, key=lambda path: float(scores[range(5), path].sum()))
        starts, ends, _ = BioDecoder(names)(scores, np.zeros(5, bool))
        assert list(starts) == [i for i, label in enumerate(best) if label in (1, 3)]
        assert list(ends) == [i + 1 for i, label in enumerate(best) if label and (*best, 0)[i + 1] not in (2, 4)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It cost $3.5 million.", [("$3.5 million", "MONEY")]),
        ("He paid 20 million dollars and €5,000.", [("20 million dollars", "MONEY"), ("€5,000", "MONEY")]),
        ("Prices rose 12% or 3.5 percent.", [("12%", "PERCENT"), ("3.5 percent", "PERCENT")]),
        ("At 5 p.m. GMT and 10:30, not at noon.", [("5 p.m. GMT", "TIME"), ("10:30", "TIME"), ("noon", "TIME")]),
        ("A 30-day truce after five years.", [("30-day", "DATE"), ("five years", "DATE")]),
        ("It is 12 km away.", [("12 km", "QUANTITY")]),
        ("The second of twenty-five men.", [("second", "ORDINAL"), ("twenty-five", "CARDINAL")]),
        ("Hundreds of thousands fled 1,200 villages.", [("Hundreds of thousands", "CARDINAL"), ("1,200", "CARDINAL")]),
        ("Version v1.2.3 of A320 for someone", []),
    ],
)
def test_quantities_by_rule(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(text[q.start : q.end], q.label) for q in find_quantities(text)] == expected


def test_a_language_without_a_table_has_no_quantities() -> None:
    assert list(find_quantities("12 km", "xx")) == []
