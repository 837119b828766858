"""Turns at hosts over all workers, for the requests that no lease stands for: pages, robots.txt, hubs, where redirects lead."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ingest.rim import Rim
from ingest.turns import Held
from storage import hosts
from storage.hosts import HostLimits

PATIENCE = 30.0  # seconds to wait for a turn: two feeds that hold leases at each other's hosts must not wait for ever
SPARE = 30.0  # seconds beyond the deadline of a request, after which its visit ends by itself: the worker died


class Visits:
    """The database's turns, as ``ingest.turns.Turns`` asks for them; a request takes *timeout* seconds at most."""

    def __init__(self, rim: Rim, limits: HostLimits, timeout: float, patience: float = PATIENCE) -> None:
        self._rim = rim
        self._limits = limits
        self._seconds = timeout + SPARE
        self._patience = patience

    @asynccontextmanager
    async def at(self, host: str, *, leased: bool) -> AsyncIterator[None]:
        """Wait for a turn at *host*, and for a place where no lease of ours is one; raises Held where that takes long."""
        token = None if leased else uuid.uuid4().hex
        await self._turn(host, token)
        try:
            yield
        finally:
            if token:
                await self._rim.try_db(hosts.leave, host, token)

    async def _turn(self, host: str, token: str | None) -> None:
        left = self._patience
        while wait := await self._rim.db(hosts.visit, host, token, self._seconds, self._limits):
            if wait > left:
                raise Held(host, max(wait, PATIENCE))
            wait += random.random() * self._limits.pause  # noqa: S311 (who is there to the moment leaves nothing to feeds that are due)
            left -= wait
            await asyncio.sleep(wait)
