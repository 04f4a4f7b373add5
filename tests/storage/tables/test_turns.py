"""A turn is committed whole or not at all, and once."""

import asyncio

from maxbot.errors import StorageError
from maxbot.storage.tables.outbox import Sent
from maxbot.storage.tables.turns import PendingUpdate, Work
from maxbot.types import Command, State, Update
from tests.storage.support import ANNA, Place, says, update


def test_a_dialog_nobody_knows_has_nothing_to_do(place: Place) -> None:
    async def scenario() -> None:
        async with place.opened() as store:
            assert (await store.load(str(ANNA)))._replace(claim=None) == Work(0, {}, [], None)

    asyncio.run(scenario())


def test_a_turn_is_stored_whole(place: Place) -> None:
    async def scenario() -> None:
        async with place.opened() as store:
            await store.accept([update("1"), update("2")])
            work = await store.load(str(ANNA))
            assert work._replace(claim=None) == Work(0, {}, [], PendingUpdate(1, {"text": "1"}, 0))
            commands = [*says("a"), *says("b", resend=False)]
            committed = await store.commit(str(ANNA), 0, 1, {"seen": 1}, commands)
            after = await store.load(str(ANNA))
            assert after.outbox == committed
            assert [(row.key, row.content, row.resend, row.not_before) for row in after.outbox] == [
                ("1.0", {"text": "a"}, True, None),
                ("1.1", {"text": "b"}, False, None),
            ]
            assert (after.version, after.state, after.update) == (1, {"seen": 1}, PendingUpdate(2, {"text": "2"}, 0))

    asyncio.run(scenario())


def test_a_text_with_a_zero_character_is_stored_as_it_is(place: Place) -> None:
    """JSON escapes it; PostgreSQL's own texts would not take it."""
    odd = "zero \0, not a character \uffff, escaped \\u0000"

    async def scenario() -> None:
        async with place.opened() as store:
            await store.accept([Update(ANNA, "1", {"text": odd})])
            work = await store.load(str(ANNA))
            assert work.update is not None
            assert work.update.message == {"text": odd}
            await store.commit(str(ANNA), 0, 1, {"said": odd}, says(odd))
            after = await store.load(str(ANNA))
            assert (after.state, [row.content for row in after.outbox]) == ({"said": odd}, [{"text": odd}])
            assert await store.set_aside_command(str(ANNA), after.outbox[0], odd)

    asyncio.run(scenario())


def test_a_turn_on_an_older_state_stores_nothing(place: Place) -> None:
    async def scenario() -> None:
        async with place.opened() as store:
            await store.accept([update("1"), update("2")])
            assert await store.commit(str(ANNA), 0, 1, {"by": "first"}, []) == []
            assert await store.commit(str(ANNA), 0, 2, {"by": "stale"}, says("a")) is None
            work = await store.load(str(ANNA))
            assert (work.version, work.state, work.outbox) == (1, {"by": "first"}, [])
            assert work.update is not None, "its update is still to be done"

    asyncio.run(scenario())


def test_an_update_done_is_not_done_again(place: Place) -> None:
    async def scenario() -> None:
        async with place.opened() as store:
            await store.accept([update("1")])
            assert await store.commit(str(ANNA), 0, 1, {"by": "first"}, []) == []
            assert await store.commit(str(ANNA), 1, 1, {"by": "second"}, says("a")) is None
            assert (await store.load(str(ANNA)))._replace(claim=None) == Work(1, {"by": "first"}, [], None)

    asyncio.run(scenario())


def test_two_commits_of_one_turn_in_one_group_store_one(place: Place) -> None:
    async def scenario() -> None:
        async with place.opened() as store:
            await store.accept([update("1")])
            both = await asyncio.gather(
                *(store.commit(str(ANNA), 0, 1, {"by": name}, says(name)) for name in ("one", "two"))
            )
            assert sorted(rows is None for rows in both) == [False, True]

    asyncio.run(scenario())
    assert len(place.rows("outbox")) == 1


def test_a_turn_that_cannot_be_stored_leaves_no_part(place: Place) -> None:
    async def scenario() -> None:
        async with place.opened() as store:
            await store.accept([update("1")])
            turns: list[tuple[State, list[Command]]] = [
                ({"x": object()}, []),
                ({}, [*says("a"), Command({"text": object()})]),
            ]
            for state, commands in turns:
                try:
                    await store.commit(str(ANNA), 0, 1, state, commands)
                except StorageError:
                    continue
                raise AssertionError("stored")
            work = await store.load(str(ANNA))
            assert (work.version, work.outbox) == (0, [])
            assert work.update is not None

    asyncio.run(scenario())


def test_load_notes_what_was_sent(place: Place) -> None:
    async def scenario() -> None:
        async with place.opened() as store:
            await store.accept([update("1")])
            committed = await store.commit(str(ANNA), 0, 1, {}, says("a", "b"))
            assert committed is not None
            work = await store.load(str(ANNA), Sent(1, 0))
            assert [row.key for row in work.outbox] == ["1.1"]

    asyncio.run(scenario())
