import re

import pytest

from maxbot.bot import MaxBot
from maxbot.errors import BotError
from tests.bot.support import StubTelegram, StubWeb, channels

__all__ = ["channels"]

pytestmark = pytest.mark.usefixtures("channels")


def test_channels_are_made_with_their_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_TOKEN", "123:abc")
    bot = MaxBot.inline("channels:\n  telegram:\n    api_token: !ENV ${BOT_TOKEN}\n    timeout: 5\n  web:\n")
    telegram, web = bot.channels.values()
    assert isinstance(telegram, StubTelegram)
    assert telegram.options == {
        "api_token": "123:abc",
        "api_url": "https://api.telegram.org",
        "secret_token": None,
        "timeout": 5.0,
    }
    assert isinstance(web, StubWeb)
    assert web.token is None
    assert list(bot.secrets) == ["123:abc"]


@pytest.mark.parametrize("nothing", ["", " {}", " null", " ~", "\n    token:"])
def test_a_channel_may_have_no_options(nothing: str) -> None:
    channel = MaxBot.inline(f"channels:\n  web:{nothing}\n").channels["web"]
    assert isinstance(channel, StubWeb)
    assert channel.token is None


def test_a_text_of_digits_is_a_text() -> None:
    channel = MaxBot.inline("channels: {web: {token: 12345}}\n").channels["web"]
    assert isinstance(channel, StubWeb)
    assert channel.token == "12345"


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ("channels:\n  telegram:\n    api_token: x\n    timeout: soon\n", "timeout: Expected `float`", 4, 14),
        ("channels:\n  telegram:\n    api_token: [x]\n", "api_token: Expected `str`, got `array`", 3, 16),
        ("channels:\n  telegram:\n    api_token:\n", "api_token: Expected `str`, got `null`", 3, 15),
        ("channels:\n  telegram: {timeout: x}\n", "the key 'api_token' is missing", 2, 13),
        ("channels:\n", "'channels' has no value", 1, 10),
        ("channels:\n  telegram:\n    api_tokn: x\n", "did you mean 'api_token'", 3, 5),
        ("channels:\n  telegram: x\n", "the channel 'telegram' is a mapping", 2, 13),
        ("channels: [web]\n", "'channels' is a list, expected: a mapping of channels", 1, 11),
        ("channels:\n  telegramm: {}\n", "did you mean 'telegram'", 2, 3),
        ("channels:\n  telegram:\n    api_token: ''\n", "channel 'telegram': api_token is empty", 2, 3),
        ("channels:\n  telegram:\n", "the key 'api_token' is missing", 2, 12),
    ],
)
def test_a_mistake_in_a_channel_has_its_place(text: str, message: str, line: int, column: int) -> None:
    with pytest.raises(BotError, match=re.escape(message)) as caught:
        MaxBot.inline(text)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_what_may_be_a_token_is_not_in_an_error() -> None:
    with pytest.raises(BotError) as caught:
        MaxBot.inline("channels:\n  telegram: {api_token: geheim, timeout: geheim}\n")
    assert "geheim" not in str(caught.value)
    assert caught.value.source == "  telegram: ***"
