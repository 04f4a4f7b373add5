"""One turn: whatever the bot's code does, the dialog goes on, and nobody else suffers."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from maxbot.delivery.counted import Counters
from maxbot.delivery.suspects import Origin, Suspects
from maxbot.delivery.turns import Turns
from maxbot.events import DialogLeft, Event, UpdateSetAside
from maxbot.storage.store import Store
from maxbot.storage.tables.outbox import OutboxRow
from maxbot.types import Command, Dialog, Message, State, TurnResult, Update
from tests.support.bots import PlainBot
from tests.support.engine import counters, letters, run_with_store

ANNA = Dialog("test", "1")


class Bot(PlainBot):
    """Runs the function that a test gives it; then answers `done`."""

    def __init__(self, behave: Callable[[Dialog], Awaitable[None]] | None = None) -> None:
        self.behave = behave
        self.ran: list[str] = []

    async def run_turn(self, message: Message, dialog: Dialog, state: State, utc_time: Any = None) -> TurnResult:
        self.ran.append(dialog.user)
        state["half"] = "done"
        if self.behave is not None:
            await self.behave(dialog)
        return TurnResult([Command({"text": "done"})], state)


async def run_one(store: Store, bot: Bot, dialog: Dialog = ANNA, *, turns: Turns | None = None) -> list[OutboxRow]:
    """Run a dialog's oldest update."""
    work = await store.load(str(dialog))
    assert work.update is not None
    rows = await (turns or Turns(store, bot, {}, 20.0, Suspects())).run(dialog, work, work.update, Origin(False))
    assert rows is not None
    return rows


async def accept(store: Store, dialog: Dialog = ANNA, key: str = "1") -> None:
    await store.accept([Update(dialog, f"{dialog.user}.{key}", {"text": key})])


class Unprintable(Exception):
    def __str__(self) -> str:
        raise ValueError("not even this")


async def raises(dialog: Dialog) -> None:
    raise ValueError("no such table")


async def raises_half_a_character(dialog: Dialog) -> None:
    raise ValueError("\ud83d is half of it")


async def raises_unprintable(dialog: Dialog) -> None:
    raise Unprintable


async def exits(dialog: Dialog) -> None:
    raise SystemExit(3)


class Panic(BaseException):
    """As pyo3's PanicException is one."""


async def panics(dialog: Dialog) -> None:
    raise Panic("out of range")


async def is_interrupted(dialog: Dialog) -> None:
    raise KeyboardInterrupt


async def raises_a_group(dialog: Dialog) -> None:
    raise BaseExceptionGroup("several", [Panic("one"), ValueError("two")])


async def hangs(dialog: Dialog) -> None:
    await asyncio.sleep(1000)


async def cancels_itself(dialog: Dialog) -> None:
    raise asyncio.CancelledError


@pytest.mark.parametrize(
    ("behave", "reason", "traced"),
    [
        (raises, "no such table", "ValueError: no such table"),
        (raises_half_a_character, "\\ud83d is half of it", "ValueError"),
        (raises_unprintable, "Unprintable", "Unprintable"),
        (exits, "3", "SystemExit"),
        (panics, "out of range", "Panic: out of range"),
        (is_interrupted, "KeyboardInterrupt", "KeyboardInterrupt"),
        (raises_a_group, "several (2 sub-exceptions)", "Panic: one"),
        (hangs, "The turn took longer than 20 seconds", "TimedOut"),
        (cancels_itself, "CancelledError", "CancelledError"),
    ],
)
def test_a_turn_that_fails_is_set_aside_and_the_next_one_runs(
    behave: Callable[[Dialog], Awaitable[None]], reason: str, traced: str
) -> None:
    async def scenario(store: Store) -> None:
        bot = Bot(behave)
        await accept(store, key="bad")
        await accept(store, key="good")
        assert await run_one(store, bot) == []
        work = await store.load(str(ANNA))
        assert (work.version, work.state) == (0, {}), "rolled back"
        bot.behave = None
        (row,) = await run_one(store, bot)
        assert row.content == {"text": "done"}

    run_with_store(scenario)
    ((kind, said, traceback),) = letters()
    assert (kind, said) == ("update", reason)
    assert traceback is not None
    assert traced in traceback


def test_what_cannot_be_stored_is_set_aside() -> None:
    class Wrong(Bot):
        async def run_turn(self, message: Message, dialog: Dialog, state: State, utc_time: Any = None) -> TurnResult:
            return TurnResult([], {"connection": object()})

    async def scenario(store: Store) -> None:
        await accept(store)
        assert await run_one(store, Wrong()) == []
        assert (await store.load(str(ANNA))).update is None

    run_with_store(scenario)
    assert "cannot be stored" in letters()[0][1]


