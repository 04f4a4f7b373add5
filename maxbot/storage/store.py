"""What delivery, inbox and channels ask of the database, as calls to await."""

import time
from asyncio import Future
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import select

from maxbot.errors import StorageDamaged
from maxbot.storage.database import Database
from maxbot.storage.schema import revisions
from maxbot.storage.statement import Statement, Transaction
from maxbot.storage.tables import (
    addresses,
    claims,
    counters,
    dead_letters,
    early,
    inbox,
    moves,
    notes,
    outbox,
    replies,
    requests,
    sessions,
    timers,
    turns,
)
from maxbot.storage.tables.oldest import Older
from maxbot.types import Address, Begun, Command, Dialog, State, TimerChanges, Update

MARK = "mark"


class Store:
    """A worker's way to the database. All methods may raise `StorageUnavailable` or `StorageError` when awaited.

    Args:
        database: Does the work.
        redact: Takes secrets out of texts: what a bot's error says is kept, and may name its token.
    """

    def __init__(self, database: Database, redact: Callable[[str], str] = str) -> None:
        self._database = database
        self._redact = redact
        self.mark = ""
        """What tells the keys of this database's commands from those of another one."""

    def now(self) -> float:
        """Return the time by which stored moments are judged: the database's, as hosts may differ by minutes."""
        return time.time() + self._database.offset

    async def leads(self, *, everywhere: bool = True) -> bool:
        """Whether this worker does what one worker is enough for.

        Args:
            everywhere: Of all that share the database; else of this run.
        """
        known = self._database.leads()
        return await self._database.ask(sessions.leads, sessions.Leads(everywhere)) if known is None else known

    def serving(self) -> Future[int]:
        """Return how many workers serve, on all hosts; only where the database is shared."""
        return self._database.ask(sessions.serving, None)

    @property
    def is_shared(self) -> bool:
        """Whether other hosts may use the database too."""
        return self._database.lease is not None

    def holds(self, claim: int | None) -> bool:
        """See `Database.holds`."""
        return self._database.holds(claim)

    def resign(self) -> Future[None]:
        """Lead no more: this worker stops, and another one shall go on."""
        return self._database.call(sessions.resign, None)

    def bury(self, pid: int) -> Future[None]:
        """End the session of a worker of this run whose process has ended."""
        return self._database.call(sessions.bury, sessions.Bury(pid))

    # inbox

    def accept(self, updates: Sequence[Update]) -> Future[list[bool]]:
        """Store updates durably; for each, return whether it was new."""
        return self._database.call(inbox.accept, inbox.Accept(updates, self.now()))

    def mark_attempt(self, update_id: int) -> Future[int]:
        """Count a start at an update left behind; return which it is, from 1."""
        return self._database.call(inbox.mark_attempt, inbox.MarkAttempt(update_id, 1))

    def unmark_attempt(self, update_id: int) -> None:
        """Take an attempt back. Need not be awaited: it is done before the database closes, or matters little."""
        future = self._database.call(inbox.mark_attempt, inbox.MarkAttempt(update_id, -1))
        future.add_done_callback(lambda done: done.exception())  # or asyncio complains that nobody looked

    def newest(self) -> Future[int]:
        """Return the number of the update accepted last."""
        return self._database.ask(inbox.newest, None)

    def find_pending(self, upto: int | None, after: str, limit: int) -> Future[list[str]]:
        """Return up to `limit` dialogs above `after` with work of updates up to a number; None for all there is."""
        return self._database.ask(inbox.find_pending, inbox.FindPending(upto, self.now(), after, limit))

    def forget(self, older_than: float, limit: int) -> Future[int]:
        """Remove up to `limit` keys of updates accepted over `older_than` seconds ago; return how many."""
        return self._database.call(inbox.forget, Older(self.now() - older_than, limit))

    def outcome(self, channel: str, key: str) -> Future[requests.Outcome | None]:
        """Return what became of a request, None for one that is not known (any more)."""
        return self._database.ask(requests.outcome, requests.Asked(channel, key))

    def addresses(self, dialog: str) -> Future[list[Address]]:
        """Return what the user's messages have brought as address, as far as it is kept."""
        return self._database.ask(addresses.brought, dialog)

    # turns

    def load(self, dialog: str, sent: outbox.Sent | None = None, *, patient: bool = False) -> Future[turns.Work]:
        """Remove a command that was sent, and return what is next for the dialog; `patient`: see `Database.call`."""
        return self._database.call(turns.load, turns.Load(dialog, sent), patient=patient)

    def commit(
        self,
        dialog: str,
        version: int,
        update_id: int,
        state: State,
        commands: Sequence[Command],
        address: Address | None = None,
        said: turns.Said = turns.NOTHING,
        timers: TimerChanges = TimerChanges(),  # noqa: B008  (it is frozen)
    ) -> Future[list[outbox.OutboxRow] | None]:
        """End a turn; return its commands, or None where somebody else's turn came first."""
        return self._database.call(
            turns.commit, turns.Commit(dialog, version, update_id, state, commands, address, self.now(), said, timers)
        )

    def say_early(
        self,
        dialog: str,
        version: int,
        update_id: int,
        commands: Sequence[Command],
        said: turns.Said,
    ) -> Future[list[outbox.OutboxRow] | None]:
        """Store a reply of a turn that goes on; return its commands, or None where somebody else has the turn."""
        return self._database.call(early.say, early.Early(dialog, version, update_id, commands, self.now(), said))

    def begin(self, update_id: int, said: turns.Said, begun: Begun | None) -> Future[bool]:
        """Remember a message that the turn's next reply will finish; return whether the turn is still the caller's."""
        return self._database.call(early.begin, early.Begin(update_id, said, begun))

    def has_later(self, dialog: str, update_id: int) -> Future[bool]:
        """Whether a dialog has an update after this one."""
        return self._database.ask(inbox.later, inbox.Later(dialog, update_id))

    def release(self, dialog: str) -> Future[None]:
        """Give a dialog back though something is left to do: another worker of this host will."""
        return self._database.call(claims.release, claims.Release(dialog))

    def move(self, dialog: Dialog, to: Dialog) -> Future[None]:
        """Let a dialog go on under another name: what waits for it and, where that has none, its state."""
        return self._database.call(moves.move, moves.Move(str(dialog), str(to)))

    # timers

    def timers_of(self, dialog: str) -> Future[list[tuple[str, str]]]:
        """Return id and name of each timer of a dialog."""
        return self._database.ask(timers.of, dialog)

    def next_timer(self) -> Future[float | None]:
        """Return when the next timer is due, by `now()`; None where there is none."""
        return self._database.ask(timers.next_due, None)

    def timers_ahead(self, limit: int) -> Future[list[tuple[timers.Name, float]]]:
        """Return timers that were set later than it is now, and how many seconds each is to wait; short ones first."""
        return self._database.ask(timers.ahead, timers.Due(self.now(), limit))

    def ring(self, limit: int, others: Sequence[timers.Name] = ()) -> Future[list[str]]:
        """Move up to `limit` timers that are due into the inbox, and others too; return whose they were."""
        return self._database.call(timers.ring, timers.Due(self.now(), limit, others))

    # outbox

    def sent(self, sent: outbox.Sent) -> Future[bool]:
        """Remove a command that was sent; return whether it was still there."""
        return self._database.call(outbox.sent, sent)

    def postpone(self, row: outbox.OutboxRow, then: outbox.OutboxRow) -> Future[bool]:
        """Remember how often a command was tried and when the next attempt may start (None: it starts now).

        Return False, and remember nothing, where the command is not as `row` says any more.
        """
        return self._database.call(outbox.postpone, outbox.Postpone(row, then))

    # dead letters

    def set_aside_update(
        self, dialog: str, update_id: int, reason: str, traceback: str | None, failed: turns.Failed | None = None
    ) -> Future[bool]:
        """Move an update to the dead letters, remember `failed`; return whether it was still pending."""
        return self._database.call(
            dead_letters.set_aside_update,
            dead_letters.SetAsideUpdate(
                dialog,
                update_id,
                self._redact(reason),
                None if traceback is None else self._redact(traceback),
                self.now(),
                failed,
            ),
        )

    def set_aside_command(self, dialog: str, row: outbox.OutboxRow, reason: str) -> Future[bool]:
        """Move a command to the dead letters; return whether it was still in the outbox."""
        return self._database.call(
            dead_letters.set_aside_command,
            dead_letters.SetAsideCommand(dialog, row, self._redact(reason), self.now()),
        )

    def forget_letters(self, older_than: float, limit: int) -> Future[int]:
        """Remove up to `limit` dead letters set aside over `older_than` seconds ago; return how many."""
        return self._database.call(dead_letters.forget, Older(self.now() - older_than, limit))

    # counters

    def count(self, name: str) -> Future[None]:
        """Count an event."""
        return self._database.call(counters.count, counters.Count(name))

    def ping(self) -> Future[None]:
        """See whether the database answers, and takes what is written."""
        return self._database.call(_ping, None)

    # replies: the `Mailbox` of `maxbot.channels.base`

    async def put(self, dialog: Dialog, key: str, content: dict[str, Any]) -> None:
        """Keep one reply. A second one with the same key changes nothing."""
        await self._database.call(replies.put, replies.Put(str(dialog), key, content, self.now()))

    async def fetch(self, dialog: Dialog, after: int, limit: int = 100) -> list[tuple[int, dict[str, Any]]]:
        """Return up to `limit` replies above a number, in order."""
        return await self._database.ask(replies.fetch, replies.Fetch(str(dialog), after, limit))

    def expire(self, older_than: float, limit: int) -> Future[int]:
        """Remove up to `limit` replies put over `older_than` seconds ago; return how many."""
        return self._database.call(replies.expire, Older(self.now() - older_than, limit))

    # notes: the `Notes` of `maxbot.channels.notes`

    async def make_mark(self, new: str) -> None:
        """Read the database's mark, or give it one: a platform that knows commands again by their keys would take those
        of a new database for the same numbers of the one before it.

        Args:
            new: The same for all workers that may see the database without one.
        """
        known = None
        with suppress(StorageDamaged):  # the rest may be served
            known = await self.noted("", MARK)
            if known is None:
                await self.note("", MARK, new)
        self.mark = f"{known or new}."

    async def note(self, channel: str, key: str, value: str) -> None:
        """Keep a value, in the place of what was kept under its key."""
        await self._database.call(notes.note, notes.Note(channel, key, value, self.now()))

    async def noted(self, channel: str, key: str) -> str | None:
        """Return what was kept last; None for nothing."""
        return await self._database.ask(notes.noted, notes.Noted(channel, key))


_revision = Statement(select(revisions.c.version_num))


def _ping(transaction: Transaction, items: list[None]) -> list[None]:
    transaction.rows(_revision)
    return [None] * len(items)
