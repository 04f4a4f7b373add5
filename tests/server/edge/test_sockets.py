"""The server listens on every address of a host, or says why it cannot."""

import errno
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from maxbot.errors import StartError, UsageError
from maxbot.server.edge.sockets import bind, is_public
from tests.server.clients import serve
from tests.support.processes import free_port


@pytest.fixture
def sockets() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def bound(sockets: ExitStack, host: str, port: int) -> list[tuple[str, int]]:
    listeners = bind(host, port)
    for listener in listeners:
        sockets.enter_context(listener)
    return [listener.getsockname()[:2] for listener in listeners]


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


both_families = pytest.mark.skipif(not has_ipv6(), reason="the machine has no IPv6")


def two_addresses(*_: object, **__: object) -> list[tuple[object, ...]]:
    """Names of `localhost` as most machines have them."""
    return [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 0, 0, 0)),
    ]


@both_families
def test_any_free_port_is_the_same_on_both_families(sockets: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", two_addresses)
    (first, port), (second, other) = bound(sockets, "localhost", 0)
    assert (first, second) == ("127.0.0.1", "::1")
    assert port == other != 0


@both_families
def test_any_free_port_is_one_that_is_free_on_both(sockets: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a port that is free on the first address and in use on the second, another one is found."""
    taken = sockets.enter_context(socket.create_server(("::1", 0), family=socket.AF_INET6)).getsockname()[1]
    offered = [taken]

    class Unlucky(socket.socket):
        def bind(self, address: object) -> None:
            assert isinstance(address, tuple)
            super().bind((address[0], offered.pop()) if offered and address[1] == 0 else address)

    monkeypatch.setattr(socket, "getaddrinfo", two_addresses)
    monkeypatch.setattr(socket, "socket", Unlucky)
    (_, port), (_, other) = bound(sockets, "localhost", 0)
    assert port == other != taken


def test_a_machine_without_ipv6_serves_the_other_address(sockets: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    class OnlyIPv4(socket.socket):
        def __init__(self, family: int = -1, *rest: int, **others: int) -> None:
            if family == socket.AF_INET6:
                raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
            super().__init__(family, *rest, **others)

    monkeypatch.setattr(socket, "getaddrinfo", two_addresses)
    monkeypatch.setattr(socket, "socket", OnlyIPv4)
    assert [host for host, _ in bound(sockets, "localhost", 0)] == ["127.0.0.1"]


def test_a_port_in_use_is_said(sockets: ExitStack) -> None:
    port = sockets.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
    with pytest.raises(StartError, match=f"Port {port} on 127.0.0.1 is in use"):
        bind("127.0.0.1", port)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 300])
def test_a_host_that_is_none_is_said(host: str) -> None:
    for call in (lambda: bind(host, 0), lambda: is_public(host)):
        with pytest.raises(UsageError, match="--host "):
            call()


def test_an_address_of_another_machine_is_said() -> None:
    with pytest.raises(UsageError, match="not an address of this machine"):
        bind("192.0.2.1", 0)  # https://datatracker.ietf.org/doc/html/rfc5737: nobody's


@pytest.mark.parametrize(
    ("host", "public"),
    [
        *(("localhost", False), ("127.0.0.1", False), ("127.8.8.8", False), ("::1", False)),
        *(("", True), ("0.0.0.0", True), ("::", True), ("192.0.2.1", True)),
    ],
)
def test_what_others_can_reach_is_public(host: str, public: bool) -> None:
    assert is_public(host) is public


@pytest.mark.parametrize("mode", ["--workers=2", "--single-process"])
def test_the_command_says_that_the_port_is_in_use(tmp_path: Path, mode: str) -> None:
    with serve(tmp_path) as server:
        command = [*server._command[: server._command.index("--database")], mode]
        first = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert first.returncode == 1
    assert first.stderr.startswith(f"maxbot: Port {server.port} on 127.0.0.1 is in use: ")
    assert first.stderr.count("\n") == 1


@pytest.mark.parametrize("mode", ["--workers=2", "--single-process"])
def test_a_port_that_is_taken_while_the_bot_is_loaded_is_said(tmp_path: Path, mode: str) -> None:
    port = free_port()
    # Two may be bound to one port for as long as none listens; then the other one is told.
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        command = [sys.executable, "-X", "faulthandler", "-c", TAKES_THE_PORT, str(port), str(other.fileno()), mode]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, pass_fds=[other.fileno()])
    assert ended.returncode == 1
    assert ended.stderr.count(f"Port {port} on 127.0.0.1 is in use") == 1, ended.stderr
    assert "Traceback" not in ended.stderr


TAKES_THE_PORT = """
import socket, sys
import maxbot.server.run
from maxbot.server.edge import sockets
port, other, mode = sys.argv[1:]

def bind(*arguments):
    found = sockets.bind(*arguments)
    socket.socket(fileno=int(other)).listen()
    return found

maxbot.server.run.bind = bind
from maxbot.cli import main
main(["run", "--bot", "tests.server.bots.probe:bot", "--host", "127.0.0.1", "--port", port, mode])
"""
