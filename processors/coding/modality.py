"""Whether an event happened: asserted, planned, conditional, possible, hypothetical or negated, from the words around it."""

from __future__ import annotations

from dataclasses import dataclass

from processors.coding.lexicon import FAMILIES, Lexicon
from processors.coding.scene import Scene, by_dep, is_verb
from processors.coding.syntax import FINITE, MAX_CLIMB, governors
from processors.coding.token import Token
from stream.messages import Modality

QUESTION_WORDS = frozenset({"WRB", "WP", "WP$", "WDT"})
QUOTES = frozenset('"“«‘')
STRENGTH: tuple[Modality, ...] = ("asserted", "planned", "conditional", "possible", "hypothetical", "negated")


@dataclass(frozen=True, slots=True)
class Circumstance:
    """What the words around an event's head say of it."""

    future: bool = False  # will, shall, a headline's "to"
    negated: bool = False
    possible: bool = False  # may, might, reportedly
    would: bool = False
    obliged: bool = False  # must, should: somebody wants it
    perfect: bool = False  # have: what may have been lies in the past
    conditioned: bool = False  # an if-clause hangs from it
    supposed: bool = False  # it stands in an if-clause, or is a detail of what is wished: nobody says that it is or will be so
    outer: Modality = "asserted"  # what the governing words make of it


@dataclass(frozen=True, slots=True)
class Reality:
    """An event's type and mode after tense and negation have had their say, and whether it happened."""

    type: str
    mode: str | None
    modality: Modality


def decide(lexicon: Lexicon, type_: str, mode: str | None, inner: Modality, seen: Circumstance) -> Reality | None:
    """Return what an event of *type_* is under *seen*; None where nothing is left to code.

    Cooperation that lies ahead is AGREE, yielding CONCEDE, and force that is announced THREATEN (PLOVER manual, AGREE and THREATEN).
    *inner* is the modality that the event's own words give, such as planned for a promise.
    """
    if seen.supposed:
        return None
    ahead = (seen.future or seen.would) and not seen.perfect
    if ahead and seen.negated and type_ not in FAMILIES["TALK"]:
        return _under(lexicon, "wont", type_, mode, seen.outer)
    if seen.negated:
        return None if seen.outer == "hypothetical" else Reality(type_, mode, "negated")
    level = _strongest(inner, _own(seen, ahead), seen.outer)
    if seen.conditioned and (level == "planned" or (type_ == "THREATEN" and level == "asserted")):
        level = "conditional"
    if level == "asserted":
        return Reality(type_, mode, "asserted")
    if level == "conditional" or (ahead and seen.outer in {"asserted", "planned"}):
        return _under(lexicon, "intend", type_, mode, level)
    if level == "planned" or (level in {"possible", "hypothetical"} and not seen.perfect):
        kind, manner = _softened(type_, mode)
        return Reality(kind, manner, level)
    return Reality(type_, mode, level)


def _own(seen: Circumstance, ahead: bool) -> Modality:
    if seen.possible:
        return "possible"
    if seen.obliged:
        return "hypothetical"
    if ahead:
        return "conditional" if seen.would and seen.conditioned else "planned"
    return "asserted"


def _softened(type_: str, mode: str | None) -> tuple[str, str | None]:
    if type_ in FAMILIES["COOP"]:
        return "AGREE", None
    return ("CONCEDE", None) if type_ == "RETREAT" else (type_, mode)


def _under(lexicon: Lexicon, operator: str, type_: str, mode: str | None, modality: Modality) -> Reality | None:
    row = lexicon.outcome(operator, type_)
    if row is None or row.result == "-":
        return None
    level = modality if row.modality in {"own", "planned"} and modality != "asserted" else row.modality
    shown: Modality = next((m for m in STRENGTH if m == level), "asserted")
    if row.result == "content":
        return Reality(type_, mode, shown)
    return Reality(row.result, resolve_mode(lexicon, row.mode, type_, mode), shown)


