"""A server that dies at a commit, and deadlocks, as PostgreSQL has them."""

import asyncio
from collections.abc import Iterator

import pytest

from maxbot.errors import StorageUnavailable
from maxbot.storage.database import Database
from maxbot.storage.postgresql.backend import PostgreSQL
from maxbot.storage.prepare import prepare
from maxbot.storage.store import Store
from tests.storage.support import PostgreSQLPlace, update
from tests.support.postgresql_proxy import WHEN, Proxy

pytestmark = pytest.mark.faults


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


def behind(proxy: Proxy, there: PostgreSQLPlace) -> PostgreSQL:
    """Return a way to the database through the proxy."""
    backend = PostgreSQL(there.server.url(there.database, port=proxy.port))
    prepare(backend)
    return backend


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
                await asyncio.to_thread(there.wait_for_a_lock)
                # … which waits for `one` now; the other one is patient, so the server ends ours.
                await asyncio.to_thread(other.execute, "UPDATE counters SET value = value WHERE name = 'one'")
                other.execute("COMMIT")
                await counted

    asyncio.run(scenario())
    assert [row["value"] for row in there.rows("counters")] == [2, 2]
