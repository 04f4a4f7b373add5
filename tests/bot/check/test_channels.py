"""Which channels cannot send a kind of reply."""

from maxbot.bot.check.channels import unable
from maxbot.channels.base import Channel
from maxbot.channels.telegram import TelegramChannel
from maxbot.channels.web import WebChannel


class Own(Channel):
    type = name = "own"


CHANNELS = [TelegramChannel(api_token="123456:ABC-DEF"), WebChannel(), Own()]


def test_a_kind_of_the_authors_own_is_for_channels_of_the_authors_own() -> None:
    assert unable(CHANNELS, {"poster"})("poster") == ["telegram", "web"]


def test_what_a_channel_sends_as_something_simpler_is_no_trouble() -> None:
    which = unable(CHANNELS, ())
    assert [which(kind) for kind in ("text", "image", "buttons", "location", "contact")] == [[]] * 5


def test_what_is_no_reply_is_not_judged() -> None:
    assert unable(CHANNELS, {"poster"})("b") == []
