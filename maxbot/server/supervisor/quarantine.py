"""The quarantine: a worker that takes nothing in, in which suspects run where they harm nobody.

Started when somebody is suspected, ended when there has been nothing to try for a while.
"""

import asyncio
import logging

from maxbot.server.stopping import LINGER
from maxbot.server.supervisor.control import Try, Wake
from maxbot.server.supervisor.crew import Crew, first_of
from maxbot.server.supervisor.hopeless import Starts
from maxbot.server.supervisor.process import WorkerProcess, how
from maxbot.server.supervisor.trials import Trials

logger = logging.getLogger(__name__)

NAME = "quarantine"

IDLE = 10.0
"""Seconds without anything to try after which it ends."""

AGAIN = 1.0
"""Seconds until the next attempt at starting it."""


class Quarantine:
    """Keeps the worker that tries suspects, as long as there are any.

    Args:
        crew: Starts it.
        trials: Says what to try.
        starts: Says why it does not start.
    """

    def __init__(self, crew: Crew, trials: Trials, starts: Starts) -> None:
        self._crew = crew
        self._trials = trials
        self._starts = starts
        self._process: WorkerProcess | None = None
        self._news = asyncio.Event()

    def look(self) -> None:
        """There may be something to try, or a trial is over."""
        self._news.set()

    def renew(self) -> None:
        """The bot has changed: what is tried from now on runs the new one."""
        if self._process is not None and not self._trials.trying:
            self._process.stop(LINGER)

    async def keep(self) -> None:
        """Try suspects whenever there are any."""
        while True:
            await self._news.wait()
            try:
                process = await self._crew.start(NAME, first=False, quarantine=True)
            except OSError as error:
                self._starts.failed(NAME, None, f"the system does not let it: {error}")
                await asyncio.sleep(AGAIN)
                continue
            if process.ready.is_set():
                await self._try_in(process)
            else:
                self._starts.failed(NAME, process.failure, f"it ended {how(process.status)} while starting")
                await asyncio.sleep(AGAIN)

    async def _try_in(self, process: WorkerProcess) -> None:
        self._process = process
        while not process.ended.is_set():
            self._news.clear()
            if not process.stopping:
                self._begin_in(process)
            await first_of(self._news.wait(), process.ended.wait(), timeout=None if self._trials.trying else IDLE)
            if not self._news.is_set() and not self._trials.trying and not process.ended.is_set():
                process.stop(LINGER)
                await process.ended.wait()
        self._process = None
        if process.status != 0 and not process.explained:
            await asyncio.sleep(AGAIN)
        if self._trials.waiting:
            self._news.set()

    def _begin_in(self, process: WorkerProcess) -> None:
        group = self._trials.next()
        for dialog, update in group:
            logger.info("Update %d of %s runs in the quarantine, as its worker died", update, dialog)
            process.tell(Try(dialog, update, alone=len(group) == 1))

    def ended(self, process: WorkerProcess, *, well: bool) -> None:
        """The quarantine is gone: what it was trying is tried again, or known guilty."""
        for dialog in self._trials.quarantine_ended(None if well else process.board.read()):
            self._crew.tell_one(Wake(dialog))
