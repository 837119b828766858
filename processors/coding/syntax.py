"""Who stands where in a clause, in CLEAR labels: subject, voice, objects, governing word. Tolerant of missing arcs."""

from __future__ import annotations

from processors.coding.lexicon import PARTICLES
from processors.coding.scene import Scene, by_dep, is_verb, objects_of_preposition, per_word
from processors.coding.token import Token

MAX_CLIMB = 12  # governing words looked at; deeper nesting is a broken parse
VERBAL_QUADS = frozenset({1, 3})  # cooperation and conflict in words
FINITE = frozenset({"VBD", "VBZ", "VBP"})


@per_word
def is_passive(scene: Scene, verb: Token) -> bool:
    """Return whether *verb* is passive: an auxiliary or subject says so, or it is a bare participle after a noun."""
    if by_dep(scene, verb, "auxpass") or (by_dep(scene, verb, "nsubjpass") and not (verb.tag_ == "VBD" and by_dep(scene, verb, "dobj"))):
        return True  # a past tense with an object is active, whatever its subject is called
    if headline_verb(scene, verb):
        return False
    if verb.tag_ == "VBN" and by_dep(scene, verb, "agent"):
        return not by_dep(scene, verb, "nsubj", "dobj")
    if verb.dep_ == "conj" and verb.tag_ == "VBN" and verb.head.i != verb.i and _bare(scene, verb):
        return is_passive(scene, verb.head)  # "were freed and flown home"
    if by_dep(scene, verb, "nsubj", "dobj") or verb.tag_ != "VBN":
        return False
    return verb.dep_ in {"acl", "advcl", "amod"} and not by_dep(scene, verb, "aux")


@per_word
def headline_verb(scene: Scene, verb: Token) -> bool:
    """Return whether a participle is the sentence's finite verb that the parser took for a modifier ("Turkey deployed tanks").

    So where nothing else in the sentence is finite, no "by" follows, and the noun before it heads the sentence or stands right before it.
    """
    head = verb.head
    if verb.tag_ != "VBN" or verb.dep_ not in {"acl", "amod"} or not is_noun(head):
        return False
    if head.dep_ != "ROOT" and not (
        head.dep_ == "pobj" and head.head.head.dep_ == "ROOT" and scene.cue("quantity", scene.lemma_of[head.head.head.i])
    ):
        return False
    start, end = scene.sentence_of[verb.i]
    if any(t.tag_ in FINITE or t.tag_ == "MD" for t in scene.tokens[start:end]) or by_dep(scene, verb, "aux", "auxpass", "agent"):
        return False
    if verb.dep_ == "amod":
        return verb.i > start and scene.tokens[verb.i - 1].tag_ in {"NNP", "NNPS"} and scene.tokens[verb.i - 1].head.i == head.i
    after = scene.tokens[verb.i + 1] if verb.i + 1 < end else None
    return after is not None and (
        after.pos_ in {"DET", "NOUN", "PROPN", "ADJ", "NUM"}
        or after.dep_ == "prt"
        or after.lower_ in PARTICLES | {"for", "on", "to", "against", "with"}
    )


def _bare(scene: Scene, verb: Token) -> bool:
    return not by_dep(scene, verb, "nsubj", "aux")


