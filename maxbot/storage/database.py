"""Group commit: one thread that runs everything waiting for the database as one transaction.

Calls made while a transaction is running are gathered and run together as the next one. The busier a worker is, the
less a call costs; an idle worker's call does not wait for others.

    event loop                          storage thread
    call(operation, item) ─▶ waiting ─▶ begin, operation(transaction, items) for each kind, commit
    ask(operation, item)  ─▶ waiting ─▶ operation(transaction, items), beside whoever writes
    future ◀──────────────────────────── results

A group that meets a deadlock, or whose connection is lost, runs again before its callers hear of it. Where the
connection is lost between COMMIT and its answer, it is looked up whether the group was stored, and nobody is told
anything before that is known: run again blindly it would be done twice, given up it would be answered never.

Where several hosts share the database, each group says that this worker lives, for the time of its lease; a worker with
nothing to do says it by an empty one. Whoever was taken for dead all the same begins a new session, and what the old
one had claimed is not its own any more (`holds`).
"""

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from maxbot.backoff import backoff
from maxbot.errors import (
    CommitUnknown,
    LockLost,
    SessionLost,
    StorageDamaged,
    StorageError,
    StorageInterrupted,
    StorageUnavailable,
)
from maxbot.events import (
    CommitLookedUp,
    DatabaseUnavailable,
    Event,
    GroupRepeated,
    Observer,
    Reconnected,
    SessionEnded,
    nobody,
)
from maxbot.storage.backend import Backend
from maxbot.storage.statement import Transaction
from maxbot.storage.tables import inbox
from maxbot.storage.tables.claims import lock

Item = TypeVar("Item")
Result = TypeVar("Result")

Operation = Callable[[Transaction, list[Item]], Sequence[Result]]
"""Does the same thing for several callers at once, within a transaction that others share. One result for each item.

It may run again with the same items after a failure, and must leave nothing outside the database.
"""

LARGEST_GROUP = 200
"""Calls in one transaction: enough to share its cost, few enough that other processes get their turn at SQLite."""

ATTEMPTS = 5
"""How often a group is run that others interrupt, before its callers hear of it."""

QUARTERS = 4
"""A lease is renewed when a quarter of it is over, and nothing is sent in its last quarter."""

LAST_LOOKS = 3
"""How often an unknown outcome is still looked up once the database is to be closed."""


