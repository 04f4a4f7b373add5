"""One user's messages kill workers: nobody else notices, and the messages end as dead letters."""

import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest

from tests.server.clients import Load, lines, say, serve
from tests.support import FULL
from tests.support.processes import PATIENCE, Server, eventually

pytestmark = pytest.mark.faults

GUILTY = "Its worker died while it ran this turn, and died again when it was tried where it harms nobody"

GUILTY_REPLY = "Its worker died while it sent this command, and died again when it was tried where it harms nobody"


def dead_letters(folder: Path) -> list[tuple[str, str]]:
    """Return dialog and reason of the updates that were set aside, in order."""
    with closing(sqlite3.connect(f"file:{folder}/bot.db?mode=ro", uri=True, timeout=PATIENCE)) as connection:
        return connection.execute("SELECT dialog, reason FROM dead_letters ORDER BY id").fetchall()


def deliver(server: Server, user: str, text: str, key: str | None = None) -> None:
    """Deliver a message as platforms do: until it is acknowledged."""
    eventually(lambda: say(server.port, user, text, key) == 200, pause=0.1)


def wait_for_letters(folder: Path, users: Iterable[str], timeout: float = PATIENCE) -> None:
    expected = sorted((f"probe:{user}", GUILTY) for user in users)

    def are_there() -> bool:
        found = sorted(dead_letters(folder))
        assert found == expected, found
        return True

    eventually(are_there, timeout, pause=0.1)


@pytest.mark.parametrize("deed", ["exit", "exit later", "spin", "interrupt later"])
def test_messages_that_kill_workers_harm_nobody_else(tmp_path: Path, deed: str) -> None:
    """Given two workers and 100 messages a second of others, when one user sends poison, one message each second,
    then each is a dead letter, his other messages are answered in order, and all of the others' too, soon. 3 messages;
    full: 6."""
    count = 6 if FULL else 3
    with serve(tmp_path, MAXBOT_HANG_TIMEOUT="1.5") as server, Load(server.port, rate=100, go_on=True) as load:
        server._expect_tracebacks = True
        for number in range(count):
            deliver(server, "poison", deed, f"poison {number}")
            deliver(server, "poison", f"after {number}")
            time.sleep(1.0)
        wait_for_letters(tmp_path, ["poison"] * count)
        eventually(lambda: f"poison after {count - 1}" in lines(tmp_path / "sent"))
        load.stop()
        eventually(lambda: set(load.accepted) <= set(lines(tmp_path / "sent")))
        assert load.outcomes["refused"] == 0
        assert set(load.outcomes) <= {"200", "reset", "unheard"}
        if deed != "spin":  # who is connected to a worker that hangs waits until it is ended
            assert load.slowest < PATIENCE
    after = [line for line in lines(tmp_path / "sent") if line.startswith("poison after")]
    assert list(dict.fromkeys(after)) == [f"poison after {number}" for number in range(count)]
    # Each poison ran twice: where it was taken in, and in the quarantine.
    assert lines(tmp_path / "turns").count(deed) == 2 * count
    for line in load.accepted:
        assert lines(tmp_path / "sent").count(line) <= 2


@pytest.mark.parametrize("deed", ["kill", "kill later"])
def test_replies_that_kill_workers_when_they_are_sent_harm_nobody_else(tmp_path: Path, deed: str) -> None:
    """Given an own channel that dies of a reply, then that reply is a dead letter, and all else is sent. 3 replies;
    full: 6."""
    count = 6 if FULL else 3
    with serve(tmp_path) as server, Load(server.port, rate=100, go_on=True) as load:
        server._expect_tracebacks = True
        for number in range(count):
            deliver(server, "poison", deed, f"poison {number}")
            deliver(server, "poison", f"after {number}")
            time.sleep(1.0)
        eventually(lambda: dead_letters(tmp_path) == [("probe:poison", GUILTY_REPLY)] * count, pause=0.1)
        eventually(lambda: f"poison after {count - 1}" in lines(tmp_path / "sent"))
        load.stop()
        eventually(lambda: set(load.accepted) <= set(lines(tmp_path / "sent")))
        assert load.outcomes["refused"] == 0
        assert load.slowest < PATIENCE
    after = [line for line in lines(tmp_path / "sent") if line.startswith("poison after")]
    assert list(dict.fromkeys(after)) == [f"poison after {number}" for number in range(count)]
    # Where it was run, and in the quarantine.
    assert lines(tmp_path / "turns").count(f"sending {deed}") == 2 * count


@pytest.mark.parametrize("deed", ["interrupt", "memory"])
def test_what_a_handler_raises_is_set_aside_and_ends_no_worker(tmp_path: Path, deed: str) -> None:
    with serve(tmp_path) as server:
        server._expect_tracebacks = True
        before = {worker.pid for worker in server.workers()}
        deliver(server, "poison", deed)
        eventually(lambda: len(dead_letters(tmp_path)) == 1)
        assert {worker.pid for worker in server.workers()} == before


def test_the_innocent_beside_it_go_on_at_once(tmp_path: Path) -> None:
    """40 dialogs have turns of half a second under way when another one's turn kills their worker: all are answered
    once it is replaced, not one by one, and only the culprit is set aside."""
    with serve(tmp_path, workers=1) as server:
        for number in range(40):
            deliver(server, f"user{number}", "sleep 0.5")
        deliver(server, "poison", "exit")
        wait_for_letters(tmp_path, ["poison"])
        eventually(lambda: {f"user{number} sleep 0.5" for number in range(40)} <= set(lines(tmp_path / "sent")))
        said = server.log
    assert said.count("runs in the quarantine") == 1, "nobody else is suspected"


def test_where_nobody_knows_which_it_was_the_culprit_is_found_among_the_suspects(tmp_path: Path) -> None:
    """A thread of one turn kills the worker while 20 other turns wait: they are tried in groups, and answered."""
    with serve(tmp_path) as server:
        for number in range(20):
            deliver(server, f"user{number}", "sleep 0.5")
        deliver(server, "poison", "exit later")
        wait_for_letters(tmp_path, ["poison"])
        eventually(lambda: {f"user{number} sleep 0.5" for number in range(20)} <= set(lines(tmp_path / "sent")))


@pytest.mark.parametrize(("workers", "deed"), [(1, "end"), (0, "exit")])
def test_what_ends_the_whole_server_is_set_aside_too(tmp_path: Path, workers: int, deed: str) -> None:
    """Given a message during which everything dies, and somebody who starts it again, then he need not do so for ever:
    the suspicion is kept in the inbox."""
    server = serve(tmp_path, workers=workers)
    server.start()
    try:
        server.wait_ready()
        say(server.port, "poison", deed, timeout=2)
        deaths = 0
        while not dead_letters(tmp_path):
            eventually(lambda: server.returncode is not None or dead_letters(tmp_path))
            if server.returncode is not None:
                server.assert_gone()
                deaths += 1
                assert deaths <= 4
                server.start()
        assert deaths == 2 if workers == 0 else deaths >= 2
        deliver(server, "somebody", "hello")
        eventually(lambda: "somebody hello" in lines(tmp_path / "sent"))
    finally:
        server._end()
