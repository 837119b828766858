"""Scores of arcs → trees, one for each sentence: the best head of every word, and a maximum spanning tree where those are no tree.

About one sentence in six has a cycle or several roots after the greedy choice; only those go to Chu-Liu-Edmonds.
Non-projective trees are kept.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Scores = NDArray[np.float32]

ROOT = -1
MAX_ROOTS = 4  # roots that are tried where there are several
_FORBIDDEN = -1e9  # score of an arc that must not be


def decode_trees(scores: Scores, starts: NDArray[np.bool_]) -> Ints:
    """Return the head of each word, ROOT for exactly one word a sentence; no cycles, no arc between sentences.

    *scores* [n, n + 1]: of each head (column) for each word (row), the last column the root; *starts* [n]: sentences begin, the
    first word always. Time is linear in n² as long as few sentences need repair.
    """
    n = len(scores)
    if not n:
        return np.zeros(0, np.int64)
    sentence: Ints = np.cumsum(starts, dtype=np.int64) - 1
    sentence[sentence < 0] = 0
    allowed = np.ones((n, n + 1), bool)
    np.equal(sentence[:, None], sentence[None, :], out=allowed[:, :n])
    np.fill_diagonal(allowed, False)
    masked = np.where(allowed, scores, np.float32(-np.inf))
    heads: Ints = masked.argmax(1).astype(np.int64)
    for index in _broken(heads, sentence):
        rows = np.flatnonzero(sentence == index)
        heads[rows] = _repaired(masked[np.ix_(rows, np.append(rows, n))], rows)
    return np.where(heads == n, ROOT, heads)


def _broken(heads: Ints, sentence: Ints) -> Ints:
    """Return the sentences with a cycle or without exactly one root; *heads* has n for the root."""
    n = len(heads)
    reached = np.append(heads, n)
    for _ in range(max(1, n.bit_length())):  # after k rounds, the ancestor 2**k steps up
        reached = reached[reached]
    roots = np.bincount(sentence, weights=heads == n, minlength=int(sentence[-1]) + 1)
    looping = np.bincount(sentence, weights=reached[:n] != n, minlength=len(roots))
    return np.flatnonzero((roots != 1) | (looping > 0))


def _repaired(scores: Scores, rows: Ints) -> Ints:
    """Return the heads, as indices of the window's words or ROOT, of one sentence: the words *rows*, *scores* [m, m + 1] theirs.

    Where the best tree has several roots, each of them is tried alone; the best of these trees is taken.
    """
    m = len(rows)
    costs = np.where(np.isfinite(scores), scores, _FORBIDDEN).astype(np.float64)
    local = spanning_tree(costs)
    roots = np.flatnonzero(local == m)
    if len(roots) > 1:
        trees = [spanning_tree(_with_root(costs, int(root))) for root in roots[:MAX_ROOTS]]
        local = max(trees, key=lambda tree: float(costs[np.arange(m), tree].sum()))
    return np.where(local == m, ROOT, rows[np.minimum(local, m - 1)])


def _with_root(scores: NDArray[np.float64], root: int) -> NDArray[np.float64]:
    """Return *scores* with which no word but *root* can be the root."""
    only = scores.copy()
    only[np.arange(len(scores)) != root, -1] = _FORBIDDEN
    return only


def spanning_tree(scores: NDArray[np.float64]) -> Ints:
    """Return the heads of the maximum spanning arborescence of *scores* [m, m + 1], column m being the root (Chu-Liu-Edmonds).

    The diagonal must be low; every value finite. One contraction a cycle, each O(m²) in numpy.
    """
    m = len(scores)
    heads: Ints = scores.argmax(1).astype(np.int64)
    cycle = _cycle(heads)
    if not len(cycle):
        return heads
    outer = np.ones(m, bool)
    outer[cycle] = False
    rest = np.flatnonzero(outer)
    k = len(rest)
    leaving = scores[np.ix_(rest, cycle)]
    entering = scores[cycle] - scores[cycle, heads[cycle]][:, None]  # gain of breaking the cycle at each of its words
    outside = np.append(rest, m)
    low = 2 * _FORBIDDEN
    small = np.full((k + 1, k + 2), low)
    small[:k, :k] = scores[np.ix_(rest, rest)]
    small[:k, k] = leaving.max(1, initial=low)
    small[:k, k + 1] = scores[rest, m]
    small[k, [*range(k), k + 1]] = entering[:, outside].max(0)
    above = spanning_tree(small)
    names = np.concatenate([rest, [-1], [m]])
    heads[rest] = np.where(above[:k] == k, cycle[leaving.argmax(1)] if k else 0, names[above[:k]])
    entry = names[above[k]]
    heads[cycle[entering[:, entry].argmax()]] = entry
    return heads


def _cycle(heads: Ints) -> Ints:
    """Return the words of one cycle of *heads* (the root being ``len(heads)``), or an empty array."""
    m = len(heads)
    reached = np.append(heads, m)
    for _ in range(max(1, m.bit_length())):
        reached = reached[reached]
    looping = np.flatnonzero(reached[:m] != m)
    if not len(looping):
        return looping
    first = int(reached[looping[0]])
    cycle = [first]
    while (following := int(heads[cycle[-1]])) != first:
        cycle.append(following)
    return np.array(cycle, np.int64)
