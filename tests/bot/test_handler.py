from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from maxbot.bot.handler import Turn
from maxbot.bot.replies import ImageReply
from maxbot.errors import TurnError
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
