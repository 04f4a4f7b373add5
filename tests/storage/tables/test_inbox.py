"""Updates are accepted once each, by their key, and stand in the order of acceptance."""

import asyncio

import pytest

from maxbot.storage.store import Store
from maxbot.types import Dialog, Update
from tests.storage.support import ANNA, Place, says, update

BEA = Dialog("telegram", "2")


def pending(place: Place) -> list[str]:
    """Return the texts in the inbox, in order."""
    return [row["message"].decode().split('"')[3] for row in place.rows("inbox")]


def test_an_update_is_accepted_once(place: Place) -> None:
    async def scenario() -> None:
        async with place.opened() as store:
            assert await store.accept([update("1")]) == [True]
            assert await store.accept([update("1")]) == [False]
            assert await store.accept([update("2"), update("1"), update("2")]) == [True, False, False]

    asyncio.run(scenario())
    assert pending(place) == ["1", "2"]
    assert {row["name"]: row["value"] for row in place.rows("counters")} == {"redelivered": 3}


def test_the_same_key_of_another_channel_is_another_update(place: Place) -> None:
    async def scenario() -> None:
        async with place.opened() as store:
            assert await store.accept([update("1"), update("1", Dialog("viber", "1"))]) == [True, True]

    asyncio.run(scenario())


def test_users_and_keys_that_look_alike_are_different_ones(place: Place) -> None:
    names = ["anna", "Anna", "anna ", "änna", "a\u0308nna", "ａnna"]

    async def scenario() -> None:
        async with place.opened() as store:
            arrived = [update(name, Dialog("telegram", name)) for name in names]
            assert await store.accept(arrived) == [True] * len(names)
            for name in names:
                dialog = f"telegram:{name}"
                work = await store.load(dialog)
                assert work.update is not None
                assert work.update.message == {"text": name}
                assert await store.commit(dialog, work.version, work.update.id, {"is": name}, []) is not None
            for name in names:
                assert (await store.load(f"telegram:{name}")).state == {"is": name}

    asyncio.run(scenario())


def test_a_lower_number_after_a_higher_one_is_new(place: Place) -> None:
    async def scenario() -> None:
        async with place.opened() as store:
            assert await store.accept([update("8", sequence=8)]) == [True]
            assert await store.accept([update("7", sequence=7)]) == [True]
            assert await store.accept([update("8", sequence=8)]) == [False]

    asyncio.run(scenario())
    assert pending(place) == ["8", "7"]


def test_an_update_stays_known_after_its_turn(place: Place) -> None:
    async def scenario() -> None:
        async with place.opened() as store:
            await store.accept([update("1")])
            work = await store.load(str(ANNA))
            assert work.update is not None
            await store.commit(str(ANNA), work.version, work.update.id, {}, [])
            assert await store.accept([update("1")]) == [False]

    asyncio.run(scenario())
    assert pending(place) == []


def test_one_delivery_stands_in_the_order_of_its_sequence(place: Place) -> None:
    async def scenario() -> None:
        async with place.opened() as store:
            await store.accept([update("c", sequence=12), update("a", sequence=10), update("b", sequence=11)])

    asyncio.run(scenario())
    assert pending(place) == ["a", "b", "c"]


def test_one_delivery_without_a_sequence_stands_as_it_came(place: Place) -> None:
    async def scenario() -> None:
        async with place.opened() as store:
            await store.accept([update("c"), update("a"), update("b")])

    asyncio.run(scenario())
    assert pending(place) == ["c", "a", "b"]


def test_the_same_update_on_several_connections_at_one_moment_is_accepted_by_one(place: Place) -> None:
    async def scenario() -> list[list[bool]]:
        async with place.databases(4) as made:
            stores = [Store(database) for database in made]
            return [
                [new for (new,) in await asyncio.gather(*(store.accept([update(str(number))]) for store in stores * 2))]
                for number in range(150)
            ]

    for accepted in asyncio.run(scenario()):
        assert accepted.count(True) == 1
    assert pending(place) == [str(number) for number in range(150)]


