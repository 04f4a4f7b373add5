"""A worker process: loads the bot, serves, and ends when told to, or when its supervisor is gone.

Started as `python -m maxbot.server.worker CONTROL STACKS SUPERVISOR`: two file descriptors and a process id.
"""

from maxbot.server.supervisor import signals

if __name__ == "__main__":
    import gc
    import sys

    # Before the imports below, which take longer than an orphan may live, or a Ctrl-C of the first moments may wait.
    signals.die_with(int(sys.argv[3]))
    signals.ignore_until_ready()
    # What is imported stays: looking it through meanwhile takes a tenth of the time.
    gc.disable()

import asyncio
import faulthandler
import gc
import logging
import os
import signal
import socket
import sys
import traceback

from maxbot.backoff import backoff
from maxbot.bot import MaxBot, load_bot
from maxbot.errors import MaxBotError, SendError, StartError
from maxbot.locks import UserLocks
from maxbot.locks.custom import own_user_locks, running
from maxbot.locks.host import UnixLocks
from maxbot.logs import configure, flush
from maxbot.server.stopping import LINGER
from maxbot.server.supervisor.control import (
    Beat,
    Control,
    Failed,
    Ready,
    Register,
    Registered,
    Start,
    Stop,
    Sweep,
    ToWorker,
    encode,
    receive_start,
)
from maxbot.server.worker.service import Service

logger = logging.getLogger(__name__)

BEAT = 1.0
"""Seconds between two signs of life."""


def main() -> None:
    """Be a worker, from the first line to the exit."""
    gc.enable()
    control, stacks = (int(argument) for argument in sys.argv[1:3])
    _restore_environment()
    faulthandler.register(signal.SIGQUIT, file=stacks, all_threads=True, chain=False)
    sock = socket.socket(fileno=control)
    os.set_inheritable(control, False)
    os.set_inheritable(stacks, False)
    start = receive_start(sock)
    if start is None:
        return
    for number in (start.locks, *start.listeners):
        os.set_inheritable(number, False)  # what the bot starts must not keep our sockets open
    try:
        configure(start.settings, (), process=start.name)
        bot = load_bot(start.settings.bot)
        configure(start.settings, [*bot.secrets, *start.settings.secrets], process=start.name)
        if start.settings.public_url:
            for channel in bot.channels.values():
                channel.will_register()
    except BaseException as error:
        sock.sendall(encode(Failed(_reason(error))))
        raise SystemExit(1) from None
    # After the bot, whose errors need not wait for it.
    import uvloop

    raise SystemExit(uvloop.run(Worker(start, bot).run(sock)))


def _restore_environment() -> None:
    """Undo what the supervisor set for this interpreter's start: the bot's own children need not have it."""
    original = os.environ.pop("MAXBOT_PYTHONPATH", "")
    if original:
        os.environ["PYTHONPATH"] = original
    else:
        os.environ.pop("PYTHONPATH", None)


def _reason(error: BaseException) -> str:
    return str(error) if isinstance(error, MaxBotError) else "".join(traceback.format_exception(error)).rstrip()


class Worker:
    """Serves until told to stop.

    Args:
        start: What the supervisor said first.
        bot: Loaded.
    """

    def __init__(self, start: Start, bot: MaxBot) -> None:
        self._start = start
        self._bot = bot
        self._registering: asyncio.Task[None] | None = None
        self._stop: asyncio.Future[float]
        self._service: Service | None = None

    async def run(self, sock: socket.socket) -> int:
        """Serve; return the exit status."""
        loop = asyncio.get_running_loop()
        self._stop = loop.create_future()
        self._control = await Control.open(sock, ToWorker)
        loop.add_signal_handler(signal.SIGTERM, self._told_to_stop, LINGER)
        try:
            async with running(self._user_locks()) as user_locks:
                service = self._service = Service(self._start.settings, self._bot, user_locks, self._cannot_go_on)
                await service.start([socket.socket(fileno=number) for number in self._start.listeners])
                await self._serve(service)
        except Exception as error:
            self._control.send(Failed(_reason(error)))
            await self._control.flush()
            return 1
        return 0

    def _user_locks(self) -> UserLocks:
        own = own_user_locks(self._start.settings.user_locks, self._bot.user_locks)
        return UnixLocks(socket.socket(fileno=self._start.locks)) if own is None else own

    async def _serve(self, service: Service) -> None:
        self._control.send(Ready())
        tasks = [asyncio.create_task(self._beat()), asyncio.create_task(self._listen(service))]
        linger = await self._stop
        unfinished = await service.stop(linger)
        if unfinished:
            logger.warning("%d dialogs were not finished in time; their messages stay in the inbox", unfinished)
        if self._registering is not None:
            self._registering.cancel()
        for task in tasks:
            task.cancel()

    async def _listen(self, service: Service) -> None:
        while message := await self._control.receive():
            match message:
                case Sweep():
                    service.sweep()
                case Register():
                    self._registering = asyncio.create_task(self._register(service))
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

    async def _register(self, service: Service) -> None:
        failures = 0
        while True:
            try:
                await service.register()
            except SendError as error:
                failures += 1
                pause = backoff(failures, first=1.0, longest=60.0)
                logger.error("The webhooks are not registered, next attempt in %.0f seconds: %s", pause, error)
                await asyncio.sleep(pause)
            else:
                self._control.send(Registered())
                return

    def _told_to_stop(self, linger: float) -> None:
        if not self._stop.done():
            self._stop.set_result(linger)
        elif self._service is not None:
            self._service.hurry(linger)  # an unhurried replacement has become a stop

    def _cannot_go_on(self, error: StartError) -> None:
        self._control.send(Failed(str(error)))
        self._told_to_stop(0.0)


if __name__ == "__main__":
    main()