class Call(msgspec.Struct, frozen=True):
    """What somebody waits for."""

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
        self._waiting: list[Call] = []
        self._arrived = threading.Condition()
        self._closing = False
        self._last_start = float("-inf")
        self._renew_at = float("inf")
        self._heard: tuple[int | None, float] = (None, float("-inf"))
        """The session that is known to live, and when it was known to be about to be renewed."""
        self._cut = False
        """Whether the connection was given up since something was stored last."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._serve, name="storage", daemon=True)
        self._thread.start()

    def call(self, operation: Operation[Item, Result], item: Item, *, patient: bool = False) -> asyncio.Future[Result]:
        """Run `operation` for `item`, together with whatever else is waiting.

        Args:
            operation: What to do.
            item: With what.
            patient: Whether it may wait some milliseconds for others, to share a transaction with them.

        Returns:
            A future of the result. It is done only once the transaction is committed.

        Raises:
            StorageUnavailable: (from the future) Nothing was stored; the same call may work later.
            StorageError: (from the future) Nothing was stored, and it would fail again.
        """
        return self._enqueue(operation, item, writes=True, patient=patient)

    def ask(self, operation: Operation[Item, Result], item: Item) -> asyncio.Future[Result]:
        """Run an `operation` that only reads, in one statement: it waits for nobody who writes, and holds up nobody.

        Returns:
            A future as that of `call`.
        """
        return self._enqueue(operation, item, writes=False)

    @property
    def offset(self) -> float:
        """Seconds by which the database's clock is ahead of this host's."""
        return self._backend.offset

    @property
    def lease(self) -> float | None:
        """Seconds after which others take this worker for dead; None where no other host uses the database."""
        return self._backend.lease

    def holds(self, claim: int | None) -> bool:
        """Whether it is certain that a dialog is still this worker's, even if what is done next takes a moment.

        Args:
            claim: The session that has claimed the dialog.

        Raises:
            LockLost: It was taken for dead, and others may have taken over.
        """
        if claim is None:
            return True
        session, at = self._heard
        if session != claim:
            raise LockLost("others have taken this worker for dead")
        return time.monotonic() < at + (self.lease or 0.0) * (1 - 1 / QUARTERS)

    def leads(self) -> bool | None:
        """Whether this worker does what one worker is enough for; None where it has to be asked for."""
        return self._backend.leads()

    def _enqueue(
        self, operation: Operation[Item, Result], item: Item, *, writes: bool, patient: bool = False
    ) -> asyncio.Future[Result]:
        # The thread's pace lets calls gather, those that are patient and those that are not.
        future: asyncio.Future[Result] = self._loop.create_future()
        self._give(Call(operation, item, future, writes))
        return future

    def _give(self, call: Call) -> None:
        """Let the thread do it."""
        with self._arrived:
            if self._closing:
                raise StorageUnavailable("the database is closed")
            self._waiting.append(call)
            if len(self._waiting) == 1:
                self._arrived.notify()

    async def close(self) -> None:
        """Finish what was called and close the connection."""
        with self._arrived:
            self._closing = True
            self._arrived.notify()
        await self._loop.run_in_executor(None, self._thread.join)

    # In the storage thread ───────────────────────────────────────────────────────────────────────────────────────

    def _serve(self) -> None:
        while (calls := self._next_group()) is not None:
            if calls:
                outcomes = self._run(calls)
                self._loop.call_soon_threadsafe(settle, calls, outcomes, self._observe)
            if time.monotonic() >= self._renew_at:
                self._store([], [], [])  # should it fail, the next one tries again
        self._backend.close()

    def _next_group(self) -> list[Call] | None:
        """Return what to do next: nothing where only the lease is to be renewed, and None at the end."""
        # A transaction costs as much as several calls: a pause of milliseconds between two lets calls gather at
        # middling loads too. A call that finds nobody before it does not wait.
        time.sleep(max(0.0, self._last_start + self._backend.pace - time.monotonic()))
        with self._arrived:
            while not self._waiting:
                if self._closing:
                    return None
                if not self._arrived.wait(self._rest()):
                    return []
            calls, self._waiting = self._waiting[:LARGEST_GROUP], self._waiting[LARGEST_GROUP:]
        self._last_start = time.monotonic()
        return calls

    def _rest(self) -> float | None:
        """Return for how long the thread may do nothing; None for ever."""
        lease = self._backend.lease
        return None if lease is None else max(0.0, min(self._renew_at - time.monotonic(), lease))

    def _run(self, calls: list[Call]) -> list[Any]:
        """Return the outcome of each call: its result, or the error to raise."""
        kinds = by_kind(calls)
        outcomes: list[Any] = [None] * len(calls)
        writing = [(operation, indexes) for (writes, operation), indexes in kinds.items() if writes]
        if writing:
            self._write(calls, writing, outcomes)
        for (writes, operation), indexes in kinds.items():
            if not writes:
                self._read(calls, operation, indexes, outcomes)
        return outcomes

    def _write(
        self, calls: list[Call], kinds: list[tuple[Operation[Any, Any], list[int]]], outcomes: list[Any]
    ) -> None:
        failure = self._store(calls, kinds, outcomes)
        if failure is None:
            return
        members = [(operation, index) for operation, indexes in kinds for index in indexes]
        if len(members) == 1 or (isinstance(failure, StorageUnavailable) and not isinstance(failure, StorageDamaged)):
            for _, index in members:
                outcomes[index] = failure
            return
        # One of them cannot be stored as it is (a text the database does not take), or needs a page that is damaged:
        # the others must not suffer.
        for operation, index in members:
            self._write(calls, [(operation, [index])], outcomes)

    def _store(
        self, calls: list[Call], kinds: list[tuple[Operation[Any, Any], list[int]]], outcomes: list[Any]
    ) -> StorageError | None:
        """Run a group until it is stored, or until somebody must hear why it is not."""
        if self._backend.lease is not None:
            self._renew_at = time.monotonic() + self._backend.lease / QUARTERS
        again = False
        for attempt in itertools.count(1):
            began = time.monotonic()
            try:
                self._transaction(calls, kinds, outcomes)
                self._heard = self._backend.session, began
                self._stored(again=again)
                return None
            except Exception as error:
                failure = self._backend.failure(error)
            if isinstance(failure, SessionLost):
                self._heard = None, began
                self._tell(SessionEnded())
                continue
            if isinstance(failure, StorageUnavailable):
                self._backend.disconnect()  # whatever is wrong with it, the next one is new
                self._cut = True
            if isinstance(failure, CommitUnknown):
                if (stored := self._look_up()) is None:
                    return failure
                self._tell(CommitLookedUp(stored))
                if stored:
                    self._heard = self._backend.session, began
                    self._stored(again=again)
                    return None
            if attempt == ATTEMPTS or not isinstance(failure, StorageInterrupted):
                return failure
            again = True
            time.sleep(backoff(attempt, first=0.01, longest=0.2))
        raise AssertionError("unreachable")

    def _stored(self, *, again: bool) -> None:
        """Tell what it took, once it is stored: told of failures, whoever counts them would call and fail again."""
        if self._backend.lease is not None:
            if again:
                self._tell(GroupRepeated())
            if self._cut:
                self._tell(Reconnected())
        self._cut = False

    def _tell(self, event: Event) -> None:
        self._loop.call_soon_threadsafe(self._observe, event)

    def _look_up(self) -> bool | None:
        """Find out whether the last transaction is stored, however long it takes.

        Whoever calls meanwhile is told that the database is away, and so are platforms, by a 503. None: it was not to
        be known before the end of this worker.
        """
        for attempt in itertools.count(1):
            try:
                return self._backend.committed()
            except Exception as error:
                failure = self._backend.failure(error)
            self._backend.disconnect()
            with self._arrived:
                calls, self._waiting = self._waiting, []
                closing = self._closing
            self._loop.call_soon_threadsafe(settle, calls, [failure] * len(calls), self._observe)
            if closing and attempt >= LAST_LOOKS:
                return None
            time.sleep(backoff(attempt, first=0.02, longest=0.3))
        raise AssertionError("unreachable")

    def _transaction(
        self, calls: list[Call], kinds: list[tuple[Operation[Any, Any], list[int]]], outcomes: list[Any]
    ) -> None:
        transaction = self._backend.begin()
        try:
            if transaction.session is not None and (names := _locked(calls, kinds)):
                lock(transaction, names)
            for operation, indexes in kinds:
                apply(transaction, operation, calls, indexes, outcomes)
            self._backend.commit()
        except BaseException:
            self._backend.roll_back()
            raise

    def _read(self, calls: list[Call], operation: Operation[Any, Any], indexes: list[int], outcomes: list[Any]) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                apply(self._backend.reading(), operation, calls, indexes, outcomes)
                return
            except Exception as error:
                failure = self._backend.failure(error)
            if isinstance(failure, StorageUnavailable):
                self._backend.disconnect()
                self._cut = True
            if not isinstance(failure, StorageInterrupted):
                break
            time.sleep(backoff(attempt, first=0.01, longest=0.2))
        for index in indexes:
            outcomes[index] = failure


def _locked(calls: list[Call], kinds: list[tuple[Operation[Any, Any], list[int]]]) -> list[str]:
    """Return the dialogs that a group claims, changes or gives back: those in `locks` of its items."""
    items = (calls[index].item for _, indexes in kinds for index in indexes)
    return sorted({name for item in items for name in getattr(item, "locks", ())})


def by_kind(calls: Sequence[Call]) -> dict[tuple[bool, Operation[Any, Any]], list[int]]:
    """Return the places of calls that ask for the same: those first that take updates in.

    A dialog that is roused by an update looks for it in the same transaction.
    """
    kinds: dict[tuple[bool, Operation[Any, Any]], list[int]] = {}
    for index, call in enumerate(calls):
        kinds.setdefault((call.writes, call.operation), []).append(index)
    accepts = kinds.pop((True, inbox.accept), None)
    return kinds if accepts is None else {(True, inbox.accept): accepts, **kinds}


def apply(
    transaction: Transaction,
    operation: Operation[Any, Any],
    calls: list[Call],
    indexes: list[int],
    outcomes: list[Any],
) -> None:
    """Run an operation for some of the calls, and put their results into their places."""
    results = operation(transaction, [calls[index].item for index in indexes])
    for index, result in zip(indexes, results, strict=True):
        outcomes[index] = result


def settle(calls: Sequence[Call], outcomes: Sequence[Any], observe: Observer) -> None:
    """Tell those who called what came of it."""
    failures: dict[int, StorageUnavailable] = {}
    for call, outcome in zip(calls, outcomes, strict=True):
        future = call.future
        if not isinstance(outcome, StorageError):
            if not future.done():  # the caller was cancelled; what it asked for is done all the same
                future.set_result(outcome)
            continue
        if isinstance(outcome, StorageUnavailable):
            failures[id(outcome)] = outcome
        if not future.done():
            future.set_exception(outcome)
    for failure in failures.values():
        observe(DatabaseUnavailable(str(failure), isinstance(failure, StorageDamaged)))
