"""Score spaCy pipelines on the test sets from raw text: trees, tags, sentences, exact entity spans, words a second.

python -m training.evaluate PIPELINE … [--corpora FOLDER] [--treebanks FOLDER]

Words are compared by the characters that they cover, whitespace not counted, so that any tokenizer can be scored. The corpora
keep no paragraphs. With --treebanks, a folder of the CoNLL-U files of UD_English-EWT and UD_English-GUM, line breaks are put
where these say "newpar", as articles have them; without it only running text is scored.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from processors.nlp import load_nlp
from training.corpora import read_docs, read_json_lines

TREES = ("ewt-test", "gum-ship-test", "gum-news-test")
CORE_SETS = ("uner-ewt-test", "crossner-politics-test", "gum-ship-test")
TYPED_SETS = ("crossner-politics-test", "gum-ship-test")
CORE = {"PERSON": "PER", "ORG": "ORG", "GPE": "LOC", "LOC": "LOC", "FAC": "LOC"}  # Universal NER's three types
TYPES = ("PERSON", "ORG", "GPE", "LOC", "FAC", "NORP", "EVENT", "DATE", "MISC")
PUNCTUATION = frozenset({"punct", "p"})

Facts = set[tuple[Any, ...]]


@dataclass(frozen=True)
class Score:
    """Precision, recall and F, in percent."""

    precision: float
    recall: float
    f: float


def score(gold: Sequence[Facts], guess: Sequence[Facts]) -> Score:
    """Return how the facts guessed of each document agree with the true ones."""
    right = sum(len(g & p) for g, p in zip(gold, guess, strict=True))
    true, found = sum(map(len, gold)), sum(map(len, guess))
    return Score(100 * right / max(1, found), 100 * right / max(1, true), 200 * right / max(1, true + found))


def places(doc: Doc) -> list[tuple[int, int]]:
    """Return for each token the range of the characters that it covers, whitespace not counted."""
    found, at = [], 0
    for token in doc:
        end = at + sum(not c.isspace() for c in token.text)
        found.append((at, end))
        at = end
    return found


def arcs(doc: Doc, labelled: bool) -> Facts:
    """Return (word, head, label) of every word but punctuation and whitespace; the root's head is itself."""
    at = places(doc)
    return {
        (at[t.i], at[t.head.i], t.dep_ if labelled else "")
        for t in doc
        if t.dep_ not in PUNCTUATION and not t.is_space and at[t.i][0] < at[t.i][1]
    }


def tags(doc: Doc) -> Facts:
    """Return (word, tag) of every word."""
    return {(place, t.tag_) for t, place in zip(doc, places(doc), strict=True) if not t.is_space}


def sentences(doc: Doc) -> Facts:
    """Return the range of every sentence."""
    at = places(doc)
    return {(at[s.start][0], at[s.end - 1][1]) for s in doc.sents if at[s.start][0] < at[s.end - 1][1]}


def entities(doc: Doc, names: Iterable[str], core: bool) -> Facts:
    """Return (range, type) of the entities of the types *names*."""
    at = places(doc)
    return {(at[e.start][0], at[e.end - 1][1], CORE[e.label_] if core else e.label_) for e in doc.ents if e.label_ in names}


def gold_entities(row: dict[str, Any], names: Iterable[str], core: bool) -> Facts:
    """Return the same of a row of an entity file; its types PER and LOC are Universal NER's own."""
    ends = [0]
    for word in row["words"]:
        ends.append(ends[-1] + sum(not c.isspace() for c in word))
    known = {**{name: CORE.get(name, name) if core else name for name in names}, **({"PER": "PER"} if core else {})}
    return {(ends[s], ends[e], known[label]) for s, e, label in row["ents"] if label in known}


def paragraphs(treebanks: Path | None) -> set[tuple[str, ...]]:
    """Return the sentences, as (the words of the sentence before, its own words), at which a paragraph or document starts."""
    found: set[tuple[str, ...]] = set()
    for path in sorted(treebanks.glob("*.conllu")) if treebanks else ():
        before: tuple[str, ...] = ()
        for starts, words in read_conllu(path):
            if starts:
                found.add((*before, "\n", *words))
            before = words
    return found


