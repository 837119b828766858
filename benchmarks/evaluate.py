"""Score the coder on every gold set that is here and write docs/accuracy.md: ``EVAL_DATA=… python -m benchmarks.evaluate``.

--json          print the figures as JSON
--no-document   leave docs/accuracy.md as it is

EVAL_DATA is a folder with ``plover/`` (gsr_dev.json and its scorer score_events.py, plv_dev.tsv) and ``articles/`` (texts, gold and
score_article.py); what is not there is said to be absent. Our own gold is in benchmarks/gold. All texts go through one run of
``dateline annotate``, as they would from outside.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import accuracy
from benchmarks.sets import Annotated, GoldSet
from benchmarks.sets.articles import Articles
from benchmarks.sets.gsr import Gsr
from benchmarks.sets.plv import Plv
from benchmarks.sets.prose import Prose
from benchmarks.sets.reports import reports, stories

ANNOTATE = [sys.executable, "-c", "from dateline.cli import main; main()", "annotate", "-", "--format", "jsonl"]
SEPARATOR = ":"  # between the name of a set and the id of a text


def main() -> int:
    """Print the figures of every gold set and write the document; exits with 1 where a text could not be annotated."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--no-document", action="store_true")
    given = parser.parse_args()
    sets, absent = gold_sets(Path(os.environ.get("EVAL_DATA", "../shared")))
    found, failed = annotate_all(sets)
    result = accuracy.Result(
        pipeline=next(iter(next(iter(found.values())).values()))["pipeline"],
        scores={s.name: (s.title, s.score(found[s.name])) for s in sets},
        absent=absent,
        failed=failed,
    )
    print(json.dumps(accuracy.as_json(result), indent=1) if given.json else accuracy.as_text(result))
    if not given.no_document:
        accuracy.write(result)
    return 1 if failed else 0


def gold_sets(data: Path) -> tuple[list[GoldSet], tuple[str, ...]]:
    """Return the sets whose gold is here, ours and those of the folder *data*, and the titles of those that are absent."""
    plover = data / "plover"
    outside: list[tuple[Path, str, Any]] = [
        (plover / "gsr_dev.json", Gsr.title, lambda: Gsr(plover)),
        (plover / "plv_dev.tsv", Plv.title, lambda: Plv(plover / "plv_dev.tsv")),
        (data / "articles" / "score_article.py", Articles.title, lambda: Articles(data / "articles")),
    ]
    sets: list[GoldSet] = [make() for path, _, make in outside if path.exists()]
    return [*sets, reports(), stories(), Prose()], tuple(title for path, title, _ in outside if not path.exists())


def annotate_all(sets: Sequence[GoldSet]) -> tuple[dict[str, dict[str, Annotated]], tuple[str, ...]]:
    """Return the annotations by set and text, and the ids of texts that could not be annotated."""
    texts = [{**text, "id": f"{s.name}{SEPARATOR}{text['id']}"} for s in sets for text in s.texts()]
    done, failed = annotate(texts), []
    found: dict[str, dict[str, Annotated]] = {s.name: {} for s in sets}
    for text in texts:
        name, _, own = text["id"].partition(SEPARATOR)
        if text["id"] in done:
            found[name][own] = done[text["id"]]
        else:
            failed.append(text["id"])
    return found, tuple(failed)


def annotate(texts: Sequence[Mapping[str, Any]]) -> dict[str, Annotated]:
    """Return the annotations by id. A text that ends the run is found by halving and left out; the others are annotated."""
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    run = subprocess.run(ANNOTATE, input=lines, capture_output=True, text=True)
    done = {annotated["article"]["id"]: annotated for annotated in map(json.loads, run.stdout.splitlines())}
    left = [text for text in texts if text["id"] not in done]
    if len(left) < 2:
        if left:
            print(f"{left[0]['id']} could not be annotated:\n{run.stderr[-2000:]}", file=sys.stderr)
        return done
    half = len(left) // 2
    return done | annotate(left[:half]) | annotate(left[half:])


if __name__ == "__main__":
    sys.exit(main())
