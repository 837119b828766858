"""Universal Dependencies trees → trees in the CLEAR scheme of spaCy's English pipelines, so that everything above reads one scheme.

Not only labels differ. In Universal Dependencies content words govern: the preposition hangs on its noun (``case``), the copula
on what is said (``cop``), every conjunct on the first. In CLEAR the preposition governs its noun (``prep``, ``pobj``), "be" its
subject and its complement (``nsubj``, ``attr``, ``acomp``), each conjunct hangs on the one before, and names on their last word.
The rules are those the training trees of the bundled pipeline were made with; the steps are applied in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc, Span

NAME: Final = "dateline_clear_labels"
UNIVERSAL: Final = frozenset({"obj", "nsubj:pass", "aux:pass", "acl:relcl"})  # never CLEAR, unlike "case", and in every such treebank

_RENAMED: Mapping[str, str] = {
    "acl:relcl": "relcl", "advcl:relcl": "relcl", "aux:pass": "auxpass", "compound:prt": "prt", "csubj:pass": "csubjpass",
    "discourse": "intj", "dislocated": "dep", "goeswith": "dep", "iobj": "dative", "list": "dep",
    "nmod:poss": "poss", "nsubj:pass": "nsubjpass", "obj": "dobj", "obl": "npadvmod", "orphan": "dep", "reparandum": "dep",
    "root": "ROOT", "vocative": "npadvmod",
}  # fmt: skip
_KEPT = frozenset({"acl:relcl", "advcl:relcl", "aux:pass", "compound:prt", "csubj:pass", "nmod:poss", "nsubj:pass", "obl:agent"})
_NEGATIONS = frozenset({"not", "n't", "n’t", "nt", "never"})
_POSSESSIVES = frozenset({"'s", "’s", "'"})
_QUESTION_WORDS = frozenset({"when", "how", "why", "where"})
_NOUNS = frozenset({"NOUN", "PROPN", "PRON"})
_VERBS = frozenset({"VERB", "AUX"})
_GOVERNED_BY_PREPOSITION = frozenset(
    {"obl", "nmod", "conj", "xcomp", "advcl", "acl", "dep", "parataxis", "ROOT", "ccomp", "advmod", "appos"}
)
_OF_THE_CLAUSE = frozenset({"nsubj", "csubj", "aux", "mark", "expl", "punct", "advcl", "discourse", "parataxis", "vocative", "neg", "cc"})


@dataclass(frozen=True, slots=True)
class Words:
    """What the conversion looks at besides the tree, a value a word: as written, Penn tags, universal parts of speech."""

    texts: Sequence[str]
    tags: Sequence[str]
    pos: Sequence[str]


def to_clear(words: Words, heads: Sequence[int], deps: Sequence[str]) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Return heads and labels of one sentence in the CLEAR scheme; *heads* are indices of the sentence, the root's its own.

    The result is a tree with one root. A tree that the rules cannot convert keeps its heads and gets CLEAR labels only.
    """
    tree = _Tree(words, heads, deps)
    for step in (_mark_particles, _raise_copulas, _raise_prepositions, _head_names_last, _chain_conjuncts, _rename):
        step(tree)
    if not is_tree(tree.heads):
        tree = _Tree(words, heads, [_RENAMED.get(dep, dep.split(":")[0]) for dep in deps])
    return tuple(tree.heads), tuple("ROOT" if head == i else dep for i, (head, dep) in enumerate(zip(tree.heads, tree.deps, strict=True)))


def is_tree(heads: Sequence[int]) -> bool:
    """Return whether *heads*, the root's its own, is one tree."""
    reached = np.asarray(heads, np.int64)
    roots = np.flatnonzero(reached == np.arange(len(reached)))
    if len(roots) != 1:
        return False
    for _ in range(len(heads).bit_length()):
        reached = reached[reached]
    return bool((reached == roots[0]).all())


def is_universal(labels: Iterable[str]) -> bool:
    """Return whether dependency *labels* are of Universal Dependencies."""
    return not UNIVERSAL.isdisjoint(labels)


