"""Those who wait for the end of a request's turn, whichever worker runs it.

A turn that ends in this worker wakes them at once. Those of other workers are found by looking into the database, which
is done only while somebody waits.
"""

import asyncio
from collections import defaultdict

from maxbot.errors import StorageError
from maxbot.events import Event, TurnRun, UpdateSetAside
from maxbot.storage.store import Store
from maxbot.storage.tables.requests import Outcome
from maxbot.types import Dialog
from maxbot.waiting import within

LOOK_EVERY = 0.1
"""Seconds between looks for turns of other workers."""

LOOK_RARELY = 2.0
"""The same where very many wait."""

MANY = 100
"""For each so many who wait, looks are `LOOK_EVERY` farther apart."""


class Ended:
    """An observer that tells who waits.

    Args:
        store: Knows what became of a request.
    """

    hears = frozenset({TurnRun, UpdateSetAside})

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: defaultdict[Dialog, set[asyncio.Event]] = defaultdict(set)
        self._stopped = False

    def __len__(self) -> int:
        """Return how many wait."""
        return sum(map(len, self._waiting.values()))

    def __call__(self, event: Event) -> None:
        if isinstance(event, TurnRun | UpdateSetAside) and event.dialog in self._waiting:
            self._wake(event.dialog)

    async def outcome(self, dialog: Dialog, key: str, seconds: float) -> Outcome | None:
        """Return what became of a request, once its turn has ended or the time is over.

        Args:
            dialog: Whom the bot speaks to.
            key: Of the request.
            seconds: To wait at most.

        Returns:
            None where the request is not known any more: it was done long ago.
        """
        woken = asyncio.Event()
        self._waiting[dialog].add(woken)
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            while True:
                woken.clear()
                found = await self._look(dialog, key)
                left = deadline - asyncio.get_running_loop().time()
                if found is None or not found.pending or left <= 0 or self._stopped:
                    return found
                await within(min(left, self._pause()), woken)
        finally:
            self._waiting[dialog].remove(woken)
            if not self._waiting[dialog]:
                del self._waiting[dialog]

    def stop(self) -> None:
        """Answer all who wait; from now on nobody waits."""
        self._stopped = True
        for dialog in self._waiting:
            self._wake(dialog)

    def _wake(self, dialog: Dialog) -> None:
        for woken in self._waiting[dialog]:
            woken.set()

    def _pause(self) -> float:
        return min(LOOK_EVERY * (1 + len(self) / MANY), LOOK_RARELY)

    async def _look(self, dialog: Dialog, key: str) -> Outcome | None:
        try:
            return await self._store.outcome(dialog.channel, key)
        except StorageError:  # the request is stored, and what becomes of it will be known later
            return Outcome(pending=True, failed=False)
