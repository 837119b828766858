"""A reading → to whom it is done.

Where the words are looked for, in this order: what the act points at (objects and prepositions, the outermost word first, so that
a refused request is refused to whoever asked), what hangs deeper, whose place it is, the next party after the verb, and last the
thing itself ("rejected the resolution").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from processors.coding.naming import country_of_token, is_only_tied, is_party
from processors.coding.parties import Party, as_thing, parties_at, party_at
from processors.coding.scene import Scene, by_dep, is_nominal, is_verb, objects_of_preposition
from processors.coding.syntax import FINITE, below, is_passive, patients
from processors.coding.token import Token
from processors.coding.triggers import Reading
from stream.messages import Participant

TO = frozenset({"to"})
ADDRESSED = TO | {"with"}
STRONG = frozenset({"against", "to", "on", "upon", "at", "with", "toward", "towards", "into", "over"})
AIMED = frozenset({"on", "against", "at"})
STANCE = frozenset({"of", "to", "at", "against", "with", "over"})
WEAK = frozenset({"from", "for", "of", "between", "among", "about", "as", "by", "onto", "around", "off"})
SOURCES = {"MOBILIZE": frozenset({"by"}), "ASSAULT": frozenset({"from"})}  # "patrols by police", "rockets fired from Gaza"
LOCATIVE = frozenset({"in", "at", "near", "across", "throughout", "inside", "outside"})
ASIDE = LOCATIVE | {"after", "by", "since", "during", "before", "according", "under", "amid", "following", "despite"}
DEEP = frozenset({"dobj", "xcomp", "ccomp", "prep", "acl", "dative", "oprd", "pcomp"})
TOLD_OF = frozenset({"REQUEST", "ACCUSE", "CONCEDE", "REJECT", "COERCE"})  # the subject of what they govern undergoes them
AGAINST_OWNER = frozenset({"REQUEST", "ACCUSE", "REJECT"})  # whose demand, whose act it is undergoes them
HELPING = frozenset({"AID", "AGREE", "SUPPORT", "COOPERATE"})
FOREIGN = frozenset({"UNO", "IGO", "EUR"})  # whose forces are sent abroad
GIVING = frozenset({"AID", "RETREAT", "COOPERATE", "AGREE"})  # to somebody
TRANSFERS = frozenset({"AID", "COOPERATE"})  # whom it is given to comes before who is given: "sent doctors to …", "handed a suspect to …"
WAITING = frozenset({"REJECT", "THREATEN", "CONCEDE", "RETREAT", "AGREE"})  # until somebody does something
AWAITED = frozenset({"until", "unless", "before", "if", "till"})  # what follows is what somebody is to do first
CLAUSES = frozenset({"relcl"})  # they tell something else
LANDS = frozenset({"LOC", "FAC"})
VERBAL = frozenset({"AGREE", "CONCEDE", "REQUEST", "ACCUSE", "REJECT", "THREATEN"})  # said in one place, about another
THINGS = frozenset({"ACCUSE", "REJECT", "COERCE", "PROTEST", "SUPPORT"})  # aimed at things as well
FORCEFUL = 3  # quad classes above are material conflict
MAX_PLACE = 8  # words of a locative phrase within which a town or country is looked for
REACH = 16  # words after a verb within which the next party is looked for


def recipients(scene: Scene, reading: Reading, actors: tuple[Party, ...]) -> tuple[Party, ...]:
    """Return who undergoes *reading*; none of *actors*; empty where nobody and nothing is named."""
    order = _ACCUSED if reading.type == "ACCUSE" else _ATTACKED if reading.type == "ASSAULT" else _CONCERNED
    for find in order:
        if found := others_than(find(scene, reading, actors), actors):
            return found
    return ()


def _struck(scene: Scene, reading: Reading, actors: tuple[Party, ...]) -> tuple[Party, ...]:
    """Return the thing that is attacked where its country is only that of the place where it is: "an army camp in Mali"."""
    words = _frame_words(reading)
    nouns = (n for head in reading.heads for n in (*_undergoers(scene, reading, head), *_after(scene, (head,), AIMED)))
    for noun in nouns:
        if noun in reading.heads or scene.lemma_of[noun.i] in words or _is_means(scene, reading, noun, actors):
            continue
        owners = parties_at(scene, noun)
        if is_party(scene, noun) or by_dep(scene, noun, "appos") or any(p.value.country for p in owners):
            return ()
        whole = party_at(scene, noun, 0)
        sector = next((p.value.sector for p in owners), None)
        return (replace(whole, value=whole.value.model_copy(update={"sector": sector})),) if whole.value.country else ()
    return ()


def others_than(parties: Iterable[Party], others: Iterable[Party]) -> tuple[Party, ...]:
    """Return those of *parties* that are none of *others*: another head, another entity, no part of their phrases."""
    left, taken = tuple(parties), tuple(others)
    if not left or not taken:
        return left
    heads = {p.head for p in taken}
    entities = {p.value.entity for p in taken} - {None}
    return tuple(
        p for p in left if p.head not in heads and p.value.entity not in entities and not any(_is_part(p.value, o.value) for o in taken)
    )


def _is_part(inner: Participant, outer: Participant) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _blamed(scene: Scene, reading: Reading, actors: tuple[Party, ...]) -> tuple[Party, ...]:
    """Return who did what is condemned, else the deed itself: whoever condemns an attack accuses nobody whom it hit."""
    if reading.mode == "investigate" or not is_verb(reading.head):
        return ()
    own = _frame_words(reading)  # "lodged a protest"
    for deed in (n for n in patients(scene, reading.head) if n not in reading.heads and scene.lemma_of[n.i] not in own):
        if any(scene.lexicon.type_row(e.type, None).quad > FORCEFUL for e in scene.lexicon.nouns.get(scene.lemma_of[deed.i], ()) if e.type):
            loose = () if is_passive(scene, reading.head) else objects_of_preposition(scene, reading.head, "by".__eq__)
            by = (p for noun in loose for p in parties_at(scene, noun))  # the parser hung the deed's "by" to the verb
            return others_than(doers(scene, deed), actors) or others_than(by, actors) or (as_thing(scene, deed),)
    return ()


def doers(scene: Scene, noun: Token) -> tuple[Party, ...]:
    """Return who does what *noun* says: after "by" or "between", its possessor, the adjective or name before it."""
    after = [n for wanted in ({"by"}, {"between", "among"}) for n in objects_of_preposition(scene, noun, wanted.__contains__)]
    for victim in objects_of_preposition(scene, noun, "of".__eq__):  # "the arrest of activists by the police"
        after += objects_of_preposition(scene, victim, "by".__eq__)
    before = [
        c
        for c in by_dep(scene, noun, "poss", "amod", "compound", "nmod")
        if not is_only_tied(scene, c) and (c.dep_ == "poss" or country_of_token(scene, c) or is_party(scene, c))
    ]
    owners = [(n, 0) for n in after] + [(c, 1) for c in before]
    return next((found for word, depth in owners if (found := parties_at(scene, word, depth))), ())


def _pointed_at(scene: Scene, reading: Reading, actors: tuple[Party, ...]) -> tuple[Party, ...]:
    heads = {head.i for head in reading.heads}
    for noun in _places_to_look(scene, reading):
        if noun.i in heads or any(_is_means(scene, reading, n, actors) or is_own(scene, n) for n in _counted(scene, noun)):
            continue
        if found := [p for p in others_than(_beneficiaries(scene, reading, noun), actors) if not _is_theirs(scene, reading, p, actors)]:
            return tuple(found)
    return ()


def _is_theirs(scene: Scene, reading: Reading, party: Party, actors: tuple[Party, ...]) -> bool:
    """Return whether *party* is the actors' own side: their forces, or whoever they speak for ("pledged Egypt's support")."""
    head = scene.tokens[party.head]
    speaks_for = head.dep_ == "poss" and reading.type not in AGAINST_OWNER and party.value.country in {a.value.country for a in actors}
    return is_own(scene, head) or (speaks_for and party.value.country is not None)


