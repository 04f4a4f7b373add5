"""A database that cannot be written is said to the platform, which delivers again; nothing acknowledged is lost."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from maxbot.storage.sqlite.backend import BUSY_TIMEOUT
from tests.e2e.support import SECRET, database_in, judge, plan, post, say, serve, update_of, wait_until_done
from tests.support.history import Bot
from tests.support.load import LoadProcess
from tests.support.processes import eventually
from tests.support.records import Delivery, LoadRecord, Sent
from tests.support.telegram import TelegramStandIn

pytestmark = pytest.mark.faults

BOT = Bot(counter=True)

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
connection.execute("ROLLBACK")
"""


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a file system of its own, or skip the test where that is not allowed."""
    place = folder / "disk"
    place.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("only root can mount a small file system")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def fill(place: Path) -> Path:
    """Use up all the space."""
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    return filler


class Probe:
    """One update, delivered again and again: its answers say whether the server can store."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._sent = Sent(900_000, "900", "900/1", time.monotonic(), [])
        self.record = LoadRecord(time.monotonic(), 0.0, [self._sent])

    def status(self) -> int:
        delivery = Delivery(time.monotonic())
        self._sent.deliveries.append(delivery)
        headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
        delivery.status = post(self._port, update_of(900_000, 900, "900/1"), headers)
        delivery.answered = time.monotonic()
        return delivery.status


def acknowledged_at(record: LoadRecord) -> list[float]:
    """Return when each 2xx came, in order."""
    return sorted(
        delivery.answered
        for update in record.updates
        for delivery in update.deliveries
        if delivery.acknowledged and delivery.answered is not None
    )


def test_a_full_disk_is_answered_503_and_all_goes_on_by_itself_when_there_is_space(tmp_path: Path) -> None:
    """200 messages a second; the file system is full for 2 s, from the first 503 on, twice."""
    with (
        small_disk(tmp_path, "24m") as place,
        TelegramStandIn() as telegram,
        serve(telegram, place, workers=2) as server,
    ):
        probe = Probe(server.port)
        with LoadProcess(plan(server, chats=100, messages=200, rate=200)) as load:
            recovered = []
            for _ in range(2):
                delivered = telegram.stats().delivered
                telegram.wait(lambda stats, seen=delivered: stats.delivered > seen + 100)  # type: ignore[misc]
                filler = fill(place)
                eventually(lambda: probe.status() == 503)
                until = time.monotonic() + 2
                eventually(lambda until=until: time.monotonic() > until)  # type: ignore[misc]
                filler.unlink()
                space = time.monotonic()
                eventually(lambda: probe.status() == 200)
                recovered.append(time.monotonic() - space)
            load.stop()
            record = load.result()
        wait_until_done(place)
        judge(telegram, [record, probe.record], BOT)
        assert set(record.failures) == {"503"}
        assert server.log.count("Traceback") == 0
        say(f"{record.failures['503']} times 503; acknowledged again {max(recovered):.2f} s after there was space")
        assert max(recovered) < 20


@pytest.mark.parametrize("seconds", [2.0, 7.0])
def test_nothing_is_acknowledged_while_another_process_locks_the_database(seconds: float, tmp_path: Path) -> None:
    """100 messages a second, 2 workers; a lock of 2 s, and of 7 s, which no transaction waits for."""
    with (
        TelegramStandIn() as telegram,
        serve(telegram, tmp_path, workers=2) as server,
        LoadProcess(plan(server, chats=50, messages=120, rate=100)) as load,
    ):
        telegram.wait(lambda stats: stats.delivered > 100)
        command = [sys.executable, "-c", HOLD, str(database_in(tmp_path))]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"locked\n"
            locked = time.monotonic()
            eventually(lambda: time.monotonic() > locked + seconds)
            unlocked = time.monotonic()
            holder.communicate()
        eventually(lambda: time.monotonic() > unlocked + 1)
        load.stop()
        record = load.result()
        wait_until_done(tmp_path)
        judge(telegram, [record], BOT)
        # An answer may have been on its way at the very moment of the lock, and of its end.
        times = acknowledged_at(record)
        assert not [at for at in times if locked + 1 < at < unlocked]
        again = next(at for at in times if at > unlocked) - unlocked
        say(f"locked for {seconds:g} s: failed deliveries: {record.failures}; acknowledged again after {again:.2f} s")
        assert set(record.failures) <= {"503"}
        assert again < 20


