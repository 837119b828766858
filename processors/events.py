"""A parsed document → its events: who did what to whom, when, where, and whether it happened (PLOVER).

The rooms, in the order in which a word becomes an event:
1. scene.py lays the document out; lexicon.py knows the event words.
2. triggers.py matches words against the tree and composes operators ("refused to allow") with what they govern.
3. modality.py decides from tense, negation and governing words whether it happened, and what it is if it lies ahead.
4. roles.py finds actors and recipients, parties.py says who they are.
5. event_dates.py, magnitudes.py, contexts.py, attribution.py add the rest.
6. Here: places, confidence, and one event for what is told twice.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from spacy.tokens import Doc, Token

from processors.attribution import attribution, speaker
from processors.contexts import paragraph_contexts
from processors.event_dates import date_event, is_historical, times_of
from processors.facts import DocumentFacts
from processors.knowledge import Knowledge
from processors.lexicon import Lexicon, load_lexicon
from processors.magnitudes import magnitudes
from processors.modality import Circumstance, Reality, circumstance, decide
from processors.parties import Party, country_of_token, parties_at, with_country
from processors.roles import LOCATIVE, RECIPIENT_TYPES, Cast, cast
from processors.scene import Scene, by_dep, is_verb, make_scene, objects_of_preposition
from processors.syntax import FINITE, below, governors, patients
from processors.triggers import Reading, read
from stream.messages import Event, EventDate, Magnitudes, Place, Span, TextSpan

MIN_CONFIDENCE = 0.4  # below it an event is not emitted
MAX_EVENTS = 5_000  # of one document; more is a table or a list, not prose
DOMINANT_SHARE = 0.6  # of a document's country mentions: its people and offices are that country's unless said otherwise
PLACE_TYPES = frozenset({"GPE", "LOC", "FAC"})

# What makes an event less certain, in points of confidence. Set by judgement on the development data; an isotonic fit on
# judged events is to replace them.
BASE = 0.9
PENALTIES = {
    "weak": 0.2,  # a word that often means something else
    "nominal": 0.2,
    "shared": 0.05,  # the actor stands in another clause
    "generic": 0.15,
    "embedded": 0.1,  # in a relative, participial or adverbial clause
    "no recipient": 0.1,
    "no country": 0.1,
    "inherited": 0.05,
    "purpose": 0.2,
    "unreal": 0.15,
}


@dataclass(frozen=True, slots=True)
class Draft:
    """An event before its number is given; *order* is the first token of its trigger."""

    order: int
    event: Event
    key: tuple[object, ...]
    recipients: frozenset[str]


def code_events(doc: Doc, facts: DocumentFacts, knowledge: Knowledge, lexicon: Lexicon | None = None) -> tuple[Event, ...]:
    """Return the events that *doc* tells, in text order, with ids ``v1``, ``v2`` … local to the document.

    Deterministic, and total: a document without parse, sentences or known words gives no events and never an exception.
    Time is linear in tokens. *doc* carries CLEAR labels; *facts* its entities and times.
    """
    if not len(doc) or not doc.has_annotation("DEP"):
        return ()
    scene = make_scene(doc, facts, knowledge, lexicon or load_lexicon("en"))
    contexts = paragraph_contexts(scene)
    home = _dominant_country(scene)
    drafts: list[Draft] = []
    for start, end in dict.fromkeys(scene.sentence_of):
        drafts.extend(_code_sentence(scene, start, end, contexts, home))
        if len(drafts) > MAX_EVENTS:
            break
    return _numbered(_merged(drafts))


# --- one sentence


def _code_sentence(
    scene: Scene, start: int, end: int, contexts: Sequence[tuple[int, tuple[str, ...]]], home: str | None
) -> Iterator[Draft]:
    tokens = sorted(scene.doc[start:end], key=lambda t: (_depth(t), t.i))
    countries = _countries(scene, start, end)
    taken: set[int] = set()
    yield from _obligations(scene, tokens, taken, contexts, countries, home)
    for token in tokens:
        if token.i in taken or (token.dep_ in {"compound", "amod", "nmod"} and not is_verb(token)):
            continue
        reading = read(scene, token)
        if reading is None or (reading.content is None and "c" in reading.entry.roles):
            continue
        taken.update(head.i for head in reading.heads)
        taken.update(_frame_words(scene, reading))
        if reading.type == "ACCUSE":  # what somebody is accused of is no event of its own
            clauses = [c for p in by_dep(scene, token, "prep") for c in by_dep(scene, p, "pcomp")]
            clauses += [c for c in by_dep(scene, token, "advcl") if any(m.lower_ in {"of", "for"} for m in by_dep(scene, c, "mark"))]
            taken.update(t.i for clause in clauses for t in below(scene, clause))
        if reading.type == "PROTEST":  # its demand is no second event (PLOVER manual)
            taken.update(c.i for c in by_dep(scene, token, "advcl", "xcomp") if is_verb(c))
        draft = _draft(scene, reading, contexts, countries, home)
        if draft is not None:
            yield draft


def _depth(token: Token, limit: int = 60) -> int:
    depth = 0
    while token.head.i != token.i and depth < limit:
        token, depth = token.head, depth + 1
    return depth


def _frame_words(scene: Scene, reading: Reading) -> Iterator[int]:
    """Yield event nouns that are part of a verb's frame and no events beside it ("signed the treaty", "lifted the curfew")."""
    for head, entry in ((reading.head, reading.entry), (reading.innermost.head, reading.innermost.entry)):
        for slot in entry.frame:
            nouns = patients(scene, head) if slot.name == "obj" and is_verb(head) else objects_of_preposition(scene, head, slot.name.__eq__)
            for noun in nouns:
                yield from (item.i for item in below(scene, noun, limit=6) if scene.lemma_of[item.i] in slot.words or item.i == noun.i)