def _places_to_look(scene: Scene, reading: Reading) -> Iterator[Token]:
    """Yield nouns in the order in which they are tried: for each word of the reading its objects that are parties, phrases that
    point at somebody, what is inside its other objects, whose it is."""
    addressed = ADDRESSED if reading.type == "ACCUSE" else frozenset()  # "complained to the UN over the raids"
    for head in reading.heads:
        objects = _undergoers(scene, reading, head)
        things = [n for n in objects if not is_party(scene, n)]
        if reading.type in TRANSFERS:
            yield from _after(scene, (head, *objects), TO)
        yield from (n for n in objects if is_party(scene, n))
        yield from _against_whom(scene, head)
        if reading.type in GIVING:
            yield from _after(scene, (head, *objects), TO)
        if reading.type in AGAINST_OWNER:
            yield from things
            yield from (owner for noun in reading.heads if noun in things for owner in by_dep(scene, noun, "poss", "amod", "compound"))
        yield from _after(scene, (*objects, head), STRONG - addressed)
        if reading.type not in AGAINST_OWNER:
            yield from things
        yield from _after(scene, (*objects, head), WEAK - SOURCES.get(reading.type or "", frozenset()))
        told = list(_after(scene, (*objects, head), addressed))
        yield from (*_after(scene, told, frozenset({"against"})), *told)  # parsers hang "against" from the name before it


