"""Keep asking a database that does not answer: it comes back, and nothing may be lost meanwhile."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from maxbot.backoff import backoff
from maxbot.errors import StorageUnavailable

logger = logging.getLogger(__name__)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_SILENCE = 5.0
"""Seconds between two log lines about the same trouble, however many dialogs are in it."""

_last_said = float("-inf")


async def until_stored(
    call: Callable[Arguments, Awaitable[Result]], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Result:
    """Await `call(...)` again and again until the database did it.

    Raises:
        StorageError: The database is there and will never do it.
    """
    attempts = 0
    while True:
        try:
            return await call(*args, **kwargs)
        except StorageUnavailable as error:
            attempts += 1
            say_unavailable(error)
            await asyncio.sleep(backoff(attempts, first=0.05, longest=2.0))


def say_unavailable(error: StorageUnavailable) -> None:
    """Log that the database does not answer, but not once for everybody who waits for it."""
    global _last_said
    if time.monotonic() - _last_said > _SILENCE:
        _last_said = time.monotonic()
        logger.error("The database is not available, and nothing is acknowledged until it is: %s", error)
