"""Words → what is done: the lexicon matched against the tree, operators composed with what they govern."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass, replace

from processors.coding.lexicon import FAMILIES, PARTICLES, Entry, Slot
from processors.coding.modality import resolve_mode
from processors.coding.naming import country_of_token, is_party
from processors.coding.scene import Scene, by_dep, conjoined, is_verb, objects_of_preposition, per_word
from processors.coding.syntax import FINITE, agents, below, grammatical_subject, headline_verb, is_passive, patients
from processors.coding.token import Token
from stream.messages import Modality

MAX_DEPTH = 4  # operators over operators: "refused to agree to resume talks"
MAX_SEARCH = 14  # words of a noun phrase looked at for an event noun
_CONTENT_ONLY = frozenset({"light", "begin", "undergo", "give", "end", "occur"})  # operators that are nothing by themselves
_NAMED = {"PERSON": "@person", "GPE": "@place"}
_VERBAL = ("xcomp", "ccomp")
WHEN = frozenset({"on", "in", "at", "over"})  # prepositions of times as well as of places
HOSTILE = FAMILIES["FORCE"] | {"THREATEN"}
ASIDE = frozenset({"after", "before", "during", "since", "until", "because", "despite", "amid", "following", "as", "without", "according"})


@dataclass(frozen=True, slots=True)
class Reading:
    """What a word means as an event. *type* None: nothing to code. *content* is what an operator governs."""

    head: Token
    entry: Entry
    type: str | None
    mode: str | None
    modality: Modality
    content: Reading | None = None
    negated_content: bool = False

    @property
    def heads(self) -> tuple[Token, ...]:
        """Return the words of the reading, outermost first."""
        return (self.head, *(self.content.heads if self.content else ()))

    @property
    def innermost(self) -> Reading:
        """Return the event at the bottom of the operators."""
        return self.content.innermost if self.content else self


def read(scene: Scene, token: Token, depth: int = 0) -> Reading | None:
    """Return what *token* means as an event word with all it governs; None for a word that is none."""
    if depth > MAX_DEPTH or not (entries := _candidates(scene, token)):
        return None
    content: Reading | None = None
    searched = False
    for entry in entries:
        if not _holds(scene, token, entry):
            continue
        if (entry.operator or entry.governs) and not searched:
            content, searched = find_content(scene, token, entry, depth), True
        if entry.governs and content is None and not _clausal(scene, token):
            continue
        if entry.operator in _CONTENT_ONLY and content is None:
            continue
        return _compose(scene, token, entry, content if entry.operator else None)
    return None


def kind_of(scene: Scene, noun: Token) -> str | None:
    """Return the type of act that *noun* names where it stands; None for the "war" of a price war and for states of war."""
    entry = next((e for e in _candidates(scene, noun) if _holds(scene, noun, e)), None)
    return None if entry is None or scene.cue("lasting", scene.lemma_of[noun.i]) else entry.type


def _candidates(scene: Scene, token: Token) -> tuple[Entry, ...]:
    entity = scene.entity_of[token.i]
    if entity is not None and not is_verb(token):
        return ()  # a word of a name
    lemma, lexicon = scene.lemma_of[token.i], scene.lexicon
    if lemma not in lexicon.verbs and lemma not in lexicon.nouns and token.lower_ not in lexicon.adjectives:
        return ()
    adjective = token.pos_ == "ADJ" or token.tag_.startswith("JJ")
    if adjective and token.dep_ in {"dobj", "pobj"}:  # a noun that the tagger does not know ("launched a counteroffensive")
        return lexicon.nouns.get(lemma, ())
    if adjective or _participial(scene, token):
        predicate = token.dep_ in {"acomp", "ROOT", "conj", "ccomp", "xcomp", "oprd", "acl"} or is_verb(token)
        return lexicon.adjectives.get(token.lower_, ()) if predicate else ()
    if is_verb(token):
        bare = token.dep_ in {"amod", "compound"} and token.tag_ in {"VBN", "VBG", "VB"} and not headline_verb(scene, token)
        return () if bare or token.dep_ in {"aux", "auxpass"} else lexicon.verbs.get(lemma, ())
    return lexicon.nouns.get(lemma, ()) if token.pos_ == "NOUN" or token.tag_ in {"NN", "NNS"} else ()


def _holds(scene: Scene, token: Token, entry: Entry) -> bool:
    if "f" in entry.roles and _figurative(scene, token):
        return False
    if entry.particle and not _has_particle(scene, token, entry.particle):
        return False
    if entry.infinitive and not any(_is_infinitive(scene, c) for c in by_dep(scene, token, "xcomp", "ccomp", "advcl")):
        return False
    asked = [slot for slot in entry.frame if slot.bond == "or"]
    if asked and not any(_slot_filled(scene, token, slot) for slot in asked):
        return False
    return all(_slot_filled(scene, token, slot) == (slot.bond == "and") for slot in entry.frame if slot.bond != "or")


def _figurative(scene: Scene, token: Token) -> bool:
    """Return whether *token* stands in talk of sport or markets, where "attacked", "struck" and "fired" are figures of speech.

    Not where somebody armed does it: gunmen may attack a football match.
    """
    if not scene.playful and not _opens_play(scene, scene.opening(token)):
        return False
    around = [*_slot_words(scene, token, "subj"), *(patients(scene, token) if is_verb(token) else by_dep(scene, token, "compound", "amod"))]
    return not any(scene.cue("armed", scene.lemma_of[word.i]) for word in around)


@per_word
def _opens_play(scene: Scene, first: Token) -> bool:
    """Return whether the sentence that begins with *first* has a word of sport or markets that is no part of a name."""
    words = scene.cues("register")
    plain = (i for i in range(*scene.sentence_of[first.i]) if scene.entity_of[i] is None)
    return any(scene.lemma_of[i] in words or scene.tokens[i].lower_ in words for i in plain)


def _has_particle(scene: Scene, token: Token, particle: str) -> bool:
    if not is_verb(token):
        return any(c.lower_ == particle for c in scene.children[token.i]) or (token.i > 0 and scene.tokens[token.i - 1].lower_ == particle)
    if token.i + 1 < len(scene.tokens) and scene.tokens[token.i + 1].lower_ == particle:
        return True
    after = (c for c in scene.children[token.i] if c.i > token.i and c.lower_ == particle)
    if particle in PARTICLES:  # beyond an object: "gave himself up", "forced the agency out of …", and not "gave himself up in Paris"
        return any(c.dep_ == "prt" or by_dep(scene, c, "prep") or _leads_on(scene, c) for c in after)
    return any(not _of_time(scene, c) for c in after)


def _leads_on(scene: Scene, particle: Token) -> bool:
    """Return whether "to", "from" or "of" follows: "handed the suspect over to …"."""
    return particle.i + 1 < len(scene.tokens) and scene.tokens[particle.i + 1].lower_ in {"to", "from", "of"}


def _of_time(scene: Scene, preposition: Token) -> bool:
    """Return whether *preposition* only says when: the "on" of "called the king on Friday" is no part of the verb."""
    nouns = by_dep(scene, preposition, "pobj")
    return any(scene.time_of[noun.i] is not None or noun.ent_type_ in {"DATE", "TIME"} for noun in nouns)


def _slot_filled(scene: Scene, token: Token, slot: Slot) -> bool:
    return not slot.words.isdisjoint(_slot_names(scene, token, slot.name))


@per_word
def _slot_names(scene: Scene, token: Token, name: str) -> Set[str]:
    """Return all that a slot can ask for and that stands in the role *name* of *token*, conjoined or not."""
    nouns = [item for noun in _slot_words(scene, token, name) for item in conjoined(scene, noun)]
    if name in WHEN:
        nouns = [noun for noun in nouns if scene.time_of[noun.i] is None]  # "began a strike on Monday" was not on a place
    return frozenset[str]().union(*(_names(scene, noun) for noun in nouns))


def _slot_words(scene: Scene, token: Token, name: str) -> list[Token]:
    """Return the words that stand in the role *name* of *token*."""
    verb = is_verb(token)
    if name == "subj":
        subject = next(iter(agents(scene, token)), None) or grammatical_subject(scene, token)
        return [] if subject is None or _is_body(scene, subject) else [subject, *by_dep(scene, subject, "compound", "amod")]
    if name == "pred":
        return by_dep(scene, token, "oprd", "acomp", "attr", "xcomp", "ccomp") + _said_of_objects(scene, token)
    if name == "whom":
        return by_dep(scene, token, "dobj", "dative") + [
            s for c in by_dep(scene, token, *_VERBAL) for s in by_dep(scene, c, "nsubj", "dobj") if s.i < c.i
        ]
    if name == "passive":
        return [token] if is_passive(scene, token) and not by_dep(scene, token, "agent") else []
    if name == "prt":
        return by_dep(scene, token, "prt")
    if name == "mod":
        return by_dep(scene, token, "advmod", "amod", "compound", "nmod", "poss")
    if name == "clause":
        beside = [c for noun in patients(scene, token) for c in by_dep(scene, noun, "acl")] if verb else by_dep(scene, token.head, "advcl")
        return by_dep(scene, token, "advcl", "acl") + beside
    if name == "obj":
        return patients(scene, token) if verb else objects_of_preposition(scene, token, lambda word: word == "of")
    bases = [token, *(patients(scene, token) if verb else [token.head] if token.dep_ in {"dobj", "nsubj"} else [])]
    return [noun for base in bases for noun in _after_preposition(scene, base, name)]


def _after_preposition(scene: Scene, base: Token, name: str) -> list[Token]:
    """Return the nouns after the preposition *name*, and its gerund ("cleared of stealing")."""
    clauses = [c for p in by_dep(scene, base, "prep") if p.lower_ == name for c in by_dep(scene, p, "pcomp")]
    marked = [c for c in by_dep(scene, base, "advcl", "acl") if any(m.lower_ == name for m in by_dep(scene, c, "mark"))]
    return objects_of_preposition(scene, base, name.__eq__) + clauses + marked


def _said_of_objects(scene: Scene, verb: Token) -> list[Token]:
    """Return words behind the object that a parser hangs to it: "called the ruling 'dangerous'"."""
    return [c for noun in by_dep(scene, verb, "dobj") for c in by_dep(scene, noun, "amod", "appos") if c.i > noun.i]


def _is_body(scene: Scene, noun: Token) -> bool:
    """Return whether *noun* is a word of an organisation's name: the "Union" of the African Union is no trade union."""
    entity = scene.entity_of[noun.i]
    return entity is not None and entity.type == "ORG"


