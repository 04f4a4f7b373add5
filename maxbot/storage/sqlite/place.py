"""Where a SQLite database lives: checked and claimed before the first worker starts.

Imports no SQL: the supervisor needs none, and would take longer to start than its workers.
"""

import fcntl
import os
import secrets
import tempfile
import time
from pathlib import Path

from maxbot.errors import StartError, UsageError

LATER_DATABASES = ("postgresql", "mysql", "mariadb")

MOUNTS = Path("/proc/self/mounts")

# WAL needs memory shared between all users of the file: https://www.sqlite.org/wal.html
NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "vboxsf", "afs", "ceph", "fuse.sshfs", "lustre"}


def sqlite_path(url: str) -> Path:
    """Return the file that a URL `sqlite:///relative.db` or `sqlite:////absolute.db` names.

    Raises:
        UsageError: It names none.
    """
    # The whole URL stays out of the message: it may hold a password.
    scheme = url.partition(":")[0].partition("+")[0]
    if scheme in LATER_DATABASES:
        raise UsageError(f"--database: {scheme} is not supported by this version; use sqlite:///bot.db")
    database = url.removeprefix("sqlite:///")
    if database in (url, "", ":memory:"):
        raise UsageError(
            "--database is a URL like sqlite:///bot.db (beside where you are) or sqlite:////var/lib/bot/bot.db"
        )
    return Path(database).absolute()


def new_path() -> Path:
    """Return a path in the temporary directory, `maxbot-*.db`, that nobody can guess and nothing has.

    Raises:
        StartError: There is no such directory.
    """
    try:
        return Path(tempfile.gettempdir()) / f"maxbot-{secrets.token_hex(5)}.db"
    except OSError as error:
        raise StartError(
            f"No database file can be made in the temporary directory ({error.strerror}): name one with --database"
        ) from None


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
    kind = _file_system(path.resolve().parent)  # where SQLite's log is, too, if `path` is a link
    if kind in NETWORK_FILE_SYSTEMS:
        raise StartError(
            f"The database {path} is on a network file system ({kind}), where SQLite loses data: use a local disk"
        )


def claim(path: Path, timeout: float) -> int:
    """Become the only supervisor that uses a database: user locks of two supervisors know nothing of each other.

    Args:
        path: Of the database file.
        timeout: Seconds to wait for another supervisor that is about to be gone.

    Returns:
        A file descriptor; the claim ends when it is closed or the process is gone.

    Raises:
        StartError: Another one uses it.
    """
    deadline = time.monotonic() + timeout
    try:
        descriptor = os.open(f"{path}-owner", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StartError(f"The file {error.filename} cannot be used: {error.strerror}") from None
    while True:
        try:
            # Not `flock`: a child that the bot's code forked would keep the claim after this process died.
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except (BlockingIOError, PermissionError):  # POSIX allows either
            if time.monotonic() > deadline:
                os.close(descriptor)
                raise StartError(
                    f"Another maxbot run uses the database {path}: stop that one, name another database, or use user "
                    "locks that both share (--user-locks)"
                ) from None
        time.sleep(0.05)


def _file_system(directory: Path) -> str | None:
    """Return the kind of file system that holds `directory` (resolved), where the kernel tells (Linux)."""
    try:
        mounts = MOUNTS.read_text().splitlines()
    except OSError:
        return None
    best, kind = -1, None
    for mount in mounts:
        _, point, name, *_ = mount.split()
        point = point.replace("\\040", " ")
        if directory.is_relative_to(point) and len(point) >= best:
            best, kind = len(point), name
    return kind
