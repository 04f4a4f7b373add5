"""No request, however malformed, stops a worker, yields a 5xx or stores anything; limits hold; no secret is logged."""

import random
import socket
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server.bots.probe import SECRET
from tests.server.clients import fetch, lines, say, serve
from tests.support import FULL
from tests.support.processes import PATIENCE, Server, eventually

pytestmark = pytest.mark.faults

EXAMPLES = 20_000 if FULL else 300

PATHS = ["/", "/health/live", "/health/ready", "/probe", "/probe/", "/probe/pid", "/nothing", "//probe", "/%00", "*"]

METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "BREW", "get"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server, of which nobody may notice the tests: the same workers live, and nothing is stored."""
    folder = tmp_path_factory.mktemp("requests")
    with serve(folder) as running:
        running.folder = folder  # type: ignore[attr-defined]
        eventually(lambda: len(running.workers()) == 2)
        workers = {worker.pid for worker in running.workers()}
        yield running
        assert {worker.pid for worker in running.workers()} == workers
        assert updates(folder) == 0
        assert SECRET not in running.log


def updates(folder: Path) -> int:
    """Return how many updates were ever accepted."""
    with sqlite3.connect(folder / "bot.db") as connection:
        (count,) = connection.execute("SELECT (SELECT count(*) FROM inbox) + (SELECT count(*) FROM seen)").fetchone()
        connection.rollback()
    return int(count)


def exchange(port: int, *parts: bytes, patience: float = 15.0) -> bytes:
    """Send bytes on a new connection, and return all that comes until the server closes it.

    Args:
        port: Of the server.
        parts: What to send.
        patience: Seconds to wait for more; then the server is told that nothing follows.
    """
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as connection:
        try:
            for part in parts:
                connection.sendall(part)
            while chunk := receive(connection):
                received += chunk
        except ConnectionError:
            pass  # cut in the middle, which is an answer too
    return received


def receive(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except TimeoutError:
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(15.0)
        return connection.recv(65536)


def statuses(answer: bytes) -> list[int]:
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]


def post(body: bytes, *headers: str, path: str = "/probe", length: int | None = None) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body) if length is None else length}"]
    return "\r\n".join([*lines, *headers, "Connection: close", "", ""]).encode("latin-1") + body


def lines_with(server: Server, text: str) -> list[str]:
    return [line for line in server.log.splitlines() if text in line]


def new_refusals(server: Server, before: int) -> list[str]:
    return lines_with(server, "Refused ")[before:]


# Bytes ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

FUZZ = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))

header_text = st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=30)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Requests that are nearly right: each part is what it should be, or something else."""
    method = draw(st.sampled_from(METHODS) | header_text)
    path = draw(st.sampled_from(PATHS) | header_text)
    version = draw(st.sampled_from(["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/9", ""]))
    body = draw(st.binary(max_size=200) | st.sampled_from([b"[]", b'[{"user":"u"}]', b"\xff", b"[" * 5000, b"1e9999"]))
    headers = draw(st.lists(st.tuples(header_text, header_text), max_size=3))
    headers += draw(
        st.lists(
            st.sampled_from(
                [
                    ("Host", "localhost"),
                    ("Host", "[::1"),
                    ("X-Secret", SECRET[:-1]),
                    ("Content-Length", str(len(body))),
                    ("Content-Length", "-1"),
                    ("Content-Length", "9" * 30),
                    ("Transfer-Encoding", "chunked"),
                    ("Transfer-Encoding", "gzip, chunked"),
                    ("Connection", "upgrade"),
                    ("Connection", "keep-alive"),
                    ("Upgrade", "websocket"),
                    ("Upgrade", "h2c"),
                    ("Expect", "100-continue"),
                ]
            ),
            max_size=5,
        )
    )
    if draw(st.booleans()):
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    head = "".join([f"{method} {path} {version}\r\n", *(f"{name}: {value}\r\n" for name, value in headers), "\r\n"])
    return head.encode("latin-1") + body


@pytest.mark.faults
@FUZZ
@given(data=st.lists(requests(), min_size=1, max_size=3).map(b"".join) | st.binary(max_size=500))
def test_no_bytes_are_answered_with_an_error_of_the_server(server: Server, data: bytes) -> None:
    """20,000 examples in full, 300 else; several pipelined requests in some."""
    assert all(status < 500 for status in statuses(exchange(server.port, data, patience=0.03))), data


