"""What is decided before a run, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from maxbot.bot import MaxBot
from maxbot.channels.base import Channel
from maxbot.errors import UsageError
from maxbot.locks.memory import MemoryLocks
from maxbot.server.cpus import usable_cpus
from maxbot.server.plan import Plan, make_plan
from maxbot.settings import Settings


class Telegram(Channel):
    name = "telegram"
    prefers_polling = True
    polls = True


class Pigeon(Channel):
    name = "pigeon"


def made(*channels: Channel, **said: Any) -> Plan:
    return make_plan(Settings(**said), MaxBot(channels or [Pigeon()]))


def test_a_plan_is_complete() -> None:
    plan = made()
    assert (plan.updater, plan.host, plan.port, plan.workers, plan.shared) == ("webhooks", "localhost", 8080, 1, False)
    assert plan.database.startswith("sqlite:////")
    assert made().database != plan.database


def test_what_was_said_stays() -> None:
    plan = made(host="127.0.0.1", port=0, workers=3, database="sqlite:///bot.db", turn_timeout=7.0)
    assert (plan.host, plan.port, plan.workers, plan.turn_timeout) == ("127.0.0.1", 0, 3, 7.0)
    assert plan.database == "sqlite:///bot.db"


def test_polling_is_the_default_only_where_nothing_listens() -> None:
    assert made(Telegram()).updater == "polling"
    assert made(Telegram(), database="sqlite:///bot.db", reload=True).updater == "polling"
    assert made(Telegram(), port=8080).updater == "webhooks"
    assert made(Telegram(), host="localhost").updater == "webhooks"
    assert made(Telegram(), fast=True).updater == "webhooks"
    assert made(Telegram(), updater="webhooks").updater == "webhooks"
    assert made(Telegram(), Pigeon()).updater == "webhooks"
    assert made(Pigeon()).updater == "webhooks"


def test_the_number_of_workers() -> None:
    assert made(fast=True).workers == usable_cpus()
    assert made(single_process=True).workers == 1
    assert made(Telegram(), updater="polling").workers == 1


def test_own_locks_share_the_database() -> None:
    bot = MaxBot([Pigeon()])
    bot.make_user_locks = MemoryLocks
    assert make_plan(Settings(), bot).shared
    assert made(user_locks="maxbot.locks.memory:MemoryLocks").shared


def test_a_bots_file_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bot.yaml").write_text("")
    assert made().bot == str(tmp_path / "bot.yaml")
    assert made(bot="mybot:bot").bot == "mybot:bot"


@pytest.mark.parametrize(
    ("said", "mentions"),
    [
        ({"database": "bot.db"}, ["--database", "sqlite:///bot.db"]),
        ({"database": "sqlite:///"}, ["--database"]),
        ({"database": "oracle://x"}, ["--database"]),
        ({"database": "postgresql://ada:geheim@db"}, ["--database", "names no database"]),
        ({"database": "postgresql://ada:geheim@db:port/bot"}, ["--database", "%3A"]),
        ({"database_password_file": "secret.txt"}, ["--database-password-file", "a file has no password"]),
        ({"database": "mysql+oursql://db/bot"}, ["--database", "mysql+pymysql://"]),
        ({"user_locks": "mine"}, ["--user-locks", "module:factory"]),
        ({"user_locks": "no_such_module:locks"}, ["no_such_module"]),
        ({"updater": "polling"}, ["pigeon", "--updater webhooks"]),
        ({"reload": True, "single_process": True}, ["--reload", "--single-process"]),
    ],
)
def test_what_cannot_be_used_is_said(said: dict[str, Any], mentions: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        made(**said)
    assert all(word in str(caught.value) for word in mentions)
    assert "geheim" not in str(caught.value)


class Open(Pigeon):
    """A channel that does not know who writes."""

    verifies = False


@pytest.mark.parametrize(
    "said", [{"host": "0.0.0.0"}, {"public_url": "https://bot.example.com"}, {"host": "", "public_url": "https://b"}]
)
def test_a_channel_that_anybody_can_write_to_is_opened_knowingly(said: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="--allow-unverified"):
        made(Open(), **said)
    assert not made(Open(), **said, allow_unverified=True).private
    assert not made(**said).private


def test_on_this_machine_alone_anybody_is_oneself() -> None:
    assert made(Open()).private
    assert made(Open(), host="127.0.0.1").private


@pytest.mark.parametrize(
    ("said", "hosts"),
    [
        ({}, {"localhost", "127.0.0.1", "[::1]"}),
        ({"host": "::1"}, {"localhost", "127.0.0.1", "[::1]"}),
        ({"host": "127.0.0.2"}, {"localhost", "127.0.0.1", "[::1]", "127.0.0.2"}),
        ({"public_url": "https://Bot.example.com:8443/x"}, {"localhost", "127.0.0.1", "[::1]", "bot.example.com"}),
        ({"host": "0.0.0.0"}, {"*"}),
        ({"allowed_hosts": "a.example, B.example:80"}, {"a.example", "b.example"}),
        ({"host": "0.0.0.0", "allowed_hosts": "a.example"}, {"a.example"}),
    ],
)
def test_which_hosts_are_served(said: dict[str, Any], hosts: set[str]) -> None:
    assert set(made(**said).hosts) == hosts


def test_a_bot_without_channels_is_refused() -> None:
    with pytest.raises(UsageError, match="has no channels"):
        make_plan(Settings(), MaxBot())


WITH_REQUESTS = "rpc: [{method: ping}]\ndialog: [{condition: rpc.ping, response: pong}]"


def made_with_requests(*channels: Channel, **said: Any) -> Plan:
    return make_plan(Settings(**said), MaxBot.inline(WITH_REQUESTS, channels))


def test_a_bot_that_other_programs_may_ask_listens(caplog: pytest.LogCaptureFixture) -> None:
    assert made_with_requests(Telegram()).updater == "webhooks"
    assert made_with_requests(Telegram(), updater="polling").updater == "polling"
    assert "Requests of other programs (rpc) are not served while polling" in caplog.text


@pytest.mark.parametrize("said", [{"host": "0.0.0.0"}, {"public_url": "https://bot.example.com"}, {"host": "::"}])
def test_requests_from_elsewhere_need_a_token(said: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="set MAXBOT_RPC_TOKEN"):
        made_with_requests(Pigeon(), **said, allow_unverified=True)
    plan = made_with_requests(Pigeon(), **said, allow_unverified=True, rpc_token="secret")
    assert plan.secrets == ("secret",)
    assert made_with_requests(Pigeon(), host="127.0.0.1").rpc_token is None
    assert made(Pigeon(), **said, allow_unverified=True).rpc_token is None
