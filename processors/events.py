"""A parsed document → its events: who did what to whom, when, where, and whether it happened (PLOVER).

Here is the order of it all; the rooms are in ``processors.coding``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import replace
from operator import attrgetter

from spacy.tokens import Doc

from processors.coding.attribution import attribution, speaker
from processors.coding.confidence import OBLIGATION, signs_of, signs_of_cast
from processors.coding.details import complete, detailed, read_background
from processors.coding.drafts import Draft, who
from processors.coding.housing import at_home, dominant_country
from processors.coding.lexicon import FAMILIES, Lexicon, load_lexicon
from processors.coding.merging import merged
from processors.coding.modality import Circumstance, Reality, circumstance, decide
from processors.coding.naming import is_party
from processors.coding.parties import Party, parties_at
from processors.coding.retellings import with_days_of_answers, with_doers, with_retellings
from processors.coding.roles import Cast, cast
from processors.coding.scene import Scene, by_dep, is_verb, make_scene, objects_of_preposition
from processors.coding.syntax import FINITE, below, governors, patients
from processors.coding.token import Token
from processors.coding.triggers import Reading, read
from processors.facts import DocumentFacts
from processors.knowledge import Knowledge
from stream.messages import Event, Span, TextSpan

MAX_EVENTS = 5_000  # of one document; more is a table or a list, not prose


def code_events(doc: Doc, facts: DocumentFacts, knowledge: Knowledge, lexicon: Lexicon | None = None) -> tuple[Event, ...]:
    """Return the events that *doc* tells, in text order, with ids ``v1``, ``v2`` … local to the document.

    Deterministic, and total: a document without parse, sentences or known words gives no events and never an exception.
    Time is linear in tokens. *doc* carries CLEAR labels; *facts* its entities and times. What is too unsure is left out.
    """
    lexicon = lexicon or load_lexicon("en")
    sure = (d.event for d in draft_events(doc, facts, knowledge, lexicon) if d.event.confidence >= lexicon.calibration.bar)
    return tuple(event.model_copy(update={"id": f"v{n}"}) for n, event in enumerate(sure, 1))


def draft_events(doc: Doc, facts: DocumentFacts, knowledge: Knowledge, lexicon: Lexicon) -> list[Draft]:
    """Return what ``code_events`` chooses from, however unsure, in text order, with the signs that the confidence is made of."""
    if not len(doc) or not doc.has_annotation("DEP"):
        return []
    scene = make_scene(doc, facts, knowledge, lexicon)
    background = read_background(scene)
    home = dominant_country(scene)
    drafts: list[Draft] = []
    for start, end in dict.fromkeys(scene.sentence_of):
        drafts.extend(detailed(scene, background, list(_code_sentence(scene, start, end, home))))
        if len(drafts) > MAX_EVENTS:
            break
    told = with_retellings(scene, background.ground, merged(scene, drafts))
    dated = with_days_of_answers(with_doers(scene, told), facts.published_on)
    return sorted((_completed(scene, draft) for draft in dated), key=lambda d: (d.event.trigger.start, d.event.type))


def _completed(scene: Scene, draft: Draft) -> Draft:
    confidence = round(scene.lexicon.calibration.confidence(draft.signs), 3)
    return replace(draft, event=complete(scene, draft.event).model_copy(update={"confidence": confidence}))


# --- one sentence


def _code_sentence(scene: Scene, start: int, end: int, home: str | None) -> Iterator[Draft]:
    tokens = tuple(_outermost_first(scene, start, end))
    taken: set[int] = set()
    yield from _obligations(scene, tokens, taken, home)
    for token in tokens:
        if token.i in taken or (token.dep_ in {"compound", "amod", "nmod"} and not is_verb(token)):
            continue
        reading = read(scene, token)
        if reading is None or (reading.content is None and "c" in reading.entry.roles):
            continue
        taken.update(head.i for head in reading.heads)
        taken.update(_frame_words(scene, reading))
        taken.update(_told_with(scene, reading))
        draft = _draft(scene, reading, home)
        if draft is not None:
            yield draft


def _outermost_first(scene: Scene, start: int, end: int) -> Iterator[Token]:
    """Yield the tokens of a sentence by their depth in its tree, those of one depth in text order."""
    level = [t for t in scene.tokens[start:end] if t.head is t or not start <= t.head.i < end]
    while level:
        yield from level
        level = sorted([c for token in level for c in scene.children[token.i] if start <= c.i < end], key=attrgetter("i"))


def _frame_words(scene: Scene, reading: Reading) -> Iterator[int]:
    """Yield event nouns that are part of a verb's frame and no events beside it ("signed the treaty", "lifted the curfew")."""
    for head, entry in ((reading.head, reading.entry), (reading.innermost.head, reading.innermost.entry)):
        for slot in (slot for slot in entry.frame if slot.bond != "not"):
            nouns = patients(scene, head) if slot.name == "obj" and is_verb(head) else objects_of_preposition(scene, head, slot.name.__eq__)
            for noun in nouns:
                words = (item for item in below(scene, noun, limit=6) if not is_verb(item) or item.i == noun.i)
                yield from (item.i for item in words if scene.lemma_of[item.i] in slot.words or item.i == noun.i)


