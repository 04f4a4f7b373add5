"""Which channels cannot send a kind of reply."""

from pathlib import Path

import msgspec

from maxbot.bot import MaxBot
from maxbot.bot.check.channels import unable, unsendable_replies
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


SCRIPT = """\
dialog:
  - condition: message.text == 'poster'
    response: |
      Look:
      <poster title="x"/>
  - condition: true
    response: <poster title="y"/><buttons text="?"><button>Red</button></buttons>
"""


def test_a_start_says_what_a_channel_cannot_send_and_where_it_is_said(tmp_path: Path) -> None:
    builder = MaxBot.builder()

    @builder.command("poster")
    class Poster(msgspec.Struct):
        title: str

    file = tmp_path / "bot.yaml"
    file.write_text(SCRIPT)
    builder.use_file_resources(file)
    builder.channels += CHANNELS
    [said] = unsendable_replies(builder.build())
    assert said.endswith(f"{file}:5, {file}:7: telegram, web cannot send <poster>")
    assert unsendable_replies(MaxBot(CHANNELS)) == []
