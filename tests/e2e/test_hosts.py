"""Several hosts on one database: each of them is killed, paused, cut off, replaced, and nothing is lost or reordered.

A host is a `maxbot run` of its own here. What lies between it and the database is the tests' own proxy.
"""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.support import (
    COUNTING,
    NASTY,
    NASTY_LOAD,
    TOKEN,
    assert_nothing_set_aside,
    counter,
    judge,
    on_servers,
    plan,
    say,
    serve,
    wait_until_done,
)
from tests.e2e.test_polling import Updates
from tests.storage.support import MySQLPlace, Place, PostgreSQLPlace
from tests.support import FULL
from tests.support.balancer import Balancer
from tests.support.history import Bot
from tests.support.load import LoadProcess
from tests.support.processes import Server, eventually
from tests.support.telegram import TelegramStandIn

pytestmark = pytest.mark.faults

PAUSES = 150 if FULL else 3
"""On each of two databases."""
CUTS = 50 if FULL else 2
LEASE = 2.0
BOT = Bot(counter=True)


@pytest.fixture(params=[PostgreSQLPlace, MySQLPlace])
def place(request: pytest.FixtureRequest) -> Place:
    """An empty database that several hosts may share."""
    made: Place = request.param()
    made.prepared()
    return made


@contextmanager
def hosts(
    telegram: TelegramStandIn, folder: Path, *databases: str, workers: int = 1, **settings: Any
) -> Iterator[list[Server]]:
    """Serve with several runs, each with its way to the database and with a folder of its own."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                serve(
                    telegram,
                    folder_of(folder, number),
                    *("--lease", str(LEASE)),
                    workers=workers,
                    database=database,
                    **{name: values[number] for name, values in settings.items()},
                )
            )
            for number, database in enumerate(databases)
        ]


def folder_of(folder: Path, number: int) -> Path:
    """Return where a host keeps its log."""
    made = folder / f"host{number}"
    made.mkdir(exist_ok=True)
    return made


def load(server: Server, balancer: Balancer, messages: int) -> LoadProcess:
    """Return the load: each webhook arrives at another host."""
    options = NASTY_LOAD | {"chats": 40, "messages": messages, "rate": 120, "seed": 1}
    return LoadProcess(plan(server, **options, port=balancer.port))


def test_what_a_host_that_is_killed_has_left_is_done_by_another_one(tmp_path: Path, place: Place) -> None:
    with TelegramStandIn(seed=3, retry_after=1, **NASTY) as telegram:
        stays_in, dies_in = folder_of(tmp_path, 0), folder_of(tmp_path, 1)
        url = place.url
        with serve(telegram, stays_in, "--lease", str(LEASE), workers=2, database=url) as stays:
            dies = serve(telegram, dies_in, "--lease", str(LEASE), workers=2, database=url)
            dies.start()
            dies.wait_ready()
            with Balancer([dies.port, stays.port]) as balancer, load(stays, balancer, 300) as loading:
                eventually(lambda: telegram.stats().delivered > 300)
                dies.kill_all()
                eventually(lambda: telegram.stats().delivered > 700)
                loading.stop()
                record = loading.result()
            wait_until_done(stays_in)
        judge(telegram, [record], BOT, allowed_repeats=40, allowed_early=40)
        say(f"a host killed; {counter(stays_in, 'uncertain')} uncertain, {counter(stays_in, 'stale_turns')} stale")


def test_a_host_that_was_paused_for_two_leases_changes_nothing_of_what_others_took_over(
    tmp_path: Path, place: Place
) -> None:
    """3 pauses on each database; full: 150."""
    with (
        TelegramStandIn(seed=3, **NASTY) as telegram,
        hosts(telegram, tmp_path, place.url, place.url) as (stays, paused),
        Balancer([paused.port, stays.port]) as balancer,
        load(stays, balancer, 100 * PAUSES) as loading,
    ):
        pauses = 0
        while pauses < PAUSES or not refused(folder_of(tmp_path, 0)):
            assert loading.running, "the load ended before the pauses did, or before anything was refused"
            delivered = telegram.stats().delivered
            eventually(lambda delivered=delivered: telegram.stats().delivered > delivered + 100)  # type: ignore[misc]
            paused.signal_group(signal.SIGSTOP)
            time.sleep(2 * LEASE)  # that is what is tested
            paused.signal_group(signal.SIGCONT)
            pauses += 1
        loading.stop()
        record = loading.result()
        wait_until_done(folder_of(tmp_path, 0))
        # A strayed reply was between the last look at the lease and its first byte when everything stood still.
        allowed = {"allowed_repeats": 20 * pauses, "allowed_early": 20 * pauses, "allowed_strays": pauses}
        judge(telegram, [record], BOT, **allowed)
        say(f"{pauses} pauses: {refused(folder_of(tmp_path, 0))} transactions of stale sessions and turns refused")


def refused(folder: Path) -> int:
    """Return how often somebody wanted to write what was not his any more."""
    return counter(folder, "lost_sessions") + counter(folder, "stale_turns")


def test_hosts_that_are_cut_off_slow_or_wrong_about_the_time_lose_and_reorder_nothing(
    tmp_path: Path, place: Place
) -> None:
    """Of three hosts one is cut from the database for two leases, one is slow, one's clock is 5 minutes ahead."""
    with (
        TelegramStandIn(seed=3, **NASTY) as telegram,
        place.proxy() as cut,
        place.proxy() as slow,
        hosts(
            telegram, tmp_path, place.through(cut), place.through(slow), place.url, clock=(-300.0, 0.0, 300.0)
        ) as servers,
        Balancer([server.port for server in servers]) as balancer,
        load(servers[2], balancer, 100 * CUTS) as loading,
    ):
        slow.latency = 0.01
        for _ in range(CUTS):
            delivered = telegram.stats().delivered
            eventually(lambda delivered=delivered: telegram.stats().delivered > delivered + 100)  # type: ignore[misc]
            cut.silent = True
            time.sleep(2 * LEASE)  # that is what is tested
            cut.silent = False
        assert loading.running, "the load ended before the cuts did"
        loading.stop()
        record = loading.result()
        wait_until_done(folder_of(tmp_path, 2))
        assert_nothing_set_aside(folder_of(tmp_path, 2))
        judge(telegram, [record], BOT, allowed_repeats=20 * CUTS, allowed_early=20 * CUTS)
        say(f"{CUTS} cuts: {counter(folder_of(tmp_path, 2), 'lost_sessions')} sessions were lost")


