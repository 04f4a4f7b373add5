"""A stop, whenever it comes, is quick and clean, resets no request and loses no message.

With MAXBOT_TEST_FULL=1 the counts are those of a release; else a tenth of them, which is a smoke test: no failure in
20 trials says that fewer than 14 in 100 fail, in 200 fewer than 2.
"""

import random
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from tests.server.clients import Load, fetch, lines, say, serve
from tests.support import FULL
from tests.support.processes import PATIENCE, Server, eventually, get

pytestmark = pytest.mark.faults


TIMEOUT = 5
"""Seconds of `--shutdown-timeout`."""

OURS = "maxbot/cli/__init__.py"


def end(server: Server, how: str) -> None:
    if how == "ctrl-c":
        server.signal_group(signal.SIGINT)
    elif how == "systemd":  # it sends SIGTERM to every process of the unit
        server.signal_group(signal.SIGTERM)
    else:
        server.signal(signal.SIGTERM)


def assert_clean_stop(server: Server, began: float) -> None:
    """Given a signal at `began`: the server ends well, in time, and nothing is left."""
    status = server.wait()
    took = time.monotonic() - began
    assert status == 0, server.log
    assert took < TIMEOUT + 15, f"{took:.1f} s\n{server.log}"
    server.assert_gone()
    server.assert_no_traceback()


@pytest.mark.parametrize("how", ["ctrl-c", "sigterm", "systemd"])
def test_a_stop_at_any_moment_of_the_start(tmp_path: Path, how: str) -> None:
    """67 stops each in full, 5 else, from the first line of our code on to a second later."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for trial in range(67 if FULL else 5):
        folder = tmp_path / str(trial)
        folder.mkdir()
        server = serve(folder, "--shutdown-timeout", str(TIMEOUT))
        server.start()
        try:
            wait_for_our_code(server)  # before it, Python's own answer to a signal cannot be helped
            time.sleep(chance.uniform(0.0, 1.0))
            began = time.monotonic()
            end(server, how)
            assert_clean_stop(server, began)
        finally:
            server._end()


def test_a_stop_before_anybody_has_made_the_tables_does_not_blame_the_database(tmp_path: Path) -> None:
    server = serve(tmp_path, "--shutdown-timeout", str(TIMEOUT), PROBE_START=3)
    server.start()
    try:
        eventually(lambda: lines(tmp_path / "starts"))
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        assert_clean_stop(server, began)
        assert "Nothing is waiting" in server.log
        assert "does not answer" not in server.log
    finally:
        server._end()


def wait_for_our_code(server: Server) -> None:
    """Wait until the signal handlers are installed: SIGHUP is ignored or caught, which Python itself never does."""

    def runs() -> bool:
        with suppress(FileNotFoundError, ProcessLookupError):
            for line in Path(f"/proc/{server.pid}/status").read_text().splitlines():
                name, _, mask = line.partition(":")
                if name in ("SigIgn", "SigCgt") and int(mask, 16) & 1 << (signal.SIGHUP - 1):
                    return True
        return False

    eventually(runs, pause=0.001)


@pytest.mark.parametrize("how", ["ctrl-c", "sigterm", "systemd"])
def test_a_stop_under_load_resets_no_request_and_loses_no_message(tmp_path: Path, how: str) -> None:
    """67 stops each in full, 3 else, with 8 connections that deliver as fast as they are answered."""
    chance = random.Random()
    accepted: list[str] = []
    total = 0
    for trial in range(67 if FULL else 3):
        with serve(tmp_path, "--shutdown-timeout", str(TIMEOUT)) as server:
            with Load(server.port, name=f"trial{trial}-") as load:
                wait_for_load(load)
                time.sleep(chance.uniform(0.0, 1.0))
                began = time.monotonic()
                end(server, how)
                load.wait()
            assert_clean_stop(server, began)
            accepted += load.accepted
            total += sum(load.outcomes.values())
            # A new connection that nobody had accepted yet ends unheard; one of which something was read does not.
            received = set(lines(tmp_path / "received"))
            assert not received & set(load.failed), load.failed
            assert set(load.outcomes) <= {"200", "refused", "unheard"}, load.outcomes
    print(f"{total} requests")
    assert_all_answered(tmp_path, accepted)


def wait_for_load(load: Load) -> None:
    eventually(lambda: load.accepted)


def wait_for_line(file: Path, line: str) -> None:
    eventually(lambda: line in lines(file))


def wait_until_closed(server: Server) -> None:
    eventually(lambda: get(server.port, "/health/live") is None)


def assert_all_answered(folder: Path, accepted: list[str]) -> None:
    """After a restart on the same database all that was accepted is answered, once, each user's in order."""
    with serve(folder, workers=1):
        eventually(lambda: set(accepted) <= set(lines(folder / "sent")))
    sent = lines(folder / "sent")
    assert len(sent) == len(set(sent))
    for user in {line.split()[0] for line in sent}:
        numbers = [int(line.split()[1]) for line in sent if line.split()[0] == user]
        assert numbers == sorted(numbers)