def test_ids_are_never_given_twice(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("maxbot.storage.store.time.time", lambda: now)

    async def scenario() -> None:
        nonlocal now
        async with place.opened() as store:
            await store.accept([update(str(number)) for number in range(10)])
            now = 2000.0
            assert await store.forget(500.0, 4) == 4
            assert await store.forget(500.0, 100) == 5, "the newest stays"
            assert await store.forget(500.0, 100) == 0
            assert await store.accept([update("3")]) == [True], "forgotten, and so it is new"
            assert await store.accept([update("9")]) == [False]

    asyncio.run(scenario())
    assert [row["id"] for row in place.rows("inbox")] == list(range(1, 12))


def test_forget_leaves_what_is_young(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("maxbot.storage.store.time.time", lambda: now)

    async def scenario() -> None:
        nonlocal now
        async with place.opened() as store:
            await store.accept([update("old")])
            now = 2000.0
            await store.accept([update("young"), update("newest")])
            assert await store.forget(500.0, 100) == 1
            assert await store.accept([update("young")]) == [False]

    asyncio.run(scenario())


def test_pending_dialogs_are_found_page_by_page(place: Place) -> None:
    names = [f"telegram:{number:02}" for number in range(7)]

    async def scenario() -> None:
        async with place.opened() as store:
            assert await store.newest() == 0
            for name in names:
                await store.accept([update(f"{name}.{part}", Dialog("telegram", name[-2:])) for part in range(3)])
            assert await store.newest() == 21
            assert await store.find_pending(21, "", 3) == names[:3]
            assert await store.find_pending(21, names[2], 3) == names[3:6]
            assert await store.find_pending(None, names[5], 3) == names[6:]
            assert await store.find_pending(7, "", 10) == names[:3], "of later ones nobody knows yet"

    asyncio.run(scenario())


async def postponed(store: Store, seconds: float) -> None:
    """Have a command that waits."""
    await store.accept([update("1")])
    committed = await store.commit(str(ANNA), 0, 1, {}, says("a"))
    assert committed is not None
    (row,) = committed
    assert await store.postpone(row, row._replace(not_before=store.now() + seconds, postponed_at=store.now()))


def test_a_postponed_command_is_pending_once_its_time_has_come(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("maxbot.storage.store.time.time", lambda: now)

    async def scenario() -> None:
        nonlocal now
        async with place.opened() as store:
            await postponed(store, 100.0)
            now = 1090.0
            assert await store.find_pending(1, "", 10) == []
            assert await store.find_pending(None, "", 10) == [str(ANNA)], "at a start no time is asked for"
            now = 1100.0
            assert await store.find_pending(1, "", 10) == [str(ANNA)]

    asyncio.run(scenario())


def test_a_clock_set_back_hides_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 10_000.0
    monkeypatch.setattr("maxbot.storage.store.time.time", lambda: now)

    async def scenario() -> None:
        nonlocal now
        async with place.opened() as store:
            await postponed(store, 100.0)
            await store.accept([update("2", BEA)])
            now = 6400.0
            assert await store.find_pending(2, "", 10) == [str(ANNA), str(BEA)]
            assert await store.find_pending(None, "", 10) == [str(ANNA), str(BEA)]

    asyncio.run(scenario())


def test_a_young_key_between_old_ones_is_not_forgotten(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step of the clock puts one there."""
    now = 1000.0
    monkeypatch.setattr("maxbot.storage.store.time.time", lambda: now)

    async def scenario() -> None:
        nonlocal now
        async with place.opened() as store:
            for key, when in (("a", 1000.0), ("b", 2000.0), ("c", 1000.0), ("newest", 2000.0)):
                now = when
                await store.accept([update(key)])
            assert await store.forget(500.0, 100) == 2
            assert await store.accept([update(key) for key in "abc"]) == [True, False, True]

    asyncio.run(scenario())


def test_where_to_answer_to_is_the_latest_that_an_update_brought(place: Place) -> None:
    async def scenario() -> None:
        async with place.opened() as store:
            first = Update(ANNA, "1", {"text": "1"}, address={"thread": 7})
            await store.accept([first, update("2")])
            work = await store.load(str(ANNA))
            assert work.address is None
            assert work.update is not None
            assert work.update.address == {"thread": 7}
            committed = await store.commit(str(ANNA), 0, 1, {}, says("a"), work.update.address)
            work = await store.load(str(ANNA))
            assert work.address == {"thread": 7}
            assert work.outbox == committed
            assert work.outbox[0].address == {"thread": 7}
            assert work.update is not None
            assert work.update.address is None

    asyncio.run(scenario())


def test_attempts_are_counted(place: Place) -> None:
    async def scenario() -> None:
        async with place.opened() as store:
            await store.accept([update("1"), update("2", BEA)])
            assert [await store.mark_attempt(1), await store.mark_attempt(1), await store.mark_attempt(2)] == [1, 2, 1]
            assert await store.mark_attempt(3) == 0, "there is no such update"
            work = await store.load(str(ANNA))
            assert work.update is not None
            assert work.update.attempts == 2

    asyncio.run(scenario())


def test_nothing_is_pending_in_a_new_database(place: Place) -> None:
    place.prepared()
    assert pending(place) == []
