"""Updates are accepted once each, by their key, and stand in the order of acceptance."""

import asyncio
from pathlib import Path

import pytest

from maxbot.storage.store import Store
from maxbot.types import Command, Dialog
from tests.storage.support import ANNA, databases, opened, prepared, rows, update

BEA = Dialog("telegram", "2")


def pending(path: Path) -> list[str]:
    """Return the texts in the inbox, in order."""
    return [row["message"].decode().split('"')[3] for row in rows(path, "inbox")]


def test_an_update_is_accepted_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path / "bot.db") as store:
            assert await store.accept([update("1")]) == [True]
            assert await store.accept([update("1")]) == [False]
            assert await store.accept([update("2"), update("1"), update("2")]) == [True, False, False]

    asyncio.run(scenario())
    assert pending(tmp_path / "bot.db") == ["1", "2"]
    assert {row["name"]: row["value"] for row in rows(tmp_path / "bot.db", "counters")} == {"redelivered": 3}


def test_the_same_key_of_another_channel_is_another_update(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path / "bot.db") as store:
            assert await store.accept([update("1"), update("1", Dialog("viber", "1"))]) == [True, True]

    asyncio.run(scenario())


def test_a_lower_number_after_a_higher_one_is_new(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path / "bot.db") as store:
            assert await store.accept([update("8", sequence=8)]) == [True]
            assert await store.accept([update("7", sequence=7)]) == [True]
            assert await store.accept([update("8", sequence=8)]) == [False]

    asyncio.run(scenario())
    assert pending(tmp_path / "bot.db") == ["8", "7"]


def test_an_update_stays_known_after_its_turn(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path / "bot.db") as store:
            await store.accept([update("1")])
            work = await store.load(str(ANNA))
            assert work.update is not None
            await store.commit(str(ANNA), work.version, work.update.id, {}, [])
            assert await store.accept([update("1")]) == [False]

    asyncio.run(scenario())
    assert pending(tmp_path / "bot.db") == []


def test_one_delivery_stands_in_the_order_of_its_sequence(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path / "bot.db") as store:
            await store.accept([update("c", sequence=12), update("a", sequence=10), update("b", sequence=11)])

    asyncio.run(scenario())
    assert pending(tmp_path / "bot.db") == ["a", "b", "c"]


def test_one_delivery_without_a_sequence_stands_as_it_came(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path / "bot.db") as store:
            await store.accept([update("c"), update("a"), update("b")])

    asyncio.run(scenario())
    assert pending(tmp_path / "bot.db") == ["c", "a", "b"]


def test_the_same_update_on_several_connections_at_one_moment_is_accepted_by_one(tmp_path: Path) -> None:
    async def scenario() -> list[list[bool]]:
        async with databases(tmp_path / "bot.db", 4) as made:
            stores = [Store(database) for database in made]
            return [
                [new for (new,) in await asyncio.gather(*(store.accept([update(str(number))]) for store in stores * 2))]
                for number in range(150)
            ]

    for accepted in asyncio.run(scenario()):
        assert accepted.count(True) == 1
    assert pending(tmp_path / "bot.db") == [str(number) for number in range(150)]


def test_ids_are_never_given_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("maxbot.storage.store.time.time", lambda: now)

    async def scenario() -> None:
        nonlocal now
        async with opened(tmp_path / "bot.db") as store:
            await store.accept([update(str(number)) for number in range(10)])
            now = 2000.0
            assert await store.forget(500.0, 4) == 4
            assert await store.forget(500.0, 100) == 5, "the newest stays"
            assert await store.forget(500.0, 100) == 0
            assert await store.accept([update("3")]) == [True], "forgotten, and so it is new"
            assert await store.accept([update("9")]) == [False]

    asyncio.run(scenario())
    assert [row["id"] for row in rows(tmp_path / "bot.db", "inbox")] == list(range(1, 12))


def test_forget_leaves_what_is_young(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("maxbot.storage.store.time.time", lambda: now)

    async def scenario() -> None:
        nonlocal now
        async with opened(tmp_path / "bot.db") as store:
            await store.accept([update("old")])
            now = 2000.0
            await store.accept([update("young"), update("newest")])
            assert await store.forget(500.0, 100) == 1
            assert await store.accept([update("young")]) == [False]

    asyncio.run(scenario())


def test_pending_dialogs_are_found_page_by_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("maxbot.storage.store.time.time", lambda: now)
    names = [f"telegram:{number:02}" for number in range(7)]

    async def scenario() -> None:
        nonlocal now
        async with opened(tmp_path / "bot.db") as store:
            for name in names:
                await store.accept([update(f"{name}.{part}", Dialog("telegram", name[-2:])) for part in range(3)])
            assert await store.find_pending(5.0, "", 10) == [], "all of it is young"
            now = 1010.0
            assert await store.find_pending(5.0, "", 3) == names[:3]
            assert await store.find_pending(5.0, names[2], 3) == names[3:6]
            assert await store.find_pending(5.0, names[5], 3) == names[6:]

    asyncio.run(scenario())


def test_a_postponed_command_is_pending_once_its_time_has_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("maxbot.storage.store.time.time", lambda: now)

    async def scenario() -> None:
        nonlocal now
        async with opened(tmp_path / "bot.db") as store:
            await store.accept([update("1")])
            work = await store.load(str(ANNA))
            assert work.update is not None
            committed = await store.commit(str(ANNA), work.version, work.update.id, {}, [Command({"text": "a"})])
            assert committed is not None
            assert await store.postpone(committed[0], 1, 1100.0)
            now = 1090.0
            assert await store.find_pending(5.0, "", 10) == []
            now = 1100.0
            assert await store.find_pending(5.0, "", 10) == [str(ANNA)]

    asyncio.run(scenario())


def test_attempts_are_counted(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path / "bot.db") as store:
            await store.accept([update("1"), update("2", BEA)])
            assert [await store.mark_attempt(1), await store.mark_attempt(1), await store.mark_attempt(2)] == [1, 2, 1]
            assert await store.mark_attempt(3) == 0, "there is no such update"
            work = await store.load(str(ANNA))
            assert work.update is not None
            assert work.update.attempts == 2

    asyncio.run(scenario())


def test_nothing_is_pending_in_a_new_database(tmp_path: Path) -> None:
    prepared(tmp_path / "bot.db")
    assert pending(tmp_path / "bot.db") == []
