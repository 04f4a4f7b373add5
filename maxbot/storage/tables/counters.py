"""Counters of rare events, kept over restarts."""

from typing import NamedTuple

from sqlalchemy import Connection, bindparam, insert, select, update

from maxbot.storage.schema import counters

_add = (
    update(counters).where(counters.c.name == bindparam("counter")).values(value=counters.c.value + bindparam("amount"))
)


def add(connection: Connection, name: str, amount: int = 1) -> None:
    """Count an event, in the transaction that it belongs to."""
    if connection.execute(_add, {"counter": name, "amount": amount}).rowcount == 0:
        connection.execute(insert(counters), {"name": name, "value": amount})


class Count(NamedTuple):
    """Something worth counting happened."""

    name: str


def count(connection: Connection, items: list[Count]) -> list[None]:
    """Count events."""
    for item in items:
        add(connection, item.name)
    return [None] * len(items)


def read_counters(connection: Connection) -> dict[str, int]:
    """Return all counters."""
    return {row.name: row.value for row in connection.execute(select(counters))}
