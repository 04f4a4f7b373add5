"""Find work that nobody is awake for, because its worker or its host died.

A sweep wakes dialogs like an update does, and they take their user lock like everybody else: sweeping too often, or in
several workers at once, costs a little and breaks nothing.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable

from maxbot.errors import StorageError
from maxbot.storage.store import Store
from maxbot.types import Dialog

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
    """

    def __init__(self, store: Store, wake: Callable[[Dialog], None]) -> None:
        self._store = store
        self._wake = wake
        self._due = asyncio.Event()
        self._due.set()  # at the start everything pending is somebody's who is not there any more
        self._older_than = 0.0

    def soon(self) -> None:
        """Sweep now, and take up new work too: a worker has died."""
        self._older_than = 0.0
        self._due.set()

    async def run(self) -> None:
        """Sweep at the start, when told to, and every few seconds, until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                # Not `wait_for`: in Python 3.11 it swallows a cancellation in the moment of `soon()`.
                async with asyncio.timeout(INTERVAL):
                    await self._due.wait()
            self._due.clear()
            older_than, self._older_than = self._older_than, STALE
            try:
                await self._sweep(older_than)
            except StorageError as error:
                logger.debug("Sweeping failed and will be tried again: %s", error)

    async def _sweep(self, older_than: float) -> None:
        last = ""
        while True:
            found = await self._store.find_pending(older_than, last, PAGE)
            for name in found:
                channel, _, user = name.partition(":")
                self._wake(Dialog(channel, user))
            if len(found) < PAGE:
                return
            last = found[-1]