def _against_whom(scene: Scene, head: Token) -> Iterator[Token]:
    """Yield whom one takes a stand towards: "blocked roads in defiance of the king", "in protest at the visit"."""
    for noun in objects_of_preposition(scene, head, "in".__eq__):
        if scene.cue("stance", scene.lemma_of[noun.i]):
            yield from _after(scene, (noun,), STANCE)


def _after(scene: Scene, bases: Iterable[Token], wanted: frozenset[str]) -> Iterator[Token]:
    for base in bases:
        words = wanted - {"by"} if is_verb(base) and is_passive(scene, base) else wanted
        yield from objects_of_preposition(scene, base, words.__contains__)


def _undergoers(scene: Scene, reading: Reading, head: Token) -> list[Token]:
    clauses: list[Token] = []
    if reading.type in TOLD_OF:
        clauses = by_dep(scene, head, "ccomp", "xcomp") if is_verb(head) else []
        clauses += [c for c in by_dep(scene, head, "acl", "advcl") if any(m.lower_ == "for" for m in by_dep(scene, c, "mark"))]
    told = [s for c in clauses for s in by_dep(scene, c, "nsubj", "nsubjpass")]  # "permission for the UN to deliver aid"
    return (patients(scene, head) if is_verb(head) else []) + told


def _counted(scene: Scene, noun: Token) -> list[Token]:
    """Return *noun*, and what it only counts ("some of its troops")."""
    counts = scene.cue("quantity", scene.lemma_of[noun.i])
    return [noun, *(objects_of_preposition(scene, noun, "of".__eq__) if counts else [])]


def _beneficiaries(scene: Scene, reading: Reading, noun: Token) -> tuple[Party, ...]:
    """Return whom the phrase headed by *noun* names; a peacekeeping force is there for the country where it is."""
    found = _parties_or_land(scene, noun)
    if (
        reading.type not in HELPING
        or not scene.cue("mission", scene.lemma_of[noun.i])
        or not any(p.value.country in FOREIGN for p in found)
    ):
        return found
    places = (n for n in objects_of_preposition(scene, noun, LOCATIVE.__contains__))
    return next((land for place in places if (land := _parties_or_land(scene, place))), found)


def _parties_or_land(scene: Scene, noun: Token) -> tuple[Party, ...]:
    entity = scene.entity_of[noun.i]
    land = entity is not None and entity.type in LANDS and entity.country is not None
    return (party_at(scene, noun, 0),) if land else parties_at(scene, noun)


def is_own(scene: Scene, noun: Token) -> bool:
    """Return whether *noun* is the actor's: "its troops", "his government"; not "their Chinese counterparts", "his rival"."""
    lemma = scene.lemma_of[noun.i]
    owners = [c.lower_ for c in by_dep(scene, noun, "poss") if c.pos_ == "PRON" or c.tag_ == "PRP$"]
    bodies = ("plural_pronoun", "thing_pronoun", "speaker_pronoun") + (("person_pronoun",) if scene.cue("own_body", lemma) else ())
    return not scene.cue("other", lemma) and any(scene.cue(cue, owner) for cue in bodies for owner in owners)


