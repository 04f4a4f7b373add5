"""Remove rows that have been kept for long enough, a small batch at a time."""

from typing import NamedTuple

from sqlalchemy import Column, Table, bindparam, delete, func, literal_column, select

from maxbot.storage.statement import Statement, Transaction


class Older(NamedTuple):
    """What is to go."""

    than: float
    """Rows of before this point in time."""
    limit: int
    """How many at most."""


class Oldest:
    """Removes the oldest rows of a table whose `id` grows with time.

    Args:
        table: Has an `id`.
        since: Its column with the point in time.
    """

    def __init__(self, table: Table, since: Column[float]) -> None:
        self._newest = Statement(select(func.max(table.c.id)))
        self._first = Statement(
            select(table.c.id, since)
            .order_by(table.c.id)
            .limit(bindparam("limit"))
            .offset(literal_column("0"))  # or SQLite's dialect binds one of its own
        )
        self._remove = Statement(
            delete(table).where(table.c.id == bindparam("old")),
            postgresql=f"DELETE FROM {table.name} WHERE id = ANY(:old::int8[])",
            mysql=f"DELETE {table.name} FROM {table.name} FORCE INDEX (PRIMARY) WHERE id IN (ROWS(:old))",
        )

    def remove(self, transaction: Transaction, items: list[Older]) -> list[int]:
        """Remove rows; return how many went: fewer than the limit when nothing is left to remove.

        The newest row stays whatever its age, so that no id is ever given twice.
        """
        return [self._remove_batch(transaction, item) for item in items]

    def _remove_batch(self, transaction: Transaction, what: Older) -> int:
        (newest,) = transaction.row(self._newest)
        (rows,) = transaction.rows(self._first, limit=[what.limit])
        # One by one: between two old ones there may be a young one, where the clock was set back.
        old = [id for id, moment in rows if moment < what.than and (id,) != newest]
        transaction.run(self._remove, old=old)
        return len(old)
