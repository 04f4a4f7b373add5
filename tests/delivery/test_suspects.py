"""Where a turn may run after somebody died: not here, here, alone, or nowhere any more."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from maxbot.board import Board, SuspectList, Suspicion
from maxbot.channels.base import Channel
from maxbot.delivery import Delivery
from maxbot.delivery.suspects import InAWorker, InOneProcess, InQuarantine, Origin, Suspects, Verdict
from maxbot.locks.memory import MemoryLocks
from maxbot.storage.store import Store
from maxbot.storage.tables.turns import PendingUpdate
from maxbot.types import Command, Dialog, Message, State, TurnResult, Update
from tests.support.bots import PlainBot
from tests.support.engine import letters, run_with_store

ANNA = Dialog("test", "anna")
BERT = Dialog("test", "bert")


class Bot(PlainBot):
    """Notes what it ran, and which turns were under way together."""

    def __init__(self, seconds: float = 1.0) -> None:
        self.ran: list[str] = []
        self.most = 0
        self._seconds = seconds
        self._under_way = 0

    async def run_turn(self, message: Message, dialog: Dialog, state: State, utc_time: Any = None) -> TurnResult:
        self.ran.append(message["text"])
        self._under_way += 1
        self.most = max(self.most, self._under_way)
        await asyncio.sleep(self._seconds)
        self._under_way -= 1
        return TurnResult([], state)


def deliver(store: Store, bot: Bot, suspects: Suspects, *channels: Channel) -> Delivery:
    by_name = {channel.name: channel for channel in channels}
    return Delivery(store, bot, by_name, MemoryLocks(), turn_timeout=20.0, give_up_after=60.0, suspects=suspects)


async def accept(store: Store, dialog: Dialog, *texts: str) -> None:
    await store.accept([Update(dialog, f"{dialog.user} {text}", {"text": text}) for text in texts])


async def pending(store: Store, dialog: Dialog) -> PendingUpdate:
    update = (await store.load(str(dialog))).update
    assert update is not None
    return update


async def attempts(store: Store, dialog: Dialog) -> int:
    return (await pending(store, dialog)).attempts


def in_a_worker(store: Store, known: SuspectList, *, first: bool = False) -> tuple[InAWorker, list[int], list[int]]:
    reports: list[int] = []
    done: list[int] = []

    def report(dialog: Dialog, update: int, attempts: int) -> None:
        reports.append(update)

    suspects = InAWorker(store, Board.new(), known, report, lambda dialog, update: done.append(update), first=first)
    return suspects, reports, done


def test_a_worker_reports_a_suspect_and_runs_neither_it_nor_what_waits_behind_it() -> None:
    async def scenario(store: Store) -> None:
        known = SuspectList.new()
        suspects, reports, _ = in_a_worker(store, known)
        bot = Bot()
        await accept(store, ANNA, "suspect", "behind it")
        await accept(store, BERT, "another's")
        known.put(1)
        delivery = deliver(store, bot, suspects)
        delivery.wake(ANNA)
        delivery.wake(BERT)
        await asyncio.sleep(5)
        assert (bot.ran, reports) == (["another's"], [1])

    run_with_store(scenario)


def test_a_worker_sets_the_guilty_aside_and_goes_on_with_the_dialog() -> None:
    async def scenario(store: Store) -> None:
        known = SuspectList.new()
        suspects, reports, done = in_a_worker(store, known)
        bot = Bot()
        await accept(store, ANNA, "guilty", "behind it")
        known.put(1, Suspicion.GUILTY)
        deliver(store, bot, suspects).wake(ANNA)
        await asyncio.sleep(5)
        assert (bot.ran, reports, done) == (["behind it"], [], [1])

    run_with_store(scenario)
    assert [kind for kind, *_ in letters()] == ["update"]


@pytest.mark.parametrize(("first", "expected"), [(True, 1), (False, 0)])
def test_only_a_run_that_cannot_know_how_the_last_one_ended_counts_what_it_left(first: bool, expected: int) -> None:
    async def scenario(store: Store) -> None:
        suspects, _, _ = in_a_worker(store, SuspectList.new(), first=first)
        await accept(store, ANNA, "left behind")
        delivery = deliver(store, Bot(seconds=10), suspects)
        delivery.take_up(ANNA)
        await asyncio.sleep(5)
        assert await attempts(store, ANNA) == expected
        await delivery.drain(0)  # a stop is no death
        await asyncio.sleep(5)
        assert await attempts(store, ANNA) == 0

    run_with_store(scenario)


def test_a_turn_whose_lock_is_lost_stays_counted() -> None:
    """The turn that ended the supervisor loses its lock a moment before its worker ends, and is the culprit."""

    async def scenario(store: Store) -> None:
        suspects, _, _ = in_a_worker(store, SuspectList.new(), first=True)
        await accept(store, ANNA, "left behind")
        delivery = deliver(store, Bot(seconds=10), suspects)
        delivery.take_up(ANNA)
        await asyncio.sleep(5)
        for task in delivery._dialogs._awake.values():
            task.cancel()
        suspects.lost = True
        await delivery.drain(0)  # that its worker stops then is no excuse
        await asyncio.sleep(1)
        assert await attempts(store, ANNA) == 1

    run_with_store(scenario)


@pytest.mark.parametrize(("before", "reported", "set_aside"), [(1, True, False), (2, True, False), (3, False, True)])
def test_a_suspicion_is_kept_in_the_inbox(before: int, reported: bool, set_aside: bool) -> None:
    async def scenario(store: Store) -> None:
        suspects, reports, _ = in_a_worker(store, SuspectList.new(), first=True)
        bot = Bot()
        await accept(store, ANNA, "suspect")
        for _ in range(before):
            await store.mark_attempt(1)
        deliver(store, bot, suspects).take_up(ANNA)
        await asyncio.sleep(5)
        assert (bot.ran, bool(reports)) == ([], reported)

    run_with_store(scenario)
    assert bool(letters()) == set_aside


@pytest.mark.parametrize(("before", "alone", "after"), [(0, False, 1), (1, False, 1), (1, True, 2), (0, True, 1)])
def test_the_quarantine_runs_the_suspect_alone_and_counts_what_was_alone(before: int, alone: bool, after: int) -> None:
    async def scenario(store: Store) -> None:
        done: list[tuple[int, bool]] = []
        suspects = InQuarantine(store, Board.new(), lambda dialog, update, ran: done.append((update, ran)))
        bot = Bot(seconds=10)
        await accept(store, ANNA, "suspect", "behind it")
        for _ in range(before):
            await store.mark_attempt(1)
        delivery = deliver(store, bot, suspects)
        suspects.expect(ANNA, 1, alone=alone)
        delivery.wake(ANNA)
        await asyncio.sleep(5)
        assert await attempts(store, ANNA) == after
        await asyncio.sleep(20)
        assert (bot.ran, done) == (["suspect"], [(1, True)])

    run_with_store(scenario)


def test_a_suspect_that_is_not_the_next_one_is_over() -> None:
    """Somebody ran it meanwhile: the quarantine does not run what waited behind it."""

    async def scenario(store: Store) -> None:
        done: list[tuple[int, bool]] = []
        suspects = InQuarantine(store, Board.new(), lambda dialog, update, ran: done.append((update, ran)))
        bot = Bot()
        await accept(store, ANNA, "another one")
        delivery = deliver(store, bot, suspects)
        suspects.expect(ANNA, 99, alone=True)
        delivery.wake(ANNA)
        suspects.expect(BERT, 98, alone=True)
        delivery.wake(BERT)  # who has nothing at all to do
        await asyncio.sleep(5)
        assert (bot.ran, sorted(done)) == ([], [(98, False), (99, True)])

    run_with_store(scenario)


class Platform(Channel):
    """Notes what was sent."""

    name = "test"

    def __init__(self) -> None:
        self.sent: list[str] = []

    async def send(self, command: Command, dialog: Dialog) -> None:
        self.sent.append(command.content["text"])


async def commit(store: Store, *texts: str) -> None:
    """Leave commands of Anna's first turn behind."""
    await accept(store, ANNA, "hi")
    await store.commit(str(ANNA), 0, 1, {}, [Command({"text": text}) for text in texts])
    await accept(store, ANNA, "next")