def _draft(
    scene: Scene, reading: Reading, contexts: Sequence[tuple[int, tuple[str, ...]]], countries: Sequence[str], home: str | None
) -> Draft | None:
    if reading.type is None:
        return None
    seen = _circumstance(scene, reading)
    reality = decide(scene.lexicon, reading.type, reading.mode, reading.modality, seen)
    if reality is None:
        return None
    people = _at_home(scene, cast(scene, reading), countries, home)
    if not people.actors or ("n" in reading.innermost.entry.roles and len(people.actors) + len(people.recipients) < 2):
        return None
    if "j" in reading.innermost.entry.roles and reality.type == "MOBILIZE" and len({p.key for p in people.actors}) > 1:
        reality = Reality("COOPERATE", None, reality.modality)
    return _finish(scene, reading.heads, reality, people, _confidence(reading, reality, people, seen), contexts)


def _circumstance(scene: Scene, reading: Reading) -> Circumstance:
    seen = circumstance(scene, reading.head, reading.type if reading.content is None else None)
    inner = circumstance(scene, reading.content.head) if reading.content else seen
    return replace(seen, conditioned=seen.conditioned or inner.conditioned)


def _obligations(
    scene: Scene,
    tokens: Sequence[Token],
    taken: set[int],
    contexts: Sequence[tuple[int, tuple[str, ...]]],
    countries: Sequence[str],
    home: str | None,
) -> Iterator[Draft]:
    """Yield requests of the form "X said that Y must …": X asks it of Y (PLOVER: every demand in words is REQUEST)."""
    for token in tokens:
        asked = by_dep(scene, token, "nsubj", "nsubjpass")
        above = _said(scene, token) if asked and _obliged(scene, token) else None
        if above is None:
            continue
        actors = tuple(p for noun in by_dep(scene, above, "nsubj") for p in parties_at(scene, noun))
        recipients = tuple(p for noun in asked for p in parties_at(scene, noun))
        if actors and recipients and not {a.key for a in actors} & {r.key for r in recipients}:
            people = _at_home(scene, Cast(actors, recipients, "direct"), countries, home)
            draft = _finish(scene, (above, token), Reality("REQUEST", "change", "asserted"), people, 0.75, contexts)
            taken.update((above.i, token.i))
            if draft is not None:
                yield draft


def _said(scene: Scene, token: Token) -> Token | None:
    """Return the verb of speech with a subject of its own to whose clause *token* belongs: above it, or the nearest before it."""
    start, _ = scene.sentence_of[token.i]
    before = (scene.doc[i] for i in range(token.i - 1, start - 1, -1))
    for above in (*governors(token)[:2], *before):
        if is_verb(above) and scene.cue("speech", scene.lemma_of[above.i]) and by_dep(scene, above, "nsubj"):
            return above
    return None


