"""Statements over columns on SQLite: run once for each item."""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from maxbot.storage.statement import Row, Statement

_DIALECT = SQLiteDialect_pysqlite(paramstyle="qmark")


class SQLiteTransaction:
    """What operations are given on SQLite. See `maxbot.storage.statement.Transaction`.

    Args:
        connection: Of the driver; may be in a transaction, or read without one.
    """

    session = None

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, statement: Statement, **columns: Sequence[Any]) -> None:
        text, parameters = _prepare(statement, columns)
        self._connection.executemany(text, parameters)

    def changes(self, statement: Statement, **columns: Sequence[Any]) -> list[int]:
        text, parameters = _prepare(statement, columns)
        execute = self._connection.execute
        return [execute(text, row).rowcount for row in parameters]

    def row(self, statement: Statement, **columns: Sequence[Any]) -> list[Row | None]:
        text, parameters = _prepare(statement, columns)
        execute = self._connection.execute
        return [execute(text, row).fetchone() for row in parameters]

    def rows(self, statement: Statement, **columns: Sequence[Any]) -> list[list[Row]]:
        text, parameters = _prepare(statement, columns)
        execute = self._connection.execute
        return [execute(text, row).fetchall() for row in parameters]


def _prepare(statement: Statement, columns: dict[str, Sequence[Any]]) -> tuple[str, Iterator[Row]]:
    text, names = statement.compiled.get("sqlite") or statement.compile(_DIALECT)
    # A statement without parameters has no column that says how often it is to run: it runs once.
    return text, zip(*(columns[name] for name in names), strict=True) if names else iter([()])