@per_word
def _names(scene: Scene, noun: Token) -> Set[str]:
    """Return by what a slot can ask for *noun*: its word, alone or after another, what it counts, the classes that it is of.

    ``@people`` are parties of flesh and blood: no state, place or team named by one.
    """
    lemma, entity = scene.lemma_of[noun.i], scene.entity_of[noun.i]
    found = {"@any", lemma, noun.lower_, *(f"{c.lower_}_{lemma}" for c in by_dep(scene, noun, "compound", "amod"))}
    if scene.cue("quantity", lemma):
        found.update(*(_names(scene, inner) for inner in objects_of_preposition(scene, noun, "of".__eq__)))
    if entity is not None and entity.type in _NAMED:
        found.add(_NAMED[entity.type])
    if is_party(scene, noun):
        found |= {"@party", "@people"} if entity is None or entity.type in {"PERSON", "NORP"} else {"@party"}
    return found


def _clausal(scene: Scene, token: Token) -> bool:
    return bool(by_dep(scene, token, *_VERBAL))


def find_content(scene: Scene, token: Token, entry: Entry, depth: int) -> Reading | None:
    """Return what *token* governs as an event: its infinitive or clause, its object, what stands after its prepositions."""
    if entry.operator == "occur":
        subject = grammatical_subject(scene, token)
        return _noun_content(scene, subject, depth) if subject is not None else None
    if found := _clause_content(scene, by_dep(scene, token, *_VERBAL), depth):
        return found
    nouns = patients(scene, token) if is_verb(token) else []
    wanted = {"VB", "VBN"} if entry.operator == "order" else {"VB"}  # "ordered the ministers jailed"
    for noun in nouns:
        found = _noun_content(scene, noun, depth)
        if found:
            return found
        for clause in by_dep(scene, noun, "acl"):
            if clause.tag_ in wanted and (found := read(scene, clause, depth + 1)):
                return found
    return _after_prepositions(scene, token, entry, depth) or _clause_content(
        scene, _purpose_clauses(scene, token) + _gerunds(scene, token), depth
    )


