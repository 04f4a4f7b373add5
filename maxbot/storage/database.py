"""Group commit: one thread that runs everything waiting for the database as one transaction.

Calls made while a transaction is running are gathered and run together as the next one. The busier a worker is, the
less a call costs; an idle worker's call does not wait for others.

    event loop                          storage thread
    call(operation, item) ─▶ waiting ─▶ BEGIN, operation(connection, items) for each kind, COMMIT
    future ◀──────────────────────────── results
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from maxbot.errors import StorageError, StorageUnavailable

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

Operation = Callable[[Connection, list[Item]], list[Result]]
"""Does the same thing for several callers at once, within a transaction that others share. One result for each item.

It may run again with the same items after a failure, and must leave nothing outside the database.
"""

PACE = 0.002
"""Seconds from one transaction's start to the next one's, at least. A message makes four calls, and a transaction costs
as much as ten of them: at most 500 transactions a second keep that small, for a millisecond's wait on average. A call
that finds nobody before it does not wait."""

LARGEST_GROUP = 200
"""Calls in one transaction: enough to share its cost, few enough that other processes get their turn at SQLite."""


class Backend(Protocol):
    """What differs between databases."""

    def engine(self) -> Engine:
        """Return an engine whose connections are set up. Used by one thread."""

    def begin(self, connection: Connection) -> None:
        """Start a transaction that may write. Waits for its turn.

        Raises:
            OperationalError: The turn did not come.
            OSError: The database is not where it was.
        """

    def end(self) -> None:
        """Called after each transaction's commit or rollback: let the next writer have its turn."""

    def close(self) -> None:
        """Called last: give back what `begin` opened."""


class _Call(NamedTuple):
    operation: Operation[Any, Any]
    item: Any
    future: asyncio.Future[Any]


class Database:
    """A worker's connection to the database. Made and used on one event loop.

    Args:
        backend: The kind of database, see `maxbot.storage.prepare.open_backend`.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._engine = backend.engine()
        self._connection: Connection | None = None
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
        future: asyncio.Future[Result] = self._loop.create_future()
        with self._arrived:
            if self._closing:
                raise StorageUnavailable("the database is closed")
            self._waiting.append(_Call(operation, item, future))
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
            self._loop.call_soon_threadsafe(_settle, calls, self._run(calls))
        self._disconnect()
        self._engine.dispose()
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
        try:
            if self._connection is None:
                self._connection = self._engine.connect()
            return self._transaction(self._connection, calls)
        except Exception as error:
            failure = _storage_error(error, self._engine)
        if isinstance(failure, StorageUnavailable):
            self._disconnect()  # whatever is wrong with it, the next one is new
            return [failure] * len(calls)
        if len(calls) == 1:
            return [failure]
        # One of them cannot be stored as it is (a text the database does not take): the others must not suffer.
        return [outcome for call in calls for outcome in self._run([call])]

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(SQLAlchemyError):
                connection.invalidate()
                connection.close()

    def _transaction(self, connection: Connection, calls: list[_Call]) -> list[Any]:
        kinds: dict[Operation[Any, Any], list[int]] = {}
        for index, call in enumerate(calls):
            kinds.setdefault(call.operation, []).append(index)
        results: list[Any] = [None] * len(calls)
        try:
            self._backend.begin(connection)
            for operation, indexes in kinds.items():
                for index, result in zip(
                    indexes, operation(connection, [calls[index].item for index in indexes]), strict=True
                ):
                    results[index] = result
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
        finally:
            self._backend.end()
        return results


def _settle(calls: list[_Call], outcomes: list[Any]) -> None:
    for call, outcome in zip(calls, outcomes, strict=True):
        if call.future.done():  # the caller was cancelled; what it asked for is done all the same
            continue
        if isinstance(outcome, BaseException):
            call.future.set_exception(outcome)
        else:
            call.future.set_result(outcome)


def _storage_error(error: Exception, engine: Engine) -> StorageError:
    driver = engine.dialect.loaded_dbapi
    if isinstance(error, driver.Error):  # from a `Statement`, which SQLAlchemy did not run
        error = DBAPIError.instance("", {}, error, driver.Error, dialect=engine.dialect)
    if isinstance(error, StorageError):
        return error
    if isinstance(error, DBAPIError):
        reason = str(error.orig)
        if isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated:
            return StorageUnavailable(reason)
        return StorageError(reason)
    if isinstance(error, SQLAlchemyError | OSError):
        return StorageUnavailable(str(error))
    logger.error("A database operation failed; this is a bug", exc_info=error)
    return StorageError(f"{type(error).__name__}: {error}")
