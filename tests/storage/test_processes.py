"""Eight processes on one SQLite file, with the product's own transactions.

A normal run is a smoke test: a second of load, and a few kills. The full count, with hard limits of time and fairness:
`MAXBOT_TEST_FULL=1 python -m pytest tests/storage/test_processes.py`.
"""

import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from tests.storage.support import prepared, rows
from tests.support import FULL
from tests.support.processes import PATIENCE

pytestmark = pytest.mark.faults

SECONDS, ROUNDS = (60.0, 60) if FULL else (1.5, 3)
PROCESSES = 8
WAL_LIMIT = 64 * 1024 * 1024


def start(path: Path, name: str, output: Path, dialogs: int) -> "subprocess.Popen[bytes]":
    """Start a process that runs turns."""
    with output.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.storage.turns", str(path), name, str(dialogs)],
            stdin=subprocess.PIPE,
            stdout=file,
        )


def until_all_work(outputs: list[Path]) -> None:
    """Wait until each process has done a turn."""
    deadline = time.monotonic() + PATIENCE
    while not all(output.stat().st_size for output in outputs):
        assert time.monotonic() < deadline, "a process does nothing"
        time.sleep(0.02)


def test_eight_processes_share_a_file(tmp_path: Path) -> None:
    """G11: nobody finds the file locked, nobody starves, and the log does not grow without limit."""
    path = tmp_path / "bot.db"
    prepared(path)
    outputs = [tmp_path / f"{number}.out" for number in range(PROCESSES)]
    processes = [start(path, str(number), output, 4) for number, output in enumerate(outputs)]
    largest = 0
    try:
        until_all_work(outputs)
        before = [output.stat().st_size for output in outputs]
        ends = time.monotonic() + SECONDS
        while time.monotonic() < ends:
            largest = max(largest, Path(f"{path}-wal").stat().st_size)
            time.sleep(0.05)
        grown = [output.stat().st_size - size for output, size in zip(outputs, before, strict=True)]
        for process in processes:
            process.communicate(timeout=PATIENCE)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    figures = [json.loads(output.read_text().splitlines()[-1].removeprefix("done ")) for output in outputs]
    turns = sum(figure["turns"] for figure in figures)
    slowest, longest = min(grown) / max(grown), max(figure["longest"] for figure in figures)
    print(f"{turns} turns, slowest/fastest {slowest:.2f}, longest turn {longest:.3f} s, WAL {largest / 2**20:.1f} MiB")
    assert [figure["errors"] for figure in figures] == [0] * PROCESSES
    assert largest <= WAL_LIMIT
    assert rows(path, "inbox") == rows(path, "outbox") == []
    assert len(rows(path, "seen")) == turns
    if FULL:
        assert slowest >= 0.7
        assert longest <= 4 * 0.5  # a turn is four transactions


def test_killed_writers_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    prepared(path)
    chance = random.Random(11)
    acknowledged: dict[str, int] = {}
    for round_ in range(ROUNDS):
        outputs = [tmp_path / f"{round_}-{number}.out" for number in range(3)]
        processes = [start(path, f"{round_}-{number}", output, 2) for number, output in enumerate(outputs)]
        try:
            until_all_work(outputs)
            time.sleep(chance.uniform(0.0, 0.1))
        finally:
            for process in processes:
                process.send_signal(signal.SIGKILL)
            for process in processes:
                process.communicate()
        for output in outputs:
            for line in output.read_bytes().split(b"\n")[:-1]:  # without a line that was cut off
                user, number = line.decode().split()
                acknowledged[user] = int(number)
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    states = {row["dialog"]: (row["version"], msgspec.json.decode(row["state"])) for row in rows(path, "dialogs")}
    assert len(acknowledged) >= 3 * ROUNDS, "of each process one dialog at least"
    for user, last in acknowledged.items():
        version, state = states[f"test:{user}"]
        assert version in (last, last + 1), f"{user}: {last} turns acknowledged, {version} committed"
        assert state == {"turns": [version]}
