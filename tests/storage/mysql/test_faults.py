"""Whatever is cut when: nothing is stored twice, nothing given up, and the storage thread never hangs."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from maxbot.errors import StorageUnavailable
from maxbot.storage.database import Database
from maxbot.storage.mysql import backend, driver
from maxbot.storage.mysql.backend import MySQL
from maxbot.storage.prepare import prepare
from maxbot.storage.store import Store
from tests.storage.support import ANNA, MySQLPlace, PyMySQLPlace, says, until_told, update
from tests.support import FULL
from tests.support.mysql_proxy import MySQLProxy
from tests.support.postgresql_proxy import WHEN
from tests.support.processes import eventually

pytestmark = pytest.mark.faults


GROUPS = 2000 if FULL else 150


@pytest.fixture(params=[MySQLPlace, PyMySQLPlace])
def there(request: pytest.FixtureRequest) -> MySQLPlace:
    """A prepared database."""
    made: MySQLPlace = request.param()
    made.prepared()
    return made


@pytest.fixture
def proxy(there: MySQLPlace) -> Iterator[MySQLProxy]:
    """A proxy before its server."""
    with MySQLProxy(there.server.port) as made:
        yield made


def behind(proxy: MySQLProxy, there: MySQLPlace) -> MySQL:
    """Return a way to the database through the proxy."""
    made = MySQL(there.server.url(there.database, port=proxy.port, scheme=there.scheme))
    prepare(made)
    return made


def test_a_commit_of_unknown_outcome_is_neither_repeated_nor_given_up(there: MySQLPlace, proxy: MySQLProxy) -> None:
    async def scenario() -> None:
        database = Database(behind(proxy, there))
        store = Store(database)
        proxy.share = 0.5
        for number in range(GROUPS):
            key = str(number)
            accepted = await until_told(lambda key=key: store.accept([update(key)]))  # type: ignore[misc]
            assert accepted == [True], "what was stored is told as it was stored"
            await until_told(lambda: store.count("groups"))
        proxy.share = 0.0
        await database.close()

    asyncio.run(scenario())
    assert {row["name"]: row["value"] for row in there.rows("counters")} == {"groups": GROUPS}
    assert [row["key"] for row in there.rows("seen")] == [str(number) for number in range(GROUPS)]
    assert all(proxy.cuts[when] > GROUPS / 10 for when in WHEN), f"too little was cut: {proxy.cuts}"
    print(f"{2 * GROUPS} groups, {sum(proxy.cuts[when] for when in WHEN)} cuts: {dict(proxy.cuts)}; difference 0")


def test_connections_ended_at_any_moment_are_nobodys_business(there: MySQLPlace) -> None:
    async def scenario() -> None:
        async with there.databases(2) as (one, other):
            ended = asyncio.Event()

            async def cut() -> None:
                while not ended.is_set():
                    await asyncio.to_thread(there.server.cut, there.database)
                    await asyncio.sleep(0.25)

            cutting = asyncio.create_task(cut())
            for number in range(GROUPS):
                stores = (Store(one), Store(other))
                await asyncio.gather(*(store.count(f"{number % 7}") for store in stores))
                assert await stores[0].find_pending(None, "", 1) == []
            ended.set()
            await cutting

    asyncio.run(scenario())
    assert sum(row["value"] for row in there.rows("counters")) == 2 * GROUPS


def test_a_killed_server_is_unavailable_and_serves_again_within_a_second(there: MySQLPlace) -> None:
    async def scenario() -> float:
        async with there.databases(1) as (database,):
            store = Store(database)
            await store.accept([update("a")])
            await asyncio.to_thread(there.server.kill)
            with pytest.raises(StorageUnavailable):
                await store.accept([update("b")])
            with pytest.raises(StorageUnavailable):
                await store.find_pending(None, "", 1)
            await asyncio.to_thread(there.server.start)
            back = time.monotonic()
            assert await store.accept([update("a"), update("b")]) == [False, True]
            return time.monotonic() - back

    assert asyncio.run(scenario()) < 1.0


def test_a_silent_network_does_not_hang_the_storage(
    there: MySQLPlace, proxy: MySQLProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "DEADLINE", 1)
    monkeypatch.setattr(driver, "CONNECT_TIMEOUT", 1)

    async def scenario() -> None:
        database = Database(behind(proxy, there))
        store = Store(database)
        await store.accept([update("a")])
        proxy.silent = True
        for _ in range(2):  # on the connection that there is, and on a new one
            with pytest.raises(StorageUnavailable):
                await store.accept([update("b")])
        proxy.silent = False
        assert await store.accept([update("b"), update("a")]) == [True, False]
        await database.close()

    asyncio.run(scenario())


def test_a_slow_network_is_slow_and_nothing_else(there: MySQLPlace, proxy: MySQLProxy) -> None:
    async def scenario() -> None:
        database = Database(behind(proxy, there))
        store = Store(database)
        await store.ping()
        proxy.latency = 1.0 if FULL else 0.3  # in each direction
        assert await asyncio.gather(*(store.accept([update(str(number))]) for number in range(50))) == [[True]] * 50
        assert (await store.load(str(ANNA))).update is not None
        await database.close()

    asyncio.run(scenario())


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
                await asyncio.to_thread(_until_it_waits, there)
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


def _until_it_waits(there: MySQLPlace) -> None:
    with there.server.connected("information_schema") as cursor:
        # The table is a copy, renewed only where nobody has read it for a tenth of a second.
        eventually(lambda: cursor.execute("SELECT 1 FROM INNODB_TRX WHERE trx_state = 'LOCK WAIT'"), 20, pause=0.2)


def _deadlocks(there: MySQLPlace) -> int:
    with there.server.connected("information_schema") as cursor:
        cursor.execute("SELECT VARIABLE_VALUE FROM GLOBAL_STATUS WHERE VARIABLE_NAME = 'INNODB_DEADLOCKS'")
        return int(cursor.fetchone()[0])
