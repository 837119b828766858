"""lemon24/reader's side of ``benchmarks.fetching``; runs in an environment that has reader and nothing of ours.

python fetching_reader.py FILE-OF-URLS DATABASE WORKERS     prints the seconds of a cold and of a warm round, as JSON
"""

import json
import sys
import time
from pathlib import Path

from reader import make_reader


def main() -> None:
    """Add the feeds, update them twice, and tell how long each took and what is stored."""
    urls, database, workers = Path(sys.argv[1]).read_text().split(), sys.argv[2], int(sys.argv[3])
    reader = make_reader(database)
    for url in urls:
        reader.add_feed(url)
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        reader.update_feeds(scheduled=False, workers=workers)
        seconds.append(time.perf_counter() - started)
    print(json.dumps({"seconds": seconds, "entries": reader.get_entry_counts().total}))


main()
