"""A prepared database, and a store on it."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import select

from maxbot.errors import StorageUnavailable
from maxbot.storage.backend import Backend, Member
from maxbot.storage.database import Database
from maxbot.storage.mysql.backend import MySQL
from maxbot.storage.postgresql.backend import PostgreSQL
from maxbot.storage.prepare import prepare
from maxbot.storage.schema import metadata
from maxbot.storage.sqlite.backend import SQLite
from maxbot.storage.store import Store
from maxbot.types import Command, Dialog, Update
from tests.support import mysql, postgresql
from tests.support.mysql_proxy import MySQLProxy
from tests.support.postgresql_proxy import Proxy
from tests.support.processes import eventually

Told = TypeVar("Told")

ANNA = Dialog("telegram", "1")


def update(key: str, dialog: Dialog = ANNA, sequence: int | None = None) -> Update:
    """Return an update whose text is its key."""
    return Update(dialog, key, {"text": key}, sequence)


def says(*texts: str, resend: bool = True) -> list[Command]:
    """Return commands with texts."""
    return [Command({"text": text}, resend=resend) for text in texts]


class Place(ABC):
    """Where one database is, of one kind."""

    url = ""
    """As `--database` takes it, where a server keeps it."""

    @abstractmethod
    def backend(self) -> Backend:
        """Return a further way to it."""

    def worker(self, member: Member) -> Backend:
        """Return the way of a worker among others."""
        raise NotImplementedError("no other host uses a file")

    def proxy(self) -> Proxy:
        """Return what can stand before its server."""
        raise NotImplementedError("a file has no server")

    def through(self, proxy: Proxy) -> str:
        """Return the URL of the database behind it."""
        raise NotImplementedError("a file has no server")

    def wait_for_a_lock(self) -> None:
        """Wait until somebody waits for a lock."""
        raise NotImplementedError("a file has no server")

    def prepared(self) -> Backend:
        """Return a way to it, once it is ready."""
        backend = self.backend()
        prepare(backend)
        return backend

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Store]:
        """Give a store on it."""
        async with self.databases(1) as (database,):
            yield Store(database)

    def databases(self, count: int) -> AbstractAsyncContextManager[list[Database]]:
        """Give several connections to it, each with its thread."""
        return _connected(self, count)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return all rows of a table, in the order of its first column."""
        backend = self.backend()
        engine = backend.engine()
        columns = metadata.tables[table].c
        try:
            with engine.connect() as connection:
                found = connection.execute(select(*columns).order_by(next(iter(columns)))).mappings()
                return [dict(row) for row in found]
        finally:
            engine.dispose()
            backend.close()


@asynccontextmanager
async def _connected(place: Place, count: int) -> AsyncIterator[list[Database]]:
    place.prepared()
    made = [Database(place.backend()) for _ in range(count)]
    try:
        yield made
    finally:
        for database in made:
            await database.close()


class SQLitePlace(Place):
    """A SQLite file."""

    def __init__(self, directory: Path, name: str = "bot.db") -> None:
        self.path = directory / name

    def backend(self) -> SQLite:
        return SQLite(self.path)


class PostgreSQLPlace(Place):
    """A database of the tests' own server."""

    def __init__(self, directory: Path | None = None) -> None:
        self.server = postgresql.shared_server()
        self.database = self.server.new_database()
        self.url = self.server.url(self.database)

    def backend(self) -> PostgreSQL:
        return PostgreSQL(self.url)

    def worker(self, member: Member) -> PostgreSQL:
        return PostgreSQL(self.url, member=member)

    def proxy(self) -> Proxy:
        return Proxy(self.server.port)

    def through(self, proxy: Proxy) -> str:
        return self.server.url(self.database, port=proxy.port)

    def wait_for_a_lock(self) -> None:
        with self.server.connected(self.database) as connection:
            waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
            eventually(lambda: bool(connection.execute(waiting).fetchall()))


class MySQLPlace(Place):
    """A database of the tests' own MariaDB, through mysqlclient."""

    scheme = "mysql"

    def __init__(self, directory: Path | None = None) -> None:
        self.server = mysql.shared_server()
        self.database = self.server.new_database()
        self.url = self.server.url(self.database, scheme=self.scheme)

    def backend(self) -> MySQL:
        return MySQL(self.url)

    def worker(self, member: Member) -> MySQL:
        return MySQL(self.url, member=member)

    def proxy(self) -> Proxy:
        return MySQLProxy(self.server.port)

    def through(self, proxy: Proxy) -> str:
        return self.server.url(self.database, scheme=self.scheme, port=proxy.port)

    def wait_for_a_lock(self) -> None:
        with self.server.connected("information_schema") as cursor:
            # The table is a copy, renewed only where nobody has read it for a tenth of a second.
            eventually(lambda: cursor.execute("SELECT 1 FROM INNODB_TRX WHERE trx_state = 'LOCK WAIT'"), pause=0.2)


class PyMySQLPlace(MySQLPlace):
    """The same, through PyMySQL."""

    scheme = "mysql+pymysql"


def prepared(path: Path) -> SQLite:
    """Return the backend of a SQLite file that is ready."""
    backend = SQLite(path)
    prepare(backend)
    return backend


def opened(path: Path) -> AbstractAsyncContextManager[Store]:
    """Give a store on a new or existing SQLite file."""
    return SQLitePlace(path.parent, path.name).opened()


def databases(path: Path, count: int) -> AbstractAsyncContextManager[list[Database]]:
    """Give several connections to a SQLite file."""
    return SQLitePlace(path.parent, path.name).databases(count)


def rows(path: Path, table: str) -> list[dict[str, Any]]:
    """Return all rows of a table of a SQLite file."""
    return SQLitePlace(path.parent, path.name).rows(table)


async def turn(store: Store, dialog: Dialog, run: Callable[[dict[str, Any]], list[Command]]) -> Any:
    """Load a dialog, let `run` change its state and return commands, and commit."""
    work = await store.load(str(dialog))
    assert work.update is not None
    commands = run(work.state)
    return await store.commit(str(dialog), work.version, work.update.id, work.state, commands)


async def until_told(call: Callable[[], Awaitable[Told]]) -> Told:
    """Call again where it is said that nothing was stored, as after five cuts one after the other."""
    while True:
        try:
            return await call()
        except StorageUnavailable:
            continue
