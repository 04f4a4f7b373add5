"""The promises on PostgreSQL and MariaDB: workers and servers are killed, and nothing is lost or reordered."""

import json
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from typing import TypeAlias

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
from tests.support import FULL, mysql, postgresql
from tests.support.history import Bot
from tests.support.load import LoadProcess
from tests.support.mysql import MariaDBServer
from tests.support.postgresql import PostgreSQLServer
from tests.support.processes import PATIENCE, Server, eventually
from tests.support.telegram import TelegramStandIn

pytestmark = pytest.mark.faults

KILLS = 50 if FULL else 4
BOT = Bot(counter=True)

DatabaseServer: TypeAlias = PostgreSQLServer | MariaDBServer


@pytest.fixture(params=[postgresql, mysql], ids=["postgresql", "mariadb"])
def database(request: pytest.FixtureRequest) -> DatabaseServer:
    """The server that all tests share; whoever kills it starts it again."""
    made: DatabaseServer = request.param.shared_server()
    return made


@pytest.fixture
def url(database: DatabaseServer) -> str:
    """An empty database."""
    return database.url(database.new_database())


def kill_a_worker(server: Server) -> None:
    """Kill one, and wait until another one is in its place."""
    before = {worker.pid for worker in server.workers()}
    victim: psutil.Process = server.workers()[0]
    victim.kill()
    eventually(lambda: len({worker.pid for worker in server.workers()} - {victim.pid}) == len(before))


def test_order_and_once_while_workers_and_the_database_are_killed(
    tmp_path: Path, url: str, database: DatabaseServer
) -> None:
    with (
        TelegramStandIn(seed=3, retry_after=1, **NASTY) as telegram,
        serve(telegram, tmp_path, workers=2, database=url) as server,
    ):
        options = NASTY_LOAD | {"chats": 60, "messages": 100 * KILLS, "rate": 150, "seed": 1}
        with LoadProcess(plan(server, **options)) as load:
            for number in range(KILLS):
                delivered = telegram.stats().delivered
                eventually(lambda delivered=delivered: telegram.stats().delivered > delivered + 100)  # type: ignore[misc]
                if number % 2:
                    database.kill()
                    database.start()
                else:
                    kill_a_worker(server)
            assert load.running, "the load ended before the kills did"
            load.stop()
            record = load.result()
        wait_until_done(tmp_path)
        judge(telegram, [record], BOT, allowed_repeats=10 * KILLS, allowed_early=10 * KILLS)
        say(f"{KILLS} kills; {counter(tmp_path, 'uncertain')} uncertain, failed deliveries: {record.failures}")


def test_a_database_that_is_away_gives_503_and_is_used_again_when_it_is_back(
    tmp_path: Path, url: str, database: DatabaseServer
) -> None:
    with TelegramStandIn() as telegram, serve(telegram, tmp_path, workers=1, database=url) as server:

        def deliver(number: int) -> tuple[int, str | None]:
            connection = HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
            headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
            connection.request("POST", "/telegram", json.dumps(update_of(number, 1, f"1/{number}")), headers)
            response = connection.getresponse()
            connection.close()
            return response.status, response.getheader("Retry-After")

        assert deliver(1)[0] == 200
        database.kill()
        status, retry_after = deliver(2)
        assert (status, bool(retry_after)) == (503, True)
        database.start()
        eventually(lambda: deliver(2)[0] == 200)
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


@pytest.mark.parametrize("kind", [("--workers", "2"), ("--single-process",)], ids=["workers", "single"])
def test_what_should_be_changed_about_the_database_is_said_once_at_the_start(
    tmp_path: Path, postgresql_server: PostgreSQLServer, kind: tuple[str, ...]
) -> None:
    name = postgresql_server.new_database()
    url = postgresql_server.url(name)
    with postgresql_server.connected() as connection:
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off".encode())
    with TelegramStandIn() as telegram, serve(telegram, tmp_path, *kind, workers=1, database=url) as server:
        eventually(lambda: "durability is synchronous_commit off" in server.log)
    assert server.log.count("durability is synchronous_commit off") == 1
    assert "set both to on" in server.log