def read_conllu(path: Path) -> Iterator[tuple[bool, tuple[str, ...]]]:
    """Yield for each sentence whether a paragraph starts with it, or within it, and its words."""
    starts, words = False, []
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line.startswith(("# newpar", "# newdoc")):
            starts = True
        elif line and line[0].isdigit() and line.split("\t", 1)[0].isdigit():
            words.append(line.split("\t", 2)[1])
        elif not line and words:
            yield starts, tuple(words)
            starts, words = False, []


def with_lines(doc: Doc, starts: set[tuple[str, ...]]) -> str:
    """Return the text of *doc* with a blank line before every sentence that starts a paragraph."""
    parts: list[str] = []
    before: tuple[str, ...] = ()
    for sent in doc.sents:
        words = tuple(t.text for t in sent)
        if before and (*before, "\n", *words) in starts:
            parts.append("\n\n")
        parts.append(sent.text_with_ws)
        before = words
    return "".join(parts)


def score_trees(nlp: Language, docs: Sequence[Doc], texts: Sequence[str]) -> dict[str, float]:
    """Return LAS, UAS, tag accuracy and sentence F of the pipeline on *texts*, and its words a second."""
    start = time.perf_counter()
    guesses = list(nlp.pipe(texts, batch_size=32))
    seconds = time.perf_counter() - start
    true_tags = [tags(d) for d in docs]
    known = [{fact[0] for fact in facts} for facts in true_tags]  # as spaCy's scorer does: of words cut otherwise, no tag is asked
    return {
        "LAS": score([arcs(d, True) for d in docs], [arcs(d, True) for d in guesses]).f,
        "UAS": score([arcs(d, False) for d in docs], [arcs(d, False) for d in guesses]).f,
        "tags": score(true_tags, [{fact for fact in tags(d) if fact[0] in words} for d, words in zip(guesses, known, strict=True)]).f,
        "sentences": score([sentences(d) for d in docs], [sentences(d) for d in guesses]).f,
        "words/s": sum(len(d) for d in docs) / seconds,
    }


def score_entities(nlp: Language, rows: Sequence[dict[str, Any]], core: bool) -> dict[str, Score]:
    """Return the scores of exact entity spans, of all and of each type."""
    names = tuple(CORE) if core else TYPES
    texts = ["".join(w + " " * s for w, s in zip(row["words"], row["spaces"], strict=True)) for row in rows]
    gold = [gold_entities(row, names, core) for row in rows]
    guess = [entities(doc, names, core) for doc in nlp.pipe(texts, batch_size=32)]
    kinds = sorted({fact[2] for facts in gold for fact in facts})
    by_kind = {k: score([{f for f in g if f[2] == k} for g in gold], [{f for f in g if f[2] == k} for g in guess]) for k in kinds}
    return {"all": score(gold, guess), **by_kind}


def evaluate(pipelines: Sequence[str], corpora: Path, treebanks: Path | None) -> Iterator[str]:
    """Yield one line for each test set and pipeline."""
    loaded = {Path(name).name: load_nlp(name) for name in pipelines}
    starts = paragraphs(treebanks)
    for name in TREES:
        docs = read_docs(corpora / "parse" / "clear" / "test" / f"{name}.spacy")
        modes = {"running text": [d.text for d in docs], **({"paragraphs": [with_lines(d, starts) for d in docs]} if starts else {})}
        for mode, texts in modes.items():
            for pipeline, nlp in loaded.items():
                found = score_trees(nlp, docs, texts)
                yield f"trees {name} ({mode}) {pipeline}: " + ", ".join(f"{k} {v:.1f}" for k, v in found.items())
    for names, core in ((CORE_SETS, True), (TYPED_SETS, False)):
        for name in names:
            rows = read_json_lines(corpora / "ner" / f"{name}.jsonl")
            for pipeline, nlp in loaded.items():
                shown = (f"{k} {v.precision:.1f}/{v.recall:.1f}/{v.f:.1f}" for k, v in score_entities(nlp, rows, core).items())
                yield f"entities {name} ({'three' if core else 'all'} types) {pipeline}: " + ", ".join(shown)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pipelines", nargs="+", help="name or path of a spaCy pipeline")
    parser.add_argument("--corpora", type=Path, default=os.environ.get("CORPORA"), required="CORPORA" not in os.environ)
    parser.add_argument("--treebanks", type=Path)
    given = parser.parse_args(arguments)
    for line in evaluate(given.pipelines, given.corpora, given.treebanks):
        print(line, flush=True)  # noqa: T201 - the result


if __name__ == "__main__":
    main()