def test_a_request_that_has_arrived_in_part_is_answered_at_a_stop(tmp_path: Path) -> None:
    """Given half a head and half a body, when the server stops and the rest comes, then both are answered."""
    with serve(tmp_path, "--shutdown-timeout", "5") as server:
        head = b"GET /probe/pid HTTP/1.1\r\nHost: localhost\r\n"
        post = b"POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nab"
        with (
            socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as half_head,
            socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as half_body,
            socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as nothing,
        ):
            half_head.sendall(head)
            half_body.sendall(post)
            # All three are with the server once a later connection is answered by both workers.
            answered: set[str | None] = set()
            while len(answered) < 2:
                answered.add(fetch(server.port, "/probe/pid"))
            server.signal(signal.SIGTERM)
            assert nothing.recv(1) == b""  # the linger is over
            half_head.sendall(b"\r\n")
            half_body.sendall(b"cd")
            answer = half_head.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200")
            assert b"connection: close" in answer.lower()
            assert half_body.recv(65536).startswith(b"HTTP/1.1 404")
        assert server.wait() == 0


def test_a_request_under_way_is_answered_at_a_stop(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        request = subprocess.Popen(
            ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"http://127.0.0.1:{server.port}/probe/slow/1.5"],
            stdout=subprocess.PIPE,
        )
        eventually(lambda: connected(server))
        server.signal_group(signal.SIGINT)
        output, _ = request.communicate(timeout=PATIENCE)
        assert output == b"200"
        assert server.wait() == 0


def connected(server: Server) -> bool:
    """Whether a worker has accepted a connection."""
    return any(
        connection.status == psutil.CONN_ESTABLISHED
        for worker in server.workers()
        for connection in worker.net_connections("tcp")
    )


