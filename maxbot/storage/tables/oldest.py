"""Remove rows that have been kept for long enough, a small batch at a time."""

from typing import NamedTuple

from sqlalchemy import Column, Connection, Table, delete, func, select


class Older(NamedTuple):
    """What is to go."""

    than: float
    """Rows of before this point in time."""
    limit: int
    """How many at most."""


def remove_older(connection: Connection, table: Table, since: Column[float], what: Older) -> int:
    """Remove the oldest rows of a table whose `id` grows with time.

    The newest row stays whatever its age, so that no id is ever given twice.

    Args:
        connection: In a transaction.
        table: Has an `id`.
        since: Its column with the point in time.
        what: Which rows.

    Returns:
        How many were removed; fewer than the limit when nothing is left to remove.
    """
    newest = connection.execute(select(func.max(table.c.id))).scalar()
    rows = connection.execute(select(table.c.id, since).order_by(table.c.id).limit(what.limit))
    old = [id for id, moment in rows if moment < what.than and id != newest]
    if old:
        connection.execute(delete(table).where(table.c.id.between(old[0], old[-1])))
    return len(old)
