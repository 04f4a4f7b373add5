"""Replies of the `web` channel, kept until their clients fetched them."""

from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, literal_column, select
from sqlalchemy.dialects import sqlite

from maxbot.storage.schema import replies
from maxbot.storage.statement import Statement
from maxbot.storage.tables.oldest import Older, remove_older

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Put(NamedTuple):
    """A reply for a dialog's mailbox."""

    dialog: str
    key: str
    content: dict[str, Any]
    now: float


_put = Statement(
    sqlite=sqlite.insert(replies)
    .values({name: bindparam(name) for name in ("dialog", "key", "content", "put_at")})
    .on_conflict_do_nothing()
)


def put(connection: Connection, items: list[Put]) -> list[None]:
    """Keep replies; one whose key is there already changes nothing."""
    _put.many(
        connection,
        [
            {"dialog": item.dialog, "key": item.key, "content": _encode(item.content), "put_at": item.now}
            for item in items
        ],
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


def fetch(connection: Connection, items: list[Fetch]) -> list[list[tuple[int, dict[str, Any]]]]:
    """Return replies as (number, content), in order."""
    return [
        [
            (number, _decode(content))
            for number, content in _fetch.rows(
                connection, {"name": item.dialog, "after": item.after, "limit": item.limit}
            )
        ]
        for item in items
    ]


def expire(connection: Connection, items: list[Older]) -> list[int]:
    """Remove replies put before a time; return how many."""
    return [remove_older(connection, replies, replies.c.put_at, item) for item in items]
