"""The supervisor: keeps a worker in each slot, serves their locks, replaces and stops them. It serves no requests."""

import asyncio
import logging
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path

from maxbot.board import SuspectList
from maxbot.bot import MaxBot
from maxbot.logs import configure
from maxbot.server.notify import READY, STOPPING, feed_watchdog, notify, reloading
from maxbot.server.plan import Plan
from maxbot.server.reload import watch_files
from maxbot.server.supervisor import signals
from maxbot.server.supervisor.control import (
    Done,
    Ended,
    Leave,
    Ready,
    Register,
    Registered,
    Suspected,
    ToSupervisor,
    Wake,
    Whisper,
)
from maxbot.server.supervisor.crew import Crew
from maxbot.server.supervisor.hopeless import Starts
from maxbot.server.supervisor.process import WorkerProcess, how
from maxbot.server.supervisor.quarantine import Quarantine
from maxbot.server.supervisor.slot import Slot
from maxbot.server.supervisor.trials import Trials
from maxbot.server.tasks import keep

logger = logging.getLogger(__name__)

DEAD = 20
"""How many workers that ended are named to one that begins: older ones are buried, or their leases are over."""


class Supervisor:
    """Runs a bot in several processes until a signal stops it.

    Args:
        plan: Decided, and complete.
        bot: Loaded, for its channels and files; the workers load their own.
        sockets: Bound.
        unborn: One process for each worker, born but not told anything yet.
        suspects: Theirs.
    """

    def __init__(
        self,
        plan: Plan,
        bot: MaxBot,
        sockets: list[socket.socket],
        unborn: list[WorkerProcess],
        suspects: SuspectList,
    ) -> None:
        self._plan = plan
        self._bot = Ready([str(file) for file in bot.files], list(bot.secrets))
        """As the worker that started last found it."""
        self._bot_changed = asyncio.Event()
        self._stop = asyncio.Event()
        self._leaving = False
        """Whether a stop is near: workers serve, and say that they are not ready."""
        self._at_once = asyncio.Event()
        self._hopeless = asyncio.Event()
        self._replace_all = asyncio.Event()
        self._registrar: WorkerProcess | None = None
        self._dead: deque[int] = deque(maxlen=DEAD)
        """The processes that ended last."""
        self._had_terminal = sys.stderr.isatty()
        self._trials = Trials(suspects)
        self._starts = Starts(len(unborn))
        names = [process.name for process in unborn]
        self._crew = Crew(plan, sockets, unborn, suspects, self._heard, self._dying, self._ended)
        self._quarantine = Quarantine(self._crew, self._trials, self._starts)
        polls = plan.updater == "polling"
        self._slots = [Slot(name, self._crew, self._starts, polls=polls, give_up=self._hopeless) for name in names]

    async def run(self, hello: Callable[[], None]) -> int:
        """Serve; return the exit status: 0 after a stop that was asked for, 1 if no worker could serve.

        Args:
            hello: Called once somebody serves.
        """
        self._hello = hello
        self._take_signals()
        works = [*(slot.keep for slot in self._slots), self._quarantine.keep, self._crew.watch, self._keep_replacing]
        works += [self._give_up, feed_watchdog]
        if self._plan.reload:
            works.append(self._watch_files)
        tasks = keep(works, lambda: None)
        await self._stop.wait()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await self._crew.stop(self._at_once)
        signals.ignore(asyncio.get_running_loop())
        return 1 if self._hopeless.is_set() else 0

    async def _give_up(self) -> None:
        await self._hopeless.wait()
        logger.error("No worker can start: giving up")
        self._stop.set()

    # Signals ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _take_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in signals.STOPPING:
            loop.add_signal_handler(number, self._told_to_stop)
        loop.add_signal_handler(signal.SIGTERM, self._told_to_leave)
        loop.add_signal_handler(signal.SIGHUP, self._hung_up)
        loop.add_signal_handler(signal.SIGQUIT, self._show_stacks)

    def _told_to_leave(self) -> None:
        """SIGTERM: who sends traffic here is given time to notice; a second signal ends that."""
        delay = self._plan.drain_delay
        if self._leaving or not delay or not self._crew.serving():
            self._told_to_stop()
            return
        self._leaving = True
        notify(STOPPING)
        logger.info("Not ready any more, and stopping in %g seconds", delay)
        self._crew.tell_all(Leave())
        asyncio.get_running_loop().call_later(delay, self._stop.set)

    def _told_to_stop(self) -> None:
        if self._stop.is_set():
            self._at_once.set()
        self._stop.set()
        notify(STOPPING)

    def _hung_up(self) -> None:
        if signals.terminal_is_gone(self._had_terminal):
            self._told_to_stop()
        else:
            self._replace_all.set()

    def _show_stacks(self) -> None:
        self._showing = asyncio.create_task(self._crew.log_stacks())

    # What workers say, and how they end ──────────────────────────────────────────────────────────────────────────

    def _heard(self, process: WorkerProcess, message: ToSupervisor) -> None:
        match message:
            case Ready() if not process.quarantine:
                for pid in self._dead:  # whoever served when they ended may have ended too, before it could bury them
                    process.tell(Ended(pid))
                self._now_serves(message)
                if self._leaving:
                    process.tell(Leave())
            case Suspected():
                self._trials.report(message.dialog, message.update, message.attempts)
                self._quarantine.look()
            case Done():
                self._trials.done(message.update, ran=message.ran)
                self._crew.tell_one(Wake(message.dialog))
                self._quarantine.look()
            case Whisper():
                self._crew.pass_on(message, process)
            case Registered():
                logger.info("The webhooks are registered")

    def _now_serves(self, found: Ready) -> None:
        self._starts.succeeded()
        if self._starts.served == 1:
            self._hello()
        before, self._bot = self._bot, found
        if found.secrets != before.secrets:
            configure(self._plan, [*before.secrets, *found.secrets], process="supervisor")
        if found.files != before.files:
            self._bot_changed.set()
        self._have_webhooks_registered()

    def _dying(self, process: WorkerProcess) -> None:
        """Whoever gets one of its user locks next must know what not to run."""
        if not process.ended.is_set():  # else it is known already
            self._trials.suspect(process.board.read().suspects)

    def _ended(self, process: WorkerProcess) -> None:
        """A process is gone, whatever the reason: have what it left taken up, by those it can do no harm."""
        well = process.status == 0
        found = process.board.read()
        process.explained = not well and bool(found.suspects)
        if process.quarantine:
            self._quarantine.ended(process, well=well)
        elif well:
            self._trials.clear(found.suspects)
        else:
            self._trials.died(found)
            if process.explained:
                self._quarantine.look()
        if self._stop.is_set() or not process.ready.is_set():
            return
        if not process.stopping:
            self._ended_unasked(process)
        self._dead.append(process.pid)
        self._crew.tell_all(Ended(process.pid))
        self._have_webhooks_registered()

    def _ended_unasked(self, process: WorkerProcess) -> None:
        if not process.failure:
            logger.error("%s (pid %d) ended %s", process.name, process.pid, how(process.status))
        elif self._starts.served == 1:  # it said itself that it cannot go on, and no other one ever served
            logger.error("%s", process.failure)
            self._hopeless.set()
        else:
            self._starts.failed(process.name, process.failure, "")

    def _have_webhooks_registered(self) -> None:
        """Ask one worker; another one if that dies before it is done, or if the bot has become another one."""
        asked, identity = self._registrar, self._bot.identity
        if not self._plan.public_url or (
            asked is not None and asked.bot.identity == identity and (asked.registered or asked.status is None)
        ):
            return
        for process in self._crew.serving():
            if process.bot.identity == identity:
                self._registrar = process
                process.tell(Register())
                return

    # Replacement ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _keep_replacing(self) -> None:
        """Replace the workers one by one when asked, each once its successor serves."""
        while True:
            await self._replace_all.wait()
            self._replace_all.clear()
            logger.info("Replacing the workers")
            notify(reloading())
            replaced = [await slot.replace() for slot in self._slots]
            self._quarantine.renew()
            if all(replaced):
                logger.info("The workers are replaced")
            notify(READY)

    async def _watch_files(self) -> None:
        await watch_files(lambda: [Path(file) for file in self._bot.files], self._bot_changed, self._replace_all.set)