def resolve_mode(lexicon: Lexicon, wanted: str, type_: str, mode: str | None) -> str | None:
    """Return the mode that an operator's row names: its own, that of the content, or what a threat of the content threatens."""
    if wanted == "-":
        return None
    if wanted == "content":
        return mode
    return lexicon.type_row(type_, mode).threat if wanted == "threat" else wanted


def _strongest(*levels: Modality) -> Modality:
    return STRENGTH[max(STRENGTH.index(level) for level in levels)]


def circumstance(scene: Scene, head: Token, type_: str | None = None) -> Circumstance:
    """Read the auxiliaries, adverbs and clauses of *head* (a verb, adjective or noun), and the words that govern it.

    A meeting that is only named ("talks on the border") is asserted where something says that it took place.
    """
    verb = _finite(head)
    modals = {child.lower_ for child in _auxiliaries(scene, verb)}
    words = modals | {child.lower_ for child in by_dep(scene, verb, "advmod", "neg")}
    condition = _conditional_clause(scene, verb)
    if not is_verb(head) and type_ == "CONSULT" and not _has_taken_place(scene, head, verb):
        return Circumstance(possible=True, negated=bool(by_dep(scene, verb, "neg")), outer=_outer(scene, head, verb))
    due = _going_to(scene, verb) or _is_to(scene, verb) or _headline_future(scene, verb)
    outer = _outer(scene, head, verb)
    return Circumstance(
        future=_any(scene, "modal_future", modals) or due,
        negated=bool(by_dep(scene, verb, "neg")) or _any(scene, "negation", words) or _has_yet(scene, verb) or _none_of(scene, verb),
        possible=_any(scene, "modal_possible", modals) or _any(scene, "adverb_possible", words) or _possible_noun(scene, head),
        would=_any(scene, "modal_conditional", modals),
        obliged=_any(scene, "modal_must", modals) or _is_subjunctive(scene, verb),
        perfect=not due and "have" in {scene.lemma_of[child.i] for child in _auxiliaries(scene, verb)},  # "was to have met" did not
        conditioned=condition,
        supposed=_is_supposed(scene, verb) or (outer == "hypothetical" and verb.head != verb and not _in_own_clause(scene, verb)),
        outer=outer,
    )


def _has_taken_place(scene: Scene, noun: Token, verb: Token) -> bool:
    if verb.i != noun.i:
        past = verb.tag_ == "VBD" or any(c.lower_ in {"was", "were", "has", "have", "had"} for c in by_dep(scene, verb, "aux", "auxpass"))
        return past or (verb.tag_ in {"VBZ", "VBP"} and scene.cue("under_way", scene.lemma_of[verb.i]))
    above = noun.head
    if noun.dep_ == "pobj":
        return scene.cue("after_it", above.lower_)
    return noun.dep_ == "dobj" and (above.tag_ == "VBD" or (above.tag_ == "VBG" and above.dep_ == "advcl"))


def _finite(head: Token) -> Token:
    """Return the verb that carries the tense: the copula of an adjective, the verb of which an event noun is the subject."""
    above = head.head
    if above.i != head.i and not is_verb(head) and is_verb(above) and head.dep_ in {"acomp", "attr", "oprd", "nsubj", "nsubjpass"}:
        return above
    return head


def _auxiliaries(scene: Scene, verb: Token) -> list[Token]:
    own = by_dep(scene, verb, "aux", "auxpass")
    if not own and verb.dep_ == "conj" and is_verb(verb) and is_verb(verb.head) and verb.tag_ == verb.head.tag_:
        return by_dep(scene, verb.head, "aux", "auxpass")  # "will meet and sign"
    return own


def _any(scene: Scene, cue: str, words: set[str]) -> bool:
    return not words.isdisjoint(scene.cues(cue))


def _going_to(scene: Scene, verb: Token) -> bool:
    above = verb.head
    return verb.dep_ == "xcomp" and above.lower_ in {"going", "gonna", "due", "set", "expected", "scheduled"} and above.i != verb.i