def test_a_worker_sends_no_command_that_may_have_killed_another_one() -> None:
    async def scenario(store: Store) -> None:
        known = SuspectList.new()
        suspects, reports, _ = in_a_worker(store, known)
        await commit(store, "poison", "behind it")
        known.put(1)
        bot, platform = Bot(), Platform()
        deliver(store, bot, suspects, platform).take_up(ANNA)
        await asyncio.sleep(5)
        assert (platform.sent, bot.ran, reports) == ([], [], [1])

    run_with_store(scenario)


def test_a_worker_sets_aside_the_command_that_kills_and_sends_those_behind_it() -> None:
    async def scenario(store: Store) -> None:
        known = SuspectList.new()
        done: list[int] = []

        def forget(dialog: Dialog, update: int) -> None:
            done.append(update)
            known.remove(update)  # as the supervisor does

        suspects = InAWorker(store, Board.new(), known, lambda *suspect: None, forget, first=False)
        await commit(store, "poison", "behind it")
        known.put(1, Suspicion.GUILTY)
        bot, platform = Bot(), Platform()
        deliver(store, bot, suspects, platform).take_up(ANNA)
        await asyncio.sleep(5)
        assert (platform.sent, bot.ran, done) == (["behind it"], ["next"], [1])

    run_with_store(scenario)
    assert [kind for kind, *_ in letters()] == ["command"]


