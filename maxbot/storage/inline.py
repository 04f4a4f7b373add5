"""Group commit on the event loop itself, for a worker that writes alone.

To hand a call to the storage thread and its result back costs more than the transaction, and most of a reply's time
where little is going on. A transaction of SQLite that waits for nobody and for no disk (WAL, `synchronous=NORMAL`) may
as well run where its callers are:

    one iteration of the event loop    calls ─▶ begin, operations, commit ─▶ results
    whatever would have to wait        ─▶ the storage thread, as without this

What would have to wait: another process that writes (a backup, a worker in quarantine), a file that is gone, a full
disk, the log that is to be copied into the database (which waits for the disk), and what only reads, as it may be much.
While the thread has something to write, all goes to the thread: the two never write at the same time. A passive
checkpoint is no such thing: who writes meanwhile does not wait for it (https://www.sqlite.org/wal.html#ckpt).
"""

import asyncio
from typing import Any

from sqlalchemy import text

from maxbot.errors import StorageUnavailable
from maxbot.events import Observer, nobody
from maxbot.storage.backend import Backend
from maxbot.storage.database import LARGEST_GROUP, Call, Database, Item, Operation, Result, apply, by_kind, settle
from maxbot.storage.statement import Statement, Transaction

CHECKPOINT_EVERY = 100
"""Transactions, of some ten pages each, after which the thread copies the log into the database: about as often as
SQLite does it by itself, every 1,000 pages. https://www.sqlite.org/pragma.html#pragma_wal_autocheckpoint"""

BEGIN_ANEW_EVERY = 4 * CHECKPOINT_EVERY
"""Transactions after which all others wait for that: for what the last hundred have written, and for the disk."""


PATIENCE = 0.004
"""Seconds for which a call that is in no hurry waits for company. A reply that has left is noted so much later: who is
killed meanwhile may say it twice, and counts it."""


class InlineDatabase(Database):
    """A worker's connection to the database, see `Database`.

    Args:
        backend: For the thread.
        quick: The same database, on a connection that fails at once where it would have to wait.
        observe: Told when the database does not do what it was asked for.
    """

    def __init__(self, backend: Backend, quick: Backend, observe: Observer = nobody) -> None:
        super().__init__(backend, observe)
        self._quick = quick
        self._soon: list[Call] = []
        self._is_due = False
        """Whether it is known that what is called is run in this iteration of the event loop."""
        self._with_the_thread = 0
        self._transactions = 0

    def _enqueue(
        self, operation: Operation[Item, Result], item: Item, *, writes: bool, patient: bool = False
    ) -> asyncio.Future[Result]:
        if self._closing:
            raise StorageUnavailable("the database is closed")
        future: asyncio.Future[Result] = self._loop.create_future()
        call = Call(operation, item, future, writes)
        if not writes:
            self._give(call)
        elif self._with_the_thread:
            self._pass_on(call)
        else:
            self._soon.append(call)
            self._be_run(patient)
        return future

    def _be_run(self, patient: bool) -> None:
        """Have what is called run in this iteration of the event loop; what is patient, with the next that is not."""
        if not patient and not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._run_soon)
        elif patient and len(self._soon) == 1:
            self._loop.call_later(PATIENCE, self._run_soon)

    async def close(self) -> None:
        self._run_soon()
        await super().close()
        self._quick.close()

    def _run_soon(self) -> None:
        calls, self._soon = self._soon[:LARGEST_GROUP], self._soon[LARGEST_GROUP:]
        self._is_due = bool(self._soon)
        if self._is_due:
            self._loop.call_soon(self._run_soon)
        if not calls:
            return
        outcomes: list[Any] = [None] * len(calls)
        if self._with_the_thread or not self._run_here(calls, outcomes):
            for call in calls:
                self._pass_on(call)
        else:
            settle(calls, outcomes, self._observe)

    def _run_here(self, calls: list[Call], outcomes: list[Any]) -> bool:
        """Run calls as one transaction, now; return whether that went without waiting, and without any trouble."""
        try:
            transaction = self._quick.begin()
        except Exception:
            self._quick.disconnect()
            return False
        try:
            for (_, operation), indexes in by_kind(calls).items():
                apply(transaction, operation, calls, indexes, outcomes)
            self._quick.commit()
        except Exception:  # the thread finds out what it means
            self._quick.roll_back()
            self._quick.disconnect()
            return False
        self._transactions += 1
        if self._transactions % CHECKPOINT_EVERY == 0:
            self._copy_the_log()
        return True

    def _copy_the_log(self) -> None:
        """Have the log copied, beside whoever writes; now and then with nobody beside it, as it begins anew only so."""
        done: asyncio.Future[None] = self._loop.create_future()
        done.add_done_callback(_forget)
        call = Call(_checkpoint, None, done, writes=False)
        if self._transactions % BEGIN_ANEW_EVERY == 0:
            self._pass_on(call)
        else:
            self._give(call)

    def _pass_on(self, call: Call) -> None:
        self._with_the_thread += 1
        call.future.add_done_callback(self._returned)
        self._give(call)

    def _returned(self, future: asyncio.Future[Any]) -> None:
        self._with_the_thread -= 1


def _forget(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()  # the next one tries again


_copy_the_log = Statement(sqlite=text("PRAGMA wal_checkpoint(PASSIVE)"))


def _checkpoint(transaction: Transaction, items: list[None]) -> list[None]:
    transaction.rows(_copy_the_log)
    return [None] * len(items)
