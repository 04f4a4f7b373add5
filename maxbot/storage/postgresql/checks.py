"""What must hold of a server before a worker begins: seen once, at the start."""

from maxbot.errors import StartError
from maxbot.storage.postgresql.connection import Connection
from maxbot.storage.postgresql.words import plain
from maxbot.storage.schema import metadata

OLDEST = 14
"""The oldest major version that is supported: https://www.postgresql.org/support/versioning/"""

_SETTINGS = """
    SELECT current_setting('server_version_num')::int8, current_setting('server_version'),
        current_setting('server_encoding'), pg_is_in_recovery(), current_setting('default_transaction_read_only')
"""
_CACHES = """
    SELECT s.relname::text, q.seqcache FROM pg_sequence q JOIN pg_class s ON s.oid = q.seqrelid
    JOIN pg_depend d ON d.objid = s.oid AND d.deptype IN ('a', 'i') JOIN pg_class t ON t.oid = d.refobjid
    WHERE pg_table_is_visible(t.oid) AND t.relname IN ({}) AND q.seqcache > 1
"""
_PROBE = plain("SELECT 1")
_PREPARED = "SELECT name FROM pg_prepared_statements WHERE name LIKE 'maxbot%'"


def check(connection: Connection, name: str, *, prepared: bool, said: bool) -> None:
    """See whether a server can be used.

    Args:
        connection: To it.
        name: Of the database, for people.
        prepared: Whether statements are prepared.
        said: Whether somebody asked for that.

    Raises:
        StartError: It cannot; the text says why and what to do.
    """
    number, version, encoding, recovers, read_only = connection.ask(_SETTINGS)[0]
    assert isinstance(number, int)
    if number < OLDEST * 10_000:
        raise StartError(f"The server of {name} is PostgreSQL {version}: maxbot needs {OLDEST} or newer")
    if encoding != "UTF8":
        raise StartError(f"The database {name} is in {encoding}: make one with ENCODING 'UTF8'")
    if recovers or read_only == "on":
        raise StartError(
            f"The server of {name} takes no writes (a standby?): name all hosts in the URL, with "
            "target_session_attrs=read-write"
        )
    _check_sequences(connection, name)
    if prepared and not said and connection.behind_pooler and _keeps_our_names(connection):
        raise StartError(
            f"Before {name} is a pooler that does not know of prepared statements: add prepared=off to the URL, or "
            "update PgBouncer to 1.21 with max_prepared_statements (a pool of sessions takes prepared=on)"
        )


def _keeps_our_names(connection: Connection) -> bool:
    """Whether a pooler hands names of prepared statements through: one that knows of them gives names of its own."""
    connection.queue(_PROBE)
    connection.exchange(sync=True)
    return bool(connection.ask(_PREPARED))


def _check_sequences(connection: Connection, name: str) -> None:
    tables = ", ".join(f"'{table}'" for table in metadata.tables)
    for sequence, cache in connection.ask(_CACHES.format(tables)):
        # Each connection would give numbers out of a stock of its own, and later updates get lower ones.
        raise StartError(
            f"In {name} the sequence {sequence} has a cache of {cache}, and messages would get out of order: ALTER "
            f"SEQUENCE {sequence} CACHE 1"
        )
