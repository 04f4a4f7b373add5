"""Where the database is: found, checked and claimed by the supervisor, without a line of SQL.

Imports no SQL: the supervisor needs none, and would take longer to start than its workers.
"""

from maxbot.storage.claim import Claim
from maxbot.storage.sqlite.claim import claim
from maxbot.storage.sqlite.place import check_place, new_path, sqlite_path


def check_url(url: str) -> None:
    """See whether a URL names a database.

    Raises:
        UsageError: It does not; the text says what to do.
    """
    sqlite_path(url)


def new_database() -> str:
    """Return the URL of a database that nobody has.

    Raises:
        StartError: There is no place for it.
    """
    return f"sqlite:///{new_path()}"


def claim_database(url: str, timeout: float, *, shared: bool = False) -> Claim:
    """See whether a database can be used, and become the only supervisor that uses it.

    Args:
        url: As `--database` takes it. A file that is not there is made, readable by its owner alone.
        timeout: Seconds to wait for another supervisor that is about to be gone.
        shared: Whether others may use it too: the user locks reach further than one supervisor.

    Raises:
        UsageError: No database can be meant.
        StartError: It cannot be used, or another supervisor uses it; the text says why and what to do.
    """
    path = sqlite_path(url)
    check_place(path)
    return claim(path, timeout, shared=shared)