def _obliged(scene: Scene, token: Token) -> bool:
    words = {c.lower_ for c in by_dep(scene, token, "aux")}
    needed = scene.lemma_of[token.i] in {"need", "have"} and bool(by_dep(scene, token, "xcomp")) and token.tag_ in FINITE
    return needed or any(scene.cue("modal_must", word) for word in words)


def _finish(
    scene: Scene,
    heads: Sequence[Token],
    reality: Reality,
    people: Cast,
    confidence: float,
    contexts: Sequence[tuple[int, tuple[str, ...]]],
) -> Draft | None:
    if confidence < MIN_CONFIDENCE:
        return None
    row = scene.lexicon.type_row(reality.type, reality.mode)
    trigger = _trigger(scene, heads[0])
    start, end = scene.sentence_of[heads[0].i]
    sentence = scene.doc[start:end]
    times = times_of(scene, heads)
    published_on = scene.facts.published_on
    when, plan = date_event(times, reality.modality, published_on, verbal=row.quad in {1, 3})
    event = Event(
        id="v0",
        type=reality.type,  # type: ignore[arg-type]
        mode=reality.mode,
        contexts=contexts[max(bisect_right([c[0] for c in contexts], heads[0].i) - 1, 0)][1] if contexts else (),
        quad=row.quad,
        score=row.score,
        modality=reality.modality,
        historical=is_historical(when, published_on),
        trigger=trigger,
        sentence=Span(start=sentence.start_char, end=sentence.end_char),
        mentions=(Span(start=trigger.start, end=trigger.end),),
        actors=tuple(p.value for p in people.actors),
        recipients=tuple(p.value for p in people.recipients),
        date=when,
        planned_date=plan,
        place=_place(scene, heads),
        attribution=attribution(speaker(scene, heads[0]), people.actors),
        magnitudes=magnitudes(scene, heads, reality.type),
        confidence=round(confidence, 2),
    )
    return Draft(heads[0].i, event, _key(event, people.actors), frozenset(p.key for p in people.recipients))


def _trigger(scene: Scene, head: Token) -> TextSpan:
    """Return the event's word with its particle where that stands beside it."""
    end = head.i + 1
    if is_verb(head) and end < len(scene.doc) and scene.doc[end].dep_ == "prt":
        end += 1
    span = scene.doc[head.i : end]
    return TextSpan(start=span.start_char, end=span.end_char, text=span.text)


def _place(scene: Scene, heads: Sequence[Token]) -> Place | None:
    """Return the place of a locative phrase of the event, else of the only one in its sentence that is not where somebody speaks.

    Names after "in", "at", "near" only, so that a government named by its capital is never a place.
    """
    for head in heads:
        for base in (head, *(patients(scene, head) if is_verb(head) else [])):
            for noun in objects_of_preposition(scene, base, LOCATIVE.__contains__):
                if place := _place_at(scene, noun):
                    return place
    start, end = scene.sentence_of[heads[0].i]
    others = [n for t in scene.doc[start:end] if t.lower_ in LOCATIVE and not _speaks(scene, t) for n in by_dep(scene, t, "pobj")]
    found = [place for noun in others if (place := _place_at(scene, noun))]
    return found[0] if len({p.name for p in found}) == 1 else None


def _place_at(scene: Scene, noun: Token) -> Place | None:
    entity = scene.entity_of[noun.i]
    if entity is None or entity.place is None or entity.type not in PLACE_TYPES:
        return None
    return entity.place.model_copy(update={"start": noun.idx, "end": noun.idx + len(noun)})


def _speaks(scene: Scene, preposition: Token) -> bool:
    return scene.cue("speech", scene.lemma_of[preposition.head.i])


def _confidence(reading: Reading, reality: Reality, people: Cast, seen: Circumstance) -> float:
    """Return how sure an event is, between 0 and 1: BASE less the PENALTIES that hold."""
    head = reading.head
    holds = {
        "weak": "?" in reading.innermost.entry.roles or "?" in reading.entry.roles,
        "nominal": people.found == "nominal" or not (is_verb(head) or head.pos_ == "ADJ"),
        "shared": people.found == "shared",
        "generic": people.found == "generic",
        "embedded": head.dep_ in {"relcl", "acl", "advcl", "pcomp"},
        "no recipient": reality.type in RECIPIENT_TYPES and not people.recipients,
        "no country": not any(p.value.country for p in people.actors),
        "inherited": any(p.inherited for p in (*people.actors, *people.recipients)),
        "purpose": head.dep_ == "advcl" and head.tag_ == "VB",
        "unreal": reality.modality in {"hypothetical", "negated", "possible"},
    }
    return BASE - sum(PENALTIES[name] for name, true in holds.items() if true)


