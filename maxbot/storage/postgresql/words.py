"""Statements as PostgreSQL runs them.

Those of the path of a message have a text of their own, once for all items: its parameters are arrays, written
`:name::type[]`, and the first column of its rows is the number of the item, from 1. All others are SQLAlchemy's and
run once for each item, in one pipeline.
"""

import re
from collections.abc import Sequence
from itertools import count
from typing import Any, NamedTuple

from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

from maxbot.storage.postgresql.binary import Packer, packer, single
from maxbot.storage.statement import Statement

_ARRAY = re.compile(r"(?<!:):(\w+)::(\w+)\[\]")
# Writes $1::BIGINT, so that the server knows the type of everything.
_DIALECT = PGDialect_asyncpg()  # type: ignore[no-untyped-call]
_numbers = count(1)
_known: dict[Statement, "Words"] = {}


class Words(NamedTuple):
    """A text, and how its parameters are made."""

    text: bytes
    name: bytes
    """Of the prepared statement; empty where it is never prepared."""
    columns: Sequence[str]
    packers: Sequence[Packer] | None
    """Make an array of each column; None where it runs for each item."""

    def parameters(self, columns: dict[str, Sequence[Any]]) -> list[tuple[list[bytes | None], list[int]]]:
        """Return values and their formats for each time that it is to run."""
        if not self.columns:  # no column says how often it is to run: it runs once
            return [([], [])]
        given = [columns[name] for name in self.columns]
        if self.packers is None:
            rows = [[single(value) for value in row] for row in zip(*given, strict=True)]
            return [([value for value, _ in row], [form for _, form in row]) for row in rows]
        if not given[0]:
            return []
        arrays: list[bytes | None] = [pack(column) for pack, column in zip(self.packers, given, strict=True)]
        return [(arrays, [1] * len(arrays))]


def words(statement: Statement) -> Words:
    """Return a statement as it runs here."""
    found = _known.get(statement)
    if found is None:
        found = _known[statement] = _make(statement)
    return found


def plain(text: str, *, rare: bool = False) -> Words:
    """Return a text that is run as it stands, with parameters `$1`, `$2` …

    Args:
        text: Of one statement.
        rare: Whether it is not worth preparing.
    """
    return Words(text.encode(), b"" if rare else b"maxbot%d" % next(_numbers), (), None)


def _make(statement: Statement) -> Words:
    own = statement.words("postgresql")
    name = b"maxbot%d" % next(_numbers)
    if not isinstance(own, str):
        text, columns = statement.compile(_DIALECT)
        return Words(text.encode(), name, columns, None)
    types = dict(_ARRAY.findall(own))
    order = list(types)
    text = _ARRAY.sub(lambda match: f"${order.index(match[1]) + 1}::{match[2]}[]", own)
    return Words(text.encode(), name, order, [packer(type_) for type_ in types.values()])
