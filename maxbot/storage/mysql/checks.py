"""What must hold of a server before a worker begins: seen once, at the start."""

import re

from maxbot.errors import StartError
from maxbot.storage.columns import Key
from maxbot.storage.mysql.connection import Connection
from maxbot.storage.mysql.tables import CHARSET, ENGINE
from maxbot.storage.mysql.words import literal
from maxbot.storage.schema import metadata

OLDEST = {"MariaDB": (10, 6), "MySQL": (8, 0)}
"""The oldest versions whose words are enough; those before get no updates any more."""

_TABLES = f"""
    SELECT HEX(t.TABLE_NAME), HEX(t.ENGINE), HEX(COALESCE(t.TABLE_COLLATION, '')) FROM information_schema.TABLES AS t
    WHERE t.TABLE_SCHEMA = DATABASE() AND t.TABLE_NAME IN ({", ".join(literal(name) for name in metadata.tables)})
"""
_COLUMNS = """
    SELECT HEX(TABLE_NAME), HEX(COLUMN_NAME), HEX(DATA_TYPE) FROM information_schema.COLUMNS
    WHERE TABLE_SCHEMA = DATABASE()
"""


def check(connection: Connection, name: str, *, one_writer: bool) -> None:
    """See whether a server can be used.

    Args:
        connection: To it.
        name: Of the database, for people.
        one_writer: Whether somebody said that all workers use the same node of a cluster.

    Raises:
        StartError: It cannot; the text says why and what to do.
    """
    settings = variables(connection)
    _check_version(settings["version"], name)
    if settings.get("read_only", "OFF") not in ("OFF", "0") or settings.get("innodb_read_only") == "ON":
        raise StartError(
            f"The server of {name} takes no writes (a replica?): name the primary, or all hosts in the URL"
        )
    if settings.get("wsrep_on") == "ON" and not one_writer:
        # Two nodes number messages each for itself, and most transactions end as deadlocks.
        raise StartError(
            f"The server of {name} is a node of a Galera cluster, where messages get out of order if several nodes are "
            "written to: let all workers use one node, and say so with galera=one-writer in the URL"
        )
    if settings.get("log_bin") == "ON" and settings.get("binlog_format") == "STATEMENT":
        raise StartError(f"The server of {name} has binlog_format=STATEMENT: set it to ROW or MIXED")
    _check_tables(connection, name)


def variables(connection: Connection) -> dict[str, str]:
    """Return the settings of a session, by name."""
    found: dict[str, str] = dict(connection.ask("SHOW VARIABLES"))
    return found


def product(version: str) -> tuple[str, tuple[int, int]]:
    """Return whose server it is, and its version."""
    found = re.match(r"(?:5\.5\.5-)?(\d+)\.(\d+)", version)
    number = (int(found[1]), int(found[2])) if found else (0, 0)
    return ("MariaDB" if "mariadb" in version.lower() else "MySQL"), number


def _check_version(version: str, name: str) -> None:
    maker, number = product(version)
    if number < OLDEST[maker]:
        oldest = ".".join(map(str, OLDEST[maker]))
        raise StartError(f"The server of {name} is {maker} {version}: maxbot needs {oldest} or newer")


def _check_tables(connection: Connection, name: str) -> None:
    for table, engine, collation in _texts(connection, _TABLES):
        if engine != ENGINE:
            raise StartError(f"In {name} the table {table} is of {engine}: ALTER TABLE {table} ENGINE={ENGINE}")
        if not collation.startswith(CHARSET):
            raise StartError(
                f"In {name} the table {table} has the collation {collation}, which cannot keep all characters: ALTER "
                f"TABLE {table} CONVERT TO CHARACTER SET {CHARSET} COLLATE {CHARSET}_bin"
            )
    for table, column, kind in _texts(connection, _COLUMNS):
        ours = metadata.tables.get(table)
        if ours is not None and column in ours.c and isinstance(ours.c[column].type, Key) and kind != "varbinary":
            raise StartError(
                f"In {name} the column {table}.{column} is {kind}, whose collation takes different users for one: make "
                f"it VARBINARY again, as docs/reference/database.md has it"
            )


def _texts(connection: Connection, question: str) -> list[list[str]]:
    # In hexadecimal: the texts of information_schema are BLOBs on one server, and are not on another.
    return [[bytes.fromhex(value or "").decode() for value in row] for row in connection.ask(question)]
