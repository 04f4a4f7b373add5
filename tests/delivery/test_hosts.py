"""A dialog that another host has: left, looked at again, taken over; and what may have killed that host."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from maxbot.board import SuspectList
from maxbot.delivery import Delivery
from maxbot.delivery.suspects import Suspects
from maxbot.delivery.turns import Bot as AnyBot
from maxbot.events import DialogElsewhere, Event, TurnStale, UpdateSetAside
from maxbot.locks.memory import MemoryLocks
from maxbot.storage.backend import Member
from maxbot.storage.database import Database
from maxbot.storage.json import decode
from maxbot.storage.prepare import open_backend
from maxbot.storage.store import Store
from maxbot.types import Dialog, Message, State, TurnResult, Update
from tests.delivery.test_suspects import in_a_worker
from tests.storage.support import MySQLPlace, Place, PostgreSQLPlace
from tests.support.bots import PlainBot

LEASE = 1.0
ANNA = Dialog("test", "anna")


@pytest.fixture(params=[PostgreSQLPlace, MySQLPlace])
def place(request: pytest.FixtureRequest) -> Place:
    """A prepared database that several hosts may share."""
    made: Place = request.param()
    made.prepared()
    return made


class Bot(PlainBot):
    """Notes what it ran."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    async def run_turn(self, message: Message, dialog: Dialog, state: State, utc_time: Any = None) -> TurnResult:
        self.ran.append(message["text"])
        return TurnResult([], state)


@asynccontextmanager
async def host(place: Place, run: str, lease: float = LEASE) -> AsyncIterator[Store]:
    """Give the store of a host's worker."""
    database = Database(place.worker(Member(run, lease)))
    try:
        yield Store(database)
    finally:
        await database.close()


def deliver(store: Store, bot: AnyBot, suspects: Suspects, observed: list[Event] | None = None) -> Delivery:
    observe = (observed if observed is not None else []).append
    locks = MemoryLocks()
    return Delivery(store, bot, {}, locks, turn_timeout=20.0, give_up_after=60.0, suspects=suspects, observe=observe)


async def until(condition: Any) -> None:
    while not condition():
        await asyncio.sleep(0.02)


async def attempts(store: Store) -> int:
    update = (await store.load(str(ANNA))).update
    assert update is not None
    return update.attempts


def test_a_dialog_that_another_host_has_is_left_to_it_and_taken_over_once_that_one_is_dead(place: Place) -> None:
    async def scenario() -> None:
        async with host(place, "one", 60.0) as one, host(place, "other") as other:
            bot, observed = Bot(), list[Event]()
            await one.accept([Update(ANNA, "1", {"text": "first"})])
            assert (await one.load(str(ANNA))).update is not None
            await other.accept([Update(ANNA, "2", {"text": "second"})])
            delivery = deliver(other, bot, Suspects(), observed)
            delivery.wake(ANNA)
            await until(lambda: any(isinstance(event, DialogElsewhere) for event in observed))
            assert bot.ran == []
            await _bury_everyone_of(place, "one")
            delivery.look_again()
            await until(lambda: bot.ran == ["first", "second"])
            await delivery.drain(5.0)

    asyncio.run(scenario())


def test_a_dialog_is_taken_over_without_anybodys_call_once_the_lease_is_over(place: Place) -> None:
    async def scenario() -> None:
        async with host(place, "other") as other:
            bot = Bot()
            async with host(place, "one") as one:
                await one.accept([Update(ANNA, "1", {"text": "left"})])
                await one.load(str(ANNA))
                delivery = deliver(other, bot, Suspects())
                delivery.wake(ANNA)
            await until(lambda: bot.ran == ["left"])
            await delivery.drain(5.0)

    asyncio.run(scenario())


def test_locks_that_reach_one_process_are_enough_behind_which_dialogs_are_claimed(place: Place) -> None:
    """Each host has locks of its own that know nothing of the other's."""
    texts = [str(number) for number in range(30)]

    class Slow(Bot):
        running = 0

        async def run_turn(self, message: Message, dialog: Dialog, state: State, utc_time: Any = None) -> TurnResult:
            Slow.running += 1
            assert Slow.running == 1, "two turns of one user at once"
            await asyncio.sleep(0.002)
            Slow.running -= 1
            return await super().run_turn(message, dialog, state, utc_time)

    async def scenario() -> None:
        async with host(place, "one", 60.0) as one, host(place, "other", 60.0) as other:
            bot, observed = Slow(), list[Event]()
            hosts = [(store, deliver(store, bot, Suspects(), observed)) for store in (one, other)]
            for number, text in enumerate(texts):
                store, delivery = hosts[number % 2]
                await store.accept([Update(ANNA, text, {"text": text})])
                delivery.wake(ANNA)
            await until(lambda: len(bot.ran) >= len(texts))
            for _, delivery in hosts:
                await delivery.drain(5.0)
            assert bot.ran == texts
            assert any(isinstance(event, DialogElsewhere) for event in observed), "they never met"
            assert not [event for event in observed if isinstance(event, TurnStale | UpdateSetAside)]

    asyncio.run(scenario())


