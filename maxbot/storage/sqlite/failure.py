"""What an error of SQLite's means: for this call, for now, or for the file."""

import logging
import sqlite3

from maxbot.errors import StorageDamaged, StorageError, StorageUnavailable

logger = logging.getLogger(__name__)

# https://www.sqlite.org/rescode.html, the lower eight bits: SQLITE_CORRUPT, SQLITE_NOTADB
_DAMAGED = {11, 26}


def meaning(error: Exception, database: str) -> StorageError:
    """Return what a caller is told.

    Args:
        error: Raised by SQLite, or by an operation.
        database: Its name, for people.
    """
    if isinstance(error, StorageError):
        return error
    if isinstance(error, sqlite3.Error):
        if (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _DAMAGED:
            return StorageDamaged(f"The database {database} is damaged ({error}): restore a backup of it")
        return (StorageUnavailable if isinstance(error, sqlite3.OperationalError) else StorageError)(str(error))
    if isinstance(error, OSError):
        return StorageUnavailable(str(error))
    if not isinstance(error, (UnicodeEncodeError, OverflowError, TypeError)):
        logger.error("A database operation failed; this is a bug", exc_info=error)
    return StorageError(f"{type(error).__name__}: {error}")
