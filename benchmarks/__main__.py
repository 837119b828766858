"""``make bench``: every benchmark but those that take long, or those that are named: ``python -m benchmarks brokers storage``.

All but two write their section of docs/performance.md; ``--no-document`` leaves it as it is.
"""

import argparse
import importlib

from benchmarks import report

SPINE = ("brokers", "storage", "growth", "processors", "latency")
INGEST = ("fetching",)
LONG = ("endurance", "rhythm", "footprint", "polling")  # minutes of a processor; only by name
PRINTED = ("pipeline", "polling")
NORMALLY = (*SPINE, *INGEST, "pipeline")


def main() -> None:
    """Run the benchmarks, print their tables, and write down what has a section."""
    known = (*NORMALLY, *LONG)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(NORMALLY)}; only by name: {', '.join(LONG)}")
    parser.add_argument("--no-document", action="store_true")
    given = parser.parse_args()
    if unknown := set(given.names) - set(known):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    if not given.names:
        print(f"Left out, for they take minutes of a processor: {', '.join(LONG)}. Name them: python -m benchmarks {LONG[0]}")
    for name in given.names or NORMALLY:
        module = importlib.import_module(f"benchmarks.{name}")
        if name in PRINTED:
            module.main()
            continue
        occasion = report.Occasion()
        section = module.run()
        report.show(section)
        if not given.no_document:
            report.write(section, occasion)


if __name__ == "__main__":
    main()