def grammatical_subject(scene: Scene, word: Token, depth: int = 0) -> Token | None:
    """Return the subject of *word*, its own or the one it shares by conjunction, control, raising or relation; None where there is none."""
    if headline_verb(scene, word):
        return scene.tokens[word.i - 1] if word.dep_ == "amod" else word.head
    own = by_dep(scene, word, "nsubj", "nsubjpass", "csubj")
    if own:
        return _antecedent(scene, word, own[-1])
    head = word.head
    if head.i == word.i or depth > MAX_CLIMB:
        return None
    if word.dep_ in {"acomp", "attr", "oprd", "prt"} or (word.dep_ == "conj" and not is_noun(head)):
        return grammatical_subject(scene, head, depth + 1)
    if word.dep_ == "xcomp":
        return _controller(scene, head, depth)
    if _goes_with_saying(scene, word):
        return grammatical_subject(scene, head.head, depth + 1)
    if word.dep_ == "ccomp" and word.tag_ == "VB" and word.i < head.i:  # "Let the healing begin," he told deputies
        return None
    if word.dep_ in {"advcl", "ccomp", "dep", "parataxis"} and word.tag_ in {"VBG", "VBN", "VB"}:
        return _controller(scene, head, depth) if word.dep_ == "ccomp" else grammatical_subject(scene, head, depth + 1)
    if word.dep_ in {"acl", "relcl"} and is_noun(head):
        return _subject_of_modifier(scene, word, head, depth)
    if word.dep_ == "pcomp" and head.head.i != head.i:
        return _controller(scene, head.head, depth)
    return None


def _goes_with_saying(scene: Scene, word: Token) -> bool:
    """Return whether a participle tells what the speaker does by what he says: "said Mali had broken the truce, accusing it of …"."""
    clause = word.head
    said = clause.dep_ == "ccomp" and clause.head.i < clause.i and scene.cue("speech", scene.lemma_of[clause.head.i])
    if not said or word.dep_ != "advcl" or word.tag_ != "VBG" or scene.tokens[word.i - 1].text != ",":
        return False
    types = {e.type for e in scene.lexicon.verbs.get(scene.lemma_of[word.i], ()) if e.type}
    return bool(types) and all(scene.lexicon.type_row(type_, None).quad in VERBAL_QUADS for type_ in types)


def is_noun(token: Token) -> bool:
    """Return whether *token* is a noun, name, number or pronoun."""
    return token.pos_ in {"NOUN", "PROPN", "PRON", "NUM"}


def _antecedent(scene: Scene, verb: Token, subject: Token) -> Token:
    relative = scene.cue("relative", subject.lower_) and verb.dep_ == "relcl"
    return verb.head if relative else subject


def _controller(scene: Scene, governor: Token, depth: int) -> Token | None:
    if is_noun(governor):
        return governor
    objects = by_dep(scene, governor, "dobj", "dative")
    if objects and is_verb(governor) and not scene.cue("subject_control", scene.lemma_of[governor.i]):
        return objects[0]
    return grammatical_subject(scene, governor, depth + 1)


def _subject_of_modifier(scene: Scene, word: Token, noun: Token, depth: int) -> Token | None:
    told = word.tag_ == "VBG" and scene.cue("document", scene.lemma_of[noun.i])  # "its report accusing": whose report it is
    if word.tag_ == "VB" or told or by_dep(scene, word, "aux"):  # "its plan to attack": whose plan it is
        owner = by_dep(scene, noun, "poss")
        if owner:
            return owner[0]
        if noun.dep_ in {"dobj", "attr"} and noun.head.i != noun.i:
            return grammatical_subject(scene, noun.head, depth + 1)
    return noun


def agents(scene: Scene, verb: Token) -> list[Token]:
    """Return the nouns that do what *verb* says, nearest first: the subject, or in a passive what stands after "by"."""
    if is_passive(scene, verb):
        return objects_of_preposition(scene, verb, lambda word: word == "by")
    subjects = by_dep(scene, verb, "nsubj")  # several where the parser missed a conjunction; one after the verb is another's
    own = [s for s in subjects if s.i < verb.i] or subjects
    own = [s for s in own if s.i + 1 == len(scene.tokens) or scene.tokens[s.i + 1].text != ":"] or own  # "GENEVA: The minister said"
    subject = grammatical_subject(scene, verb)
    if subject is not None and subject not in own:
        own = [subject]
    return own


