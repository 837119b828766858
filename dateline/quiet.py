"""Annotating anew waits until little else is to be done: news comes first."""

from __future__ import annotations

import threading
from collections.abc import Callable

from stream.broker import Broker
from stream.errors import TransientError

REPLAY_LAG = 50  # records that may wait to be processed while others are annotated anew
LOOK_EVERY = 2.0  # seconds between two looks at whether more wait


def quiet(
    broker: Broker, group: str, topic: str, stop: threading.Event, *, on_rest: Callable[[], None], look_every: float = LOOK_EVERY
) -> Callable[[], None]:
    """Return what waits until *group* has at most REPLAY_LAG records of *topic* still to read, and calls *on_rest* at each look.

    It raises TransientError where the broker is away, or *stop* is set meanwhile: what waits is read again.
    """

    def wait() -> None:
        while sum(one.lag for one in broker.lag(group, [topic])) > REPLAY_LAG:
            on_rest()
            if stop.wait(look_every):
                raise TransientError("stopping; what is to be annotated anew is read again")

    return wait