def test_hosts_are_stopped_started_and_renewed_one_after_the_other(tmp_path: Path, place: Place) -> None:
    """A rolling update: nothing is lost, reordered, or sent twice."""
    with (
        TelegramStandIn(seed=3, retry_after=1, p_429=0.05) as telegram,
        hosts(telegram, tmp_path, place.url, place.url, workers=2) as (one, other),
        Balancer([one.port, other.port]) as balancer,
        load(one, balancer, 600) as loading,
    ):
        eventually(lambda: telegram.stats().delivered > 200)
        one.signal(signal.SIGHUP)
        eventually(lambda: "The workers are replaced" in one.log)
        assert other.stop() == 0
        other.start()
        other.wait_ready()
        delivered = telegram.stats().delivered
        eventually(lambda: telegram.stats().delivered > delivered + 200)
        loading.stop()
        record = loading.result()
        wait_until_done(folder_of(tmp_path, 0))
        judge(telegram, [record], BOT)
        assert_nothing_set_aside(folder_of(tmp_path, 0))
        assert not counter(folder_of(tmp_path, 0), "lost_sessions")
        one.assert_no_traceback()


def test_of_hosts_that_poll_one_polls_and_all_work_and_another_one_goes_on(tmp_path: Path, place: Place) -> None:
    with TelegramStandIn(latency=(0.0, 0.01)) as telegram, ExitStack() as stack:
        servers = [polling_host(telegram, folder_of(tmp_path, number), place.url) for number in range(2)]
        for server in servers:
            stack.callback(server._end)
            server.start()
            eventually(lambda server=server: "The bot polls" in server.log)  # type: ignore[misc]
        updates = Updates(telegram, 10)
        updates.add(5)
        telegram.wait(lambda stats: stats.pending_updates == 0)
        servers[0].kill_all()
        killed = time.monotonic()
        updates.add(5)
        telegram.wait(lambda stats: stats.pending_updates == 0)
        say(f"another host polls after {time.monotonic() - killed:.1f} s (lease {LEASE:g} s)")
        on_servers(tmp_path, place.url)
        wait_until_done(tmp_path)
        judge(telegram, [updates.record], BOT, allowed_repeats=10)
        assert servers[1].stop() == 0
        for server in servers:
            assert "another program takes this bot's updates" not in server.log


def polling_host(telegram: TelegramStandIn, folder: Path, database: str) -> Server:
    command = [sys.executable, "-m", "maxbot", "run", "--bot", COUNTING, "--updater", "polling"]
    command += ["--database", database, "--lease", str(LEASE)]
    return Server(command, 0, folder / "log", environment={"E2E_API_URL": telegram.url, "E2E_TOKEN": TOKEN})
