"""A reading → who did it and to whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from spacy.tokens import Token

from processors.attribution import speaker
from processors.lexicon import Entry
from processors.parties import RECIPIENT_PREPOSITIONS, Party, country_of_token, is_party, parties_at
from processors.scene import Scene, by_dep, is_verb, objects_of_preposition
from processors.syntax import FINITE, agents, below, grammatical_subject, is_passive, patients
from processors.triggers import Reading
from stream.messages import Participant

RECIPIENT_TYPES = frozenset({"COOPERATE", "AID", "SANCTION"})  # a recipient is obligatory (PLOVER manual)
LOCAL_TYPES = frozenset({"CONCEDE", "AID", "SANCTION", "COERCE", "ASSAULT", "MOBILIZE", "PROTEST"})  # a place's people may undergo it
DEEP = frozenset({"dobj", "xcomp", "ccomp", "prep", "acl", "dative", "oprd", "pcomp"})
LOCATIVE = frozenset({"in", "at", "near", "across", "throughout", "inside", "outside"})
_STRONG, _WEAK = (frozenset(group) for group in RECIPIENT_PREPOSITIONS)


@dataclass(frozen=True, slots=True)
class Cast:
    """The parties of an event; *found*: ``direct``, ``shared`` (with another clause), ``nominal``, ``generic`` (a weapon), ``none``."""

    actors: tuple[Party, ...] = ()
    recipients: tuple[Party, ...] = ()
    found: str = "none"


def cast(scene: Scene, reading: Reading) -> Cast:
    """Return who acts and who undergoes in *reading*; an empty cast where no actor is found."""
    outer, inner = reading.entry, _role_entry(reading)
    if "<" in outer.roles or "<" in inner.roles:
        return _reversed(scene, reading)
    actors, found = _actors(scene, reading)
    if "+" in inner.roles:
        partners = _partners(scene, reading)
        together = _without(partners, actors)
        return Cast((*actors, *together), (), found if actors else "nominal" if together else "none")
    if not actors and "s" in inner.roles and is_verb(reading.head) and is_passive(scene, reading.head):
        actors, found = _first(scene, patients(scene, reading.head)), "direct"
    if not actors and reading.type in {"ASSAULT", "COERCE"}:
        actors, found = _generic(scene, reading)
    mutual = "+" in reading.innermost.entry.roles and len({a.key for a in actors}) > 1  # "the two sides failed to agree"
    recipients = () if "0" in inner.roles or mutual else _without(_recipients(scene, reading, actors), actors)
    return Cast(actors, recipients, found)


def _role_entry(reading: Reading) -> Entry:
    same = reading.content is not None and reading.type == reading.innermost.type
    return reading.innermost.entry if same else reading.entry


def _first(scene: Scene, nouns: Iterable[Token]) -> tuple[Party, ...]:
    for noun in nouns:
        found = parties_at(scene, noun)
        if found:
            return found
    return ()


def _without(parties: Iterable[Party], others: Iterable[Party]) -> tuple[Party, ...]:
    taken = list(others)
    heads = {p.head for p in taken}
    spans = [(p.value.start, p.value.end) for p in taken]
    entities = {p.value.entity for p in taken} - {None}
    inside = [p for p in parties if any(a <= p.value.start and p.value.end <= b for a, b in spans)]
    return tuple(p for p in parties if p.head not in heads and p not in inside and p.value.entity not in entities)


def _actors(scene: Scene, reading: Reading) -> tuple[tuple[Party, ...], str]:
    for head in _acting(reading):
        if is_verb(head) or head.pos_ == "ADJ" or head.lower_ in scene.lexicon.adjectives:
            found = _agents(scene, head)
            if found:
                own = bool(by_dep(scene, head, "nsubj", "agent")) or head.dep_ in {"acomp", "ROOT"}
                return found, "direct" if own else "shared"
        else:
            found = noun_actors(scene, head)
            if found:
                return found, "nominal"
    before = _left_of(scene, reading.head)
    return before, "shared" if before else "none"


def _acting(reading: Reading) -> tuple[Token, ...]:
    """Return the words whose agent is the event's actor: an operator's own where it makes an event of another type."""
    return reading.heads if reading.content is None or reading.type == reading.innermost.type else (reading.head,)


def _agents(scene: Scene, head: Token) -> tuple[Party, ...]:
    if head.lower_ in scene.lexicon.adjectives and not by_dep(scene, head, "agent"):
        subject = grammatical_subject(scene, head)
        return parties_at(scene, subject) if subject is not None else ()
    found: list[Party] = []
    for noun in agents(scene, head):
        found.extend(_without(parties_at(scene, noun), found))
    return joined(scene, found)


def joined(scene: Scene, parties: list[Party]) -> tuple[Party, ...]:
    """Join parties that stand side by side, a title and a name that the parser took apart ("Palestinian leader" "Yasser Arafat")."""
    found: list[Party] = []
    for party in parties:
        old = found[-1].value if found else None
        if old is None or not 0 <= party.value.start - old.end <= 1:
            found.append(party)
            continue
        text = scene.doc.text[old.start : party.value.end]
        update = {
            "text": text,
            "start": old.start,
            "country": party.value.country or old.country,
            "sector": old.sector or party.value.sector,
        }
        found[-1] = replace(party, value=party.value.model_copy(update=update))
    return tuple(found)


def _left_of(scene: Scene, head: Token) -> tuple[Party, ...]:
    """Return the nearest party before a finite active verb to which the parser gave no subject; nothing beyond another verb."""
    if head.tag_ not in FINITE or is_passive(scene, head) or by_dep(scene, head, "nsubj", "csubj"):
        return ()
    start, _ = scene.sentence_of[head.i]
    for i in range(head.i - 1, max(start, head.i - 12) - 1, -1):
        token = scene.doc[i]
        if is_verb(token):
            return ()
        if is_party(scene, token) and token.dep_ not in {"compound", "amod", "poss", "pobj"}:
            return parties_at(scene, token)
    return ()


def noun_actors(scene: Scene, noun: Token) -> tuple[Party, ...]:
    """Return who does what *noun* says: after "by" or "between", its possessor, the adjective or name before it."""
    for wanted in ({"by"}, {"between", "among"}):
        found = _first(scene, objects_of_preposition(scene, noun, wanted.__contains__))
        if found:
            return found
    for child in by_dep(scene, noun, "poss", "amod", "compound", "nmod"):
        if child.dep_ == "poss" or country_of_token(scene, child) or is_party(scene, child):
            found = parties_at(scene, child, 1)
            if found:
                return found
    if any("o" in entry.roles for entry in scene.lexicon.nouns.get(scene.lemma_of[noun.i], ())):
        return _first(scene, objects_of_preposition(scene, noun, lambda word: word in {"of", "from"}))
    return ()


def _partners(scene: Scene, reading: Reading) -> list[Party]:
    found: list[Party] = []
    for head in _acting(reading):
        nouns = objects_of_preposition(scene, head, lambda word: word in {"with", "between", "among", "to", "against"})
        if is_verb(head):
            objects = patients(scene, head)
            inside = (objects_of_preposition(scene, o, lambda word: word in {"with", "between", "among"}) for o in objects)
            nouns = [n for n in objects if is_party(scene, n)] + nouns + [n for found in inside for n in found]
        for noun in nouns:
            found.extend(parties_at(scene, noun))
    return found


def _reversed(scene: Scene, reading: Reading) -> Cast:
    """Return the cast where the subject undergoes it: the actor stands after "from", "by", "at", "of", or before the event noun."""
    recipients = _first(scene, agents(scene, reading.head) or patients(scene, reading.head))
    actors: tuple[Party, ...] = ()
    for head in reading.heads:
        nouns = objects_of_preposition(scene, head, lambda word: word in {"from", "by", "at", "of", "in"})
        actors = actors or _without(_first(scene, nouns), recipients)
        if not actors and is_verb(head):
            actors = _without(_first(scene, patients(scene, head)), recipients)
        if not actors and not is_verb(head):
            actors = _without(noun_actors(scene, head), recipients)
    if not actors and reading.type == "ACCUSE" and (said := speaker(scene, reading.head)):
        actors = _without([said], recipients)  # "the army is guilty, a group said": the group accuses
    return Cast(actors, recipients, "direct") if actors else Cast()


def _generic(scene: Scene, reading: Reading) -> tuple[tuple[Party, ...], str]:
    """Return a weapon or deed that stands for somebody unnamed ("killed in a bombing"), as sector UNK."""
    for head in reading.heads:
        nouns = objects_of_preposition(scene, head, lambda word: word in {"by", "in", "when"})
        subject = grammatical_subject(scene, head) if is_verb(head) and not is_passive(scene, head) else None
        for noun in (*([subject] if subject is not None else []), *nouns):
            if scene.cue("generic", scene.lemma_of[noun.i]):
                return (_unknown(scene, noun),), "generic"
    return (), "none"


def _unknown(scene: Scene, noun: Token) -> Party:
    start = min((c.i for c in by_dep(scene, noun, "compound", "amod")), default=noun.i)
    span = scene.doc[start : noun.i + 1]
    return Party(noun.i, Participant(text=span.text, start=span.start_char, end=span.end_char, sector="UNK"))


def _recipients(scene: Scene, reading: Reading, actors: tuple[Party, ...]) -> tuple[Party, ...]:
    heads = {head.i for head in reading.heads}
    for noun in _places_to_look(scene, reading):
        if (
            noun.i in heads
            or _is_means(scene, reading, noun)
            or any(scene.cue("plural_pronoun", c.lower_) or scene.cue("thing_pronoun", c.lower_) for c in by_dep(scene, noun, "poss"))
        ):
            continue  # the event's own word, or something that is the actor's: "its troops"
        found = _without(parties_at(scene, noun), actors)
        if found:
            return found
    found = _deep(scene, reading, actors)
    if not found and reading.type in LOCAL_TYPES:
        found = _local(scene, reading, actors)
    return found or _right_of(scene, reading, actors)


def _is_means(scene: Scene, reading: Reading, noun: Token) -> bool:
    """Return whether *noun* is what is used and not who is met: "put its army on alert", "fired artillery"."""
    if reading.type not in {"ASSAULT", "MOBILIZE"} or not reading.innermost.entry.frame or scene.entity_of[noun.i] is not None:
        return False
    return scene.cue("military", scene.lemma_of[noun.i]) or scene.cue("generic", scene.lemma_of[noun.i])


def _places_to_look(scene: Scene, reading: Reading) -> Iterator[Token]:
    """Yield nouns in the order in which they are tried: objects that are parties, phrases that point at somebody, then what is inside."""
    for head in reading.heads:
        yield from (n for n in _undergoers(scene, head) if is_party(scene, n))
    for wanted in (_STRONG, _WEAK):
        for head in reading.heads:
            for base in (head, *_undergoers(scene, head)):
                skip = is_verb(base) and is_passive(scene, base)
                yield from objects_of_preposition(scene, base, lambda w, wanted=wanted, skip=skip: w in wanted and not (skip and w == "by"))  # type: ignore[misc]
        if wanted is _STRONG:
            for head in reading.heads:
                yield from (n for n in _undergoers(scene, head) if not is_party(scene, n))
            for head in reading.heads[1:]:
                yield from by_dep(scene, head, "poss", "amod", "compound")


def _undergoers(scene: Scene, head: Token) -> list[Token]:
    if not is_verb(head):
        return []
    own = patients(scene, head)
    clause_subjects = [s for c in by_dep(scene, head, "ccomp", "xcomp") for s in by_dep(scene, c, "nsubj", "nsubjpass")]
    return own + clause_subjects


def _deep(scene: Scene, reading: Reading, actors: tuple[Party, ...]) -> tuple[Party, ...]:
    """Search what hangs from the event's words for the first party; clauses beside it and times are left out."""
    for head in reading.heads:
        deps = DEEP | {"advcl"} if reading.type == "PROTEST" else DEEP  # a protest is against those of whom something is demanded
        starts = [c for c in scene.children[head.i] if c.dep_ in deps]
        for start in starts:
            if start.lower_ in LOCATIVE or start.lower_ in {"after", "by", "since", "during", "before", "according"}:
                continue
            for token in sorted(below(scene, start), key=lambda t: t.i):
                if not _excluded(scene, reading, token) and (found := _without(parties_at(scene, token), actors)):
                    return found
    return ()


