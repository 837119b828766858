"""Words a second of several pipelines over the same texts in the same run, each in a process of its own; start and peak memory.

python -m benchmarks.pipelines PIPELINE [PIPELINE …] [--texts FILE …]     without texts, a story written for this purpose

Seconds are of the processor, so that what else runs on the machine counts little; the best of the rounds is taken, the pipelines
by turns; a start is wall time, one after another. A pipeline is a name or path as for DATELINE_PIPELINE; "" is the bundled one.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.pipeline import STORY, WORDS
from processors.nlp import load_nlp

ROUNDS = 3


def main() -> None:
    """Print one line a pipeline."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pipelines", nargs="+")
    parser.add_argument("--texts", nargs="*", type=Path, default=[])
    given = parser.parse_args()
    texts = [path.read_text(encoding="utf-8") for path in given.texts] or [STORY * 4]
    texts *= max(1, WORDS // 4 // sum(len(text.split()) for text in texts))
    words = sum(len(text.split()) for text in texts)
    context = multiprocessing.get_context("spawn")
    readers, starts = [], []
    for pipeline in given.pipelines:
        ours, theirs = context.Pipe()
        context.Process(target=_reader, args=(pipeline, texts, theirs, time.time()), daemon=True).start()
        readers.append(ours)
        starts.append(ours.recv())
    rounds = [[_ask(reader) for reader in readers] for _ in range(ROUNDS)]
    for reader in readers:
        reader.send("")
    for n, pipeline in enumerate(given.pipelines):
        seconds, memory = min(times[n][0] for times in rounds), rounds[-1][n][1]
        print(f"{pipeline or 'bundled':<48} {words / seconds:7,.0f} words/s  start {starts[n]:4.1f} s  peak {memory:4.0f} MB")


def _ask(reader: Connection) -> tuple[float, float]:
    reader.send("read")
    answer: tuple[float, float] = reader.recv()
    return answer


def _reader(pipeline: str, texts: Sequence[str], parent: Connection, started: float) -> None:
    """Load *pipeline*, say how long that took with Python's own start; then read *texts* when asked and answer (seconds, peak MB)."""
    nlp = load_nlp(pipeline)
    parent.send(time.time() - started)
    while parent.recv():
        begun = time.process_time()
        for _ in nlp.pipe(texts):
            pass
        parent.send((time.process_time() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


if __name__ == "__main__":
    main()
