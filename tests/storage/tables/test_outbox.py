"""Commands in the outbox, and the steps of whoever sends them."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from maxbot.storage.store import Store
from maxbot.storage.tables.outbox import OutboxRow
from maxbot.types import Command
from tests.storage.support import ANNA, opened, rows, update


def with_command(path: Path, scenario: Callable[[Store, OutboxRow], Awaitable[None]]) -> None:
    """Run a scenario with a store and a command in its outbox."""

    async def run() -> None:
        async with opened(path / "bot.db") as store:
            await store.accept([update("1")])
            committed = await store.commit(str(ANNA), 0, 1, {}, [Command({"text": "a"})])
            assert committed is not None
            await scenario(store, committed[0])

    asyncio.run(run())


def test_a_command_is_removed_once(tmp_path: Path) -> None:
    async def scenario(store: Store, row: OutboxRow) -> None:
        assert await store.sent(1, 0)
        assert not await store.sent(1, 0), "somebody else removed it"

    with_command(tmp_path, scenario)
    assert rows(tmp_path / "bot.db", "outbox") == []


def test_a_postponed_command_keeps_its_time(tmp_path: Path) -> None:
    async def scenario(store: Store, row: OutboxRow) -> None:
        assert await store.postpone(row, 3, 1234.5)
        (found,) = (await store.load(str(ANNA))).outbox
        assert (found.attempts, found.not_before) == (3, 1234.5)
        assert await store.postpone(found, 3, None)
        (found,) = (await store.load(str(ANNA))).outbox
        assert found.not_before is None

    with_command(tmp_path, scenario)


def test_of_two_who_start_the_same_retry_one_is_refused(tmp_path: Path) -> None:
    async def scenario(store: Store, row: OutboxRow) -> None:
        await store.postpone(row, 1, 1234.5)
        (found,) = (await store.load(str(ANNA))).outbox
        assert [await store.postpone(found, 1, None), await store.postpone(found, 1, None)] == [True, False]

    with_command(tmp_path, scenario)


def test_a_command_set_aside_is_one_dead_letter(tmp_path: Path) -> None:
    async def scenario(store: Store, row: OutboxRow) -> None:
        assert await store.set_aside_command(str(ANNA), row, "blocked \ud800")
        assert not await store.set_aside_command(str(ANNA), row, "blocked")

    with_command(tmp_path, scenario)
    (letter,) = rows(tmp_path / "bot.db", "dead_letters")
    assert (letter["kind"], letter["dialog"], letter["update_id"], letter["position"]) == ("command", str(ANNA), 1, 0)
    assert (letter["content"], letter["reason"]) == (b'{"text":"a"}', "blocked \\ud800")


def test_a_command_that_was_sent_is_not_set_aside_as_well(tmp_path: Path) -> None:
    async def scenario(store: Store, row: OutboxRow) -> None:
        await store.sent(row.update_id, row.position)
        assert not await store.set_aside_command(str(ANNA), row, "blocked")

    with_command(tmp_path, scenario)
    assert rows(tmp_path / "bot.db", "dead_letters") == []


def test_an_update_set_aside_is_one_dead_letter(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path / "bot.db") as store:
            await store.accept([update("1")])
            assert await store.set_aside_update(str(ANNA), 1, "raised \udcff", "Traceback \ud800")
            assert not await store.set_aside_update(str(ANNA), 1, "raised", None)
            assert await store.commit(str(ANNA), 0, 1, {}, [Command({"text": "a"})]) is None
            assert await store.accept([update("1")]) == [False]

    asyncio.run(scenario())
    (letter,) = rows(tmp_path / "bot.db", "dead_letters")
    assert (letter["kind"], letter["content"], letter["traceback"]) == ("update", b'{"text":"1"}', "Traceback \\ud800")
    assert {row["name"]: row["value"] for row in rows(tmp_path / "bot.db", "counters")}["dead_updates"] == 1
