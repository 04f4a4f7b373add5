"""What an error of PostgreSQL's means: for this call, for now, or for the connection."""

import logging
import struct

import psycopg

from maxbot.errors import StorageError, StorageInterrupted, StorageUnavailable
from maxbot.storage.postgresql.connection import ServerError

logger = logging.getLogger(__name__)

# The data's own fault, classes of https://www.postgresql.org/docs/current/errcodes-appendix.html: data exception,
# integrity constraint violation, program limit exceeded. All else may be mended: a right, a table, a disk.
_DATA = ("22", "23", "54")

# Run again, it probably succeeds: serialization failure, deadlock, a plan that a migration made invalid.
_INTERRUPTED = {"40001", "40P01", "0A000"}

_POOLER = "a pooler does not keep prepared statements: add prepared=off to the URL (PgBouncer keeps them from 1.21 on)"
_ADVICE = {
    "26000": _POOLER,
    "42P05": _POOLER,
    "25006": "the server takes no writes: name all hosts in the URL, with target_session_attrs=read-write",
    "42501": "the database's user lacks a right: let it own the database, or GRANT it",
    "42P01": "a table is missing: start maxbot anew, which makes it",
    "53100": "free some space on the server's disk",
}

# Of a connection that was not made, libpq tells no code, but the server's text, in its language.
_UNREACHABLE = {
    "password": "give the right one: PGPASSWORD, a passfile, or --database-password-file",
    "does not exist": "make what is missing (createdb, createuser), or name another one with --database",
    "too many": "raise max_connections, or put a pooler in front of the server",
    "session is": "none of the servers is as target_session_attrs says",
}

# A server was there and took the connection, and it was ended a moment later.
_ENDED = ("closed the connection", "terminating connection")


def meaning(error: Exception) -> StorageError:
    """Return what a caller is told.

    Args:
        error: Raised by libpq, by psycopg, or by an operation.
    """
    if isinstance(error, StorageError):
        return error
    state = getattr(error, "sqlstate", None)
    if isinstance(error, (ServerError, psycopg.Error)) and state:
        if state in _INTERRUPTED or getattr(error, "fatal", False):
            return StorageInterrupted(str(error))
        return (StorageError if state[:2] in _DATA else StorageUnavailable)(advised(str(error), state))
    if isinstance(error, psycopg.OperationalError):
        return StorageInterrupted(f"the connection to PostgreSQL was lost ({one_line(error)})")
    if isinstance(error, (OSError, psycopg.Error)):
        return StorageUnavailable(one_line(error))
    if not isinstance(error, (UnicodeEncodeError, OverflowError, TypeError, struct.error)):
        logger.error("A database operation failed; this is a bug", exc_info=error)
    return StorageError(f"{type(error).__name__}: {error}")


def unreachable(error: Exception) -> StorageUnavailable:
    """Return what is said where there is no connection."""
    message = one_line(error)
    if any(words in message for words in _ENDED):
        return StorageInterrupted(f"the connection to PostgreSQL was ended while it was made ({message})")
    advice = next((advice for word, advice in _UNREACHABLE.items() if word in message), None)
    return StorageUnavailable(message if advice is None else f"{message}: {advice}")


def advised(message: str, state: str) -> str:
    """Return a message with what to do about it, where that is known."""
    return f"{one_line(message)}: {_ADVICE[state]}" if state in _ADVICE else one_line(message)


def one_line(error: object) -> str:
    """Return an error's text without its line ends."""
    return " ".join(str(error).split())
