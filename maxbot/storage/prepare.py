"""Make a database ready: create, migrate, or refuse it. Every worker does so at its start; the first has the work."""

import re
import time
from pathlib import Path

from sqlalchemy import Connection, Engine, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError

from maxbot.errors import StartError, StorageUnavailable
from maxbot.storage.backend import Backend, Member
from maxbot.storage.claim import FileId
from maxbot.storage.place import check_url, on_mysql, on_server
from maxbot.storage.schema import REVISION, inbox, metadata, revisions, sessions
from maxbot.storage.sqlite.backend import SQLite
from maxbot.storage.sqlite.place import sqlite_path

_NUMBER = r"\d{4}(\.\d{4})?"

STEP_PATIENCE = 2
"""Seconds for which a step of a migration waits for a table that others use."""

STEP_PAUSE = 1.0
"""Seconds in which they go on."""

STEP_ATTEMPTS = 30

MIGRATIONS = Path(__file__).parent / "migrations"


def open_backend(
    url: str,
    durability: str,
    file: FileId | None = None,
    password_file: str | None = None,
    member: Member | None = None,
) -> Backend:
    """Return the kind of database that a URL names.

    Args:
        url: As `--database` takes it.
        durability: What a commit survives: `process` or `power-loss`.
        file: What tells the run's file from another one in its place, where the database is one.
        password_file: Holds the password of a server's database.
        member: What the worker is to those of other hosts, where a server keeps the database.

    Raises:
        UsageError: No database can be meant.
    """
    check_url(url)
    if on_mysql(url):
        from maxbot.storage.mysql.backend import MySQL  # its driver is an extra

        return MySQL(url, password_file, member)
    if on_server(url):
        from maxbot.storage.postgresql.backend import PostgreSQL  # its driver is an extra

        return PostgreSQL(url, password_file, member)
    return SQLite(sqlite_path(url), survive_power_loss=durability == "power-loss", file=file)


def open_quick(url: str, durability: str, file: FileId | None) -> Backend | None:
    """Return a further way to a database for transactions that never wait; None where there is none.

    On a server each of them waits for the network, and one that outlives a power loss for the disk.
    """
    if on_server(url) or durability == "power-loss":
        return None
    return SQLite(sqlite_path(url), file=file, waits=False)


def prepare(backend: Backend, *, upgrade: bool = False) -> list[str]:
    """Create the tables, or see whether those that are there can be used.

    Args:
        backend: The database.
        upgrade: Whether those of an older release are brought up to date; else they are refused.

    Returns:
        The revisions that were applied to what was there.

    Raises:
        StorageUnavailable: Another program holds it.
        StartError: It cannot be done; the text says why and what to do.
    """
    engine = backend.engine()
    try:
        backend.check()
        return _until_free(engine, backend.name, upgrade=upgrade)
    except (DBAPIError, OSError) as error:
        reason = str(backend.failure(_cause(error))) if isinstance(error, DBAPIError) else error.strerror or str(error)
        if "database is locked" in reason:
            raise StorageUnavailable(f"The database {backend.name} is in use by another program") from None
        raise StartError(f"The database {backend.name} cannot be used: {reason}{_advice(reason)}") from None
    finally:
        engine.dispose()
        backend.close()


def _until_free(engine: Engine, name: str, *, upgrade: bool) -> list[str]:
    """Bring it up to date.

    Whoever uses a table may keep a step from it for long, and all others queue behind the step. So it waits a short
    time, lets them pass, and tries again.
    """
    for attempt in range(1, STEP_ATTEMPTS + 1):
        try:
            with engine.connect() as connection:
                return _bring_up_to_date(connection, name, upgrade=upgrade)
        except DBAPIError as error:
            if not upgrade or not _was_locked(_cause(error)) or attempt == STEP_ATTEMPTS:
                raise
            time.sleep(STEP_PAUSE)
    raise AssertionError


