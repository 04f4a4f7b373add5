"""Where a PostgreSQL database is. Imports no driver: the supervisor needs none."""

from importlib.util import find_spec

from maxbot.errors import StartError, UsageError
from maxbot.storage.url import ServerURL, parse, read_password

SCHEMES = ("postgresql", "postgres")

CONNECT_TIMEOUT = "5"
"""Seconds to wait for each of the hosts."""

# A network that went silent is noticed within some 25 s even where nobody asks anything.
_USUAL = {
    "connect_timeout": CONNECT_TIMEOUT,
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
    "application_name": "maxbot",
}


def check_url(url: str) -> None:
    """See whether a URL names a database, and whether its driver is installed.

    Raises:
        UsageError: It does not; the text says what to do.
        StartError: The driver is missing.
    """
    place = parse(url)
    if place.scheme not in SCHEMES:
        raise UsageError("--database: PostgreSQL's URLs are like postgresql://user@host/bot, whatever the driver")
    if place.options.get("prepared", "on") not in ("on", "off"):
        raise UsageError("--database: prepared is on or off (for a pooler that does not keep prepared statements)")
    if not _installed():
        raise StartError('PostgreSQL needs a driver: pip install "maxbot[postgresql]"')


def _installed() -> bool:
    try:
        return find_spec("psycopg") is not None
    except ValueError:
        return False


def parameters(place: ServerURL, password_file: str | None) -> dict[str, str]:
    """Return the parameters of a connection, by libpq's names.

    Source: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS

    Args:
        place: Whatever its options are, they are libpq's, but for `prepared`.
        password_file: Holds the password; read at each connection, as it may be changed meanwhile. Where neither it
            nor the URL has one, libpq looks into PGPASSWORD and the passfile.

    Raises:
        StartError: The file cannot be read.
    """
    options = {name: value for name, value in place.options.items() if name != "prepared"}
    found = {**_USUAL, **options, "dbname": place.database, "client_encoding": "utf8"}
    if any(host for host, _ in place.hosts):
        found["host"] = ",".join(host for host, _ in place.hosts)
    if any(port for _, port in place.hosts):
        found["port"] = ",".join(port for _, port in place.hosts)
    if place.user:
        found["user"] = place.user
    password = place.password if password_file is None else read_password(password_file)
    return found if password is None else {**found, "password": password}
