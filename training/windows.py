"""Sentences → windows of word pieces → padded batches. Everything random is drawn from the generator that is passed in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor

from training.corpora import ENTITY_TYPES, GROUPS, NER_LABELS, OPEN_TYPES, Document, Sentence, TrainingData
from training.encode import MAX_PIECES, PieceEncoder

IGNORE = -100  # target that no loss sees
NO_LINES = 0.3  # share of windows in which no line start is shown: running text without line breaks
# Chance that a sentence is shown as the first of a line, after a sentence without and with closing punctuation. The treebanks
# keep no paragraphs; in news, a headline or a caption ends its line without a full stop, and paragraphs are short.
LINE_AFTER_OPEN, LINE_AFTER_CLOSED = 0.8, 0.2
CLOSING = frozenset(".!?…\"'”’»)")
LOWER, UPPER, TITLE = 0.05, 0.04, 0.04  # shares of windows whose case is changed: headlines, chat, capitals
SMALL_WORDS = frozenset({"a", "an", "the", "of", "in", "on", "at", "to", "for", "and", "or", "but", "by", "with", "as", "from"})

Window = tuple[Sentence, ...]


@dataclass(frozen=True)
class Labels:
    """The label sets of the heads; "-" stands for what is not in the set."""

    tags: tuple[str, ...]
    pos: tuple[str, ...]
    deps: tuple[str, ...]


def collect_labels(trees: Iterable[Document]) -> Labels:
    """Return the labels of the treebanks, sorted."""
    sentences = [s for document in trees for s in document]
    return Labels(*(("-", *sorted({x for s in sentences for x in (getattr(s, field) or ()) if x})) for field in ("tags", "pos", "deps")))


def change_case(words: Sequence[str], draw: float) -> tuple[str, ...]:
    """Return *words* in lower case, in capitals, in title case or as they are, as *draw* in [0, 1) says."""
    if draw < LOWER:
        return tuple(w.lower() for w in words)
    if draw < LOWER + UPPER:
        return tuple(w.upper() for w in words)
    if draw < LOWER + UPPER + TITLE:
        return tuple(w if i and w.lower() in SMALL_WORDS else w[:1].upper() + w[1:] for i, w in enumerate(words))
    return tuple(words)


def draw_lines(window: Window, random: Random) -> list[bool]:
    """Return for each sentence of *window* whether it is shown as the start of a line."""
    if random.random() < NO_LINES:
        return [False] * len(window)
    before = ("", *(s.words[-1] for s in window))
    chances = (LINE_AFTER_CLOSED if word[-1:] in CLOSING else LINE_AFTER_OPEN for word in before)
    return [s.starts_line or random.random() < chance for s, chance in zip(window, chances, strict=False)]


def pack(sentences: Iterable[Sentence], encoder: PieceEncoder, limit: int) -> Iterator[Window]:
    """Yield windows of whole sentences of at most *limit* pieces with [CLS] and [SEP]; a longer sentence is left out."""
    window: list[Sentence] = []
    length = 2
    for sentence in sentences:
        size = encoder.size(sentence.words)
        if size + 2 > limit:
            continue
        if window and length + size > limit:
            yield tuple(window)
            window, length = [], 2
        window.append(sentence)
        length += size
    if window:
        yield tuple(window)


def epoch_windows(data: TrainingData, encoder: PieceEncoder, random: Random) -> list[Window]:
    """Return the windows of one pass, shuffled: all trees, and of each source of entities its share."""
    windows: list[Window] = []
    for document in data.trees:
        windows += pack(document, encoder, random.choice((64, 96, MAX_PIECES, MAX_PIECES, MAX_PIECES)))
    for source, documents in data.entities:
        chosen = random.sample(documents, round(source.share * len(documents)))
        if source.single:
            windows += pack((s for document in chosen for s in document), encoder, MAX_PIECES)
        else:
            for document in chosen:
                windows += pack(document, encoder, MAX_PIECES)
    random.shuffle(windows)
    return windows


def batches(windows: Sequence[Window], encoder: PieceEncoder, random: Random, pieces: int) -> Iterator[list[Window]]:
    """Yield batches of at most *pieces* pieces, padding included; windows of a like length together."""
    sizes = [_padded(sum(encoder.size(s.words) for s in window) + 2) for window in windows]
    for start in range(0, len(windows), 400):
        order = sorted(range(start, min(start + 400, len(windows))), key=sizes.__getitem__)
        groups: list[list[int]] = [[]]
        for i in order:
            if groups[-1] and sizes[i] * (len(groups[-1]) + 1) > pieces:
                groups.append([])
            groups[-1].append(i)
        random.shuffle(groups)
        for group in groups:
            yield [windows[i] for i in group]


def _padded(length: int) -> int:
    return -(-length // 16) * 16  # few shapes: oneDNN compiles its kernels for each


@dataclass(frozen=True)
class Batch:
    """B windows of at most N pieces and M words. Targets are IGNORE where nothing is known or a window has ended."""

    ids: Tensor  # int64 [B, N]
    types: Tensor  # int64 [B, N]
    mask: Tensor  # float32 [B, N]
    first: Tensor  # int64 [B, M], first piece of each word
    words: Tensor  # bool [B, M]
    sentence: Tensor  # int64 [B, M], number of the sentence in its window, -1 behind the end
    group: Tensor  # int64 [B, M], source group
    ner: Tensor
    tags: Tensor
    pos: Tensor
    heads: Tensor  # M is the root
    deps: Tensor
    starts: Tensor  # 1: starts a sentence


NER_INDEX = {label: i for i, label in enumerate(NER_LABELS)}
GROUP_INDEX = {group: i for i, group in enumerate(GROUPS)}


def open_labels() -> Tensor:
    """Return bool [groups, labels + 1, labels]: the labels that a target allows. A named word has its label alone."""
    allowed = torch.zeros(len(GROUPS), len(NER_LABELS), len(NER_LABELS), dtype=torch.bool)
    for group, types in OPEN_TYPES.items():
        allowed[GROUP_INDEX[group]] = torch.eye(len(NER_LABELS), dtype=torch.bool)
        for kind in types & set(ENTITY_TYPES):
            for prefix in "BI":
                allowed[GROUP_INDEX[group], 0, NER_INDEX[f"{prefix}-{kind}"]] = True
    return allowed


def collate(windows: Sequence[Window], encoder: PieceEncoder, labels: Labels, random: Random | None) -> Batch:
    """Return the batch of *windows*; with *random*, case is changed and line starts are hidden in some of them."""
    index = {field: {x: i for i, x in enumerate(getattr(labels, field))} for field in ("tags", "pos", "deps")}
    encoded = []
    for window in windows:
        words = [w for s in window for w in s.words]
        starts = [s.starts_line for s in window]
        if random is not None:
            words, starts = list(change_case(words, random.random())), draw_lines(window, random)
        lines = [start and not i for s, start in zip(window, starts, strict=True) for i in range(len(s.words))]
        encoded.append((*encoder.encode(words, lines), lines))
    size, length, width = len(windows), _padded(max(len(e[0]) for e in encoded)), max(len(e[2]) for e in encoded)
    ids, types = torch.zeros(size, length, dtype=torch.long), torch.zeros(size, length, dtype=torch.long)
    first, sentence = torch.zeros(size, width, dtype=torch.long), torch.full((size, width), -1)
    group = torch.zeros(size, width, dtype=torch.long)
    targets = {name: torch.full((size, width), IGNORE) for name in ("ner", "tags", "pos", "heads", "deps", "starts")}
    for row, (window, (row_ids, row_types, row_first, lines)) in enumerate(zip(windows, encoded, strict=True)):
        ids[row, : len(row_ids)] = torch.tensor(row_ids)
        types[row, : len(row_ids)] = torch.tensor(row_types)
        first[row, : len(row_first)] = torch.tensor(row_first)
        at = 0
        for number, s in enumerate(window):
            end = at + len(s.words)
            sentence[row, at:end] = number
            group[row, at:end] = GROUP_INDEX[s.group]
            for name, values in _targets(s, index, at, width).items():
                targets[name][row, at:end] = torch.tensor(values)
            if not at and not lines[0]:
                targets["starts"][row, 0] = IGNORE  # where a window starts, the window tells it
            at = end
    mask = torch.arange(length)[None] < torch.tensor([len(e[0]) for e in encoded])[:, None]
    return Batch(ids, types, mask.float(), first, sentence >= 0, sentence, group, **targets)


def _targets(s: Sentence, index: Mapping[str, Mapping[str, int]], offset: int, root: int) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    if s.ner is not None:
        found["ner"] = [IGNORE if label is None else NER_INDEX[label] for label in s.ner]
    if s.tags is not None and s.pos is not None and s.heads is not None and s.deps is not None:
        found["tags"] = [index["tags"].get(x, IGNORE) for x in s.tags]
        found["pos"] = [index["pos"].get(x, IGNORE) for x in s.pos]
        found["deps"] = [index["deps"].get(x, IGNORE) for x in s.deps]
        found["heads"] = [root if h < 0 else h + offset for h in s.heads]
        found["starts"] = [1, *[0] * (len(s.words) - 1)]
    return found