def _is_to(scene: Scene, verb: Token) -> bool:
    """Return whether *verb* is what somebody is to do ("the ministers are to meet", "were to have met")."""
    above, own = verb.head, by_dep(scene, verb, "aux")
    if any(c.tag_ == "TO" for c in own) and any(c.tag_ in FINITE and scene.lemma_of[c.i] == "be" for c in own):
        return True
    infinitive = verb.tag_ == "VB" and any(c.tag_ == "TO" for c in own + by_dep(scene, above, "aux"))
    return infinitive and verb.dep_ in {"xcomp", "ccomp", "acomp"} and scene.lemma_of[above.i] == "be" and above.tag_ in FINITE


def _headline_future(scene: Scene, verb: Token) -> bool:
    """Return whether "to" and a bare verb stand for the future with a subject of their own ("Pope to visit Cuba")."""
    if verb.tag_ != "VB" or not any(c.tag_ == "TO" for c in by_dep(scene, verb, "aux")):
        return False
    if verb.dep_ == "acl" and verb.head.dep_ == "ROOT":  # read as "a president who is to visit"
        return not is_verb(verb.head) and not by_dep(scene, verb.head, "cop", "aux")
    return verb.dep_ == "ROOT" and bool(by_dep(scene, verb, "nsubj", "nsubjpass"))


def _is_subjunctive(scene: Scene, verb: Token) -> bool:
    """Return whether *verb* is what is wished: "that" before it, and no "s" though one does it ("that Argentina withdraw")."""
    if verb.tag_ not in {"VB", "VBP"} or not any(c.lower_ == "that" for c in scene.children[verb.i]):
        return False
    subjects = by_dep(scene, verb, "nsubj")
    single = all(s.tag_ in {"NN", "NNP"} and not by_dep(scene, s, "conj") for s in subjects)
    return bool(subjects) and single and not by_dep(scene, verb, "aux")


def _has_yet(scene: Scene, verb: Token) -> bool:
    above = verb.head
    return verb.dep_ in {"xcomp", "advcl"} and scene.lemma_of[above.i] == "have" and any(c.lower_ == "yet" for c in scene.children[above.i])


def _none_of(scene: Scene, verb: Token) -> bool:
    nouns = by_dep(scene, verb, "nsubj", "nsubjpass", "dobj")
    return any(word.lower_ in {"no", "neither"} for noun in nouns for word in by_dep(scene, noun, "det", "cc", "preconj")) or any(
        n.lower_ in {"nobody", "none"} for n in nouns
    )


def _possible_noun(scene: Scene, head: Token) -> bool:
    return not is_verb(head) and any(scene.cue("amod_possible", c.lower_) for c in by_dep(scene, head, "amod"))


def _is_supposed(scene: Scene, verb: Token) -> bool:
    """Return whether *verb* stands in a clause that says in which case something would be."""
    clause = next((w for w in (verb, *governors(verb)) if w.dep_ not in {"xcomp", "ccomp", "conj", "acl"}), verb)
    return clause.dep_ == "advcl" and (_is_condition(scene, clause) or _is_awaited(scene, clause))


def _is_awaited(scene: Scene, clause: Token) -> bool:
    """Return whether *clause* tells when something is to be, in the present: "until Russia withdraws", not "until it withdrew"."""
    finite = next((w for w in (*by_dep(scene, clause, "aux", "auxpass"), clause) if w.tag_ in FINITE), clause)
    return finite.tag_ in {"VBZ", "VBP"} and _any(scene, "awaiting", {m.lower_ for m in by_dep(scene, clause, "mark", "advmod")})


def _in_own_clause(scene: Scene, verb: Token) -> bool:
    """Return whether *verb* belongs to a clause that says who would do it ("doubts that Kenya will attend"), or to a participle."""
    clauses = (verb, *governors(verb)[:2])
    return any((w.dep_ == "ccomp" and by_dep(scene, w, "nsubj", "nsubjpass")) or (w.dep_ == "advcl" and w.tag_ == "VBG") for w in clauses)


