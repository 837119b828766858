"""Where a document names something: the pipeline's spans, repaired, and names that the knowledge is sure of."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

from spacy.tokens import Doc, Span, Token

from processors.knowledge import Knowledge
from processors.knowledge.spelling import fold
from processors.languages import LanguageSpec
from processors.places import areas, place_in

NAMES = frozenset({"PERSON", "NORP", "FAC", "ORG", "GPE", "LOC", "PRODUCT", "EVENT", "WORK_OF_ART", "LAW", "LANGUAGE", "MISC"})
LABELS = {"PER": "PERSON", "LOCATION": "LOC", "ORGANIZATION": "ORG"}  # other schemes → OntoNotes
MAX_NAME = 7  # tokens of a name looked up in the knowledge
MAX_MENTION = 15  # tokens; a longer span of the pipeline is no name

_ARTICLES = frozenset({"the", "a", "an"})
_POSSESSIVES = frozenset({"'s", "’s", "'", "’"})
_CITY_SIZES = {
    "PERSON": (1_000_000, 100_000),
    "ORG": (100_000, 100_000),
}  # inhabitants, of one word and of several, from which a name is a city's
_NAMED_BARE = frozenset({"ORG", "GPE", "MISC"})
_HYPHENS = frozenset({"-", "‑", "–"})
_LOCATIVES = frozenset({"in", "near", "outside", "around"})
_PARTY_TAG = re.compile(r"(?:[DRI]|Dem|Rep|Ind)-[A-Z][A-Za-z]*\.?$")  # R-La. behind an American politician
_SIDES = frozenset({"north", "south", "east", "west"})


class RawMention(NamedTuple):
    """Tokens *start* to *end* name something of *type*; *name* is how they name it, in one line."""

    start: int
    end: int
    type: str
    name: str


def find_mentions(doc: Doc, knowledge: Knowledge, spec: LanguageSpec) -> tuple[RawMention, ...]:
    """Return the mentions in text order, none overlapping another, one type for one name unless it is a person's surname."""
    model = _without_titles(doc, list(_model_spans(doc, knowledge, spec)), knowledge, spec)
    known = list(_known_spans(doc, knowledge))
    model = _without_crossing(model, known)
    chosen = _without_overlaps([*known, *_addressed(doc, spec), *model])
    chosen = sorted((*chosen, *_surnames_missed(doc, chosen, knowledge)))
    labels = _settled_labels(chosen, knowledge)
    return tuple(RawMention(m.start, m.end, labels[m], m.name) for m in chosen if labels[m] in NAMES)


def _without_crossing(mentions: Sequence[RawMention], known: Sequence[RawMention]) -> list[RawMention]:
    """Return *mentions* but for those that cross one of *known*; only what shares a word is compared, so that time is linear."""
    at: dict[int, list[RawMention]] = {}
    for other in known:
        for i in range(other.start, other.end):
            at.setdefault(i, []).append(other)
    return [m for m in mentions if not any(_cross(m, other) for i in range(m.start, m.end) for other in at.get(i, ()))]


def _cross(one: RawMention, other: RawMention) -> bool:
    """Return whether each of two spans has words that the other has and some that it has not."""
    return one.start < other.start < one.end < other.end or other.start < one.start < other.end < one.end


def _without_titles(doc: Doc, mentions: Sequence[RawMention], knowledge: Knowledge, spec: LanguageSpec) -> list[RawMention]:
    """Leave out what a pipeline takes for a name and is the title of the person right after it (House Speaker Mike Johnson)."""
    people = {m.start for m in mentions if m.type == "PERSON"}
    return [
        m
        for m in mentions
        if m.type == "PERSON"
        or m.end not in people
        or doc[m.end - 1].lower_ in spec.organisation_nouns
        or knowledge.sector_of(doc[m.end - 1].text) is None
    ]


def _surnames_missed(doc: Doc, chosen: Sequence[RawMention], knowledge: Knowledge) -> Iterator[RawMention]:
    """Yield the surnames of people named in full that stand alone elsewhere and that the pipeline has passed over."""
    surnames = {m.name.split()[-1] for m in chosen if m.type == "PERSON" and " " in m.name}
    surnames = {name for name in surnames if len(name) > 2 and name[0].isupper() and not knowledge.places(name)}
    taken = {i for m in chosen for i in range(m.start, m.end)}
    for token in doc if surnames else ():
        if token.text in surnames and token.i not in taken and token.pos_ == "PROPN" and not _runs_on(token):
            yield RawMention(token.i, token.i + 1, "PERSON", token.text)


