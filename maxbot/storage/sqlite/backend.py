"""SQLite: one file, several processes of one host.

Files beside `bot.db`: SQLite's own `-wal` and `-shm`; `-writers`, the queue of those who want to write; `-owner`,
held by the one supervisor that uses the database. Where `bot.db` is a link, they are beside the file that it leads to.
"""

import contextlib
import fcntl
import os
import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

from maxbot.errors import StorageError
from maxbot.storage.claim import FileId
from maxbot.storage.sqlite.failure import meaning
from maxbot.storage.sqlite.place import file_id
from maxbot.storage.sqlite.transaction import SQLiteTransaction

BUSY_TIMEOUT = 5.0
"""How long a transaction waits for somebody outside our queue (a backup, the sqlite3 shell), in seconds."""

WAL_LIMIT = 16 * 1024 * 1024
"""To what size the log file is cut back after a checkpoint, in bytes."""

# In the file of the queue: a byte for whoever writes, and one for whoever does what one worker is enough for.
_WRITES, _LEADS = 0, 1

PACE = 0.002
"""At most 500 transactions a second: a message makes four calls, and a transaction costs as much as ten of them."""


class SQLite:
    """A SQLite database file. See `maxbot.storage.backend.Backend`.

    Args:
        path: Of the file.
        survive_power_loss: Whether each commit waits for the disk. Without, a commit survives the kill of any
            process, but the last ones may be rolled back after a power loss.
        file: What tells the run's database from another file in its place; None where any file is taken, and made if
            it is not there.
        waits: Whether transactions wait for others who write, and copy the log into the database now and then (which
            waits for the disk). Without, they fail at once, and leave the log to somebody who waits.
    """

    pace = PACE
    offset = 0.0
    lease: float | None = None
    session: int | None = None

    def __init__(
        self, path: Path, *, survive_power_loss: bool = False, file: FileId | None = None, waits: bool = True
    ) -> None:
        self._waits = waits
        self.path = path
        self.name = str(path)
        self._file = os.path.realpath(path)
        self._log = f"{self._file}-wal"
        self._synchronous = "FULL" if survive_power_loss else "NORMAL"
        self._expected = file
        self._expected_log: FileId | None = None
        self._queue: int | None = None
        self._leading: int | None = None
        self._connection: sqlite3.Connection | None = None
        self._abandoned: list[sqlite3.Connection] = []

    def engine(self) -> Engine:
        engine = create_engine("sqlite://", creator=self._connect, poolclass=StaticPool)

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            # A transaction that starts with reading and then wants to write fails at once where another one wrote
            # meanwhile; the one that says so at the start waits.
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        return engine

    def check(self) -> None:
        if self._expected is None:
            os.close(os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        else:
            self._see_the_file()

    def _connect(self) -> sqlite3.Connection:
        # A file that is gone must not come back empty: `check` makes it, at the beginning, and nobody else.
        uri = f"{Path(self._file).as_uri()}?mode=rw"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        connection.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT * 1000) if self._waits else 0}")
        # Of several workers that switch a new file to WAL at once, one would find it locked, whatever the timeout.
        self._take_turn()
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        finally:
            self._give_turn()
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT}")
        if not self._waits:
            connection.execute("PRAGMA wal_autocheckpoint = 0")
        self._expected = self._expected or file_id(self._file)
        return connection

    def begin(self) -> SQLiteTransaction:
        connection = self._connection
        if connection is None:
            self._see_the_file()
            connection = self._connection = self._connect()
        self._take_turn()
        try:
            self._see_the_file()
            self._see_the_log(connection)
            connection.execute("BEGIN IMMEDIATE")
        except BaseException:
            self._give_turn()
            raise
        if self._expected_log is None:
            self._expected_log = file_id(self._log)
        return SQLiteTransaction(connection)

    def commit(self) -> None:
        assert self._connection is not None
        self._connection.execute("COMMIT")
        self._give_turn()

    def committed(self) -> bool:
        raise NotImplementedError("a commit to a file is never unknown")

    def roll_back(self) -> None:
        assert self._connection is not None
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:  # it is not after some errors: SQLite has rolled back then
                self._connection.execute("ROLLBACK")
        self._give_turn()

    def reading(self) -> SQLiteTransaction:
        self._see_the_file()
        if self._connection is None:
            self._connection = self._connect()
        return SQLiteTransaction(self._connection)

    def disconnect(self) -> None:
        connection, self._connection = self._connection, None
        self._expected_log = None  # the last one that closes removes it
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def close(self) -> None:
        while self._abandoned:  # before the last one, which keeps these from removing the log that is in use
            self._abandoned.pop().close()
        self.disconnect()
        for descriptor in (self._queue, self._leading):
            if descriptor is not None:
                os.close(descriptor)
        self._queue = self._leading = None

    def leads(self) -> bool:
        try:
            if self._leading is None:
                self._leading = self._open_queue()
            fcntl.lockf(self._leading, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _LEADS)
        except OSError:  # another worker does, or the file is out of reach
            return False
        return True

    def failure(self, error: Exception) -> StorageError:
        return meaning(error, self.name)

    # The file and its log: SQLite goes on writing to what has no name any more, and what is in its place is ignored.

    def _see_the_file(self) -> None:
        if self._expected is not None and file_id(self.path) != self._expected:
            # What stands there now is somebody else's, whose user locks know nothing of ours.
            raise FileNotFoundError(f"{self.path} was removed or replaced: put it back, or start anew")

    def _see_the_log(self, connection: sqlite3.Connection) -> None:
        if self._expected_log is None or (there := file_id(self._log)) == self._expected_log:
            return
        if there is None:  # nobody began a new one: all that only the lost one held goes into the database
            busy, *_ = connection.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
            if busy:
                raise FileNotFoundError(f"{self._log} was removed, and what it holds cannot be saved yet")
        # Not closed now: the last one that closes removes the log, by its name.
        self._abandoned.append(connection)
        self._connection = None
        saved = "what it held was saved" if there is None else "stop the server, and look whether messages are missing"
        raise FileNotFoundError(f"{self._log} was removed while it was in use: {saved}")

    # The queue

    def _open_queue(self) -> int:
        return os.open(f"{self._file}-writers", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def _take_turn(self) -> None:
        # SQLite lets waiting writers sleep longer the longer they wait, so that the unlucky starve. The kernel wakes
        # the waiters of a file lock, and frees it when its holder dies. (`flock` would do too, but a child that the
        # bot's code forked would keep it after the holder's death, and all writers would wait for that child.)
        if self._queue is None:
            self._queue = self._open_queue()
        fcntl.lockf(self._queue, fcntl.LOCK_EX if self._waits else fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _WRITES)

    def _give_turn(self) -> None:
        if self._queue is not None:
            fcntl.lockf(self._queue, fcntl.LOCK_UN, 1, _WRITES)
