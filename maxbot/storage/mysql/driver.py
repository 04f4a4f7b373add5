"""The two drivers, with one face: mysqlclient, and PyMySQL where nothing can be compiled.

Both are used below their cursors' conveniences: a text has no parameters, and results are bytes, texts and numbers.
"""

import os
import ssl
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from maxbot.storage.mysql.place import driver
from maxbot.storage.statement import Row
from maxbot.storage.url import ServerURL, read_password

CONNECT_TIMEOUT = 5
"""Seconds to wait for each of the hosts."""

DEADLINE = 10
"""Seconds to wait for each answer: a silent network must not hang the storage thread."""

PORT = 3306

# https://dev.mysql.com/doc/dev/mysql-server/latest/field__types_8h.html: all whole numbers; DOUBLE and DECIMAL; the
# texts that are keys. What is longer (BLOB) stays bytes.
_INTEGERS, _FLOATS, _KEYS = (1, 2, 3, 8, 9), (0, 4, 5, 246), (253, 254)


class Result(NamedTuple):
    """What a statement came to."""

    rows: list[Row]
    affected: int
    """Rows that an UPDATE found, or a DELETE removed."""


class Driver(Protocol):
    """A connection, as a driver has it."""

    def run(self, text: str, results: list[Result]) -> None:
        """Run statements, and append the result of each: after an error the list says how many were run."""

    def close(self) -> None:
        """Give it up."""


def _key(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()


_CONVERSIONS: dict[int, Callable[[Any], Any]] = {
    **dict.fromkeys(_INTEGERS, int),
    **dict.fromkeys(_FLOATS, float),
    **dict.fromkeys(_KEYS, _key),
}


class MySQLClient:
    """A connection of mysqlclient's.

    Args:
        connection: Made with `parameters`.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def run(self, text: str, results: list[Result]) -> None:
        connection = self._connection
        connection.query(text.encode())
        while True:
            found = connection.store_result()
            if found is None and connection.field_count():
                raise OSError("a result with rows ended before they came")
            results.append(Result([] if found is None else list(found.fetch_row(0)), connection.affected_rows()))
            if connection.next_result() == -1:
                return

    def close(self) -> None:
        self._connection.close()


class PyMySQL:
    """A connection of PyMySQL's.

    Args:
        connection: Made with `parameters`.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def run(self, text: str, results: list[Result]) -> None:
        cursor = self._connection.cursor()
        cursor.execute(text)
        while True:
            results.append(Result(list(cursor.fetchall()) if cursor.description else [], cursor.rowcount))
            if not cursor.nextset():
                return

    def close(self) -> None:
        self._connection.close()


def connect(place: ServerURL, host: tuple[str, str], password_file: str | None) -> Driver:
    """Connect to one of the hosts, for the path of a message.

    Raises:
        Exception: The driver's own.
    """
    given = {**parameters(place, host, password_file), "conv": _CONVERSIONS}
    if driver(place) == "pymysql":
        import pymysql
        from pymysql.constants import CLIENT

        return PyMySQL(pymysql.connect(**given, client_flag=CLIENT.MULTI_STATEMENTS | CLIENT.FOUND_ROWS))
    import MySQLdb
    from MySQLdb.constants import CLIENT as FLAGS

    flags = FLAGS.MULTI_STATEMENTS | FLAGS.FOUND_ROWS
    return MySQLClient(MySQLdb.connect(**given, client_flag=flags, use_unicode=False))


def connect_plain(place: ServerURL, host: tuple[str, str], password_file: str | None) -> Any:
    """Return a connection as SQLAlchemy wants it, whose statements belong to transactions."""
    given = {**parameters(place, host, password_file), "autocommit": False}
    if driver(place) == "pymysql":
        import pymysql
        from pymysql.constants import CLIENT

        return pymysql.connect(**given, client_flag=CLIENT.FOUND_ROWS)
    import MySQLdb
    from MySQLdb.constants import CLIENT as FLAGS

    return MySQLdb.connect(**given, client_flag=FLAGS.FOUND_ROWS)


def parameters(place: ServerURL, host: tuple[str, str], password_file: str | None) -> dict[str, Any]:
    """Return the parameters of a connection, as both drivers take them.

    Args:
        place: Of the database.
        host: Name and port.
        password_file: Holds the password; read at each connection, as it may be changed meanwhile.

    Raises:
        StartError: The file cannot be read.
    """
    password = place.password if password_file is None else read_password(password_file)
    given: dict[str, Any] = {
        "user": place.user or None,
        "password": os.environ.get("MYSQL_PWD") if password is None else password,
        "host": host[0] or None,
        "port": int(host[1] or PORT),
        "database": place.database,
        "unix_socket": place.options.get("unix-socket"),
        "read_default_file": place.options.get("defaults-file"),
        "charset": "utf8mb4",
        "autocommit": True,
        "connect_timeout": CONNECT_TIMEOUT,
        "read_timeout": DEADLINE,
        "write_timeout": DEADLINE,
        **(_pymysql_tls(place) if driver(place) == "pymysql" else _mysqlclient_tls(place)),
    }
    return {name: value for name, value in given.items() if value is not None}


def _mysqlclient_tls(place: ServerURL) -> dict[str, Any]:
    files = {name[4:]: place.options[name] for name in ("ssl-ca", "ssl-cert", "ssl-key") if name in place.options}
    mode = place.options.get("ssl-mode")
    return {"ssl_mode": None if mode is None else mode.upper(), "ssl": files or None}


def _pymysql_tls(place: ServerURL) -> dict[str, Any]:
    options = place.options
    mode = options.get("ssl-mode", "VERIFY_CA" if "ssl-ca" in options else "PREFERRED").upper()
    if mode == "DISABLED":
        return {"ssl_disabled": True}
    if mode == "PREFERRED":
        return {}
    context = ssl.create_default_context(cafile=options.get("ssl-ca"))
    context.check_hostname = mode == "VERIFY_IDENTITY"
    context.verify_mode = ssl.CERT_NONE if mode == "REQUIRED" else ssl.CERT_REQUIRED
    if "ssl-cert" in options:
        context.load_cert_chain(options["ssl-cert"], options.get("ssl-key"))
    return {"ssl": context}
