"""Webhooks are registered, whatever the platform says at first, and with the bot that there is now."""

import asyncio
from collections.abc import Sequence

import pytest

from maxbot.channels.base import Channel
from maxbot.errors import SendError
from maxbot.server.worker import registration
from maxbot.server.worker.registration import identity, register


class Platform(Channel):
    """Refuses as often as it is told."""

    def __init__(self, name: str, *refusals: Exception, secret: str = "") -> None:
        self.name = name
        self.urls: list[str] = []
        self._refusals = list(refusals)
        self._secret = secret

    @property
    def secrets(self) -> Sequence[str]:
        return (self._secret,)

    async def register(self, url: str) -> None:
        if self._refusals:
            raise self._refusals.pop(0)
        self.urls.append(url)


@pytest.mark.parametrize("refusal", [SendError("not now"), KeyError("a bug of an own channel")])
def test_a_platform_that_refuses_is_asked_again_and_holds_up_no_other(
    refusal: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(registration, "backoff", lambda failures, first, longest: 0.01)
    bad, good = Platform("bad", refusal, refusal), Platform("good")
    asyncio.run(register([bad, good], "https://bot.example.com/"))
    assert bad.urls == ["https://bot.example.com/bad"]
    assert good.urls == ["https://bot.example.com/good"]
    assert len(caplog.records) == 2
    assert "bad is not registered" in caplog.text


def test_another_token_or_channel_is_another_bot() -> None:
    first = identity([Platform("one", secret="a"), Platform("two", secret="b")])
    assert identity([Platform("two", secret="b"), Platform("one", secret="a")]) == first
    assert identity([Platform("one", secret="a"), Platform("two", secret="c")]) != first
    assert identity([Platform("one", secret="a")]) != first
