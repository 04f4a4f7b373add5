"""The supervisor: starts the workers, serves their locks, watches, replaces and stops them. It serves no requests.

slot      one of N places; a worker in it, and during a replacement its successor too
replace   the successor is ready first, then the old one stops: no request is refused
hang      no sign of life from a worker's event loop: its stacks go to the log, then it is killed and replaced
"""

import asyncio
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from maxbot.backoff import backoff
from maxbot.bot import MaxBot
from maxbot.locks.host import LockClient, LockServer
from maxbot.server.plan import Plan
from maxbot.server.reload import watch_files
from maxbot.server.stopping import GRACE, KEEP_ALIVE, LINGER
from maxbot.server.supervisor import signals
from maxbot.server.supervisor.control import Register, Sweep
from maxbot.server.supervisor.process import WorkerProcess, how

logger = logging.getLogger(__name__)

WATCH = 0.5
"""Seconds between two looks at the workers' signs of life."""

LIVED_WELL = 10.0
"""A worker that served for so long (seconds) is replaced without any pause."""

HOPELESS = 5
"""Failed starts in a row, with no worker serving, after which the run is over."""


class Slot:
    """A place for a worker."""

    def __init__(self, number: int) -> None:
        self.name = f"worker-{number}"
        self.process: WorkerProcess | None = None
        """Who serves in it."""
        self.failures = 0
        """Early deaths in a row."""
        self.replace = asyncio.Event()
        self.replaced = asyncio.Event()