def _be_impatient(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{STEP_PATIENCE}s'"))
    elif connection.dialect.name == "mysql":
        connection.execute(text(f"SET SESSION lock_wait_timeout = {STEP_PATIENCE}"))


def _was_locked(error: Exception) -> bool:
    return getattr(error, "sqlstate", None) == "55P03" or error.args[:1] == (1205,)


def _bring_up_to_date(connection: Connection, name: str, *, upgrade: bool) -> list[str]:
    with connection.begin():
        found = current(connection, name)
        if found is None:
            metadata.create_all(connection)
            connection.execute(insert(revisions), {"version_num": REVISION})
            return []
        if number(found) == number(REVISION) or ((newer := number(found) > number(REVISION)) and usable(found)):
            return []
        if newer:
            raise StartError(
                f"The database {name} was made by a newer release of maxbot (schema {found}, this one knows "
                f"{REVISION}): update maxbot, or name another database with --database"
            )
        if not upgrade:
            raise StartError(
                f"The database {name} was made by an older release of maxbot (schema {found}, this one needs "
                f"{REVISION}). Make a backup, then: maxbot db upgrade --database {name} (or start with --migrate)"
            )
        steps = [revision for revision in known_revisions() if number(revision) > number(found)]
        _see_workers(connection, name, steps)
        _be_impatient(connection)
        migrate(connection)
        return steps


def current(connection: Connection, name: str) -> str | None:
    """Return a database's revision; None where there is nothing in it, or what a start had begun and not ended.

    Raises:
        StartError: It belongs to something else.
    """
    there = inspect(connection)
    tables = there.get_table_names()
    found = connection.execute(select(revisions.c.version_num)).scalars().all() if revisions.name in tables else []
    if found:  # others use Alembic too
        ours = inbox.name in tables and re.fullmatch(_NUMBER, found[0]) is not None
    else:
        ours = all(_begun(table, {column["name"] for column in there.get_columns(table)}) for table in tables)
    if not ours:
        raise StartError(f"The database {name} belongs to something else: name another one with --database")
    return found[0] if found else None


def _begun(table: str, columns: set[str]) -> bool:
    """Whether a table is as a start makes it: on MySQL one that is killed leaves some of them."""
    return table in metadata.tables and columns == set(metadata.tables[table].c.keys())


def number(revision: str) -> int:
    """Return which schema it is."""
    return int(revision[:4])


def oldest(revision: str) -> int:
    """Return the schema of the oldest release that can use it."""
    return int(revision[5:] or revision[:4])


def usable(revision: str) -> bool:
    """Whether this release can use a database of a revision that is newer than its own."""
    return oldest(revision) <= number(REVISION)


def _see_workers(connection: Connection, name: str, steps: list[str]) -> None:
    """See that no worker is alive that could not go on after the steps."""
    needed = max(oldest(step) for step in steps)
    alive = select(sessions.c.host, sessions.c.revision).where(~sessions.c.ended, sessions.c.until > time.time())
    for host, revision in connection.execute(alive):
        if number(revision) < needed:
            raise StartError(
                f"The database {name} is in use by a worker of an older release on {host}, which could not go on after "
                "the upgrade: stop all of that release first"
            )


def _cause(error: DBAPIError) -> Exception:
    return error.orig if isinstance(error.orig, Exception) else error


def known_revisions() -> list[str]:
    """Return all schema revisions, oldest first: their files are named `0003.0002_what.py`."""
    return sorted(file.name.partition("_")[0] for file in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def migrate(connection: Connection) -> None:
    """Run the migrations that the database has not seen, within the connection's transaction."""
    # Only now: importing Alembic takes longer than all the rest of a start.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _advice(reason: str) -> str:
    if "full" in reason or "No space" in reason:
        return ". Free some space on the disk"
    if "readonly" in reason or "unable to open" in reason:
        return ". Check the permissions of the file and its directory"
    if "not a database" in reason:
        return ". Name another file with --database"
    return ""
