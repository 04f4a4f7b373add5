"""A turn's replies become messages of its channel, and a channel hears where there are none."""

import asyncio
from pathlib import Path
from typing import Any

from maxbot.channels.base import Channel
from maxbot.channels.expand import Abilities
from maxbot.channels.split import Limit
from maxbot.delivery.suspects import Origin, Suspects
from maxbot.delivery.turns import Turns
from maxbot.errors import TurnError
from maxbot.storage.store import Store
from maxbot.types import Command, Dialog, Message, State, TurnResult, Update
from tests.storage.support import opened
from tests.support.bots import PlainBot

ANNA = Dialog("small", "anna")


class Small(Channel):
    """Takes short texts, and notes what is not answered."""

    type = "small"
    abilities = Abilities(text=Limit(10))

    def __init__(self) -> None:
        self.heard: list[tuple[Dialog, str | None]] = []

    async def unanswered(self, dialog: Dialog, key: str, failure: str | None) -> None:
        self.heard.append((dialog, failure))
        raise OSError("nobody listens")


class Says(PlainBot):
    """A bot that says the same every time, or fails."""

    def __init__(self, *commands: Command, error: Exception | None = None) -> None:
        self.commands = commands
        self.error = error

    async def run_turn(self, message: Message, dialog: Dialog, state: State, utc_time: Any = None) -> TurnResult:
        if self.error is not None:
            raise self.error
        return TurnResult(list(self.commands), {"turns": 1})


async def run(store: Store, bot: Says, channel: Channel) -> list[tuple[str, object, bool]]:
    """Run a turn; return what is in the outbox then."""
    await store.accept([Update(ANNA, "1", {"text": "hi"})])
    work = await store.load(str(ANNA))
    assert work.update is not None
    await Turns(store, bot, {"small": channel}, 20.0, Suspects()).run(ANNA, work, work.update, Origin(False))
    return [(row.key, row.content, row.resend) for row in (await store.load(str(ANNA))).outbox]


def test_each_part_of_a_long_reply_is_stored_by_itself(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path / "bot.db") as store:
            bot = Says(Command({"text": "one two three four"}, resend=False), Command({"text": "five"}))
            assert await run(store, bot, Small()) == [
                ("1.0", {"text": "one two"}, False),
                ("1.1", {"text": "three four"}, False),
                ("1.2", {"text": "five"}, True),
            ]

    asyncio.run(scenario())


def test_a_reply_without_an_end_fails_the_turn(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path / "bot.db") as store:
            channel = Small()
            assert await run(store, Says(Command({"text": "word " * 1000})), channel) == []
            assert (await store.load(str(ANNA))).state == {}, "nothing of the turn is stored"
            [(dialog, failure)] = channel.heard
            assert dialog == ANNA
            assert "more than 10 messages" in str(failure)

    asyncio.run(scenario())


def test_a_channel_hears_that_nothing_is_answered_and_may_fail_at_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        for number, (bot, failure) in enumerate(
            [(Says(), None), (Says(error=TurnError("bot.yaml:5: no")), "bot.yaml:5: no")]
        ):
            async with opened(tmp_path / f"{number}.db") as store:
                channel = Small()
                await run(store, bot, channel)
                assert channel.heard == [(ANNA, failure)]
                assert (await store.load(str(ANNA))).update is None, "the turn is over"

    asyncio.run(scenario())
