"""The inbox: updates accepted and not yet done, and the keys of all that were accepted lately."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Select, bindparam, func, insert, literal_column, or_, select, union, update
from sqlalchemy.dialects import sqlite

from maxbot.storage.json import encode
from maxbot.storage.schema import inbox, outbox, seen
from maxbot.storage.statement import Statement, Transaction
from maxbot.storage.tables import counters
from maxbot.storage.tables.oldest import Oldest
from maxbot.types import Update


class Accept(NamedTuple):
    """Updates of one delivery, in the platform's order."""

    updates: Sequence[Update]
    now: float


_see = Statement(
    sqlite=sqlite.insert(seen)
    .values(channel=bindparam("channel"), key=bindparam("key"), accepted_at=bindparam("now"))
    .on_conflict_do_nothing()
    .returning(seen.c.id),
    # Numbers are given in the order of the items; of one that stands there twice, the first is new.
    postgresql="""
        WITH item AS (
            SELECT * FROM unnest(:channel::text[], :key::text[], :now::float8[]) WITH ORDINALITY
                AS item (channel, key, now, n)
        ), new AS (
            INSERT INTO seen (channel, key, accepted_at) SELECT channel, key, now FROM item ORDER BY n
            ON CONFLICT DO NOTHING RETURNING id, channel, key
        )
        SELECT min(item.n), new.id FROM new JOIN item ON item.channel = new.channel AND item.key = new.key
        GROUP BY new.id
    """,
    # Which were new is not said: they have the number of this transaction.
    mysql="""
        INSERT INTO seen (channel, `key`, accepted_at, accepted_by) VALUES ROWS(:channel, :key, :now, :mark)
        ON DUPLICATE KEY UPDATE id = id;
        SELECT MIN(item.n), seen.id FROM ITEMS(:channel, :key)
        STRAIGHT_JOIN seen FORCE INDEX (seen_once) ON seen.channel = item.channel AND seen.`key` = item.`key`
        WHERE seen.accepted_by = :mark GROUP BY seen.id
    """,
)
_new = ("id", "dialog", "message", "address", "accepted_at", "attempts")
_put = Statement(
    insert(inbox).values({name: bindparam(name) for name in _new}),
    postgresql="""
        INSERT INTO inbox (id, dialog, message, address, accepted_at, attempts)
        SELECT * FROM unnest(:id::int8[], :dialog::text[], :message::bytea[], :address::bytea[], :accepted_at::float8[],
            :attempts::int2[])
    """,
    mysql="""
        INSERT INTO inbox (id, dialog, message, address, accepted_at, attempts)
        VALUES ROWS(:id, :dialog, :message, :address, :accepted_at, :attempts)
    """,
)


def accept(transaction: Transaction, items: list[Accept]) -> list[list[bool]]:
    """Store updates that were not seen before. Only appends: it waits for no turn, and no turn waits for it.

    Returns:
        For each update of each item, whether it was new.
    """
    arrived = [
        (update, index, place, item.now)
        for index, item in enumerate(items)
        for place, update in enumerate(item.updates)
    ]
    # Deliveries that arrive at the same time may stand here in any order; where the platform numbers them, its order.
    arrived.sort(key=lambda entry: entry[0].sequence or 0)
    ids = transaction.row(
        _see,
        channel=[_keyed_by(update) for update, *_ in arrived],
        key=[update.key for update, *_ in arrived],
        now=[now for *_, now in arrived],
    )
    fresh = [(id[0], *entry) for id, entry in zip(ids, arrived, strict=True) if id is not None]
    transaction.run(
        _put,
        id=[id for id, *_ in fresh],
        dialog=[str(update.dialog) for _, update, *_ in fresh],
        message=[encode([update.message] if update.is_request else update.message) for _, update, *_ in fresh],
        address=[None if update.address is None else encode(update.address) for _, update, *_ in fresh],
        accepted_at=[now for *_, now in fresh],
        attempts=[0] * len(fresh),
    )
    counters.add(transaction, "redelivered", len(arrived) - len(fresh))
    results = [[False] * len(item.updates) for item in items]
    for _, _, index, place, _ in fresh:
        results[index][place] = True
    return results


