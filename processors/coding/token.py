"""A token as plain values: spaCy looks each up in its tables, and makes a new string of it, whenever it is asked."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass, field

from spacy.tokens import Doc

SUBJECTS = ("nsubj", "nsubjpass")  # labels
_TEXTS = ("ORTH", "LOWER", "LEMMA", "TAG", "POS", "DEP", "ENT_TYPE")
_NUMBERS = ("IDX", "IS_PUNCT", "IS_SPACE")


@dataclass(slots=True, eq=False)
class Token:
    """What coding asks of a token, under spaCy's names. One of each a document: two are equal where they are the same."""

    i: int
    text: str
    lower_: str
    lemma_: str
    tag_: str
    pos_: str
    dep_: str
    ent_type_: str
    idx: int
    is_punct: bool
    is_space: bool
    head: Token = field(init=False, repr=False)  # itself for a root
    labels: Set[str] = field(init=False, repr=False)  # of its children

    def __len__(self) -> int:
        return len(self.text)


def read_tokens(doc: Doc) -> list[Token]:
    """Return the tokens of *doc* in order; equal labels are one string."""
    columns = doc.to_array([*_TEXTS, *_NUMBERS]).T.tolist()
    strings = _Strings(doc.vocab.strings.__getitem__)
    texts = (map(strings.__getitem__, column) for column in columns[: len(_TEXTS)])
    tokens = list(map(Token, range(len(doc)), *texts, *columns[len(_TEXTS) :]))
    for token, way in zip(tokens, doc.to_array("HEAD").view("int64").tolist(), strict=True):
        token.head = tokens[token.i + way]
    return tokens


class _Strings(dict[int, str]):
    """The strings that are asked for, each looked up once."""

    def __init__(self, find: Callable[[int], str]) -> None:
        self._find = find

    def __missing__(self, number: int) -> str:
        self[number] = found = self._find(number)
        return found
