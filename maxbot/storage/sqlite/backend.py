"""SQLite: one file, several processes of one host.

Files beside `bot.db`: SQLite's own `-wal` and `-shm`; `-writers`, the queue of those who want to write; `-owner`,
held by the one supervisor that uses the database.
"""

import fcntl
import os
import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

BUSY_TIMEOUT = 5.0
"""How long a transaction waits for somebody outside our queue (a backup, the sqlite3 shell), in seconds."""

WAL_LIMIT = 16 * 1024 * 1024
"""To what size the log file is cut back after a checkpoint, in bytes."""


class SQLite:
    """A SQLite database file.

    Args:
        path: Of the file; made if it is not there.
        survive_power_loss: Whether each commit waits for the disk. Without, a commit survives the kill of any
            process, but the last ones may be rolled back after a power loss.
    """

    def __init__(self, path: Path, *, survive_power_loss: bool = False) -> None:
        self.path = path
        self._synchronous = "FULL" if survive_power_loss else "NORMAL"
        self._queue: int | None = None
        self._opened: tuple[int, int] | None = None

    def engine(self) -> Engine:
        engine = create_engine("sqlite://", creator=self._connect, poolclass=StaticPool, paramstyle="named")

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            # A transaction that starts with reading and then wants to write fails at once where another one wrote
            # meanwhile; the one that says so at the start waits.
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        return engine

    def _connect(self) -> sqlite3.Connection:
        # A file that is gone must not come back empty: `prepare` makes it, and nobody else.
        uri = f"{self.path.absolute().as_uri()}?mode=rw"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        connection.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT * 1000)}")
        # Of several workers that switch a new file to WAL at once, one would find it locked, whatever the timeout.
        self._take_turn()
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        finally:
            self.end()
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT}")
        self._opened = self._opened or _identity(self.path)
        return connection

    def begin(self, connection: Connection) -> None:
        self._take_turn()
        if _identity(self.path) != self._opened:
            # SQLite would go on and write to a file that has no name any more: acknowledged and lost. And another
            # file in its place is somebody else's, whose user locks know nothing of ours.
            raise FileNotFoundError(f"{self.path} was removed or replaced: put it back, or start anew")
        connection.begin()

    def _take_turn(self) -> None:
        # SQLite lets waiting writers sleep longer the longer they wait, so that the unlucky starve. The kernel wakes
        # the waiters of a file lock, and frees it when its holder dies. (`flock` would do too, but a child that the
        # bot's code forked would keep it after the holder's death, and all writers would wait for that child.)
        if self._queue is None:
            self._queue = os.open(f"{self.path}-writers", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.lockf(self._queue, fcntl.LOCK_EX)

    def end(self) -> None:
        if self._queue is not None:
            fcntl.lockf(self._queue, fcntl.LOCK_UN)

    def close(self) -> None:
        if self._queue is not None:
            os.close(self._queue)
            self._queue = None


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another one of the same name."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
