"""Lets articles out as they are stored, so that whatever strikes finds some on their way."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from tests.system.harness import Site

LOOK_EVERY = 0.05  # seconds between two looks


class Flow:
    """Lets the stories of *site* out in as many equal shares as there are *faults*, and one: each fault strikes among articles.

    *stored* says how many are stored. Shares follow what is stored, so the pace is the pipeline's own.
    """

    def __init__(self, site: Site, articles: int, faults: int, stored: Callable[[], int], patience: float) -> None:
        self._site, self._articles, self._parts = site, articles, faults + 1
        self._look, self._seen, self._patience = stored, 0, patience
        site.release(self._share(1))

    def wait(self, fault: int, chance: random.Random) -> int:
        """Return how many articles are on their way, when *fault* (0, 1, …) should strike: at once.

        That is when some of the share before are stored, half of it at most, and its own share was just let out.
        """
        before, own = self._share(fault), self._share(fault + 1)
        enough = before + chance.randint(0, (own - before) // 2)
        assert wait_until(lambda: self._stored() > enough, self._patience), f"no more than {enough} are stored before fault {fault}"
        self._site.release(self._share(fault + 2))
        return self._site.released - self._stored()

    def _stored(self) -> int:
        self._seen = max(self._seen, self._look())  # a database that does not answer has not lost anything
        return self._seen

    def _share(self, number: int) -> int:
        return self._articles * number // self._parts


def wait_until(condition: Callable[[], bool], patience: float) -> bool:
    """Return True when *condition* holds, False after *patience* seconds."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_EVERY)
    return True