@Language.component(NAME, requires=["token.dep", "token.head", "token.tag", "token.pos"], assigns=["token.dep", "token.head"])
def convert_labels(doc: Doc) -> Doc:
    """Convert the trees of *doc*, which must be of Universal Dependencies, in place and return it."""
    if not len(doc):
        return doc
    heads: list[int] = []
    deps: list[str] = []
    for sent in doc.sents:
        new_heads, new_deps = _converted(sent)
        heads += [head - i for i, head in enumerate(new_heads)]
        deps += new_deps
    numbers = np.array([doc.vocab.strings.add(dep) for dep in deps], np.uint64)
    values: Any = np.stack([np.array(heads, np.int64).view(np.uint64), numbers], axis=1)
    return doc.from_array(["HEAD", "DEP"], values)


def _converted(sent: Span) -> tuple[tuple[int, ...], tuple[str, ...]]:
    words = Words([t.text for t in sent], [t.tag_ for t in sent], [t.pos_ for t in sent])
    return to_clear(words, [t.head.i - sent.start for t in sent], [t.dep_ for t in sent])


class _Tree:
    """A tree under conversion."""

    def __init__(self, words: Words, heads: Sequence[int], deps: Sequence[str]) -> None:
        self.words = words
        self.heads = list(heads)
        self.deps = [_base(dep) if dep not in _KEPT else dep for dep in deps]
        self._below: list[set[int]] = [set() for _ in heads]
        for i, head in enumerate(heads):
            if head != i:
                self._below[head].add(i)

    def __len__(self) -> int:
        return len(self.heads)

    def children(self, i: int) -> list[int]:
        """Return what hangs on *i*, in order."""
        return sorted(self._below[i])

    def attach(self, i: int, head: int, dep: str | None = None) -> None:
        """Hang *i* on *head*, on itself as the root; the label stays where *dep* is None."""
        if self.heads[i] != i:
            self._below[self.heads[i]].discard(i)
        self.heads[i] = head
        if head != i:
            self._below[head].add(i)
        if dep is not None:
            self.deps[i] = dep

    def replace(self, old: int, new: int, dep: str) -> None:
        """Put *new* where *old* hangs, with label *dep*, as the root where *old* is it."""
        head = self.heads[old]
        self.attach(new, new if head == old else head, "ROOT" if head == old else dep)

    def prepositions(self, i: int) -> list[int]:
        """Return the case marks of *i* but for the possessive."""
        texts, tags = self.words.texts, self.words.tags
        return [j for j in self.children(i) if self.deps[j] == "case" and tags[j] != "POS" and texts[j] not in _POSSESSIVES]


def _base(dep: str) -> str:
    return "ROOT" if dep in ("root", "ROOT") else dep.split(":")[0]


def _mark_particles(tree: _Tree) -> None:
    """1. "to" before an infinitive is an auxiliary; negations have their own label."""
    for i, dep in enumerate(tree.deps):
        if dep == "mark" and tree.words.tags[i] == "TO":
            tree.deps[i] = "aux"
        elif dep == "advmod" and tree.words.texts[i].lower() in _NEGATIONS:
            tree.deps[i] = "neg"


def _raise_copulas(tree: _Tree) -> None:
    """2. "be" takes the place of its complement, and with it what belongs to the clause."""
    for i in range(len(tree)):
        complement = tree.heads[i]
        if tree.deps[i] != "cop" or complement == i or tree.deps[complement] == "cop":
            continue
        label = _complement_label(tree, complement)
        moved = [j for j in tree.children(complement) if j != i and _belongs_to_clause(tree, j, i, complement)]
        tree.replace(complement, i, tree.deps[complement])
        for j in moved:
            tree.attach(j, i)
        tree.attach(complement, i, label)


def _complement_label(tree: _Tree, complement: int) -> str:
    pos = tree.words.pos[complement]
    if tree.prepositions(complement):
        return "obl"  # a preposition follows in the next step
    if pos == "ADJ" or tree.words.tags[complement].startswith("JJ"):
        return "acomp"
    return "advmod" if pos == "ADV" else "ccomp" if pos in _VERBS else "attr"


