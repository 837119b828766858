"""What annotating costs on one core: words a second, each step beside the pipeline before it, and whether time grows with length alone.

python -m benchmarks.pipeline [FILE …]     texts to read; without any, the reports of the demo

Seconds are of the processor, so that what else runs on the machine counts little.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from benchmarks.sets.reports import text_of
from dateline.demo.content import load_outlets
from processors.annotate import Annotator
from processors.entities import find_entities
from processors.events import code_events
from processors.facts import DocumentFacts
from processors.knowledge import load_knowledge
from processors.nlp import load_nlp
from processors.places import dateline_place
from processors.times import document_date, find_times
from stream.messages import Article

T = TypeVar("T")

WORDS = 20_000  # about as many are read
LENGTHS = (2_000, 8_000, 28_000)  # words of one text; the longest is about what MAX_TEXT_CHARS lets through
TARGETS = {"before": 15, "events": 20}  # percent of the pipeline's time: entities, times and places together; events
STORY = """Coast guards free crew after talks

Thursday, March 6, 2014

The Indonesian navy freed the crew of a fishing boat on Wednesday after two days of talks, said Foreign Minister Marty Natalegawa \
in Jakarta. Malaysia had accused Indonesia of entering its waters and threatened to recall its ambassador if the men were not \
released by Friday. President Susilo Bambang Yudhoyono will meet Prime Minister Najib Razak in Kuala Lumpur next week.

Protesters gathered in front of the embassy. Police arrested 12 people, and the United Nations called on both sides to show \
restraint.

"""


def main(paths: Sequence[str] = ()) -> None:
    """Print the two tables."""
    texts = [Path(path).read_text(encoding="utf-8") for path in paths]
    texts = texts or [text_of(report) for outlet in load_outlets() for report in outlet.reports]
    texts *= max(1, WORDS // sum(len(text.split()) for text in texts))
    Annotator().annotate([Article(id="warm", text=texts[0])])
    gc.collect()
    gc.freeze()  # as in a worker's child
    _print_steps([Article(id=f"{n}", text=text) for n, text in enumerate(texts)])
    _print_lengths()


def _print_steps(articles: Sequence[Article]) -> None:
    words = sum(len(a.text.split()) for a in articles)
    seconds = steps(articles)
    whole, pipeline = sum(seconds.values()), seconds["pipeline"]
    print(f"{len(articles)} articles, {words:,} words: {words / whole:,.0f} words/s")
    for name, taken in seconds.items():
        print(f"{name:<10} {taken:6.2f} s  {100 * taken / pipeline:5.1f} % of the pipeline  {words / taken:10,.0f} words/s")
    before = sum(seconds[name] for name in ("entities", "times", "places"))
    print(f"entities, times and places {100 * before / pipeline:.1f} % (at most {TARGETS['before']}), ", end="")
    print(f"events {100 * seconds['events'] / pipeline:.1f} % (at most {TARGETS['events']})")


def steps(articles: Sequence[Article]) -> dict[str, float]:
    """Return the seconds that each step takes over all of *articles*, in the order in which they follow one another."""
    nlp, knowledge = load_nlp(), load_knowledge()
    docs, pipeline = _timed(lambda: list(nlp.pipe(a.text for a in articles)))
    days = [document_date(a.text, a.published_at) for a in articles]
    entities, naming = _timed(lambda: [find_entities(doc, knowledge, day) for doc, day in zip(docs, days, strict=True)])
    times, dating = _timed(lambda: [find_times(doc, day) for doc, day in zip(docs, days, strict=True)])
    places, placing = _timed(lambda: [dateline_place(a.text, knowledge) for a in articles])
    facts = [DocumentFacts(*known) for known in zip(entities, times, days, places, strict=True)]
    _, coding = _timed(lambda: [code_events(doc, fact, knowledge) for doc, fact in zip(docs, facts, strict=True)])
    return {"pipeline": pipeline, "entities": naming, "times": dating, "places": placing, "events": coding}


def _print_lengths() -> None:
    """Print what a word costs in texts of several lengths: the same, where time is linear."""
    story = STORY.split(" ")
    for length in LENGTHS:
        text = " ".join(story * (length // len(story)))
        seconds = steps([Article(id="long", text=text)])
        each = "  ".join(f"{name} {1e6 * taken / length:7.1f}" for name, taken in seconds.items())
        print(f"one text of {length:6,} words, µs a word: {each}")


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


if __name__ == "__main__":
    main(sys.argv[1:])
