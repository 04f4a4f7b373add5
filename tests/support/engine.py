"""The engine between inbox and platform, simulated: virtual time, several workers, and faults at chosen moments.

Real are delivery, outbox, inbox, sweep, group commit and all SQL (one SQLite database in memory). Played are the event
loop's clock, the user locks that the workers share, the platform and the deaths of workers. A run depends on its `Plan`
only, so that a plan which fails fails again.

A worker that died is not cancelled, which would run its clean-up. It is cut off: what it asks of the database, the
platform or the locks is never answered any more, as if the process were gone.
"""

import asyncio
import random
import selectors
import sqlite3
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
from sqlalchemy import Engine, create_engine, event, insert, select
from sqlalchemy.pool import StaticPool

import maxbot.backoff
import maxbot.storage.store
from maxbot.channels.base import Channel
from maxbot.delivery import Delivery
from maxbot.errors import OutcomeUnknown, RetryLater, StorageUnavailable, Undeliverable
from maxbot.events import nobody
from maxbot.inbox.accept import Inbox
from maxbot.inbox.sweep import Sweep
from maxbot.locks import UserLocks
from maxbot.meanwhile import current
from maxbot.storage.database import Call, Database, Item, Operation, Result, settle
from maxbot.storage.schema import REVISION, dead_letters, dialogs, inbox, metadata, outbox, revisions, seen
from maxbot.storage.sqlite.backend import SQLite
from maxbot.storage.sqlite.transaction import SQLiteTransaction
from maxbot.storage.store import Store
from maxbot.storage.tables.counters import read_counters
from maxbot.types import Command, Dialog, Message, State, TurnResult, Update
from tests.support.bots import PlainBot

TURN_TIMEOUT = 20.0
MOST_ROUNDS = 100_000
"""Of the event loop in one run; they usually have a few hundred."""

START = 1_700_000_000.0
"""What the clock on the wall says when the virtual one says 0."""


# Time ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Jumping(selectors.SelectSelector):
    """Where nothing is ready, the time of the next timer has come."""

    now = 0.0
    rounds = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits, and nothing will ever happen")
        self.now += timeout
        self.rounds += 1
        if self.rounds > MOST_ROUNDS:
            raise RuntimeError("the engine turns in circles")
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time costs nothing."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


class _Clock:
    """Stands in for the module `time`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def time(self) -> float:
        return START + self._loop.time()


@contextmanager
def virtual_time(seed: int = 0) -> Iterator[VirtualLoop]:
    """Give a loop whose clock the engine goes by, on the wall too; backoff's chance comes from `seed`."""
    loop = VirtualLoop()
    with ExitStack() as stack:
        stack.enter_context(patch.object(maxbot.storage.store, "time", _Clock(loop)))
        stack.enter_context(patch.object(maxbot.backoff, "random", random.Random(seed)))
        try:
            yield loop
        finally:
            loop._jumping.rounds = 0
            while tasks := asyncio.all_tasks(loop):
                for task in tasks:
                    task.cancel()
                loop.run_until_complete(asyncio.wait(tasks))
            loop.close()


# The plan ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Outcome(Enum):
    """What the platform makes of one attempt."""

    SENT = "sent"
    BUSY = "not sent, try later"
    BUSY_FOR_30 = "not sent, try in 30 seconds"
    ANSWER_LOST = "sent, but the answer is lost"
    REQUEST_LOST = "not sent, and nobody can know"
    REFUSED = "never will be"
    BUG = "the channel raises what it should not"


class Conduct(Enum):
    """What the bot makes of a message."""

    ANSWERS = "answers"
    THINKS = "answers after a while"
    RAISES = "raises"
    HANGS = "takes longer than it may"


@dataclass(frozen=True)
class Delivered:
    """One update as the platform delivers it."""

    user: int
    wait: float = 0.0
    """Seconds after the one before."""
    worker: int = 0
    again: float | None = None
    """After how many seconds it is delivered once more, though it was acknowledged."""
    conduct: Conduct = Conduct.ANSWERS
    replies: tuple[bool, ...] = (True,)
    """For each reply, whether it may be sent again."""
    early: int = 0
    """How many of them, the first ones, leave before the turn ends."""