def _conditional_clause(scene: Scene, verb: Token) -> bool:
    for clause in (c for item in (verb, *by_dep(scene, verb, "xcomp", "ccomp")) for c in by_dep(scene, item, "advcl")):
        if _is_condition(scene, clause):
            return True
    _, end = scene.sentence_of[verb.i]
    after = scene.tokens[verb.i + 1 : min(end, verb.i + 30)]
    return any(token.lower_ in {"if", "unless"} and scene.tokens[token.i - 1].lower_ not in {"as", "even"} for token in after)


def _is_condition(scene: Scene, clause: Token) -> bool:
    """Return whether *clause* says in which case: after "if", or with its auxiliary before the subject ("had Russia withdrawn")."""
    if _any(scene, "condition", {m.lower_ for m in by_dep(scene, clause, "mark", "advmod")}):
        return True
    first = next(iter(scene.children[clause.i]), clause)
    return (
        first.dep_ in {"aux", "auxpass"} and first.lower_ in {"had", "should", "were"} and bool(by_dep(scene, clause, "nsubj", "nsubjpass"))
    )


def _outer(scene: Scene, head: Token, verb: Token) -> Modality:
    """Return what the words above make of an event, up to the clause that somebody says or the sentence's end."""
    said_of_it = {c.lower_ for c in by_dep(scene, head, "amod")}
    if _any(scene, "amod_done", said_of_it):
        return "asserted"
    level: Modality = "planned" if _any(scene, "amod_planned", said_of_it) else "asserted"
    token = verb
    for _ in range(MAX_CLIMB):
        if token.head.i == token.i:
            return "hypothetical" if _is_asked(scene, token) else level
        level = _strongest(level, "asserted" if token is head and _is_answered(scene, token) else _link(scene, token))
        if _tells(scene, token):
            break
        token = token.head
    return level


def _tells(scene: Scene, token: Token) -> bool:
    """Return whether the clause of *token* tells something of its own, whatever is said of the words above."""
    if token.dep_ == "advcl" and token.tag_ == "VBD":  # "refused to resign after police arrested his aide"
        return any(scene.cue("telling", mark.lower_) for mark in by_dep(scene, token, "mark"))
    if token.dep_ == "acl":  # a participle does ("those arrested in May"), not what a paper yet to be passed says, nor an aim
        said = scene.cue("document", scene.lemma_of[token.head.i]) or by_dep(scene, token, "mark")
        return token.tag_ == "VBN" or (token.tag_ == "VBG" and not said)
    return token.dep_ in {"relcl", "parataxis"} or (token.dep_ == "conj" and _stands_apart(scene, token))


def _stands_apart(scene: Scene, verb: Token) -> bool:
    """Return whether a conjoined *verb* shares nothing with the one that it hangs from: a subject of its own, or a finite verb hung
    to an infinitive ("asked them to leave and cancelled the march")."""
    return bool(by_dep(scene, verb, "nsubj", "nsubjpass")) or (verb.tag_ in FINITE and verb.head.tag_ == "VB")


def _is_asked(scene: Scene, root: Token) -> bool:
    """Return whether the sentence of *root* asks if it is so; one that asks why or how takes it for granted."""
    start, end = scene.sentence_of[root.i]
    if all(token.text != "?" for token in scene.tokens[max(root.i, end - 3) : end]):  # a quotation mark may follow
        return False
    quotes = any(token.tag_ in {"``", "-LRB-"} or token.text in QUOTES for token in scene.tokens[root.i : end - 3])
    return not quotes and not any(token.tag_ in QUESTION_WORDS for token in scene.tokens[start : root.i])


