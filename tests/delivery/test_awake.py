"""Who is awake: nobody twice, and nobody forgotten."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from maxbot.delivery import awake as who
from maxbot.delivery.awake import Dialogs
from maxbot.errors import LockLost
from maxbot.locks.memory import MemoryLocks
from maxbot.types import Dialog
from tests.support.simulation.clock import virtual_time

ANNA, BEA = Dialog("test", "1"), Dialog("test", "2")


class Work:
    """Notes who worked when; each piece takes a second unless a test says otherwise."""

    def __init__(self) -> None:
        self.done: list[tuple[str, float, bool]] = []
        self.at_work: set[Dialog] = set()
        self.takes = 1.0
        self.next: list[float | Exception | None] = []

    async def __call__(self, dialog: Dialog, left_behind: bool) -> float | None:
        assert dialog not in self.at_work
        self.at_work.add(dialog)
        try:
            await asyncio.sleep(self.takes)
        finally:
            self.at_work.remove(dialog)
        self.done.append((dialog.user, asyncio.get_running_loop().time(), left_behind))
        outcome = self.next.pop(0) if self.next else None
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    @property
    def users(self) -> list[str]:
        return [user for user, _, _ in self.done]

    @property
    def times(self) -> list[float]:
        return [round(time, 6) for _, time, _ in self.done]


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    with virtual_time() as loop:
        loop.run_until_complete(scenario())


def test_different_dialogs_work_at_the_same_time() -> None:
    async def scenario() -> None:
        work = Work()
        awake = Dialogs(MemoryLocks(), work)
        awake.wake(ANNA)
        awake.wake(BEA)
        assert awake.awake == 2
        await asyncio.sleep(1.5)
        assert work.times == [1.0, 1.0]
        assert awake.awake == 0

    run(scenario)


def test_woken_while_at_work_it_looks_once_more() -> None:
    async def scenario() -> None:
        work = Work()
        awake = Dialogs(MemoryLocks(), work)
        awake.wake(ANNA)
        await asyncio.sleep(0.5)
        for _ in range(3):
            awake.wake(ANNA)
        await asyncio.sleep(10)
        assert work.times == [1.0, 2.0]

    run(scenario)


def test_roused_it_looks_once_and_is_woken_only_where_it_did_not_sleep() -> None:
    async def scenario() -> None:
        work = Work()
        awake = Dialogs(MemoryLocks(), work)
        assert awake.rouse(ANNA), "it looks for what is being stored"
        assert not awake.rouse(ANNA), "it may have looked already"
        await asyncio.sleep(5)
        assert work.users == ["1"]
        await awake.drain(1.0)
        assert not awake.rouse(ANNA)

    run(scenario)


def test_woken_while_it_waits_for_its_lock_it_looks_once() -> None:
    async def scenario() -> None:
        work, locks = Work(), MemoryLocks()
        awake = Dialogs(locks, work)
        async with locks(ANNA):
            awake.wake(ANNA)
            await asyncio.sleep(1)
            awake.wake(ANNA)
        await asyncio.sleep(10)
        assert work.times == [2.0], "all that woke it was there before it looked"

    run(scenario)


def test_woken_while_its_lock_is_released_it_looks_again() -> None:
    @asynccontextmanager
    async def slow(dialog: Dialog) -> AsyncIterator[None]:
        yield
        await asyncio.sleep(1)

    async def scenario() -> None:
        work = Work()
        awake = Dialogs(slow, work)
        awake.wake(ANNA)
        await asyncio.sleep(1.5)
        awake.wake(ANNA)
        await asyncio.sleep(10)
        assert work.times == [1.0, 3.0]

    run(scenario)


def test_beyond_the_limit_dialogs_wait_for_one_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(who, "MOST_AWAKE", 2)

    async def scenario() -> None:
        work = Work()
        awake = Dialogs(MemoryLocks(), work)
        for number in range(5):
            awake.wake(Dialog("test", str(number)))
        awake.take_up(Dialog("test", "4"))
        awake.wake(Dialog("test", "4"))
        assert awake.awake == 5
        await asyncio.sleep(10)
        assert work.users == ["0", "1", "2", "3", "4"]
        assert work.times == [1.0, 1.0, 2.0, 2.0, 3.0]
        assert [left_behind for *_, left_behind in work.done] == [False] * 4 + [True]
        assert awake.awake == 0

    run(scenario)


def test_an_alarm_wakes_at_its_time_and_not_twice() -> None:
    async def scenario() -> None:
        work = Work()
        work.next = [30.0, 20.0]
        awake = Dialogs(MemoryLocks(), work)
        awake.wake(ANNA)
        await asyncio.sleep(5)
        awake.take_up(ANNA)
        assert awake.awake == 0, "it has an alarm: whoever sweeps leaves it alone"
        awake.wake(ANNA)
        await asyncio.sleep(100)
        assert work.times == [1.0, 6.0, 27.0], "the later alarm stands in the place of the first"

    run(scenario)


@pytest.mark.parametrize("error", [LockLost("gone"), RuntimeError("a bug")])
def test_work_that_failed_is_taken_up_again_a_moment_later(error: Exception) -> None:
    async def scenario() -> None:
        work = Work()
        work.next = [error]
        awake = Dialogs(MemoryLocks(), work)
        awake.wake(ANNA)
        await asyncio.sleep(10)
        assert work.times == [1.0, 1.0 + who.AFTER_A_FAILURE + 1.0]

    run(scenario)


def test_a_lock_that_fails_is_asked_again() -> None:
    calls = []

    @asynccontextmanager
    async def failing(dialog: Dialog) -> AsyncIterator[None]:
        calls.append(dialog)
        if len(calls) < 3:
            raise ConnectionError("no lock service")
        yield

    async def scenario() -> None:
        work = Work()
        awake = Dialogs(failing, work)
        awake.wake(ANNA)
        await asyncio.sleep(10)
        assert work.times == [2 * who.AFTER_A_FAILURE + 1.0]

    run(scenario)


def test_a_drain_waits_for_those_at_work_and_wakes_nobody_afterwards() -> None:
    async def scenario() -> None:
        work = Work()
        work.next = [5.0]
        awake = Dialogs(MemoryLocks(), work)
        awake.wake(ANNA)
        assert await awake.drain(10) == 0
        assert asyncio.get_running_loop().time() == 1.0, "an alarm is nothing to wait for"
        awake.wake(BEA)
        await asyncio.sleep(20)
        assert work.users == ["1"]

    run(scenario)


def test_a_drain_cancels_at_its_deadline_and_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(who, "MOST_AWAKE", 2)

    async def scenario() -> None:
        work, locks = Work(), MemoryLocks()
        work.takes = 100
        awake = Dialogs(locks, work)
        for number in range(3):
            awake.wake(Dialog("test", str(number)))
        assert await awake.drain(10) == 3, "two were at work, one waited for its place"
        assert asyncio.get_running_loop().time() == 10
        assert work.done == []
        assert len(locks) == 0, "their locks are free"

    run(scenario)


def test_a_drain_is_not_held_up_by_code_that_catches_its_cancellation() -> None:
    stubborn = True

    async def work(dialog: Dialog, left_behind: bool) -> None:
        while stubborn:
            try:
                await asyncio.sleep(100)
            except asyncio.CancelledError:
                continue

    async def scenario() -> None:
        nonlocal stubborn
        awake = Dialogs(MemoryLocks(), work)
        awake.wake(ANNA)
        assert await awake.drain(10) == 1
        assert asyncio.get_running_loop().time() == 10 + who.TO_BE_CANCELLED
        stubborn = False

    run(scenario)
