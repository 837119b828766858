"""Figures on what is held out for development: entities with gold sentences, trees by the best head of each word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

import torch
from torch import Tensor

from training.corpora import NER_LABELS, Document, TrainingData
from training.encode import MAX_PIECES, PieceEncoder
from training.model import MultiHead, first_pieces, same_sentence
from training.windows import IGNORE, Batch, Labels, batches, collate, pack

EVAL_PIECES = 4000  # a batch

Figures = dict[str, float]


def report(model: MultiHead, encoder: PieceEncoder, labels: Labels, data: TrainingData) -> dict[str, Figures]:
    """Return the figures of each development set, in percent; leaves the model in training mode."""
    model.eval()
    with torch.no_grad():
        found = {f"ner {name}": entity_figures(model, encoder, labels, docs) for name, docs in data.dev_entities.items()}
        found["trees"] = tree_figures(model, encoder, labels, data.dev_trees)
    model.train()
    return {name: {k: round(v, 2) for k, v in values.items()} for name, values in found.items()}


def entity_figures(model: MultiHead, encoder: PieceEncoder, labels: Labels, documents: Sequence[Document]) -> Figures:
    """Return precision, recall and F of exact typed spans."""
    right = guessed = true = 0
    for batch in _batches(encoder, labels, documents):
        x = _states(model, batch)
        scores = model.heads.ner(x) + model.heads.group_bias.weight.mean(0)
        for row, n in enumerate(batch.words.sum(1).tolist()):
            guess, gold = spans(scores[row, :n].argmax(-1).tolist()), spans(batch.ner[row, :n].tolist())
            right, guessed, true = right + len(gold & guess), guessed + len(guess), true + len(gold)
    return {"p": 100 * right / max(1, guessed), "r": 100 * right / max(1, true), "f": 200 * right / max(1, guessed + true)}


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


def spans(labels: Sequence[int]) -> set[tuple[int, int, str]]:
    """Return (start, end, type) of BIO labels by their numbers; an I after another type begins an entity."""
    found: set[tuple[int, int, str]] = set()
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