def _clause_content(scene: Scene, clauses: list[Token], depth: int) -> Reading | None:
    for clause in clauses:
        if found := read(scene, clause, depth + 1) or _through(scene, clause, depth):
            return found
    return None


def _purpose_clauses(scene: Scene, token: Token) -> list[Token]:
    """Return infinitives that the parser hung beside the verb or noun ("a plan to withdraw")."""
    return [c for c in by_dep(scene, token, "advcl", "acl") if _is_infinitive(scene, c)]


def _is_infinitive(scene: Scene, verb: Token) -> bool:
    return verb.tag_ == "VB" and any(c.tag_ == "TO" for c in by_dep(scene, verb, "aux"))


def _gerunds(scene: Scene, token: Token) -> list[Token]:
    """Return gerunds after a preposition that the parser marks as clauses ("banned from travelling")."""
    clauses = (c for c in by_dep(scene, token, "advcl", "acl") if c.tag_ == "VBG")
    return [c for c in clauses if any(m.tag_ == "IN" and m.lower_ not in ASIDE | {"by"} for m in by_dep(scene, c, "mark"))]


def _through(scene: Scene, clause: Token, depth: int) -> Reading | None:
    """Look through a verb that is no event word ("agreed to take part in talks")."""
    return find_content(scene, clause, _NO_ENTRY, depth + 1) if is_verb(clause) and depth < MAX_DEPTH else None