def _runs_on(token: Token) -> bool:
    """Return whether a capitalised word stands right beside *token*, so that it is part of another name."""
    beside = [token.nbor(step) for step in (-1, 1) if 0 <= token.i + step < len(token.doc)]
    return any(other.text[:1].isupper() and other.pos_ == "PROPN" for other in beside)


def _model_spans(doc: Doc, knowledge: Knowledge, spec: LanguageSpec) -> Iterator[RawMention]:
    for ent in doc.ents:
        label = LABELS.get(ent.label_, ent.label_)
        if label not in NAMES:
            continue
        start, end = _trimmed(doc, ent.start, ent.end, label, knowledge, spec)
        start, label = _with_body(doc, start, end, label, spec)
        if label == "PERSON":
            start = _from_first_name(doc, start, end, knowledge, spec)
            end = _to_hyphenated(doc, end)
        else:
            end = _to_abbreviation(doc, start, _to_head(doc, end, spec) if label == "ORG" else end)
        if start < end <= start + MAX_MENTION and _is_name(doc[start:end], spec):
            yield RawMention(start, end, _corrected(doc, start, end, label, knowledge, spec), _line(doc[start:end]))


def _with_body(doc: Doc, start: int, end: int, label: str, spec: LanguageSpec) -> tuple[int, str]:
    """Return start and type of a name with the body before it that it is only a part of (the Municipality of → Livorno)."""
    i = start - 1
    while i > 0 and doc[i].lower_ in _ARTICLES:
        i -= 1
    if 0 < i < end and doc[i].lower_ == "of" and doc[i - 1].lower_ in spec.organisation_nouns and doc[i - 1].text[0].isupper():
        return i - 1, "ORG"
    return start, label


def _from_first_name(doc: Doc, start: int, end: int, knowledge: Knowledge, spec: LanguageSpec) -> int:
    """Return where the name in [start, end) begins with the first names that the pipeline left out (Recep Tayyip Erdogan)."""
    while start > 0 and _is_first_name(doc[start - 1], start, end) and not _is_title(doc[start - 1], knowledge, spec):
        start -= 1
    return start


def _to_hyphenated(doc: Doc, end: int) -> int:
    """Return where a person's name before *end* ends that goes on behind a hyphen (Lee Jae-myung)."""
    while end + 1 < len(doc) and doc[end].text in _HYPHENS and not (doc[end - 1].whitespace_ or doc[end].whitespace_):
        if doc[end + 1].pos_ != "PROPN":
            break
        end += 2
    return end


def _to_head(doc: Doc, end: int, spec: LanguageSpec) -> int:
    """Return where an organisation's name before *end* ends that the pipeline has cut before its head (the Bishops' | Conference)."""
    head = end + 1 if end < len(doc) and doc[end].text in ("'", "’") else end  # of many: Gazprom's Board is another's name
    if head < len(doc) and doc[head].text[0].isupper() and doc[head].lower_ in spec.organisation_nouns and not doc[head].ent_type_:
        return head + 1
    return end


def _is_first_name(token: Token, start: int, end: int) -> bool:
    root = token.doc[start:end].root
    part = token.dep_ == "compound" and start <= token.head.i < end
    twin = token.dep_ == root.dep_ and token.head == root.head  # two subjects side by side are one
    return (
        (part or twin) and token.pos_ == "PROPN" and not token.ent_type_ and token.is_alpha and token.is_title and bool(token.whitespace_)
    )


def _corrected(doc: Doc, start: int, end: int, label: str, knowledge: Knowledge, spec: LanguageSpec) -> str:
    """Return the type that the words beside a name or its own head show, else *label*."""
    if label in ("GPE", "MISC") and end - start > 1 and doc[end - 1].lower_ in spec.organisation_nouns:
        return "ORG"
    if label in ("GPE", "MISC") and end - start > 2 and doc[start].lower_ in spec.organisation_nouns and doc[start + 1].lower_ == "of":
        return "ORG"  # the Municipality of Livorno
    name = doc[start:end].text
    if label in ("GPE", "ORG") and end < len(doc) and doc[end].lower_ in spec.governments and not _is_known(name, knowledge):
        return "PERSON"  # the Monti government
    placed = label == "NORP" or (start > 0 and doc[start - 1].lower_ in _LOCATIVES)  # in Genova
    if label in ("PERSON", "ORG") and _lies_behind(doc, end, name, knowledge):
        return "GPE"
    if label in ("ORG", "NORP", "MISC") and placed and knowledge.places(name) and not knowledge.country_of(name):
        return "GPE"
    if label == "MISC" and start and knowledge.sector_of(doc[start - 1].lower_) in ("JRN", "BUS", "PTY", "EDU"):
        return "ORG"  # the magazine MicroMega
    return label


