"""Descriptors are a budget: whoever holds connections open shuts the door for nobody."""

import resource
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple, cast

import pytest

from tests.e2e import support
from tests.server.clients import lines, say, serve
from tests.support import FULL
from tests.support.processes import Server, eventually, get
from tests.support.telegram import TelegramStandIn

pytestmark = pytest.mark.faults


@contextmanager
def limited(server: Server, files: int) -> Iterator[Server]:
    """Run a server with so many descriptors a process."""
    # The hard limit too: the server raises the soft one.
    server._command = ["sh", "-c", f'ulimit -n {files} && exec "$@"', "sh", *server._command]
    with server:
        yield server


@pytest.mark.parametrize("sent", [b"", b"POST /pro", b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"])
def test_idle_connections_shut_nobody_out(tmp_path: Path, sent: bytes) -> None:
    """Given 256 descriptors and 350 connections that wait, slow heads or idle ones, each request is answered; full: 600
    connections."""
    connections = 600 if FULL else 350
    with limited(serve(tmp_path, workers=1), 256) as server, ExitStack() as idle:
        for number in range(connections):
            connection = idle.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))
            connection.sendall(sent)
            if number % 50 == 0:
                assert get(server.port, "/health/ready") == 200, server.log
                assert say(server.port, "ada", str(number)) == 200, server.log
        assert get(server.port, "/health/ready") == 200
        assert server.log.count("connections are in use") == 1
        eventually(lambda: len(lines(tmp_path / "sent")) == connections // 50)


def test_the_soft_limit_is_raised(tmp_path: Path) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard <= 256:
        pytest.skip("the hard limit is as low here")
    server = serve(tmp_path, workers=1)
    server._command = ["sh", "-c", 'ulimit -S -n 256 && exec "$@"', "sh", *server._command]
    with server:
        for process in server.family():
            shown = subprocess.run(["cat", f"/proc/{process.pid}/limits"], capture_output=True, text=True, check=True)
            (line,) = [line for line in shown.stdout.splitlines() if line.startswith("Max open files")]
            assert line.split()[3] == line.split()[4]


class Hanging(NamedTuple):
    """Stands where the platform is, as far as a server needs to know it."""

    url: str


@pytest.mark.parametrize(("workers", "few", "enough"), [(0, 8, 44), (1, 8, 44), (2, 8, 64), (2, 55, 56)])
def test_too_low_a_limit_is_said_and_one_that_just_suffices_is_served_with(
    tmp_path: Path, workers: int, few: int, enough: int
) -> None:
    refused = serve(tmp_path, workers=workers)
    refused._command = ["sh", "-c", f'ulimit -n {few} && exec "$@"', "sh", *refused._command]
    refused.start()
    assert refused.wait() == 1
    (line,) = refused.log.splitlines()
    assert f"allows {few} open files" in line
    assert "ulimit -n 1024" in line
    with limited(serve(tmp_path, workers=workers), enough) as server:
        assert say(server.port, "ada", "hello") == 200, server.log
        eventually(lambda: lines(tmp_path / "sent"))


def test_a_platform_that_hangs_shuts_nobody_out(tmp_path: Path) -> None:
    """Given an API that accepts and says nothing, and fewer descriptors than users who write once: each is
    acknowledged, health is answered, and one line says that calls to the platform wait."""
    files, users = (1024, 1500) if FULL else (256, 400)
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as silent:
        platform = cast(TelegramStandIn, Hanging(f"http://127.0.0.1:{silent.getsockname()[1]}"))
        server = support.serve(platform, tmp_path, "--shutdown-timeout", "1", workers=1)
        with limited(server, files):
            headers = {"X-Telegram-Bot-Api-Secret-Token": support.SECRET}
            for number in range(1, users + 1):
                update = support.update_of(number, number, f"{number}/1")
                assert support.post(server.port, update, headers) == 200, server.log
            assert get(server.port, "/health/ready") == 200
            assert "Too many open files" not in server.log
            assert "connections are in use" not in server.log
            assert server.log.count("connections to 127.0.0.1 are in use") == 1
