"""A timer is stored with its turn, rings once, and goes where its user goes."""

import asyncio
from collections.abc import Sequence
from itertools import count

from maxbot.storage.store import Store
from maxbot.storage.tables.timers import Name
from maxbot.types import Dialog, Timer, TimerChanges
from tests.storage.support import ANNA, Place, update

BORIS = Dialog("telegram", "2")

_numbers = count(1)


def timer(id: str, seconds: float = 0.0, name: str = "remind") -> Timer:
    return Timer(id, seconds, name, {"what": id})


async def commit(store: Store, *timers: Timer, cancelled: Sequence[str] = (), dialog: Dialog = ANNA) -> int:
    """Run a turn that does this, and return how many it has stored."""
    await store.accept([update(f"update {next(_numbers)}", dialog)])
    work = await store.load(str(dialog))
    assert work.update is not None
    changes = TimerChanges(timers, cancelled)
    assert await store.commit(str(dialog), work.version, work.update.id, {}, [], timers=changes) is not None
    return work.update.id


async def waiting(store: Store, dialog: Dialog = ANNA) -> list[str]:
    return sorted(id for id, _ in await store.timers_of(str(dialog)))


def test_what_is_due_is_in_the_inbox_once_and_in_order(place: Place) -> None:
    async def scenario() -> None:
        async with place.opened() as store:
            await commit(store, timer("b", 0.002), timer("a", 0.001), timer("later", 3600))
            await commit(store, timer("c", 0.0), dialog=BORIS)
            await asyncio.sleep(0.01)
            assert sorted(await store.ring(10)) == [str(ANNA), str(ANNA), str(BORIS)]
            assert await store.ring(10) == []
            for expected in ("a", "b"):
                work = await store.load(str(ANNA))
                assert work.update is not None
                assert work.update.is_request
                assert work.update.message == {"method": "remind", "params": {"what": expected}}
                await store.commit(str(ANNA), work.version, work.update.id, {}, [])
            assert (await store.load(str(ANNA))).update is None
            assert await waiting(store) == ["later"]
            due = await store.next_timer()
            assert due is not None
            assert 3590 < due - store.now() < 3601

    asyncio.run(scenario())


def test_those_who_look_at_the_same_time_find_each_once(place: Place) -> None:
    async def scenario() -> None:
        async with place.databases(3) as made:
            stores = [Store(database) for database in made]
            for start in range(0, 60, 20):
                await commit(stores[0], *[timer(f"{n:02}") for n in range(start, start + 20)])
            found = await asyncio.gather(*(store.ring(7) for store in stores for _ in range(8)))
            assert sum(map(len, found)) == 60
            assert await waiting(stores[0]) == []
        assert len(place.rows("inbox")) == 60
        assert len({row["key"] for row in place.rows("seen") if row["key"].startswith("timer:")}) == 60

    asyncio.run(scenario())


def test_a_turn_that_is_thrown_away_sets_and_cancels_nothing(place: Place) -> None:
    async def scenario() -> None:
        async with place.opened() as store:
            done = await commit(store, timer("first", 60))
            changes = TimerChanges([timer("second")], ["first"])
            assert await store.commit(str(ANNA), 1, done, {}, [], timers=changes) is None
            assert await waiting(store) == ["first"]

    asyncio.run(scenario())


def test_a_name_or_an_id_cancels_in_its_own_dialog(place: Place) -> None:
    async def scenario() -> None:
        async with place.opened() as store:
            await commit(store, timer("a", 60), timer("b", 60), timer("c", 60, "call"), timer("d", 60, "call"))
            await commit(store, timer("e", 60), dialog=BORIS)
            await commit(store, timer("new", 60), cancelled=["remind", "c", "nothing"])
            assert await waiting(store) == ["d", "new"]
            assert await waiting(store, BORIS) == ["e"]

    asyncio.run(scenario())


def test_timers_go_where_their_user_goes(place: Place) -> None:
    async def scenario() -> None:
        async with place.opened() as store:
            await commit(store, timer("a", 60), timer("b", 0))
            await store.move(ANNA, BORIS)
            assert await store.ring(10) == [str(BORIS)]
            assert (await waiting(store), await waiting(store, BORIS)) == ([], ["a"])

    asyncio.run(scenario())


def test_one_that_was_set_in_the_future_is_found_and_rings_when_told(place: Place) -> None:
    """The clock was set back by ten minutes."""

    class Behind(Store):
        def now(self) -> float:
            return super().now() - 600

    async def scenario() -> None:
        async with place.databases(1) as (database,):
            store, behind = Store(database), Behind(database)
            await commit(store, timer("long", 60), timer("short", 5))
            assert await store.timers_ahead(10) == []
            found = await behind.timers_ahead(10)
            assert [(name, round(seconds, 3)) for name, seconds in found] == [
                (Name(str(ANNA), "short"), 5.0),
                (Name(str(ANNA), "long"), 60.0),
            ]
            assert await behind.ring(10, [found[0][0], Name(str(ANNA), "gone")]) == [str(ANNA)]
            assert await waiting(store) == ["long"]

    asyncio.run(scenario())
