"""The promises on PostgreSQL: workers and the database are killed under load, and nothing is lost or reordered."""

import json
import signal
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from tests.e2e.support import (
    COUNTING,
    NASTY,
    NASTY_LOAD,
    SECRET,
    counter,
    judge,
    plan,
    say,
    serve,
    update_of,
    wait_until_done,
)
from tests.support import FULL
from tests.support.balancer import Balancer
from tests.support.history import Bot
from tests.support.load import LoadProcess
from tests.support.postgresql import PostgreSQLServer
from tests.support.processes import Server, eventually
from tests.support.telegram import TelegramStandIn

pytestmark = pytest.mark.faults

KILLS = 50 if FULL else 4
PAUSES = 20 if FULL else 2
LEASE = 2.0
BOT = Bot(counter=True)


@pytest.fixture
def url(postgresql_server: PostgreSQLServer) -> str:
    """An empty database."""
    return postgresql_server.url(postgresql_server.new_database())


def kill_a_worker(server: Server) -> None:
    """Kill one, and wait until another one is in its place."""
    before = {worker.pid for worker in server.workers()}
    victim: psutil.Process = server.workers()[0]
    victim.kill()
    eventually(lambda: len({worker.pid for worker in server.workers()} - {victim.pid}) == len(before), 30)


def test_order_and_once_while_workers_and_the_database_are_killed(
    tmp_path: Path, url: str, postgresql_server: PostgreSQLServer
) -> None:
    with (
        TelegramStandIn(seed=3, retry_after=1, **NASTY) as telegram,
        serve(telegram, tmp_path, workers=2, database=url) as server,
    ):
        options = NASTY_LOAD | {"chats": 60, "messages": 4000 // 60 * (10 if FULL else 1), "rate": 150, "seed": 1}
        with LoadProcess(plan(server, **options)) as load:
            for number in range(KILLS):
                delivered = telegram.stats().delivered
                eventually(lambda delivered=delivered: telegram.stats().delivered > delivered + 100, 30)  # type: ignore[misc]
                if number % 2:
                    postgresql_server.kill()
                    postgresql_server.start()
                else:
                    kill_a_worker(server)
            record = load.result()
        wait_until_done(tmp_path)
        judge(telegram, [record], BOT, allowed_repeats=10 * KILLS, allowed_early=10 * KILLS)
        say(f"{KILLS} kills; {counter(tmp_path, 'uncertain')} uncertain, failed deliveries: {record.failures}")


def test_a_database_that_is_away_gives_503_and_is_used_again_within_a_second(
    tmp_path: Path, url: str, postgresql_server: PostgreSQLServer
) -> None:
    with TelegramStandIn() as telegram, serve(telegram, tmp_path, workers=1, database=url) as server:

        def deliver(number: int) -> tuple[int, str | None]:
            connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
            headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
            connection.request("POST", "/telegram", json.dumps(update_of(number, 1, f"1/{number}")), headers)
            response = connection.getresponse()
            connection.close()
            return response.status, response.getheader("Retry-After")

        assert deliver(1)[0] == 200
        postgresql_server.kill()
        status, retry_after = deliver(2)
        assert (status, bool(retry_after)) == (503, True)
        postgresql_server.start()
        back = time.monotonic()
        eventually(lambda: deliver(2)[0] == 200)
        assert time.monotonic() - back < 1.0
        wait_until_done(tmp_path)


def test_a_bot_says_farewell_and_dead_letters_are_found(tmp_path: Path, url: str) -> None:
    with TelegramStandIn() as telegram, serve(telegram, tmp_path, bot=COUNTING, workers=2, database=url):
        pass
    said = (tmp_path / "log").read_text()
    assert f"Nothing is waiting in {url}" in said
    listed = subprocess.run(
        [sys.executable, "-m", "maxbot", "dead", "list", "--database", url], capture_output=True, text=True, check=True
    )
    assert listed.stdout == "There are no dead letters\n"


def test_two_runs_share_the_work_and_one_is_killed_as_a_whole(tmp_path: Path, url: str) -> None:
    """Whatever was acknowledged by one that dies is done by the other once its lease is over, in order and once."""
    second = tmp_path / "second"
    second.mkdir()
    with TelegramStandIn(seed=3, retry_after=1, **NASTY) as telegram:
        with serve(telegram, second, "--lease", str(LEASE), workers=2, database=url) as stays:
            dies = serve(telegram, tmp_path, "--lease", str(LEASE), workers=2, database=url)
            dies.start()
            dies.wait_ready()
            with Balancer([dies.port, stays.port]) as balancer:
                options = NASTY_LOAD | {"chats": 40, "messages": 30, "rate": 150, "seed": 1}
                with LoadProcess(plan(stays, **options, port=balancer.port)) as load:
                    eventually(lambda: telegram.stats().delivered > 300, 30)
                    dies.kill_all()
                    record = load.result()
            wait_until_done(second)
        judge(telegram, [record], BOT, allowed_repeats=40, allowed_early=40)
        stale = counter(second, "stale_turns")
        say(f"a run killed; {counter(second, 'uncertain')} uncertain, {stale} turns thrown away")


def test_a_run_that_was_paused_for_two_leases_changes_nothing_more_of_what_others_took_over(
    tmp_path: Path, url: str
) -> None:
    second = tmp_path / "second"
    second.mkdir()
    with (
        TelegramStandIn(seed=3, **NASTY) as telegram,
        serve(telegram, second, "--lease", str(LEASE), workers=1, database=url) as stays,
        serve(telegram, tmp_path, "--lease", str(LEASE), workers=1, database=url) as paused,
        Balancer([paused.port, stays.port]) as balancer,
    ):
        options = NASTY_LOAD | {"chats": 40, "messages": 60 * PAUSES, "rate": 150, "seed": 1}
        with LoadProcess(plan(stays, **options, port=balancer.port)) as load:
            for _ in range(PAUSES):
                delivered = telegram.stats().delivered
                eventually(lambda delivered=delivered: telegram.stats().delivered > delivered + 100, 30)  # type: ignore[misc]
                paused.signal_group(signal.SIGSTOP)
                time.sleep(2 * LEASE)  # that is what is tested
                paused.signal_group(signal.SIGCONT)
            record = load.result()
        wait_until_done(second)
        judge(telegram, [record], BOT, allowed_repeats=20 * PAUSES, allowed_early=20 * PAUSES)
        lost = paused.log.count("was lost; its work is left to the next holder")
        stale = counter(second, "stale_turns")
        assert lost + stale, "something was refused, or nothing was tested"
        say(f"{PAUSES} pauses: {lost} dialogs left to others, {stale} turns thrown away")