@pytest.mark.faults
@FUZZ
@given(
    content=st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["user", "key", "text", "", "x"]), inner),
        max_leaves=10,
    )
)
def test_no_json_is_answered_with_an_error_of_the_server(server: Server, content: object) -> None:
    import json

    body = json.dumps(content).encode("utf-8", "surrogatepass")
    status = statuses(exchange(server.port, post(body, f"X-Secret: {SECRET}"))) if not valid(content) else [400]
    assert status in ([400], [200]), content
    assert statuses(exchange(server.port, post(body))) == [401]


def valid(content: object) -> bool:
    """Whether the channel would take it and something would be stored."""
    fields = {"user", "key", "text"}
    return (
        isinstance(content, list)
        and bool(content)
        and all(isinstance(item, dict) and fields <= item.keys() for item in content)
    )


# Known shapes ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", PATHS)
def test_every_method_on_every_path(server: Server, method: str, path: str) -> None:
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    found = statuses(exchange(server.port, head.encode()))
    assert len(found) <= 1
    assert all(status < 500 for status in found)
    if method == "GET" and path in ("/health/live", "/health/ready", "/probe/pid"):
        assert found == [200]
    elif method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS") and path == "/probe":
        assert found == [405]


def test_each_refusal_is_one_line(tmp_path: Path) -> None:
    """What was asked and why it is refused, without what the request said of its secret."""
    with serve(tmp_path, workers=1) as server:
        for request, status, text in [
            (post(b"[]"), 401, "Refused POST /probe from 127.0.0.1: 401 The secret is missing or wrong"),
            (post(b"[ ]", "X-Secret: almost-" + SECRET), 401, "401 The secret is missing or wrong"),
            (
                post(b"{", f"X-Secret: {SECRET}"),
                400,
                "Refused POST /probe from 127.0.0.1: 400 Not a list of deliveries",
            ),
            (post(b"", length=2**20 + 1), 413, "413 The body is larger than 1048576 bytes"),
        ]:
            before = len(lines_with(server, "Refused "))
            assert statuses(exchange(server.port, request)) == [status]
            (line,) = eventually(partial(new_refusals, server, before))
            assert text in line
            assert SECRET not in line


