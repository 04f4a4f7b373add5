"""What a user sees while the bot thinks."""

import asyncio
from typing import Any

import pytest

from maxbot.channels.base import Channel
from maxbot.delivery.suspects import Origin, Suspects
from maxbot.delivery.turns import Turns
from maxbot.errors import RetryLater
from maxbot.storage.store import Store
from maxbot.types import Address, Command, Dialog, Message, State, TurnResult, Update
from tests.support.bots import PlainBot
from tests.support.engine import run_with_store

ANNA = Dialog("test", "1")


class Slow(PlainBot):
    """Thinks for some seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def run_turn(self, message: Message, dialog: Dialog, state: State, utc_time: Any = None) -> TurnResult:
        await asyncio.sleep(self._seconds)
        return TurnResult([Command({"text": "done"})], state)


class Showing(Channel):
    """Notes when it was to show that an answer is under way."""

    type = name = "test"

    def __init__(self, error: Exception | None = None) -> None:
        self.shown: list[float] = []
        self._error = error

    async def typing(self, dialog: Dialog, address: Address | None = None) -> None:
        self.shown.append(asyncio.get_running_loop().time())
        if self._error:
            raise self._error


def seen(seconds: float, channel: Channel) -> list[float]:
    """Run a turn that takes so long; return after how many seconds it was shown."""
    began: list[float] = []

    async def scenario(store: Store) -> None:
        await store.accept([Update(ANNA, "1", {"text": "hello"})])
        work = await store.load(str(ANNA))
        assert work.update is not None
        began.append(asyncio.get_running_loop().time())
        turns = Turns(store, Slow(seconds), {"test": channel}, 60.0, Suspects())
        rows = await turns.run(ANNA, work, work.update, origin=Origin(False))
        assert rows is not None
        assert [row.content for row in rows] == [{"text": "done"}]
        await asyncio.sleep(30)

    run_with_store(scenario)
    return [round(moment - began[0], 1) for moment in getattr(channel, "shown", [])]


@pytest.mark.parametrize(("seconds", "shown"), [(0.5, []), (3.0, [1.0]), (10.0, [1.0, 5.0, 9.0])])
def test_a_turn_that_takes_its_time_is_shown_until_its_end(seconds: float, shown: list[float]) -> None:
    assert seen(seconds, Showing()) == shown


def test_a_platform_that_cannot_show_it_now_harms_nothing() -> None:
    assert seen(10.0, Showing(RetryLater("busy"))) == [1.0]


def test_a_channel_that_cannot_show_it_is_not_asked() -> None:
    class Plain(Channel):
        type = name = "test"

    assert seen(3.0, Plain()) == []
