"""Arcs that parsers hang wrong are mended before anything is read."""

from __future__ import annotations

from processors.coding.mending import mend
from processors.coding.token import Token, read_tokens
from tests.processors.handmade import make_doc


def mended(tree: str) -> list[Token]:
    tokens = read_tokens(make_doc(tree))
    mend(tokens)
    return tokens


def test_a_subject_before_a_quoted_clause_without_one_is_that_clause_s() -> None:
    tokens = mended("Mali/Mali/NNP/nsubj/4 paid/pay/VBD/ccomp/4 ,/,/,/punct/4 Chad/Chad/NNP/nsubj/4 said/say/VBD/ROOT/4")
    assert [tokens[0].head.text, tokens[3].head.text] == ["paid", "said"]


def test_a_quoted_clause_with_a_subject_keeps_it() -> None:
    tokens = mended("It/it/PRP/nsubj/1 paid/pay/VBD/ccomp/4 ,/,/,/punct/4 Chad/Chad/NNP/nsubj/4 said/say/VBD/ROOT/4")
    assert [tokens[0].head.text, tokens[3].head.text] == ["paid", "said"]


def test_a_participle_behind_a_hyphen_belongs_to_the_noun_behind_it() -> None:
    tokens = mended("Chad/Chad/NNP/compound/2 -/-/HYPH/punct/0 led/lead/VBN/amod/4 coalition/coalition/NN/compound/4 raid/raid/NN/ROOT/4")
    assert tokens[2].head.text == "coalition"


def test_what_has_done_something_is_no_passive() -> None:
    tree = "Mali/Mali/NNP/nsubjpass/2 has/have/VBZ/aux/2 {}suspended/suspend/VBN/ROOT/{} broadcasts/broadcast/NNS/dobj/{} by/by/IN/agent/{}"
    assert [t.dep_ for t in mended(tree.format("", 2, 2, 2))][::4] == ["nsubj", "prep"]
    been = "been/be/VBN/auxpass/3 "
    assert mended(tree.replace("/2", "/3").format(been, 3, 3, 3))[0].dep_ == "nsubjpass"


def test_but_not_negates_what_follows_it() -> None:
    tree = "Mali/Mali/NNP/nsubj/1 lifted/lift/VBD/ROOT/1 bans/ban/NNS/dobj/1 but/but/CC/cc/1 not/not/RB/neg/1 curfews/curfew/NNS/conj/1"
    assert mended(tree)[4].head.text == "curfews"
