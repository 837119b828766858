"""The encoder (BERT's architecture at MiniLM's size) and the heads: entities, tags, parts of speech, sentence starts, dependencies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own idiom

from training.encode import TYPES

WIDTH = 384
ATTENTION_HEADS = 12
INNER = 1536
VOCABULARY = 30522
POSITIONS = 512
ARC_WIDTH = 192
LABEL_WIDTH = 64
EPSILON = 1e-12  # of BERT's layer norms
SLOPE = 0.1  # of the leaky ReLU before the biaffine scores


class Layer(nn.Module):
    """One post-norm transformer layer; x is [B, N, WIDTH], bias [B, 1, 1, N] is added to the attention scores."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.ln1, self.ln2 = nn.LayerNorm(WIDTH, eps=EPSILON), nn.LayerNorm(WIDTH, eps=EPSILON)
        self.f1, self.f2 = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        batch, length, width = x.shape
        q, k, v = (f(x).view(batch, length, ATTENTION_HEADS, -1).transpose(1, 2) for f in (self.q, self.k, self.v))
        scores = torch.matmul(q, k.transpose(-1, -2)) * (width // ATTENTION_HEADS) ** -0.5 + bias
        mixed = torch.matmul(F.softmax(scores, -1), v).transpose(1, 2).reshape(batch, length, width)
        x = self.ln1(x + self.dropout(self.o(mixed)))
        out: Tensor = self.ln2(x + self.dropout(self.f2(F.gelu(self.f1(x)))))
        return out


class Encoder(nn.Module):
    """ids, types int64 [B, N], mask float [B, N] (1 a piece, 0 padding) → states [B, N, WIDTH]."""

    def __init__(self, layers: int = 6) -> None:
        super().__init__()
        self.words = nn.Embedding(VOCABULARY, WIDTH)
        self.positions = nn.Embedding(POSITIONS, WIDTH)
        self.types = nn.Embedding(TYPES, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.dropout = nn.Dropout(0.1)
        self.layers = nn.ModuleList(Layer() for _ in range(layers))

    def forward(self, ids: Tensor, types: Tensor, mask: Tensor) -> Tensor:
        positions = torch.arange(ids.shape[1], device=ids.device)[None]
        x: Tensor = self.dropout(self.norm(self.words(ids) + self.positions(positions) + self.types(types)))
        bias = ((1.0 - mask) * -10000.0)[:, None, None, :]
        for layer in self.layers:
            x = layer(x, bias)
        return x

    def load(self, path: Path) -> None:
        """Take the weights of a BERT checkpoint in safetensors; every type starts as its type 0."""
        weights = load_file(str(path))
        state: dict[str, Any] = {
            "words.weight": weights["embeddings.word_embeddings.weight"],
            "positions.weight": weights["embeddings.position_embeddings.weight"],
            "types.weight": weights["embeddings.token_type_embeddings.weight"][:1].repeat(TYPES, 1),
            "norm.weight": weights["embeddings.LayerNorm.weight"],
            "norm.bias": weights["embeddings.LayerNorm.bias"],
        }
        for i in range(len(self.layers)):
            for ours, theirs in _LAYER_NAMES:
                for kind in ("weight", "bias"):
                    state[f"layers.{i}.{ours}.{kind}"] = weights[f"encoder.layer.{i}.{theirs}.{kind}"]
        self.load_state_dict(state)


_LAYER_NAMES = (
    ("q", "attention.self.query"),
    ("k", "attention.self.key"),
    ("v", "attention.self.value"),
    ("o", "attention.output.dense"),
    ("ln1", "attention.output.LayerNorm"),
    ("f1", "intermediate.dense"),
    ("f2", "output.dense"),
    ("ln2", "output.LayerNorm"),
)


class Heads(nn.Module):
    """Linear heads over the state of a word's first piece, and a biaffine parser (Dozat and Manning 2017)."""

    def __init__(self, ner: int, tags: int, pos: int, deps: int, groups: int) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.2)
        self.ner, self.tag, self.pos, self.sent = (nn.Linear(WIDTH, n) for n in (ner, tags, pos, 2))
        self.group_bias = nn.Embedding(groups, ner)  # the annotators' habits of a source; its mean over sources is shipped
        nn.init.zeros_(self.group_bias.weight)
        self.arc_dep, self.arc_head = nn.Linear(WIDTH, ARC_WIDTH), nn.Linear(WIDTH, ARC_WIDTH)
        self.lab_dep, self.lab_head = nn.Linear(WIDTH, LABEL_WIDTH), nn.Linear(WIDTH, LABEL_WIDTH)
        self.arc_u = nn.Parameter(nn.init.orthogonal_(torch.empty(ARC_WIDTH + 1, ARC_WIDTH)))
        self.arc_root = nn.Parameter(torch.randn(ARC_WIDTH) * 0.1)
        self.lab_root = nn.Parameter(torch.randn(LABEL_WIDTH) * 0.1)
        self.lab_v = nn.Parameter(torch.randn(deps, LABEL_WIDTH + 1, LABEL_WIDTH + 1) * 0.01)

    def arc_scores(self, x: Tensor) -> Tensor:
        """x [B, M, WIDTH] → [B, M, M + 1]: score of each head for each word; the last column is the root."""
        dep, head = F.leaky_relu(self.arc_dep(x), SLOPE), F.leaky_relu(self.arc_head(x), SLOPE)
        head = torch.cat([head, self.arc_root.expand(len(x), 1, -1)], 1)
        return torch.matmul(torch.matmul(_with_one(dep), self.arc_u), head.transpose(1, 2))

    def label_scores(self, x: Tensor, heads: Tensor) -> Tensor:
        """x [B, M, WIDTH], heads [B, M] in 0 … M (M: root) → [B, M, labels]."""
        dep, head = F.leaky_relu(self.lab_dep(x), SLOPE), F.leaky_relu(self.lab_head(x), SLOPE)
        head = torch.cat([head, self.lab_root.expand(len(x), 1, -1)], 1)
        chosen = torch.gather(head, 1, heads[:, :, None].expand(-1, -1, LABEL_WIDTH))
        return torch.einsum("bmi,rij,bmj->bmr", _with_one(dep), self.lab_v, _with_one(chosen))


class MultiHead(nn.Module):
    """The whole network."""

    def __init__(self, ner: int, tags: int, pos: int, deps: int, groups: int, layers: int = 6) -> None:
        super().__init__()
        self.encoder = Encoder(layers)
        self.heads = Heads(ner, tags, pos, deps, groups)


def first_pieces(states: Tensor, first: Tensor) -> Tensor:
    """states [B, N, WIDTH], first [B, M] → [B, M, WIDTH]: the state of each word's first piece."""
    return torch.gather(states, 1, first[:, :, None].expand(-1, -1, WIDTH))


def same_sentence(sentence: Tensor) -> Tensor:
    """sentence [B, M], its number for each word → bool [B, M, M + 1]: may the word have that head; the last column is the root."""
    same = (sentence[:, :, None] == sentence[:, None, :]) & ~torch.eye(sentence.shape[1], dtype=torch.bool)
    return torch.cat([same, torch.ones_like(same[:, :, :1])], -1)


def _with_one(x: Tensor) -> Tensor:
    return torch.cat([x, torch.ones_like(x[..., :1])], -1)