def test_what_may_have_killed_another_host_is_counted_before_it_is_run(place: Place) -> None:
    async def scenario() -> None:
        async with host(place, "dead", 60.0) as dead, host(place, "other") as other:
            await dead.accept([Update(ANNA, "1", {"text": "poison"})])
            await dead.load(str(ANNA))
            await _bury_everyone_of(place, "dead")
            seen: list[int] = []

            class Looks(Bot):
                async def run_turn(self, *args: Any, **kwargs: Any) -> TurnResult:
                    seen.append(await attempts(other))
                    return await super().run_turn(*args, **kwargs)

            bot = Looks()
            suspects, reports, _ = in_a_worker(other, SuspectList.new())
            delivery = deliver(other, bot, suspects)
            delivery.wake(ANNA)
            await until(lambda: bot.ran == ["poison"])
            assert (seen, reports) == ([1], [])
            await delivery.drain(5.0)

    asyncio.run(scenario())


def test_what_is_left_to_a_quarantine_is_left_to_that_of_any_host(place: Place) -> None:
    """It is free for whoever tries it, and marked, so that no worker of another host runs it as if nothing were."""

    async def scenario() -> None:
        async with host(place, "one") as one, host(place, "other") as other:
            await one.accept([Update(ANNA, "1", {"text": "poison"})])
            known = SuspectList.new()
            known.put(1)
            for store, its in ((one, known), (other, SuspectList.new())):
                suspects, reports, _ = in_a_worker(store, its)
                bot = Bot()
                delivery = deliver(store, bot, suspects)
                delivery.wake(ANNA)
                await until(lambda reports=reports: reports == [1])
                await delivery.drain(5.0)
                assert bot.ran == []
            assert await attempts(one) == 1

    asyncio.run(scenario())


async def _bury_everyone_of(place: Place, run: str) -> None:
    """Let a sibling say that all workers of a run have ended."""
    async with host(place, run) as sibling:
        pid = next(int(row["pid"]) for row in place.rows("sessions") if row["run"] == run)
        await sibling.ping()
        await sibling.bury(pid)


@pytest.mark.parametrize("seconds", [0.3, 3 * LEASE])
def test_a_host_that_was_cut_off_loses_and_repeats_nothing(
    place: Place, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For less than a lease, and for so long that others take over: each turn counts once, in order."""
    monkeypatch.setattr("maxbot.storage.postgresql.connection.DEADLINE", 2.0)
    monkeypatch.setattr("maxbot.storage.mysql.driver.DEADLINE", 2)
    dialogs = [Dialog("test", str(number)) for number in range(20)]

    class Counts(PlainBot):
        async def run_turn(self, message: Message, dialog: Dialog, state: State, utc_time: Any = None) -> TurnResult:
            await asyncio.sleep(0.1)
            return TurnResult([], {"texts": [*state.get("texts", []), message["text"]]})

    async def scenario(proxy: Any) -> None:
        member = Member("cut", LEASE)
        database = Database(open_backend(place.through(proxy), "process", member=member))
        cut = Store(database)
        async with host(place, "other") as other:
            both = [deliver(cut, Counts(), Suspects()), deliver(other, Counts(), Suspects())]
            for number in range(4):
                updates = [Update(dialog, f"{dialog}.{number}", {"text": number}) for dialog in dialogs]
                await (cut if number % 2 else other).accept(updates)
                for dialog in dialogs:
                    both[number % 2].wake(dialog)
                    both[1 - number % 2].take_up(dialog)
            proxy.silent = True
            await asyncio.sleep(seconds)  # that is what is tested
            proxy.silent = False
            while await other.find_pending(None, "", 100):
                await asyncio.sleep(0.05)
            for delivery in both:
                await delivery.drain(10.0)
        await database.close()

    with place.proxy() as proxy:
        asyncio.run(scenario(proxy))
    states = [decode(row["state"])["texts"] for row in place.rows("dialogs")]
    assert states == [[0, 1, 2, 3]] * len(dialogs)