def _told_with(scene: Scene, reading: Reading) -> Iterator[int]:
    """Yield words of clauses that say what *reading* is about and tell no event of their own."""
    head = reading.head
    if reading.type == "ACCUSE":  # what somebody is accused of
        clauses = [c for p in by_dep(scene, head, "prep") for c in by_dep(scene, p, "pcomp")]
        clauses += [c for c in by_dep(scene, head, "advcl") if any(m.lower_ in {"of", "for"} for m in by_dep(scene, c, "mark"))]
        yield from (token.i for clause in clauses for token in below(scene, clause))
    if reading.type == "PROTEST":  # the demand of a protest is no second event (PLOVER manual)
        yield from (c.i for c in by_dep(scene, head, "advcl", "xcomp") if is_verb(c))
    if reading.type == "REQUEST":  # what somebody is asked for is to serve
        yield from (c.i for c in by_dep(scene, head, "advcl", "xcomp") if c.tag_ == "VB")
    if reading.type == "CONSULT":
        yield from (c.i for c in by_dep(scene, head, "advcl") if scene.cue("talking", scene.lemma_of[c.i]))
    aims = (c for c in by_dep(scene, head, "advcl") if c.tag_ == "VB")  # "opened the border to let aid through" is one act
    yield from (c.i for c in aims if (aim := read(scene, c)) is not None and aim.type == reading.type)


def _draft(scene: Scene, reading: Reading, home: str | None) -> Draft | None:
    if reading.type is None:
        return None
    seen = _circumstance(scene, reading)
    reality = decide(scene.lexicon, reading.type, reading.mode, reading.modality, seen)
    if reality is None:
        return None
    people = at_home(scene, reading.head, cast(scene, reading), home)
    if _is_company_news(reality, people):
        return None
    if not people.actors or (_needs_party(reading) and len(people.actors) + sum(not p.thing for p in people.recipients) < 2):
        return None
    if "j" in reading.innermost.entry.roles and reality.type == "MOBILIZE" and len({p.key for p in people.actors}) > 1:
        reality = Reality("COOPERATE", None, reality.modality)
    content = reading.innermost.type or reality.type
    return _finish(scene, reading.heads, content, reality, people, signs_of(scene, reading, reality, people))


def _needs_party(reading: Reading) -> bool:
    """Return whether the word is too vague to be coded unless done to somebody; "threatened to sue" is a threat whoever is meant."""
    return "n" in reading.innermost.entry.roles and reading.type == reading.innermost.type


def _is_company_news(reality: Reality, people: Cast) -> bool:
    """Return whether companies deal with each other: what PLOVER leaves out, no state or people being party to it."""
    parties = [p.value for p in (*people.actors, *people.recipients)]
    firms = [p for p in parties if p.sector == "BUS" and p.country not in {"IGO", "UNO", "EUR"}]  # the World Bank is none
    return reality.type in FAMILIES["COOP"] and bool(firms) and all(p in firms or not (p.sector or p.country) for p in parties)


def _circumstance(scene: Scene, reading: Reading) -> Circumstance:
    seen = circumstance(scene, reading.head, reading.type if reading.content is None else None)
    if reading.content is None or seen.conditioned:
        return seen
    return replace(seen, conditioned=circumstance(scene, reading.content.head).conditioned)


