"""The log file of SQLite removed under a running server: nothing that was acknowledged is lost for it."""

import asyncio
import shutil
from pathlib import Path

import pytest

from maxbot.errors import StorageUnavailable
from maxbot.storage.store import Store
from tests.storage.support import databases, rows, update


async def refused(store: Store, key: str) -> None:
    with pytest.raises(StorageUnavailable, match="was removed while it was in use"):
        await store.accept([update(key)])


def remove_log(path: Path) -> None:
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink()


def without_log(path: Path, copy: Path) -> list[str]:
    """Return the keys that are in the file itself: what is left after the death of all processes."""
    shutil.copy(path, copy)
    return [row["key"] for row in rows(copy, "seen")]


def test_what_a_removed_log_held_is_saved_and_all_go_on(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"

    async def scenario() -> None:
        async with databases(path, 2) as made:
            one, two = (Store(database) for database in made)
            await one.accept([update("a")])
            await two.accept([update("b")])
            assert without_log(path, tmp_path / "before.db") == [], "all of it is in the log"
            remove_log(path)
            await refused(one, "c")
            assert without_log(path, tmp_path / "after.db") == ["a", "b"]
            assert await one.accept([update("c")]) == [True]
            await refused(two, "d")
            assert await two.accept([update("d"), update("c"), update("a")]) == [True, False, False]

    asyncio.run(scenario())
    assert sorted(row["key"] for row in rows(path, "seen")) == ["a", "b", "c", "d"]