def _after_prepositions(scene: Scene, token: Token, entry: Entry, depth: int) -> Reading | None:
    for preposition in by_dep(scene, token, "prep", "agent"):
        if preposition.lower_ in ASIDE or (preposition.lower_ in {"in", "at"} and entry.operator not in {"light", "begin"}):
            continue
        for clause in by_dep(scene, preposition, "pcomp"):
            found = read(scene, clause, depth + 1) or _through(scene, clause, depth)
            if found:
                return found
        for noun in by_dep(scene, preposition, "pobj"):
            found = _noun_content(scene, noun, depth)
            if found:
                return found
    return None


def _noun_content(scene: Scene, noun: Token, depth: int) -> Reading | None:
    """Return the event noun of a phrase: its head, what is conjoined or compounded with it, or what its prepositions name."""
    queue = [noun]
    for item in queue:
        if len(queue) > MAX_SEARCH or scene.cue("abstract", scene.lemma_of[item.i]):
            break
        if not is_verb(item) and (found := read(scene, item, depth + 1)):
            return found
        queue.extend(by_dep(scene, item, "compound", "conj"))
        queue.extend(objects_of_preposition(scene, item, lambda word: word in {"of", "for", "on", "to"}))
    return None


def _compose(scene: Scene, token: Token, entry: Entry, content: Reading | None) -> Reading:
    if entry.operator is None:
        return Reading(token, entry, entry.type, entry.mode, "asserted")
    negated = content is not None and any(
        child.dep_ == "neg" or child.lower_ in {"not", "never"} for child in scene.children[content.head.i]
    )
    if negated and content is not None:
        content = _flipped(content)
    if entry.operator == "announce" and content is not None and (operator := _announced(scene, content.head)):
        return _compose(scene, token, replace(entry, operator=operator), content)
    if entry.operator == "warn" and content is not None and content.type in HOSTILE and _is_of_others(scene, token, content.head):
        return replace(content, modality="possible")
    if entry.operator == "warn" and content is None and _has_happened(scene, token):
        return Reading(token, entry, None, None, "asserted")
    row = scene.lexicon.outcome(entry.operator, content.type if content else None)
    if row is None or row.result == "-":
        return Reading(token, entry, None, None, "asserted", content)
    if row.result == "content" and content is not None:
        mode = resolve_mode(scene.lexicon, row.mode, content.type or "", content.mode)
        modality = content.modality if row.modality == "own" else _modality(row.modality)
        return Reading(token, entry, content.type, mode, modality, content, negated)
    mode = resolve_mode(scene.lexicon, row.mode, content.type, content.mode) if content and content.type else _fixed(row.mode)
    return Reading(token, entry, row.result, mode, _modality(row.modality), content, negated)


