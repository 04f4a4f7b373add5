"""Commands in the outbox, and the steps of whoever sends them."""

import asyncio
from collections.abc import Awaitable, Callable

from maxbot.storage.store import Store
from maxbot.storage.tables.outbox import OutboxRow
from tests.storage.support import ANNA, Place, says, update


def with_command(place: Place, scenario: Callable[[Store, OutboxRow], Awaitable[None]]) -> None:
    """Run a scenario with a store and a command in its outbox."""

    async def run() -> None:
        async with place.opened() as store:
            await store.accept([update("1")])
            committed = await store.commit(str(ANNA), 0, 1, {}, says("a"))
            assert committed is not None
            await scenario(store, committed[0])

    asyncio.run(run())


def test_a_command_is_removed_once(place: Place) -> None:
    async def scenario(store: Store, row: OutboxRow) -> None:
        assert await store.sent(row.id)
        assert not await store.sent(row.id), "somebody else removed it"

    with_command(place, scenario)
    assert place.rows("outbox") == []


def test_a_postponed_command_keeps_its_time(place: Place) -> None:
    async def scenario(store: Store, row: OutboxRow) -> None:
        waits = row._replace(unknown=1, taken_up=2, not_before=1764000123.5, postponed_at=1764000100.25)
        assert await store.postpone(row, waits)
        assert (await store.load(str(ANNA))).outbox == [waits]
        begins = waits._replace(attempts=1, not_before=None, postponed_at=None)
        assert await store.postpone(waits, begins)
        assert (await store.load(str(ANNA))).outbox == [begins]

    with_command(place, scenario)


def test_of_two_who_start_the_same_retry_one_is_refused(place: Place) -> None:
    async def scenario(store: Store, row: OutboxRow) -> None:
        waits = row._replace(not_before=1234.5, postponed_at=1234.0)
        begins = waits._replace(attempts=1, not_before=None, postponed_at=None)
        assert [await store.postpone(row, waits), await store.postpone(row, waits)] == [True, False]
        assert [await store.postpone(waits, begins), await store.postpone(waits, begins)] == [True, False]

    with_command(place, scenario)


def test_a_command_set_aside_is_one_dead_letter(place: Place) -> None:
    async def scenario(store: Store, row: OutboxRow) -> None:
        assert await store.set_aside_command(str(ANNA), row, "blocked \ud800")
        assert not await store.set_aside_command(str(ANNA), row, "blocked")

    with_command(place, scenario)
    (letter,) = place.rows("dead_letters")
    assert (letter["kind"], letter["dialog"], letter["update_id"], letter["position"]) == ("command", str(ANNA), 1, 0)
    assert (letter["content"], letter["reason"]) == (b'{"text":"a"}', "blocked \\ud800")


def test_a_command_that_was_sent_is_not_set_aside_as_well(place: Place) -> None:
    async def scenario(store: Store, row: OutboxRow) -> None:
        await store.sent(row.id)
        assert not await store.set_aside_command(str(ANNA), row, "blocked")

    with_command(place, scenario)
    assert place.rows("dead_letters") == []


def test_an_update_set_aside_is_one_dead_letter(place: Place) -> None:
    async def scenario() -> None:
        async with place.opened() as store:
            await store.accept([update("1")])
            assert await store.set_aside_update(str(ANNA), 1, "raised \udcff", "Traceback \ud800")
            assert not await store.set_aside_update(str(ANNA), 1, "raised", None)
            assert await store.commit(str(ANNA), 0, 1, {}, says("a")) is None
            assert await store.accept([update("1")]) == [False]

    asyncio.run(scenario())
    (letter,) = place.rows("dead_letters")
    assert (letter["kind"], letter["content"], letter["traceback"]) == ("update", b'{"text":"1"}', "Traceback \\ud800")
    assert {row["name"]: row["value"] for row in place.rows("counters")}["dead_updates"] == 1
