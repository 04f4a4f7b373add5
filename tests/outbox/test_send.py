"""Commands go out in order, and a failed attempt leads to what the platform said."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import pytest

from maxbot.channels.base import Channel
from maxbot.errors import DialogClosed, LockLost, Moved, OutcomeUnknown, RetryLater, StorageUnavailable, Undeliverable
from maxbot.outbox.retries import MOST_TAKEN_UP, MOST_UNKNOWN
from maxbot.outbox.send import LookAgain, Sender, Waits
from maxbot.storage.store import Store
from maxbot.storage.tables.outbox import OutboxRow
from maxbot.storage.tables.turns import Work
from maxbot.types import Command, Dialog, Update
from tests.support.engine import counters, letters, run_with_store

ANNA = Dialog("test", "1")


class Platform(Channel):
    """Raises what a test has prepared, attempt by attempt; then takes everything."""

    name = "test"

    def __init__(self, *errors: Exception | None) -> None:
        self.errors = list(errors)
        self.attempts: list[tuple[float, str, str]] = []

    async def send(self, command: Command, dialog: Dialog) -> None:
        self.attempts.append((asyncio.get_running_loop().time(), command.content["text"], command.key))
        await asyncio.sleep(0.5)
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error

    @property
    def texts(self) -> list[str]:
        return [text for _, text, _ in self.attempts]


async def committed(store: Store, *texts: str, resend: bool = True) -> list[OutboxRow]:
    """Return the commands of a turn that was just committed."""
    await store.accept([Update(ANNA, "1", {"text": "hi"})])
    rows = await store.commit(str(ANNA), 0, 1, {}, [Command({"text": text}, resend=resend) for text in texts])
    assert rows is not None
    return rows


async def found(store: Store) -> Sequence[OutboxRow]:
    """Return the commands that are still to be sent."""
    return (await store.load(str(ANNA))).outbox


async def until_sent(store: Store, sender: Sender) -> float:
    """Go on as delivery does; return how long the dialog waited in all."""
    waited = 0.0
    while rows := await found(store):
        try:
            await store.load(str(ANNA), await sender.send(ANNA, rows, found=True))
        except LookAgain:
            continue
        except Waits as wait:
            waited += wait.seconds
            await asyncio.sleep(wait.seconds)
    return waited


def test_commands_are_sent_in_order_and_the_last_is_left_to_the_caller() -> None:
    async def scenario(store: Store) -> None:
        platform = Platform()
        rows = await committed(store, "a", "b", "c")
        sent = await Sender(store, {"test": platform}, 1000.0).send(ANNA, rows, found=False)
        assert platform.texts == ["a", "b", "c"]
        assert sent == (1, 2)
        assert [row.key for row in await found(store)] == ["1.2"]

    run_with_store(scenario)
    assert counters() == {}


def test_nothing_is_sent_once_the_user_lock_may_be_over() -> None:
    async def scenario(store: Store) -> None:
        platform = Platform()
        rows = await committed(store, "a", "b")
        sender = Sender(store, {"test": platform}, 1000.0, holds=lambda dialog: not platform.texts)
        with pytest.raises(LockLost):
            await sender.send(ANNA, rows, found=False)
        assert platform.texts == ["a"]
        assert [row.key for row in await found(store)] == ["1.1"]

    run_with_store(scenario)


def test_a_platforms_wish_is_kept_exactly_also_by_whoever_starts_later() -> None:
    async def scenario(store: Store) -> None:
        platform = Platform(RetryLater("429", retry_after=100.0))
        rows = await committed(store, "a", "b")
        with pytest.raises(Waits) as wait:
            await Sender(store, {"test": platform}, 1000.0).send(ANNA, rows, found=False)
        assert wait.value.seconds == 100.0
        told = asyncio.get_running_loop().time()
        await asyncio.sleep(40)
        with pytest.raises(Waits) as wait:
            await Sender(store, {"test": platform}, 1000.0).send(ANNA, await found(store), found=True)
        assert wait.value.seconds == pytest.approx(60.0, abs=0.1)
        await until_sent(store, Sender(store, {"test": platform}, 1000.0))
        assert platform.texts == ["a", "a", "b"]
        assert platform.attempts[1][0] == pytest.approx(told + 100.0, abs=0.1)
        assert len({key for _, text, key in platform.attempts if text == "a"}) == 1, "the same key at each attempt"

    run_with_store(scenario)
    assert counters() == {}, "it is certain that nothing was sent twice"


def test_pauses_grow_where_the_platform_names_none() -> None:
    async def scenario(store: Store) -> None:
        platform = Platform(*[RetryLater("busy")] * 9)
        await committed(store, "a")
        # As if it were found after a crash, hence `uncertain` once.
        await until_sent(store, Sender(store, {"test": platform}, 1000.0))
        pauses = [later[0] - earlier[0] - 0.5 for earlier, later in pairwise(platform.attempts)]
        for pause, expected in zip(pauses, [0.5, 1, 2, 4, 8, 16, 32, 60, 60], strict=True):
            assert 0.75 * expected <= pause <= 1.25 * expected + 0.01

    run_with_store(scenario)


def test_what_cannot_be_sent_for_too_long_is_given_up() -> None:
    async def scenario(store: Store) -> None:
        platform = Platform(*[RetryLater("busy", retry_after=30.0)] * 5)
        await committed(store, "a", "b")
        await until_sent(store, Sender(store, {"test": platform}, 100.0))
        assert platform.texts == ["a"] * 5 + ["b"], "after 30, 60, 90 and 120 seconds"

    run_with_store(scenario)
    assert "Gave up after" in letters()[0][1]


def test_an_unknown_outcome_is_counted_and_sent_again() -> None:
    async def scenario(store: Store) -> None:
        platform = Platform(OutcomeUnknown("no answer"))
        rows = await committed(store, "a", "b")
        sender = Sender(store, {"test": platform}, 1000.0)
        with pytest.raises(Waits):
            await sender.send(ANNA, rows, found=False)
        await until_sent(store, sender)
        assert platform.texts == ["a", "a", "b"]

    run_with_store(scenario)
    assert counters() == {"uncertain": 1}


def test_an_unknown_outcome_is_repeated_a_few_times_and_waiting_does_not_use_them_up() -> None:
    async def scenario(store: Store) -> None:
        outcomes: list[Exception | None] = []
        for _ in range(MOST_UNKNOWN):
            outcomes += [RetryLater("429", retry_after=10.0)] * 3 + [OutcomeUnknown("502")]
        platform = Platform(*outcomes)
        rows = await committed(store, "a", "b")
        sender = Sender(store, {"test": platform}, 86400.0)
        with pytest.raises(Waits):
            await sender.send(ANNA, rows, found=False)
        await until_sent(store, sender)
        assert platform.texts == ["a"] * 4 * MOST_UNKNOWN + ["b"]

    run_with_store(scenario)
    assert counters() == {"uncertain": MOST_UNKNOWN, "dead_commands": 1}
    assert "nobody knows whether it arrived" in letters()[0][1]


def test_a_command_whose_senders_die_is_not_sent_for_ever() -> None:
    async def scenario(store: Store) -> None:
        await committed(store, "a")
        for attempt in range(MOST_TAKEN_UP):
            sender = Sender(store, {"test": Platform()}, 86400.0)
            rows = await found(store)
            assert len(rows) == 1, f"set aside at attempt {attempt}"
            await sender.send(ANNA, rows, found=True)  # and then its worker is gone before it notes that
        assert await found(store) == []

    run_with_store(scenario)
    assert f"{MOST_TAKEN_UP} workers died" in letters()[0][1]


def test_deaths_of_workers_use_up_none_of_the_attempts_that_a_platform_has() -> None:
    """A platform that loses answers while workers die one after the other: neither is a reason to give up early."""

    async def scenario(store: Store) -> None:
        platform = Platform()
        await committed(store, "a")
        for _ in range(MOST_UNKNOWN - 1):
            for _ in range(2):  # sent, and its worker gone before it notes that
                await Sender(store, {"test": platform}, 86400.0).send(ANNA, await found(store), found=True)
            platform.errors = [OutcomeUnknown("no answer")]
            with pytest.raises(Waits):
                await Sender(store, {"test": platform}, 86400.0).send(ANNA, await found(store), found=True)
            await asyncio.sleep(15)
        assert await until_sent(store, Sender(store, {"test": platform}, 86400.0)) == 0.0, (
            "nor is a pause longer for them"
        )

    run_with_store(scenario)
    assert letters() == []


@pytest.mark.parametrize("wish", [0.0, -5.0, 0.001, float("nan")])
def test_no_number_makes_a_tight_loop(wish: float) -> None:
    async def scenario(store: Store) -> None:
        platform = Platform(*[RetryLater("429", retry_after=wish)] * 6)
        await committed(store, "a")
        assert await until_sent(store, Sender(store, {"test": platform}, 1000.0)) > 0.75 * (0.5 + 1 + 2 + 4 + 8 + 16)

    run_with_store(scenario)


@pytest.mark.parametrize("wish", [1e9, 1e300, float("inf")])
def test_no_number_shuts_a_dialog_for_longer_than_a_command_is_kept(wish: float) -> None:
    async def scenario(store: Store) -> None:
        platform = Platform(*[RetryLater("429", retry_after=wish)] * 2)
        rows = await committed(store, "a", "b")
        sender = Sender(store, {"test": platform}, 1000.0)
        with pytest.raises(Waits):
            await sender.send(ANNA, rows, found=False)
        assert await until_sent(store, sender) < 1000.0
        assert platform.texts == ["a", "a", "b"], "a last attempt, and then the next one's turn"

    run_with_store(scenario)
    assert "Gave up after 1001 seconds" in letters()[0][1]


def test_a_clock_set_back_prolongs_no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(store: Store) -> None:
        platform = Platform(RetryLater("busy", retry_after=60.0))
        rows = await committed(store, "a")
        sender = Sender(store, {"test": platform}, 86400.0)
        with pytest.raises(Waits):
            await sender.send(ANNA, rows, found=False)
        now = store.now
        monkeypatch.setattr(store, "now", lambda: now() - 3600.0)
        await sender.send(ANNA, await found(store), found=True)
        assert platform.texts == ["a", "a"]

    run_with_store(scenario)


def test_what_must_not_be_repeated_never_is() -> None:
    async def scenario(store: Store) -> None:
        platform = Platform(OutcomeUnknown("no answer"))
        rows = await committed(store, "a", "b", resend=False)
        await Sender(store, {"test": platform}, 1000.0).send(ANNA, rows, found=False)
        assert platform.texts == ["a", "b"]

    run_with_store(scenario)
    assert counters() == {"uncertain": 1, "dead_commands": 1}
    assert "must not be sent twice" in letters()[0][1]


def test_what_was_perhaps_sent_before_a_crash_is_counted_and_repeated_only_if_it_may_be() -> None:
    for resend, texts in ((True, ["a", "b"]), (False, ["b"])):

        async def scenario(store: Store, resend: bool = resend, texts: list[str] = texts) -> None:
            platform = Platform()
            await committed(store, "a", "b", resend=resend)
            await until_sent(store, Sender(store, {"test": platform}, 1000.0))
            assert platform.texts == texts, "the second cannot have been on its way"

        run_with_store(scenario)
        assert counters()["uncertain"] == 1


@pytest.mark.parametrize("resend", [True, False])
def test_where_the_platform_knows_a_command_again_it_is_repeated_and_not_counted(resend: bool) -> None:
    async def scenario(store: Store) -> None:
        platform = Platform(OutcomeUnknown("lost"), None, OutcomeUnknown("lost"))
        platform.recognises_for = 600.0
        await committed(store, "a", "b", resend=resend)
        await until_sent(store, Sender(store, {"test": platform}, 1000.0))
        assert platform.texts == ["a", "a", "b", "b"]

    run_with_store(scenario)
    assert counters() == {}
    assert letters() == []


def test_when_the_platform_has_forgotten_a_command_a_repetition_is_one() -> None:
    async def scenario(store: Store) -> None:
        platform = Platform(*(RetryLater("wait", 300.0),) * 3, OutcomeUnknown("lost"))
        platform.recognises_for = 600.0
        await committed(store, "a", resend=False)
        await until_sent(store, Sender(store, {"test": platform}, 10_000.0))
        assert platform.texts == ["a"] * 4

    run_with_store(scenario)
    assert counters() == {"uncertain": 1, "dead_commands": 1}


@pytest.mark.parametrize("error", [Undeliverable("blocked"), None])
def test_what_never_will_arrive_does_not_hold_up_the_next(error: Exception | None) -> None:
    async def scenario(store: Store) -> None:
        platform = Platform(error)
        rows = await committed(store, "a", "b")
        channels = {"test": platform} if error else {"other": platform}
        await Sender(store, channels, 1000.0).send(ANNA, rows, found=False)
        assert platform.texts == (["a", "b"] if error else [])

    run_with_store(scenario)
    reasons = [reason for _, reason, _ in letters()]
    assert reasons == (["blocked"] if error else ["The bot has no channel test any more"] * 2)


def test_a_channel_with_a_bug_is_tried_a_few_times() -> None:
    async def scenario(store: Store) -> None:
        platform = Platform(*[KeyError("result")] * MOST_UNKNOWN)
        await committed(store, "a", "b")
        await until_sent(store, Sender(store, {"test": platform}, 1000.0))
        assert platform.texts == ["a"] * MOST_UNKNOWN + ["b"]

    run_with_store(scenario)
    assert "KeyError" in letters()[0][1]


def test_a_mailbox_whose_database_does_not_answer_is_tried_again() -> None:
    async def scenario(store: Store) -> None:
        platform = Platform(StorageUnavailable("locked"))
        rows = await committed(store, "a")
        sender = Sender(store, {"test": platform}, 1000.0)
        with pytest.raises(Waits):
            await sender.send(ANNA, rows, found=False)
        await until_sent(store, sender)
        assert platform.texts == ["a", "a"]

    run_with_store(scenario)
    assert counters() == {}


def test_of_two_who_send_the_same_commands_one_stops_and_looks_again() -> None:
    async def scenario(store: Store) -> None:
        platform = Platform()
        rows = await committed(store, "a", "b", "c")
        first, second = (Sender(store, {"test": platform}, 1000.0) for _ in range(2))
        outcomes = await asyncio.gather(
            first.send(ANNA, rows, found=False), second.send(ANNA, rows, found=True), return_exceptions=True
        )
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["LookAgain", "Sent"]
        assert sorted(platform.texts) == ["a", "a", "b", "c"]

    run_with_store(scenario)
    assert counters() == {"uncertain": 1}


BEA = Dialog("test", "2")


async def committed_of(store: Store, dialog: Dialog, text: str) -> list[OutboxRow]:
    """Return the command of a dialog's first turn."""
    await store.accept([Update(dialog, dialog.user, {"text": "hi"})])
    work = await store.load(str(dialog))
    assert work.update is not None
    rows = await store.commit(str(dialog), 0, work.update.id, {"of": dialog.user}, [Command({"text": text})])
    assert rows is not None
    return rows


