"""The workers that live, whatever they do: born, listened to, told, watched for signs of life, ended."""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from maxbot.board import SuspectList
from maxbot.locks.server import LockClient, LockServer
from maxbot.server.children import shut
from maxbot.server.plan import Plan
from maxbot.server.stopping import GRACE, LINGER
from maxbot.server.supervisor.control import ToSupervisor, ToWorker, Whisper
from maxbot.server.supervisor.process import WorkerProcess

logger = logging.getLogger(__name__)

WATCH = 0.5
"""Seconds between two looks at the workers' signs of life."""


class Crew:
    """All worker processes of a run.

    Args:
        plan: For the workers.
        sockets: Bound; each worker shares them.
        unborn: Processes that were born early and not told anything yet.
        suspects: What no worker may run as if nothing had happened.
        heard: Called with what a worker says.
        dying: Called when a worker's user locks are about to be free for others: it is gone, or about to be.
        ended: Called when a process is gone and its last words are heard.
    """

    def __init__(
        self,
        plan: Plan,
        sockets: list[socket.socket],
        unborn: list[WorkerProcess],
        suspects: SuspectList,
        heard: Callable[[WorkerProcess, ToSupervisor], None],
        dying: Callable[[WorkerProcess], None],
        ended: Callable[[WorkerProcess], None],
    ) -> None:
        self._plan = plan
        self._sockets = sockets
        self._unborn = unborn
        self._suspects = suspects
        self._heard = heard
        self._dying = dying
        self._on_end = ended
        self._locks = LockServer(delegates=plan.workers == 1)
        self._lock_connections: dict[WorkerProcess, LockClient] = {}
        self.alive: set[WorkerProcess] = set()

    async def start(self, name: str, *, first: bool, quarantine: bool = False) -> WorkerProcess:
        """Start a worker; return it once it serves or has ended.

        Raises:
            OSError: No memory, too many processes or files.
        """
        if self._unborn and not quarantine:
            process = self._unborn.pop(0)
        else:
            process = WorkerProcess(name, self._sockets, self._suspects)
        process.quarantine = quarantine
        self.alive.add(process)
        process.watch(self._ended)
        self._lock_connections[process] = await self._locks.serve(
            process.locks_socket, process.name, lambda: self._dying(process)
        )
        await process.start(self._plan, self._heard, first=first)
        await first_of(process.ready.wait(), process.ended.wait())
        return process

    def _ended(self, process: WorkerProcess) -> None:
        self.alive.discard(process)
        if (connection := self._lock_connections.pop(process, None)) is not None:
            connection.close()  # its end may still be open in a process that the bot's code started
        self._on_end(process)

    def serving(self) -> list[WorkerProcess]:
        """Return the workers that take updates in."""
        return [
            process
            for process in self.alive
            if process.ready.is_set() and process.status is None and not process.stopping and not process.quarantine
        ]

    def tell_all(self, message: ToWorker) -> None:
        """Say something to all workers that serve."""
        for process in self.serving():
            process.tell(message)

    def pass_on(self, message: Whisper, speaker: WorkerProcess) -> None:
        """Say what one of them says to all others that serve."""
        for process in self.serving():
            if process is not speaker:
                process.whisper(message)

    def tell_one(self, message: ToWorker) -> None:
        """Say something to one of them. Where there is none, the next one looks for itself when it starts."""
        for process in self.serving()[:1]:
            process.tell(message)

    async def log_stacks(self) -> None:
        """Say what each worker is doing."""
        for process in list(self.alive):
            logger.warning("%s (pid %d) is here:\n%s", process.name, process.pid, await process.stacks())

    async def watch(self) -> None:
        """Find workers that hang, while serving or while starting."""
        looked = time.monotonic()
        while True:
            await asyncio.sleep(WATCH)
            now = time.monotonic()
            late, looked = now - looked - WATCH, now
            for process in list(self.alive):
                if late > WATCH:  # this process was paused, and so was its hearing
                    process.last_beat += late
                    process.born_at += late
                if process.ready.is_set() and now - process.last_beat > self._plan.hang_timeout:
                    await _end_hanging(process, "does not run its event loop")
                elif not process.ready.is_set() and process.age() > self._plan.start_timeout:
                    process.failure = f"it was not ready within {self._plan.start_timeout:g} seconds"
                    await _end_hanging(process, "does not get ready")
            if os.getpid() == 1:
                self._reap_strangers()

    def _reap_strangers(self) -> None:
        """As the first process of a container, bury the orphans of others."""
        ours = {process.pid for process in self.alive}
        try:
            while found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                if found.si_pid in ours:
                    return
                os.waitpid(found.si_pid, os.WNOHANG)
        except ChildProcessError:
            return

    async def stop(self, at_once: asyncio.Event) -> None:
        """Close the door everywhere, let the workers finish, and end those that do not in time."""
        if self.alive:
            logger.info("Stopping: finishing what is under way")
        for process in self.alive:
            process.stop(LINGER)
        shut(self._sockets)
        for listener in self._sockets:
            listener.close()
        await first_of(_all_ended(list(self.alive)), at_once.wait(), timeout=self._plan.shutdown_timeout + GRACE)
        for process in list(self.alive):
            logger.warning("%s (pid %d) is ended before it was done", process.name, process.pid)
            process.kill()
        await _all_ended(list(self.alive))


async def _end_hanging(process: WorkerProcess, trouble: str) -> None:
    stacks = await process.stacks()
    logger.error("%s (pid %d) %s and is replaced. It is here:\n%s", process.name, process.pid, trouble, stacks)
    process.kill()


async def first_of(*waits: Coroutine[Any, Any, object], timeout: float | None = None) -> None:
    """Wait until one of several things happened, or for `timeout` seconds."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


async def _all_ended(processes: Iterable[WorkerProcess]) -> None:
    for process in processes:
        await process.ended.wait()
