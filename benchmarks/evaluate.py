"""Score the event coder on development gold: ``EVAL_DATA=… python -m benchmarks.evaluate``.

EVAL_DATA is a folder with ``plover/`` (gsr_dev.json and its scorer score_events.py, plv_dev.tsv) and ``articles/`` (texts, gold
and score_article.py). The texts go through ``dateline annotate``, as they would from outside; predictions and scores are
written to a temporary folder and the figures printed. Exits with 2 where the data is missing.
"""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ANNOTATE = [sys.executable, "-c", "from dateline.cli import main; main()", "annotate"]
HEADLINES = (
    "events_per_sentence", "type_top1_accuracy", "type_hit_rate", "participants_country", "source_country", "target_country",
    "tuple", "tuple_full", "mode_accuracy", "sector_accuracy", "context", "magnitude_accuracy", "location_accuracy",
)  # fmt: skip
JOINED = {"CONCEDE": "YIELD", "RETREAT": "YIELD"}  # plv_dev.tsv has 15 classes


def main() -> int:
    """Print the figures of every gold that is there; return the exit code."""
    data = Path(os.environ.get("EVAL_DATA", "../shared"))
    if not data.is_dir():
        print(f"{data} is no folder: set EVAL_DATA to the development gold", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        if (data / "plover" / "gsr_dev.json").exists():
            print(json.dumps({"gsr_dev": _gsr(data / "plover", work)}, indent=1))
        if (data / "plover" / "plv_dev.tsv").exists():
            print(json.dumps({"plv_dev": _plv(data / "plover" / "plv_dev.tsv")}, indent=1))
        if (data / "articles").is_dir():
            print(json.dumps({"articles": _articles(data / "articles", work)}, indent=1))
    return 0


def annotate(texts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the AnnotatedArticle of every text (id, text, perhaps published_at) in order."""
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    done = subprocess.run([*ANNOTATE, "-", "--format", "jsonl"], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def to_scorer(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return one event in the shape of score_events.py: place → location, crowd → size, bounds → the lower one."""
    sizes = {"size" if name == "crowd" else name: bounds["min"] for name, bounds in event["magnitudes"].items()}
    party = [[{key: p.get(key) for key in ("text", "country", "sector")} for p in event[role]] for role in ("actors", "recipients")]
    return {
        "type": event["type"],
        "confidence": event["confidence"],
        "actors": party[0],
        "recipients": party[1],
        "mode": event.get("mode"),
        "contexts": event["contexts"],
        "magnitudes": sizes,
        "location": {"text": event["place"]["name"]} if event.get("place") else None,
    }


def _gsr(folder: Path, work: Path) -> dict[str, Any]:
    records = [r for r in json.loads((folder / "gsr_dev.json").read_text(encoding="utf-8")) if r["event"] != "DOCUMENT"]
    texts = list({r["id"]: {"id": r["id"], "text": r["text"].strip()} for r in records}.values())
    predicted = work / "gsr.jsonl"
    with predicted.open("w", encoding="utf-8") as out:
        for text, found in zip(texts, annotate(texts), strict=True):
            out.write(json.dumps({"id": text["id"], "events": [to_scorer(e) for e in found["events"]]}) + "\n")
    printed = _run(folder / "score_events.py", folder / "gsr_dev.json", predicted, "--per-class")
    scores, _, classes = printed.partition("\n\n")
    print(classes)
    return {name: json.loads(scores)[name] for name in HEADLINES}


def _run(program: Path, *arguments: str | Path) -> str:
    return subprocess.run([sys.executable, str(program), *map(str, arguments)], capture_output=True, text=True, check=True).stdout


def _plv(path: Path) -> dict[str, Any]:
    """Return how often an event stands between the marked source and target, and how often its class is the gold root."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    found = annotate({"id": f"r{n}", "text": row["sentence"]} for n, row in enumerate(rows))
    classes = [_between(annotated["events"], row["source"], row["target"]) for row, annotated in zip(rows, found, strict=True)]
    right = sum(row["gold_root"] in kinds for row, kinds in zip(rows, classes, strict=True))
    return {"sentences": len(rows), "pair_found": _share(sum(map(bool, classes)), len(rows)), "class_right": _share(right, len(rows))}


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None


def _between(events: Sequence[Mapping[str, Any]], source: str, target: str) -> set[str]:
    found: set[str] = set()
    for event in events:
        actors = [p["text"] for p in event["actors"]]
        others = [p["text"] for p in event["recipients"]] or actors
        if any(_same(source, a) for a in actors) and any(_same(target, o) for o in others):
            found.add(JOINED.get(event["type"], event["type"]))
    return found


def _same(marked: str, text: str) -> bool:
    first, second = (set(re.findall(r"\w+", t.lower())) - {"the", "a", "an", "of", "s"} for t in (marked, text))
    return bool(first & second) and (2 * len(first & second) >= 0.5 * (len(first) + len(second)) or first <= second or second <= first)


def _articles(folder: Path, work: Path) -> Any:
    arguments: list[str | Path] = []
    for gold in sorted(folder.glob("*.gold.json")):
        about = json.loads(gold.read_text(encoding="utf-8"))
        text = (folder / about["source_file"]).read_text(encoding="utf-8")
        published = f"{about['publication_date']}T12:00:00Z"
        predicted = work / f"{gold.stem}.json"
        predicted.write_text(json.dumps(annotate([{"id": gold.stem, "text": text, "published_at": published}])[0]), encoding="utf-8")
        arguments += [gold, predicted]
    return json.loads(_run(folder / "score_article.py", *arguments))


if __name__ == "__main__":
    sys.exit(main())
