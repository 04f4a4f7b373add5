"""What a worker went through with the database of a server is counted there, once it is over."""

import asyncio

import pytest

from maxbot.delivery.counted import Counters
from maxbot.errors import StorageUnavailable
from maxbot.events import CommitLookedUp, DatabaseUnavailable, Event, GroupRepeated, Reconnected
from maxbot.storage.database import Database
from maxbot.storage.prepare import open_backend
from maxbot.storage.store import Store
from tests.storage.support import MySQLPlace, Place, PostgreSQLPlace, until_told, update

GROUPS = 60


@pytest.fixture(params=[PostgreSQLPlace, MySQLPlace])
def place(request: pytest.FixtureRequest) -> Place:
    """A prepared database of a server."""
    made: Place = request.param()
    made.prepared()
    return made


def test_lost_connections_and_unknown_commits_are_counted(place: Place) -> None:
    observed: list[Event] = []

    async def scenario() -> None:
        with place.proxy() as proxy:
            database = Database(open_backend(place.through(proxy), "process"), observed.append)
            store = Store(database)
            await store.ping()
            proxy.share = 0.5
            for number in range(GROUPS):
                await until_told(lambda key=str(number): store.accept([update(key)]))  # type: ignore[misc]
            proxy.share = 0.0
            await store.accept([update("last")])
            counted = Counters(store)
            for event in list(observed):
                counted(event)
            await database.close()

    asyncio.run(scenario())
    found = {row["name"]: row["value"] for row in place.rows("counters")}
    assert found == {
        "repeated_groups": sum(isinstance(event, GroupRepeated) for event in observed),
        "reconnects": sum(isinstance(event, Reconnected) for event in observed),
        "unknown_commits_stored": observed.count(CommitLookedUp(True)),
        "unknown_commits_undone": observed.count(CommitLookedUp(False)),
    }
    assert min(found.values()) > 1, found
    assert found["reconnects"] <= GROUPS


def test_an_outage_is_no_storm_of_calls(place: Place) -> None:
    """A failure that is counted at once would be the next call that fails."""
    observed: list[Event] = []

    async def scenario() -> None:
        with place.proxy() as proxy:
            database = Database(open_backend(place.through(proxy), "process"), lambda event: counted(event))
            store = Store(database)
            counters = Counters(store)

            def counted(event: Event) -> None:
                observed.append(event)
                counters(event)

            await store.ping()
        for number in range(5):
            with pytest.raises(StorageUnavailable):
                await store.accept([update(str(number))])
        await database.close()

    asyncio.run(scenario())
    assert [type(event) for event in observed] == [DatabaseUnavailable] * 5
