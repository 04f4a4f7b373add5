"""What became of a request, on the wire: every byte a server may send, and every moment in which it may vanish."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trustme
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from maxbot.channels.http import HEAD_LIMIT, Connections, Response
from maxbot.errors import OutcomeUnknown, RetryLater
from maxbot.testing.channels import ApiStandIn
from tests.channels.support import eventually

REQUEST = b"POST /send HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"
BODY_LIMIT = 1000


def connections(url: str, *, keep_alive: float = 60.0, host: str = "127.0.0.1") -> Connections:
    port = int(url.rpartition(":")[2])
    tls = url.startswith("https")
    return Connections(host, port, tls=tls, keep_alive=keep_alive, body_limit=BODY_LIMIT)


async def ask(pool: Connections, timeout: float = 5.0) -> Response:
    return await pool.request(REQUEST, timeout=timeout, connect_timeout=timeout / 2)


def run(scenario: Callable[[ApiStandIn, Connections], Coroutine[Any, Any, None]], **options: Any) -> None:
    async def main() -> None:
        async with ApiStandIn() as api:
            pool = connections(api.url, **options)
            try:
                await scenario(api, pool)
            finally:
                await pool.close()

    uvloop.run(main())


def test_a_response_has_status_headers_and_body() -> None:
    async def scenario(api: ApiStandIn, pool: Connections) -> None:
        api.answer(429, b"slowly", {"Retry-After": "7"})
        response = await ask(pool)
        assert (response.status, response.body) == (429, b"slowly")
        assert response.headers["retry-After"] == "7"
        assert set(response.headers) == {"content-type", "content-length", "retry-after"}
        assert response.headers.get("no-such") is None
        assert api.requests == [("POST", "/send", b"{}")]

    run(scenario)


@pytest.mark.parametrize(
    ("response", "body", "kept"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"{}", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", b"{}", True),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"{}", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", b"{}", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"{}", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"{}", False),
    ],
)
def test_a_connection_is_used_again_where_that_is_safe(response: bytes, body: bytes, kept: bool) -> None:
    async def scenario(api: ApiStandIn, pool: Connections) -> None:
        api.answer_raw(response)
        for _ in range(2):
            assert (await ask(pool)).body == body
        assert api.connections == (1 if kept else 2)

    run(scenario)


def test_a_body_may_end_with_its_connection() -> None:
    async def scenario(api: ApiStandIn, pool: Connections) -> None:
        api.answer_cut(b"HTTP/1.1 200 OK\r\n\r\nall of it")
        assert (await ask(pool)).body == b"all of it"
        assert (await ask(pool)).body == b"all of it"

    run(scenario)


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * HEAD_LIMIT,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * HEAD_LIMIT,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (BODY_LIMIT + 1),
    ],
)
def test_what_is_no_whole_response_of_bounded_size_tells_nothing(response: bytes) -> None:
    async def scenario(api: ApiStandIn, pool: Connections) -> None:
        api.answer_cut(response)
        with pytest.raises(OutcomeUnknown):
            await ask(pool)
        api.answer(200, b"{}")
        assert (await ask(pool)).body == b"{}"

    run(scenario)


def test_bytes_that_nobody_asked_for_end_the_connection() -> None:
    async def scenario(api: ApiStandIn, pool: Connections) -> None:
        async def chatter(writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            await writer.drain()
            await seen.wait()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
            await writer.drain()
            written.set()

        seen, written = asyncio.Event(), asyncio.Event()
        api._respond = chatter
        assert (await ask(pool)).body == b"{}"
        seen.set()
        await written.wait()
        await eventually(lambda: not any(connection.reusable for connection in pool._idle))
        api.answer(200, b"true")
        assert (await ask(pool)).body == b"true"

    run(scenario)


def test_a_cancelled_call_leaves_its_response_to_nobody() -> None:
    async def scenario(api: ApiStandIn, pool: Connections) -> None:
        release = asyncio.Event()

        async def respond(method: str, path: str, body: bytes) -> bytes:
            if len(api.requests) == 1:
                await release.wait()
                return b"the first"
            return b"the second"

        api.answer_by(respond)
        first = asyncio.create_task(ask(pool))
        await eventually(lambda: len(api.requests) == 1)
        first.cancel()
        release.set()
        assert (await ask(pool)).body == b"the second"

    run(scenario)


def test_connections_that_nobody_uses_are_closed() -> None:
    async def scenario(api: ApiStandIn, pool: Connections) -> None:
        await ask(pool)
        assert len(pool._idle) == 1
        await eventually(lambda: not pool._idle)

    run(scenario, keep_alive=0.05)


@asynccontextmanager
async def tls_server(authority: trustme.CA, name: str) -> AsyncIterator[str]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n{}"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@pytest.mark.parametrize(
    ("name", "trusted", "reason"),
    [
        ("127.0.0.1", True, None),
        ("127.0.0.1", False, "No connection: the server's certificate is not valid"),
        ("elsewhere.example", True, "No connection: the server's certificate is not valid"),
    ],
)
def test_a_server_proves_its_name(
    name: str, trusted: bool, reason: str | None, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, other = trustme.CA(), trustme.CA()
    (authority if trusted else other).cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))

    async def main() -> None:
        async with tls_server(authority, name) as url:
            pool = connections(url)
            try:
                if reason is None:
                    assert [(await ask(pool)).body for _ in range(2)] == [b"secret", b"secret"]
                else:
                    with pytest.raises(RetryLater, match=reason):
                        await ask(pool)
            finally:
                await pool.close()

    asyncio.run(main())


# The parser under any bytes, in any pieces ────────────────────────────────────────────────────────────────────────────


class _Wire(asyncio.Transport):
    """Where a connection writes to; tells whether it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False

    def write(self, data: Any) -> None:
        pass

    def abort(self) -> None:
        self.closed = True


