"""Timers ring when they are due: where they were set, at the start, by a leader, and over steps of the clock."""

import asyncio
from itertools import count

import pytest

from maxbot.events import TimersSet
from maxbot.inbox import timers
from maxbot.inbox.timers import Timers
from maxbot.storage.store import Store
from maxbot.types import Dialog, Timer, TimerChanges, Update
from tests.support.engine import run_with_store

ADA = Dialog("test", "ada")

_numbers = count(1)


async def follows() -> bool:
    """Say that another worker leads."""
    return False


async def set_timers(store: Store, *seconds: float) -> None:
    """Commit a turn that sets timers."""
    await store.accept([Update(ADA, f"set {next(_numbers)}", {"text": "hi"})])
    work = await store.load(str(ADA))
    assert work.update is not None
    changes = TimerChanges([Timer(f"{next(_numbers)}", wait, "ring", {"wait": wait}) for wait in seconds])
    await store.commit(str(ADA), work.version, work.update.id, {}, [], timers=changes)


def test_they_ring_at_the_start_and_when_the_next_one_is_due() -> None:
    async def scenario(store: Store) -> None:
        woken: list[float] = []
        loop = asyncio.get_running_loop()
        await set_timers(store, 0.0, 1.5, 60.0, 700.0)
        began = loop.time()
        running = asyncio.create_task(Timers(store, lambda dialog: woken.append(loop.time() - began)).run())
        await asyncio.sleep(500)
        assert woken == pytest.approx([0.0, 1.5, 60.0], abs=0.1)
        await asyncio.sleep(300)
        assert woken == pytest.approx([0.0, 1.5, 60.0, 700.0], abs=0.1)
        running.cancel()

    run_with_store(scenario)


def test_who_does_not_lead_lets_ring_what_it_has_set(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(store: Store) -> None:
        monkeypatch.setattr(store, "leads", follows)
        woken: list[Dialog] = []
        here = Timers(store, woken.append)
        running = asyncio.create_task(here.run())
        await asyncio.sleep(1)
        await set_timers(store, 2.0)
        here(TimersSet(ADA, 2.0))
        await asyncio.sleep(1.9)
        assert woken == []
        await asyncio.sleep(0.2)
        assert woken == [ADA]
        await set_timers(store, 2.0)  # by somebody else: the leader's
        await asyncio.sleep(60)
        assert woken == [ADA]
        running.cancel()

    run_with_store(scenario)


def test_a_clock_that_is_set_back_keeps_nobody_waiting_for_longer_than_he_should(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario(store: Store) -> None:
        woken: list[Dialog] = []
        await set_timers(store, 60.0)
        right = store.now
        monkeypatch.setattr(store, "now", lambda: right() - 86400)
        running = asyncio.create_task(Timers(store, woken.append).run())
        await asyncio.sleep(55)
        assert woken == []
        await asyncio.sleep(10 + timers.LOOK_EVERY)
        assert woken == [ADA]
        running.cancel()

    run_with_store(scenario)


def test_a_clock_that_is_set_back_and_put_right_again_lets_nobody_ring_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """As at the start of a host whose clock is set by the network a moment later."""

    async def scenario(store: Store) -> None:
        woken: list[Dialog] = []
        await set_timers(store, 600.0)
        right = store.now
        monkeypatch.setattr(store, "now", lambda: right() - 86400)
        running = asyncio.create_task(Timers(store, woken.append).run())
        await asyncio.sleep(60)
        monkeypatch.setattr(store, "now", right)
        await asyncio.sleep(530)
        assert woken == []
        await asyncio.sleep(20)
        assert woken == [ADA]
        running.cancel()

    run_with_store(scenario)
