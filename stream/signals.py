"""How a worker is told to stop."""

from __future__ import annotations

import os
import signal
import threading


def stop_on_signals() -> threading.Event:
    """Return an event that the first SIGTERM or SIGINT sets; a second one ends the process at once."""
    stop = threading.Event()

    def handle(number: int, _frame: object) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)
    return stop


def stop_with_standard_input(stop: threading.Event) -> None:
    """Set *stop* when standard input ends: the supervisor that held its other end is gone."""

    def watch() -> None:
        while os.read(0, 1024):  # not sys.stdin: a thread in its lock would keep the interpreter from ending
            pass
        stop.set()

    threading.Thread(target=watch, name="supervised", daemon=True).start()
