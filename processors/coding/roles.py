"""A reading → who did it and to whom."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from processors.coding.attribution import speaker
from processors.coding.lexicon import FAMILIES, Entry
from processors.coding.naming import country_of_token, is_party
from processors.coding.parties import Party, as_government, parties_at
from processors.coding.recipients import LOCATIVE, doers, hosts, is_own, others_than, places_of, recipients, right_of
from processors.coding.scene import Scene, by_dep, is_verb, objects_of_preposition
from processors.coding.syntax import FINITE, VERBAL_QUADS, agents, grammatical_subject, is_passive, patients
from processors.coding.token import Token
from processors.coding.triggers import Reading
from stream.messages import Participant

RECIPIENT_TYPES = frozenset({"COOPERATE", "AID", "SANCTION"})  # a recipient is obligatory (PLOVER manual)
TOGETHER = frozenset({"with", "between", "among"})
PARTNER_PREPOSITIONS = {"CONSULT": TOGETHER | {"to"}, "ASSAULT": TOGETHER | {"against"}}
UNNAMED_ACTORS = frozenset({"ASSAULT", "COERCE", "SANCTION", "ACCUSE"})  # a weapon or a state's power may stand for who does it


@dataclass(frozen=True, slots=True)
class Cast:
    """The parties of an event; *found*: ``direct``, ``shared`` (with another clause), ``nominal``, ``generic`` (a weapon), ``none``."""

    actors: tuple[Party, ...] = ()
    recipients: tuple[Party, ...] = ()
    found: str = "none"


def cast(scene: Scene, reading: Reading) -> Cast:
    """Return who acts and who undergoes in *reading*; an empty cast where no actor is found.

    A capital that acts, or to which something is said, is a government; one that is bombed is a town.
    """
    found = _cast(scene, reading)
    verbal = reading.type is not None and scene.lexicon.type_row(reading.type, None).quad in VERBAL_QUADS
    recipients = tuple(as_government(scene, p) for p in found.recipients) if verbal else found.recipients
    return Cast(tuple(as_government(scene, p) for p in found.actors), recipients, found.found)


def _cast(scene: Scene, reading: Reading) -> Cast:
    outer, inner = reading.entry, _role_entry(scene, reading)
    if "<" in outer.roles or "<" in inner.roles:
        return _reversed(scene, reading)
    actors, found = _actors(scene, reading)
    if "+" in inner.roles:
        several = _are_several(actors)
        together = others_than(_partners(scene, reading) or ([] if several else right_of(scene, reading, actors)), actors)
        if together and not actors:
            actors = others_than(_in_whose_clause(scene, reading.head), together)
        if together or several:
            return Cast((*actors, *together), (), found if actors else "nominal")
        if reading.type == "CONSULT":
            return Cast(actors, hosts(scene, reading, actors), found)
    if not actors and "s" in outer.roles | inner.roles and is_verb(reading.head) and is_passive(scene, reading.head):
        actors, found = _first(scene, patients(scene, reading.head)), "direct"
    if not actors and reading.type in UNNAMED_ACTORS:
        actors, found = _generic(scene, reading)
    mutual = "+" in reading.innermost.entry.roles and _are_several(actors)  # "the two sides failed to agree"
    return Cast(actors, () if "0" in inner.roles or mutual else recipients(scene, reading, actors), found)


def _are_several(actors: tuple[Party, ...]) -> bool:
    """Return whether the actors have each other to deal with; an army and the rebels of one country do."""
    return len({a.value.entity or a.value.text for a in actors}) > 1


def _role_entry(scene: Scene, reading: Reading) -> Entry:
    return reading.innermost.entry if _is_of_content(scene, reading) else reading.entry


def _first(scene: Scene, nouns: Iterable[Token]) -> tuple[Party, ...]:
    for noun in nouns:
        found = parties_at(scene, noun)
        if found:
            return found
    return ()


def _actors(scene: Scene, reading: Reading) -> tuple[tuple[Party, ...], str]:
    for head in _acting(scene, reading):
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


def _in_whose_clause(scene: Scene, noun: Token) -> tuple[Party, ...]:
    """Return who takes part in what is told beside his act: "in a meeting with the premier, the king agreed …"."""
    above = noun.head.head
    if is_verb(noun) or noun.dep_ != "pobj" or not (is_verb(above) or above.dep_ in {"nsubj", "nsubjpass"}):
        return ()
    subject = grammatical_subject(scene, above) if is_verb(above) else above
    return parties_at(scene, subject) if subject is not None else ()


def _acting(scene: Scene, reading: Reading) -> tuple[Token, ...]:
    """Return the words whose agent is the event's actor.

    An operator's own where it makes an event of another type; what is only announced is the act of whoever is to do it.
    """
    if reading.content is not None and _announces_another(scene, reading):
        return reading.content.heads
    return reading.heads if reading.content is None or _is_of_content(scene, reading) else (reading.head,)


def _is_of_content(scene: Scene, reading: Reading) -> bool:
    """Return whether the parties are those of what is governed: the same act, or one that nobody is said to announce or plan.

    Whoever "was told to march" asks for nothing.
    """
    if reading.content is None:
        return False
    same = reading.type in {reading.innermost.type, reading.content.type if _unsaid(scene, reading.head) else None}
    return same or (reading.type not in FAMILIES["TALK"] and _unsaid(scene, reading.head))


def _announces_another(scene: Scene, reading: Reading) -> bool:
    """Return whether the governing word only says what somebody else does or undergoes.

    "The palace said the king will visit …", "a strike killed ten people, the ministry announced".
    """
    blames = reading.type == "ACCUSE" != reading.innermost.type  # "claimed that Mali had armed the rebels"
    if reading.content is None or blames or not scene.cue("speech", scene.lemma_of[reading.head.i]):
        return False
    subjects = [s for s in by_dep(scene, reading.content.head, "nsubj", "nsubjpass") if not is_own(scene, s)]  # "said his country will"
    named = any(scene.entity_of[s.i] is not None for s in subjects)
    return named or any(_acts(scene, s) for s in subjects if s.dep_ == "nsubj")


def _acts(scene: Scene, subject: Token) -> bool:
    """Return whether *subject* names who acts, or the weapon or deed that stands for an agent."""
    return subject.pos_ != "PRON" and (is_party(scene, subject) or scene.cue("generic", scene.lemma_of[subject.i]))


def _unsaid(scene: Scene, verb: Token) -> bool:
    """Return whether nobody is said to do what *verb* says of an event ("talks between … are scheduled"): those of the event do it."""
    return is_verb(verb) and is_passive(scene, verb) and not by_dep(scene, verb, "agent")


def _agents(scene: Scene, head: Token) -> tuple[Party, ...]:
    if head.lower_ in scene.lexicon.adjectives and not by_dep(scene, head, "agent"):
        subject = grammatical_subject(scene, head)
        return parties_at(scene, subject) if subject is not None else ()
    found: list[Party] = []
    for noun in agents(scene, head):
        found.extend(others_than(parties_at(scene, noun), found))
    return joined(scene, found)


def joined(scene: Scene, parties: list[Party]) -> tuple[Party, ...]:
    """Join parties that stand side by side, a title and a name that the parser took apart ("Palestinian leader" "Yasser Arafat")."""
    found: list[Party] = []
    for party in parties:
        old = found[-1].value if found else None
        if old is None or not 0 <= party.value.start - old.end <= 1:
            found.append(party)
            continue
        text = scene.text[old.start : party.value.end]
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
        token = scene.tokens[i]
        if is_verb(token):
            return ()
        if is_party(scene, token) and token.dep_ not in {"compound", "amod", "poss", "pobj", "dobj"}:
            return parties_at(scene, token)
    return ()


def noun_actors(scene: Scene, noun: Token) -> tuple[Party, ...]:
    """Return who does what *noun* says; after "of" or "from" only where the lexicon says so."""
    if found := doers(scene, noun):
        return found
    if any("o" in entry.roles for entry in scene.lexicon.nouns.get(scene.lemma_of[noun.i], ())):
        return _first(scene, objects_of_preposition(scene, noun, lambda word: word in {"of", "from"}))
    return ()


def _partners(scene: Scene, reading: Reading) -> list[Party]:
    """Return the other side of what is done together: the object, what stands after "with", in the last resort the next party."""
    wanted = PARTNER_PREPOSITIONS.get(reading.type or "", TOGETHER)
    heads = _acting(scene, reading)
    nouns: list[Token] = []
    for head in heads:
        objects = patients(scene, head) if is_verb(head) else []
        nouns += [n for n in objects if is_party(scene, n)]
        with_whom = wanted - {"to"} if scene.cue("travel", scene.lemma_of[head.i]) else wanted  # "returned to Geneva for talks"
        for base in (head, *objects):
            nouns += objects_of_preposition(scene, base, with_whom.__contains__)
        for noun in objects if is_verb(head) else [head]:  # "(attended) a meeting of the ministers"
            if scene.lemma_of[noun.i] in scene.lexicon.nouns:
                nouns += objects_of_preposition(scene, noun, "of".__eq__)
    return [party for noun in nouns for party in parties_at(scene, noun)]


def _reversed(scene: Scene, reading: Reading) -> Cast:
    """Return the cast where the subject undergoes it: the actor stands after "from", "by", "at", "of", or before the event noun."""
    recipients = _first(scene, agents(scene, reading.head) or patients(scene, reading.head))
    actors: tuple[Party, ...] = ()
    for head in reading.heads:
        after = objects_of_preposition(scene, head, lambda word: word in {"from", "by", "at", "of", "in"})
        objects = patients(scene, head) if is_verb(head) else []
        nouns = (*objects, *after) if reading.entry.type else (*after, *objects)  # a guest is the host's object: "received the king"
        actors = actors or next((found for noun in nouns if (found := others_than(parties_at(scene, noun), recipients))), ())
        if not actors and not is_verb(head):
            actors = others_than(noun_actors(scene, head), recipients)
    if not actors and reading.type == "ACCUSE" and (said := speaker(scene, reading.head)):
        actors = others_than([said], recipients)  # "the army is guilty, a group said": the group accuses
    return Cast(actors, recipients, "direct") if actors else Cast()


def _generic(scene: Scene, reading: Reading) -> tuple[tuple[Party, ...], str]:
    """Return who stands for somebody unnamed: whose weapon or deed it is ("killed in a Russian attack"), else that itself as sector
    UNK ("killed in a bombing"), the state where it is done by its power ("arrested in Lebanon")."""
    for head in reading.heads:
        nouns = objects_of_preposition(scene, head, lambda word: word in {"by", "in", "when"})
        subject = grammatical_subject(scene, head) if is_verb(head) and not is_passive(scene, head) else None
        for noun in (*([subject] if subject is not None else []), *nouns):
            if scene.cue("generic", scene.lemma_of[noun.i]):
                return doers(scene, noun) or _wielders(scene, noun) or (_unknown(scene, noun),), "generic"
    state = _state_where(scene, reading) if reading.type != "ASSAULT" else ()
    return state, "generic" if state else "none"


def _wielders(scene: Scene, weapon: Token) -> tuple[Party, ...]:
    """Return who used *weapon*: "a shell fired by Russian troops", "an attack carried out by rebels"."""
    clauses = (c for c in by_dep(scene, weapon, "acl") if c.tag_ == "VBN" and scene.cue("wielding", scene.lemma_of[c.i]))
    return _first(scene, (noun for c in clauses for noun in objects_of_preposition(scene, c, "by".__eq__)))


def _state_where(scene: Scene, reading: Reading) -> tuple[Party, ...]:
    passives = [head for head in reading.heads if is_verb(head) and is_passive(scene, head)]
    nouns = [noun for head in passives for noun in objects_of_preposition(scene, head, LOCATIVE.__contains__)]
    return _first(scene, (word for noun in nouns for word in places_of(scene, noun)))


def _unknown(scene: Scene, noun: Token) -> Party:
    start = min(c.i for c in (noun, *by_dep(scene, noun, "compound", "amod")))
    first, after = scene.chars(start, noun.i + 1)
    origins = (n for c in by_dep(scene, noun, "acl") for n in objects_of_preposition(scene, c, "from".__eq__))  # "fired from Yemen"
    country = next((c for n in origins if (c := country_of_token(scene, n))), None)
    return Party(noun.i, Participant(text=scene.text[first:after], start=first, end=after, country=country, sector="UNK"))
