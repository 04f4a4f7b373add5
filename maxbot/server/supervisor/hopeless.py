"""When it is hopeless to start another worker.

Nothing has served yet in this run, and as many starts as there are workers (5 at most) failed with words of their own.
A death without words, by a signal or the kernel, never counts. A run that has served goes on: whoever starts it again
finds the same bot, whoever stays mends itself.
"""

import logging
import time

logger = logging.getLogger(__name__)

HOPELESS = 5
SAY_AGAIN = 60.0
"""Seconds after which the reason of a failed start is said again."""


class Starts:
    """How the starts of a run went.

    Args:
        workers: Their number.
    """

    def __init__(self, workers: int) -> None:
        self.served = 0
        """Workers that got ready in this run."""
        self._most = min(HOPELESS, workers)
        self._failures = 0
        self._said: dict[str, float] = {}

    def succeeded(self) -> None:
        """A worker serves."""
        self.served += 1
        self._said.clear()

    def failed(self, name: str, words: str | None, seen: str) -> bool:
        """Say why, and return whether it is hopeless.

        Args:
            name: Whose start failed.
            words: The reason in the worker's own words, if it had any.
            seen: What was seen of it.
        """
        self._say(name, words or seen)
        self._failures += words is not None
        return self._failures >= self._most and not self.served

    def _say(self, name: str, reason: str) -> None:
        now = time.monotonic()
        if now - self._said.get(reason, -SAY_AGAIN) >= SAY_AGAIN:
            self._said[reason] = now
            logger.error("%s does not start: %s", name, reason)
