"""What the server says when it is ready."""

import logging
import socket
from collections.abc import Iterator

import pytest

from maxbot.bot import MaxBot
from maxbot.server.plan import make_plan
from maxbot.server.run import hello
from maxbot.settings import Settings
from tests.server.test_plan import Pigeon, Telegram

RPC = "rpc: [{method: remind}]"


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound


def said(bot: MaxBot, listening: socket.socket, caplog: pytest.LogCaptureFixture, **options: str) -> list[str]:
    caplog.set_level(logging.INFO)
    hello(make_plan(Settings(host="127.0.0.1", **options), bot), [listening], bot, "1 worker")  # type: ignore[arg-type]
    return caplog.messages


def test_where_other_programs_may_ask(listening: socket.socket, caplog: pytest.LogCaptureFixture) -> None:
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/rpc/CHANNEL/USER_ID"
    lines = said(MaxBot.inline(RPC, [Pigeon()]), listening, caplog)
    assert f"Requests of other programs of this machine, without a token: POST {url}" in lines
    lines = said(MaxBot.inline(RPC, [Pigeon()]), listening, caplog, rpc_token="a" * 32)
    assert f"Requests of other programs with the token (--rpc-token): POST {url}" in lines


def test_nothing_of_requests_where_there_are_none(listening: socket.socket, caplog: pytest.LogCaptureFixture) -> None:
    assert not any("/rpc/" in line for line in said(MaxBot.inline("{}", [Pigeon()]), listening, caplog))
    polled = MaxBot.inline(RPC, [Telegram()])
    caplog.clear()
    assert not any("USER_ID" in line for line in said(polled, listening, caplog, updater="polling"))


def test_what_an_author_has_set_and_the_server_does_not_use(
    listening: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    builder = MaxBot.builder()
    builder.persistence_manager.engine = "sqlite:///bot.db"  # type: ignore[attr-defined]
    builder.add_channel(Pigeon())
    lines = said(builder.build(), listening, caplog)
    assert "The bot's persistence_manager is not asked: the server's database (--database) keeps the state" in lines
