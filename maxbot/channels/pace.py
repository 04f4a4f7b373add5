"""Keep below a platform's limits, so that it need not say 429: a message takes its turn before it is sent.

What a process may use of an account's limit is its share of it: nobody asks the other workers. A platform that says
429 nevertheless is obeyed first; that is the outbox's business.
"""

import asyncio
import time
from collections.abc import Callable, Hashable

from maxbot.errors import RetryLater

LONGEST_WAIT = 1.0
"""Seconds that a message waits here for its turn; what would take longer goes back to the outbox."""

MOST_KEPT = 10_000
"""Keys that are remembered before those that are through are forgotten."""


class Pace:
    """So many messages a second, and some at once after a quiet time; by key, each of which has its own turn.

    Args:
        rate: Messages a second.
        burst: How many may go at once.
        clock: Seconds, growing.
    """

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = 1 / rate
        self._tolerance = max(burst - 1, 0) / rate
        self._clock = clock
        self._free_at: dict[Hashable, float] = {}
        """When everything that was sent is worked off at the rate: later than now by what was sent at once."""

    def take(self, key: Hashable = None) -> float:
        """Take the next turn and return in how many seconds it is; 0 for now. A turn too far away is not taken."""
        now = self._clock()
        free_at = max(self._free_at.get(key, now), now)
        wait = max(free_at - self._tolerance - now, 0.0)
        if wait <= LONGEST_WAIT:
            self._forget(now)
            self._free_at[key] = free_at + self._interval
        return wait

    def _forget(self, now: float) -> None:
        if len(self._free_at) >= MOST_KEPT:
            self._free_at = {key: free_at for key, free_at in self._free_at.items() if free_at > now}


async def in_turn(channel: Pace, dialog: Pace | None = None, key: Hashable = None) -> None:
    """Wait for the turn of a message in its dialog and on its channel.

    Raises:
        RetryLater: It is too far away.
    """
    if dialog is not None:
        await _wait(dialog.take(key), "This user gets no more messages at a time")
    await _wait(channel.take(), "The account's limit of messages a second is used up")


async def _wait(seconds: float, reason: str) -> None:
    if seconds > LONGEST_WAIT:
        raise RetryLater(reason, seconds)
    if seconds:
        await asyncio.sleep(seconds)
