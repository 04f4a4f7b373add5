"""What is played in a simulated run: it does what its plan says, and dies when it is told to."""

import asyncio
import sqlite3
from collections import deque
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, create_engine, event, insert
from sqlalchemy.pool import StaticPool

from maxbot.channels.base import Channel
from maxbot.delivery import Delivery
from maxbot.errors import OutcomeUnknown, RetryLater, StorageUnavailable, Undeliverable
from maxbot.events import nobody
from maxbot.inbox.accept import Inbox
from maxbot.inbox.sweep import Sweep
from maxbot.locks import UserLocks
from maxbot.meanwhile import current
from maxbot.storage.database import Call, Database, Item, Operation, Result, settle
from maxbot.storage.schema import REVISION, metadata, revisions
from maxbot.storage.sqlite.backend import SQLite
from maxbot.storage.sqlite.transaction import SQLiteTransaction
from maxbot.storage.store import Store
from maxbot.types import Command, Dialog, Message, State, TurnResult
from tests.support.bots import PlainBot
from tests.support.simulation.plan import Attempt, Conduct, Outcome

if TYPE_CHECKING:
    from tests.support.engine import Simulation

TURN_TIMEOUT = 20.0


class MemoryBackend(SQLite):
    """One SQLite database in memory, shared by all workers of a run."""

    def __init__(self) -> None:
        super().__init__(Path("memory"))
        self._connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._engine = create_engine("sqlite://", creator=lambda: self._connection, poolclass=StaticPool)
        event.listen(self._engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))

    def engine(self) -> Engine:
        return self._engine

    def begin(self) -> SQLiteTransaction:
        assert self._connection is not None
        self._connection.execute("BEGIN IMMEDIATE")
        return SQLiteTransaction(self._connection)

    def reading(self) -> SQLiteTransaction:
        assert self._connection is not None
        return SQLiteTransaction(self._connection)

    def disconnect(self) -> None:
        pass

    def leads(self) -> bool:
        return True

    def empty(self) -> None:
        """Make the tables, or empty them."""
        with self._engine.begin() as connection:
            metadata.create_all(connection)
            for table in metadata.tables.values():
                connection.execute(table.delete())
            connection.execute(insert(revisions), {"version_num": REVISION})


memory_backend = MemoryBackend()


class SimulatedDatabase(Database):
    """The real group commit, without its thread: it runs when a timer says so."""

    def __init__(self, worker: "Worker") -> None:
        self._backend = memory_backend
        self._waiting = []
        self._worker = worker

    def leads(self) -> bool:
        alive = self._worker.simulation.workers_alive()
        return not alive or alive[0] is self._worker

    def _enqueue(
        self, operation: Operation[Item, Result], item: Item, *, writes: bool, patient: bool = False
    ) -> asyncio.Future[Result]:
        loop = self._worker.simulation.loop
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append(Call(operation, item, future, writes))
        if len(self._waiting) == 1:
            loop.call_later(self._worker.simulation.delay(), self._commit)
        return future

    def _commit(self) -> None:
        simulation = self._worker.simulation
        calls, self._waiting = self._waiting, []
        if not simulation.step(self._worker):
            return
        simulation.transactions += 1
        if simulation.transactions in simulation.plan.database_fails_at:
            outcomes: list[Any] = [StorageUnavailable("the plan says so")] * len(calls)
        else:
            outcomes = self._run(calls)
        simulation.loop.call_later(simulation.delay(), self._answer, calls, outcomes)

    def _answer(self, calls: list[Call], outcomes: list[Any]) -> None:
        if self._worker.simulation.step(self._worker):
            settle(calls, outcomes, nobody)


class SharedLocks:
    """User locks of several workers, first come, first served; those of a worker that died are free."""

    def __init__(self) -> None:
        self._queues: dict[Dialog, deque[_Lock]] = {}

    def join(self, lock: "_Lock") -> None:
        queue = self._queues.setdefault(lock.dialog, deque())
        queue.append(lock)
        if len(queue) == 1:
            lock.granted.set_result(None)

    def leave(self, lock: "_Lock") -> None:
        queue = self._queues.get(lock.dialog, deque())
        if lock not in queue:
            return
        first = queue[0] is lock
        queue.remove(lock)
        if not queue:
            del self._queues[lock.dialog]
        elif first and not queue[0].granted.done():
            queue[0].granted.set_result(None)

    def free(self, worker: "Worker") -> None:
        for queue in list(self._queues.values()):
            for lock in [lock for lock in queue if lock.worker is worker]:
                self.leave(lock)