@dataclass(frozen=True)
class Plan:
    """All that happens to a run from outside."""

    updates: Sequence[Delivered]
    outcomes: Sequence[Outcome] = ()
    """Of the first attempts; all later ones succeed."""
    delays: Sequence[float] = (0.001,)
    """Seconds, for one step of database, platform or bot after the other; then from the start again."""
    database_fails_at: frozenset[int] = frozenset()
    """Numbers of transactions."""
    deaths: Sequence[int] = ()
    """After how many steps since the last death the worker that takes the step dies, before it takes effect."""
    workers: int = 2
    locks_work: bool = True
    seed: int = 0


# The history ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Attempt:
    """A command that reached the platform."""

    at: float
    dialog: str
    turn: int
    """Number of the update that it answers."""
    position: int
    key: str
    outcome: Outcome
    resend: bool
    run: int = 0
    """Which run of a turn, counted over all turns, made it."""

    @property
    def delivered(self) -> bool:
        return self.outcome in (Outcome.SENT, Outcome.ANSWER_LOST)


@dataclass
class History:
    """What the outside saw of a run, and what the database holds at its end."""

    plan: Plan
    attempts: list[Attempt] = field(default_factory=list)
    acknowledged: dict[int, tuple[float, float]] = field(default_factory=dict)
    """Number of an update → when its first delivery was made and when the first acknowledgement came."""
    overlaps: int = 0
    """How often two workers alive sent to a dialog at the same moment."""
    deaths: int = 0
    states: dict[str, list[int]] = field(default_factory=dict)
    """Dialog → the numbers that its turns appended to its state."""
    dead_updates: set[int] = field(default_factory=set)
    dead_commands: list[tuple[int, int]] = field(default_factory=list)
    """(number of the update, position)"""
    left: int = 0
    counters: dict[str, int] = field(default_factory=dict)
    drained_at: float = 0.0


# The simulation ──────────────────────────────────────────────────────────────────────────────────────────────────


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


_backend = MemoryBackend()


class _SimulatedDatabase(Database):
    """The real group commit, without its thread: it runs when a timer says so."""

    def __init__(self, worker: "_Worker") -> None:
        self._backend = _backend
        self._waiting = []
        self._worker = worker

    def leads(self) -> bool:
        alive = self._worker.simulation.workers_alive()
        return not alive or alive[0] is self._worker

    def _enqueue(self, operation: Operation[Item, Result], item: Item, *, writes: bool) -> asyncio.Future[Result]:
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


class _SharedLocks:
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

    def free(self, worker: "_Worker") -> None:
        for queue in list(self._queues.values()):
            for lock in [lock for lock in queue if lock.worker is worker]:
                self.leave(lock)


class _Lock(AbstractAsyncContextManager[None]):
    def __init__(self, worker: "_Worker", dialog: Dialog) -> None:
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


class _SimulatedChannel(Channel):
    name = "test"

    def __init__(self, worker: "_Worker") -> None:
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


class _SimulatedBot(PlainBot):
    def __init__(self, worker: "_Worker") -> None:
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


class _Worker:
    """What a worker process has in its memory."""

    def __init__(self, simulation: "Simulation") -> None:
        self.simulation = simulation
        self.alive = True
        self.store = store = Store(_SimulatedDatabase(self))
        self.delivery = Delivery(
            store,
            _SimulatedBot(self),
            {"test": _SimulatedChannel(self)},
            self._user_locks(),
            turn_timeout=TURN_TIMEOUT,
            give_up_after=86400.0,
        )
        self.inbox = Inbox(store, self.delivery.wake)
        self.sweep = Sweep(store, self.delivery.take_up)
        self.sweeping = simulation.loop.create_task(self.sweep.run())

    def _user_locks(self) -> UserLocks:
        if not self.simulation.plan.locks_work:
            return lambda dialog: nullcontext()
        return lambda dialog: _Lock(self, dialog)


