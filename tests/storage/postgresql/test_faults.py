"""Whatever is cut when: nothing is stored twice, nothing given up, and the storage thread never hangs."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from maxbot.errors import StorageUnavailable
from maxbot.storage.database import Database
from maxbot.storage.postgresql import connection, place
from maxbot.storage.postgresql.backend import PostgreSQL
from maxbot.storage.prepare import prepare
from maxbot.storage.store import Store
from tests.storage.support import ANNA, PostgreSQLPlace, until_told, update
from tests.support import FULL
from tests.support.postgresql_proxy import WHEN, Proxy

pytestmark = pytest.mark.faults

GROUPS = 2000 if FULL else 150


@pytest.fixture
def there(tmp_path: object) -> PostgreSQLPlace:
    """A prepared database."""
    made = PostgreSQLPlace()
    made.prepared()
    return made


@pytest.fixture
def proxy(there: PostgreSQLPlace) -> Iterator[Proxy]:
    """A proxy before its server."""
    with Proxy(there.server.port) as made:
        yield made


def behind(proxy: Proxy, there: PostgreSQLPlace, options: str = "") -> PostgreSQL:
    """Return a way to the database through the proxy."""
    backend = PostgreSQL(there.server.url(there.database, port=proxy.port, options=options))
    prepare(backend)
    return backend


@pytest.mark.parametrize("options", ["", "?prepared=off"])
def test_a_commit_of_unknown_outcome_is_neither_repeated_nor_given_up(
    there: PostgreSQLPlace, proxy: Proxy, options: str
) -> None:
    async def scenario() -> None:
        database = Database(behind(proxy, there, options))
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


def test_connections_ended_at_any_moment_are_nobodys_business(there: PostgreSQLPlace) -> None:
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


def test_a_killed_server_is_unavailable_and_serves_again_within_a_second(there: PostgreSQLPlace) -> None:
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


def test_a_server_killed_at_a_commit_is_asked_again_when_it_is_back(there: PostgreSQLPlace, proxy: Proxy) -> None:
    """Meanwhile others are told that it is away; who does not know hears nothing until it is known."""

    async def scenario() -> None:
        database = Database(behind(proxy, there))
        store = Store(database)
        await store.accept([update("a")])
        proxy.share = 1.0
        unknown = store.accept([update("b")])
        while not proxy.commits > 2 and not sum(proxy.cuts[when] for when in WHEN):
            await asyncio.sleep(0.001)
        there.server.kill()
        with pytest.raises(StorageUnavailable):
            await store.accept([update("c")])
        assert not unknown.done()
        proxy.share = 0.0
        await asyncio.to_thread(there.server.start)
        assert await unknown == [True]
        await database.close()

    asyncio.run(scenario())
    assert [row["key"] for row in there.rows("seen")] == ["a", "b"]


def test_a_silent_network_does_not_hang_the_storage(
    there: PostgreSQLPlace, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "DEADLINE", 0.5)
    monkeypatch.setitem(place._USUAL, "connect_timeout", "2")

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


def test_a_slow_network_is_slow_and_nothing_else(there: PostgreSQLPlace, proxy: Proxy) -> None:
    async def scenario() -> None:
        database = Database(behind(proxy, there))
        store = Store(database)
        await store.ping()
        proxy.latency = 1.0 if FULL else 0.3  # in each direction
        assert await asyncio.gather(*(store.accept([update(str(number))]) for number in range(50))) == [[True]] * 50
        assert (await store.load(str(ANNA))).update is not None
        await database.close()

    asyncio.run(scenario())


def test_a_deadlock_is_run_again_before_anybody_hears_of_it(there: PostgreSQLPlace) -> None:
    async def scenario() -> None:
        async with there.databases(1) as (database,):
            store = Store(database)
            for name in ("one", "two"):
                await store.count(name)
            with there.server.connected(there.database) as other:
                other.execute("SET deadlock_timeout = '10s'")
                other.execute("BEGIN")
                other.execute("UPDATE counters SET value = value WHERE name = 'two'")
                # It takes `one`, and waits for `two` …
                counted = asyncio.gather(store.count("one"), store.count("two"))
                await asyncio.to_thread(_until_it_waits, there)
                # … which waits for `one` now; the other one is patient, so the server ends ours.
                await asyncio.to_thread(other.execute, "UPDATE counters SET value = value WHERE name = 'one'")
                other.execute("COMMIT")
                await counted

    asyncio.run(scenario())
    assert [row["value"] for row in there.rows("counters")] == [2, 2]


def _until_it_waits(there: PostgreSQLPlace) -> None:
    waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
    with there.server.connected() as connection:
        while connection.execute(waits, [there.database]).fetchone() == (0,):
            time.sleep(0.01)
