"""A stop is bounded by turns: a dialog ends after the turn under way and its sends, whatever waits behind it."""

import asyncio
from typing import Any

from maxbot.channels.base import Channel
from maxbot.delivery import Delivery
from maxbot.locks.memory import MemoryLocks
from maxbot.storage.store import Store
from maxbot.types import Command, Dialog, Message, State, TurnResult, Update
from tests.support.bots import PlainBot
from tests.support.engine import run_with_store

ANNA = Dialog("test", "1")


class Slow(Channel, PlainBot):
    """Takes a second for a turn as a bot, and one for a reply as a channel."""

    name = "test"

    def __init__(self) -> None:
        self.sent: list[str] = []

    async def run_turn(self, message: Message, dialog: Dialog, state: State, utc_time: Any = None) -> TurnResult:
        await asyncio.sleep(1)
        return TurnResult([Command({"text": f"{message['text']}{part}"}) for part in "ab"], state)

    async def send(self, command: Command, dialog: Dialog) -> None:
        await asyncio.sleep(1)
        self.sent.append(command.content["text"])


def test_a_backlog_does_not_hold_up_a_stop() -> None:
    async def scenario(store: Store) -> None:
        slow = Slow()
        delivery = Delivery(store, slow, {"test": slow}, MemoryLocks(), turn_timeout=20.0, give_up_after=1000.0)
        await store.accept([Update(ANNA, str(number), {"text": str(number)}) for number in range(100)])
        delivery.wake(ANNA)
        await asyncio.sleep(5)  # in the middle of the second turn
        before = asyncio.get_running_loop().time()
        assert await delivery.drain(30.0) == 0
        assert asyncio.get_running_loop().time() - before < 3
        assert slow.sent == ["0a", "0b", "1a", "1b"]
        work = await store.load(str(ANNA))
        assert work.outbox == [], "what was sent is noted"
        assert work.update is not None
        assert work.update.message == {"text": "2"}

    run_with_store(scenario)


def test_who_was_woken_before_the_stop_has_a_turn() -> None:
    async def scenario(store: Store) -> None:
        slow = Slow()
        delivery = Delivery(store, slow, {"test": slow}, MemoryLocks(), turn_timeout=20.0, give_up_after=1000.0)
        await store.accept([Update(ANNA, str(number), {"text": str(number)}) for number in range(2)])
        delivery.wake(ANNA)
        assert await delivery.drain(30.0) == 0
        assert slow.sent == ["0a", "0b"]

    run_with_store(scenario)
