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
    ).where(seen.c.channel == bindparam("channel"), seen.c.key == bindparam("key")),
    # Not EXISTS, for which the server may read a whole table.
    postgresql="""
        SELECT item.n, waiting.there IS NOT NULL, failed.there IS NOT NULL
        FROM unnest(:channel::text[], :key::text[]) WITH ORDINALITY AS item (channel, key, n)
        JOIN LATERAL (
            SELECT id FROM seen WHERE seen.channel = item.channel AND seen.key = item.key
            ORDER BY seen.channel, seen.key LIMIT 1
        ) AS known ON true
        LEFT JOIN LATERAL (
            SELECT true AS there FROM inbox WHERE inbox.id = known.id ORDER BY inbox.id LIMIT 1
        ) AS waiting ON true
        LEFT JOIN LATERAL (
            SELECT true AS there FROM dead_letters WHERE dead_letters.update_id = known.id AND kind = 'update'
            ORDER BY dead_letters.update_id LIMIT 1
        ) AS failed ON true
    """,
    mysql="""
        SELECT item.n, EXISTS (SELECT 1 FROM inbox FORCE INDEX (PRIMARY) WHERE inbox.id = seen.id),
            EXISTS (
                SELECT 1 FROM dead_letters FORCE INDEX (dead_letters_update)
                WHERE dead_letters.update_id = seen.id AND dead_letters.kind = 'update'
            )
        FROM ITEMS(:channel, :key)
        STRAIGHT_JOIN seen FORCE INDEX (seen_once) ON seen.channel = item.channel AND seen.`key` = item.`key`
    """,
)


def outcome(transaction: Transaction, items: list[Asked]) -> list[Outcome | None]:
    """Return what became of each request; None for one that is not known (any more)."""
    rows = transaction.row(
        _outcome, channel=[requests_of(item.channel) for item in items], key=[item.key for item in items]
    )
    return [None if row is None else Outcome(bool(row[0]), bool(row[1])) for row in rows]