@per_word
def patients(scene: Scene, verb: Token) -> list[Token]:
    """Return the nouns that undergo what *verb* says: its objects, or in a passive its subject."""
    objects = by_dep(scene, verb, "dobj", "dative") or shared_objects(scene, verb)
    if verb.dep_ == "relcl":
        objects = _with_antecedent(scene, verb, objects)
    if objects and all(noun.dep_ == "dative" for noun in objects):  # "gave the rebels two hours", taken for how long it took
        objects = objects + by_dep(scene, verb, "npadvmod")
    if verb.dep_ in {"amod", "compound"} and verb.tag_ in FINITE:  # a finite verb that the parser hung before its object
        return [verb.head, *objects]
    if is_passive(scene, verb):
        subject = grammatical_subject(scene, verb)
        return ([subject] if subject is not None else []) + objects
    for preposition in by_dep(scene, verb, "prep"):  # "called off the strike" with "off" taken for a preposition
        if preposition.i == verb.i + 1 and (scene.lemma_of[verb.i], preposition.lower_) in scene.lexicon.phrasal:
            objects = objects + by_dep(scene, preposition, "pobj")
    if headline_verb(scene, verb):
        objects = [verb.head, *objects] if verb.dep_ == "amod" else objects
    nouns = [o for o in objects if o.pos_ != "ADP"]
    return nouns + [n for o in objects if o.pos_ == "ADP" for n in by_dep(scene, o, "pobj")]


def _with_antecedent(scene: Scene, verb: Token, objects: list[Token]) -> list[Token]:
    """Return *objects* of a relative clause with the noun before it for its "whom"; alone where no word stands for it.

    "The man whom the police arrested", "the man the police arrested"; not "the man who fell", "the day the police came".
    """
    relatives = [noun for noun in objects if scene.cue("relative", noun.lower_)]
    if relatives:
        return [verb.head if noun in relatives else noun for noun in objects]
    subjects = by_dep(scene, verb, "nsubj", "nsubjpass")
    gap = subjects and not objects and all(_is_named_apart(scene, verb, s) for s in subjects)
    asked = (*by_dep(scene, verb, "advmod"), *objects_of_preposition(scene, verb, lambda _: True))  # "where", "in which"
    filled = by_dep(scene, verb, "ccomp", "xcomp", "auxpass") or any(c.tag_ in {"WRB", "WDT", "WP"} for c in asked)
    return [verb.head] if gap and not filled and scene.time_of[verb.head.i] is None else objects


def _is_named_apart(scene: Scene, verb: Token, subject: Token) -> bool:
    """Return whether *subject* of a relative clause is somebody else than the noun before it."""
    return verb.head.i < subject.i < verb.i and not scene.cue("relative", subject.lower_)


def shared_objects(scene: Scene, verb: Token) -> list[Token]:
    """Return the object that *verb*, which has none, has together with a verb beside it: "arrested and deported the activists".

    Parsers hang it from the first of the verbs or from the last. It has to stand behind both, and nothing may stand between
    the verbs that only one of them could have.
    """
    if verb.dep_ == "conj" and is_verb(verb.head):
        return [o for o in by_dep(scene, verb.head, "dobj") if o.i > verb.i]
    nearest = next((c for c in by_dep(scene, verb, "conj") if is_verb(c)), None)
    if nearest is None or by_dep(scene, nearest, "nsubj", "nsubjpass", "aux", "auxpass"):
        return []
    between = scene.tokens[verb.i + 1 : nearest.i]
    return by_dep(scene, nearest, "dobj") if all(t.dep_ in {"cc", "punct", "advmod", "preconj"} for t in between) else []


def governors(token: Token) -> list[Token]:
    """Return the words above *token*, nearest first."""
    found: list[Token] = []
    while token.head.i != token.i and len(found) < MAX_CLIMB:
        token = token.head
        found.append(token)
    return found


def below(scene: Scene, token: Token, *, limit: int = 40, without: frozenset[str] = frozenset()) -> list[Token]:
    """Return *token* and what hangs from it, breadth first, at most *limit* words; nothing below one of the labels *without*."""
    found = [token]
    for item in found:
        if len(found) >= limit:
            return found[:limit]
        found.extend(child for child in scene.children[item.i] if child.dep_ not in without)
    return found
