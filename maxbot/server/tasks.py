"""A process's own tasks: none of them ends without being heard."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

logger = logging.getLogger(__name__)

AGAIN = 1.0
"""Seconds until a task that failed begins again."""

Work = Callable[[], Awaitable[None]]


def keep(tasks: Iterable[Work], on_bug: Callable[[], None]) -> list[asyncio.Task[None]]:
    """Run the process's own tasks. One that fails is said, and begins again.

    Args:
        tasks: Each is called for what to await.
        on_bug: Called at each failure: who can be replaced had better be.

    Returns:
        The tasks, to be cancelled at the end.
    """
    return [asyncio.create_task(_keep(task, on_bug)) for task in tasks]


async def _keep(task: Work, on_bug: Callable[[], None]) -> None:
    while True:
        try:
            return await task()
        except Exception:
            logger.critical("Something of the server's own failed and begins again; this is a bug", exc_info=True)
        on_bug()
        await asyncio.sleep(AGAIN)