def test_where_a_platform_wants_the_whole_channel_to_wait_others_do_not_ask() -> None:
    async def scenario(store: Store) -> None:
        platform = Platform(RetryLater("too many", retry_after=100.0, reach="channel"))
        sender = Sender(store, {"test": platform}, 1000.0)
        for dialog in (ANNA, BEA):
            with pytest.raises(Waits) as wait:
                await sender.send(dialog, await committed_of(store, dialog, dialog.user), found=False)
        assert platform.texts == ["1"], "nobody else asks"
        assert 95 < wait.value.seconds <= 125
        (row,) = (await store.load(str(BEA))).outbox
        assert row.not_before is not None, "it is known that it was not sent"
        await asyncio.sleep(130)
        for dialog in (BEA, ANNA):
            await sender.send(dialog, (await store.load(str(dialog))).outbox, found=True)
        assert platform.texts == ["1", "2", "1"]

    run_with_store(scenario)
    assert counters() == {}


def test_a_channel_rests_over_a_restart_as_well() -> None:
    async def scenario(store: Store) -> None:
        platform = Platform(RetryLater("too many", retry_after=100.0, reach="channel"))
        rows = [await committed_of(store, dialog, dialog.user) for dialog in (ANNA, BEA)]
        with pytest.raises(Waits):
            await Sender(store, {"test": platform}, 1000.0).send(ANNA, rows[0], found=False)
        await asyncio.sleep(40)
        anew = Sender(store, {"test": platform}, 1000.0)
        with pytest.raises(Waits) as wait:
            await anew.send(BEA, rows[1], found=False)
        assert 55 < wait.value.seconds <= 75
        assert platform.texts == ["1"], "nobody asks before the time"
        await asyncio.sleep(90)
        for dialog in (BEA, ANNA):
            await anew.send(dialog, (await store.load(str(dialog))).outbox, found=True)
        assert platform.texts == ["1", "2", "1"]

    run_with_store(scenario)
    assert counters() == {}


