"""Make a database ready: create, migrate, or refuse it. Every worker does so at its start; the first has the work."""

from pathlib import Path

from sqlalchemy import Connection, insert, inspect, select
from sqlalchemy.exc import DBAPIError

from maxbot.errors import StartError, StorageUnavailable
from maxbot.storage.backend import Backend
from maxbot.storage.claim import FileId
from maxbot.storage.place import check_url, on_mysql, on_server
from maxbot.storage.schema import REVISION, inbox, metadata, revisions
from maxbot.storage.sqlite.backend import SQLite
from maxbot.storage.sqlite.place import sqlite_path

MIGRATIONS = Path(__file__).parent / "migrations"


def open_backend(url: str, durability: str, file: FileId | None = None, password_file: str | None = None) -> Backend:
    """Return the kind of database that a URL names.

    Args:
        url: As `--database` takes it.
        durability: What a commit survives: `process` or `power-loss`.
        file: What tells the run's file from another one in its place, where the database is one.
        password_file: Holds the password of a server's database.

    Raises:
        UsageError: No database can be meant.
    """
    check_url(url)
    if on_mysql(url):
        from maxbot.storage.mysql.backend import MySQL  # its driver is an extra

        return MySQL(url, password_file)
    if on_server(url):
        from maxbot.storage.postgresql.backend import PostgreSQL  # its driver is an extra

        return PostgreSQL(url, password_file)
    return SQLite(sqlite_path(url), survive_power_loss=durability == "power-loss", file=file)


def open_quick(url: str, durability: str, file: FileId | None) -> Backend | None:
    """Return a further way to a database for transactions that never wait; None where there is none.

    On a server each of them waits for the network, and one that outlives a power loss for the disk.
    """
    if on_server(url) or durability == "power-loss":
        return None
    return SQLite(sqlite_path(url), file=file, waits=False)


def prepare(backend: Backend) -> None:
    """Create the tables, or bring those of an older release up to date.

    Raises:
        StorageUnavailable: Another program holds it.
        StartError: It cannot be done; the text says why and what to do.
    """
    engine = backend.engine()
    try:
        backend.check()
        with engine.connect() as connection:
            _bring_up_to_date(connection, backend.name)
    except (DBAPIError, OSError) as error:
        reason = str(backend.failure(_cause(error))) if isinstance(error, DBAPIError) else error.strerror or str(error)
        if "database is locked" in reason:
            raise StorageUnavailable(f"The database {backend.name} is in use by another program") from None
        raise StartError(f"The database {backend.name} cannot be used: {reason}{_advice(reason)}") from None
    finally:
        engine.dispose()
        backend.close()


def _bring_up_to_date(connection: Connection, name: str) -> None:
    with connection.begin():
        tables = inspect(connection).get_table_names()
        if revisions.name not in tables or inbox.name not in tables:  # others use Alembic too
            if tables:
                raise StartError(f"The database {name} belongs to something else: name another one with --database")
            metadata.create_all(connection)
            connection.execute(insert(revisions), {"version_num": REVISION})
            return
        revision = connection.execute(select(revisions.c.version_num)).scalar_one()
        if revision == REVISION:
            return
        if revision not in known_revisions():
            raise StartError(
                f"The database {name} was made by a newer release of maxbot (schema {revision}, this one knows "
                f"{REVISION}): update maxbot, or name another database with --database"
            )
        migrate(connection)


def _cause(error: DBAPIError) -> Exception:
    return error.orig if isinstance(error.orig, Exception) else error


def known_revisions() -> list[str]:
    """Return all schema revisions, oldest first."""
    return sorted(file.stem[:4] for file in (MIGRATIONS / "versions").glob("[0-9]*.py"))


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