def _is_means(scene: Scene, reading: Reading, noun: Token, actors: tuple[Party, ...]) -> bool:
    """Return whether *noun* is what is used or sent and not who is met: "put its army on alert", "fired artillery", "sent troops"."""
    lemma = scene.lemma_of[noun.i]
    whose = {country_of_token(scene, c) for c in by_dep(scene, noun, "amod", "compound", "poss")} - {None}
    if whose - {a.value.country for a in actors}:
        return False  # "ordered the French troops out"
    senders = [h for h in reading.heads if scene.cue("sending", scene.lemma_of[h.i])]
    sent = any(noun in _counted(scene, o) for h in senders for o in patients(scene, h))
    sent_as = bool(senders) and noun.dep_ == "pobj" and noun.head.lower_ == "as"  # "deployed as peacekeepers"
    if sent_as or (sent and (scene.cue("sent", lemma) or reading.type == "MOBILIZE")):
        return True
    if scene.entity_of[noun.i] is not None:
        return False
    met = noun.dep_ == "pobj" and noun.head.lower_ in STRONG - {"with"}  # "an operation against the fighters"
    used = not met and reading.type in {"ASSAULT", "MOBILIZE"} and bool(reading.innermost.entry.frame)
    return used and (scene.cue("military", lemma) or scene.cue("generic", lemma))


def _deep(scene: Scene, reading: Reading, actors: tuple[Party, ...]) -> tuple[Party, ...]:
    """Search what hangs from the event's words for the first party; clauses beside it and times are left out."""
    for head in reading.heads:
        for start in (c for c in scene.children[head.i] if _leads_deeper(scene, reading, c)):
            passed_by = frozenset() if reading.type == "REQUEST" else CLAUSES  # "a petition which …, asking the government"
            for token in sorted(below(scene, start, without=passed_by), key=lambda t: t.i):
                if _excluded(scene, reading, token, actors):
                    continue
                found = others_than(parties_at(scene, _phrase_of(token)), actors)
                if found and not _is_promised(scene, reading, found[0], actors):
                    return found
    return ()


def _is_promised(scene: Scene, reading: Reading, party: Party, actors: tuple[Party, ...]) -> bool:
    """Return whether *party* is the actors' own side, whose act it is that they speak of: "promised Washington's support"."""
    head = scene.tokens[party.head]
    return head.head in reading.heads and _is_theirs(scene, reading, party, actors)


def _leads_deeper(scene: Scene, reading: Reading, child: Token) -> bool:
    """Return whether whom the act concerns may stand below *child*: in a clause beside it only where it is asked or waited for there."""
    if child.dep_ == "advcl" and reading.type in WAITING:
        return any(mark.lower_ in AWAITED for mark in by_dep(scene, child, "mark"))
    aim = child.tag_ == "VB" and reading.type == "ASSAULT" and reading.content is None  # "used tear gas to disperse protesters"
    aside = child.dep_ == "advcl" and (aim or reading.type == "PROTEST")
    return child.lower_ not in ASIDE and (child.dep_ in DEEP or aside)


def _phrase_of(token: Token) -> Token:
    """Return the noun that *token* modifies ("Danish sites"), else itself."""
    return token.head if token.dep_ in {"amod", "compound", "nmod"} and is_nominal(token.head) else token


def _excluded(scene: Scene, reading: Reading, token: Token, actors: tuple[Party, ...]) -> bool:
    if not is_party(scene, token) or is_only_tied(scene, token):
        return True
    noun = _phrase_of(token)
    if noun.dep_ == "pobj" and noun.head.lower_ in LOCATIVE and _asks_for_talks(reading):
        return True
    own = noun in reading.heads or any(token.i == head.i or (token.dep_ == "nsubj" and token.head.i == head.i) for head in reading.heads)
    return own or _is_means(scene, reading, noun, actors) or is_own(scene, noun)


