"""Statements as MySQL and MariaDB run them: texts that hold their values.

Values are written as literals: numbers as they are, texts and bytes in hexadecimal, which no setting of the server
reads otherwise, and which nothing in a text can leave.

Those of the path of a message have a text of their own, of one or several statements, with these marks:

    :name               a column's value
    ROWS(:a, :b)        `(1, 2), (3, 4)`: a row for each item
    ITEMS(:a, :b)       a table `item` of the columns `a`, `b`, and `n`, the number of the item from 0; sorted by them,
                        so that all lock rows in one order
    :mark               the number of the transaction (in texts with ROWS or ITEMS)

A text with ROWS or ITEMS runs once for all items. Where it returns something, the first column of its rows is `n`.
One without, and SQLAlchemy's, runs for each item. Of several statements the last SELECT has the rows.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy.dialects.mysql.mysqldb import MySQLDialect_mysqldb

from maxbot.storage.statement import Statement

_DIALECT = MySQLDialect_mysqldb()
_LISTS = re.compile(r"\b(ROWS|ITEMS)\(([^()]*)\)")
_NAME = re.compile(r":(\w+)")
_known: dict[Statement, "Words"] = {}

Part = Callable[[Mapping[str, Sequence[str]]], str]
"""Makes a piece of a text from columns of literals."""


class Words(NamedTuple):
    """A statement, as it runs here."""

    statements: Sequence[Sequence[Part]]
    """Each of them in parts."""
    columns: Sequence[str]
    """Whose values it takes."""
    at_once: bool
    """Whether it runs once for all items."""
    answers: int
    """Which of the statements has the rows that are returned."""

    def literals(self, columns: dict[str, Sequence[Any]]) -> dict[str, Sequence[str]]:
        """Return columns as they stand in a text."""
        return {name: [literal(value) for value in columns[name]] for name in self.columns}


def words(statement: Statement) -> Words:
    """Return a statement as it runs here."""
    found = _known.get(statement)
    if found is None:
        found = _known[statement] = _make(statement)
    return found


def text(parts: Sequence[Part], columns: Mapping[str, Sequence[str]]) -> str:
    """Return a statement with its values."""
    return "".join([part(columns) for part in parts])


def literal(value: Any) -> str:
    """Return a value as a text of SQL has it.

    Raises:
        UnicodeEncodeError: A text has half characters.
        OverflowError: A number is not finite.
        TypeError: It is not what databases keep.
    """
    return _LITERALS[type(value)](value)


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise OverflowError(f"{value} is no number for a database")
    return f"{value!r}" if "e" in repr(value) else f"{value!r}e0"  # or it would be a DECIMAL


_LITERALS: dict[type, Callable[[Any], str]] = {
    type(None): lambda value: "NULL",
    int: str,
    bool: lambda value: "1" if value else "0",
    float: _number,
    bytes: lambda value: f"x'{value.hex()}'",
    str: lambda value: f"x'{value.encode().hex()}'",
}


def _make(statement: Statement) -> Words:
    own = statement.words("mysql")
    if not isinstance(own, str):
        compiled, columns = statement.compile(_DIALECT)
        return Words([_each(compiled, columns)], columns, False, 0)
    statements = [" ".join(one.split()) for one in own.split(";")]
    named = [name for name in dict.fromkeys(_NAME.findall(own)) if name != "mark"]
    questions = [index for index, one in enumerate(statements) if one.startswith("SELECT")]
    at_once = _LISTS.search(own) is not None
    return Words([_parts(one) for one in statements], named, at_once, questions[-1] if questions else 0)


def _each(compiled: str, columns: Sequence[str]) -> list[Part]:
    pieces = compiled.replace("%%", "%").split("%s")
    parts: list[Part] = [_constant(pieces[0])]
    for name, piece in zip(columns, pieces[1:], strict=True):
        parts += [_value(name), _constant(piece)]
    return parts


def _parts(own: str) -> list[Part]:
    parts: list[Part] = []
    end = 0
    for found in _LISTS.finditer(own):
        parts += [*_values(own[end : found.start()]), (_rows if found[1] == "ROWS" else _items)(found[2])]
        end = found.end()
    return [*parts, *_values(own[end:])]


def _values(own: str) -> list[Part]:
    pieces = _NAME.split(own)
    return [_value(piece) if index % 2 else _constant(piece) for index, piece in enumerate(pieces)]


def _constant(piece: str) -> Part:
    return lambda columns: piece


def _value(name: str) -> Part:
    return lambda columns: columns[name][0]


def _rows(inside: str) -> Part:
    row = _NAME.sub("%s", inside)
    names = _NAME.findall(inside)

    def make(columns: Mapping[str, Sequence[str]]) -> str:
        return ", ".join([f"({row % values})" for values in zip(*(columns[name] for name in names), strict=True)])

    return make


def _items(inside: str) -> Part:
    names = _NAME.findall(inside)
    first = "SELECT " + ", ".join(f"%s AS `{name}`" for name in names) + ", %s AS n"
    further = " UNION ALL SELECT " + ", ".join(["%s"] * (len(names) + 1))

    def make(columns: Mapping[str, Sequence[str]]) -> str:
        numbers = map(str, range(len(columns[names[0]])))
        start, *others = sorted(zip(*(columns[name] for name in names), numbers, strict=True))
        return f"({first % start}{''.join([further % values for values in others])}) AS item"

    return make
