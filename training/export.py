"""Checkpoint → the four files that ``processors.minilm`` loads (its docstring defines them): an 8-bit encoder, heads, labels, tokenizer."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from training.corpora import GROUPS, NER_LABELS, Document, load_training_data
from training.development import best_caution
from training.encode import MAX_PIECES, TYPES, PieceEncoder
from training.fuse import fuse_attention
from training.model import ATTENTION_HEADS, WIDTH, Encoder, MultiHead
from training.windows import Labels

OPSET = 17
_DENSE = ("tag", "pos", "sent", "arc_dep", "arc_head", "lab_dep", "lab_head")
_ARRAYS = ("arc_u", "arc_root", "lab_root", "lab_v")
MIN_WORD = 3  # times that a word has a tag with features of its own before it is listed


def export(checkpoint: Path, encoder: Path, corpora: Path, out: Path) -> None:
    """Write the model's files into the folder *out*; *encoder* is the folder of the MiniLM weights."""
    model, labels = load(checkpoint)
    data = load_training_data(corpora)
    caution = best_caution(model, PieceEncoder(encoder / "tokenizer.json"), labels, data)
    out.mkdir(parents=True, exist_ok=True)
    export_encoder(model.encoder, out / "model.onnx")
    np.savez_compressed(out / "heads.npz", **heads(model, caution))
    names = {"tags": labels.tags, "pos": labels.pos, "deps": labels.deps, "ner": NER_LABELS, "types": TYPES, "max_pieces": MAX_PIECES}
    morph = features(data.trees)
    (out / "labels.json").write_text(
        json.dumps({**names, "caution": caution, "morph": morph}, ensure_ascii=False, indent=0), encoding="utf-8"
    )
    shutil.copyfile(encoder / "tokenizer.json", out / "tokenizer.json")


def load(checkpoint: Path) -> tuple[MultiHead, Labels]:
    """Return the trained network, ready to predict, and its labels."""
    saved = torch.load(checkpoint, weights_only=True)
    labels = Labels(tuple(saved["tags"]), tuple(saved["pos"]), tuple(saved["deps"]))
    model = MultiHead(len(NER_LABELS), len(labels.tags), len(labels.pos), len(labels.deps), len(GROUPS), saved["layers"])
    model.load_state_dict(saved["state"])
    return model.eval(), labels


def heads(model: MultiHead, caution: float) -> dict[str, Any]:
    """Return the arrays of ``heads.npz`` in half precision; matrices are [in, out].

    The bias of the entities has the mean of all annotators' habits in it, and *caution* for "O".
    """
    found: dict[str, Tensor] = {}
    for name in _DENSE:
        layer: Any = getattr(model.heads, name)
        found[f"{name}_w"], found[f"{name}_b"] = layer.weight.T, layer.bias
    found["ner_w"] = model.heads.ner.weight.T
    found["ner_b"] = model.heads.ner.bias + model.heads.group_bias.weight.mean(0)
    found["ner_b"] = found["ner_b"] + caution * (torch.arange(len(NER_LABELS)) == NER_LABELS.index("O"))
    found |= {name: getattr(model.heads, name) for name in _ARRAYS}
    return {name: tensor.detach().numpy().astype(np.float16) for name, tensor in found.items()}


def export_encoder(encoder: Encoder, path: Path) -> None:
    """Write the encoder as ONNX with 8-bit weights; the activations of a product are quantised as it runs."""
    import onnx
    from onnxruntime.quantization.quant_utils import QuantType
    from onnxruntime.quantization.quantize import quantize_dynamic

    encoder.eval()  # an exporter that finds it training would leave the dropout in
    ids = torch.full((1, 16), 1000)
    inputs = (ids, torch.zeros_like(ids), torch.ones(1, 16))
    axes = {name: {0: "batch", 1: "pieces"} for name in ("ids", "types", "mask", "h")}
    with tempfile.TemporaryDirectory() as folder:
        full = Path(folder) / "full.onnx"
        torch.onnx.export(
            _Quiet(encoder), inputs, str(full), opset_version=OPSET, dynamo=False, dynamic_axes=axes,
            input_names=["ids", "types", "mask"], output_names=["h"],
        )  # fmt: skip
        fused = Path(folder) / "fused.onnx"
        model = onnx.load(full)
        fuse_attention(model, ATTENTION_HEADS, WIDTH)
        onnx.save(model, fused)
        quantize_dynamic(
            fused,
            path,
            weight_type=QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=["MatMul", "Gemm", "Gather"],
            extra_options={"DefaultTensorType": 1},  # FLOAT: the exporter leaves some types out, and the quantiser asks
        )


class _Quiet(nn.Module):
    """The encoder under a name that the tracer takes."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, ids: Tensor, types: Tensor, mask: Tensor) -> Any:
        return self.encoder(ids, types, mask)


def features(trees: Iterable[Document]) -> Mapping[str, str]:
    """Return UD features by tag, and by tag and word where the treebanks give a word others than most of its tag."""
    by_tag: dict[str, Counter[str]] = defaultdict(Counter)
    by_word: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for sentence in (s for document in trees for s in document):
        for word, tag, morph in zip(sentence.words, sentence.tags or (), sentence.morphs or (), strict=True):
            by_tag[tag][morph] += 1
            by_word[tag, word.lower()][morph] += 1
    found = {tag: counts.most_common(1)[0][0] for tag, counts in sorted(by_tag.items()) if tag}
    for (tag, word), counts in sorted(by_word.items()):
        morph, times = counts.most_common(1)[0]
        if tag and times >= MIN_WORD and morph != found[tag]:
            found[f"{tag} {word}"] = morph
    return found
