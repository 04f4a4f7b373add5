"""Statements: written in SQLAlchemy, compiled once for each database, run by its driver.

SQLAlchemy's own execution costs about 20 µs a statement, for work that these need not have done at each call. They take
and give only text, bytes, numbers and NULL, which all drivers know.

An operation has k items and gives its statement k-long columns, by name; what a database makes of them is its own
(`Transaction`): SQLite runs the statement k times, others once for all.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import Dialect
from sqlalchemy.sql import ClauseElement

Row = tuple[Any, ...]


class Statement:
    """A statement whose parameters are all bound by name.

    Args:
        core: The statement, where all databases have the same words.
        sqlite: Stands in its place on SQLite.
        postgresql: On PostgreSQL: in SQLAlchemy, or as its own text.
        mysql: On MySQL and MariaDB.

    A text of a database's own names its columns like `:dialog`; how else it is written is its backend's matter.
    """

    def __init__(
        self,
        core: ClauseElement | None = None,
        *,
        sqlite: ClauseElement | None = None,
        postgresql: ClauseElement | str | None = None,
        mysql: ClauseElement | str | None = None,
    ) -> None:
        self._core = core
        self._own = {"sqlite": sqlite, "postgresql": postgresql, "mysql": mysql}
        self.compiled: dict[str, tuple[str, list[str]]] = {}
        """For each database that has run it: the text, and the names of its parameters in their order."""

    def words(self, database: str) -> ClauseElement | str:
        """Return what stands for it on a database, by the name of SQLAlchemy's dialect."""
        own = self._own.get(database)
        words = self._core if own is None else own
        if words is None:
            raise NotImplementedError(f"{database} has no words for this yet")
        return words

    def compile(self, dialect: Dialect) -> tuple[str, list[str]]:
        """Return the text and the names of its parameters, and keep them.

        Args:
            dialect: With a `paramstyle` that goes by position.
        """
        words = self.words(dialect.name)
        if isinstance(words, str):
            return self.compiled.setdefault(dialect.name, (words, []))
        compiled = words.compile(dialect=dialect)
        constants = [name for name, value in compiled.params.items() if value is not None]
        assert not constants, f"a Statement binds by name only, write constants as literals: {constants}"
        names = list(getattr(compiled, "positiontup", None) or ())
        return self.compiled.setdefault(dialect.name, (str(compiled), names))


class Transaction(Protocol):
    """What an operation is given: statements over columns. Each column has an entry for each of the items."""

    @property
    def session(self) -> int | None:
        """Of this worker, where dialogs are claimed; None where this database is used by one host alone."""

    def run(self, statement: Statement, **columns: Sequence[Any]) -> None:
        """Run it for all items."""

    def changes(self, statement: Statement, **columns: Sequence[Any]) -> list[int]:
        """Run it; return how many rows it changed for each item, in the order of the items."""

    def row(self, statement: Statement, **columns: Sequence[Any]) -> list[Row | None]:
        """Run it; return its only row for each item, or None."""

    def rows(self, statement: Statement, **columns: Sequence[Any]) -> list[list[Row]]:
        """Run it; return its rows for each item."""