# --- countries that nobody names because they go without saying


def _countries(scene: Scene, start: int, end: int) -> tuple[str, ...]:
    found = (country_of_token(scene, token) for token in scene.doc[start:end])
    return tuple(dict.fromkeys(country for country in found if country))


def _dominant_country(scene: Scene) -> str | None:
    counts = Counter(e.country for e in scene.facts.entities for _ in e.mentions if e.country)
    if not counts:
        return None
    country, n = min(counts.items(), key=lambda item: (-item[1], item[0]))
    return country if n >= DOMINANT_SHARE * counts.total() else None


def _at_home(scene: Scene, people: Cast, countries: Sequence[str], home: str | None) -> Cast:
    """Give parties without a country the only one that the sentence leaves for them, else the document's."""
    named = {p.value.country for p in (*people.actors, *people.recipients)}
    free = [c for c in countries if c not in named]
    if len(countries) == 1:
        country: str | None = countries[0]
    elif len(free) == 1:
        country = free[0]
    else:
        country = home if not countries else None
    return replace(people, actors=_housed(people.actors, country), recipients=_housed(people.recipients, country))


def _housed(parties: tuple[Party, ...], country: str | None) -> tuple[Party, ...]:
    if any(p.value.sector == "UNK" for p in parties):
        return parties
    return with_country(parties, country)


# --- one event told twice


def _key(event: Event, actors: Iterable[Party]) -> tuple[object, ...]:
    when = event.date.start if event.date else None
    return event.type, frozenset(a.key for a in actors), when, event.modality


def _merged(drafts: Iterable[Draft]) -> list[Draft]:
    """Join drafts of one type, modality, day and the same parties; a telling that names no recipient fits every other."""
    merged: list[Draft] = []
    groups: dict[tuple[object, ...], list[int]] = {}
    for draft in sorted(drafts, key=lambda d: d.order):
        same = groups.setdefault(draft.key, [])
        for n in same:
            old = merged[n]
            if not draft.recipients or not old.recipients or draft.recipients == old.recipients:
                merged[n] = _join(old, draft)
                break
        else:
            same.append(len(merged))
            merged.append(draft)
    return merged


def _join(old: Draft, new: Draft) -> Draft:
    """Return the fuller of two tellings with the mentions of both, in text order."""
    best = new if (bool(new.recipients), new.event.confidence) > (bool(old.recipients), old.event.confidence) else old
    other = old if best is new else new
    mentions = tuple(sorted({(m.start, m.end) for m in (*old.event.mentions, *new.event.mentions)}))
    event = best.event.model_copy(
        update={
            "mentions": tuple(Span(start=s, end=e) for s, e in mentions),
            "mode": best.event.mode or other.event.mode,
            "place": best.event.place or other.event.place,
            "planned_date": best.event.planned_date or other.event.planned_date,
            "date": _dated(best.event.date, other.event.date),
            "magnitudes": _joined_magnitudes(best.event.magnitudes, other.event.magnitudes),
            "confidence": max(old.event.confidence, new.event.confidence),
        }
    )
    return Draft(min(old.order, new.order), event, old.key, old.recipients | new.recipients)


def _dated(first: EventDate | None, second: EventDate | None) -> EventDate | None:
    return second if second is not None and second.evidence is not None and (first is None or first.evidence is None) else first


def _joined_magnitudes(first: Magnitudes, second: Magnitudes) -> Magnitudes:
    return Magnitudes(**{name: getattr(first, name) or getattr(second, name) for name in Magnitudes.model_fields})


def _numbered(drafts: Sequence[Draft]) -> tuple[Event, ...]:
    ordered = sorted(drafts, key=lambda d: (d.event.trigger.start, d.event.type))
    return tuple(draft.event.model_copy(update={"id": f"v{n}"}) for n, draft in enumerate(ordered, 1))
