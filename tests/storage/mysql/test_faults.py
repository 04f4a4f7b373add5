"""Deadlocks, locks that last and packets that are too large, as MariaDB has them."""

import asyncio

import pytest

from maxbot.errors import StorageUnavailable
from maxbot.storage.mysql import backend
from maxbot.storage.store import Store
from tests.storage.support import ANNA, MySQLPlace, PyMySQLPlace, says, update

pytestmark = pytest.mark.faults


@pytest.fixture(params=[MySQLPlace, PyMySQLPlace])
def there(request: pytest.FixtureRequest) -> MySQLPlace:
    """A prepared database."""
    made: MySQLPlace = request.param()
    made.prepared()
    return made


def test_a_deadlock_is_run_again_before_anybody_hears_of_it(there: MySQLPlace) -> None:
    async def scenario() -> None:
        async with there.databases(1) as (database,):
            store = Store(database)
            for name in ("one", "two"):
                await store.count(name)
            with there.server.connected(there.database) as other:
                other.execute("BEGIN")
                other.execute("UPDATE counters SET value = value + 0 WHERE name = 'two'")
                # The server ends who has written less.
                other.execute("INSERT INTO counters SELECT CONCAT('x', seq), 0 FROM seq_1_to_100")
                # It takes `one`, and waits for `two` …
                counted = asyncio.gather(store.count("one"), store.count("two"))
                await asyncio.to_thread(there.wait_for_a_lock)
                # … which waits for `one` now.
                await asyncio.to_thread(other.execute, "UPDATE counters SET value = value + 0 WHERE name = 'one'")
                other.execute("ROLLBACK")
                await counted

    before = _deadlocks(there)
    asyncio.run(scenario())
    assert _deadlocks(there) > before
    assert [row["value"] for row in there.rows("counters")] == [2, 2]


def test_a_lock_that_lasts_is_unavailable_and_leaves_nothing(
    there: MySQLPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server undoes one statement then: what was done before it must not go in with the next commit."""
    monkeypatch.setattr("maxbot.storage.database.ATTEMPTS", 1)
    there.prepared()

    async def scenario() -> None:
        async with there.databases(1) as (database,):
            store = Store(database)
            await store.count("held")
            with there.server.connected(there.database) as other:
                other.execute("BEGIN")
                other.execute("SELECT * FROM counters WHERE name = 'held' FOR UPDATE")
                accepted, counted = store.accept([update("a")]), store.count("held")
                outcomes = await asyncio.gather(accepted, counted, return_exceptions=True)
                assert all(isinstance(outcome, StorageUnavailable) for outcome in outcomes)
                other.execute("ROLLBACK")
            assert await store.accept([update("b")]) == [True]

    monkeypatch.setattr(backend, "_SETTINGS", (*backend._SETTINGS, "SET SESSION innodb_lock_wait_timeout = 1"))
    asyncio.run(scenario())
    assert [row["key"] for row in there.rows("seen")] == ["b"]


def test_a_group_larger_than_a_packet_is_stored_and_a_turn_larger_than_one_is_refused(there: MySQLPlace) -> None:
    async def scenario() -> None:
        async with there.databases(1) as (database,):
            store = Store(database)
            await store.accept([update("a"), update("b")])
            with pytest.raises(Exception, match="max_allowed_packet"):
                await store.commit(str(ANNA), 0, 1, {}, says("x" * 20_000_000))
            large = says(*("x" * 500_000 for _ in range(10)))
            assert await store.commit(str(ANNA), 0, 1, {"much": "x" * 3_000_000}, large) is not None
            work = await store.load(str(ANNA))
            assert [len(row.content["text"]) for row in work.outbox] == [500_000] * 10

    asyncio.run(scenario())


def _deadlocks(there: MySQLPlace) -> int:
    with there.server.connected("information_schema") as cursor:
        cursor.execute("SELECT VARIABLE_VALUE FROM GLOBAL_STATUS WHERE VARIABLE_NAME = 'INNODB_DEADLOCKS'")
        return int(cursor.fetchone()[0])
