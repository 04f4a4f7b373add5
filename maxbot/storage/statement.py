"""Statements on the path of a message: written in SQLAlchemy, compiled once, run by the driver.

SQLAlchemy's own execution costs about 20 µs a statement, for work that these need not have done at each call; a message
passes nine of them. They take and give only text, bytes, numbers and NULL, which all drivers know.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.sql import ClauseElement


class Statement:
    """A statement whose parameters are all bound by name.

    Args:
        core: The statement.
        sqlite: Stands in its place on SQLite, where the databases have different words.
    """

    def __init__(self, core: ClauseElement | None = None, *, sqlite: ClauseElement | None = None) -> None:
        self._core = core
        self._of_dialect = {"sqlite": sqlite} if sqlite is not None else {}
        self._compiled: dict[str, str] = {}

    def _text(self, connection: Connection) -> str:
        return self._compiled.get(connection.dialect.name) or self._compile(connection.dialect)

    def _compile(self, dialect: Dialect) -> str:
        core = self._of_dialect.get(dialect.name, self._core)
        if core is None:
            raise NotImplementedError(f"{dialect.name} has no words for this yet")
        compiled = core.compile(dialect=dialect)
        constants = [name for name, value in compiled.params.items() if value is not None]
        assert not constants, f"a Statement binds by name only, write constants as literals: {constants}"
        return self._compiled.setdefault(dialect.name, str(compiled))

    def row(self, connection: Connection, parameters: dict[str, Any]) -> Any:
        """Return the only row as a tuple, or None."""
        cursor = connection.connection.cursor()
        cursor.execute(self._text(connection), parameters)
        return cursor.fetchone()

    def rows(self, connection: Connection, parameters: dict[str, Any]) -> list[Any]:
        """Return all rows as tuples."""
        cursor = connection.connection.cursor()
        cursor.execute(self._text(connection), parameters)
        return list(cursor.fetchall())

    def changes(self, connection: Connection, parameters: dict[str, Any]) -> int:
        """Run it once; return how many rows it changed."""
        cursor = connection.connection.cursor()
        cursor.execute(self._text(connection), parameters)
        return cursor.rowcount

    def many(self, connection: Connection, parameters: Sequence[dict[str, Any]]) -> None:
        """Run it for each of several parameters."""
        if parameters:
            connection.connection.cursor().executemany(self._text(connection), parameters)
