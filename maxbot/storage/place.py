"""Where the database is: found, checked and claimed by the supervisor, without a line of SQL.

Imports no SQL: the supervisor needs none, and would take longer to start than its workers.
"""

from maxbot.errors import UsageError
from maxbot.storage.claim import Claim
from maxbot.storage.mysql import place as mysql
from maxbot.storage.postgresql import place as postgresql
from maxbot.storage.sqlite.claim import claim
from maxbot.storage.sqlite.place import check_place, new_path, sqlite_path
from maxbot.storage.url import has_password


def on_server(url: str) -> bool:
    """Whether a URL names a database that a server keeps, rather than a file."""
    return _scheme(url) in (*postgresql.SCHEMES, *mysql.SCHEMES)


def on_mysql(url: str) -> bool:
    """Whether a URL names a database of MySQL or MariaDB."""
    return _scheme(url) in mysql.SCHEMES


def _scheme(url: str) -> str:
    return url.partition(":")[0].partition("+")[0]


def check_url(url: str) -> None:
    """See whether a URL names a database, and whether what it needs is installed.

    Raises:
        UsageError: It does not; the text says what to do.
        StartError: Something is missing.
    """
    if on_mysql(url):
        mysql.check_url(url)
    elif on_server(url):
        postgresql.check_url(url)
    else:
        sqlite_path(url)


def check_option(url: str) -> None:
    """See whether a URL may stand on a command line, which everybody on the machine can read.

    Raises:
        UsageError: It holds a password.
    """
    if on_server(url) and has_password(url):
        raise UsageError(
            "--database: a password on the command line can be read by everybody on this machine: use "
            "--database-password-file, or the variable MAXBOT_DATABASE for the whole URL"
        )


def beside(url: str, ending: str) -> str | None:
    """Return the path of a file that belongs to a database; None where that is on a server.

    Args:
        url: As `--database` takes it.
        ending: Behind the name of the database's own file.
    """
    return None if on_server(url) else f"{sqlite_path(url)}{ending}"


def new_database() -> str:
    """Return the URL of a database that nobody has.

    Raises:
        StartError: There is no place for it.
    """
    return f"sqlite:///{new_path()}"


def claim_database(url: str, timeout: float, *, shared: bool = False) -> Claim:
    """See whether a database can be used, and become the only supervisor that uses it, where it is a file.

    Args:
        url: As `--database` takes it. A file that is not there is made, readable by its owner alone.
        timeout: Seconds to wait for another supervisor that is about to be gone.
        shared: Whether others may use it too: the user locks reach further than one supervisor.

    Raises:
        UsageError: No database can be meant.
        StartError: It cannot be used, or another supervisor uses it; the text says why and what to do.
    """
    if on_server(url):
        return Claim(None)  # whether the server can be reached is for the workers to see
    path = sqlite_path(url)
    check_place(path)
    return claim(path, timeout, shared=shared)
