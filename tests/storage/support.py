"""A prepared SQLite file, and a store on it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import select

from maxbot.storage.database import Database
from maxbot.storage.prepare import prepare
from maxbot.storage.schema import metadata
from maxbot.storage.sqlite.backend import SQLite
from maxbot.storage.store import Store
from maxbot.types import Command, Dialog, Update

ANNA = Dialog("telegram", "1")


def update(key: str, dialog: Dialog = ANNA, sequence: int | None = None) -> Update:
    """Return an update whose text is its key."""
    return Update(dialog, key, {"text": key}, sequence)


def prepared(path: Path) -> SQLite:
    """Return the backend of a database that is ready."""
    backend = SQLite(path)
    prepare(backend)
    return backend


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Store]:
    """Give a store on a new or existing file."""
    async with databases(path, 1) as (database,):
        yield Store(database)


@asynccontextmanager
async def databases(path: Path, count: int) -> AsyncIterator[list[Database]]:
    """Give several connections to a file, each with its thread."""
    prepared(path)
    made = [Database(SQLite(path)) for _ in range(count)]
    try:
        yield made
    finally:
        for database in made:
            await database.close()


def rows(path: Path, table: str) -> list[dict[str, Any]]:
    """Return all rows of a table, in the order of its first column."""
    backend = SQLite(path)
    engine = backend.engine()
    columns = metadata.tables[table].c
    try:
        with engine.connect() as connection:
            found = connection.execute(select(*columns).order_by(next(iter(columns)))).mappings()
            return [dict(row) for row in found]
    finally:
        engine.dispose()
        backend.close()


async def turn(store: Store, dialog: Dialog, run: Callable[[dict[str, Any]], list[Command]]) -> Any:
    """Load a dialog, let `run` change its state and return commands, and commit."""
    work = await store.load(str(dialog))
    assert work.update is not None
    commands = run(work.state)
    return await store.commit(str(dialog), work.version, work.update.id, work.state, commands)
