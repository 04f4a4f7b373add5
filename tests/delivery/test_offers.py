"""What is offered to be pressed comes back as the bot said it, whatever the platform shows: through every restart."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maxbot import MaxBot, Turn
from maxbot.channels.base import Channel
from maxbot.channels.expand import Abilities
from maxbot.channels.offered import MOST_PAYLOADS, SIZE_LIMIT, Offers, recalled, short, without
from maxbot.channels.split import Limit, utf8
from maxbot.delivery.suspects import Origin, Suspects
from maxbot.delivery.turns import Bot, Turns
from maxbot.types import Address, Dialog, Message, Update
from tests.storage.support import opened

RED, BLUE = {"title": "Red", "payload": "r"}, {"title": "Blue", "payload": "b"}
WHICH = {"buttons": {"text": "Which?", "buttons": [RED, BLUE]}}


class Plain(Channel):
    """Sends texts only."""

    type = "plain"


class Short(Channel):
    """Its buttons give back 64 bytes, its quick replies their title."""

    type = "short"
    abilities = Abilities(sends=("text", "buttons", "quick_replies"), payload=Limit(64, utf8))


_keys = count(1)


class Talk:
    """A user's messages, each handled by a worker that has just started."""

    def __init__(self, file: Path, bot: Bot, channel: Channel) -> None:
        self._file, self._bot, self._channel = file, bot, channel
        self.dialog = Dialog(channel.name, "ada")
        self.sent: list[dict[str, Any]] = []
        self.addresses: list[Address | None] = []

    async def says(self, message: Message, address: Address | None = None) -> None:
        async with opened(self._file) as store:
            await store.accept([Update(self.dialog, str(next(_keys)), message, address=address)])
            work = await store.load(str(self.dialog))
            assert work.update is not None
            turns = Turns(store, self._bot, {self._channel.name: self._channel}, 20.0, Suspects())
            rows = await turns.run(self.dialog, work, work.update, Origin(False))
            self.sent = [row.content for row in rows or ()]
            self.addresses = [without(row.address) for row in rows or ()]
            for row in rows or ():
                await store.sent(row.id)


def asks(*offers: dict[str, Any]) -> tuple[MaxBot, list[dict[str, Any]]]:
    """Return a bot that offers one after the other, nothing then, and what it heard."""
    bot, heard, left = MaxBot(), list[dict[str, Any]](), list(offers)

    @bot.handler
    async def answer(turn: Turn) -> None:
        heard.append(dict(turn.message))
        if turn.message.get("text") == "hush":
            return
        if left:
            turn.add(left.pop(0))  # type: ignore[arg-type]
        else:
            turn.say("done")

    return bot, heard


def talk(tmp_path: Path, channel: Channel, bot: MaxBot, *said: Message | str) -> Talk:
    talking = Talk(tmp_path / "bot.db", bot, channel)

    async def run() -> None:
        for one in said:
            await talking.says({"text": one} if isinstance(one, str) else one)

    asyncio.run(run())
    return talking


@pytest.mark.parametrize("typed", ["2", " 2. ", "2)", "blue", "Blue ", "BLUE"])
def test_a_typed_number_or_title_is_the_press_of_that_button(typed: str, tmp_path: Path) -> None:
    bot, heard = asks(WHICH)
    talk(tmp_path, Plain(), bot, "hi", typed)
    assert heard[1] == {"text": "Blue", "button": {"payload": "b", "title": "Blue"}}


@pytest.mark.parametrize("typed", ["3", "0", "22", "green", "2 blue", ""])
def test_what_was_not_offered_is_a_text(typed: str, tmp_path: Path) -> None:
    bot, heard = asks(WHICH)
    talk(tmp_path, Plain(), bot, "hi", typed)
    assert heard[1] == {"text": typed}


def test_a_choice_holds_until_the_bot_says_something_else(tmp_path: Path) -> None:
    bot, heard = asks(WHICH, {"text": "How many?"})
    talk(tmp_path, Plain(), bot, "hi", "hush", "1", "2")
    assert heard[2] == {"text": "Red", "button": {"payload": "r", "title": "Red"}}
    assert heard[3] == {"text": "2"}


def test_numbers_are_those_that_the_user_sees(tmp_path: Path) -> None:
    link = {"title": "Shop", "url": "https://example.com/"}
    many = {"quick_replies": {"text": "Which?", "replies": [RED, link, BLUE]}}
    bot, heard = asks(many)
    talking = talk(tmp_path, Plain(), bot, "hi")
    assert talking.sent == [{"text": "Which?\n1. Red\n2. Shop: https://example.com/\n3. Blue"}]
    talk(tmp_path, Plain(), bot, "3")
    assert heard[1]["button"]["payload"] == "b"


def test_the_platforms_own_address_stays_as_it_is(tmp_path: Path) -> None:
    async def run() -> None:
        bot, _ = asks(WHICH, WHICH)
        talking = Talk(tmp_path / "bot.db", bot, Plain())
        await talking.says({"text": "hi"}, {"thread": "7"})
        assert talking.addresses == [{"thread": "7"}]
        await talking.says({"text": "hi"})
        assert talking.addresses == [{"thread": "7"}]
        await talking.says({"text": "1"}, {})
        assert talking.addresses == [{}]

    asyncio.run(run())


