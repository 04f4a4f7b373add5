"""Webhooks are registered once, with a secret, and nobody without it is listened to."""

import os
import signal
from pathlib import Path

import pytest

from tests.e2e.support import ECHO, TOKEN, plan, post, serve, update_of, wait_until_done
from tests.support.history import Bot, check
from tests.support.load import deliver
from tests.support.processes import Server, eventually
from tests.support.telegram import TelegramStandIn

pytestmark = pytest.mark.faults

PUBLIC_URL = "https://bot.example.com"


def pids(server: Server) -> set[int]:
    """Return the process ids of the workers, old and new."""
    return {worker.pid for worker in server.workers()}


@pytest.mark.parametrize("workers", [1, 4])
def test_the_webhook_is_registered_once_whatever_becomes_of_the_workers(workers: int, tmp_path: Path) -> None:
    """A start, 2 rolling restarts, and the death of a worker: one setWebhook, and messages are answered each time."""
    with (
        TelegramStandIn() as telegram,
        serve(telegram, tmp_path, "--public-url", PUBLIC_URL, bot=ECHO, workers=workers) as server,
    ):
        stats = telegram.wait(lambda stats: stats.methods.get("setWebhook", 0) > 0)
        assert stats.webhook == f"{PUBLIC_URL}/telegram"
        assert len(stats.secret_token) >= 32
        records = []
        for round in range(3):
            options = {"secret": stats.secret_token, "chats": 20, "messages": 5, "first_number": 1 + 5 * round}
            records.append(deliver(plan(server, **options, first_update=1 + 100 * round)))
            wait_until_done(tmp_path)  # so that the kill repeats no reply
            old = {worker.pid for worker in server.workers()}
            if round < 2:
                server.signal(signal.SIGHUP)
                # Those replaced stay until their open connections are gone.
                eventually(lambda old=old: len(pids(server) - old) == workers)  # type: ignore[misc]
                eventually(lambda done=round + 1: server.log.count("The workers are replaced") == done)  # type: ignore[misc]
            else:
                victim = max(old)
                os.kill(victim, signal.SIGKILL)
                eventually(lambda old=old, dead=victim: pids(server) - old and dead not in pids(server))  # type: ignore[misc]
                server.wait_ready()
        records.append(deliver(plan(server, **options | {"first_number": 16}, first_update=301)))
        wait_until_done(tmp_path)
        verdict = check([update for record in records for update in record.updates], telegram.history())
        assert verdict.ok, str(verdict)
        assert verdict.answered == 400
        methods = telegram.stats().methods
        assert (methods["setWebhook"], methods["sendMessage"]) == (1, 400)


def test_a_bot_with_another_token_is_registered_again_and_its_secrets_are_hidden(tmp_path: Path) -> None:
    """Given a bot whose token is changed, when its workers are replaced, the platform delivers with the new secret, and
    the supervisor hides and watches what is the bot's now."""
    file = tmp_path / "bot.yaml"
    other = "654321:another-token-of-a-bot-that-is-not-there"
    with TelegramStandIn() as telegram:

        def write(token: str) -> None:
            file.write_text(
                f"channels: {{telegram: {{api_token: '{token}', api_url: '{telegram.url}'}}}}\n"
                "dialog:\n- condition: true\n  response: hello\n"
            )

        write(TOKEN)
        with serve(telegram, tmp_path, "--public-url", PUBLIC_URL, bot=file, workers=2) as server:
            first = telegram.wait(lambda stats: stats.secret_token != "").secret_token
            write(other)
            server.signal(signal.SIGHUP)
            eventually(lambda: "The workers are replaced" in server.log)
            second = telegram.wait(lambda stats: stats.secret_token != first).secret_token
            name = "X-Telegram-Bot-Api-Secret-Token"
            eventually(lambda: post(server.port, update_of(1, 1, "hello"), {name: second}) == 200)
            telegram.wait(lambda stats: stats.delivered == 1)
            server.signal(signal.SIGHUP)
            eventually(lambda: server.log.count("The workers are replaced") == 2)
            assert telegram.stats().methods["setWebhook"] == 2, "the same bot is not registered again"
            assert other not in server.log


def test_a_platform_that_refuses_the_webhook_is_asked_again(tmp_path: Path) -> None:
    """Two refusals, then it is taken."""
    with TelegramStandIn() as telegram:
        telegram.control(scripts=[{"method": "setWebhook", "answers": ["500", "429:1"]}])
        with serve(telegram, tmp_path, "--public-url", PUBLIC_URL, bot=ECHO, workers=2):
            telegram.wait(lambda stats: stats.webhook == f"{PUBLIC_URL}/telegram")
            assert telegram.stats().methods["setWebhook"] == 3


def test_forged_webhooks_are_refused_and_leave_no_trace(tmp_path: Path) -> None:
    """100 updates without the secret or with a wrong one; then the true ones with the same numbers are answered."""
    with (
        TelegramStandIn() as telegram,
        serve(telegram, tmp_path, "--public-url", PUBLIC_URL, bot=ECHO, workers=2) as server,
    ):
        secret = telegram.wait(lambda stats: stats.secret_token != "").secret_token
        name = "X-Telegram-Bot-Api-Secret-Token"
        wrong = [{}, {name: ""}, {name: secret[:-1]}, {name: secret + "0"}, {name: secret.upper() + "x"}]
        for number in range(1, 101):
            forged = update_of(number, 1, f"forged {number}")
            assert post(server.port, forged, wrong[number % len(wrong)]) == 401
        # Had a forged one been stored, or only its number, then one of these would go unanswered.
        record = deliver(plan(server, secret=secret, chats=1, messages=100))
        assert record.failures == {}
        wait_until_done(tmp_path)
        verdict = check(record.updates, telegram.history(), Bot())
        assert verdict.ok, str(verdict)
        assert verdict.answered == verdict.delivered == 100
