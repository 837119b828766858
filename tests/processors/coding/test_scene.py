"""The document laid out: what is asked of a word is worked out once."""

from __future__ import annotations

from processors.coding.lexicon import load_lexicon
from processors.coding.scene import Scene, make_scene, per_word
from processors.coding.token import Token
from processors.knowledge import load_knowledge
from tests.processors.handmade import make_doc, make_facts

DOC = make_doc("Police/police/NNS/nsubj/1 arrested/arrest/VBD/ROOT/1 them/they/PRP/dobj/1")


def scene() -> Scene:
    return make_scene(DOC, make_facts(DOC), load_knowledge(), load_lexicon("en"))


def test_a_token_of_a_scene_says_what_that_of_the_document_says() -> None:
    laid = scene()
    named = ("i", "idx", "text", "lower_", "lemma_", "tag_", "pos_", "dep_", "ent_type_", "is_punct", "is_space")
    assert [[getattr(t, name) for name in named] for t in laid.tokens] == [[getattr(t, name) for name in named] for t in DOC]
    assert [t.head for t in laid.tokens] == [laid.tokens[t.head.i] for t in DOC]


def test_what_is_asked_of_a_word_again_is_worked_out_once_for_each_document_word_and_argument() -> None:
    asked: list[tuple[str, int]] = []

    @per_word
    def text(scene: Scene, token: Token, depth: int = 0) -> str:
        asked.append((token.text, depth))
        return f"{token.text}{depth}"

    first, second = scene(), scene()
    assert [text(first, first.tokens[0]), text(first, first.tokens[0]), text(first, first.tokens[1])] == ["Police0", "Police0", "arrested0"]
    assert [text(first, first.tokens[0], 1), text(second, second.tokens[0])] == ["Police1", "Police0"]
    assert asked == [("Police", 0), ("arrested", 0), ("Police", 1), ("Police", 0)]
