"""Whatever is cut when: nothing is stored twice, nothing given up, and the storage thread never hangs."""

import asyncio
from collections.abc import Iterator

import pytest

from maxbot.errors import StorageUnavailable
from maxbot.storage.backend import Backend
from maxbot.storage.database import Database
from maxbot.storage.mysql import driver
from maxbot.storage.postgresql import connection
from maxbot.storage.postgresql import place as postgresql
from maxbot.storage.prepare import open_backend, prepare
from maxbot.storage.store import Store
from tests.storage.support import ANNA, MySQLPlace, PostgreSQLPlace, PyMySQLPlace, until_told, update
from tests.support import FULL
from tests.support.postgresql_proxy import WHEN, Proxy

pytestmark = pytest.mark.faults

GROUPS = 2000 if FULL else 80

ServerPlace = PostgreSQLPlace | MySQLPlace


class UnpreparedPlace(PostgreSQLPlace):
    """PostgreSQL without prepared statements, as a pooler wants it."""

    def through(self, proxy: Proxy) -> str:
        return f"{super().through(proxy)}?prepared=off"


on_each = pytest.mark.parametrize("there", [PostgreSQLPlace, MySQLPlace, PyMySQLPlace], indirect=True)


@pytest.fixture
def there(request: pytest.FixtureRequest) -> ServerPlace:
    """A prepared database."""
    made: ServerPlace = request.param()
    made.prepared()
    return made


@pytest.fixture
def proxy(there: ServerPlace) -> Iterator[Proxy]:
    """A proxy before its server."""
    with there.proxy() as made:
        yield made


def behind(proxy: Proxy, there: ServerPlace) -> Backend:
    """Return a way to the database through the proxy."""
    made = open_backend(there.through(proxy), "process")
    prepare(made)
    return made


@pytest.mark.parametrize("there", [PostgreSQLPlace, UnpreparedPlace, MySQLPlace, PyMySQLPlace], indirect=True)
def test_a_commit_of_unknown_outcome_is_neither_repeated_nor_given_up(there: ServerPlace, proxy: Proxy) -> None:
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


@on_each
def test_connections_ended_at_any_moment_are_nobodys_business(there: ServerPlace) -> None:
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


@on_each
def test_connections_ended_while_they_are_made_are_made_again(there: ServerPlace, proxy: Proxy) -> None:
    """Whoever restarts a pooler, or ends all connections, meets some that are just being made."""

    async def scenario() -> None:
        database = Database(behind(proxy, there))
        store = Store(database)
        for write in (True, False):
            await store.accept([update(f"before {write}")])
            proxy.unwelcome = 2
            await asyncio.to_thread(there.server.cut, there.database)
            if write:
                assert await store.accept([update("a")]) == [True]
            else:
                assert len(await store.find_pending(None, "", 10)) == 1
            assert proxy.unwelcome == 0
        await database.close()

    asyncio.run(scenario())


@on_each
def test_a_killed_server_is_unavailable_and_serves_again_when_it_is_back(there: ServerPlace) -> None:
    async def scenario() -> None:
        async with there.databases(1) as (database,):
            store = Store(database)
            await store.accept([update("a")])
            await asyncio.to_thread(there.server.kill)
            with pytest.raises(StorageUnavailable):
                await store.accept([update("b")])
            with pytest.raises(StorageUnavailable):
                await store.find_pending(None, "", 1)
            await asyncio.to_thread(there.server.start)
            assert await store.accept([update("a"), update("b")]) == [False, True]

    asyncio.run(scenario())


@on_each
def test_a_silent_network_does_not_hang_the_storage(
    there: ServerPlace, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "DEADLINE", 2)
    monkeypatch.setattr(driver, "CONNECT_TIMEOUT", 2)
    monkeypatch.setattr(connection, "DEADLINE", 2)
    monkeypatch.setitem(postgresql._USUAL, "connect_timeout", "2")

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


@on_each
def test_a_slow_network_is_slow_and_nothing_else(there: ServerPlace, proxy: Proxy) -> None:
    async def scenario() -> None:
        database = Database(behind(proxy, there))
        store = Store(database)
        await store.ping()
        proxy.latency = 1.0 if FULL else 0.3  # in each direction
        assert await asyncio.gather(*(store.accept([update(str(number))]) for number in range(50))) == [[True]] * 50
        assert (await store.load(str(ANNA))).update is not None
        await database.close()

    asyncio.run(scenario())