def test_a_request_that_takes_too_long_is_cut_without_a_traceback(tmp_path: Path) -> None:
    with serve(tmp_path, "--shutdown-timeout", "1") as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as client:
            client.sendall(b"GET /probe/slow/60 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            eventually(lambda: connected(server))
            began = time.monotonic()
            server.signal_group(signal.SIGINT)
            assert server.wait() == 0
            assert time.monotonic() - began < 20, "not the minute of the request, or the thirty seconds of a stop"
        assert "Exception in ASGI" not in server.log
        assert "is ended before" not in server.log  # the workers end by themselves


@pytest.mark.parametrize("workers", [2, 0])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_stops_at_once_and_the_turn_runs_again(tmp_path: Path, workers: int, number: int) -> None:
    """Given a turn of 60 seconds, when told to stop twice, then the end comes at once and nothing is lost."""
    for trial in range(10 if FULL else 1):
        # Short enough at the restart: what the turn does is told by the environment of its run.
        with serve(tmp_path, workers=workers, PROBE_SLEEP="60") as server:
            assert say(server.port, "u", f"nap {trial}") == 200
            wait_for_line(tmp_path / "turns", f"nap {trial}")
            server.signal_group(number)
            wait_until_closed(server)
            assert server.returncode is None
            began = time.monotonic()
            server.signal_group(number)
            assert server.wait() == 0
            assert time.monotonic() - began < 20, "not the thirty seconds of a stop"
            server.assert_gone()
        assert lines(tmp_path / "sent") == [f"u nap {number}" for number in range(trial)]
        with serve(tmp_path, workers=workers, PROBE_SLEEP="0"):
            wait_for_line(tmp_path / "sent", f"u nap {trial}")
    assert lines(tmp_path / "sent") == [f"u nap {number}" for number in range(trial + 1)]


@pytest.mark.parametrize("text", ["block 60", "thread 60"])
def test_a_single_process_stops_in_time_whatever_the_bot_does(tmp_path: Path, text: str) -> None:
    """Given code of the bot that does not return, when told to stop, then the process ends at the deadline."""
    with serve(tmp_path, "--shutdown-timeout", "1", workers=0) as server:
        assert say(server.port, "u", text) == 200
        eventually(lambda: lines(tmp_path / "turns"))
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        assert 1 < time.monotonic() - began < 20
        assert "stay in the inbox" in server.log


def test_a_single_process_stops_under_load(tmp_path: Path) -> None:
    with serve(tmp_path, "--shutdown-timeout", str(TIMEOUT), workers=0) as server:
        assert server.children() == []
        with Load(server.port) as load:
            eventually(lambda: len(load.accepted) > 200)
            began = time.monotonic()
            server.signal_group(signal.SIGINT)
            load.wait()
        assert_clean_stop(server, began)
        assert set(load.outcomes) <= {"200", "refused", "unheard"}, load.outcomes
    assert_all_answered(tmp_path, load.accepted)


def test_a_stop_during_a_replacement_does_not_wait_for_idle_connections(tmp_path: Path) -> None:
    """Given an idle connection to a worker that is being replaced, when told to stop, then nobody waits for it."""
    with (
        serve(tmp_path, workers=1) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as idle,
    ):
        idle.sendall(b"GET /probe/pid HTTP/1.1\r\nHost: localhost\r\n\r\n")
        idle.recv(65536)
        server.signal(signal.SIGHUP)
        eventually(lambda: "The workers are replaced" in server.log)
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        assert time.monotonic() - began < 20


FORKS = [
    *((2, "by a turn", child, how) for child in ("fork", "executor") for how in (signal.SIGTERM, signal.SIGKILL)),
    (2, "by a turn", "daemon", signal.SIGTERM),
    (2, "by a turn", "unheard", signal.SIGTERM),  # at a SIGKILL nobody is left to give the port free
    *((0, "by a turn", "fork", how) for how in (signal.SIGTERM, signal.SIGKILL)),
    (0, "by a turn", "unheard", signal.SIGTERM),
    (2, "by the import", "fork", signal.SIGKILL),
    (2, "by the import", "daemon", signal.SIGTERM),
    (2, "by the import", "unheard", signal.SIGTERM),
]


@pytest.mark.parametrize(("workers", "when", "child", "how"), FORKS)
def test_a_child_that_the_bot_forked_keeps_neither_the_port_nor_the_stop(
    tmp_path: Path, workers: int, when: str, child: str, how: signal.Signals
) -> None:
    """`unheard` is forked behind Python's back: it holds all that is open, and a stop takes the port all the same."""
    with (
        serve(tmp_path, workers=workers, PROBE_FORKS=child if when == "by the import" else "") as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as client,
    ):
        client.sendall(b"GET /probe/pid HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(65536)
        if when == "by a turn":
            assert say(server.port, "u", f"fork {child}") == 200
        eventually(lambda: len(lines(tmp_path / "child")) >= (1 if when == "by a turn" else workers))
        children = [psutil.Process(int(line)) for line in lines(tmp_path / "child")]
        try:
            began = time.monotonic()
            server.signal(how)
            server.wait()
            assert time.monotonic() - began < 20
            if child in ("fork", "unheard"):
                assert all(process.is_running() for process in children)
            eventually(lambda: refused(server.port))
            if child != "unheard":
                assert hung_up(client), "nobody is left waiting for an answer"
        finally:
            for process in children:
                with suppress(psutil.NoSuchProcess):
                    process.kill()


def hung_up(client: socket.socket) -> bool:
    with suppress(ConnectionResetError):
        while client.recv(65536):  # the rest of the last answer
            pass
    return True


def refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("workers", [2, 0])
def test_stacks_that_are_asked_for_too_early_are_not_shown(tmp_path: Path, workers: int) -> None:
    for trial in range(20 if FULL else 3):
        folder = tmp_path / str(trial)
        folder.mkdir()
        server = serve(folder, workers=workers)
        server.start()
        wait_for_our_code(server)
        with suppress(ProcessLookupError):
            for _ in range(20):
                server.signal(signal.SIGQUIT)
                time.sleep(0.01)
        server.wait_ready()
        assert server.stop() == 0
        server.assert_gone()


@pytest.mark.parametrize("workers", [2, 0])
def test_a_signal_in_the_last_moments_changes_nothing(tmp_path: Path, workers: int) -> None:
    """Signals without a pause from the one that stops on: the first stops, the second ends at once, none kills."""
    for trial in range(20 if FULL else 3):
        folder = tmp_path / str(trial)
        folder.mkdir()
        with serve(folder, workers=workers) as server:
            server.signal(signal.SIGTERM)
            eventually(lambda: "Stopped. Nothing is waiting" in server.log or server.returncode is not None, pause=0.0)
            while server.returncode is None:
                server.signal(signal.SIGTERM)
                server.signal(signal.SIGINT)
                server.signal(signal.SIGQUIT)
            assert server.returncode == 0, server.log
