"""The engine between inbox and platform, simulated: virtual time, several workers, and faults at chosen moments.

Real are delivery, outbox, inbox, sweep, group commit and all SQL (one SQLite database in memory). Played are the event
loop's clock, the user locks that the workers share, the platform and the deaths of workers. A run depends on its `Plan`
only, so that a plan which fails fails again.

A worker that died is not cancelled, which would run its clean-up. It is cut off: what it asks of the database, the
platform or the locks is never answered any more, as if the process were gone.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec
from sqlalchemy import select

from maxbot.errors import StorageUnavailable
from maxbot.storage.schema import dead_letters, dialogs, inbox, outbox, seen
from maxbot.storage.store import Store
from maxbot.storage.tables.counters import read_counters
from maxbot.types import Dialog, Update
from tests.support.simulation.clock import virtual_time
from tests.support.simulation.parts import SharedLocks, Worker, memory_backend
from tests.support.simulation.plan import History, Plan


class Simulation:
    """Runs a plan. Made for one run."""

    def __init__(self, plan: Plan, loop: asyncio.AbstractEventLoop) -> None:
        self.plan = plan
        self.loop = loop
        self.history = History(plan)
        self.locks = SharedLocks()
        self.outcomes = deque(plan.outcomes)
        self.transactions = 0
        self.runs = 0
        self.in_flight: dict[str, defaultdict[Worker, int]] = defaultdict(lambda: defaultdict(int))
        self._began: dict[int, float] = {}
        self._delays_used = 0
        self._deaths = deque(plan.deaths)
        self._steps = 0
        self._workers: list[Worker] = []
        self._workers += [Worker(self) for _ in range(plan.workers)]

    # What the workers' surroundings call

    def delay(self) -> float:
        self._delays_used += 1
        return self.plan.delays[self._delays_used % len(self.plan.delays)]

    def workers_alive(self) -> list[Worker]:
        """Return them in the order of their slots."""
        return [worker for worker in self._workers if worker.alive]

    def step(self, worker: Worker) -> bool:
        """A worker is about to do something that others can see; return whether it lives to do it."""
        if not worker.alive:
            return False
        self._steps += 1
        if self._deaths and self._steps > self._deaths[0]:
            self._deaths.popleft()
            self._steps = 0
            self._die(worker)
        return worker.alive

    async def pause(self, worker: Worker) -> None:
        await asyncio.sleep(self.delay())
        if not self.step(worker):
            await self.for_ever()

    async def for_ever(self) -> None:
        await self.loop.create_future()

    def _die(self, worker: Worker) -> None:
        worker.alive = False
        worker.sweeping.cancel()
        self.history.deaths += 1
        self.locks.free(worker)
        self._workers[self._workers.index(worker)] = Worker(self)
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
        with memory_backend.engine().begin() as connection:
            return sum(len(connection.execute(select(table.c.dialog)).all()) for table in (inbox, outbox))

    def _read(self) -> None:
        history = self.history
        history.left = self._left()
        history.drained_at = self.loop.time()
        with memory_backend.engine().begin() as connection:
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
    memory_backend.empty()
    with virtual_time(plan.seed) as loop:
        return loop.run_until_complete(Simulation(plan, loop).run(drained_within))


def run_with_store(scenario: Callable[[Store], Awaitable[None]]) -> None:
    """Run a scenario in virtual time, with a store on an empty database."""
    memory_backend.empty()
    with virtual_time() as loop:
        (worker,) = Simulation(Plan([], workers=1), loop)._workers
        worker.sweeping.cancel()
        loop.run_until_complete(scenario(worker.store))


def letters() -> list[tuple[str, str, str | None]]:
    """Return the dead letters of the last run: (kind, reason, traceback)."""
    with memory_backend.engine().begin() as connection:
        return [(row.kind, row.reason, row.traceback) for row in connection.execute(select(dead_letters))]


def counters() -> dict[str, int]:
    """Return the counters of the last run."""
    with memory_backend.engine().begin() as connection:
        return read_counters(connection)