class Simulation:
    """Runs a plan. Made for one run."""

    def __init__(self, plan: Plan, loop: asyncio.AbstractEventLoop) -> None:
        self.plan = plan
        self.loop = loop
        self.history = History(plan)
        self.locks = _SharedLocks()
        self.outcomes = deque(plan.outcomes)
        self.transactions = 0
        self.runs = 0
        self.in_flight: dict[str, defaultdict[_Worker, int]] = defaultdict(lambda: defaultdict(int))
        self._began: dict[int, float] = {}
        self._delays_used = 0
        self._deaths = deque(plan.deaths)
        self._steps = 0
        self._workers: list[_Worker] = []
        self._workers += [_Worker(self) for _ in range(plan.workers)]

    # What the workers' surroundings call

    def delay(self) -> float:
        self._delays_used += 1
        return self.plan.delays[self._delays_used % len(self.plan.delays)]

    def workers_alive(self) -> list[_Worker]:
        """Return them in the order of their slots."""
        return [worker for worker in self._workers if worker.alive]

    def step(self, worker: _Worker) -> bool:
        """A worker is about to do something that others can see; return whether it lives to do it."""
        if not worker.alive:
            return False
        self._steps += 1
        if self._deaths and self._steps > self._deaths[0]:
            self._deaths.popleft()
            self._steps = 0
            self._die(worker)
        return worker.alive

    async def pause(self, worker: _Worker) -> None:
        await asyncio.sleep(self.delay())
        if not self.step(worker):
            await self.for_ever()

    async def for_ever(self) -> None:
        await self.loop.create_future()

    def _die(self, worker: _Worker) -> None:
        worker.alive = False
        worker.sweeping.cancel()
        self.history.deaths += 1
        self.locks.free(worker)
        self._workers[self._workers.index(worker)] = _Worker(self)
        for other in self._workers:
            other.sweep.soon()

    # The platform's side

    async def _deliver(self, number: int) -> None:
        """Deliver an update until it is acknowledged, as platforms do."""
        update = self.plan.updates[number]
        delivered = Update(Dialog("test", f"user{update.user}"), f"update{number}", {"number": number})
        began = self._began.setdefault(number, self.loop.time())
        for attempt in range(200):
            worker = self._workers[(update.worker + attempt) % len(self._workers)]
            with suppress(StorageUnavailable, TimeoutError):
                async with asyncio.timeout(60.0):
                    await worker.inbox.accept([delivered])
                if worker.alive:
                    self.history.acknowledged.setdefault(number, (began, self.loop.time()))
                    return
            await asyncio.sleep(0.5)
        raise AssertionError(f"update {number} is never acknowledged")

    async def _platform(self) -> None:
        deliveries = []
        for number, update in enumerate(self.plan.updates):
            await asyncio.sleep(update.wait)
            deliveries.append(asyncio.create_task(self._deliver(number)))
            if update.again is not None:
                deliveries.append(asyncio.create_task(self._deliver_again(number, update.again)))
        await asyncio.gather(*deliveries)

    async def _deliver_again(self, number: int, after: float) -> None:
        await asyncio.sleep(after)
        await self._deliver(number)

    async def run(self, drained_within: float) -> History:
        """Run the plan, wait until nothing is left to do, and return what happened.

        Args:
            drained_within: Virtual seconds after the last delivery; what is left then is in `History.left`.
        """
        await self._platform()
        deadline = self.loop.time() + drained_within
        while self._left() and self.loop.time() < deadline:
            await asyncio.sleep(1.0)
        self._read()
        return self.history

    def _left(self) -> int:
        with _backend.engine().begin() as connection:
            return sum(len(connection.execute(select(table.c.dialog)).all()) for table in (inbox, outbox))

    def _read(self) -> None:
        history = self.history
        history.left = self._left()
        history.drained_at = self.loop.time()
        with _backend.engine().begin() as connection:
            numbers = {row.id: int(row.key.removeprefix("update")) for row in connection.execute(select(seen))}
            for row in connection.execute(select(dialogs)):
                history.states[row.dialog] = msgspec.json.decode(row.state).get("turns", [])
            for row in connection.execute(select(dead_letters)):
                if row.kind == "update":
                    history.dead_updates.add(numbers[row.update_id])
                else:
                    history.dead_commands.append((numbers[row.update_id], row.position))
            history.counters = read_counters(connection)


def simulate(plan: Plan, drained_within: float = 3600.0) -> History:
    """Run a plan to its end."""
    _backend.empty()
    with virtual_time(plan.seed) as loop:
        return loop.run_until_complete(Simulation(plan, loop).run(drained_within))


def run_with_store(scenario: Callable[[Store], Awaitable[None]]) -> None:
    """Run a scenario in virtual time, with a store on an empty database."""
    _backend.empty()
    with virtual_time() as loop:
        (worker,) = Simulation(Plan([], workers=1), loop)._workers
        worker.sweeping.cancel()
        loop.run_until_complete(scenario(worker.store))


def letters() -> list[tuple[str, str, str | None]]:
    """Return the dead letters of the last run: (kind, reason, traceback)."""
    with _backend.engine().begin() as connection:
        return [(row.kind, row.reason, row.traceback) for row in connection.execute(select(dead_letters))]


def counters() -> dict[str, int]:
    """Return the counters of the last run."""
    with _backend.engine().begin() as connection:
        return read_counters(connection)
