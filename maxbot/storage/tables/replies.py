"""Replies of the `web` channel, kept until their clients fetched them."""

from typing import Any, NamedTuple

from sqlalchemy import bindparam, literal_column, select
from sqlalchemy.dialects import postgresql, sqlite

from maxbot.storage.json import decode, encode
from maxbot.storage.schema import replies
from maxbot.storage.statement import Statement, Transaction
from maxbot.storage.tables.oldest import Oldest


class Put(NamedTuple):
    """A reply for a dialog's mailbox."""

    dialog: str
    key: str
    content: dict[str, Any]
    now: float


_row: dict[str, Any] = {name: bindparam(name) for name in ("dialog", "key", "content", "put_at")}
_put = Statement(
    sqlite=sqlite.insert(replies).values(_row).on_conflict_do_nothing(),
    postgresql=postgresql.insert(replies).values(_row).on_conflict_do_nothing(),
    mysql="""
        INSERT INTO replies (dialog, `key`, content, put_at) VALUES ROWS(:dialog, :key, :content, :put_at)
        ON DUPLICATE KEY UPDATE id = id
    """,
)


def put(transaction: Transaction, items: list[Put]) -> list[None]:
    """Keep replies; one whose key is there already changes nothing."""
    transaction.run(
        _put,
        dialog=[item.dialog for item in items],
        key=[item.key for item in items],
        content=[encode(item.content) for item in items],
        put_at=[item.now for item in items],
    )
    return [None] * len(items)


class Fetch(NamedTuple):
    """The replies of a dialog after a number."""

    dialog: str
    after: int
    limit: int


_fetch = Statement(
    select(replies.c.id, replies.c.content)
    .where(replies.c.dialog == bindparam("name"), replies.c.id > bindparam("after"))
    .order_by(replies.c.id)
    .limit(bindparam("limit"))
    .offset(literal_column("0"))  # or SQLite's dialect binds one of its own
)


def fetch(transaction: Transaction, items: list[Fetch]) -> list[list[tuple[int, dict[str, Any]]]]:
    """Return replies as (number, content), in order."""
    found = transaction.rows(
        _fetch,
        name=[item.dialog for item in items],
        after=[item.after for item in items],
        limit=[item.limit for item in items],
    )
    return [[(number, decode(content)) for number, content in rows] for rows in found]


expire = Oldest(replies, replies.c.put_at).remove
"""Remove replies put before a time; return how many."""
