"""JSON as it stands in the database."""

from typing import Any

import msgspec

from maxbot.errors import StorageDamaged

encode = msgspec.json.Encoder().encode
"""Return a value as JSON; raises TypeError where it is none."""

_decode = msgspec.json.Decoder().decode


def decode(stored: bytes) -> Any:
    """Return a value that was stored.

    Raises:
        StorageDamaged: It is not what was stored.
    """
    try:
        return _decode(stored)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise StorageDamaged("The database is damaged: what stands in it is not what was stored") from None
