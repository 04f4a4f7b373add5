"""Keep below a platform's limits, so that it need not say 429: a message takes its turn before it is sent.

What a process may use of an account's limit is its share of it: nobody asks the other workers, but how many there are.
A platform that says 429 nevertheless is obeyed first; that is the outbox's business.
"""

import asyncio
import time
from collections.abc import Callable, Hashable

from maxbot.errors import RetryLater

LONGEST_WAIT = 1.0
"""Seconds that a message waits here for its turn; what would take longer goes back to the outbox."""

MOST_KEPT = 10_000
"""Keys that are remembered before those that are through are forgotten."""


class Share:
    """The part of an account's limits that this process may use: 1 is all of it. It changes as others come and go."""

    __slots__ = ("part",)

    def __init__(self, part: float = 1.0) -> None:
        self.part = part


class Pace:
    """So many messages a second, and some at once after a quiet time; by key, each of which has its own turn.

    Args:
        rate: Messages a second.
        burst: How many may go at once.
        clock: Seconds, growing.
        share: The part of both that this process may use.
    """

    def __init__(
        self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic, *, share: Share | None = None
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._share = share or Share()
        self._free_at: dict[Hashable, float] = {}
        """When everything that was sent is worked off at the rate: later than now by what was sent at once."""

    def take(self, key: Hashable = None) -> float:
        """Take the next turn and return in how many seconds it is; 0 for now. A turn too far away is not taken."""
        now = self._clock()
        rate, burst = self._rate * self._share.part, self._burst * self._share.part
        free_at = max(self._free_at.get(key, now), now)
        wait = max(free_at - max(burst - 1, 0.0) / rate - now, 0.0)
        if wait <= LONGEST_WAIT:
            self._forget(now)
            self._free_at[key] = free_at + 1 / rate
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
