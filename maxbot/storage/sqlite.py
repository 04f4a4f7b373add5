"""SQLite: one file, several processes of one host.

Files beside `bot.db`: SQLite's own `-wal` and `-shm`; `-writers`, the queue of those who want to write; `-owner`,
held by the one supervisor that uses the database.
"""

import fcntl
import os
import sqlite3
import tempfile
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import StaticPool

from maxbot.errors import StartError, UsageError

BUSY_TIMEOUT = 5.0
"""How long a transaction waits for somebody outside our queue (a backup, the sqlite3 shell), in seconds."""

WAL_LIMIT = 16 * 1024 * 1024
"""To what size the log file is cut back after a checkpoint, in bytes."""

# WAL needs memory shared between all users of the file: https://www.sqlite.org/wal.html
NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "vboxsf", "afs", "ceph", "fuse.sshfs", "lustre"}


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

    def engine(self) -> Engine:
        engine = create_engine("sqlite://", creator=self._connect, poolclass=StaticPool)

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            # A transaction that starts with reading and then wants to write fails at once where another one wrote
            # meanwhile; the one that says so at the start waits.
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        return engine

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        # The switch to WAL itself can find the file busy: hence the timeout first.
        connection.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT * 1000)}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT}")
        return connection

    def begin(self, connection: Connection) -> None:
        # SQLite lets waiting writers sleep longer the longer they wait, so that the unlucky starve. The kernel wakes
        # the waiters of a file lock, and frees it when its holder dies.
        if self._queue is None:
            self._queue = os.open(f"{self.path}-writers", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._queue, fcntl.LOCK_EX)
        connection.begin()

    def end(self) -> None:
        if self._queue is not None:
            fcntl.flock(self._queue, fcntl.LOCK_UN)

    def close(self) -> None:
        if self._queue is not None:
            os.close(self._queue)
            self._queue = None

    def own(self) -> int | None:
        """Become the only supervisor that uses the file.

        Returns:
            A file descriptor that holds the claim for as long as it is open; None if another one has it.
        """
        claim = os.open(f"{self.path}-owner", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(claim)
            return None
        return claim


def sqlite_path(url: str) -> Path:
    """Return the file that a URL `sqlite:///relative.db` or `sqlite:////absolute.db` names.

    Raises:
        UsageError: It names none.
    """
    try:
        database = make_url(url).database
    except ArgumentError:
        database = None
    if not url.startswith("sqlite:///") or not database or database == ":memory:":
        raise UsageError(
            "--database must name a file: sqlite:///bot.db (beside where you are) or sqlite:////var/lib/bot/bot.db"
        )
    return Path(database).absolute()


def new_path() -> Path:
    """Return the path of a new, empty database file `maxbot-*.db` in the temporary directory."""
    handle, name = tempfile.mkstemp(prefix="maxbot-", suffix=".db")
    os.close(handle)
    return Path(name)


def check_place(path: Path) -> None:
    """See whether a SQLite database can live at `path`.

    Raises:
        StartError: It cannot; the text says why and what to do.
    """
    if path.is_dir():
        raise StartError(f"{path} is a directory: --database must name a file in it")
    if not path.parent.is_dir():
        raise StartError(f"The directory {path.parent} does not exist: make it, or name another file with --database")
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        raise StartError(f"The database {path} cannot be written: check its owner and permissions")
    if not os.access(path.parent, os.W_OK):
        raise StartError(f"The directory {path.parent} cannot be written, and SQLite keeps its log beside {path.name}")
    kind = _file_system(path.parent)
    if kind in NETWORK_FILE_SYSTEMS:
        raise StartError(
            f"The database {path} is on a network file system ({kind}), where SQLite loses data: use a local disk"
        )


def _file_system(directory: Path) -> str | None:
    """Return the kind of file system that holds `directory`, where the kernel tells (Linux)."""
    try:
        mounts = Path("/proc/self/mounts").read_text().splitlines()
    except OSError:
        return None
    resolved, best, kind = directory.resolve(), -1, None
    for mount in mounts:
        _, point, name, *_ = mount.split()
        point = point.replace("\\040", " ")
        if resolved.is_relative_to(point) and len(point) >= best:
            best, kind = len(point), name
    return kind
