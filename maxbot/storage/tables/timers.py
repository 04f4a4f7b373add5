"""Timers: requests that turns made of their own dialog, for later. Those that are due become updates."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, delete, func, insert, literal_column, or_, select

from maxbot.storage.json import decode, encode
from maxbot.storage.schema import timers
from maxbot.storage.statement import Row, Statement, Transaction
from maxbot.storage.tables import inbox
from maxbot.types import Dialog, TimerChanges, Update


class Name(NamedTuple):
    """What names a timer."""

    dialog: str
    id: str


class Change(NamedTuple):
    """What a turn that is being committed does to the timers of its dialog."""

    dialog: str
    timers: TimerChanges
    now: float


_this = (timers.c.dialog == bindparam("whose")) & (timers.c.id == bindparam("which"))
_called = (timers.c.dialog == bindparam("whose")) & or_(
    timers.c.id == bindparam("called"), timers.c.name == bindparam("called")
)
_put = Statement(insert(timers))
_cancel = Statement(delete(timers).where(_called))
_take = Statement(delete(timers).where(_this))


def change(transaction: Transaction, items: list[Change]) -> None:
    """Cancel timers, then set those that are new."""
    cancelled = [(item.dialog, called) for item in items for called in item.timers.cancelled]
    transaction.run(_cancel, whose=[dialog for dialog, _ in cancelled], called=[called for _, called in cancelled])
    new = [(item, timer) for item in items for timer in item.timers.set]
    transaction.run(
        _put,
        dialog=[item.dialog for item, _ in new],
        id=[timer.id for _, timer in new],
        name=[timer.name for _, timer in new],
        params=[encode(timer.params) for _, timer in new],
        due_at=[item.now + timer.seconds for item, timer in new],
        set_at=[item.now for item, _ in new],
    )


class Due(NamedTuple):
    """Which timers are to ring."""

    now: float
    limit: int
    others: Sequence[Name] = ()
    """That have waited for long enough, whatever the clock says."""


_columns = (timers.c.dialog, timers.c.id, timers.c.name, timers.c.params)
_due = Statement(
    select(*_columns)
    .where(timers.c.due_at <= bindparam("now"))
    .order_by(timers.c.due_at, timers.c.dialog, timers.c.id)
    .limit(bindparam("limit"))
    .offset(literal_column("0"))  # or SQLite's dialect binds one of its own
)
_one = Statement(select(*_columns).where(_this))


def ring(transaction: Transaction, items: list[Due]) -> list[list[str]]:
    """Move timers into the inbox, in the order in which they are due.

    Whoever deletes one has it: who looks at the same time, on another host, deletes nothing.

    Returns:
        For each item the dialogs that have something to do now.
    """
    return [_ring(transaction, item) for item in items]


def _ring(transaction: Transaction, item: Due) -> list[str]:
    (found,) = transaction.rows(_due, now=[item.now], limit=[item.limit])
    others = sorted(item.others)
    found += filter(None, transaction.row(_one, whose=[one.dialog for one in others], which=[one.id for one in others]))
    taken = transaction.changes(_take, whose=[row[0] for row in found], which=[row[1] for row in found])
    updates = [_update(row) for row, count in zip(found, taken, strict=True) if count]
    if updates:
        inbox.accept(transaction, [inbox.Accept(updates, item.now)])
    return [str(update.dialog) for update in updates]


def _update(row: Row) -> Update:
    dialog, id, name, params = row
    request = {"method": name, "params": decode(params)}
    return Update(Dialog.named(dialog), f"timer:{id}", request, is_request=True)  # no other request's key has a colon


_next = Statement(select(func.min(timers.c.due_at)))


def next_due(transaction: Transaction, items: list[None]) -> list[float | None]:
    """Return when the next timer is due; None where there is none."""
    (row,) = transaction.row(_next)
    return [row[0] if row else None] * len(items)


_wait = timers.c.due_at - timers.c.set_at
_ahead = Statement(
    select(timers.c.dialog, timers.c.id, _wait)
    .where(timers.c.set_at > bindparam("now"))
    .order_by(_wait, timers.c.dialog, timers.c.id)
    .limit(bindparam("limit"))
    .offset(literal_column("0"))
)


def ahead(transaction: Transaction, items: list[Due]) -> list[list[tuple[Name, float]]]:
    """Return timers that were set later than it is now, and for how long each is to wait."""
    found = transaction.rows(_ahead, now=[item.now for item in items], limit=[item.limit for item in items])
    return [[(Name(dialog, id), seconds) for dialog, id, seconds in rows] for rows in found]


_of = Statement(select(timers.c.id, timers.c.name).where(timers.c.dialog == bindparam("whose")))


def of(transaction: Transaction, items: list[str]) -> list[list[tuple[str, str]]]:
    """Return id and name of each timer of dialogs."""
    return [[(id, name) for id, name in rows] for rows in transaction.rows(_of, whose=items)]
