"""What a response says with markup reaches channels that can show it."""

import asyncio
from typing import Any

import pytest

from maxbot.bot import MaxBot
from maxbot.channels.telegram import TelegramChannel
from maxbot.commands import check
from maxbot.types import Dialog

BOLD = {"style": "bold", "start": 2, "end": 3}


def said(response: str) -> list[dict[str, Any]]:
    bot = MaxBot.inline(f"dialog: [{{condition: true, response: '{response}'}}]")
    turn = asyncio.run(bot.run_turn({"text": "x"}, Dialog("web", "ada"), {}))
    return [command.content for command in turn.commands]


@pytest.mark.parametrize(
    ("response", "contents"),
    [
        ("plain<br/>text", [{"text": "plain\ntext"}]),
        ("<text>a <b>b</b></text>", [{"text": "a b", "formats": [BOLD]}]),
        (
            '<text><a href="http://a.b/">see</a></text>',
            [{"text": "see", "formats": [{"style": "link", "start": 0, "end": 3, "url": "http://a.b/"}]}],
        ),
        (
            '<image url="https://example.org/c"><caption>a <b>b</b></caption></image>',
            [{"image": {"url": "https://example.org/c", "caption": "a b", "formats": [BOLD]}}],
        ),
        ('<image url="https://example.org/c"/>', [{"image": {"url": "https://example.org/c"}}]),
    ],
)
def test_markup_becomes_formats(response: str, contents: list[dict[str, Any]]) -> None:
    assert said(response) == contents
    for content in contents:
        assert check(content) == content


def test_a_channel_shows_them() -> None:
    [content] = said("<text>a <b>b</b></text>")
    assert TelegramChannel(api_token="1:a").expand(content) == [content]
