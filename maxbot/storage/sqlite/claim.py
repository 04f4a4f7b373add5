"""One supervisor uses a database file at a time: user locks of two supervisors know nothing of each other."""

import fcntl
import os
import time
from pathlib import Path

from maxbot.errors import StartError
from maxbot.storage.claim import Claim


def claim(path: Path, timeout: float, *, shared: bool = False) -> Claim:
    """Make the file if it is not there, readable by its owner alone, and become the only supervisor that uses it.

    Args:
        path: Of the database file; a link to it is as good.
        timeout: Seconds to wait for another supervisor that is about to be gone.
        shared: Whether others may use it too: the user locks reach further than one supervisor.

    Raises:
        StartError: Another one uses it, or it cannot be used.
    """
    file = Path(os.path.realpath(path))
    owner = None if shared else _own(file, timeout)
    # Not before it is ours: whoever closes a file frees all locks that the process has on it, SQLite's too.
    database = _open(file)
    status = os.fstat(database)
    if status.st_nlink > 1:
        # SQLite would keep a log for each name: https://www.sqlite.org/howtocorrupt.html#_multiple_links_to_the_same_file
        raise StartError(
            f"The database {path} has a second name (a hard link), and whoever used that one would destroy it: remove "
            "the second name, or copy the file"
        )
    return Claim((status.st_dev, status.st_ino), (database,) if owner is None else (owner, database))


def _own(file: Path, timeout: float) -> int:
    deadline = time.monotonic() + timeout
    descriptor = _open(Path(f"{file}-owner"))
    while True:
        try:
            # Not `flock`: a child that the bot's code forked would keep the claim after this process died.
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except (BlockingIOError, PermissionError):  # POSIX allows either
            if time.monotonic() > deadline:
                os.close(descriptor)
                raise StartError(
                    f"Another maxbot run uses the database {file}: stop that one, name another database, or use user "
                    "locks that both share (--user-locks)"
                ) from None
        time.sleep(0.05)


def _open(file: Path) -> int:
    try:
        return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StartError(f"The file {error.filename} cannot be used: {error.strerror}") from None
