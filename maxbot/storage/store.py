"""What delivery, inbox and channels ask of the database, as calls to await."""

import time
from asyncio import Future
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from maxbot.storage.database import Database
from maxbot.storage.tables import counters, dead_letters, inbox, outbox, replies, turns
from maxbot.storage.tables.oldest import Older
from maxbot.types import Command, Dialog, State, Update


class Store:
    """A worker's way to the database. All methods may raise `StorageUnavailable` or `StorageError` when awaited.

    Args:
        database: Does the work.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    # inbox

    def accept(self, updates: Sequence[Update]) -> Future[list[bool]]:
        """Store updates durably; for each, return whether it was new."""
        return self._database.call(inbox.accept, inbox.Accept(updates, time.time()))

    def mark_attempt(self, update_id: int) -> Future[int]:
        """Count a start at an update left behind; return which it is, from 1."""
        return self._database.call(inbox.mark_attempt, inbox.MarkAttempt(update_id, 1))

    def unmark_attempt(self, update_id: int) -> None:
        """Take an attempt back. Need not be awaited: it is done before the database closes, or matters little."""
        future = self._database.call(inbox.mark_attempt, inbox.MarkAttempt(update_id, -1))
        future.add_done_callback(lambda done: done.exception())  # or asyncio complains that nobody looked

    def find_pending(self, older_than: float, after: str, limit: int) -> Future[list[str]]:
        """Return up to `limit` dialogs above `after` with work that has waited for `older_than` seconds."""
        now = time.time()
        return self._database.call(inbox.find_pending, inbox.FindPending(now - older_than, now, after, limit))

    def forget(self, older_than: float, limit: int) -> Future[int]:
        """Remove up to `limit` keys of updates accepted over `older_than` seconds ago; return how many."""
        return self._database.call(inbox.forget, Older(time.time() - older_than, limit))

    # turns

    def load(self, dialog: str, sent: Sequence[tuple[int, int]] = ()) -> Future[turns.Work]:
        """Remove commands that were sent, and return what is next for the dialog."""
        return self._database.call(turns.load, turns.Load(dialog, sent))

    def commit(
        self, dialog: str, version: int, update_id: int, state: State, commands: list[Command]
    ) -> Future[list[outbox.OutboxRow] | None]:
        """End a turn; return its commands, or None where somebody else's turn came first."""
        return self._database.call(turns.commit, turns.Commit(dialog, version, update_id, state, commands, time.time()))

    # outbox

    def sent(self, update_id: int, position: int) -> Future[bool]:
        """Remove a command that was sent; return whether it was still there."""
        return self._database.call(outbox.sent, outbox.Sent(update_id, position))

    def postpone(self, row: outbox.OutboxRow, attempts: int, not_before: float | None) -> Future[bool]:
        """Remember how often a command was tried and when the next attempt may start (None: it starts now).

        Return False, and remember nothing, where the command is not as `row` says any more.
        """
        return self._database.call(outbox.postpone, outbox.Postpone(row, attempts, not_before))

    # dead letters

    def set_aside_update(self, dialog: str, update_id: int, reason: str, traceback: str | None) -> Future[bool]:
        """Move an update to the dead letters; return whether it was still pending."""
        return self._database.call(
            dead_letters.set_aside_update,
            dead_letters.SetAsideUpdate(dialog, update_id, reason, traceback, time.time()),
        )

    def set_aside_command(self, dialog: str, row: outbox.OutboxRow, reason: str) -> Future[bool]:
        """Move a command to the dead letters; return whether it was still in the outbox."""
        return self._database.call(
            dead_letters.set_aside_command, dead_letters.SetAsideCommand(dialog, row, reason, time.time())
        )

    # counters

    def count(self, name: str) -> Future[None]:
        """Count an event."""
        return self._database.call(counters.count, counters.Count(name))

    def ping(self) -> Future[None]:
        """See whether the database answers."""
        return self._database.call(_ping, None)

    # replies: the `Mailbox` of `maxbot.channels.base`

    async def put(self, dialog: Dialog, key: str, content: dict[str, Any]) -> None:
        """Keep one reply. A second one with the same key changes nothing."""
        await self._database.call(replies.put, replies.Put(str(dialog), key, content, time.time()))

    async def fetch(self, dialog: Dialog, after: int, limit: int = 100) -> list[tuple[int, dict[str, Any]]]:
        """Return up to `limit` replies above a number, in order."""
        return await self._database.call(replies.fetch, replies.Fetch(str(dialog), after, limit))

    def expire(self, older_than: float, limit: int) -> Future[int]:
        """Remove up to `limit` replies put over `older_than` seconds ago; return how many."""
        return self._database.call(replies.expire, Older(time.time() - older_than, limit))


def _ping(connection: Connection, items: list[None]) -> list[None]:
    connection.execute(text("SELECT 1 FROM alembic_version"))
    return [None] * len(items)
