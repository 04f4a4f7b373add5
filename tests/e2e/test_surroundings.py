"""Where it runs: odd names, odd environments, clocks that jump, people who copy the database meanwhile."""

import os
import pty
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.server.clients import Load, lines, say, serve
from tests.support import FULL
from tests.support.processes import PATIENCE, Server, eventually, get

pytestmark = pytest.mark.faults

STRANGE = "tests.server.bots.strange:bot"


def answered(server: Server, folder: Path) -> None:
    """Check that a message is answered, and that the server stops well."""
    assert say(server.port, "ada", "hello") == 200
    eventually(lambda: "ada hello" in lines(folder / "sent"))
    assert server.stop() == 0, server.log


@pytest.mark.parametrize("name", ["-a b%20c.db", 'größe 😀 "it\'s"#b&c.db'])
def test_a_database_has_any_name(tmp_path: Path, name: str) -> None:
    with serve(tmp_path, workers=1, database=name) as server:
        answered(server, tmp_path)
    assert (tmp_path / name).exists(), sorted(path.name for path in tmp_path.iterdir())


@pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="no /dev/shm here")
def test_a_database_in_memory_of_the_system(tmp_path: Path) -> None:
    place = Path("/dev/shm") / f"maxbot-test-{os.getpid()}"
    place.mkdir()
    try:
        with serve(place) as server:
            answered(server, place)
    finally:
        shutil.rmtree(place)


@pytest.mark.parametrize(
    "environment",
    [
        {"HOME": "/nonexistent", "TMPDIR": "/nonexistent", "TZ": "Pacific/Kiritimati"},
        {"HOME": "", "LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONOPTIMIZE": "2"},
        {"LC_ALL": "xx_YY.nonsense", "LANG": "tr_TR.ISO-8859-9", "PYTHONASYNCIODEBUG": "1"},
    ],
    ids=lambda environment: ",".join(environment),
)
def test_an_odd_environment(tmp_path: Path, environment: dict[str, str]) -> None:
    server = serve(tmp_path)
    server._environment.update(environment)
    with server:
        answered(server, tmp_path)


@pytest.mark.parametrize("kilobytes", [200_000, 300_000, 400_000, 600_000] if FULL else [300_000])
def test_little_memory(tmp_path: Path, kilobytes: int) -> None:
    server = serve(tmp_path, workers=1)
    server._command = ["sh", "-c", f'ulimit -v {kilobytes} && exec "$@"', "sh", *server._command]
    with server:
        answered(server, tmp_path)


def test_a_terminal_that_is_closed_stops_it(tmp_path: Path) -> None:
    server = serve(tmp_path)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        server._command, env=server._environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    try:
        eventually(lambda: get(server.port, "/health/ready") == 200)
        assert say(server.port, "ada", "hello") == 200
        os.close(ours)
        os.killpg(process.pid, signal.SIGHUP)  # as the kernel does
        assert process.wait(PATIENCE) == 0
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def test_a_clock_that_jumps_loses_nothing(tmp_path: Path) -> None:
    """Hours back and forth while it runs, and a worker killed each time; all is answered."""
    jumps = [3600, -3600, -86_400, 200_000, 0, -1]
    clock = tmp_path / "clock"
    with (
        serve(tmp_path, bot=STRANGE, STRANGE_CLOCK=clock) as server,
        Load(server.port, rate=60, go_on=True) as load,
    ):
        for seconds in jumps:
            clock.write_text(str(seconds))
            time.sleep(0.7)
            victim = server.workers()[0]
            victim.kill()
            eventually(lambda: len(server.workers()) == 2)
            time.sleep(0.5)
        load.stop()
        assert len(load.accepted) > 100
        eventually(lambda: set(load.accepted) <= set(lines(tmp_path / "sent")))


def test_copies_and_checkpoints_meanwhile_disturb_nobody(tmp_path: Path) -> None:
    """`.backup`, copies of the files and checkpoints in a loop; the last backup is whole."""
    with serve(tmp_path) as server, Load(server.port, rate=100) as load:
        copies = 0
        while len(load.accepted) < (1_500 if FULL else 300) or copies < 10:
            with closing(sqlite3.connect(tmp_path / "bot.db")) as source:
                with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
                    source.backup(copy)
                source.execute("PRAGMA wal_checkpoint(PASSIVE)")
            for suffix in ("", "-wal"):
                with suppress(FileNotFoundError):
                    shutil.copy(tmp_path / f"bot.db{suffix}", tmp_path / f"cp.db{suffix}")
            copies += 1
        load.stop()
        assert set(load.outcomes) == {"200"}, load.outcomes
        assert load.slowest < 20, "nobody waits for a copy"
        eventually(lambda: set(load.accepted) <= set(lines(tmp_path / "sent")))
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("SELECT count(*) FROM seen").fetchone()[0] > 0


@pytest.mark.parametrize(
    ("workers", "content"),
    [(2, b""), (2, os.urandom(65536)), (0, b"This is a letter.\n" * 1000), *([(2, bytes(8192))] if FULL else [])],
    ids=["emptied", "noise", "a text", *(["zeros"] if FULL else [])],
)
def test_a_file_that_somebody_wrote_over(tmp_path: Path, workers: int, content: bytes) -> None:
    """The process lives, answers 503 or goes on out of the log, and stops when told. What was stored in a file that
    somebody destroys is gone, and that is said."""
    with serve(tmp_path, workers=workers) as server:
        server._expect_tracebacks = True
        assert say(server.port, "ada", "before") == 200
        eventually(lambda: lines(tmp_path / "sent"))
        with (tmp_path / "bot.db").open("r+b") as file:
            file.truncate(0)
            file.write(content)
        taken = {f"ada {number}" for number in range(20) if say(server.port, "ada", str(number)) == 200}
        eventually(lambda: taken <= set(lines(tmp_path / "sent")) or "restore a backup" in server.log)
        assert get(server.port, "/health/live") == 200
        assert server.stop() in (0, 1)
