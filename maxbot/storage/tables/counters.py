"""Counters of rare events, kept over restarts. What each counts: docs/reference/database.md."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from maxbot.storage.schema import counters
from maxbot.storage.statement import Statement, Transaction

_row: dict[str, Any] = {"name": bindparam("name"), "value": bindparam("amount")}
_sqlite, _postgresql = sqlite.insert(counters).values(_row), postgresql.insert(counters).values(_row)
_add = Statement(
    sqlite=_sqlite.on_conflict_do_update(set_={"value": counters.c.value + _sqlite.excluded.value}),
    postgresql=_postgresql.on_conflict_do_update(
        index_elements=["name"], set_={"value": counters.c.value + _postgresql.excluded.value}
    ),
    mysql="""
        INSERT INTO counters (name, value) VALUES ROWS(:name, :amount)
        ON DUPLICATE KEY UPDATE value = value + VALUES(value)
    """,
)


def add(transaction: Transaction, name: str, amount: int = 1) -> None:
    """Count an event, in the transaction that it belongs to."""
    if amount:
        transaction.run(_add, name=[name], amount=[amount])


class Count(NamedTuple):
    """Something worth counting happened."""

    name: str


def count(transaction: Transaction, items: list[Count]) -> list[None]:
    """Count events."""
    for name in sorted({item.name for item in items}):  # in one order, or two that count wait for each other
        add(transaction, name, sum(item.name == name for item in items))
    return [None] * len(items)


def read_counters(connection: Connection) -> dict[str, int]:
    """Return all counters."""
    return {row.name: row.value for row in connection.execute(select(counters))}
