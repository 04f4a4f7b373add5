"""Statements over columns on PostgreSQL: once for all items, or once for each of them in one pipeline."""

from collections.abc import Sequence
from typing import Any

from psycopg.pq.abc import PGresult

from maxbot.storage.postgresql.binary import rows_of
from maxbot.storage.postgresql.connection import Connection
from maxbot.storage.postgresql.words import Words, words
from maxbot.storage.statement import Row, Statement


class PostgreSQLTransaction:
    """What operations are given on PostgreSQL. See `maxbot.storage.statement.Transaction`.

    What has no result to return waits until something has, or until the commit: a round trip less.

    Args:
        connection: In a transaction, or not.
        session: Of the worker.
        alone: Whether there is none, so that each statement is one of its own.
    """

    def __init__(self, connection: Connection, session: int | None = None, *, alone: bool = False) -> None:
        self.session = session
        self._connection = connection
        self._alone = alone

    def run(self, statement: Statement, **columns: Sequence[Any]) -> None:
        self._queue(words(statement), columns)

    def changes(self, statement: Statement, **columns: Sequence[Any]) -> list[int]:
        found = words(statement)
        results = self._results(found, columns)
        if found.packers is None:
            return [result.command_tuples or 0 for result in results]
        return [len(rows) for rows in _by_item(results, columns)]

    def row(self, statement: Statement, **columns: Sequence[Any]) -> list[Row | None]:
        return [rows[0] if rows else None for rows in self.rows(statement, **columns)]

    def rows(self, statement: Statement, **columns: Sequence[Any]) -> list[list[Row]]:
        found = words(statement)
        results = self._results(found, columns)
        if found.packers is None:
            return [rows_of(result) for result in results]
        return _by_item(results, columns)

    def _queue(self, found: Words, columns: dict[str, Sequence[Any]]) -> int:
        runs = found.parameters(columns)
        for values, forms in runs:
            self._connection.queue(found, values, forms)
        return len(runs)

    def _results(self, found: Words, columns: dict[str, Sequence[Any]]) -> list[PGresult]:
        runs = self._queue(found, columns)
        return self._connection.exchange(sync=self._alone)[-runs:] if runs else []


def _by_item(results: list[PGresult], columns: dict[str, Sequence[Any]]) -> list[list[Row]]:
    """Return the rows of each item: the first column says whose they are."""
    items = len(next(iter(columns.values())))
    found: list[list[Row]] = [[] for _ in range(items)]
    for result in results:
        for number, *row in rows_of(result):
            found[number - 1].append(tuple(row))
    return found