def _excluded(scene: Scene, reading: Reading, token: Token) -> bool:
    own = any(token.i == head.i or (token.dep_ == "nsubj" and token.head.i == head.i) for head in reading.heads)
    return own or not is_party(scene, token) or _is_means(scene, reading, token)


def _right_of(scene: Scene, reading: Reading, actors: tuple[Party, ...]) -> tuple[Party, ...]:
    """Return the nearest party after a verb under which the parser hung next to nothing; nothing beyond a comma or a verb of speech."""
    head = reading.head
    if not is_verb(head) or is_passive(scene, head) or by_dep(scene, head, "dobj", "xcomp", "ccomp"):
        return ()
    _, end = scene.sentence_of[head.i]
    for token in scene.doc[head.i + 1 : min(end, head.i + 16)]:
        if token.text in {",", ";"} or (token.tag_ in FINITE and scene.cue("speech", scene.lemma_of[token.i])):
            return ()
        if is_party(scene, token) and token.head.i != head.i and not _is_means(scene, reading, token):
            found = _without(parties_at(scene, token), actors)
            if found:
                return found
    return ()


def _local(scene: Scene, reading: Reading, actors: tuple[Party, ...]) -> tuple[Party, ...]:
    for head in reading.heads:
        for base in (head, *_undergoers(scene, head)):
            found = _without(_first(scene, objects_of_preposition(scene, base, LOCATIVE.__contains__)), actors)
            if found:
                return found
    return ()
