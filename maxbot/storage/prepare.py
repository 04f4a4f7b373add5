"""Make a database ready: create, migrate, or refuse it. Every worker does so at its start; the first has the work."""

from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, inspect, select
from sqlalchemy.exc import DBAPIError

from maxbot.errors import StartError
from maxbot.storage.schema import REVISION, dead_letters, inbox, metadata, outbox, revisions
from maxbot.storage.sqlite.backend import SQLite
from maxbot.storage.sqlite.place import sqlite_path
from maxbot.storage.tables.counters import read_counters

MIGRATIONS = Path(__file__).parent / "migrations"


def open_backend(url: str, durability: str) -> SQLite:
    """Return the kind of database that a URL names.

    Raises:
        UsageError: No database can be meant.
    """
    return SQLite(sqlite_path(url), survive_power_loss=durability == "power-loss")


def prepare(backend: SQLite) -> None:
    """Create the tables, or bring those of an older release up to date.

    Raises:
        StartError: It cannot be done; the text says why and what to do.
    """
    engine = backend.engine()
    try:
        backend.path.touch()
        with engine.connect() as connection:
            _bring_up_to_date(connection, backend.path)
    except (DBAPIError, OSError) as error:
        reason = str(error.orig) if isinstance(error, DBAPIError) else error.strerror or str(error)
        raise StartError(f"The database {backend.path} cannot be used: {reason}{_advice(reason)}") from None
    finally:
        engine.dispose()
        backend.close()


def _bring_up_to_date(connection: Connection, path: Path) -> None:
    with connection.begin():
        tables = inspect(connection).get_table_names()
        if revisions.name not in tables or inbox.name not in tables:  # others use Alembic too
            if tables:
                raise StartError(f"The database {path} belongs to something else: name another one with --database")
            metadata.create_all(connection)
            connection.execute(insert(revisions), {"version_num": REVISION})
            return
        revision = connection.execute(select(revisions.c.version_num)).scalar_one()
        if revision == REVISION:
            return
        if revision not in known_revisions():
            raise StartError(
                f"The database {path} was made by a newer release of maxbot (schema {revision}, this one knows "
                f"{REVISION}): update maxbot, or name another database with --database"
            )
        migrate(connection)


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
    if "locked" in reason:
        return ". Another program is writing to it"
    return ""


class Summary(NamedTuple):
    """What a database holds after a run."""

    updates: int
    """In the inbox: accepted, not yet answered."""
    commands: int
    """In the outbox: committed, not yet sent."""
    dead_letters: int
    counters: dict[str, int]


def summarize(backend: SQLite) -> Summary | None:
    """Count what is left in a database; None where it does not answer."""
    engine = backend.engine()
    try:
        with engine.connect() as connection:
            updates, commands, letters = (
                connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in (inbox, outbox, dead_letters)
            )
            return Summary(updates, commands, letters, read_counters(connection))
    except DBAPIError:
        return None
    finally:
        engine.dispose()
        backend.close()
