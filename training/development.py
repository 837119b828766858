"""Figures on what is held out for development: entities with gold sentences, trees by the best head of each word.

Entities are decoded as the shipped pipeline decodes them, with the habits of the source's own annotators; a type that these do not
mark is not counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from processors.minilm.spans import BioDecoder
from training.corpora import ENTITY_TYPES, GROUPS, NER_LABELS, OPEN_TYPES, Document, TrainingData
from training.encode import MAX_PIECES, PieceEncoder
from training.evaluate import CORE
from training.model import MultiHead, first_pieces, same_sentence
from training.windows import IGNORE, Batch, Labels, batches, collate, pack

EVAL_PIECES = 4000  # a batch
CAUTIONS = (-1.0, -0.5, 0.0, 0.5, 1.0, 1.5)  # tried as what is added to the score of "O"

Figures = dict[str, float]
Facts = set[tuple[int, int, str]]


class Read(NamedTuple):
    """One window: the scores [n, labels] of its words, where sentences begin, and its entities as the source has them."""

    scores: NDArray[np.float32]
    starts: NDArray[np.bool_]
    gold: Facts
    unmarked: frozenset[str]  # types that the source leaves out


def report(model: MultiHead, encoder: PieceEncoder, labels: Labels, data: TrainingData) -> dict[str, Figures]:
    """Return the figures of each development set, in percent; leaves the model in training mode."""
    model.eval()
    with torch.no_grad():
        found = {f"ner {name}": entity_figures(model, encoder, labels, docs) for name, docs in data.dev_entities.items()}
        found["trees"] = tree_figures(model, encoder, labels, data.dev_trees)
    model.train()
    return {name: {k: round(v, 2) for k, v in values.items()} for name, values in found.items()}


def best_caution(model: MultiHead, encoder: PieceEncoder, labels: Labels, data: TrainingData) -> float:
    """Return which of CAUTIONS gives the best F of persons, organisations and places in the mean of the development sets.

    Of those types alone, since the other labels of these sets were derived, and each in another way. *model* is ready to predict.
    """
    with torch.no_grad():
        sets = [tuple(_read(model, encoder, labels, docs)) for docs in data.dev_entities.values()]
    return max(CAUTIONS, key=lambda caution: sum(_figures(read, CORE, caution)["f"] for read in sets))


def entity_figures(model: MultiHead, encoder: PieceEncoder, labels: Labels, documents: Sequence[Document]) -> Figures:
    """Return precision, recall and F of exact typed spans."""
    return _figures(tuple(_read(model, encoder, labels, documents)), {kind: kind for kind in ENTITY_TYPES})


def _figures(windows: Sequence[Read], names: Mapping[str, str], caution: float = 0.0) -> Figures:
    """Return the figures of the types in *names*, called by what it maps them to."""
    decoder, cautious = BioDecoder(NER_LABELS), caution * np.array([label == "O" for label in NER_LABELS], np.float32)
    right = guessed = true = 0
    for window in windows:
        scores = window.scores + cautious
        found = decoder(scores - np.logaddexp.reduce(scores, axis=1, keepdims=True), window.starts)
        spans = {(int(start), int(end), decoder.types[kind]) for start, end, kind in zip(*found, strict=True)}
        guess, gold = (
            {(start, end, names[kind]) for start, end, kind in entities if kind in names and kind not in window.unmarked}
            for entities in (spans, window.gold)
        )
        right, guessed, true = right + len(gold & guess), guessed + len(guess), true + len(gold)
    return {"p": 100 * right / max(1, guessed), "r": 100 * right / max(1, true), "f": 200 * right / max(1, guessed + true)}


def _read(model: MultiHead, encoder: PieceEncoder, labels: Labels, documents: Sequence[Document]) -> Iterator[Read]:
    for batch in _batches(encoder, labels, documents):
        scores = model.heads.ner(_states(model, batch)) + model.heads.group_bias(batch.group)
        for row, n in enumerate(batch.words.sum(1).tolist()):
            sentence = batch.sentence[row, :n].numpy()
            starts = np.append(True, sentence[1:] != sentence[:-1])
            unmarked = OPEN_TYPES[GROUPS[int(batch.group[row, 0])]]
            yield Read(scores[row, :n].numpy(), starts, entities_of(batch.ner[row, :n].tolist()), unmarked)


def tree_figures(model: MultiHead, encoder: PieceEncoder, labels: Labels, documents: Sequence[Document]) -> Figures:
    """Return UAS and LAS without punctuation, tag accuracy, and F of sentence starts inside windows."""
    punctuation = labels.deps.index("punct")
    sums = torch.zeros(7, dtype=torch.long)
    for batch in _batches(encoder, labels, documents):
        x = _states(model, batch)
        head = model.heads.arc_scores(x).masked_fill(~same_sentence(batch.sentence), -1e4).argmax(-1)
        label = model.heads.label_scores(x, head).argmax(-1)
        counted = batch.words & (batch.deps != punctuation)
        hit = (head == batch.heads) & counted
        known, start = batch.starts != IGNORE, model.heads.sent(x).argmax(-1) == 1
        found = (
            counted,
            hit,
            hit & (label == batch.deps),
            batch.words,
            (model.heads.tag(x).argmax(-1) == batch.tags) & batch.words,
            start & (batch.starts == 1),
        )
        sums += torch.tensor([*(int(x.sum()) for x in found), int((start & known).sum()) + int((batch.starts == 1).sum())])
    words, arcs, labelled, every, tags, starts, of_starts = sums.tolist()
    return {
        "uas": 100 * arcs / max(1, words),
        "las": 100 * labelled / max(1, words),
        "tag": 100 * tags / max(1, every),
        "starts_f": 200 * starts / max(1, of_starts),
    }


def entities_of(labels: Sequence[int]) -> Facts:
    """Return (start, end, type) of BIO labels by their numbers; an I after another type begins an entity."""
    found: Facts = set()
    start, kind = 0, ""
    for i, label in enumerate([*(NER_LABELS[max(0, x)] for x in labels), "O"]):
        if kind and label != f"I-{kind}":
            found.add((start, i, kind))
            kind = ""
        if label != "O" and not kind:
            start, kind = i, label[2:]
    return found


def _batches(encoder: PieceEncoder, labels: Labels, documents: Sequence[Document]) -> Iterator[Batch]:
    windows = [w for document in documents for w in pack(document, encoder, MAX_PIECES)]
    for group in batches(windows, encoder, Random(0), EVAL_PIECES):  # noqa: S311 - an order, no secret
        yield collate(group, encoder, labels, None)


def _states(model: MultiHead, batch: Batch) -> Tensor:
    return first_pieces(model.encoder(batch.ids, batch.types, batch.mask), batch.first)