def test_a_channel_that_rests_for_ever_keeps_no_command_for_ever() -> None:
    async def scenario(store: Store) -> None:
        platform = Platform(*[RetryLater("account locked", reach="channel")] * 100)
        await committed(store, "a")
        assert await until_sent(store, Sender(store, {"test": platform}, 1000.0)) < 1500

    run_with_store(scenario)
    assert "Gave up" in letters()[0][1]


def test_a_closed_dialog_is_asked_once() -> None:
    async def scenario(store: Store) -> None:
        platform = Platform(None, DialogClosed("blocked"))
        rows = await committed(store, "a", "b", "c", "d")
        await Sender(store, {"test": platform}, 1000.0).send(ANNA, rows, found=False)
        assert platform.texts == ["a", "b"]
        assert await found(store) == []

    run_with_store(scenario)
    assert [reason for _, reason, _ in letters()] == ["blocked"] * 3


def test_a_user_who_has_another_name_now_is_answered_under_that_one() -> None:
    async def scenario(store: Store) -> None:
        woken: list[Dialog] = []
        platform = Platform(Moved("upgraded", user="2"))
        sender = Sender(store, {"test": platform}, 1000.0, wake=woken.append)
        rows = await committed_of(store, ANNA, "a")
        await store.accept([Update(ANNA, "next", {"text": "next"})])
        with pytest.raises(LookAgain):
            await sender.send(ANNA, rows, found=False)
        assert woken == [BEA]
        assert await store.load(str(ANNA)) == Work(0, {}, [], None)
        work = await store.load(str(BEA))
        assert (work.version, work.state) == (1, {"of": "1"})
        assert work.update is not None
        await sender.send(BEA, work.outbox, found=True)
        assert platform.texts == ["a", "a"]

    run_with_store(scenario)
    assert counters() == {}, "it is certain that nothing was sent twice"


def test_a_state_that_is_there_already_is_not_overwritten_by_a_move() -> None:
    async def scenario(store: Store) -> None:
        await committed_of(store, ANNA, "a")
        await committed_of(store, BEA, "b")
        await store.move(ANNA, BEA)
        work = await store.load(str(BEA))
        assert work.state == {"of": "2"}
        assert [row.content["text"] for row in work.outbox] == ["a", "b"]

    run_with_store(scenario)
