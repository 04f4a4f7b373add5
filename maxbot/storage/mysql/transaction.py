"""Statements over columns on MySQL and MariaDB: once for all items, or once for each of them in one text."""

from collections.abc import Sequence
from typing import Any

from maxbot.storage.mysql.connection import Connection
from maxbot.storage.mysql.words import Words, text, words
from maxbot.storage.statement import Row, Statement


class MySQLTransaction:
    """What operations are given on MySQL and MariaDB. See `maxbot.storage.statement.Transaction`.

    What has no result to return waits until something has, or until the commit: a round trip less.

    Args:
        connection: In a transaction, or not.
        session: Of the worker.
        mark: The number of the transaction, which no other has.
    """

    def __init__(self, connection: Connection, session: int | None = None, mark: int = 0) -> None:
        self.session = session
        self._connection = connection
        self._mark = str(mark)

    def run(self, statement: Statement, **columns: Sequence[Any]) -> None:
        self._queue(words(statement), columns)

    def changes(self, statement: Statement, **columns: Sequence[Any]) -> list[int]:
        """As promised. A text for all items has two statements: which items it applies to, and what it does to them."""
        found = words(statement)
        if not found.at_once:
            runs = self._queue(found, columns)
            return [result.affected for result in self._connection.exchange()[-runs:]] if runs else []
        counts = [0] * _items(columns)
        if not counts:
            return []
        literals = found.literals(columns)
        which, *then = found.statements
        self._connection.queue(text(which, literals))
        numbers = [number for number, *_ in self._connection.exchange()[-1].rows]
        for number in numbers:
            counts[number] = 1
        chosen = {name: [values[number] for number in numbers] for name, values in literals.items()}
        for parts in then if numbers else ():
            self._connection.queue(text(parts, chosen))
        return counts

    def row(self, statement: Statement, **columns: Sequence[Any]) -> list[Row | None]:
        return [rows[0] if rows else None for rows in self.rows(statement, **columns)]

    def rows(self, statement: Statement, **columns: Sequence[Any]) -> list[list[Row]]:
        found = words(statement)
        runs = self._queue(found, columns)
        if not runs:
            return []
        results = self._connection.exchange()
        if not found.at_once:
            each = len(found.statements)
            return [list(result.rows) for result in results[-runs * each :][found.answers :: each]]
        of_items: list[list[Row]] = [[] for _ in range(_items(columns))]
        for number, *row in results[found.answers - len(found.statements)].rows:
            of_items[number].append(tuple(row))
        return of_items

    def _queue(self, found: Words, columns: dict[str, Sequence[Any]]) -> int:
        """Queue it as often as it is to run, and return how often that is."""
        literals = found.literals(columns)
        if found.at_once:
            literals["mark"] = [self._mark] * _items(columns)
            # No items, nothing to do: an empty list is no SQL.
            runs = [literals] if _items(columns) else []
        elif not found.columns:  # no column says how often it is to run: it runs once
            runs = [{}]
        else:
            items = zip(*literals.values(), strict=True)
            runs = [{name: [value] for name, value in zip(literals, item, strict=True)} for item in items]
        for run in runs:
            for parts in found.statements:
                self._connection.queue(text(parts, run))
        return len(runs)


def _items(columns: dict[str, Sequence[Any]]) -> int:
    return len(next(iter(columns.values())))