async def _hear(pieces: list[bytes]) -> Response | OutcomeUnknown:
    from maxbot.channels.http import _Connection

    loop = asyncio.get_running_loop()
    connection, wire = _Connection(loop, BODY_LIMIT), _Wire()
    connection.connection_made(wire)
    answer = connection.ask(REQUEST, loop.time() + 60.0)
    for piece in pieces:
        if not wire.closed:
            connection.data_received(piece)
    if not wire.closed:
        connection.eof_received()
        connection.connection_lost(None)
    try:
        return await answer
    except OutcomeUnknown as error:
        assert wire.closed or not connection.reusable
        return error


def _cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {len(data)})
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False) if end > start]


@st.composite
def _responses(draw: st.DrawFn) -> tuple[bytes, bytes]:
    body = draw(st.binary(max_size=300))
    if draw(st.booleans()):
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body), body
    sizes = draw(st.lists(st.integers(1, 50), max_size=20))
    chunks, rest = [], body
    for size in sizes:
        chunks.append(rest[:size])
        rest = rest[size:]
    wire = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in [*chunks, rest] if chunk)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + wire + b"0\r\n\r\n", body


@given(_responses(), st.lists(st.integers(0, 10_000), max_size=8))
@settings(max_examples=200, deadline=None)
def test_a_response_is_the_same_in_whatever_pieces_it_comes(response: tuple[bytes, bytes], cuts: list[int]) -> None:
    wire, body = response
    heard = asyncio.run(_hear(_cut(wire, cuts)))
    assert isinstance(heard, Response)
    assert heard.body == body


@given(_responses(), st.lists(st.integers(0, 10_000), max_size=4), st.data())
@settings(max_examples=300, deadline=None)
def test_damaged_responses_are_answers_or_tell_nothing(
    response: tuple[bytes, bytes], cuts: list[int], data: st.DataObject
) -> None:
    wire = bytearray(response[0])
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(wire) - 1))
        wire[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
        if not wire:
            break
    asyncio.run(_hear(_cut(bytes(wire), cuts)))  # anything but a Response or OutcomeUnknown raises


@given(st.lists(st.binary(max_size=200), max_size=5))
@settings(max_examples=200, deadline=None)
def test_noise_tells_nothing(pieces: list[bytes]) -> None:
    assert isinstance(asyncio.run(_hear(pieces)), OutcomeUnknown)
