"""Early replies on every database: counted with their update, and refused to whoever does not have its turn."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from maxbot.storage.store import Store
from maxbot.storage.tables.turns import Said
from maxbot.types import Command, Dialog
from tests.storage.support import ANNA, Place, says, update


def with_store(place: Place, scenario: Callable[[Store], Awaitable[None]]) -> None:
    async def run() -> None:
        async with place.opened() as store:
            await scenario(store)

    asyncio.run(run())


async def one_update(store: Store) -> int:
    await store.accept([update("1", ANNA)])
    found = (await store.load(str(ANNA))).update
    assert found is not None
    return found.id


def test_early_replies_are_numbered_through_to_the_end_of_the_turn(place: Place) -> None:
    async def scenario(store: Store) -> None:
        number = await one_update(store)
        first = await store.say_early(str(ANNA), 0, number, says("a", "b"), Said())
        second = await store.say_early(str(ANNA), 0, number, [Command({"text": "c"}, resend=False)], Said(1, 2))
        work = await store.load(str(ANNA))
        assert work.update is not None
        assert (work.version, work.state, work.update.said) == (0, {}, Said(2, 3)), "the turn goes on"
        rows = await store.commit(str(ANNA), 0, number, {"n": 1}, says("d"), None, Said(2, 3))
        assert first is not None
        assert second is not None
        assert rows is not None
        assert [row.position for row in (*first, *second, *rows)] == [0, 1, 2, 3]
        outbox = (await store.load(str(ANNA))).outbox
        assert [(row.content["text"], row.resend) for row in outbox] == [
            ("a", True),
            ("b", True),
            ("c", False),
            ("d", True),
        ]

    with_store(place, scenario)


@pytest.mark.parametrize("version", [0, 1])
def test_an_early_reply_of_a_stale_turn_is_refused(place: Place, version: int) -> None:
    async def scenario(store: Store) -> None:
        for done in range(version):
            await store.accept([update(f"before {done}", ANNA)])
            earlier = (await store.load(str(ANNA))).update
            assert earlier is not None
            await store.commit(str(ANNA), done, earlier.id, {}, [])
        number = await one_update(store)
        assert await store.say_early(str(ANNA), version, number, says("a"), Said()) is not None
        # Somebody else loaded the same turn before that.
        assert await store.say_early(str(ANNA), version, number, says("b"), Said()) is None
        assert await store.commit(str(ANNA), version, number, {"stale": True}, says("b"), None, Said()) is None
        assert await store.begin(number, Said(), {}) is False
        # Or before a turn was committed; or the update is done meanwhile.
        assert await store.say_early(str(ANNA), version + 1, number, says("c"), Said(1, 1)) is None
        assert await store.commit(str(ANNA), version, number, {"n": 1}, [], None, Said(1, 1)) is not None
        assert await store.say_early(str(ANNA), version, number, says("d"), Said(1, 1)) is None
        work = await store.load(str(ANNA))
        assert [row.content["text"] for row in work.outbox] == ["a"]
        assert work.state == {"n": 1}

    with_store(place, scenario)


def test_a_message_that_was_begun_is_finished_by_the_next_reply_of_whichever_run(place: Place) -> None:
    async def scenario(store: Store) -> None:
        number = await one_update(store)
        for name in ({}, {"ts": "1"}):
            assert await store.begin(number, Said(), name)
            found = (await store.load(str(ANNA))).update
            assert found is not None
            assert found.said == Said(0, 0, name)
        rows = await store.say_early(str(ANNA), 0, number, says("a", "b"), Said(0, 0, {"ts": "1"}))
        assert rows is not None
        assert [row.begun for row in rows] == [{"ts": "1"}, None]
        work = await store.load(str(ANNA))
        assert work.update is not None
        assert work.update.said == Said(1, 2)
        assert [row.begun for row in work.outbox] == [{"ts": "1"}, None]
        assert await store.begin(number, Said(1, 2), {})
        assert await store.begin(number, Said(1, 2), None)
        rows = await store.commit(str(ANNA), 0, number, {}, says("c"), None, Said(1, 2, {"ts": "2"}))
        assert rows is not None
        assert rows[0].begun == {"ts": "2"}

    with_store(place, scenario)


def test_whether_a_user_has_written_again_is_known(place: Place) -> None:
    async def scenario(store: Store) -> None:
        number = await one_update(store)
        await store.accept([update("of somebody else", Dialog("test", "bob"))])
        assert await store.has_later(str(ANNA), number) is False
        await store.accept([update("2", ANNA)])
        assert await store.has_later(str(ANNA), number) is True

    with_store(place, scenario)