def test_a_payload_that_is_too_long_comes_back_whole(tmp_path: Path) -> None:
    long = {"title": "Red", "payload": "the red one, " * 10}
    bot, heard = asks({"buttons": {"text": "Which?", "buttons": [long, BLUE]}})
    talking = talk(tmp_path, Short(), bot, "hi", "and then")
    press = {"payload": short(long["payload"]), "title": "Red"}
    assert len(press["payload"].encode()) <= 64
    # The bot has said something else; the button is still there.
    talk(tmp_path, Short(), bot, {"button": press}, {"button": BLUE})
    assert heard[2] == {"button": long}
    assert heard[3] == {"button": BLUE}
    assert talking.sent == [{"text": "done"}]


def test_a_quick_reply_that_comes_back_as_its_title_is_a_press(tmp_path: Path) -> None:
    bot, heard = asks({"quick_replies": {"text": "Which?", "replies": [RED, BLUE]}})
    talk(tmp_path, Short(), bot, "hi", "Red")
    assert heard[1] == {"text": "Red", "button": {"payload": "r", "title": "Red"}}


def test_no_number_is_read_where_none_is_shown(tmp_path: Path) -> None:
    bot, heard = asks({"quick_replies": {"text": "Which?", "replies": [RED, BLUE]}})
    talk(tmp_path, Short(), bot, "hi", "1")
    assert heard[1] == {"text": "1"}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.text(min_size=65, max_size=2000), min_size=1, max_size=40), max_size=10))
def test_what_is_kept_of_a_dialog_is_bounded(turns: list[list[str]]) -> None:
    address: Address | None = {"thread": "1"}
    for payloads in turns:
        offers = Offers()
        buttons = [{"title": f"{place}", "payload": payload} for place, payload in enumerate(payloads)]
        content = {"buttons": {"text": "?", "buttons": buttons}}
        offers.note(content, Short().expand(content))
        address = offers.kept(address, address)
        assert len(msgspec.json.encode(address)) <= SIZE_LIMIT + 100
        assert address is not None
        assert len(address["offered"]["payloads"]) <= MOST_PAYLOADS
        last = buttons[-1]
        said = recalled({"button": {"payload": short(last["payload"])}}, address)
        assert said == {"button": {"payload": last["payload"]}}
    assert without(address) == {"thread": "1"}


# What the log hears


@contextmanager
def warnings(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    found: list[str] = []
    with caplog.at_level(logging.WARNING, "maxbot.delivery.degraded"), ExitStack() as after:
        after.callback(lambda: found.extend(record.getMessage() for record in caplog.records))
        yield found


def test_what_a_platform_lacks_is_said_once_with_the_line_of_the_handler(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bot = MaxBot()

    @bot.handler
    async def answer(turn: Turn) -> None:
        turn.say("a long text " * 10)
        turn.add(WHICH)  # type: ignore[arg-type]

    line = answer.__code__.co_firstlineno + 3
    with warnings(caplog) as found:
        turns = Turns(None, bot, {"plain": Plain()}, 20.0, Suspects())  # type: ignore[arg-type]
        for _ in range(3):
            result = asyncio.run(bot.run_turn({"text": "hi"}, Dialog("plain", "1"), {}))
            turns._replies.expanded(Dialog("plain", "1"), result.commands)
    [said] = found
    assert f"test_offers.py:{line}: plain cannot be sent all of this: buttons are sent as text" in said


def test_what_a_platform_lacks_is_said_with_the_line_of_the_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "bot.yaml"
    file.write_text(
        """channels: {web: {}}
dialog:
  - condition: message.text == 'video'
    response: <video url="https://example.com/a.mp4"/>
  - condition: message.text == 'card'
    response: |
      Here:
      <contact name="Ada" phone="1"/>
"""
    )
    bot = MaxBot.from_file(file)
    with warnings(caplog) as found:
        turns = Turns(None, bot, {"plain": Plain()}, 20.0, Suspects())  # type: ignore[arg-type]
        for text in ("video", "card", "video"):
            result = asyncio.run(bot.run_turn({"text": text}, Dialog("plain", "1"), {}))
            turns._replies.expanded(Dialog("plain", "1"), result.commands)
    assert [said.rpartition("bot.yaml:")[2] for said in found] == [
        "4: plain cannot be sent all of this: video is sent as text",
        "6: plain cannot be sent all of this: contact is sent as text",
    ]


def test_too_many_messages_are_the_fault_of_a_line() -> None:
    bot = MaxBot()

    @bot.handler
    async def answer(turn: Turn) -> None:
        turn.add({"image": {"url": "https://example.com/a.png", "caption": "x" * 10_000_000}})

    class Narrow(Plain):
        abilities = Abilities(sends=("text", "image"), text=Limit(100), caption=Limit(100))

    line = answer.__code__.co_firstlineno + 2
    result = asyncio.run(bot.run_turn({"text": "hi"}, Dialog("plain", "1"), {}))
    turns = Turns(None, bot, {"plain": Narrow()}, 20.0, Suspects())  # type: ignore[arg-type]
    with pytest.raises(Exception, match=rf"test_offers\.py:{line}: .*more than 10 messages"):
        turns._replies.expanded(Dialog("plain", "1"), result.commands)
