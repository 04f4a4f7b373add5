"""The promises with user locks on Redis: two runs share a database, and Redis, workers and a run die or are paused."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.support import (
    NASTY,
    NASTY_LOAD,
    SECRET,
    counter,
    database_in,
    judge,
    plan,
    post,
    say,
    serve,
    update_of,
    wait_until_done,
)
from tests.support import FULL
from tests.support.balancer import Balancer
from tests.support.history import Bot
from tests.support.load import LoadProcess
from tests.support.processes import Server, eventually
from tests.support.redis import PASSWORD, RedisServer
from tests.support.telegram import TelegramStandIn

pytestmark = pytest.mark.faults

FAULTS = 40 if FULL else 4
LEASE = 1.0
BOT = Bot(counter=True)


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    server = RedisServer()
    yield server
    server.stop()


@contextmanager
def two_runs(telegram: TelegramStandIn, folder: Path, locks: RedisServer) -> Iterator[tuple[Server, Server]]:
    """Two runs of two workers each, on one database."""
    second = folder / "second"
    second.mkdir()
    options = ("--user-locks", locks.url, "--lease", str(LEASE))
    same = f"sqlite:///{database_in(folder)}"
    with (
        serve(telegram, folder, *options, workers=2) as one,
        serve(telegram, second, *options, workers=2, database=same) as other,
    ):
        yield one, other


def test_two_runs_lose_and_reorder_nothing_while_redis_workers_and_a_run_fail(
    tmp_path: Path, redis: RedisServer
) -> None:
    with (
        TelegramStandIn(seed=3, retry_after=1, **NASTY) as telegram,
        two_runs(telegram, tmp_path, redis) as (one, other),
        Balancer([one.port, other.port]) as balancer,
    ):
        options = NASTY_LOAD | {"chats": 40, "messages": 200 * FAULTS, "rate": 150, "seed": 1, "port": balancer.port}
        with LoadProcess(plan(one, **options)) as load:
            number = 0
            while number < FAULTS or not locks_lost(one, other):
                assert load.running, "the load ended before the faults did, or before a lock was lost"
                delivered = telegram.stats().delivered
                eventually(lambda delivered=delivered: telegram.stats().delivered > delivered + 100)  # type: ignore[misc]
                if number % 4 == 0:
                    redis.kill()
                    redis.start()
                elif number % 4 == 1:
                    one.workers()[0].kill()
                elif number % 4 == 2:
                    other.signal_group(signal.SIGSTOP)
                    time.sleep(2 * LEASE)  # that is what is tested
                    other.signal_group(signal.SIGCONT)
                else:
                    redis.pause()
                    time.sleep(2 * LEASE)
                    redis.go_on()
                number += 1
            load.stop()
            record = load.result()
        wait_until_done(tmp_path)
        judge(telegram, [record], BOT, allowed_repeats=20 * number, allowed_early=20 * number)
        lost = locks_lost(one, other)
        stale, uncertain = counter(tmp_path, "stale_turns"), counter(tmp_path, "uncertain")
        say(f"{number} faults: {lost} locks lost, {stale} turns thrown away, {uncertain} uncertain")


def locks_lost(*servers: Server) -> int:
    return sum(server.log.count("was lost; its work is left") for server in servers)


def test_deliveries_are_accepted_while_redis_is_away_and_answered_when_it_is_back(
    tmp_path: Path, redis: RedisServer
) -> None:
    redis.kill()
    options = ("--user-locks", redis.url)
    with TelegramStandIn() as telegram, serve(telegram, tmp_path, *options, workers=1) as server:
        for number in range(1, 6):
            headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
            assert post(server.port, update_of(number, number, f"{number}/1"), headers) == 200
        assert telegram.stats().delivered == 0
        redis.start()
        eventually(lambda: telegram.stats().delivered == 5)
        assert "messages are accepted, turns wait" in server.log
        assert "answers again" in server.log


def test_a_stop_while_redis_is_away_waits_for_no_turn(tmp_path: Path, redis: RedisServer) -> None:
    with TelegramStandIn() as telegram, serve(telegram, tmp_path, "--user-locks", redis.url, workers=1) as server:
        redis.kill()
        headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
        assert post(server.port, update_of(1, 1, "1/1"), headers) == 200
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 25.0, "not the thirty seconds of a stop"
        assert "1 updates and 0 replies are waiting" in server.log


def test_a_password_of_redis_reaches_no_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    redis = RedisServer(requirepass=PASSWORD)
    quoted = "s3cret%20of%20Redis%2F%3F%40"
    monkeypatch.setenv("MAXBOT_USER_LOCKS", redis.url.replace("redis://", f"redis://:{quoted}@"))
    try:
        with TelegramStandIn() as telegram, serve(telegram, tmp_path, "-vv", workers=1) as server:
            headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
            assert post(server.port, update_of(1, 1, "1/1"), headers) == 200
            eventually(lambda: telegram.stats().delivered == 1)
            redis.kill()
            assert post(server.port, update_of(2, 1, "1/2"), headers) == 200
            eventually(lambda: "does not answer" in server.log)
        assert PASSWORD not in server.log
        assert quoted not in server.log
    finally:
        redis.stop()
