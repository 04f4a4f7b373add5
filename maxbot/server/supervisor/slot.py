"""A place for a worker: who serves in it, and who comes next.

pause       after a start that failed, longer each time; never long while nobody serves
replace     the successor is ready first, then the old one stops: no request is refused. Who polls stops before the
            successor begins to poll, as two get in each other's way
"""

import asyncio
import logging
import time

from maxbot.backoff import backoff
from maxbot.server.stopping import KEEP_ALIVE
from maxbot.server.supervisor.control import Poll
from maxbot.server.supervisor.crew import Crew, first_of
from maxbot.server.supervisor.hopeless import Starts
from maxbot.server.supervisor.process import WorkerProcess, how

logger = logging.getLogger(__name__)

LIVED_WELL = 10.0
"""A worker that served for so long (seconds) is replaced without any pause."""

FIRST_PAUSE = 0.1
LONGEST = {True: 30.0, False: 2.0}
"""Seconds between the births of two workers in a slot, by whether the first one said itself that it cannot serve."""

LONGEST_WHILE_NOBODY_SERVES = 1.0


class Slot:
    """Keeps a worker in a place.

    Args:
        name: The worker's.
        crew: Starts it.
        starts: Shared by the slots of a run.
        polls: Whether the worker fetches the updates.
        give_up: Called when it is hopeless.
    """

    def __init__(self, name: str, crew: Crew, starts: Starts, *, polls: bool, give_up: asyncio.Event) -> None:
        self.name = name
        self.process: WorkerProcess | None = None
        """Who serves in it."""
        self._crew = crew
        self._starts = starts
        self._polls = polls
        self._give_up = give_up
        self._failures = 0
        """Failed starts and early deaths in a row."""
        self._in_words = False
        """Whether the last one that was started said why it cannot serve."""
        self._replace = asyncio.Event()
        self._tried = asyncio.Event()

    async def replace(self) -> bool:
        """Have a worker started that finds everything as it is now; return whether it serves."""
        before = self.process
        self._tried.clear()
        self._replace.set()
        await self._tried.wait()
        return self.process not in (None, before)

    async def keep(self) -> None:
        """Keep a worker in the slot: start one, and another one whenever it ends or is to be replaced."""
        while True:
            self._replace.clear()  # before the start: what was changed during it asks for another one
            began = time.monotonic()
            successor = await self._start()
            if successor is not None:
                await self._change_places(successor)
            elif self.process is not None:  # better an old bot than none
                logger.error("%s is not replaced, as its successor does not start", self.name)
            if not self._replace.is_set():
                self._tried.set()
            if self.process is None:
                self._failures += 1
                await self._pause(began)
                continue
            await first_of(self.process.ended.wait(), self._replace.wait())
            if self.process.ended.is_set():
                await self._after_death(self.process)

    async def _start(self) -> WorkerProcess | None:
        """Start a worker; return it once it serves, or None if it does not get so far."""
        try:
            process = await self._crew.start(self.name, first=not self._starts.served)
        except OSError as error:  # it may pass, and others may serve
            self._starts.failed(self.name, None, f"the system does not let it: {error}")
            return None
        self._in_words = process.failure is not None
        if process.ready.is_set():
            return process
        if self._starts.failed(process.name, process.failure, f"it ended {how(process.status)} while starting"):
            self._give_up.set()
        return None

    async def _change_places(self, successor: WorkerProcess) -> None:
        old, self.process = self.process, successor
        if old is not None:
            old.stop(0.0 if self._polls else KEEP_ALIVE)
        if self._polls:
            if old is not None:
                await old.ended.wait()
            successor.tell(Poll())

    async def _after_death(self, process: WorkerProcess) -> None:
        self.process = None
        if process.stopping or process.explained or process.age() > LIVED_WELL:
            self._failures = 0
            return
        self._failures += 1
        await self._pause(process.born_at)

    async def _pause(self, born_at: float) -> None:
        pause = backoff(self._failures, first=FIRST_PAUSE, longest=LONGEST[self._in_words])
        while not self._replace.is_set():
            longest = pause if self._crew.serving() else min(pause, LONGEST_WHILE_NOBODY_SERVES)
            left = born_at + longest - time.monotonic()
            if left <= 0:
                return
            # Looks again and again, as those that serve may end meanwhile.
            await first_of(self._replace.wait(), timeout=min(left, FIRST_PAUSE))
