"""What an error of MySQL's or MariaDB's means: for this call, for now, or for the connection."""

import logging

from maxbot.errors import StorageError, StorageInterrupted, StorageUnavailable
from maxbot.storage.mysql.connection import PACKET_TOO_LARGE, ServerError, server_error

logger = logging.getLogger(__name__)

# The data's own fault: too long, no such character, out of range, there already, missing.
_DATA = {1406, 1366, 1264, 1062, 1048, PACKET_TOO_LARGE}

# Run again, it probably succeeds: lock wait timeout, deadlock, a row or table that changed meanwhile.
_INTERRUPTED = {1205, 1213, 1020, 1317, 1412, 1615}

_RIGHT = "the database's user lacks a right: GRANT ALL ON the database TO the user"
_READ_ONLY = "the server takes no writes (a replica?): name the primary, or all hosts in the URL"
_ADVICE = {
    1021: "free some space on the server's disk",
    1114: "free some space on the server's disk",
    1040: "raise max_connections",
    1044: _RIGHT,
    1045: "give the right user and password: --database-password-file, or MYSQL_PWD",
    1698: "give the right user and password: --database-password-file, or MYSQL_PWD",
    1049: "make it with: CREATE DATABASE name CHARACTER SET utf8mb4",
    1142: _RIGHT,
    1146: "a table is missing: start maxbot anew, which makes it",
    1205: "somebody else holds a lock",
    1290: _READ_ONLY,
    1792: _READ_ONLY,
    1836: _READ_ONLY,
    2026: "TLS failed: see ssl-mode and ssl-ca in the URL",
    PACKET_TOO_LARGE: "raise max_allowed_packet on the server",
}


def meaning(error: Exception) -> StorageError:
    """Return what a caller is told.

    Args:
        error: Raised by a driver, by us, or by an operation.
    """
    if isinstance(error, StorageError):
        return error
    ours = server_error(error)
    if ours is not None:
        return _of_server(ours)
    if not isinstance(error, (UnicodeEncodeError, OverflowError, KeyError, TypeError)):
        logger.error("A database operation failed; this is a bug", exc_info=error)
    return StorageError(f"{type(error).__name__}: {error}")


def _of_server(error: ServerError) -> StorageError:
    if error.code in _INTERRUPTED:
        return StorageInterrupted(advised(error))
    if error.lost:
        return StorageInterrupted(f"the connection to the database was lost ({one_line(error)})")
    return (StorageError if error.code in _DATA else StorageUnavailable)(advised(error))


def advised(error: ServerError) -> str:
    """Return a message with what to do about it, where that is known."""
    return f"{one_line(error)}: {_ADVICE[error.code]}" if error.code in _ADVICE else one_line(error)


def one_line(error: object) -> str:
    """Return an error's text without its line ends."""
    return " ".join(str(error).split())
