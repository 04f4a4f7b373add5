"""A worker's life on its event loop: serves, or tries suspects, until it is told to stop."""

import asyncio
import logging
import os
import signal
import socket
import traceback
from typing import Any

from maxbot.board import Board, SuspectList
from maxbot.bot import MaxBot
from maxbot.delivery.suspects import InAWorker, InQuarantine, Suspects
from maxbot.errors import MaxBotError, StartError
from maxbot.locks import UserLocks
from maxbot.locks.custom import own_user_locks, running
from maxbot.locks.host import UnixLocks
from maxbot.logs import flush
from maxbot.server.reach import warn_of_reach
from maxbot.server.stopping import LINGER
from maxbot.server.supervisor.control import (
    Beat,
    Control,
    Done,
    Ended,
    Failed,
    Leave,
    Poll,
    Ready,
    Register,
    Registered,
    Start,
    Stop,
    Suspected,
    ToWorker,
    Try,
    Wake,
    Whisper,
)
from maxbot.server.tasks import keep
from maxbot.server.worker.advice import say_advice
from maxbot.server.worker.doubts import say_doubts
from maxbot.server.worker.registration import identity, register
from maxbot.server.worker.service import Service, to_nobody
from maxbot.storage.store import Store
from maxbot.types import Dialog

logger = logging.getLogger(__name__)

FIRST = "worker-1"
"""Says what one worker is enough for."""

BEAT = 1.0
"""Seconds between two signs of life."""


class Worker:
    """Serves until told to stop.

    Args:
        start: What the supervisor said first.
        bot: Loaded.
        listeners: Bound; shared with the other workers.
    """

    def __init__(self, start: Start, bot: MaxBot, listeners: list[socket.socket]) -> None:
        self._start = start
        self._listeners = listeners
        self._bot = bot
        self._board = Board(start.board)
        self._list = SuspectList(start.suspects)
        self._suspects: Suspects | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._service: Service | None = None
        self._status = 0
        self._delay = start.plan.drain_delay
        self._stop: asyncio.Future[float]

    async def run(self, sock: socket.socket) -> int:
        """Serve; return the exit status."""
        loop = asyncio.get_running_loop()
        self._stop = loop.create_future()
        self._control = await Control.open(sock, ToWorker)
        loop.add_signal_handler(signal.SIGTERM, self._terminated)
        try:
            async with running(self._user_locks()) as user_locks:
                await self._serve(user_locks)
        except Exception as error:
            self._control.send(Failed(reason(error)))
            await self._control.flush()
            return 1
        return self._status

    def _user_locks(self) -> UserLocks:
        plan = self._start.plan
        own = own_user_locks(plan.user_locks, self._bot.make_user_locks, plan.lease)
        if own is None:
            return UnixLocks(socket.socket(fileno=self._start.locks))
        if self._start.name == FIRST:
            warn_of_reach(own, plan)
        return own

    async def _serve(self, user_locks: UserLocks) -> None:
        start = self._start
        service = self._service = Service(
            start.plan,
            self._bot,
            user_locks,
            self._cannot_go_on,
            self._make_room,
            self._suspects_of,
            serves=not start.quarantine,
            whisper=self._whisper if start.quarantine or start.plan.workers > 1 else to_nobody,
        )
        if start.quarantine:
            await service.start_to_try()
        else:
            await service.start(self._listeners)
        channels = self._bot.channels.values()
        self._control.send(
            Ready([str(file.absolute()) for file in self._bot.files], list(self._bot.secrets), identity(channels))
        )
        self._tasks = keep([self._beat, self._listen], self._make_room)
        if start.name == FIRST:
            say_doubts(self._bot, unsendable=start.first, unmeant=start.plan.private)
        if start.first and start.name == FIRST:
            self._tasks += keep([lambda: say_advice(start.plan)], self._make_room)
        if isinstance(user_locks, UnixLocks):
            self._tasks += keep([lambda: self._watch(user_locks)], self._make_room)
        linger = await self._stop
        unfinished = await service.stop(linger)
        if unfinished:
            logger.warning("%d dialogs were not finished in time; their messages stay in the inbox", unfinished)
        for task in self._tasks:
            task.cancel()

    def _whisper(self, channel: str, said: Any) -> None:
        self._control.send_lightly(Whisper(channel, said))

    def _suspects_of(self, store: Store) -> Suspects:
        if self._start.quarantine:
            self._suspects = InQuarantine(store, self._board, self._done)
        else:
            self._suspects = InAWorker(
                store, self._board, self._list, self._suspected, self._done, first=self._start.first
            )
        return self._suspects

    def _suspected(self, dialog: Dialog, update: int, attempts: int) -> None:
        self._control.send(Suspected(dialog, update, attempts))

    def _done(self, dialog: Dialog, update: int, ran: bool = True) -> None:
        self._control.send(Done(dialog, update, ran))

    async def _listen(self) -> None:
        assert self._service is not None
        while message := await self._control.receive():
            match message:
                case Poll():
                    self._service.poll()
                case Ended():
                    if isinstance(self._suspects, InAWorker):
                        self._suspects.first = False  # from now on boards say what was under way, and what was not
                    self._service.sweep(message.pid)
                case Wake():
                    self._service.wake(message.dialog)
                case Try():
                    assert isinstance(self._suspects, InQuarantine)
                    self._suspects.expect(message.dialog, message.update, alone=message.alone)
                    self._service.wake(message.dialog)
                case Register():
                    self._tasks += keep([self._register], self._make_room)
                case Leave():
                    self._service.leave()
                case Whisper():
                    self._service.whispered(message.channel, message.said)
                case Stop():
                    self._told_to_stop(message.linger)
        # The supervisor is gone, and with it the locks. All that was accepted is stored: whoever is next goes on.
        logger.error("The supervisor is gone, and so is this worker")
        flush()
        os._exit(1)

    async def _beat(self) -> None:
        while True:
            self._control.send(Beat())
            await asyncio.sleep(BEAT)

    async def _watch(self, user_locks: UnixLocks) -> None:
        await user_locks.lost.wait()
        if self._suspects is not None:
            self._suspects.lost = True
        if not self._stop.done():
            logger.error("The connection to the user locks is lost: this worker can run no turn any more")
            self._make_room()

    async def _register(self) -> None:
        assert self._start.plan.public_url is not None
        await register(self._bot.channels.values(), self._start.plan.public_url)
        self._control.send(Registered())

    def _terminated(self) -> None:
        """SIGTERM, to the whole group perhaps: the supervisor says when the stop begins, if it is there."""
        delay, self._delay = self._delay, 0.0
        if delay and self._service is not None:
            self._service.leave()
            asyncio.get_running_loop().call_later(delay + BEAT, self._told_to_stop, LINGER)
        else:
            self._told_to_stop(LINGER)

    def _told_to_stop(self, linger: float) -> None:
        if not self._stop.done():
            self._stop.set_result(linger)
        elif self._service is not None:
            self._service.hurry(linger)  # an unhurried replacement has become a stop

    def _make_room(self) -> None:
        """End for a worker in which everything works."""
        self._status = 1
        self._told_to_stop(LINGER)

    def _cannot_go_on(self, error: StartError) -> None:
        self._control.send(Failed(str(error)))
        self._told_to_stop(0.0)


def reason(error: BaseException) -> str:
    """Say why a worker cannot serve."""
    return str(error) if isinstance(error, MaxBotError) else "".join(traceback.format_exception(error)).rstrip()
