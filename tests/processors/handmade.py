"""Documents built by hand: a tree as text → spaCy Doc and facts, with no model in between."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import spacy
from spacy.tokens import Doc

from processors.facts import DocumentFacts
from processors.knowledge import load_knowledge
from processors.places import find_place
from stream.messages import Entity, Event, Mention, TimeExpression

CONSTRUCTIONS = Path(__file__).with_name("constructions.txt")
POS = {
    "NN": "NOUN",
    "NNS": "NOUN",
    "NNP": "PROPN",
    "NNPS": "PROPN",
    "JJ": "ADJ",
    "RB": "ADV",
    "IN": "ADP",
    "RP": "ADP",
    "DT": "DET",
    "CD": "NUM",
}
POS |= {"PRP": "PRON", "PRP$": "PRON", "WP": "PRON", "MD": "AUX", "TO": "PART", "CC": "CCONJ", ".": "PUNCT", ",": "PUNCT"}
VOCAB = spacy.blank("en").vocab


@dataclass(frozen=True)
class Construction:
    """One block of constructions.txt: what it shows, its tree, its events as the file writes them."""

    name: str
    tree: str
    events: tuple[str, ...]


def constructions(path: Path = CONSTRUCTIONS) -> list[Construction]:
    """Return the blocks of a file like constructions.txt."""
    text = "\n".join(line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    found = []
    for block in text.strip().split("\n\n"):
        name, tree, *events = block.strip().splitlines()
        found.append(Construction(name[2:], tree, tuple(event[2:] for event in events)))
    return found


def make_doc(tree: str) -> Doc:
    """Return the Doc of ``word/lemma/TAG/dep/head …``."""
    words, lemmas, tags, deps, heads = zip(*(item.rsplit("/", 4) for item in tree.split()), strict=True)
    auxiliary = {"aux", "auxpass"}
    pos = [
        "AUX" if dep in auxiliary and tag != "TO" else "VERB" if tag.startswith("VB") else POS.get(tag, "X")
        for tag, dep in zip(tags, deps, strict=True)
    ]
    return Doc(VOCAB, words=list(words), lemmas=list(lemmas), tags=list(tags), pos=pos, deps=list(deps), heads=[int(h) for h in heads])


def make_facts(doc: Doc, published_on: date | None = None, times: tuple[TimeExpression, ...] = ()) -> DocumentFacts:
    """Return facts in which every run of proper nouns that names a country is an entity."""
    knowledge = load_knowledge()
    entities: list[Entity] = []
    i = 0
    while i < len(doc):
        end = i
        while end < len(doc) and doc[end].tag_ == "NNP":
            end += 1
        if country := knowledge.country_named(doc[i:end].text) if end > i else None:
            span = doc[i:end]
            mention = Mention(start=span.start_char, end=span.end_char, text=span.text, label="GPE")
            entities.append(
                Entity(
                    id=f"e{len(entities) + 1}",
                    key=f"GPE:{span.text}",
                    name=span.text,
                    type="GPE",
                    country=country,
                    place=find_place(span.text, knowledge),
                    mentions=(mention,),
                )
            )
        i = max(end, i + 1)
    return DocumentFacts(entities=tuple(entities), times=times, published_on=published_on)


def shown(event: Event) -> str:
    """Return *event* as constructions.txt writes it."""
    actors, recipients = (", ".join(f"{p.text}:{p.country}" for p in ps) or "-" for ps in (event.actors, event.recipients))
    return f"{event.type} {event.mode} {event.modality} | {actors} | {recipients}"