def test_a_removed_log_and_then_the_death_of_all_processes_lose_nothing(tmp_path: Path) -> None:
    """200 messages a second for 6 s, 2 workers. SQLite's log goes at 200 replies, all processes at 400."""
    with TelegramStandIn() as telegram, serve(telegram, tmp_path, workers=2) as server:
        with LoadProcess(plan(server, chats=100, messages=12, rate=200)) as load:
            telegram.wait(lambda stats: stats.delivered > 200)
            for suffix in ("-wal", "-shm"):
                Path(f"{database_in(tmp_path)}{suffix}").unlink()
            telegram.wait(lambda stats: stats.delivered > 400)
            server.kill_all()
            server.start()
            server.wait_ready()
            record = load.result()
        wait_until_done(tmp_path)
        judge(telegram, [record], BOT, allowed_repeats=100)
        assert "bot.db-wal was removed while it was in use: what it held was saved" in server.log


def test_a_removed_database_is_not_made_again_by_a_worker_that_takes_anothers_place(tmp_path: Path) -> None:
    """What was acknowledged into the new file was never answered."""
    with TelegramStandIn() as telegram, serve(telegram, tmp_path, workers=2) as server:
        probe = Probe(server.port)
        assert probe.status() == 200
        for suffix in ("", "-wal", "-shm"):
            Path(f"{database_in(tmp_path)}{suffix}").unlink()
        assert probe.status() == 503
        victim = server.workers()[0]
        victim.kill()
        eventually(lambda: "was removed or replaced" in server.log and "cannot be used" in server.log)
        with contextlib.suppress(OSError):  # nobody serves, where the other worker was still starting
            assert probe.status() == 503
        assert not database_in(tmp_path).exists()


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Have another program hold the database."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(database_in(folder))], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == b"locked\n"
        yield
    finally:
        holder.stdin.close()
        holder.stdout.close()
        holder.wait()


@pytest.mark.parametrize("options", [[], ["--single-process"]], ids=["workers", "single"])
def test_a_start_waits_for_a_database_that_another_program_holds(tmp_path: Path, options: list[str]) -> None:
    with TelegramStandIn() as telegram:
        with serve(telegram, tmp_path, *options, workers=1):
            pass
        server = serve(telegram, tmp_path, *options, workers=1)
        with held(tmp_path):
            server.start()
            eventually(lambda: "is not available" in server.log)
            server.stop()
            assert server.returncode == 0
            began = time.monotonic()
            server.start()
            # Longer than a database is waited for within one attempt.
            eventually(lambda: time.monotonic() - began > BUSY_TIMEOUT + 1)
            assert server.returncode is None, server.log
        server.wait_ready()
        assert server.stop() == 0
        server.assert_gone()
        server.assert_no_traceback()


@pytest.mark.parametrize("options", [[], ["--single-process"]], ids=["workers", "single"])
def test_a_stop_waits_for_a_database_no_longer_than_it_may(tmp_path: Path, options: list[str]) -> None:
    with (
        TelegramStandIn() as telegram,
        serve(telegram, tmp_path, *options, "--shutdown-timeout", "1", workers=1) as server,
        held(tmp_path),
    ):
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 20


def test_a_stop_on_a_full_disk_does_not_use_its_whole_time(tmp_path: Path) -> None:
    """Given messages that were accepted, and a disk that is full when their turns end, when told to stop, then the
    server ends in a few seconds, and answers them after the next start."""
    with (
        small_disk(tmp_path, "2m") as place,
        TelegramStandIn() as telegram,
        serve(telegram, tmp_path, "--database", f"sqlite:///{place}/bot.db", workers=1, work=2) as server,
    ):
        headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
        assert post(server.port, update_of(1, 1, "1/1"), headers) == 200
        filler = fill(place)
        eventually(lambda: "is not available" in server.log)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 25, "not the thirty seconds of a stop"
        filler.unlink()
        server.start()
        server.wait_ready()
        telegram.wait(lambda stats: stats.delivered == 1)
