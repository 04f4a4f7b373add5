"""Workers that are replaced many times, as a bot's files change: nothing is refused or lost, and nothing is left."""

import signal
from pathlib import Path

import pytest

from tests.server.clients import Load, lines, serve
from tests.support import FULL
from tests.support.processes import Server, eventually

pytestmark = pytest.mark.faults

GROWTH = 4 * 2**20
"""Bytes by which a supervisor may grow: those of its log lines and of Python's own caches, not of each replacement."""


def replace_workers(server: Server, count: int) -> None:
    """Replace all workers so many times, one after the other."""
    for done in range(count):
        said = server.log.count("The workers are replaced")
        server.signal(signal.SIGHUP)
        eventually(lambda said=said: server.log.count("The workers are replaced") > said)  # type: ignore[misc]
        assert server.returncode is None, f"ended at the replacement {done + 1}"


def test_many_reloads_under_load_lose_nothing_and_leave_nothing_open(tmp_path: Path) -> None:
    """6 of two workers, full 500: each delivery is answered 200 and its message once, in each user's order; the
    supervisor has the descriptors and the memory that it had after the first ones."""
    first, count = (20, 480) if FULL else (2, 4)
    with serve(tmp_path) as server:
        with Load(server.port, connections=4, rate=50) as load:
            replace_workers(server, first)
            eventually(lambda: len(server.workers()) == 2)
            descriptors, memory = server.main.num_fds(), server.main.memory_info().rss
            replace_workers(server, count)
            load.stop()
        eventually(lambda: len(server.workers()) == 2)
        eventually(lambda: server.main.num_fds() <= descriptors)
        assert server.main.memory_info().rss - memory < GROWTH
        assert set(load.outcomes) == {"200"}, load.outcomes
        eventually(lambda: len(lines(tmp_path / "sent")) >= len(load.accepted))
    sent = lines(tmp_path / "sent")
    for user in {line.split()[0] for line in load.accepted}:
        assert [line for line in sent if line.split()[0] == user] == [
            line for line in load.accepted if line.split()[0] == user
        ]
    assert len(sent) == len(load.accepted)
