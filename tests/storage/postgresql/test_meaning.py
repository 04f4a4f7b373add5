"""What an error means: the data's own fault, or something that may be mended while messages wait."""

import asyncio

import pytest

from maxbot.errors import StorageError, StorageUnavailable
from maxbot.storage.database import Database
from maxbot.storage.postgresql.backend import PostgreSQL
from maxbot.storage.prepare import prepare
from maxbot.storage.store import Store
from tests.storage.support import ANNA, PostgreSQLPlace, says, update
from tests.support.postgresql import PostgreSQLServer
from tests.support.processes import eventually


@pytest.fixture
def there() -> PostgreSQLPlace:
    """An empty database."""
    return PostgreSQLPlace()


def test_what_cannot_be_stored_is_its_own_fault_and_harms_no_neighbour(there: PostgreSQLPlace) -> None:
    async def scenario() -> None:
        async with there.opened() as store:
            calls = [store.accept([update(key)]) for key in ("a", "\ud800", "b", "k" * 201, "c", "nul\0")]
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            assert [outcomes[index] for index in (0, 2, 4)] == [[True]] * 3
            for index in (1, 3, 5):
                assert isinstance(outcomes[index], StorageError)
                assert not isinstance(outcomes[index], StorageUnavailable), "trying again would not help"

    asyncio.run(scenario())
    assert [row["key"] for row in there.rows("seen")] == ["a", "b", "c"]


def test_a_missing_table_is_unavailable_and_nothing_is_lost(there: PostgreSQLPlace) -> None:
    async def scenario() -> None:
        async with there.opened() as store:
            await store.accept([update("a")])
            with there.server.connected(there.database) as operator:
                operator.execute("ALTER TABLE outbox RENAME TO away")
                with pytest.raises(StorageUnavailable, match="a table is missing"):
                    await store.load(str(ANNA))
                operator.execute("ALTER TABLE away RENAME TO outbox")
            assert (await store.load(str(ANNA))).update is not None

    asyncio.run(scenario())


def test_messages_of_every_kind_come_back_as_they_were(there: PostgreSQLPlace) -> None:
    text = "\0 \U0001f600 ' \" \\ " + "x" * 100_000

    async def scenario() -> None:
        async with there.opened() as store:
            await store.accept([update(text[2:80])])
            work = await store.load(str(ANNA))
            assert work.update is not None
            committed = await store.commit(str(ANNA), 0, work.update.id, {"said": text}, says(text), {"thread": 1})
            assert committed is not None
            work = await store.load(str(ANNA))
            assert (work.version, work.state, work.address) == (1, {"said": text}, {"thread": 1})
            assert work.outbox == committed

    asyncio.run(scenario())


def test_a_commit_that_did_not_wait_for_the_standby_is_unknown_until_one_did(there: PostgreSQLPlace) -> None:
    """PostgreSQL calls it a success with a warning; after a failover it may be gone."""
    server = PostgreSQLServer()
    url = server.url(server.new_database())

    def waiting() -> list[int]:
        with server.connected() as operator:
            query = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
            return [int(str(pid)) for (pid,) in operator.execute(query).fetchall()]

    def standby(name: str) -> None:
        with server.connected() as operator:
            operator.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'".encode())
            operator.execute("SELECT pg_reload_conf()")
            eventually(lambda: operator.execute("SHOW synchronous_standby_names").fetchone() == (name,))

    async def scenario() -> None:
        backend = PostgreSQL(url)
        prepare(backend)
        database = Database(backend)
        store = Store(database)
        await store.ping()
        standby("nobody")
        call = store.accept([update("a")])
        (pid,) = await asyncio.to_thread(eventually, waiting)
        with server.connected() as operator:
            operator.execute("SELECT pg_cancel_backend(%s)", [pid])
        await asyncio.to_thread(eventually, lambda: waiting() not in ([], [pid]))
        assert not call.done(), "it is stored here, and nowhere else"
        standby("")
        assert await call == [True]
        await database.close()

    try:
        asyncio.run(scenario())
    finally:
        server.stop()
