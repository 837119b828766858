"""Who a name is, by the words right beside it: the title before it, the apposition, the role between commas."""

from __future__ import annotations

from collections.abc import Iterator

from spacy.tokens import Doc, Span, Token

from processors.knowledge import Knowledge
from processors.languages import LanguageSpec
from processors.mentions import RawMention

TITLE_REACH = 9  # tokens before a name that may say what its bearer is

_AWAY = frozenset({"to", "in", "at", "on", "with", "against", "from", "by", "near", "over", "and", "who", "which", "whose", "that", ","})
_INSIDE = frozenset({"to", "in", "at", "a", "an"})  # and the words of _is_nominal: what a role between commas may have in it
_LINKS = frozenset({"of", "for", "to", "and", "the", "in", "on", "at"})


def title_before(doc: Doc, mention: RawMention, knowledge: Knowledge, spec: LanguageSpec) -> Iterator[Span]:
    """Yield the title before a name, if it has one, without what its bearer only has to do with."""
    title = _title(doc, mention.start, knowledge, spec)
    if title:
        yield title


def apposed(doc: Doc, mention: RawMention, knowledge: Knowledge, spec: LanguageSpec) -> Iterator[Span]:
    """Yield the words that a name stands in apposition to: of "X, Russia's envoy to the United States" the first two."""
    root = doc[mention.start : mention.end].root
    beside = [child for child in root.children if child.dep_ == "appos"]
    beside += [_bearer(root.head, knowledge)] if root.dep_ == "appos" else []
    found = [_core(_noun_phrase(doc, head, mention), knowledge) for head in beside if not mention.start <= head.i < mention.end]
    between = _between_commas(doc, mention, knowledge, spec) if not any(knowledge.sector_of(phrase.text) for phrase in found) else None
    yield from found if between is None else (*found, between)


def _bearer(head: Token, knowledge: Knowledge) -> Token:
    """Return the role above *head* where a parser has put a name beside the last noun of a phrase ("the ambassador to Mexico, …")."""
    while knowledge.sector_of(head.text) is None and head.dep_ == "pobj" and head.head.dep_ == "prep":
        head = head.head.head
    return head


def _between_commas(doc: Doc, mention: RawMention, knowledge: Knowledge, spec: LanguageSpec) -> Span | None:
    """Return the role beside a name that commas set off, whatever the parser says.

    After the name (Scholz, the chancellor of Germany, said), or before it (the chancellor of Germany, Olaf Scholz, said).
    """
    if mention.end >= len(doc) or doc[mention.end].text != ",":
        return None
    after, before = mention.end + 1, mention.start - 1
    while before > 0 and doc[before].lower_ in spec.honorifics:
        before -= 1
    end, start = _run(doc, after, 1, spec), _run(doc, before - 1, -1, spec) + 1
    phrases = []
    if after < end < len(doc) and doc[end].text in (",", ".") and _opens_role(doc[after], knowledge):
        phrases.append(doc[after:end])
    if 0 <= start < before and doc[before].text == ",":
        phrases.append(doc[start:before])
    return next((core for phrase in phrases if knowledge.sector_of((core := _core(phrase, knowledge)).text)), None)


def _opens_role(token: Token, knowledge: Knowledge) -> bool:
    return token.lower_ in ("the", "a", "an") or (token.text.islower() and knowledge.sector_of(token.text) is not None)


def _run(doc: Doc, i: int, step: int, spec: LanguageSpec) -> int:
    """Return the first index from *i* in the direction of *step* whose word cannot be in a role between commas."""
    first = i
    while 0 <= i < len(doc) and abs(i - first) <= TITLE_REACH + 3 and (_is_nominal(doc[i], spec) or doc[i].lower_ in _INSIDE):
        i += step
    return i


def _title(doc: Doc, start: int, knowledge: Knowledge, spec: LanguageSpec) -> Span | None:
    """Return the unbroken nominal phrase right before a name ("Ukrainian President", "U.S. ambassador to Russia" without "to Russia")."""
    i = start
    while i > 0 and start - i < TITLE_REACH and (_is_nominal(doc[i - 1], spec) or doc[i - 1].lower_ in ("to", "in", "at")):
        i -= 1
    away = next((n for n in range(start - 1, i - 1, -1) if doc[n].lower_ in ("to", "in", "at")), None)
    if away is not None:
        before, after = _stripped(doc, i, away, knowledge, spec), _stripped(doc, away + 1, start, knowledge, spec)
        post = _core(before, knowledge) if before else None
        return post if post and not (after and knowledge.sector_of(after.text)) and knowledge.sector_of(post.text) else after
    return _stripped(doc, i, start, knowledge, spec)


def _stripped(doc: Doc, i: int, end: int, knowledge: Knowledge, spec: LanguageSpec) -> Span | None:
    while i < end and (doc[i].lower_ in _LINKS or doc[i].text in ("'s", "’s") or _is_mere_honorific(doc[i], knowledge, spec)):
        i += 1
    return doc[i:end] if i < end else None


def _is_mere_honorific(token: Token, knowledge: Knowledge, spec: LanguageSpec) -> bool:
    """Return whether a title says nothing of an office: Mr. and Ayatollah do not, Gov. and Gen. do."""
    return token.lower_ in spec.honorifics and not (token.text.endswith(".") and knowledge.sector_of(token.text))


def _core(phrase: Span, knowledge: Knowledge) -> Span:
    """Return *phrase* up to the first word that leads away from its head, where there is a role before that word."""
    for n, token in enumerate(phrase):
        if n and token.lower_ in _AWAY and knowledge.sector_of(phrase[:n].text):
            return phrase[:n]
    return phrase


def _is_nominal(token: Token, spec: LanguageSpec) -> bool:
    if token.is_space or (token.is_punct and token.text != "-") or (token.sent_start == 1 and token.is_space):
        return False
    return (
        token.pos_ in ("NOUN", "PROPN", "ADJ") or token.lower_ in ("of", "for", "'s", "’s", "-", "the") or token.lower_ in spec.honorifics
    )


def _noun_phrase(doc: Doc, head: Token, mention: RawMention) -> Span:
    """Return the words of *head*'s phrase without the mention, at most TITLE_REACH on either side."""
    start = max(head.left_edge.i, head.i - TITLE_REACH)
    end = min(head.right_edge.i + 1, head.i + TITLE_REACH)
    if mention.start > head.i:
        end = min(end, mention.start)
    else:
        start = max(start, mention.end)
    while end > start and (doc[end - 1].is_punct or doc[end - 1].is_space):
        end -= 1
    return doc[start:end]
