"""Everything in one process: for bot code that is not made for several."""

import asyncio
import logging
import os
import socket

from maxbot.bot import MaxBot
from maxbot.errors import SendError, StartError
from maxbot.locks import UserLocks
from maxbot.server import signals
from maxbot.server.announce import announce
from maxbot.server.control import LINGER
from maxbot.server.service import Service
from maxbot.settings import Settings

logger = logging.getLogger(__name__)


class SingleProcess:
    """Serves in this process until a signal stops it.

    Args:
        settings: With the database's URL filled in.
        bot: Loaded.
        sockets: Bound.
        user_locks: In-process ones, or the bot's own.
    """

    def __init__(self, settings: Settings, bot: MaxBot, sockets: list[socket.socket], user_locks: UserLocks) -> None:
        self._settings = settings
        self._bot = bot
        self._sockets = sockets
        self._user_locks = user_locks
        self._failure: StartError | None = None

    async def run(self) -> int:
        """Serve; return the exit status.

        Raises:
            StartError: The service could not start or go on.
        """
        self._stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in signals.CONTROLLED:  # there are no workers to replace: a SIGHUP stops as well
            loop.add_signal_handler(number, self._on_signal)
        service = Service(self._settings, self._bot, self._user_locks, self._cannot_go_on)
        await service.start(self._sockets)
        announce(self._settings, self._sockets, self._bot.channels.values(), "a single process")
        if self._settings.public_url:
            try:
                await service.register()
            except SendError as error:
                self._failure = StartError(f"The webhooks are not registered: {error}")
                self._stop.set()
        await self._stop.wait()
        logger.info("Stopping: finishing what is under way")
        unfinished = await service.stop(LINGER)
        signals.block()
        if unfinished:
            logger.warning("%d dialogs were not finished in time", unfinished)
        if self._failure is not None:
            raise self._failure
        return 0

    def _on_signal(self) -> None:
        if self._stop.is_set():
            logging.shutdown()
            os._exit(0)  # told twice: at once. All that was accepted is stored.
        self._stop.set()

    def _cannot_go_on(self, error: StartError) -> None:
        self._failure = error
        self._stop.set()
