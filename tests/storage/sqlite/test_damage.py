"""A damaged file: who needs the damaged part is told so, and the others are served."""

import asyncio
import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from maxbot.delivery.said import Log
from maxbot.errors import StorageDamaged
from maxbot.events import DatabaseUnavailable
from maxbot.storage.database import Database
from maxbot.storage.sqlite.backend import SQLite
from maxbot.storage.store import Store
from maxbot.types import Dialog
from tests.storage.support import opened, update

PAGE = 4096
DIALOGS = [Dialog("test", str(number)) for number in range(40)]


async def fill(path: Path) -> None:
    """Make a database in which each dialog's state has pages of its own."""
    async with opened(path) as store:
        await store.accept([update(dialog.user, dialog) for dialog in DIALOGS])
        for number, dialog in enumerate(DIALOGS, 1):
            await store.commit(str(dialog), 0, number, {"mark": f"<{dialog.user}>" * 4000}, [])


def damage(path: Path, dialog: Dialog) -> None:
    """Overwrite a page in the middle of the dialog's state, and the first page of another table."""
    content = bytearray(path.read_bytes())
    middle = content.index(f"<{dialog.user}>".encode() * 500)
    first = (middle // PAGE + 1) * PAGE
    content[first : first + PAGE] = b"\xff" * PAGE
    path.write_bytes(content)


def test_a_page_that_sqlite_cannot_read_is_damage_too(tmp_path: Path) -> None:
    """The roots of a table and its index."""
    path = tmp_path / "bot.db"

    async def scenario() -> None:
        await fill(path)
        with closing(sqlite3.connect(path)) as connection:
            roots = connection.execute("SELECT rootpage FROM sqlite_master WHERE tbl_name = 'notes'").fetchall()
        content = bytearray(path.read_bytes())
        for (root,) in roots:
            content[(root - 1) * PAGE : root * PAGE] = b"\xff" * PAGE
        path.write_bytes(content)
        async with opened(path) as store:
            with pytest.raises(StorageDamaged, match="restore a backup"):
                await store.noted("vk", "bookmark")
            assert await store.accept([update("new", DIALOGS[7])]) == [True]

    asyncio.run(scenario())


def test_only_who_needs_the_damaged_part_waits(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "bot.db"
    told: list[DatabaseUnavailable] = []

    async def scenario() -> None:
        await fill(path)
        damage(path, DIALOGS[7])
        database = Database(SQLite(path), told.append)  # type: ignore[arg-type]
        store = Store(database)
        outcomes = await asyncio.gather(*(store.load(str(dialog)) for dialog in DIALOGS), return_exceptions=True)
        damaged = [index for index, outcome in enumerate(outcomes) if isinstance(outcome, BaseException)]
        assert damaged == [7]
        assert isinstance(outcomes[7], StorageDamaged)
        assert await store.accept([update("new", DIALOGS[7])]) == [True]
        await database.close()

    asyncio.run(scenario())
    assert [event.damaged for event in told] == [True]
    log = Log()
    with caplog.at_level(logging.ERROR):
        for _ in range(100):
            log(told[0])
    assert len(caplog.records) == 1
    assert "damaged" in caplog.records[0].message
