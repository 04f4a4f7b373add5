"""Polling: ask the platforms for updates, in one process, instead of having them delivered."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from maxbot.backoff import backoff
from maxbot.channels.base import Channel
from maxbot.errors import StartError
from maxbot.inbox.accept import Inbox

logger = logging.getLogger(__name__)

LOOK = 0.5
"""Seconds between two looks at whether it is this worker that polls."""


class Polling:
    """Polls channels until stopped.

    Args:
        channels: All of them can be polled.
        inbox: Takes what they fetch.
        failed: Told what makes polling impossible (a wrong token).
        leads: Says whether this worker is the one that polls: of several hosts, one does.
    """

    def __init__(
        self,
        channels: Iterable[Channel],
        inbox: Inbox,
        failed: Callable[[StartError], None],
        leads: Callable[[], Awaitable[bool]],
    ) -> None:
        self._leads = leads
        self._channels = channels
        self._inbox = inbox
        self._failed = failed
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin."""
        self._tasks = [asyncio.create_task(self._poll_in_turn(channel)) for channel in self._channels]

    async def _poll_in_turn(self, channel: Channel) -> None:
        """Poll while this worker leads, and let another one poll while it does not."""
        while True:
            while not await self._leads():
                await asyncio.sleep(LOOK)
            polling = asyncio.create_task(self._poll(channel))
            try:
                while await self._leads() and not polling.done():
                    await asyncio.wait([polling], timeout=LOOK)
            finally:
                polling.cancel()
                await asyncio.wait([polling])
            if not polling.cancelled():  # it cannot be polled
                return

    async def _poll(self, channel: Channel) -> None:
        failures = 0
        while True:
            try:
                await channel.poll(self._inbox.accept)
            except StartError as error:
                self._failed(error)
                return
            except Exception:
                failures += 1
                logger.exception("Polling %s failed and is tried again", channel.name)
                await asyncio.sleep(backoff(failures, first=1.0, longest=30.0))

    async def stop(self) -> None:
        """Fetch no more. What was fetched and not accepted is fetched again by the next one."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