def _keyed_by(update: Update) -> str:
    """Return whose key it is: no key that a platform or a user makes up is ever that of a request."""
    return requests_of(update.dialog.channel) if update.is_request else update.dialog.channel


def requests_of(channel: str) -> str:
    """Return whose keys those of requests are; no channel has a colon in its name."""
    return f"rpc:{channel}"


class MarkAttempt(NamedTuple):
    """A turn of an update that somebody left behind is about to start, or was ended by no fault of its own."""

    update_id: int
    change: int
    """1, or -1 to take one back."""


_mark_attempt = Statement(
    update(inbox)
    .where(inbox.c.id == bindparam("update_id"))
    .values(attempts=inbox.c.attempts + bindparam("change"))
    .returning(inbox.c.attempts),
    mysql="""
        UPDATE inbox SET attempts = attempts + :change WHERE id = :update_id;
        SELECT attempts FROM inbox WHERE id = :update_id
    """,
)


def mark_attempt(transaction: Transaction, items: list[MarkAttempt]) -> list[int]:
    """Count attempts at updates.

    Returns:
        Which one it is, counted from 1; 0 where the update is not in the inbox any more.
    """
    rows = transaction.row(
        _mark_attempt, update_id=[item.update_id for item in items], change=[item.change for item in items]
    )
    return [row[0] if row else 0 for row in rows]


class Later(NamedTuple):
    """Whether a dialog has updates after this one."""

    dialog: str
    update_id: int


_later = Statement(
    select(func.max(inbox.c.id)).where(inbox.c.dialog == bindparam("dialog"), inbox.c.id > bindparam("update_id"))
)


def later(transaction: Transaction, items: list[Later]) -> list[bool]:
    """Return of each update whether its dialog has a later one in the inbox."""
    rows = transaction.row(_later, dialog=[item.dialog for item in items], update_id=[item.update_id for item in items])
    return [row is not None and row[0] is not None for row in rows]


_newest = Statement(select(func.max(seen.c.id)))


def newest(transaction: Transaction, items: list[None]) -> list[int]:
    """Return the number of the update accepted last; 0 where there is none."""
    (row,) = transaction.row(_newest)
    return [row[0] or 0 if row else 0] * len(items)


class FindPending(NamedTuple):
    """Which dialogs have work that nobody may be awake for."""

    upto: int | None
    """Of updates up to this number; None for all there is, also what waits for its time."""
    now: float
    after: str
    limit: int


_updates = select(inbox.c.dialog).where(inbox.c.dialog > bindparam("after"))
_commands = select(outbox.c.dialog).where(outbox.c.dialog > bindparam("after"))
_due = or_(
    outbox.c.not_before.is_(None),
    outbox.c.not_before <= bindparam("now"),
    outbox.c.postponed_at > bindparam("now"),  # the clock was set back
)


def _page(updates: Select[tuple[str]], commands: Select[tuple[str]]) -> Statement:
    return Statement(union(updates, commands).order_by("dialog").limit(bindparam("limit")).offset(literal_column("0")))


_all_pending = _page(_updates, _commands)
_old_pending = _page(
    _updates.where(inbox.c.id <= bindparam("upto")), _commands.where(outbox.c.update_id <= bindparam("upto"), _due)
)


def find_pending(transaction: Transaction, items: list[FindPending]) -> list[list[str]]:
    """Return the dialogs with something in inbox or outbox, in the order of their names; a page at a time."""
    return [[name for (name,) in _find(transaction, item)] for item in items]


def _find(transaction: Transaction, item: FindPending) -> list[tuple[str]]:
    if item.upto is None:
        (found,) = transaction.rows(_all_pending, after=[item.after], limit=[item.limit])
    else:
        (found,) = transaction.rows(
            _old_pending, upto=[item.upto], now=[item.now], after=[item.after], limit=[item.limit]
        )
    return found


forget = Oldest(seen, seen.c.accepted_at).remove
"""Remove the keys of updates accepted before a time; return how many."""
