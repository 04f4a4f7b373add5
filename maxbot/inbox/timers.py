"""Timers that turns have set: those that are due become updates, in the inbox's order with everything else.

A timer is taken and its update stored in one transaction, so that it rings once, whoever looks for it. One worker looks
for all of them: at its start, when the next one is due, and every few seconds. What is due before it looks again, the
worker that has committed the timer looks for itself.

Moments are the database's: a timer that waits for an hour may be late by as much as a clock is set back meanwhile, but
never longer than an hour after somebody has noticed, by the monotonic clock.
"""

import asyncio
import logging
from collections.abc import Callable

from maxbot.errors import StorageError
from maxbot.events import Event, TimersSet
from maxbot.storage.store import Store
from maxbot.storage.tables.timers import Name
from maxbot.types import Dialog
from maxbot.waiting import within

logger = logging.getLogger(__name__)

LOOK_EVERY = 5.0
"""Seconds between two looks, at most: the clock may be set meanwhile, and other hosts set timers."""

MOMENT = 0.1
"""Seconds by which an alarm may ring too early: it looks again."""

BATCH = 200
"""Timers that ring in one transaction."""

MOST_NOTICED = 1000
"""Timers whose waiting is measured while the clock is behind."""


class Timers:
    """Looks for timers that are due, and wakes their dialogs. An observer: it hears of those that are set here.

    Args:
        store: Where they are.
        wake: Called for each dialog that has a request now.
    """

    hears = frozenset({TimersSet})

    def __init__(self, store: Store, wake: Callable[[Dialog], None]) -> None:
        self._store = store
        self._wake = wake
        self._due = asyncio.Event()
        self._due.set()
        self._noticed: dict[Name, float] = {}

    def __call__(self, event: Event) -> None:
        if isinstance(event, TimersSet) and event.soonest < LOOK_EVERY:
            asyncio.get_running_loop().call_later(event.soonest, self.soon)

    def soon(self) -> None:
        """Look now."""
        self._due.set()

    async def run(self) -> None:
        """Look at the start, when something is due, and every few seconds, until cancelled."""
        pause = 0.0
        while True:
            asked = await within(pause, self._due)
            self._due.clear()
            pause = LOOK_EVERY
            try:
                leads = await self._store.leads()
                wait = await self._ring_all() if asked or leads else LOOK_EVERY
            except StorageError as error:
                logger.debug("Looking for timers failed and will be tried again: %s", error)
                continue
            if leads:
                pause = min(wait, LOOK_EVERY)
            elif wait < MOMENT:
                asyncio.get_running_loop().call_later(wait, self.soon)

    async def _ring_all(self) -> float:
        """Let all ring that are due, and return how many seconds the next one is away."""
        others = await self._overtaken()
        while True:
            due = await self._store.next_timer()
            wait = LOOK_EVERY if due is None else due - self._store.now()
            if wait > 0.0 and not others:
                return wait
            for name in await self._store.ring(BATCH, others):
                self._wake(Dialog.named(name))
            others = []

    async def _overtaken(self) -> list[Name]:
        """Return timers that have waited for as long as they should, whatever the clock says that was set back."""
        now = asyncio.get_running_loop().time()
        ahead = await self._store.timers_ahead(MOST_NOTICED)
        self._noticed = {name: self._noticed.get(name, now) for name, _ in ahead}
        return [name for name, seconds in ahead if now - self._noticed[name] >= seconds]
