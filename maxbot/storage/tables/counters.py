"""Counters of rare events, kept over restarts. What each counts: docs/reference/database.md."""

from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects import sqlite

from maxbot.storage.schema import counters
from maxbot.storage.statement import Statement, Transaction

_new = sqlite.insert(counters).values(name=bindparam("name"), value=bindparam("amount"))
_add = Statement(sqlite=_new.on_conflict_do_update(set_={"value": counters.c.value + _new.excluded.value}))


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
