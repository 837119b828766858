"""The whole recipe: corpora → checkpoint → exported model → spaCy pipeline → figures. ``make -C training`` runs it."""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

from processors.minilm.assemble import assemble
from training.evaluate import evaluate
from training.export import export
from training.train import encoder_folder, train

PIPELINES = Path(__file__).resolve().parent.parent / "processors" / "pipelines"
NAME, VERSION = "dateline_minilm", "0.2.1"


def build(checkpoint: Path, corpora: Path, work: Path, pipeline: Path) -> None:
    """Write the spaCy pipeline of *checkpoint* into the folder *pipeline*, in place of what is there; *work* is scratch."""
    export(checkpoint, encoder_folder(), corpora, work / "model")
    assemble(work / "model", NAME, VERSION).to_disk(work / "pipeline")
    shutil.rmtree(pipeline, ignore_errors=True)
    shutil.copytree(work / "pipeline", pipeline)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=Path, default=os.environ.get("CORPORA"), required="CORPORA" not in os.environ)
    parser.add_argument("--treebanks", type=Path, default=os.environ.get("TREEBANKS"), help="CoNLL-U files, for paragraphs in the figures")
    parser.add_argument("--work", type=Path, default=Path("var/training"))
    parser.add_argument("--minutes", type=float, default=85.0, help="of training, on one core")
    parser.add_argument("--checkpoint", type=Path, help="leave the training out and take this")
    parser.add_argument("--pipeline", type=Path, default=PIPELINES / f"en_{NAME}")
    parser.add_argument("--beside", nargs="*", default=[], help="other pipelines, by name or path, to score in the same run")
    given = parser.parse_args(arguments)
    checkpoint = given.checkpoint or train(given.corpora, encoder_folder(), given.work, given.minutes)
    build(checkpoint, given.corpora, given.work, given.pipeline)
    with (given.work / "figures.txt").open("w", encoding="utf-8") as figures:
        for line in evaluate([str(given.pipeline), *given.beside], given.corpora, given.treebanks):
            print(line, flush=True)  # noqa: T201 - the result
            print(line, file=figures, flush=True)


if __name__ == "__main__":
    main()