def _belongs_to_clause(tree: _Tree, j: int, copula: int, complement: int) -> bool:
    """Return whether the child *j* of a complement belongs to the clause, not to the complement alone."""
    dep = tree.deps[j]
    if dep.split(":")[0] in _OF_THE_CLAUSE:
        return True
    if dep in ("advmod", "obl", "obl:agent"):
        return j < copula or (j > complement and tree.words.pos[complement] in _NOUNS)
    return dep == "conj" and (tree.words.pos[j] in _VERBS or any(tree.deps[k] == "cop" for k in tree.children(j)))


def _raise_prepositions(tree: _Tree) -> None:
    """3. A preposition takes the place of its noun; several in a row hang on one another ("out of town")."""
    for i in range(len(tree)):
        dep = tree.deps[i]
        marks = tree.prepositions(i)
        if marks and _base(dep) in _GOVERNED_BY_PREPOSITION:
            root = tree.heads[i] == i
            label = dep if dep == "conj" else "agent" if _is_agent(tree, i, marks[0]) else "prep"
            tree.replace(i, marks[0], label)
            last = marks[0]
            for mark in marks[1:]:
                if mark == last + 1 and mark < i:
                    tree.attach(mark, last, "prep")
                    last = mark
            if root:
                for j in tree.children(i):
                    if tree.deps[j] == "punct":
                        tree.attach(j, marks[0])
            tree.attach(i, last, "pcomp" if tree.words.pos[i] in _VERBS else "pobj")
        elif _base(dep) == "obl":
            tree.deps[i] = "npadvmod" if tree.words.pos[i] in _NOUNS | {"NUM", "SYM"} else "advmod"


def _is_agent(tree: _Tree, i: int, mark: int) -> bool:
    """Return whether "by" at *mark* brings in who acts in a passive."""
    verb = tree.heads[i]
    if tree.deps[i] == "obl:agent":
        return True
    by_passive = tree.words.texts[mark].lower() == "by" and tree.words.tags[verb] == "VBN" and tree.deps[i] == "obl"
    return by_passive and any(tree.deps[k] == "aux:pass" for k in tree.children(verb))


def _head_names_last(tree: _Tree) -> None:
    """4. The last word of a flat name governs the others."""
    for i in range(len(tree)):
        parts = [j for j in tree.children(i) if tree.deps[j] == "flat" and j > i]
        if not parts or tree.deps[i] == "flat":
            continue
        last, name = parts[-1], {i, *parts}
        if any(k not in name and tree.heads[k] not in name for k in range(i, last + 1)):
            continue
        others = [j for j in tree.children(i) if j not in name]
        tree.replace(i, last, tree.deps[i])
        for j in others:
            tree.attach(j, last)
        for j in (i, *parts[:-1]):
            tree.attach(j, last, "compound")


def _chain_conjuncts(tree: _Tree) -> None:
    """5. Each conjunct hangs on the one before it, and so does the conjunction between them."""
    for i in range(len(tree)):
        before = i
        for conjunct in [j for j in tree.children(i) if tree.deps[j] == "conj" and j > i]:
            for k in tree.children(conjunct):
                if tree.deps[k] == "cc" and k < conjunct:
                    tree.attach(k, before)
            if before != i:
                tree.attach(conjunct, before)
            before = conjunct


def _rename(tree: _Tree) -> None:
    """6. Labels that have another name or none in CLEAR."""
    words = tree.words
    for i, dep in enumerate(tree.deps):
        if dep == "fixed":
            dep = {"ADP": "prep", "ADV": "advmod"}.get(words.pos[i], "dep")
        elif dep == "mark" and words.texts[i].lower() in _QUESTION_WORDS:
            dep = "advmod"
        elif dep == "case" and words.tags[i] != "POS" and words.texts[i] not in _POSSESSIVES:
            dep = "prep"
        elif dep == "nmod" and words.pos[tree.heads[i]] in _VERBS:
            dep = "npadvmod"
        tree.deps[i] = _RENAMED.get(dep, dep.split(":")[0])
