"""Memory of a processor over many articles, each with names and words that no other has: it must not grow.

python -m benchmarks.memory [ARTICLES] [--pipeline NAME]     one line at every tenth of the way (Linux: reads /proc)
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random

from processors.annotate import Annotator
from stream.messages import Article

ARTICLES = 5_000
BATCH = 25
LINES = 10
SYLLABLES = tuple(a + b for a in ("b", "d", "dr", "f", "g", "k", "l", "m", "n", "qu", "r", "s", "sh", "t", "v", "w", "z") for b in "aeiou")
SENTENCES = (
    "{a} President {p} met {q}, the foreign minister of {b}, in {c} on {d}.",
    "The {o} said that {n} people were killed near {c} when police fired at protesters of the {r}.",
    "{p} accused {o} of breaking the agreement that {b} and {a} officials had signed in {c}.",
    "{q} will travel to {c} next week, {r} spokesman {s} told reporters.",
    "The {r} rejected a {n}-day truce offered by {p} and threatened to sue {o}.",
)
NATIONS = ("Kenyan", "French", "Turkish", "Indian", "Chilean", "Polish")
COUNTRIES = ("Ukraine", "Japan", "Mexico", "Egypt", "Canada", "Vietnam")
DAYS = ("Monday", "Tuesday", "June 1", "March 12", "Friday")


def articles(count: int, seed: int = 7) -> Iterator[Article]:
    """Yield *count* articles of about 150 words, the same for one *seed*."""
    random = Random(seed)
    for n in range(count):
        names = {key: f"{_word(random)} {_word(random)}" for key in "pqsc"}
        bodies = {"o": f"{_word(random)} Council", "r": f"{_word(random)} Liberation Front"}
        facts = {"a": random.choice(NATIONS), "b": random.choice(COUNTRIES), "d": random.choice(DAYS), "n": random.randint(2, 5000)}
        lines = [random.choice(SENTENCES).format(**names, **bodies, **facts) for _ in range(10)]
        text = f"{names['p']} Visits {names['c']}\n\n" + " ".join(lines)
        yield Article(id=f"{n}", text=text, language="en")


def _word(random: Random) -> str:
    return "".join(random.choices(SYLLABLES, k=random.randint(2, 4))).title()


def resident() -> float:
    """Return the megabytes that the process has in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def main() -> None:
    """Print a line at every tenth of the articles."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("articles", nargs="?", type=int, default=ARTICLES)
    parser.add_argument("--pipeline", default="")
    given = parser.parse_args()
    annotator, start, done = Annotator(given.pipeline), time.perf_counter(), 0
    stream = articles(given.articles)
    while batch := tuple(islice(stream, BATCH)):
        annotator.annotate(batch)
        done += len(batch)
        if done * LINES // given.articles > (done - len(batch)) * LINES // given.articles:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            seconds = time.perf_counter() - start
            print(f"{done:7,} articles  {seconds:6.0f} s  resident {resident():4.0f} MB  peak {peak:4.0f} MB", flush=True)


if __name__ == "__main__":
    main()
