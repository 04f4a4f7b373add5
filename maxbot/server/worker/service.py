"""All that serves in one process, put together: storage, delivery, channels, and the edge where updates come in."""

import asyncio
import gc
import logging
import socket
import time
from collections.abc import Awaitable, Callable

from maxbot.bot import MaxBot
from maxbot.channels.base import Channel, Services
from maxbot.delivery import Delivery
from maxbot.delivery.counted import Counters
from maxbot.delivery.said import Log
from maxbot.errors import StartError, StorageUnavailable
from maxbot.events import DatabaseUnavailable, all_of
from maxbot.inbox.accept import Inbox
from maxbot.inbox.retention import keep_tidy
from maxbot.inbox.sweep import Sweep
from maxbot.locks import UserLocks
from maxbot.logs import Redactor
from maxbot.server.descriptors import budget
from maxbot.server.edge.health import Health
from maxbot.server.edge.http import WebServer
from maxbot.server.edge.polling import Polling
from maxbot.server.edge.refusals import Refusals
from maxbot.server.edge.sockets import explain
from maxbot.server.edge.webapp import FrontDoor, build_webapp
from maxbot.server.edge.webhooks import Webhooks
from maxbot.server.plan import Plan
from maxbot.server.worker.children import keep_from_children
from maxbot.storage.database import Database
from maxbot.storage.prepare import open_backend, prepare
from maxbot.storage.store import Store

logger = logging.getLogger(__name__)

HELD = 0.5
"""Seconds between two attempts at a database that another program holds."""


class Service:
    """A worker's inside, or the whole of a single process. Made on the event loop that it serves.

    Args:
        settings: Complete.
        bot: Loaded.
        user_locks: One turn of a dialog at a time.
        failed: Told the reason when the service cannot go on (a platform refuses the bot's token).
    """

    def __init__(
        self, settings: Plan, bot: MaxBot, user_locks: UserLocks, failed: Callable[[StartError], None]
    ) -> None:
        self._settings = settings
        self._channels = bot.channels
        self._redact = Redactor(bot.secrets)
        self._failed = failed
        self._backend = open_backend(settings.database, settings.durability, settings.database_file)
        self._log = Log()
        self._database = Database(self._backend, self._log)
        self._store = Store(self._database, self._redact)
        observe = all_of(self._log, Counters(self._store))
        self._delivery = Delivery(
            self._store,
            bot,
            bot.channels,
            user_locks,
            turn_timeout=settings.turn_timeout,
            give_up_after=settings.give_up_after,
            observe=observe,
        )
        self._inbox = Inbox(self._store, self._delivery.wake, observe)
        self._sweep = Sweep(self._store, self._delivery.take_up)
        self._health = Health(self._store)
        self._refusals = Refusals()
        self._background: list[asyncio.Task[None]] = []
        self._web: WebServer | None = None
        self._polling: Polling | None = None

    async def start(self, sockets: list[socket.socket]) -> None:
        """Open the channels and let updates in.

        Args:
            sockets: To listen on; not used when polling.

        Raises:
            StartError: The database cannot be used; or the port is in use, by somebody who was bound to it as well and
                listened first.
        """
        try:
            await self._prepare()
            await self._open(sockets)
        except BaseException:
            for task in self._background:
                task.cancel()
            await self._database.close()  # its thread must not outlive the event loop
            raise
        _spare_the_collector()

    async def _prepare(self) -> None:
        """Prepare the database, and wait for one that another program holds, as a server that runs does."""
        while True:
            try:
                await asyncio.to_thread(prepare, self._backend)
            except StorageUnavailable as error:
                self._log(DatabaseUnavailable(str(error), damaged=False))
                await asyncio.sleep(HELD)
            else:
                return

    async def _open(self, sockets: list[socket.socket]) -> None:
        descriptors = budget()
        services = Services(
            mailbox=self._store,
            connections=max(1, descriptors.calls // len(self._channels)),
            share=1 / self._settings.workers,
            redact=self._redact,
            private=self._settings.private,
        )
        for channel in self._channels.values():
            await channel.start(services)
        self._background = [
            asyncio.create_task(self._sweep.run()),
            asyncio.create_task(
                keep_tidy(
                    self._store,
                    max(self._settings.keep_seen, *(channel.keep_seen or 0.0 for channel in self._channels.values())),
                    self._settings.keep_replies,
                    self._settings.keep_letters,
                )
            ),
        ]
        if self._settings.updater == "polling":
            self._polling = Polling(self._channels.values(), self._inbox, self._failed)
            self._polling.start()
        else:
            parts = [Webhooks(self._channels, self._inbox), self._health, FrontDoor(self._channels.values())]
            app = build_webapp(parts, self._refusals, self._settings.hosts)
            self._web = WebServer(app, descriptors)
            keep_from_children(self._web.descriptors)
            try:
                await self._web.start(sockets)
            except OSError as error:  # bound by two before one of them listens: the other one is told here
                raise explain(error, self._settings.host, self._settings.port) from error

    def sweep(self) -> None:
        """Take up what a worker that died has left."""
        self._sweep.soon()

    async def register(self) -> None:
        """Register the webhooks of all channels with their platforms.

        Raises:
            SendError: A platform did not take it.
        """
        assert self._settings.public_url is not None
        for channel in self._channels.values():
            await channel.register(f"{self._settings.public_url.rstrip('/')}/{channel.name}")

    def hurry(self, linger: float) -> None:
        """While stopping: let open connections send requests for so long (seconds) and no longer."""
        if self._web is not None:
            self._web.linger(linger)

    async def stop(self, linger: float) -> int:
        """Let nothing more in, finish what is under way, close.

        Args:
            linger: Seconds for which open connections may still send a request.

        Returns:
            How many dialogs were not finished within the shutdown timeout; their work stays stored.
        """
        deadline = time.monotonic() + self._settings.shutdown_timeout
        self._health.stopping = True
        if self._polling is not None:
            await self._polling.stop()
        if self._web is not None:
            await asyncio.gather(
                self._web.stop(linger, self._settings.shutdown_timeout),
                *(_whatever_happens(channel, channel.drain()) for channel in self._channels.values()),
            )
        self._refusals.say()
        for task in self._background:
            task.cancel()
        await asyncio.wait(self._background)
        unfinished = await self._delivery.drain(deadline - time.monotonic())
        for channel in self._channels.values():
            await _whatever_happens(channel, channel.close())
        await self._database.close()
        return unfinished


def _spare_the_collector() -> None:
    """What is loaded by now stays: looking it through again and again took a sixth of a worker's CPU (measured).

    Later on, nearly everything is freed by its reference count. So the collector runs less often than by default, each
    10,000 objects instead of 700.
    """
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


async def _whatever_happens(channel: Channel, step: Awaitable[None]) -> None:
    """A channel that fails at the stop must not keep the others, or the turns under way, from their end."""
    try:
        await step
    except Exception:
        logger.exception("Channel %s failed while it was stopped", channel.name)