def _lies_behind(doc: Doc, end: int, name: str, knowledge: Knowledge) -> bool:
    """Return whether the country or region that *name* lies in stands behind it (Jenin in the West Bank; Genoa, Italy)."""
    if end + 1 >= len(doc) or doc[end].lower_ not in ("in", ","):
        return False
    start = end + 2 if doc[end + 1].lower_ == "the" else end + 1
    return any(place_in(name, areas(doc[start:stop].text, knowledge), knowledge) for stop in (start + 1, start + 2, start + 3))


def _is_known(name: str, knowledge: Knowledge) -> bool:
    return bool(knowledge.places(name) or knowledge.organisation(name) or knowledge.metonym(name))


def _addressed(doc: Doc, spec: LanguageSpec) -> Iterator[RawMention]:
    """Yield the names after Mr., Mrs., Ms. and Dr., which some pipelines miss."""
    for token in doc[:-1]:
        if token.lower_ in spec.address:
            end = token.i + 1
            while end < len(doc) and doc[end].is_alpha and doc[end].text[0].isupper():
                end += 1
            if token.i + 1 < end <= token.i + 5:
                yield RawMention(token.i + 1, end, "PERSON", _line(doc[token.i + 1 : end]))


def _known_spans(doc: Doc, knowledge: Knowledge) -> Iterator[RawMention]:
    """Yield the countries, nationalities, seats of government, organisations and people that the tables know, the longest at each word."""
    shouting = _shouted_sentences(doc)
    i = 0
    while i < len(doc):
        found = _known_at(doc, i, knowledge, shouting) if _may_open_name(doc[i]) else None
        if found:
            yield found
        i = found.end if found else i + 1


def _known_at(doc: Doc, i: int, knowledge: Knowledge, shouting: frozenset[int]) -> RawMention | None:
    tokens = list(takewhile(lambda token: not token.is_space, doc[i : i + min(MAX_NAME, knowledge.opens(doc[i].text))]))
    for end in range(i + len(tokens), i, -1):
        last = tokens[end - 1 - i]
        if last.is_punct or last.text in _POSSESSIVES:
            continue
        span = doc[i:end]
        if kind := _known_type(span, knowledge, shouted=i in shouting):
            return RawMention(i, end, kind, _line(span))
    return None


def _known_type(span: Span, knowledge: Knowledge, *, shouted: bool) -> str | None:
    """Return the type of a name that stands in the tables and cannot well be anything else."""
    text = _line(span)
    if shouted and len(span) == 1 and len(text) <= 4 and "." not in text:
        return None  # US, WHO, IS in a line of capitals may be words
    if knowledge.country_named(text):
        return "GPE"
    if knowledge.group(text):
        return "NORP"
    capital = span[-1].text[0].isupper() or (len(span) > 2 and span[-2].text in _HYPHENS)  # Ban Ki-moon
    if len(span) > 1 and capital and knowledge.person(text):
        return "PERSON"
    distinctive = len(span) > 1 or (text.isupper() and len(text) > 1) or "-" in text
    if distinctive and knowledge.organisation(text):
        return "ORG"
    metonym = knowledge.metonym(text)
    return metonym.type if metonym and metonym.type != "GPE" and (distinctive or text[0].isupper()) else None


def _settled_labels(mentions: Iterable[RawMention], knowledge: Knowledge) -> dict[RawMention, str]:
    """Give each name one type: what the tables say, else what most of its mentions have; a surname stays a person's."""
    mentions = list(mentions)
    surnames = {fold(m.name).split()[-1] for m in mentions if m.type == "PERSON" and len(m.name.split()) > 1}
    votes: dict[str, Counter[str]] = {}
    for m in mentions:
        votes.setdefault(fold(m.name), Counter())[m.type] += 1
    return {m: _label(m, votes[fold(m.name)], surnames, knowledge) for m in mentions}


def _label(mention: RawMention, votes: Counter[str], surnames: set[str], knowledge: Knowledge) -> str:
    name = mention.name
    if knowledge.country_named(name):
        return "GPE"
    if knowledge.group(name):
        return "NORP"
    if fold(name) in surnames:
        return "PERSON"
    if knowledge.organisation(name) and mention.type != "LOC":
        return "ORG"
    if metonym := knowledge.metonym(name):
        return metonym.type
    most = max(votes.values())
    label = min(kind for kind, count in votes.items() if count == most)
    if label in _CITY_SIZES and (places := knowledge.places(name)) and places[0].population >= _CITY_SIZES[label][" " in name]:
        return "GPE"
    return label