def _obligations(scene: Scene, tokens: Sequence[Token], taken: set[int], home: str | None) -> Iterator[Draft]:
    """Yield requests of the form "X said that Y must …": X asks it of Y (PLOVER: every demand in words is REQUEST)."""
    for token in tokens:
        if token.dep_ in {"advcl", "relcl", "acl"} or not _obliged(scene, token):  # "while Russia has yet to confirm, a spokesman said …"
            continue
        asked = [noun for noun in by_dep(scene, token, "nsubj", "nsubjpass") if is_party(scene, noun)]
        above = _said(scene, token) if asked else None
        if above is None:
            continue
        actors = tuple(p for noun in by_dep(scene, above, "nsubj") for p in parties_at(scene, noun))
        recipients = tuple(p for noun in asked for p in parties_at(scene, noun))
        if actors and recipients and not {_identity(a) for a in actors} & {_identity(r) for r in recipients}:
            people = at_home(scene, token, Cast(actors, recipients, "direct"), home)
            reality = Reality("REQUEST", "change", "asserted")
            signs = {OBLIGATION} | signs_of_cast(scene, (above, token), reality, people)
            asked_for = read(scene, token)
            taken.update((above.i, token.i, *(head.i for head in (asked_for.heads if asked_for else ()))))
            yield _finish(scene, (above, token), "REQUEST", reality, people, signs)


def _identity(party: Party) -> str:
    """Return who a party is, whatever its country: a minister may ask something of his own government."""
    return party.value.entity or party.value.text.lower()


def _said(scene: Scene, token: Token) -> Token | None:
    """Return the verb of speech with a subject of its own to whose clause *token* belongs: above it, or the nearest before it."""
    start, _ = scene.sentence_of[token.i]
    before = (scene.tokens[i] for i in range(token.i - 1, start - 1, -1))
    for above in (*governors(token)[:2], *before):
        if is_verb(above) and scene.cue("speech", scene.lemma_of[above.i]) and by_dep(scene, above, "nsubj"):
            return above
    return None


def _obliged(scene: Scene, token: Token) -> bool:
    subjects = by_dep(scene, token, "nsubj", "nsubjpass")
    if not subjects:
        return False
    words = {c.lower_ for c in by_dep(scene, token, "aux") if c.i > subjects[0].i}  # "should Iran refuse" is a condition
    needed = scene.lemma_of[token.i] in {"need", "have"} and bool(by_dep(scene, token, "xcomp")) and token.tag_ in FINITE
    return needed or _wished(scene, token) or not words.isdisjoint(scene.cues("modal_must"))


def _wished(scene: Scene, token: Token) -> bool:
    """Return whether *token* stands in the subjunctive: "insisted that Iran free the sailors"."""
    if token.tag_ not in {"VB", "VBP"} or token.dep_ != "ccomp" or not scene.cue("mandating", scene.lemma_of[token.head.i]):
        return False
    return not by_dep(scene, token, "aux") and all(s.tag_ in {"NN", "NNP"} for s in by_dep(scene, token, "nsubj", "nsubjpass"))


def _finish(
    scene: Scene,
    heads: Sequence[Token],
    content: str,
    reality: Reality,
    people: Cast,
    signs: Set[str],
) -> Draft:
    row = scene.lexicon.type_row(reality.type, reality.mode)
    trigger = _trigger(scene, heads[0])
    start, end = scene.chars(*scene.sentence_of[heads[0].i])
    event = Event(
        id="v0",
        type=reality.type,  # type: ignore[arg-type]
        mode=reality.mode,
        quad=row.quad,
        score=row.score,
        modality=reality.modality,
        trigger=trigger,
        sentence=Span(start=start, end=end),
        mentions=(Span(start=trigger.start, end=trigger.end),),
        actors=tuple(p.value for p in people.actors),
        recipients=tuple(p.value for p in people.recipients),
        attribution=attribution(speaker(scene, heads[0]), people.actors),
        confidence=scene.lexicon.calibration.confidence(signs),
    )
    return Draft(tuple(heads), event, content, who(scene, people.actors), who(scene, people.recipients), frozenset(signs))


def _trigger(scene: Scene, head: Token) -> TextSpan:
    """Return the event's word with its particle where that stands beside it."""
    end = head.i + 1
    if is_verb(head) and end < len(scene.tokens) and scene.tokens[end].dep_ == "prt":
        end += 1
    first, after = scene.chars(head.i, end)
    return TextSpan(start=first, end=after, text=scene.text[first:after])