def test_a_turn_after_which_another_was_committed_is_thrown_away() -> None:
    async def scenario(store: Store) -> None:
        async def somebody_else(dialog: Dialog) -> None:
            await store.commit(str(ANNA), 0, 1, {"by": "somebody else"}, [])

        await accept(store)
        turns = Turns(store, Bot(somebody_else), {}, 20.0, Suspects(), Counters(store))
        assert await run_one(store, Bot(), turns=turns) == []
        work = await store.load(str(ANNA))
        assert (work.state, work.outbox) == ({"by": "somebody else"}, [])

    run_with_store(scenario)
    assert counters() == {"stale_turns": 1}


async def passes_it_on(dialog: Dialog) -> None:
    await asyncio.sleep(1000)


async def makes_an_error_of_it(dialog: Dialog) -> None:
    try:
        await asyncio.sleep(1000)
    except asyncio.CancelledError:
        raise ValueError("interrupted") from None


async def ignores_it(dialog: Dialog) -> None:
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(1000)


@pytest.mark.parametrize("behave", [passes_it_on, makes_an_error_of_it, ignores_it])
def test_a_turn_cancelled_from_outside_is_neither_committed_nor_set_aside(
    behave: Callable[[Dialog], Awaitable[None]],
) -> None:
    """It is a stop, or a lock that was lost: whoever is next runs it."""

    async def scenario(store: Store) -> None:
        await accept(store)
        task = asyncio.create_task(run_one(store, Bot(behave)))
        await asyncio.sleep(5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(5)
        work = await store.load(str(ANNA))
        assert work.update is not None
        assert work.version == 0

    run_with_store(scenario)
    assert letters() == []


class Failing(Bot):
    """Fails at every message, and notes what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[Any] = []

    async def run_turn(self, message: Message, dialog: Dialog, state: State, utc_time: Any = None) -> TurnResult:
        self.given.append(("message", message, state, utc_time))
        raise ValueError("no")

    async def run_request(self, request: Any, dialog: Dialog, state: State, utc_time: Any = None) -> TurnResult:
        self.given.append(("request", request, state, utc_time))
        raise ValueError("no")

    def after_failure(self, state: State) -> tuple[State, bool]:
        return {"failures": state.get("failures", 0) + 1}, state.get("failures", 0) == 1


def test_a_failed_turn_is_counted_in_the_state_and_the_dialog_may_leave_its_place() -> None:
    heard: list[Event] = []

    async def scenario(store: Store) -> None:
        bot = Failing()
        turns = Turns(store, bot, {}, 20.0, Suspects(), heard.append)
        for key in ("1", "2"):
            await accept(store, key=key)
            await run_one(store, bot, turns=turns)
        work = await store.load(str(ANNA))
        assert (work.state, work.version, work.update) == ({"failures": 2}, 2, None)
        assert bot.given[0][3] == datetime(2023, 11, 14, 22, 13, 20, bot.given[0][3].microsecond, UTC)  # virtual time

    run_with_store(scenario)
    assert [type(event) for event in heard] == [UpdateSetAside, UpdateSetAside, DialogLeft]


def test_a_failed_turn_of_a_lost_lock_changes_no_state() -> None:
    async def scenario(store: Store) -> None:
        await accept(store, key="1")
        stale = await store.load(str(ANNA))
        await accept(store, key="2")
        assert stale.update is not None
        await store.commit(str(ANNA), 0, stale.update.id, {"other": "turn"}, [])
        late = await store.load(str(ANNA))
        assert late.update is not None
        await Turns(store, Failing(), {}, 20.0, Suspects()).run(ANNA, stale, late.update, origin=Origin(False))
        assert (await store.load(str(ANNA))).state == {"other": "turn"}

    run_with_store(scenario)


def test_a_request_is_run_as_one_and_no_message_can_be_taken_for_it() -> None:
    async def scenario(store: Store) -> None:
        request = {"method": "ping", "params": {}}
        await store.accept([Update(ANNA, "1", {"method": "ping", "params": {}})])
        # A key of its own: whoever makes up the keys of messages cannot keep a request from being accepted.
        assert await store.accept([Update(ANNA, "1", request, is_request=True)]) == [True]
        assert await store.accept([Update(ANNA, "1", request, is_request=True)]) == [False]
        bot = Failing()
        assert await store.outcome("test", "1") == (True, False)
        await run_one(store, bot)
        await run_one(store, bot)
        assert [(kind, said) for kind, said, *_ in bot.given] == [("message", request), ("request", request)]
        assert await store.outcome("test", "1") == (False, True)
        assert await store.outcome("test", "2") is None

    run_with_store(scenario)
