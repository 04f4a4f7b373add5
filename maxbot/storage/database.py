"""Group commit: one thread that runs everything waiting for the database as one transaction.

Calls made while a transaction is running are gathered and run together as the next one. The busier a worker is, the
less a call costs; an idle worker's call does not wait for others.

    event loop                          storage thread
    call(operation, item) ─▶ waiting ─▶ begin, operation(transaction, items) for each kind, commit
    ask(operation, item)  ─▶ waiting ─▶ operation(transaction, items), beside whoever writes
    future ◀──────────────────────────── results
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from maxbot.errors import StorageDamaged, StorageError, StorageUnavailable
from maxbot.events import DatabaseUnavailable, Observer, nobody
from maxbot.storage.backend import Backend
from maxbot.storage.statement import Transaction

Item = TypeVar("Item")
Result = TypeVar("Result")

Operation = Callable[[Transaction, list[Item]], Sequence[Result]]
"""Does the same thing for several callers at once, within a transaction that others share. One result for each item.

It may run again with the same items after a failure, and must leave nothing outside the database.
"""

PACE = 0.002
"""Seconds from one transaction's start to the next one's, at least. A message makes four calls, and a transaction costs
as much as ten of them: at most 500 transactions a second keep that small, for a millisecond's wait on average. A call
that finds nobody before it does not wait."""

LARGEST_GROUP = 200
"""Calls in one transaction: enough to share its cost, few enough that other processes get their turn at SQLite."""


class _Call(NamedTuple):
    operation: Operation[Any, Any]
    item: Any
    future: asyncio.Future[Any]
    writes: bool


class Database:
    """A worker's connection to the database. Made and used on one event loop.

    Args:
        backend: The kind of database, see `maxbot.storage.prepare.open_backend`.
        observe: Told when the database does not do what it was asked for.
    """

    def __init__(self, backend: Backend, observe: Observer = nobody) -> None:
        self._backend = backend
        self._observe = observe
        self._waiting: list[_Call] = []
        self._arrived = threading.Condition()
        self._closing = False
        self._last_start = float("-inf")
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._serve, name="storage", daemon=True)
        self._thread.start()

    def call(self, operation: Operation[Item, Result], item: Item) -> asyncio.Future[Result]:
        """Run `operation` for `item`, together with whatever else is waiting.

        Returns:
            A future of the result. It is done only once the transaction is committed.

        Raises:
            StorageUnavailable: (from the future) Nothing was stored; the same call may work later.
            StorageError: (from the future) Nothing was stored, and it would fail again.
        """
        return self._enqueue(operation, item, writes=True)

    def ask(self, operation: Operation[Item, Result], item: Item) -> asyncio.Future[Result]:
        """Run an `operation` that only reads, in one statement: it waits for nobody who writes, and holds up nobody.

        Returns:
            A future as that of `call`.
        """
        return self._enqueue(operation, item, writes=False)

    def leads(self) -> bool:
        """Whether this worker does what one worker is enough for."""
        return self._backend.leads()

    def _enqueue(self, operation: Operation[Item, Result], item: Item, *, writes: bool) -> asyncio.Future[Result]:
        future: asyncio.Future[Result] = self._loop.create_future()
        with self._arrived:
            if self._closing:
                raise StorageUnavailable("the database is closed")
            self._waiting.append(_Call(operation, item, future, writes))
            if len(self._waiting) == 1:
                self._arrived.notify()
        return future

    async def close(self) -> None:
        """Finish what was called and close the connection."""
        with self._arrived:
            self._closing = True
            self._arrived.notify()
        await self._loop.run_in_executor(None, self._thread.join)

    # In the storage thread ───────────────────────────────────────────────────────────────────────────────────────

    def _serve(self) -> None:
        while calls := self._next_group():
            outcomes = self._run(calls)
            self._loop.call_soon_threadsafe(_settle, calls, outcomes, self._observe)
        self._backend.close()

    def _next_group(self) -> list[_Call]:
        time.sleep(max(0.0, self._last_start + PACE - time.monotonic()))
        with self._arrived:
            while not self._waiting and not self._closing:
                self._arrived.wait()
            calls, self._waiting = self._waiting[:LARGEST_GROUP], self._waiting[LARGEST_GROUP:]
        self._last_start = time.monotonic()
        return calls

    def _run(self, calls: list[_Call]) -> list[Any]:
        """Return the outcome of each call: its result, or the error to raise."""
        kinds: dict[tuple[bool, Operation[Any, Any]], list[int]] = {}
        for index, call in enumerate(calls):
            kinds.setdefault((call.writes, call.operation), []).append(index)
        outcomes: list[Any] = [None] * len(calls)
        writing = [(operation, indexes) for (writes, operation), indexes in kinds.items() if writes]
        if writing:
            self._write(calls, writing, outcomes)
        for (writes, operation), indexes in kinds.items():
            if not writes:
                self._read(calls, operation, indexes, outcomes)
        return outcomes

    def _write(
        self, calls: list[_Call], kinds: list[tuple[Operation[Any, Any], list[int]]], outcomes: list[Any]
    ) -> None:
        try:
            self._transaction(calls, kinds, outcomes)
            return
        except Exception as error:
            failure = self._backend.failure(error)
        if isinstance(failure, StorageUnavailable):
            self._backend.disconnect()  # whatever is wrong with it, the next one is new
        members = [(operation, index) for operation, indexes in kinds for index in indexes]
        if len(members) == 1 or (isinstance(failure, StorageUnavailable) and not isinstance(failure, StorageDamaged)):
            for _, index in members:
                outcomes[index] = failure
            return
        # One of them cannot be stored as it is (a text the database does not take), or needs a page that is damaged:
        # the others must not suffer.
        for operation, index in members:
            self._write(calls, [(operation, [index])], outcomes)

    def _transaction(
        self, calls: list[_Call], kinds: list[tuple[Operation[Any, Any], list[int]]], outcomes: list[Any]
    ) -> None:
        transaction = self._backend.begin()
        try:
            for operation, indexes in kinds:
                _apply(transaction, operation, calls, indexes, outcomes)
            self._backend.commit()
        except BaseException:
            self._backend.roll_back()
            raise

    def _read(
        self, calls: list[_Call], operation: Operation[Any, Any], indexes: list[int], outcomes: list[Any]
    ) -> None:
        try:
            _apply(self._backend.reading(), operation, calls, indexes, outcomes)
        except Exception as error:
            failure = self._backend.failure(error)
            if isinstance(failure, StorageUnavailable):
                self._backend.disconnect()
            for index in indexes:
                outcomes[index] = failure


def _apply(
    transaction: Transaction,
    operation: Operation[Any, Any],
    calls: list[_Call],
    indexes: list[int],
    outcomes: list[Any],
) -> None:
    results = operation(transaction, [calls[index].item for index in indexes])
    for index, result in zip(indexes, results, strict=True):
        outcomes[index] = result


def _settle(calls: list[_Call], outcomes: list[Any], observe: Observer) -> None:
    for failure in {id(outcome): outcome for outcome in outcomes if isinstance(outcome, StorageUnavailable)}.values():
        observe(DatabaseUnavailable(str(failure), isinstance(failure, StorageDamaged)))
    for call, outcome in zip(calls, outcomes, strict=True):
        if call.future.done():  # the caller was cancelled; what it asked for is done all the same
            continue
        if isinstance(outcome, StorageError):
            call.future.set_exception(outcome)
        else:
            call.future.set_result(outcome)
