"""Requests of other programs: what became of them, for those who wait."""

from typing import NamedTuple

from sqlalchemy import bindparam, exists, literal_column, select

from maxbot.storage.schema import dead_letters, inbox, seen
from maxbot.storage.statement import Statement, Transaction
from maxbot.storage.tables.inbox import requests_of


class Asked(NamedTuple):
    """A request, by its key."""

    channel: str
    key: str


class Outcome(NamedTuple):
    """What became of a request."""

    pending: bool
    """It is in the inbox: its turn has not ended."""
    failed: bool
    """Its turn has failed."""


_outcome = Statement(
    select(
        exists().where(inbox.c.id == seen.c.id),
        exists().where(dead_letters.c.kind == literal_column("'update'"), dead_letters.c.update_id == seen.c.id),
    ).where(seen.c.channel == bindparam("channel"), seen.c.key == bindparam("key"))
)


def outcome(transaction: Transaction, items: list[Asked]) -> list[Outcome | None]:
    """Return what became of each request; None for one that is not known (any more)."""
    rows = transaction.row(
        _outcome, channel=[requests_of(item.channel) for item in items], key=[item.key for item in items]
    )
    return [None if row is None else Outcome(bool(row[0]), bool(row[1])) for row in rows]