class _Lock(AbstractAsyncContextManager[None]):
    def __init__(self, worker: "Worker", dialog: Dialog) -> None:
        self.worker = worker
        self.dialog = dialog
        self.granted: asyncio.Future[None] = worker.simulation.loop.create_future()

    async def __aenter__(self) -> None:
        if not self.worker.alive:
            await self.worker.simulation.for_ever()
        self.worker.simulation.locks.join(self)
        try:
            await self.granted
        except BaseException:
            self.worker.simulation.locks.leave(self)
            raise

    async def __aexit__(self, *_error: object) -> None:
        self.worker.simulation.locks.leave(self)


class SimulatedChannel(Channel):
    name = "test"

    def __init__(self, worker: "Worker") -> None:
        self._worker = worker

    async def send(self, command: Command, dialog: Dialog) -> None:
        simulation, worker = self._worker.simulation, self._worker
        flights = simulation.in_flight[str(dialog)]
        flights[worker] += 1
        simulation.history.overlaps += sum(1 for other in flights if other.alive and flights[other]) > 1
        try:
            return await self._send(command, dialog)
        finally:
            flights[worker] -= 1

    async def _send(self, command: Command, dialog: Dialog) -> None:
        simulation = self._worker.simulation
        await simulation.pause(self._worker)
        outcome = simulation.outcomes.popleft() if simulation.outcomes else Outcome.SENT
        simulation.history.attempts.append(
            Attempt(
                simulation.loop.time(),
                str(dialog),
                command.content["turn"],
                command.content["position"],
                command.key,
                outcome,
                command.resend,
                command.content["run"],
            )
        )
        await simulation.pause(self._worker)
        match outcome:
            case Outcome.BUSY:
                raise RetryLater("busy")
            case Outcome.BUSY_FOR_30:
                raise RetryLater("busy", retry_after=30.0)
            case Outcome.ANSWER_LOST | Outcome.REQUEST_LOST:
                raise OutcomeUnknown("connection lost")
            case Outcome.REFUSED:
                raise Undeliverable("blocked")
            case Outcome.BUG:
                raise ValueError("a bug of the channel's")


class SimulatedBot(PlainBot):
    def __init__(self, worker: "Worker") -> None:
        self._worker = worker

    async def run_turn(self, message: Message, dialog: Dialog, state: State, utc_time: Any = None) -> TurnResult:
        simulation = self._worker.simulation
        number = message["number"]
        update = simulation.plan.updates[number]
        simulation.runs += 1
        commands = [
            Command({"turn": number, "position": position, "run": simulation.runs}, resend=resend)
            for position, resend in enumerate(update.replies)
        ]
        for command in commands[: update.early]:
            said = current.get().say(command)
            if update.conduct is not Conduct.ANSWERS:
                await said
                await simulation.pause(self._worker)
        if update.conduct is Conduct.RAISES:
            raise ValueError("the bot's own")
        if update.conduct is Conduct.HANGS:
            await asyncio.sleep(10 * TURN_TIMEOUT)
        if update.conduct is Conduct.THINKS:
            await simulation.pause(self._worker)
        return TurnResult(commands[update.early :], {"turns": [*state.get("turns", []), number]})


class Worker:
    """What a worker process has in its memory."""

    def __init__(self, simulation: "Simulation") -> None:
        self.simulation = simulation
        self.alive = True
        self.store = store = Store(SimulatedDatabase(self))
        self.delivery = Delivery(
            store,
            SimulatedBot(self),
            {"test": SimulatedChannel(self)},
            self._user_locks(),
            turn_timeout=TURN_TIMEOUT,
            give_up_after=86400.0,
        )
        self.inbox = Inbox(store, self.delivery.wake, rouse=self.delivery.rouse)
        self.sweep = Sweep(store, self.delivery.take_up)
        self.sweeping = simulation.loop.create_task(self.sweep.run())

    def _user_locks(self) -> UserLocks:
        if not self.simulation.plan.locks_work:
            return lambda dialog: nullcontext()
        return lambda dialog: _Lock(self, dialog)