def test_what_nobody_serves_is_one_line_of_detail(tmp_path: Path) -> None:
    with serve(tmp_path, "-v", workers=1) as server:
        for request, status, text in [
            (post(b"", path="/nothing/%0a%1b[31m?token=" + SECRET), 404, r"Refused POST /nothing/\n\x1b[31m from"),
            (post(b"", path="/" + "x" * 5000), 404, f"Refused POST /{'x' * 99} from"),
            (b"PUT /probe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 405, "405 Method Not Allowed"),
        ]:
            assert statuses(exchange(server.port, request)) == [status]
            (line,) = eventually(partial(lines_with, server, text))
            assert line.split()[1] == "DEBUG"
            assert SECRET not in line


@pytest.mark.parametrize("host", ["[::1", "", "a b", "x" * 2000, "\xff", "evil.example/%2f"])
def test_the_host_header_is_not_believed(server: Server, host: str) -> None:
    head = f"POST /nothing HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    assert statuses(exchange(server.port, head.encode("latin-1")))[0] in (400, 421)


# Sizes ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("pieces", [1, 7])
@pytest.mark.parametrize("size", [17_000, 60_000, 500_000])
@pytest.mark.parametrize("shape", ["one header", "many headers", "path"])
def test_a_head_over_the_limit_is_refused(server: Server, shape: str, size: int, pieces: int) -> None:
    """Whether it comes at once or not: 16 KiB are the limit."""
    fillings = {"one header": f"X: {'x' * size}\r\n", "many headers": "X: yyyyyyyy\r\n" * (size // 13), "path": ""}
    path = "/" + "x" * size if shape == "path" else "/probe/pid"
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{fillings[shape]}Connection: close\r\n\r\n".encode()
    step = len(request) // pieces + 1
    answer = exchange(server.port, *(request[start : start + step] for start in range(0, len(request), step)))
    assert statuses(answer) in ([400], []), answer[:200]  # none where the rest of it met a closed connection


def test_a_head_below_the_limit_is_taken(server: Server) -> None:
    request = f"GET /probe/pid HTTP/1.1\r\nX: {'x' * 15_000}\r\nConnection: close\r\n\r\n".encode()
    assert statuses(exchange(server.port, request)) == [200]


def test_a_large_body_is_taken_up_to_the_limit(server: Server) -> None:
    for size, expected in [(2**20, 400), (2**20 + 1, 413)]:
        body = b"[" + b" " * (size - 2) + b"x"
        assert statuses(exchange(server.port, post(body, f"X-Secret: {SECRET}"))) == [expected]


def test_who_sends_far_too_much_hears_why(server: Server) -> None:
    """Twice, five times, seven times what is taken, without a pause in which to read the answer."""
    for size in (2 * 2**20, 5 * 2**20, 7 * 2**20):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            connection.sendall(post(bytes(size), f"X-Secret: {SECRET}"))
            assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_a_chunked_body_over_the_limit_is_refused_before_it_is_there(server: Server) -> None:
    head = b"POST /probe HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(head)
        with pytest.raises(ConnectionError):
            send_many(connection, b"10000\r\n" + b"x" * 65536 + b"\r\n")


@pytest.mark.parametrize("part", [b"1;" + b"x" * 60_000 + b"\r\ny\r\n", b"0\r\n" + b"X: y\r\n" * 10_000], ids=repr)
def test_what_surrounds_a_body_is_bounded_too(server: Server, part: bytes) -> None:
    """Extensions of chunks, and trailers without end."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(b"POST /probe HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.sendall(part)
        with pytest.raises(ConnectionError):
            send_many(connection, part.removeprefix(b"0\r\n"))


def send_many(connection: socket.socket, part: bytes) -> None:
    for _ in range(1000):
        connection.sendall(part)


# Time ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.faults
def test_who_is_slow_is_cut(server: Server) -> None:
    """Nothing, half a head, a head that drips, half a body, one that drips: closed after 10 seconds; and a whole
    request after which nothing comes, after 15. The others are served as ever."""
    head = b"POST /probe HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
    cases: list[tuple[bytes, bytes]] = [
        (b"", b""),
        (b"POST /probe HT", b""),
        (b"POST /probe HTTP/1.1\r\nX: ", b"x"),
        (b"", b"\r\n"),
        (head, b""),
        (head, b"x"),
        (b"GET /probe/pid HTTP/1.1\r\nHost: localhost\r\n\r\n", b""),
        (b"GET /probe/pid HTTP/1.1\r\nHost: localhost\r\n\r\nGET /pro", b"x"),
    ]

    def closed_after(first: bytes, drip: bytes) -> float:
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.settimeout(0.3)
            try:
                connection.sendall(first)
                while time.monotonic() - began < 2 * PATIENCE:
                    try:
                        if not connection.recv(65536):
                            break
                    except TimeoutError:
                        connection.sendall(drip)
            except ConnectionError:
                pass
        return time.monotonic() - began

    with ThreadPoolExecutor(len(cases)) as pool:
        futures = [pool.submit(closed_after, *case) for case in cases]
        while not all(future.done() for future in futures):
            assert fetch(server.port, "/probe/pid", timeout=8), "not as slow as they are"
            time.sleep(0.1)
        for future, case in zip(futures, cases, strict=True):
            assert 9 < future.result() < PATIENCE, (case, future.result())
    assert "its request was not complete after 10 seconds" in server.log


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    request = b"".join(b"GET /probe/slow/0.%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % number for number in (3, 0, 1))
    request += b"GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    assert statuses(answer) == [200, 200, 200, 404]


def test_a_client_that_leaves_in_the_middle_is_no_trouble(server: Server) -> None:
    chance = random.Random(1)
    request = post(b"[" + b" " * 100_000, f"X-Secret: {SECRET}")
    for _ in range(100):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(request[: chance.randrange(len(request))])
    assert fetch(server.port, "/probe/pid")


def test_what_is_accepted_is_stored_once(tmp_path: Path) -> None:
    """The counterpart of all that: what is right is stored, and a redelivery is recognised."""
    with serve(tmp_path) as server:
        assert [say(server.port, "u", "hello", key="1") for _ in range(5)] == [200] * 5
        eventually(lambda: lines(tmp_path / "sent") == ["u hello"])
        assert updates(tmp_path) == 1
