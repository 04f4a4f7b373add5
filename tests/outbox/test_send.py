"""Commands go out in order, and a failed attempt leads to what the platform said."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import pytest

from maxbot.channels.base import Channel
from maxbot.errors import OutcomeUnknown, RetryLater, StorageUnavailable, Undeliverable
from maxbot.outbox.send import ATTEMPTS_AT_A_BUG, Sender, Waits
from maxbot.storage.store import Store
from maxbot.storage.tables.outbox import OutboxRow
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
        assert sent == [(1, 2)]
        assert [row.key for row in await found(store)] == ["1.2"]

    run_with_store(scenario)
    assert counters() == {}


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
        platform = Platform(*[KeyError("result")] * ATTEMPTS_AT_A_BUG)
        await committed(store, "a", "b")
        await until_sent(store, Sender(store, {"test": platform}, 1000.0))
        assert platform.texts == ["a"] * ATTEMPTS_AT_A_BUG + ["b"]

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
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Waits", "list"]
        assert sorted(platform.texts) == ["a", "a", "b", "c"]

    run_with_store(scenario)
    assert counters() == {"uncertain": 1}
