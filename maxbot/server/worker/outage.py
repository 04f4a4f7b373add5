"""For how long the database has not answered: a stop waits for a turn, but not for a disk that stays full."""

import time
from collections.abc import Callable

from maxbot.events import DatabaseUnavailable, Event

PAUSE = 5.0
"""Seconds without a complaint after which an outage is over: whoever waits for the database asks more often."""

HOPELESS = 3.0
"""Seconds of an outage after which a stop does not wait for it: what was accepted is stored, the rest cannot be."""


class Outage:
    """An observer that remembers when the database began to be out of reach.

    Args:
        clock: Seconds, monotonic.
    """

    hears = frozenset({DatabaseUnavailable})

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = float("inf")
        self._last = float("-inf")

    def __call__(self, event: Event) -> None:
        if isinstance(event, DatabaseUnavailable) and not event.damaged:
            now = self._clock()
            if now - self._last > PAUSE:
                self._since = now
            self._last = now

    def is_hopeless(self) -> bool:
        """Whether it lasts, and for so long that a stop had better end."""
        return self._clock() - self._last <= PAUSE and self._last - self._since >= HOPELESS
