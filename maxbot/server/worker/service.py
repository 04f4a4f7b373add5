"""All that serves in one process, put together: storage, delivery, channels, and the edge where updates come in."""

import asyncio
import contextlib
import gc
import logging
import socket
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import msgspec

from maxbot.bot import MaxBot
from maxbot.channels.base import Channel, Services
from maxbot.channels.pace import Share
from maxbot.delivery import Delivery
from maxbot.delivery.counted import Counters
from maxbot.delivery.said import Log
from maxbot.delivery.suspects import Suspects
from maxbot.errors import StartError, StorageError, StorageUnavailable
from maxbot.events import DatabaseUnavailable, Observer, all_of
from maxbot.inbox.accept import Inbox
from maxbot.inbox.retention import keep_tidy
from maxbot.inbox.sweep import Sweep
from maxbot.inbox.timers import Timers
from maxbot.journal.watch import WatchedBot
from maxbot.journal.write import open_journal
from maxbot.locks import UserLocks
from maxbot.logs import Redactor
from maxbot.outbox.retries import until_stored
from maxbot.server.children import keep_from_children
from maxbot.server.descriptors import budget
from maxbot.server.edge.ended import Ended
from maxbot.server.edge.health import Health
from maxbot.server.edge.http import WebServer
from maxbot.server.edge.part import Part
from maxbot.server.edge.polling import Polling
from maxbot.server.edge.push import Push
from maxbot.server.edge.refusals import Refusals
from maxbot.server.edge.rpc import Rpc
from maxbot.server.edge.sockets import explain
from maxbot.server.edge.webapp import FrontDoor, build_webapp
from maxbot.server.edge.webhooks import Webhooks
from maxbot.server.plan import Plan
from maxbot.server.tasks import keep
from maxbot.server.worker.outage import Outage
from maxbot.server.worker.shares import keep_share
from maxbot.storage.backend import Backend, Member
from maxbot.storage.database import Database
from maxbot.storage.inline import InlineDatabase
from maxbot.storage.prepare import open_backend, open_quick, prepare
from maxbot.storage.store import Store

logger = logging.getLogger(__name__)

HELD = 0.5
"""Seconds between two attempts at a database that another program holds."""


def to_nobody(channel: str, said: Any) -> None:
    """Whisper where there are no other workers."""