def test_the_quarantine_sends_the_command_it_is_told_and_runs_nothing_behind_it() -> None:
    async def scenario(store: Store) -> None:
        done: list[tuple[int, bool]] = []
        suspects = InQuarantine(store, Board.new(), lambda dialog, update, ran: done.append((update, ran)))
        await commit(store, "suspected")
        bot, platform = Bot(), Platform()
        delivery = deliver(store, bot, suspects, platform)
        suspects.expect(ANNA, 1, alone=True)
        delivery.wake(ANNA)
        await asyncio.sleep(5)
        assert (platform.sent, bot.ran, done) == (["suspected"], [], [(1, True)])

    run_with_store(scenario)


def test_in_one_process_suspects_run_one_at_a_time_and_others_beside_them() -> None:
    async def scenario(store: Store) -> None:
        bot = Bot(seconds=4)
        users = [Dialog("test", str(number)) for number in range(3)]
        for dialog in users:
            await accept(store, dialog, f"suspect {dialog.user}")
        for number in range(3):
            await store.mark_attempt(number + 1)
        delivery = deliver(store, bot, InOneProcess(store))
        for dialog in users:
            delivery.take_up(dialog)
        await asyncio.sleep(2)
        assert bot.ran == ["suspect 0"]
        await accept(store, ANNA, "fresh")
        delivery.wake(ANNA)
        await asyncio.sleep(1)
        assert bot.ran == ["suspect 0", "fresh"]
        await asyncio.sleep(20)
        assert len(bot.ran) == 4

    run_with_store(scenario)


def test_a_process_that_knows_what_the_last_one_died_of_runs_that_alone_and_sets_it_aside_after_a_second_death(
    tmp_path: Path,
) -> None:
    file = str(tmp_path / "bot.db-turns")

    async def scenario(store: Store) -> None:
        await accept(store, ANNA, "poison")
        await accept(store, BERT, "innocent")
        first, _ = Board.kept(file)
        first._cells[0] = 1  # and so it stays when the process ends in the middle of a step
        second, before = Board.kept(file)
        suspects = InOneProcess(store, second, before)
        innocent, poison = await pending(store, BERT), await pending(store, ANNA)
        assert suspects.trusts(innocent, Origin(left_behind=True)), "nothing is against it"
        assert not suspects.trusts(poison, Origin(left_behind=True))
        async with suspects.trial(ANNA, poison) as verdict:
            assert verdict is Verdict.RUN
            second._cells[0] = 1
            third = InOneProcess(store, *Board.kept(file))
            async with third.trial(ANNA, await pending(store, ANNA)) as verdict_of_the_third:
                assert verdict_of_the_third is Verdict.SET_ASIDE

    run_with_store(scenario)


def test_in_one_process_what_is_left_behind_runs_together_a_first_time_and_is_set_aside_after_a_second_death() -> None:
    async def scenario(store: Store) -> None:
        users = [Dialog("test", str(number)) for number in range(3)]
        for dialog in users:
            await accept(store, dialog, "left behind")
        bot = Bot()
        delivery = deliver(store, bot, InOneProcess(store))
        for _ in range(2):
            await store.mark_attempt(1)
        for dialog in users:
            delivery.take_up(dialog)
        await asyncio.sleep(5)
        assert (len(bot.ran), bot.most) == (2, 2)

    run_with_store(scenario)
    assert len(letters()) == 1
