"""Where a MySQL or MariaDB database is. Imports no driver: the supervisor needs none."""

from importlib.util import find_spec

from maxbot.errors import StartError, UsageError
from maxbot.storage.url import ServerURL, parse

SCHEMES = ("mysql", "mariadb")

SSL_MODES = ("DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY")

OPTIONS = ("ssl-mode", "ssl-ca", "ssl-cert", "ssl-key", "unix-socket", "defaults-file", "galera")

# Names after a scheme, and what is to be installed for them.
DRIVERS = {"mysqldb": ("MySQLdb", "mysql"), "pymysql": ("pymysql", "pymysql")}


def driver(place: ServerURL) -> str:
    """Return the name of the driver that a URL asks for: mysqlclient, where it says nothing."""
    return place.scheme.partition("+")[2] or "mysqldb"


def check_url(url: str) -> None:
    """See whether a URL names a database, and whether its driver is installed.

    Raises:
        UsageError: It does not; the text says what to do.
        StartError: The driver is missing.
    """
    place = parse(url)
    if driver(place) not in DRIVERS:
        raise UsageError("--database: MySQL's URLs are like mysql://user@host/bot, or mysql+pymysql://user@host/bot")
    unknown = sorted(set(place.options) - set(OPTIONS))
    if unknown:
        raise UsageError(f"--database: there is no option {unknown[0]}; there are {', '.join(OPTIONS)}")
    if place.options.get("ssl-mode", "DISABLED").upper() not in SSL_MODES:
        raise UsageError(f"--database: ssl-mode is one of {', '.join(SSL_MODES)}")
    if place.options.get("galera", "one-writer") != "one-writer":
        raise UsageError("--database: galera is one-writer, or is left out")
    module, extra = DRIVERS[driver(place)]
    if find_spec(module) is None:
        other = "" if extra == "pymysql" else ' (needs a compiler; without one "maxbot[pymysql]" and mysql+pymysql://…)'
        raise StartError(f'MySQL needs a driver: pip install "maxbot[{extra}]"{other}')