def _is_of_others(scene: Scene, token: Token, head: Token) -> bool:
    """Return whether *head* is what another country may do than that of who warns of it: a forecast and no threat."""
    warns = grammatical_subject(scene, token)
    warning = _countries(scene, [warns] if warns is not None else [])
    acting = _countries(scene, by_dep(scene, head, "nsubj"))
    return bool(warning and acting) and not warning & acting


def _has_happened(scene: Scene, token: Token) -> bool:
    """Return whether *token* governs a clause about the past: "warned that the economy has collapsed" threatens nobody."""
    clauses = by_dep(scene, token, "ccomp")
    return any(c.tag_ == "VBD" or any(scene.lemma_of[a.i] == "have" and a.tag_ in FINITE for a in by_dep(scene, c, "aux")) for c in clauses)


def _countries(scene: Scene, nouns: Iterable[Token]) -> set[str]:
    words = (word for noun in nouns for word in below(scene, noun, limit=MAX_SEARCH))
    return {country for word in words if (country := country_of_token(scene, word))}


def _announced(scene: Scene, head: Token) -> str | None:
    """Return the operator that "announce" is where *head* says when: "would send" is meant, "had sent" is told; None else."""
    helpers = by_dep(scene, head, "aux")
    if any(scene.cue("modal_future", c.lower_) or scene.cue("modal_conditional", c.lower_) for c in helpers):
        return "intend"
    return "light" if head.tag_ == "VBD" or any(scene.lemma_of[c.i] == "have" for c in helpers) else None


def _participial(scene: Scene, token: Token) -> bool:
    """Return whether a participle is an adjective of the lexicon: "is committed to", "was prepared to"."""
    if token.lower_ in {"unwilling", "unable"}:
        return True
    if token.tag_ != "VBN" or token.lower_ not in scene.lexicon.adjectives:
        return False
    return token.dep_ in {"acomp", "oprd"} or bool(by_dep(scene, token, "auxpass") and not by_dep(scene, token, "agent"))


def _flipped(content: Reading) -> Reading:
    """Return what not doing *content* amounts to: holding back force is yielding, holding back help is refusing."""
    forceful = content.type in {"PROTEST", "SANCTION", "MOBILIZE", "COERCE", "ASSAULT", "THREATEN"}
    return Reading(content.head, content.entry, "CONCEDE" if forceful else "REJECT", None, content.modality, content.content)


def _fixed(mode: str) -> str | None:
    return None if mode in {"-", "content", "threat"} else mode


def _modality(name: str) -> Modality:
    known: dict[str, Modality] = {"planned": "planned", "negated": "negated", "hypothetical": "hypothetical", "possible": "possible"}
    return known.get(name, "asserted")


_NO_ENTRY = Entry("", None, (), False, False, None, None, None, frozenset(), "", 0)
