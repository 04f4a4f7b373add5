"""Types of columns that mean the same on every database.

Points in time are doubles: MySQL's plain FLOAT has 4 bytes, and counts in steps of 128 seconds. Numbers that grow for
ever have 64 bits. What is long has room: MySQL's plain BLOB and TEXT end at 64 KiB.
"""

from typing import Any

from sqlalchemy import VARBINARY, BigInteger, Dialect, Double, Integer, LargeBinary, String, Text, TypeDecorator
from sqlalchemy.types import TypeEngine

NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""Of an update, a session …; SQLite numbers the rows of a table only where its key is an INTEGER, of 64 bits there."""

MOMENT: Double[float] = Double()
"""Seconds since the epoch, UTC."""

JSON = LargeBinary(2**32 - 1)

LONG_TEXT = Text().with_variant(Text(2**32 - 1), "mysql", "mariadb")

REWRITTEN = {"fillfactor": 70}
"""For PostgreSQL: a row that each turn writes anew finds room in its own page, and no index has to be touched."""

QUEUE = {"autovacuum_vacuum_scale_factor": 0, "autovacuum_vacuum_threshold": 5000}
"""For PostgreSQL: rows come and go. It is swept after so many, however large the table once was."""


class Key(TypeDecorator[str]):
    """A text that is compared byte by byte, on every database: Ada and ada are two users, and so are `a` and `a `.

    Args:
        length: In characters.
    """

    impl = String
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self._length = length

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        length = self._length
        if dialect.name in ("mysql", "mariadb"):  # whose collations ignore spaces at the end, the binary ones too
            return dialect.type_descriptor(VARBINARY(4 * length))
        return dialect.type_descriptor(String(length, "C" if dialect.name == "postgresql" else None))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        return value.encode() if value is not None and dialect.name in ("mysql", "mariadb") else value

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return value.decode() if isinstance(value, bytes) else value