class Service:
    """A worker's inside, or the whole of a single process. Made on the event loop that it serves.

    Args:
        plan: Decided, and complete.
        bot: Loaded.
        user_locks: One turn of a dialog at a time.
        failed: Told the reason when the service cannot go on (a platform refuses the bot's token).
        on_bug: Called when one of its own tasks failed.
        suspects: Made of the store; says which turns may run here.
        serves: Whether it takes updates in.
        whisper: Says something to a channel in the other workers.
    """

    def __init__(
        self,
        plan: Plan,
        bot: MaxBot,
        user_locks: UserLocks,
        failed: Callable[[StartError], None],
        on_bug: Callable[[], None],
        suspects: Callable[[Store], Suspects],
        *,
        serves: bool = True,
        whisper: Callable[[str, Any], None] = to_nobody,
    ) -> None:
        self._plan = plan
        self._channels = bot.channels.by_name
        self._redact = Redactor([*bot.secrets, *plan.secrets])
        self._failed = failed
        self._on_bug = on_bug
        self._whisper = whisper
        self._backend = open_backend(
            plan.database,
            plan.durability,
            plan.database_file,
            plan.database_password_file,
            Member(plan.run, plan.lease, serves),
        )
        self._log = Log()
        self._outage = Outage()
        self._locks_are_gone: Callable[[], bool] = getattr(user_locks, "is_hopeless", lambda: False)
        self._database = _open(plan, self._backend, lambda event: observe(event))
        self._store = Store(self._database, self._redact)
        ended = Ended(self._store)
        self._timers = Timers(self._store, lambda dialog: self.wake(dialog))
        self._journal = open_journal(plan, bot.secrets)
        watched = None if self._journal is None else WatchedBot(bot, self._journal)
        journal = () if watched is None else (watched.observe,)
        observe = all_of(self._log, self._outage, Counters(self._store), ended, self._timers, *journal)
        self._delivery = Delivery(
            self._store,
            watched or bot,
            bot.channels.by_name,
            user_locks,
            turn_timeout=plan.turn_timeout,
            give_up_after=plan.give_up_after,
            observe=observe,
            suspects=suspects(self._store),
        )
        self.wake = self._delivery.wake
        self._inbox = Inbox(self._store, self._delivery.wake, observe, self._delivery.rouse)
        self._sweep = Sweep(self._store, self._delivery.take_up, self._database.lease)
        self._health = Health(self._store)
        bot.inbox = self._inbox
        self._rpc = Rpc(bot, self._inbox, ended, plan.rpc_token) if bot.has_requests else None
        self._push = Push(bot, self._inbox, ended, plan.rpc_token) if bot.has_requests or plan.rpc_token else None
        self._refusals = Refusals()
        self._share = Share(1 / plan.workers)
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
            await self._say_alive()
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
                await asyncio.to_thread(prepare, self._backend, upgrade=self._plan.migrate)
            except StorageUnavailable as error:
                self._log(DatabaseUnavailable(str(error), damaged=False))
                await asyncio.sleep(HELD)
            else:
                break
        await until_stored(self._store.make_mark, self._plan.run)

    async def _say_alive(self) -> None:
        """Be known to the other hosts, before there is anything to do."""
        if self._store.is_shared:
            await until_stored(self._store.ping)

    async def _open(self, sockets: list[socket.socket]) -> None:
        descriptors = budget()
        await self._start_channels()
        self._background = keep([self._sweep.run, self._timers.run, self._keep_tidy, *self._sharing()], self._on_bug)
        if self._plan.updater == "polling":
            self._polling = Polling(self._channels.values(), self._inbox, self._failed, self._polls)
        else:
            app = build_webapp(self._parts(), self._refusals, self._plan.hosts)
            self._web = WebServer(app, descriptors)
            keep_from_children(self._web.descriptors)
            try:
                await self._web.start(sockets)
            except OSError as error:  # bound by two before one of them listens: the other one is told here
                raise explain(error, self._plan.host, self._plan.port) from error

    async def start_to_try(self) -> None:
        """Be able to run turns and to send, and let nothing in: all that a quarantine needs.

        Raises:
            StartError: The database cannot be used.
        """
        try:
            await self._prepare()
            await self._start_channels()
        except BaseException:
            await self._database.close()
            raise

    async def _start_channels(self) -> None:
        services = Services(
            mailbox=self._store,
            notes=self._store,
            connections=max(1, budget().calls // len(self._channels)),
            share=self._share,
            redact=self._redact,
            private=self._plan.private,
        )
        for channel in self._channels.values():
            await channel.start(msgspec.structs.replace(services, whisper=partial(self._whisper, channel.name)))

    async def _keep_tidy(self) -> None:
        plan = self._plan
        keep_seen = max(plan.keep_seen, *(channel.keep_seen or 0.0 for channel in self._channels.values()))
        await keep_tidy(self._store, keep_seen, plan.keep_replies, plan.keep_letters)

    def _sharing(self) -> list[Callable[[], Awaitable[None]]]:
        return [lambda: keep_share(self._store, self._share)] if self._store.is_shared else []

    def poll(self) -> None:
        """Begin to fetch updates, where they are fetched."""
        if self._polling is not None:
            self._polling.start()

    def _parts(self) -> list[Part]:
        door = FrontDoor(self._channels.values(), rpc=self._rpc is not None, push=self._push is not None)
        rpc = [part for part in (self._rpc, self._push) if part is not None]
        return [Webhooks(self._channels, self._inbox), *rpc, self._health, door]

    async def _polls(self) -> bool:
        """Whether it is this worker that polls: one of all that share the database."""
        if not self._store.is_shared:  # the supervisor has said so
            return True
        try:
            return await self._store.leads()
        except StorageError:
            return False

    def sweep(self, pid: int) -> None:
        """Take up what a worker that has ended has left.

        Args:
            pid: Its process.
        """
        self._sweep.soon()
        self._timers.soon()
        if self._store.is_shared:
            self._background.append(asyncio.create_task(self._bury(pid)))

    async def _bury(self, pid: int) -> None:
        with contextlib.suppress(StorageError):  # its lease ends by itself
            await self._store.bury(pid)
            self._sweep.soon()  # it may have been the one that swept
            self._timers.soon()
            self._delivery.look_again()

    def whispered(self, channel: str, said: Any) -> None:
        """Let a channel hear what it says in another worker."""
        if channel in self._channels:  # else another worker has a newer bot
            self._channels[channel].whispered(said)

    def leave(self) -> None:
        """Serve as before, and say that nobody should count on it: a stop is near."""
        self._health.stopping = True

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
        deadline = time.monotonic() + self._plan.shutdown_timeout
        self._health.stopping = True
        if self._polling is not None:
            await self._polling.stop()
        if self._store.is_shared:
            resigned = self._store.resign()
            resigned.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody waits for it
        if self._web is not None:
            await asyncio.gather(
                self._web.stop(linger, self._plan.shutdown_timeout),
                self._rpc.drain() if self._rpc is not None else asyncio.sleep(0),
                self._push.drain() if self._push is not None else asyncio.sleep(0),
                *(_whatever_happens(channel, channel.drain()) for channel in self._channels.values()),
            )
        self._refusals.say()
        for task in self._background:
            task.cancel()
        if self._background:
            await asyncio.wait(self._background)
        unfinished = await self._delivery.drain(deadline - time.monotonic(), self._is_hopeless)
        for channel in self._channels.values():
            await _whatever_happens(channel, channel.close())
        await self._database.close()
        if self._journal is not None:
            self._journal.close()
        return unfinished

    def _is_hopeless(self) -> bool:
        return self._outage.is_hopeless() or self._locks_are_gone()


def _open(plan: Plan, backend: Backend, observe: Observer) -> Database:
    # With several workers the event loop would find the others writing, time and again.
    quick = open_quick(plan.database, plan.durability, plan.database_file) if plan.workers == 1 else None
    return Database(backend, observe) if quick is None else InlineDatabase(backend, quick, observe)


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
