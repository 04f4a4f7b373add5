"""How often something is tried, and how long it waits: for the database, and for a platform."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from maxbot.backoff import backoff
from maxbot.errors import StorageUnavailable

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

FIRST_RETRY = 0.5
LONGEST_RETRY = 60.0

MOST_UNKNOWN = 5
"""How many attempts at a command may end without anybody knowing whether it arrived: so often it may be repeated."""

MOST_TAKEN_UP = 20
"""How many attempts at a command may end with the death of its worker. Where a channel is what kills it, the quarantine
finds that after two; this is for what it cannot see."""


async def until_stored(
    call: Callable[Arguments, Awaitable[Result]], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Result:
    """Await `call(...)` again and again until the database did it: it comes back, and nothing may be lost meanwhile.

    Raises:
        StorageError: The database is there and will never do it.
    """
    attempts = 0
    while True:
        try:
            return await call(*args, **kwargs)
        except StorageUnavailable:
            attempts += 1
            await asyncio.sleep(backoff(attempts, first=0.05, longest=2.0))


def pause(failures: int, wish: float | None, left: float) -> float:
    """Return how long a command waits for its next attempt, in seconds.

    Args:
        failures: How many attempts failed, from 1.
        wish: What the platform asks for; None where it names nothing. Whatever number that is, the pause is not
            shorter than the back-off (no tight loop) and not longer than `left`.
        left: Seconds until the command is given up.
    """
    shortest = backoff(failures, first=FIRST_RETRY, longest=LONGEST_RETRY)
    wait = shortest if wish is None or math.isnan(wish) else max(wish, shortest)
    return min(wait, left)