def _link(scene: Scene, token: Token) -> Modality:
    above, dep = token.head, "acl" if _completes(scene, token) else token.dep_
    if is_verb(token) and any(scene.cue("doubt_mark", m.lower_) for m in by_dep(scene, token, "mark")):
        return "hypothetical"
    if dep == "conj" and is_verb(token) and is_verb(above) and not _stands_apart(scene, token) and above.dep_ == "advcl":
        return _adverbial(scene, above)
    if dep == "advcl":
        if token.tag_ == "VBG" and _aim(scene, above):  # "his goal is that the talks occur in June, marking the first meeting"
            return "hypothetical"
        return "asserted" if scene.cue("occasion", scene.lemma_of[above.i]) else _adverbial(scene, token)
    if above.lower_ == "without" and dep in {"pobj", "pcomp"}:
        return "negated"
    if dep not in {"xcomp", "ccomp", "acl", "pcomp", "pobj", "dobj", "prep", "nsubjpass", "oprd"}:
        return "asserted"
    if dep == "acl" and token.tag_ in {"VBG", "VBN"}:
        return "asserted"  # a participle tells, an infinitive is what is meant ("its request asking …", "its request to …")
    if dep == "ccomp" and any(scene.cue("hypothetical", scene.lemma_of[noun.i]) for noun in by_dep(scene, above, "dobj")):
        return "hypothetical"  # "expressed doubt that …"
    lemma = scene.lemma_of[above.i]
    if lemma == "be" and dep in {"xcomp", "ccomp"}:  # "his goal is to ensure …": the subject says what it is
        lemma = next((scene.lemma_of[noun.i] for noun in by_dep(scene, above, "nsubj")), lemma)
    levels: tuple[tuple[str, Modality], ...] = (
        ("negating", "negated"),
        ("conditioning", "conditional"),
        ("planned", "planned"),
        ("possible", "possible"),
        ("hypothetical", "hypothetical"),
    )
    nominal = dep in {"dobj", "pobj", "prep", "nsubjpass"}
    for cue, level in levels:
        if scene.cue(cue, lemma) and not (nominal and dep == "prep" and is_verb(above)):
            return level
    own = {c.lower_ for c in by_dep(scene, above, "aux")} if is_verb(above) and dep != "ccomp" else set()
    if _any(scene, "modal_possible", own):
        return "possible"
    return "planned" if _any(scene, "modal_future", own) or _any(scene, "modal_conditional", own) else "asserted"


def _is_answered(scene: Scene, noun: Token) -> bool:
    """Return whether *noun* is what was said before anybody could reject it: "rejected the accusations"."""
    if noun.dep_ not in {"dobj", "nsubjpass"} or not scene.cue("answering", scene.lemma_of[noun.head.i]):
        return False
    kinds = [(e.type, e.mode) for e in scene.lexicon.nouns.get(scene.lemma_of[noun.i], ())]
    return bool(kinds) and all(type_ in {"ACCUSE", "REQUEST"} and mode != "investigate" for type_, mode in kinds)


def _aim(scene: Scene, verb: Token) -> bool:
    """Return whether *verb* says what somebody wishes or means to do: "his goal is to …"."""
    return scene.lemma_of[verb.i] == "be" and any(
        scene.cue(name, scene.lemma_of[noun.i]) for name in ("hypothetical", "planned") for noun in by_dep(scene, verb, "nsubj")
    )


def _completes(scene: Scene, clause: Token) -> bool:
    """Return whether *clause* is no relative one, whatever its label: its "that" has no part in it ("the claim that he fired")."""
    return clause.dep_ == "relcl" and any(c.lower_ == "that" and c.dep_ in {"mark", "npadvmod", "advmod"} for c in scene.children[clause.i])


def _adverbial(scene: Scene, clause: Token) -> Modality:
    if _is_condition(scene, clause):
        return "hypothetical"
    purpose = clause.tag_ == "VB" and any(c.tag_ == "TO" for c in by_dep(scene, clause, "aux"))
    return "planned" if purpose else "asserted"
