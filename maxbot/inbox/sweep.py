"""Find work that nobody is awake for, because its worker or its host died.

A sweep wakes dialogs like an update does, and they take their user lock like everybody else: sweeping too often, or in
several workers at once, costs a little and breaks nothing. So one worker does it for all.

What is old is known by its number: what had been accepted a while ago by the monotonic clock, whatever the clock on the
wall said then or says now.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from maxbot.errors import StorageError
from maxbot.settings import LEASE
from maxbot.storage.store import Store
from maxbot.types import Dialog
from maxbot.waiting import within

logger = logging.getLogger(__name__)

INTERVAL = 2.0
"""Seconds between two sweeps."""

STALE = 5.0
"""After how many seconds work should have been taken up by the worker that accepted it."""

PAGE = 500
"""Dialogs looked up at once."""


class Sweep:
    """Looks for dialogs with pending work and wakes them.

    Args:
        store: Knows what is pending.
        wake: Called for each dialog found.
        lease: Seconds after which what a dead worker of another host has left can be taken over: with a short one, it
            is looked for more often.
    """

    def __init__(self, store: Store, wake: Callable[[Dialog], None], lease: float | None = None) -> None:
        hurry = 1.0 if lease is None else min(1.0, lease / LEASE)
        self._interval, self._stale = INTERVAL * hurry, STALE * hurry
        self._store = store
        self._wake = wake
        self._due = asyncio.Event()
        self._due.set()
        # At the start everything pending is somebody's who is not there any more, and so it is for whoever goes on
        # after the one that swept.
        self._everything = True
        self._marks: deque[tuple[float, int]] = deque()

    def soon(self) -> None:
        """Sweep now, and take up new work too: a worker has died."""
        self._everything = True
        self._due.set()

    async def run(self) -> None:
        """Sweep at the start, when told to, and every few seconds, until cancelled."""
        while True:
            await within(self._interval, self._due)
            self._due.clear()
            everything = self._everything
            try:
                if not await self._store.leads(everywhere=False):
                    continue
                self._everything = False
                await self._sweep(everything)
            except StorageError as error:
                self._everything = self._everything or everything
                logger.debug("Sweeping failed and will be tried again: %s", error)

    async def _sweep(self, everything: bool) -> None:
        old = self._old(await self._store.newest())
        if everything:
            await self._wake_all(None)
        elif old:
            await self._wake_all(old)

    def _old(self, newest: int) -> int:
        """Return the number of the last update that is old by now; 0 where that is not known yet."""
        now = asyncio.get_running_loop().time()
        self._marks.append((now, newest))
        while len(self._marks) > 1 and self._marks[1][0] <= now - self._stale:
            self._marks.popleft()
        since, number = self._marks[0]
        return number if since <= now - self._stale else 0

    async def _wake_all(self, upto: int | None) -> None:
        last = ""
        while True:
            found = await self._store.find_pending(upto, last, PAGE)
            for name in found:
                self._wake(Dialog.named(name))
            if len(found) < PAGE:
                return
            last = found[-1]
