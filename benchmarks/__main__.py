"""``make bench``: every benchmark, or those that are named: ``python -m benchmarks brokers storage``.

Those of the spine write their section of docs/performance.md; ``--no-document`` leaves it as it is.
"""

import argparse
import importlib

from benchmarks import report

SPINE = ("brokers", "storage", "growth", "processors", "latency", "endurance")
PRINTED = ("pipeline", "polling")


def main() -> None:
    """Run the benchmarks, print their tables, and write down those of the spine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join((*SPINE, *PRINTED)))
    parser.add_argument("--no-document", action="store_true")
    given = parser.parse_args()
    if unknown := set(given.names) - {*SPINE, *PRINTED}:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join((*SPINE, *PRINTED))}")
    for name in given.names or (*SPINE, *PRINTED):
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
