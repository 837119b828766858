"""The encoder on onnxruntime and its heads in numpy: windows of words → label numbers, trees and the starts of sentences.

One window is one run of the encoder. Batches would not be faster on one core (measured: 7.9k pieces a second for one window
of 128, 7.7k for eight), and the 8-bit encoder scales its activations by the whole input, so that what is said of one text
would depend on what stands beside it in the batch.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits as _threadpool_limits

from processors.minilm.encode import MAX_PIECES, Window
from processors.minilm.trees import ROOT, decode_trees

FILES = ("model.onnx", "heads.npz", "labels.json", "tokenizer.json")
THREADS = 1
_SLOWER = ["SkipLayerNormFusion"]  # the fused node takes 0.8 ms a window, its parts 0.1: 9.0k → 10.9k pieces a second (onnxruntime 1.32)
_DENSE = ("ner", "tag", "pos", "sent", "arc_dep", "arc_head", "lab_dep", "lab_head")  # order in the one matrix of all heads
_SLOPE = np.float32(0.1)
_limit_threads: Any = _threadpool_limits

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Labels:
    """The names of what the heads number."""

    tags: tuple[str, ...]
    pos: tuple[str, ...]
    deps: tuple[str, ...]
    ner: tuple[str, ...]
    morph: Mapping[str, str]
    types: int
    max_pieces: int

    @classmethod
    def from_json(cls, text: str) -> Labels:
        """Return the labels of a ``labels.json``; raises KeyError where one of the lists is missing."""
        raw = json.loads(text)
        lists = {key: tuple(raw[key]) for key in ("tags", "pos", "deps", "ner")}
        return cls(**lists, morph=raw.get("morph", {}), types=raw.get("types", 8), max_pieces=raw.get("max_pieces", MAX_PIECES))


class Reading(NamedTuple):
    """What is read of one window's n words; numbers are indices of Labels."""

    starts: NDArray[np.bool_]  # [n] a sentence begins
    tags: Ints  # [n]
    pos: Ints  # [n]
    heads: Ints  # [n] index in the window, ROOT for the root
    deps: Ints  # [n]
    ner: Floats  # [n, labels] log-probabilities


class Model:
    """The loaded model; *files* are the contents of FILES."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        _limit_threads(THREADS, "blas")  # numpy's products are small; its threads would only take other workers' cores
        self.labels = Labels.from_json(files["labels.json"].decode())
        self._session = _session(files["model.onnx"])
        with np.load(io.BytesIO(files["heads.npz"])) as arrays:
            heads = {name: np.asarray(arrays[name], np.float32) for name in arrays.files}
        self._weights = np.concatenate([heads[f"{name}_w"] for name in _DENSE], axis=1)
        self._bias = np.concatenate([heads[f"{name}_b"] for name in _DENSE])
        self._splits = np.cumsum([len(heads[f"{name}_b"]) for name in _DENSE])[:-1]
        self._arc_u, self._arc_root, self._lab_root = heads["arc_u"], heads["arc_root"], heads["lab_root"]
        deps, inner, _ = heads["lab_v"].shape
        self._lab_v = np.ascontiguousarray(heads["lab_v"].transpose(1, 0, 2).reshape(inner, deps * inner))
        self._root = self.labels.deps.index("ROOT")
        self._never = [i for i, name in enumerate(self.labels.deps) if name in ("", "-")]

    def read(self, window: Window, bias: Floats, marks: NDArray[np.bool_]) -> Reading:
        """Return what the model reads of *window*; *bias* [n] is added to the log-odds that a sentence starts.

        *marks* [n] are words without letters and digits: a mark alone is no sentence, what follows goes on with it.
        """
        states = self._states(window)
        ner, tag, pos, sent, *arcs = np.split(states @ self._weights + self._bias, self._splits, axis=1)
        starts = sent[:, 1] - sent[:, 0] + bias > 0
        starts[0] = True
        starts[1:] &= ~(starts[:-1] & marks[:-1]) | np.isposinf(bias[1:])
        arc_dep, arc_head, lab_dep, lab_head = (np.where(x > 0, x, _SLOPE * x) for x in arcs)
        heads = decode_trees(_with_one(arc_dep) @ self._arc_u @ np.vstack([arc_head, self._arc_root]).T, starts)
        deps = self._dependencies(lab_dep, lab_head, heads)
        return Reading(starts, _best(tag, self.labels.tags), _best(pos, self.labels.pos), heads, deps, _log_softmax(ner))

    def _states(self, window: Window) -> Floats:
        inputs = {"ids": window.ids[None], "types": window.types[None], "mask": np.ones((1, len(window.ids)), np.float32)}
        states: Floats = self._session.run(["h"], inputs)[0][0][window.first]
        return states

    def _dependencies(self, lab_dep: Floats, lab_head: Floats, heads: Ints) -> Ints:
        """Return the best label [n] of each word below its head."""
        n = len(heads)
        governors = _with_one(np.vstack([lab_head, self._lab_root])[heads])  # ROOT is -1: the last row
        left = (_with_one(lab_dep) @ self._lab_v).reshape(n, -1, governors.shape[1])
        scores = np.matmul(left, governors[:, :, None])[:, :, 0]
        scores[:, [self._root, *self._never]] = -np.inf
        return np.where(heads == ROOT, self._root, scores.argmax(1))


def _session(model: bytes) -> Any:
    runtime: Any = onnxruntime
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = THREADS
    options.log_severity_level = 3  # errors
    return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"], disabled_optimizers=_SLOWER)


def _with_one(rows: Floats) -> Floats:
    return np.concatenate([rows, np.ones((len(rows), 1), np.float32)], axis=1)


def _best(scores: Floats, names: tuple[str, ...]) -> Ints:
    """Return the best column of each row, none that stands for a missing label."""
    never = [i for i, name in enumerate(names) if name in ("", "-")]
    scores[:, never] = -np.inf
    best: Ints = scores.argmax(1)
    return best


def _log_softmax(scores: Floats) -> Floats:
    shifted = scores - scores.max(1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(1, keepdims=True)), np.float32)