def _without_overlaps(spans: Iterable[RawMention]) -> list[RawMention]:
    """Keep the longest of overlapping spans, the first given of equals, in text order."""
    taken: set[int] = set()
    kept = []
    for m in sorted(spans, key=lambda m: m.start - m.end):
        if taken.isdisjoint(range(m.start, m.end)):
            taken.update(range(m.start, m.end))
            kept.append(m)
    return sorted(kept)


def _trimmed(doc: Doc, start: int, end: int, label: str, knowledge: Knowledge, spec: LanguageSpec) -> tuple[int, int]:
    """Cut a span at a line break and take off what is not of the name: articles, titles, possessives, punctuation."""
    while start < end and doc[start].is_space:
        start += 1
    end = next((i for i in range(start, end) if doc[i].is_space and "\n" in doc[i].text), end)
    while start < end and (_is_edge(doc[end - 1]) or doc[end - 1].lower_ == "of") and doc[end - 1].text not in (")",):
        end -= 1
    while start < end and (_is_edge(doc[start]) or doc[start].lower_ in _ARTICLES):
        start += 1
    while label in _NAMED_BARE and end - start > 1 and _is_descriptor(doc[end - 1]) and doc[end - 2].pos_ == "PROPN":
        end -= 1
    if label == "PERSON":
        while end - start > 1 and _is_title(doc[start], knowledge, spec):
            start += 1
    if start < end and doc[end - 1].text == ")" and "(" not in doc[start:end].text:
        end -= 1
    return start, end


def _is_descriptor(token: Token) -> bool:
    """Return whether *token* says what kind of thing the name before it is: Yonhap news agency, the Kolari party."""
    return token.text.islower() and token.pos_ == "NOUN"


def _is_edge(token: Token) -> bool:
    return (
        token.is_space
        or token.text in _POSSESSIVES
        or (token.is_punct and token.text not in ("&",))
        or not any(c.isalnum() for c in token.text)
    )


def _is_title(token: Token, knowledge: Knowledge, spec: LanguageSpec) -> bool:
    word = token.lower_
    return (
        word in spec.honorifics
        or knowledge.sector_of(token.text) is not None
        or knowledge.group(token.text) is not None
        or word in _POSSESSIVES
    )


def _to_abbreviation(doc: Doc, start: int, end: int) -> int:
    """Return a later end where an abbreviation in brackets shows that the name goes on ("Union of … Atheists and Agnostics (UAAR)")."""
    for bracket in range(end + 1, min(end + 5, len(doc) - 2)):
        if doc[bracket].text == "(" and doc[bracket + 2].text == ")":
            longer = doc[start:bracket]
            fits = doc[bracket - 1].text[0].isupper() and _same_initials(doc[bracket + 1].text, longer.text)
            return bracket if fits else end
    return end


def _same_initials(short: str, name: str) -> bool:
    """Return whether *short* has the initials of the capitalised words of *name* in any order: it may come from another language."""
    capitals = [w[0] for w in name.split() if w[0].isupper()]
    return len(short) > 1 and sorted(short.replace(".", "")) == sorted(capitals)


def is_abbreviation(short: str, name: str) -> bool:
    """Return whether *short* consists of the initials of *name*, its small words counted or not."""
    letters = short.replace(".", "").replace("-", "").upper()
    words = [w for w in name.replace("-", " ").replace("’", "'").split() if w[0].isalnum()]
    capitals = "".join(w[0] for w in words if w[0].isupper())
    return len(letters) > 1 and short.isupper() and letters in (capitals.upper(), "".join(w[0] for w in words).upper())


def _is_name(span: Span, spec: LanguageSpec) -> bool:
    """Return whether a span of the pipeline can be a name: it has a capital and is no bare calendar word, side or number."""
    text = span.text
    behind = "".join(token.text for token in span.doc[span.end : span.end + 2])
    if _PARTY_TAG.match(text) or (len(text) == 1 and _PARTY_TAG.match(text + behind)):
        return False
    return any(c.isupper() for c in text) and text.lower() not in spec.calendar and not all(t.like_num or t.is_punct for t in span)


def is_side(name: str) -> bool:
    """Return whether *name* is only a point of the compass ("the North")."""
    return fold(name) in _SIDES


def _may_open_name(token: Token) -> bool:
    return (
        (token.text[0].isupper() and token.lower_ not in _ARTICLES)
        or (token.text[0].isdigit() and token.i + 1 < len(token.doc))
        or token.text.startswith("al-")
    )


def _shouted_sentences(doc: Doc) -> frozenset[int]:
    """Return the tokens of sentences without any lower-case letter."""
    return frozenset(t.i for sent in doc.sents if len(sent) > 3 and not any(c.islower() for c in sent.text) for t in sent)


def _line(span: Span) -> str:
    return " ".join(span.text.split())