class Supervisor:
    """Runs a bot in several processes until a signal stops it.

    Args:
        settings: Complete.
        bot: Loaded, for its channels and files; the workers load their own.
        sockets: Bound.
        unborn: One process for each worker, born but not told anything yet.
        hello: Called once somebody serves.
    """

    def __init__(
        self,
        settings: Plan,
        bot: MaxBot,
        sockets: list[socket.socket],
        unborn: list[WorkerProcess],
        hello: Callable[[], None],
    ) -> None:
        self._hello = hello
        self._settings = settings
        self._bot = bot
        self._sockets = sockets
        self._unborn = unborn
        self._slots = [Slot(number) for number in range(1, len(unborn) + 1)]
        self._alive: set[WorkerProcess] = set()
        self._locks = LockServer()
        self._lock_connections: dict[WorkerProcess, LockClient] = {}
        self._stop = asyncio.Event()
        self._at_once = asyncio.Event()
        self._replace_all = asyncio.Event()
        self._failed_starts = 0
        self._said: set[str] = set()
        self._served = False
        self._registrar: WorkerProcess | None = None
        self._registered = False
        self._status = 0
        self._had_terminal = sys.stderr.isatty()

    async def run(self) -> int:
        """Serve; return the exit status: 0 after a stop that was asked for, 1 if no worker could serve."""
        self._take_signals()
        tasks = [asyncio.create_task(self._keep(slot)) for slot in self._slots]
        tasks += [asyncio.create_task(self._watch()), asyncio.create_task(self._replace_when_asked())]
        if self._settings.reload:
            tasks.append(asyncio.create_task(watch_files(self._bot.files, self._replace_all.set)))
        for task in tasks:
            task.add_done_callback(self._note_bug)
        await self._stop.wait()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await self._stop_workers()
        signals.ignore(asyncio.get_running_loop())
        return self._status

    # Signals ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _take_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in signals.STOPPING:
            loop.add_signal_handler(number, self._told_to_stop)
        loop.add_signal_handler(signal.SIGHUP, self._hung_up)
        loop.add_signal_handler(signal.SIGQUIT, self._show_stacks)

    def _told_to_stop(self) -> None:
        if self._stop.is_set():
            self._at_once.set()
        self._stop.set()

    def _hung_up(self) -> None:
        if signals.terminal_is_gone(self._had_terminal):
            self._told_to_stop()
        else:
            self._replace_all.set()

    def _show_stacks(self) -> None:
        for process in self._alive:
            task = asyncio.create_task(self._log_stacks(process))
            task.add_done_callback(self._note_bug)

    async def _log_stacks(self, process: WorkerProcess) -> None:
        logger.warning("%s (pid %d) is here:\n%s", process.name, process.pid, await process.stacks())

    def _note_bug(self, task: "asyncio.Task[None]") -> None:
        """A task of the supervisor's own failed: nobody would keep the workers alive any more."""
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.critical("The supervisor failed; this is a bug", exc_info=error)
            self._give_up()

    # The life of a worker ────────────────────────────────────────────────────────────────────────────────────────

    async def _keep(self, slot: Slot) -> None:
        """Keep a worker in a slot: start one, and another one whenever it ends or is to be replaced."""
        while True:
            slot.replace.clear()  # before the start: what was changed during it asks for another one
            process = await self._start(slot)
            slot.replaced.set()
            if process is None:
                slot.failures += 1
                if slot.process is None:
                    pause = backoff(slot.failures, first=0.1, longest=30.0)
                    await _first_of(slot.replace.wait(), timeout=pause)
                    continue
                # The old one goes on: better an old bot than none.
                logger.error("%s is not replaced, as its successor does not start", slot.name)
            else:
                if slot.process is not None:
                    slot.process.stop(KEEP_ALIVE)
                slot.process = process
            if await self._serves_until_it_ends(slot):
                pause = self._pause_after_death(slot)
                slot.process = None
                await asyncio.sleep(pause)

    async def _start(self, slot: Slot) -> WorkerProcess | None:
        """Start a worker for a slot; return it once it serves, or None if it does not get so far."""
        try:
            process = self._unborn.pop(0) if self._unborn else WorkerProcess(slot.name, self._sockets)
        except OSError as error:  # no memory, too many processes or files: it may pass, and others may serve
            self._start_failed(slot.name, None, f"the system does not let it: {error}")
            return None
        self._alive.add(process)
        process.watch(self._ended)
        self._lock_connections[process] = await self._locks.serve(process.locks_socket, process.name)
        await process.start(self._settings)
        await _first_of(process.ready.wait(), process.ended.wait())
        if not process.ready.is_set():
            await process.close()
            self._start_failed(process.name, process.failure, f"it ended {how(process.status)} while starting")
            return None
        self._now_serves(process)
        return process

    async def _serves_until_it_ends(self, slot: Slot) -> bool:
        """Wait until a slot's worker ended (True) or is to be replaced (False)."""
        assert slot.process is not None
        await _first_of(slot.process.ended.wait(), slot.replace.wait())
        if not slot.process.ended.is_set():
            if self._settings.updater != "polling":
                return False
            slot.process.stop(0.0)  # two who poll get in each other's way: stop the old one first
            await slot.process.ended.wait()
        return True

    def _pause_after_death(self, slot: Slot) -> float:
        assert slot.process is not None
        if slot.process.stopping or slot.process.age() > LIVED_WELL:
            slot.failures = 0
            return 0.0
        slot.failures += 1
        return backoff(slot.failures, first=0.1, longest=30.0)

    def _now_serves(self, process: WorkerProcess) -> None:
        self._failed_starts = 0
        self._said.clear()
        if not self._served:
            self._served = True
            self._hello()
        self._have_webhooks_registered()

    def _start_failed(self, name: str, failure: str | None, otherwise: str) -> None:
        """See whether it is hopeless.

        Args:
            name: Whose start failed.
            failure: The reason in the worker's own words, if it had any.
            otherwise: What was seen of it.
        """
        reason = failure or otherwise
        if reason not in self._said:
            self._said.add(reason)
            logger.error("%s does not start: %s", name, reason)
        if any(slot.process is not None for slot in self._slots):
            return
        self._failed_starts += 1
        # A run that never served need not try for long. But one worker's trouble is not yet everybody's.
        most = min(HOPELESS, len(self._slots)) if failure and not self._served else HOPELESS
        if self._failed_starts >= most:
            logger.error("No worker can start: giving up")
            self._give_up()

    def _give_up(self) -> None:
        self._status = 1
        self._stop.set()

    def _ended(self, process: WorkerProcess) -> None:
        """A process is gone, whatever the reason: free its locks, and have what it left taken up."""
        self._alive.discard(process)
        if (connection := self._lock_connections.pop(process, None)) is not None:
            connection.close()  # its end may still be open in a process that the bot's code started
        if process.ready.is_set() and not self._stop.is_set():
            if not process.stopping:
                logger.error("%s (pid %d) ended %s", process.name, process.pid, how(process.status))
                if process.failure:
                    self._fail(process.failure)
            for other in self._alive:
                other.tell(Sweep())
            task = asyncio.create_task(process.close())
            task.add_done_callback(self._note_bug)
        if process is self._registrar:
            self._registered = process.registered.is_set()
            self._registrar = None
            self._have_webhooks_registered()

    def _fail(self, reason: str) -> None:
        """A worker says that no worker can go on."""
        logger.error("%s", reason)
        self._give_up()

    def _have_webhooks_registered(self) -> None:
        """Ask one worker, and another one if that dies before it is done."""
        if not self._settings.public_url or self._registered or self._registrar is not None:
            return
        for process in self._alive:
            if process.ready.is_set() and not process.stopping:
                self._registrar = process
                process.tell(Register())
                return

    # Watching ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _watch(self) -> None:
        """Find workers that hang, while serving or while starting."""
        looked = time.monotonic()
        while True:
            await asyncio.sleep(WATCH)
            now = time.monotonic()
            late, looked = now - looked - WATCH, now
            for process in list(self._alive):
                if late > WATCH:  # this process was paused, and so was its hearing
                    process.last_beat += late
                    process.born_at += late
                if process.ready.is_set() and now - process.last_beat > self._settings.hang_timeout:
                    await self._end_hanging(process, "does not run its event loop")
                elif not process.ready.is_set() and process.age() > self._settings.start_timeout:
                    process.failure = f"it was not ready within {self._settings.start_timeout:g} seconds"
                    await self._end_hanging(process, "does not get ready")
            if os.getpid() == 1:
                self._reap_strangers()

    async def _end_hanging(self, process: WorkerProcess, trouble: str) -> None:
        logger.error(
            "%s (pid %d) %s and is replaced. It is here:\n%s",
            process.name,
            process.pid,
            trouble,
            await process.stacks(),
        )
        process.kill()

    def _reap_strangers(self) -> None:
        """As the first process of a container, bury the orphans of others."""
        ours = {process.pid for process in self._alive}
        try:
            while found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                if found.si_pid in ours:
                    return
                os.waitpid(found.si_pid, os.WNOHANG)
        except ChildProcessError:
            return

    async def _replace_when_asked(self) -> None:
        """Replace the workers one by one, each once its successor serves."""
        while True:
            await self._replace_all.wait()
            self._replace_all.clear()
            logger.info("Replacing the workers")
            before = {slot.process for slot in self._slots}
            for slot in self._slots:
                slot.replaced.clear()
                slot.replace.set()
                await slot.replaced.wait()
            await asyncio.sleep(0)  # the last slot takes its new worker
            if before.isdisjoint(slot.process for slot in self._slots):
                logger.info("The workers are replaced")

    # Stopping ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _stop_workers(self) -> None:
        """Close the door everywhere, let the workers finish, and end those that do not in time."""
        if self._alive:
            logger.info("Stopping: finishing what is under way")
        for listener in self._sockets:
            listener.close()
        for process in self._alive:
            process.stop(LINGER)
        await _first_of(
            _all_ended(list(self._alive)), self._at_once.wait(), timeout=self._settings.shutdown_timeout + GRACE
        )
        for process in list(self._alive):
            logger.warning("%s (pid %d) is ended before it was done", process.name, process.pid)
            process.kill()
        await _all_ended(list(self._alive))


async def _first_of(*waits: Coroutine[Any, Any, object], timeout: float | None = None) -> None:
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
