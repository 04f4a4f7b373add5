"""Values and arrays as PostgreSQL's wire has them in binary.

Source: the functions `array_recv`, `int8recv`, `float8recv` … of the server; lengths and numbers are big-endian.
"""

import struct
from collections.abc import Callable, Sequence
from typing import Any

from psycopg.pq.abc import PGresult

Packer = Callable[[Sequence[Any]], bytes]

_NULL = struct.pack("!i", -1)
_LENGTH = struct.Struct("!i").pack
_EMPTY = struct.Struct("!iii").pack  # dimensions, flags, type
_HEAD = struct.Struct("!iiiii").pack  # dimensions, whether there may be NULLs, type, length, first index

_INT2, _INT4, _INT8 = (struct.Struct(form).pack for form in ("!ih", "!ii", "!iq"))
_FLOAT8, _BOOL = struct.Struct("!id").pack, struct.Struct("!i?").pack
_float8 = struct.Struct("!d").unpack


def _text(value: str) -> bytes:
    data = value.encode()
    return _LENGTH(len(data)) + data


def _bytes(value: bytes) -> bytes:
    return _LENGTH(len(value)) + value


# Types by name: the number (`SELECT oid FROM pg_type`), and one element of an array with its length before it.
_ELEMENTS: dict[str, tuple[int, Callable[[Any], bytes]]] = {
    "bool": (16, lambda value: _BOOL(1, value)),
    "bytea": (17, _bytes),
    "int8": (20, lambda value: _INT8(8, value)),
    "int2": (21, lambda value: _INT2(2, value)),
    "int4": (23, lambda value: _INT4(4, value)),
    "text": (25, _text),
    "float8": (701, lambda value: _FLOAT8(8, value)),
}


def packer(type_: str) -> Packer:
    """Return what makes an array of a type, by the type's name."""
    number, element = _ELEMENTS[type_]

    def pack(values: Sequence[Any]) -> bytes:
        if not values:
            return _EMPTY(0, 0, number)
        items = [_NULL if value is None else element(value) for value in values]
        return _HEAD(1, 1, number, len(items), 1) + b"".join(items)

    return pack


def single(value: Any) -> tuple[bytes | None, int]:
    """Return a value alone, and its format (0 text, 1 binary), where the server knows of what type it must be."""
    if value is None:
        return None, 0
    if isinstance(value, bytes):
        return value, 1
    if isinstance(value, bool):
        return (b"t" if value else b"f"), 0
    return (value if isinstance(value, str) else repr(value)).encode(), 0


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big", signed=True)


UNPACK: dict[int, Callable[[bytes], Any]] = {
    16: lambda data: data == b"\x01",
    17: bytes,
    20: _number,
    21: _number,
    23: _number,
    25: bytes.decode,
    701: lambda data: _float8(data)[0],
    1043: bytes.decode,
}
"""Values of results by the number of their type."""


def rows_of(result: PGresult) -> list[tuple[Any, ...]]:
    """Return the rows of a result in binary."""
    columns = [(column, UNPACK[result.ftype(column)]) for column in range(result.nfields)]
    get = result.get_value
    return [
        tuple([None if (data := get(row, column)) is None else unpack(data) for column, unpack in columns])
        for row in range(result.ntuples)
    ]
