"""A button that was pressed spins until its platform is told that this was heard: beside all else, best effort."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from maxbot.errors import SendError

logger = logging.getLogger(__name__)


class Presses:
    """Tells it.

    Args:
        platform: As people call it.
    """

    def __init__(self, platform: str) -> None:
        self._platform = platform
        self._tasks: set[asyncio.Task[None]] = set()

    def heard(self, call: Coroutine[Any, Any, Any]) -> None:
        """Make a call that says so, while the caller goes on."""
        task = asyncio.create_task(self._tell(call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self, call: Coroutine[Any, Any, Any]) -> None:
        try:
            await call
        except SendError as error:  # it was too long ago, or this is its second delivery
            logger.debug("A button of %s goes on spinning: %s", self._platform, error)

    async def close(self) -> None:
        """Give up what is not told yet."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
