"""Work that nobody is awake for is found: at the start, when told to, and after a while."""

import asyncio
from typing import cast

import pytest

from maxbot.errors import StorageUnavailable
from maxbot.inbox import sweep
from maxbot.inbox.sweep import Sweep
from maxbot.storage.store import Store
from maxbot.types import Dialog
from tests.inbox.support import updates
from tests.support.engine import run_with_store
from tests.support.simulation.clock import virtual_time


def test_all_that_is_pending_is_found_at_the_start_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "PAGE", 10)

    async def scenario(store: Store) -> None:
        await store.accept(updates(0, 35))
        woken: list[Dialog] = []
        sweeping = asyncio.create_task(Sweep(store, woken.append).run())
        await asyncio.sleep(1)
        assert woken == [Dialog("test", f"{n:04}") for n in range(35)]
        sweeping.cancel()

    run_with_store(scenario)


def test_later_only_what_has_waited_for_a_while_is_found_unless_somebody_died() -> None:
    async def scenario(store: Store) -> None:
        woken: list[Dialog] = []
        sweeper = Sweep(store, woken.append)
        sweeping = asyncio.create_task(sweeper.run())
        await asyncio.sleep(1)
        await store.accept(updates(0, 1))
        await asyncio.sleep(sweep.STALE - 1)
        assert woken == []
        await asyncio.sleep(1 + 2 * sweep.INTERVAL)
        assert woken == [Dialog("test", "0000")]
        await store.accept(updates(1, 1))
        await asyncio.sleep(0.01)
        sweeper.soon()
        await asyncio.sleep(0.1)
        assert Dialog("test", "0001") in woken
        sweeping.cancel()

    run_with_store(scenario)


class Unavailable:
    """A store whose database does not answer at first."""

    def __init__(self, failures: int) -> None:
        self.failures = failures

    async def leads(self, *, everywhere: bool = True) -> bool:
        return True

    async def newest(self) -> int:
        return 1

    async def find_pending(self, upto: int | None, after: str, limit: int) -> list[str]:
        if self.failures:
            self.failures -= 1
            raise StorageUnavailable("locked")
        return ["test:1"]


def test_of_several_workers_one_sweeps_and_another_goes_on_when_it_is_gone() -> None:
    """Whoever takes over finds everything, as whoever begins does."""

    async def scenario(store: Store) -> None:
        leads = False

        async def leading(*, everywhere: bool) -> bool:
            assert not everywhere, "of this run: each sweeps what is its own"
            return leads

        store.leads = leading  # type: ignore[assignment,method-assign]
        await store.accept(updates(0, 3))
        woken: list[Dialog] = []
        sweeping = asyncio.create_task(Sweep(store, woken.append).run())
        await asyncio.sleep(3 * sweep.INTERVAL)
        assert woken == []
        leads = True
        await asyncio.sleep(1.1 * sweep.INTERVAL)
        assert len(woken) == 3
        sweeping.cancel()

    run_with_store(scenario)


def test_a_database_that_does_not_answer_is_asked_again() -> None:
    async def scenario() -> None:
        woken: list[Dialog] = []
        sweeping = asyncio.create_task(Sweep(cast(Store, Unavailable(3)), woken.append).run())
        await asyncio.sleep(3.5 * sweep.INTERVAL)
        assert woken == [Dialog("test", "1")]
        sweeping.cancel()

    with virtual_time() as loop:
        loop.run_until_complete(scenario())


@pytest.mark.parametrize("steps", range(6))
def test_a_sweep_cancelled_in_the_moment_it_is_asked_for_ends(steps: int) -> None:
    """With `asyncio.wait_for` the cancellation was lost in that moment, and the stop waited for ever."""

    async def scenario() -> None:
        sweeper = Sweep(cast(Store, Unavailable(0)), lambda dialog: None)
        sweeping = asyncio.create_task(sweeper.run())
        await asyncio.sleep(1)
        sweeper.soon()
        for _ in range(steps):
            await asyncio.sleep(0)
        sweeping.cancel()
        await asyncio.wait([sweeping], timeout=10)
        assert sweeping.cancelled()

    with virtual_time() as loop:
        loop.run_until_complete(scenario())
