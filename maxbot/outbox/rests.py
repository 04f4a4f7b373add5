"""Channels that rest: where a platform says "later" to a whole account, its dialogs wait together.

Each worker finds out by itself, with one call. No row of the database says so: nobody else has to keep to it, and a
worker that starts anew only asks once more.
"""

import asyncio
import random

from maxbot.outbox.retries import pause

LONGEST_REST = 300.0


class Rests:
    """How long each channel rests. Made on the event loop that it serves."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._failures: dict[str, int] = {}

    def note(self, channel: str, wish: float | None) -> None:
        """A platform said "later" to all of a channel.

        Args:
            channel: Its name.
            wish: For how long, in seconds; None leaves it to a back-off.
        """
        now = asyncio.get_running_loop().time()
        if now < self._until.get(channel, 0.0):  # another call of the same moment
            return
        failures = self._failures[channel] = self._failures.get(channel, 0) + 1
        self._until[channel] = now + pause(failures, wish, LONGEST_REST)

    def remaining(self, channel: str) -> float:
        """Return for how many seconds a dialog of the channel has to wait: not all the same, or all came at once."""
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
