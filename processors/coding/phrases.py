"""The noun phrase around a head: its words, the name that a title leads to, what is coordinated with it."""

from __future__ import annotations

from collections.abc import Sequence

from processors.coding.scene import Scene, by_dep, conjoined, per_word
from processors.coding.token import Token
from stream.messages import Entity

OWN_MODIFIERS = ("compound", "amod", "nmod", "poss", "nummod")
MODIFIERS = (*OWN_MODIFIERS, "advmod", "quantmod", "case")  # of a modifier: "nearly 3,000 soldiers", "Peru's army"
MAX_NAME_TOKENS = 12
MAX_TITLE_TOKENS = 5  # words of a title after its head: "Secretary of State for Defence"
NAMED = frozenset({"PERSON", "ORG"})


@per_word
def extent(scene: Scene, token: Token) -> tuple[int, int]:
    """Return the tokens of the phrase as it is quoted: a title with its name, a body with whose it is, no article, no clause."""
    start, end = scene.mention_of[token.i] or (token.i, token.i + 1)
    first = max(end - MAX_NAME_TOKENS, scene.sentence_of[token.i][0])
    pending = [c for c in by_dep(scene, token, *OWN_MODIFIERS) if first <= c.i < token.i]
    while pending:
        child = pending.pop()
        start = min(start, child.i)
        pending.extend(c for c in by_dep(scene, child, *MODIFIERS, "det") if first <= c.i < child.i)
        pending.extend(c for c in by_dep(scene, child, "conj") if first <= c.i < token.i)
    start = max(start, first)
    while start < token.i and (
        scene.tokens[start].dep_ == "det" or scene.tokens[start].lower_ in {"the", "a", "an"} or scene.tokens[start].is_punct
    ):
        start += 1
    return start, max(end, token.i + 1, _end_of_name(scene, token))


def _end_of_name(scene: Scene, token: Token) -> int:
    """Return where the name ends that belongs to the head: "Prime Minister Netanyahu", "government of Sindh"; 0 for none."""
    name = name_after(scene, token)
    if name is not None:
        return (scene.mention_of[name.i] or (name.i, name.i + 1))[1]
    if scene.mention_of[token.i] is not None:
        return 0
    for preposition in by_dep(scene, token, "prep"):
        for noun in by_dep(scene, preposition, "pobj") if preposition.lower_ == "of" and preposition.i == token.i + 1 else ():
            mention = scene.mention_of[noun.i]
            if mention and mention[1] - token.i <= MAX_TITLE_TOKENS and len(conjoined(scene, noun)) == 1:
                return mention[1]
    return 0


def name_after(scene: Scene, token: Token) -> Token | None:
    """Return the head of the name that follows the title *token*, after a comma only a person's; None where *token* is no title."""
    if scene.entity_of[token.i] is not None:
        return None
    for child in by_dep(scene, token, "appos"):
        first, _ = scene.mention_of[child.i] or (child.i, child.i)
        between = scene.tokens[token.i + 1 : first]
        entity = scene.entity_of[child.i]
        named = entity is not None and entity.type in NAMED and first > token.i
        if named and len(between) <= MAX_TITLE_TOKENS and (_is_comma(between, token, entity) or not any(t.is_punct for t in between)):
            return child
    return None


def _is_comma(between: Sequence[Token], title: Token, entity: Entity | None) -> bool:
    """Return whether a comma alone stands between one person's title and the name: "the defence minister, Hossein Dehghan"."""
    return [t.text for t in between] == [","] and title.tag_ == "NN" and entity is not None and entity.type == "PERSON"


def coordinated(scene: Scene, token: Token) -> list[Token]:
    """Return *token* and the heads of the phrases conjoined to it or to the name that it leads to, in text order."""
    own = conjoined(scene, token)
    names = (name for item in own if (name := name_after(scene, item)) is not None)
    others = (other for name in names for other in conjoined(scene, name)[1:])
    return sorted(dict.fromkeys((*own, *others)), key=lambda t: t.i)
