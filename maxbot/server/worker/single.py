"""Everything in one process: for bot code that is not made for several."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Callable
from types import FrameType

from maxbot.board import Board
from maxbot.bot import MaxBot
from maxbot.delivery.suspects import InOneProcess, Suspects
from maxbot.errors import StartError
from maxbot.locks import UserLocks
from maxbot.server.children import shut
from maxbot.server.notify import STOPPING, feed_watchdog, notify
from maxbot.server.plan import Plan
from maxbot.server.stopping import GRACE, LINGER
from maxbot.server.supervisor import signals
from maxbot.server.tasks import keep
from maxbot.server.worker.advice import say_advice
from maxbot.server.worker.doubts import say_doubts
from maxbot.server.worker.registration import register
from maxbot.server.worker.service import Service
from maxbot.storage.place import beside
from maxbot.storage.store import Store

logger = logging.getLogger(__name__)


class SingleProcess:
    """Serves in this process until a signal stops it.

    Args:
        plan: Decided, and complete.
        bot: Loaded.
        sockets: Bound.
        user_locks: In-process ones, or the bot's own.
    """

    def __init__(self, plan: Plan, bot: MaxBot, sockets: list[socket.socket], user_locks: UserLocks) -> None:
        self._plan = plan
        self._bot = bot
        self._sockets = sockets
        self._user_locks = user_locks
        self._failure: StartError | None = None
        self._told = False
        self._leaving = False
        self._service: Service | None = None

    async def run(self, hello: Callable[[], None]) -> int:
        """Serve; return the exit status.

        Args:
            hello: Called once it serves.

        Raises:
            StartError: The service could not start or go on.
        """
        self._stop = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        # Not the loop's own handlers: these run between two steps of the bot's code too, when that blocks the loop.
        for number in signals.CONTROLLED:  # there are no workers to replace: a SIGHUP stops as well
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGALRM, self._on_deadline)
        suspects, file = self._suspects()
        service = Service(self._plan, self._bot, self._user_locks, self._cannot_go_on, _nobody_else_can, suspects)
        starting = asyncio.create_task(service.start(self._sockets))
        told = asyncio.create_task(self._stop.wait())
        await asyncio.wait([starting, told], return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if not starting.done():  # it waits for a database that another program holds
            starting.cancel()
            await asyncio.wait([starting])
            return 0
        await starting
        self._service = service
        service.poll()
        hello()
        say_doubts(self._bot, unsendable=True, unmeant=self._plan.private)
        own = keep([self._register, feed_watchdog, lambda: say_advice(self._plan)], _nobody_else_can)
        await self._stop.wait()
        notify(STOPPING)
        logger.info("Stopping: finishing what is under way")
        for task in own:
            task.cancel()
        shut(self._sockets)
        unfinished = await service.stop(LINGER)
        signals.ignore(asyncio.get_running_loop())
        if file is not None:
            os.unlink(file)  # nothing is under way any more
        if unfinished:
            logger.warning("%d dialogs were not finished in time", unfinished)
        if self._failure is not None:
            raise self._failure
        return 0

    def _suspects(self) -> tuple[Callable[[Store], Suspects], str | None]:
        """Return what makes the suspects, and the file that will tell the next process what killed this one."""
        file = None if self._plan.shared else beside(self._plan.database, "-turns")
        if file is not None:
            with contextlib.suppress(OSError):
                board, before = Board.kept(file)
                return lambda store: InOneProcess(store, board, before), file
        return InOneProcess, None

    async def _register(self) -> None:
        if self._plan.public_url:
            await register(self._bot.channels.values(), self._plan.public_url)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._told:
            logging.shutdown()
            os._exit(0)  # told twice: at once. All that was accepted is stored.
        delay = self._plan.drain_delay if number == signal.SIGTERM and not self._leaving else 0.0
        if delay and self._service is not None:
            self._leaving = True
            self._loop.call_soon_threadsafe(self._leave, delay)
        else:
            self._told = True
            self._loop.call_soon_threadsafe(self._stop.set)
        # There is no supervisor to end this process where the bot's code blocks its loop, or a thread of its own.
        signal.setitimer(signal.ITIMER_REAL, delay + self._plan.shutdown_timeout + GRACE)

    def _leave(self, delay: float) -> None:
        assert self._service is not None
        notify(STOPPING)
        logger.info("Not ready any more, and stopping in %g seconds", delay)
        self._service.leave()
        self._loop.call_later(delay, self._drained)

    def _drained(self) -> None:
        self._told = True
        self._stop.set()

    def _on_deadline(self, number: int, frame: FrameType | None) -> None:
        logger.warning("Ended before it was done: the bot's code does not return. Its messages stay in the inbox")
        logging.shutdown()
        os._exit(0)

    def _cannot_go_on(self, error: StartError) -> None:
        self._failure = error
        self._stop.set()


def _nobody_else_can() -> None:
    """There is no other process to take over: what failed begins again in this one."""
