"""Trouble with polling: how long to wait between attempts, and what the log hears of it."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from maxbot.backoff import backoff
from maxbot.errors import BadRequest, MaxBotError, OutcomeUnknown, RetryLater, StorageUnavailable, Undeliverable

logger = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
"""Seconds between attempts to poll while it fails."""

Result = TypeVar("Result")


def at_once(error: MaxBotError) -> float:
    """Trouble is over with the first success, whatever it was."""
    return 0.0


class Trouble:
    """Waits between attempts, and tells the log when trouble begins, changes and ends.

    Args:
        platform: As people call it.
        over_after: For an error, the seconds without trouble after which it is over.
    """

    def __init__(self, platform: str, over_after: Callable[[MaxBotError], float] = at_once) -> None:
        self._platform = platform
        self._over_after = over_after
        self._attempts = 0
        self._reason: str | None = None
        self._over_at = 0.0

    async def until_done(self, step: Callable[[], Awaitable[Result]]) -> Result:
        """Await `step()` again and again until it succeeds."""
        while True:
            try:
                done = await step()
            except (RetryLater, OutcomeUnknown, Undeliverable, BadRequest, StorageUnavailable) as error:
                at_least = error.retry_after if isinstance(error, RetryLater) else None
                await self.wait(str(error), at_least, self._over_after(error))
            else:
                self.over()
                return done

    async def wait(self, reason: str, at_least: float | None = None, over_after: float = 0.0) -> None:
        """Note that an attempt failed, and wait for the next.

        Args:
            reason: Is said where it is another one than last.
            at_least: Seconds.
            over_after: Seconds without trouble after which it is over.
        """
        self._over_at = time.monotonic() + over_after
        if reason != self._reason:
            logger.warning("Polling %s does not work now and is tried again: %s", self._platform, reason)
            self._reason = reason
        self._attempts += 1
        await asyncio.sleep(max(at_least or 0.0, backoff(self._attempts, first=FIRST_WAIT, longest=LONGEST_WAIT)))

    def over(self) -> None:
        """Note that an attempt succeeded."""
        if self._reason is not None and time.monotonic() >= self._over_at:
            logger.warning("Polling %s works again", self._platform)
            self._reason = None
            self._attempts = 0
