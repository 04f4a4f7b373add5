"""Channels that rest: where a platform says "later" to a whole account, its dialogs wait together.

Each worker finds out by itself, with one call, and writes down how long it is: a worker that starts anew keeps to it.
"""

import asyncio
import random
from contextlib import suppress

from maxbot.errors import StorageError
from maxbot.outbox.retries import pause
from maxbot.storage.store import Store

LONGEST_REST = 300.0

NOTE = "rests until"


class Rests:
    """How long each channel rests. Made on the event loop that it serves.

    Args:
        store: Keeps it over restarts.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._recalled: set[str] = set()
        self._until: dict[str, float] = {}
        self._failures: dict[str, int] = {}

    async def note(self, channel: str, wish: float | None) -> None:
        """A platform said "later" to all of a channel.

        Args:
            channel: Its name.
            wish: For how long, in seconds; None leaves it to a back-off.
        """
        now = asyncio.get_running_loop().time()
        if now < self._until.get(channel, 0.0):  # another call of the same moment
            return
        failures = self._failures[channel] = self._failures.get(channel, 0) + 1
        seconds = pause(failures, wish, LONGEST_REST)
        self._until[channel] = now + seconds
        with suppress(StorageError):  # then who starts anew asks once more
            await self._store.note(channel, NOTE, str(self._store.now() + seconds))

    def remaining(self, channel: str) -> float:
        """Return for how many seconds a dialog of the channel has to wait: not all the same, or all came at once.

        To be asked for once what is written down is known: `knows`, `recall`.
        """
        until = self._until.get(channel)
        if until is None:
            return 0.0
        remaining = until - asyncio.get_running_loop().time()
        if remaining <= 0:
            return 0.0
        return remaining * random.uniform(1.0, 1.25)

    def end(self, channel: str) -> None:
        """The channel sends again."""
        if channel in self._until:
            del self._until[channel], self._failures[channel]

    def knows(self, channel: str) -> bool:
        """Whether it is known what is written down of a channel."""
        return channel in self._recalled

    async def recall(self, channel: str) -> None:
        """Find out what is written down of a channel."""
        noted = None
        with suppress(StorageError):  # the next one looks again
            noted = await self._store.noted(channel, NOTE)
            self._recalled.add(channel)
        seconds = min(float(noted) - self._store.now(), LONGEST_REST) if noted else 0.0
        if seconds > 0 and channel not in self._until:
            self._until[channel] = asyncio.get_running_loop().time() + seconds
            self._failures[channel] = 1
