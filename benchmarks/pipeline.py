"""Words a second of the annotator on one core, and how much of the time is the pipeline's and how much our own code's.

python -m benchmarks.pipeline [FILE …]     texts to read; without any, a story written for this purpose
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from processors.annotate import Annotator
from processors.entities import find_entities
from processors.events import code_events
from processors.facts import DocumentFacts
from processors.knowledge import load_knowledge
from processors.nlp import load_nlp
from processors.times import document_date, find_times
from stream.messages import Article

T = TypeVar("T")

WORDS = 40_000  # about as many are read
STORY = """Coast guards free crew after talks

Thursday, March 6, 2014

The Indonesian navy freed the crew of a fishing boat on Wednesday after two days of talks, said Foreign Minister Marty Natalegawa \
in Jakarta. Malaysia had accused Indonesia of entering its waters and threatened to recall its ambassador if the men were not \
released by Friday. President Susilo Bambang Yudhoyono will meet Prime Minister Najib Razak in Kuala Lumpur next week.

Protesters gathered in front of the embassy. Police arrested 12 people, and the United Nations called on both sides to show \
restraint.

"""


def main(paths: Sequence[str] = ()) -> None:
    """Print one line a measurement."""
    texts = [Path(path).read_text(encoding="utf-8") for path in paths] or [STORY * 4]
    size = sum(len(text.split()) for text in texts)
    articles = [Article(id=f"{n}", text=text) for n in range(max(1, WORDS // size)) for text in texts]
    words = sum(len(a.text.split()) for a in articles)
    annotator, nlp, knowledge = Annotator(), load_nlp(), load_knowledge()
    annotator.annotate(articles[:1])

    _, whole = _timed(lambda: annotator.annotate(articles))
    docs, pipeline = _timed(lambda: list(nlp.pipe(a.text for a in articles)))
    entities, naming = _timed(lambda: [find_entities(doc, knowledge) for doc in docs])
    days = [document_date(a.text, a.published_at) for a in articles]
    times, dating = _timed(lambda: [find_times(doc, day) for doc, day in zip(docs, days, strict=True)])
    facts = [DocumentFacts(e, t, d) for e, t, d in zip(entities, times, days, strict=True)]
    _, coding = _timed(lambda: [code_events(doc, fact, knowledge) for doc, fact in zip(docs, facts, strict=True)])

    print(f"annotate   {len(articles)} articles, {words} words in {whole:.1f} s: {words / whole:,.0f} words/s")
    for name, seconds in (("pipeline", pipeline), ("entities", naming), ("times", dating), ("events", coding)):
        print(
            f"{name:<10} {seconds:6.2f} s  {100 * seconds / (pipeline + naming + dating + coding):3.0f} %  {words / seconds:9,.0f} words/s"
        )


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


if __name__ == "__main__":
    main(sys.argv[1:])