def _asks_for_talks(reading: Reading) -> bool:
    """Return whether it is talks that are asked for: "called for talks in Geneva" asks nothing of Geneva."""
    return reading.type == "REQUEST" and reading.innermost.type == "CONSULT"


def _local(scene: Scene, reading: Reading, actors: tuple[Party, ...]) -> tuple[Party, ...]:
    """Return whose place it is, where no party is named: a curfew in Jamaica is laid on Jamaica."""
    if reading.type == "SUPPORT" or _asks_for_talks(reading):
        return ()
    for head in reading.heads:
        objects = _undergoers(scene, reading, head)
        said = reading.type in VERBAL and head is reading.head and bool(by_dep(scene, head, "ccomp", "xcomp"))
        for noun in _after(scene, objects if said else (*objects, head), LOCATIVE):
            if found := next(
                (p for place in (noun, *places_of(scene, noun)) if (p := others_than(_parties_or_land(scene, place), actors))), ()
            ):
                return found
    return ()


def places_of(scene: Scene, noun: Token) -> list[Token]:
    """Return the places that the phrase headed by *noun* names, nearest first: "a town in Mali", "a court in Islamabad"."""
    words = below(scene, noun, limit=MAX_PLACE, without=CLAUSES)
    return [word for word in words if (entity := scene.entity_of[word.i]) is not None and entity.type in LANDS | {"GPE"}]


def hosts(scene: Scene, reading: Reading, actors: tuple[Party, ...]) -> tuple[Party, ...]:
    """Return the country abroad in which somebody is said to hold talks, with whom is not said: whoever is visited undergoes it."""
    own = {a.value.country for a in actors}
    return tuple(p for p in _local(scene, reading, actors) if p.value.country not in own)


def right_of(scene: Scene, reading: Reading, actors: tuple[Party, ...]) -> tuple[Party, ...]:
    """Return the nearest party after a verb under which the parser hung next to nothing; nothing beyond a comma or a verb of speech."""
    head = reading.head
    if not is_verb(head) or is_passive(scene, head) or by_dep(scene, head, "dobj", "xcomp", "ccomp"):
        return ()
    _, end = scene.sentence_of[head.i]
    for token in scene.tokens[head.i + 1 : min(end, head.i + REACH)]:
        lemma = scene.lemma_of[token.i]
        told = (token.tag_ in FINITE and scene.cue("speech", lemma)) or (is_verb(token) and scene.cue("talking", lemma))
        if told or token.text in {",", ";"}:  # whom they discuss they need not have met
            return ()
        noun = _phrase_of(token)
        placed = noun.dep_ == "pobj" and noun.head.lower_ in LOCATIVE
        theirs = is_own(scene, token) or _is_means(scene, reading, token, actors)
        beside = is_party(scene, token) and token.head.i != head.i and not placed and not theirs
        if beside and (found := others_than(parties_at(scene, token), actors)):
            return found
    return ()


def _thing(scene: Scene, reading: Reading, actors: tuple[Party, ...]) -> tuple[Party, ...]:
    """Return the object itself, left as it is said, where it is no word of the event."""
    if reading.type not in THINGS:
        return ()
    words = _frame_words(reading)
    heads = {head.i for head in reading.heads}
    for head in reading.heads:
        for noun in _undergoers(scene, reading, head):
            plain = is_nominal(noun) and (noun.pos_ not in {"PRON", "NUM"} or scene.mention_of[noun.i]) and scene.time_of[noun.i] is None
            known = scene.lemma_of[noun.i] in words or scene.lemma_of[noun.i] in scene.lexicon.nouns
            if plain and noun.i not in heads and not known and not is_own(scene, noun):
                return (as_thing(scene, noun),)
    return ()


def _frame_words(reading: Reading) -> set[str]:
    """Return the nouns that are part of the event's own words ("imposed sanctions", "took legal action")."""
    return {word.rpartition("_")[2] for h in (reading, reading.innermost) for slot in h.entry.frame for word in slot.words}


_ACCUSED = (_blamed, _pointed_at, _thing, _deep)  # who is accused of something stands before what he is accused of
_CONCERNED = (_pointed_at, _deep, _local, right_of, _thing)
_ATTACKED = (_struck, *_CONCERNED)
