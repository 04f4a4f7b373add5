from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from maxbot import MaxBot
from maxbot.bot.handler import Turn
from maxbot.bot.replies import ImageReply
from maxbot.errors import TurnError
from maxbot.testing import Conversation
from maxbot.types import Command, Dialog


@pytest.fixture
def turn() -> Turn:
    return Turn({"text": "hello"}, Dialog("web", "ada"), {})


def test_replies_keep_their_order_and_wishes(turn: Turn) -> None:
    turn.say("one")
    turn.add({"image": {"url": "http://example.com/a.png"}}, resend=True)
    turn.say("two", resend=False)
    turn.add({"image": {"url": "http://example.com/b.png", "caption": None}})
    turn.add_own({"sticker": {"id": 5}, "sound": "off"})
    commands = turn.finish()
    assert [replace(command, place="") for command in commands] == [
        Command({"text": "one"}),
        Command({"image": {"url": "http://example.com/a.png"}}),
        Command({"text": "two"}, resend=False),
        Command({"image": {"url": "http://example.com/b.png"}}),
        Command({"sticker": {"id": 5}, "sound": "off"}),
    ]
    assert [Path(command.place).name.partition(":")[0] for command in commands if command.place] == [
        "test_handler.py"
    ] * 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"text": ""}, "the text of a reply is empty"),
        ({"text": 5}, "the text of a reply is a str, not int"),
        ({"text": None}, "not None"),
        ({"text": "a", "image": {"url": "b"}}, "nothing else beside it; here there is 'image'"),
        ({"text": "a", "buttons": []}, "here there is 'buttons'"),
        ({"image": "http://example.com/a.png"}, "an image is a dict"),
        ({"image": {"caption": "a"}}, "an image has a url"),
        ({"image": {"url": ""}}, "the url of an image is empty"),
        ({"image": {"url": "a", "caption": 1}}, "the caption of an image is a str"),
        ({"image": {"url": "a", "caption": ""}}, "the caption of an image is empty"),
        ({"image": {"url": "a", "width": 1}}, "no width"),
        ({"sticker": {1}}, r"reply\['sticker'\] is of type set"),
        ({"sticker": 1, "resend": False}, "resend is not part of the content"),
        ({}, "a reply is a dict"),
        ("hello", "a reply is a dict"),
        (None, "a reply is a dict"),
    ],
)
def test_what_no_channel_could_send_is_refused(turn: Turn, content: Any, message: str) -> None:
    with pytest.raises(TurnError, match=message):
        turn.add(content)
    assert turn.finish() == []


def test_resend_is_yes_or_no(turn: Turn) -> None:
    with pytest.raises(TurnError, match="resend is True or False"):
        turn.say("hello", resend="no")  # type: ignore[arg-type]


def test_a_reply_does_not_change_after_it_was_added(turn: Turn) -> None:
    content: ImageReply = {"image": {"url": "a"}}
    turn.add(content)
    content["image"]["url"] = "b"
    assert [command.content for command in turn.finish()] == [{"image": {"url": "a"}}]


def test_there_are_no_replies_after_the_turn(turn: Turn) -> None:
    turn.finish()
    with pytest.raises(TurnError, match="the turn is over"):
        turn.say("late")


# What leaves before the end, where no server runs the bot


def handled(handle: Any, text: str = "hello") -> list[Any]:
    bot = MaxBot()
    bot.handler(handle)
    return bot.process_message(text)


def test_early_replies_come_before_those_of_the_end() -> None:
    async def handle(turn: Turn) -> None:
        turn.say("last")
        await turn.send_now("first")
        turn.send_now({"image": {"url": "http://example.com/a.png"}})
        async with turn.stream() as reply:
            for piece in ("thi", "rd"):
                await reply.write(piece)
        async with turn.typing():
            assert not await turn.superseded()

    assert handled(handle) == [
        {"text": "first"},
        {"image": {"url": "http://example.com/a.png"}},
        {"text": "third"},
        {"text": "last"},
    ]


def test_a_conversation_has_them_in_the_order_in_which_they_arrive() -> None:
    bot = MaxBot()

    @bot.handler
    async def handle(turn: Turn) -> None:
        turn.say("Soup.")
        await turn.send_now("Let me see …")

    Conversation(bot).says("lunch?").expects("Let me see …", "Soup.")


def test_an_early_reply_that_no_channel_could_send_is_refused() -> None:
    async def handle(turn: Turn) -> None:
        turn.send_now("")

    with pytest.raises(TurnError, match="empty"):
        handled(handle)


def test_nothing_is_sent_while_a_reply_is_streamed() -> None:
    async def handle(turn: Turn) -> None:
        async with turn.stream() as reply:
            await reply.write("half")
            with pytest.raises(TurnError, match="being streamed"):
                turn.send_now("another")
            with pytest.raises(TurnError, match="one reply is streamed at a time"):
                turn.stream()
            with pytest.raises(TurnError, match="is a text"):
                await reply.write(b"bytes")  # type: ignore[arg-type]
        with pytest.raises(TurnError, match="within"):
            await reply.write("more")

    assert handled(handle) == [{"text": "half"}]


def test_a_stream_without_a_word_says_nothing() -> None:
    async def handle(turn: Turn) -> None:
        async with turn.stream() as reply:
            await reply.write(" \n")
        turn.say("done")

    assert handled(handle) == [{"text": "done"}]


def test_after_the_end_nothing_can_leave() -> None:
    kept: list[Turn] = []

    async def handle(turn: Turn) -> None:
        kept.append(turn)

    handled(handle)
    with pytest.raises(TurnError, match="the turn is over"):
        kept[0].send_now("late")
