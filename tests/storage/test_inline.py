"""Transactions on the event loop: nothing is different for who calls, and nothing waits there."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from maxbot.errors import StorageUnavailable
from maxbot.storage import inline
from maxbot.storage.inline import InlineDatabase
from maxbot.storage.sqlite.backend import WAL_LIMIT, SQLite
from maxbot.storage.store import Store
from tests.storage.support import ANNA, prepared, rows, update


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[tuple[InlineDatabase, Store]]:
    prepared(path)
    database = InlineDatabase(SQLite(path), SQLite(path, waits=False))
    try:
        yield database, Store(database)
    finally:
        await database.close()


def keys(path: Path) -> list[str]:
    return [row["key"] for row in rows(path, "seen")]


def test_a_call_needs_no_thread(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path / "bot.db") as (database, store):
            future = store.accept([update("a")])
            await asyncio.sleep(0)  # one iteration of the event loop
            assert future.done()
            assert await future == [True]
            assert database._with_the_thread == 0

    asyncio.run(scenario())
    assert keys(tmp_path / "bot.db") == ["a"]


def test_calls_of_one_iteration_are_one_transaction(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path / "bot.db") as (database, store):
            results = await asyncio.gather(*(store.accept([update(str(number))]) for number in range(500)))
            assert results == [[True]] * 500
            assert database._transactions == 3  # of 200 at most

    asyncio.run(scenario())
    assert len(keys(tmp_path / "bot.db")) == 500


def test_who_looks_for_an_update_finds_it_in_the_transaction_that_stores_it(tmp_path: Path) -> None:
    """Whatever else is in that transaction: another dialog looked before."""

    async def scenario() -> None:
        async with opened(tmp_path / "bot.db") as (database, store):
            calls = store.load("web:bea"), store.accept([update("a")]), store.load(str(ANNA))
            nothing, accepted, work = await asyncio.gather(*calls)
            assert (nothing.update, accepted, database._transactions) == (None, [True], 1)
            assert work.update is not None

    asyncio.run(scenario())


def test_who_is_patient_shares_a_transaction_and_is_not_forgotten(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path / "bot.db") as (database, store):
            patient = store.load(str(ANNA), patient=True)
            await asyncio.sleep(0)
            assert not patient.done()
            await store.accept([update("a")])
            assert (patient.done(), database._transactions) == (True, 1)
            async with asyncio.timeout(20):  # and nobody else comes
                assert (await store.load(str(ANNA), patient=True)).update is not None

    asyncio.run(scenario())


def test_a_call_that_cannot_be_stored_hurts_no_other_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path / "bot.db") as (_, store):
            outcomes = await asyncio.gather(
                *(store.accept([update(key)]) for key in ("a", "\ud800", "b")), return_exceptions=True
            )
            assert [type(outcome) for outcome in outcomes if not isinstance(outcome, list)] != []
            assert await store.accept([update("c")]) == [True]

    asyncio.run(scenario())
    assert sorted(keys(tmp_path / "bot.db")) == ["a", "b", "c"]


def test_the_event_loop_does_not_wait_for_another_program(tmp_path: Path) -> None:
    async def scenario() -> None:
        path = tmp_path / "bot.db"
        async with opened(path) as (database, store):
            await store.accept([update("a")])
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            waiting = store.accept([update("b")])
            for _ in range(20):
                began = time.monotonic()
                await asyncio.sleep(0.005)
                assert time.monotonic() - began < 4, "the event loop stood still"
            assert not waiting.done()
            behind = store.accept([update("c")])
            other.execute("COMMIT")
            other.close()
            assert [await waiting, await behind] == [[True], [True]]
            assert database._with_the_thread == 0, "and then it goes on here"
            assert await store.accept([update("d")]) == [True]

    asyncio.run(scenario())
    assert keys(tmp_path / "bot.db") == ["a", "b", "c", "d"]


def test_the_log_does_not_grow_for_ever(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path / "bot.db") as (_, store):
            for number in range(1500):
                await store.accept([update(f"{number} {'x' * 150}")])
            assert (tmp_path / "bot.db-wal").stat().st_size < WAL_LIMIT

    asyncio.run(scenario())
    assert len(keys(tmp_path / "bot.db")) == 1500


def test_a_file_that_is_gone_is_unavailable_and_does_not_come_back_empty(tmp_path: Path) -> None:
    async def scenario() -> None:
        path = tmp_path / "bot.db"
        async with opened(path) as (_, store):
            await store.accept([update("a")])
            path.rename(tmp_path / "elsewhere.db")
            with pytest.raises(StorageUnavailable):
                await store.accept([update("b")])
            assert not path.exists()
            (tmp_path / "elsewhere.db").rename(path)
            assert await store.accept([update("c")]) == [True]

    asyncio.run(scenario())
    assert keys(tmp_path / "bot.db") == ["a", "c"]


def test_what_was_called_is_done_before_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inline, "CHECKPOINT_EVERY", 2)

    async def scenario() -> None:
        async with opened(tmp_path / "bot.db") as (_, store):
            futures = [store.accept([update(str(number))]) for number in range(3)]
        assert [future.result() for future in futures] == [[True]] * 3
        with pytest.raises(StorageUnavailable):
            store.accept([update("late")])

    asyncio.run(scenario())


def test_a_turn_is_whole(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path / "bot.db") as (_, store):
            await store.accept([update("a")])
            work = await store.load(str(ANNA))
            assert work.update is not None
            assert await store.commit(str(ANNA), work.version, work.update.id, {"seen": 1}, []) == []
            assert await store.commit(str(ANNA), work.version, work.update.id, {"seen": 2}, []) is None
            assert (await store.load(str(ANNA))).state == {"seen": 1}

    asyncio.run(scenario())
