"""``make bench``: every benchmark, or those that are named: ``python -m benchmarks brokers storage``."""

import importlib
import sys

BENCHMARKS = ("brokers", "storage", "pipeline", "polling")


def main() -> None:
    """Run the benchmarks and print their tables."""
    chosen = sys.argv[1:] or list(BENCHMARKS)
    if unknown := set(chosen) - set(BENCHMARKS):
        sys.exit(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    for name in chosen:
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
