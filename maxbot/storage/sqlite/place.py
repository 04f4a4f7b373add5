"""Where a SQLite database lives: checked before the first worker starts.

Imports no SQL: the supervisor needs none, and would take longer to start than its workers.
"""

import os
import secrets
import tempfile
from pathlib import Path

from maxbot.errors import StartError, UsageError
from maxbot.storage.claim import FileId

MOUNTS = Path("/proc/self/mounts")

# WAL needs memory shared between all users of the file: https://www.sqlite.org/wal.html
NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "vboxsf", "afs", "ceph", "fuse.sshfs", "lustre"}


def sqlite_path(url: str) -> Path:
    """Return the file that a URL `sqlite:///relative.db` or `sqlite:////absolute.db` names.

    Raises:
        UsageError: It names none.
    """
    # The whole URL stays out of the message: it may hold a password.
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


def file_id(path: str | Path) -> FileId | None:
    """Return what tells a file from another one of the same name; None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


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
