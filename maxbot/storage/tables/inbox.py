"""The inbox: updates accepted and not yet done, and the keys of all that were accepted lately."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, func, insert, select, union, update
from sqlalchemy.dialects import sqlite

from maxbot.storage.schema import dialogs, inbox, outbox, seen
from maxbot.storage.statement import Statement
from maxbot.storage.tables import counters
from maxbot.storage.tables.oldest import Older, remove_older
from maxbot.types import Update

_json = msgspec.json.Encoder()


class Accept(NamedTuple):
    """Updates of one delivery, in the platform's order."""

    updates: Sequence[Update]
    now: float


_know_dialog = Statement(sqlite=sqlite.insert(dialogs).on_conflict_do_nothing())
_see = Statement(
    sqlite=sqlite.insert(seen)
    .values(channel=bindparam("channel"), key=bindparam("key"), accepted_at=bindparam("accepted_at"))
    .on_conflict_do_nothing()
    .returning(seen.c.id)
)
_put = Statement(insert(inbox))


def accept(connection: Connection, items: list[Accept]) -> list[list[bool]]:
    """Store updates that were not seen before.

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
    results = [[False] * len(item.updates) for item in items]
    # The dialog's row first: where several can write at once, its lock keeps the ids of a dialog in order.
    _know_dialog.many(
        connection,
        [{"dialog": name, "version": 0, "state": b"{}"} for name in {str(entry[0].dialog) for entry in arrived}],
    )
    fresh = []
    for update_, index, place, now in arrived:
        key = {"channel": update_.dialog.channel, "key": update_.key, "accepted_at": now}
        row = _see.row(connection, key)
        if row is not None:
            results[index][place] = True
            message = _json.encode(update_.message)
            fresh.append(
                {"id": row[0], "dialog": str(update_.dialog), "message": message, "accepted_at": now, "attempts": 0}
            )
    _put.many(connection, fresh)
    redelivered = len(arrived) - len(fresh)
    if redelivered:
        counters.add(connection, "redelivered", redelivered)
    return results


class MarkAttempt(NamedTuple):
    """A turn of an update that somebody left behind is about to start, or was ended by no fault of its own."""

    update_id: int
    change: int
    """1, or -1 to take one back."""


_mark_attempt = (
    update(inbox)
    .where(inbox.c.id == bindparam("update_id"))
    .values(attempts=inbox.c.attempts + bindparam("change"))
    .returning(inbox.c.attempts)
)


def mark_attempt(connection: Connection, items: list[MarkAttempt]) -> list[int]:
    """Count attempts at updates.

    Returns:
        Which one it is, counted from 1; 0 where the update is not in the inbox any more.
    """
    return [connection.execute(_mark_attempt, item._asdict()).scalar_one_or_none() or 0 for item in items]


class FindPending(NamedTuple):
    """Which dialogs have work that nobody may be awake for."""

    accepted_before: float
    now: float
    after: str
    limit: int


_pending = (
    union(
        select(inbox.c.dialog).where(inbox.c.accepted_at < bindparam("before"), inbox.c.dialog > bindparam("after")),
        select(outbox.c.dialog).where(
            outbox.c.committed_at < bindparam("before"),
            func.coalesce(outbox.c.not_before, 0.0) <= bindparam("now"),
            outbox.c.dialog > bindparam("after"),
        ),
    )
    .order_by("dialog")
    .limit(bindparam("limit"))
)


def find_pending(connection: Connection, items: list[FindPending]) -> list[list[str]]:
    """Return the dialogs with an update accepted, or a command committed, before a time; a page at a time."""
    return [
        list(
            connection.execute(
                _pending,
                {"before": item.accepted_before, "now": item.now, "after": item.after, "limit": item.limit},
            ).scalars()
        )
        for item in items
    ]


def forget(connection: Connection, items: list[Older]) -> list[int]:
    """Remove the keys of updates accepted before a time; return how many."""
    return [remove_older(connection, seen, seen.c.accepted_at, item) for item in items]
