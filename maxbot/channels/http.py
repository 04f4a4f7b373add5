"""HTTP/1.1 for calls to platforms: connections that are kept and used again, on httptools and the event loop's TLS.

Small on purpose: one request at a time on a connection, no redirects, cookies, compression or proxies. Every failure is
told apart by the one thing that matters to a caller: whether the request may have left.
"""

import asyncio
import ssl
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar, cast

import httptools
from aiohappyeyeballs import AddrInfoType, start_connection

from maxbot.errors import OutcomeUnknown, RetryLater

Result = TypeVar("Result")

HEAD_LIMIT = 64 * 1024
"""Bytes of a response's status line and headers together."""

IDLE_LIMIT = 100
"""Connections that are kept although nobody uses them."""

EYEBALLS_DELAY = 0.25
"""Seconds after which a host's next address is tried beside the first: https://www.rfc-editor.org/rfc/rfc8305#section-5"""


class Headers(Mapping[str, str]):
    """The headers of a response, by names in any case; of several with one name, the first.

    Args:
        raw: As they came, but with names in lower case.
    """

    __slots__ = ("_raw",)

    def __init__(self, raw: Sequence[tuple[bytes, bytes]]) -> None:
        self._raw = raw

    def __getitem__(self, name: str) -> str:
        wanted = name.lower().encode("latin-1", "replace")
        for key, value in self._raw:
            if key == wanted:
                return value.decode("latin-1")
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(key.decode("latin-1") for key, _ in self._raw))

    def __len__(self) -> int:
        return len({key for key, _ in self._raw})


class Response(NamedTuple):
    """What came back."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    """Their names in any case."""


class _Connection(asyncio.Protocol):
    """One connection: requests one after the other, each with a future for its response."""

    _transport: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop, body_limit: int) -> None:
        self._loop = loop
        self._body_limit = body_limit
        self._answer: asyncio.Future[Response] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self.idle_since = 0.0
        self.reusable = True
        self._begin()

    def _begin(self) -> None:
        self._headers: list[tuple[bytes, bytes]] = []
        self._chunks: list[bytes] = []
        self._size = self._head_size = 0
        self._body_size = 0
        self._in_body = False

    # What its pool calls

    def ask(self, request: bytes, deadline: float) -> asyncio.Future[Response]:
        """Send a request; the future fails with `OutcomeUnknown` if no response came by the deadline."""
        self._answer = answer = self._loop.create_future()
        self._timer = self._loop.call_at(deadline, self._fail, "No response in time")
        self._transport.write(request)
        return answer

    def close(self) -> None:
        self.reusable = False
        self._transport.abort()

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            self.close()  # nobody asked
            return
        self._size += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(f"The response is not HTTP ({type(error).__name__})")
            return
        if self._head_size > HEAD_LIMIT or (not self._in_body and self._size > HEAD_LIMIT):
            self._fail(f"The response's headers are larger than {HEAD_LIMIT} bytes")
        elif self._body_size > self._body_limit or self._size > HEAD_LIMIT + 2 * self._body_limit:
            self._fail(f"The response is larger than {self._body_limit} bytes")

    def eof_received(self) -> bool:
        if self._in_body and self._ends_with_connection():
            self.reusable = False
            self._complete()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.reusable = False
        kind = type(error).__name__ if error else "closed by the other end"
        self._fail(f"The connection was lost ({kind})")

    # What the parser calls

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_size += len(name) + len(value)
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._in_body = True

    def on_body(self, body: bytes) -> None:
        self._body_size += len(body)
        if self._body_size <= self._body_limit:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() < 200:  # 100 Continue and its kin: the response is still to come
            self._begin()
            return
        self.reusable = self.reusable and self._parser.should_keep_alive()
        self._complete()

    def _complete(self) -> None:
        response = Response(self._parser.get_status_code(), b"".join(self._chunks), Headers(self._headers))
        too_large = self._body_size > self._body_limit or self._head_size > HEAD_LIMIT
        self._begin()
        if self._answer is None or self._answer.done():
            self.close()  # a second response to one request
        elif too_large:
            self._fail("The response is too large")
        else:
            self._timer.cancel()
            self._answer.set_result(response)

    def _ends_with_connection(self) -> bool:
        names = {name for name, _ in self._headers}
        return not names & {b"content-length", b"transfer-encoding"}

    def _fail(self, reason: str) -> None:
        if self._answer is not None and not self._answer.done():
            self._timer.cancel()
            self._answer.set_exception(OutcomeUnknown(reason))
            self.close()


class Connections:
    """Connections to one host, as many as there are calls at a time. Made in the event loop that uses them.

    Args:
        host: Name or address.
        port: TCP port.
        tls: Whether to speak TLS; the host must then prove its name to the authorities that this machine trusts.
        keep_alive: Seconds for which an unused one is kept.
        body_limit: Bytes of a response's body.
    """

    def __init__(self, host: str, port: int, *, tls: bool, keep_alive: float, body_limit: int) -> None:
        self._host = host
        self._port = port
        self._tls: ssl.SSLContext | None = ssl.create_default_context() if tls else None
        self._keep_alive = keep_alive
        self._body_limit = body_limit
        self._loop = asyncio.get_running_loop()
        self._idle: list[_Connection] = []
        self._busy: set[_Connection] = set()
        self._tidying: asyncio.TimerHandle | None = None

    async def request(self, request: bytes, *, timeout: float, connect_timeout: float) -> Response:
        """Send a request once, and return the response to it.

        Args:
            request: Head and body, as they travel.
            timeout: Seconds for all of it, until the last byte of the response.
            connect_timeout: Seconds for name resolution, connection and TLS together.

        Raises:
            RetryLater: No connection: nothing was sent.
            OutcomeUnknown: The request may have left, and no usable response came in time.
        """
        now = self._loop.time()
        connection = self._take_idle(now)
        if connection is None:
            connection = await _in_time(self._open(), now + min(connect_timeout, timeout))
        self._busy.add(connection)
        try:
            return await connection.ask(request, now + timeout)
        except BaseException:
            connection.close()  # also where the caller was cancelled: the response would come to the next one
            raise
        finally:
            self._busy.discard(connection)
            self._keep(connection)

    async def close(self) -> None:
        """Close all connections; calls under way end with `OutcomeUnknown`."""
        if self._tidying is not None:
            self._tidying.cancel()
        for connection in [*self._idle, *self._busy]:
            connection.close()
        self._idle.clear()
        closed = self._loop.create_future()
        self._loop.call_soon(closed.set_result, None)  # transports close with the next iteration
        await closed

    # Connections that nobody uses now

    def _take_idle(self, now: float) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()  # the one used last: the others may grow old
            if connection.reusable and now - connection.idle_since < self._keep_alive:
                return connection
            connection.close()
        return None

    def _keep(self, connection: _Connection) -> None:
        if not connection.reusable or len(self._idle) >= IDLE_LIMIT:
            connection.close()
            return
        connection.idle_since = self._loop.time()
        self._idle.append(connection)
        if self._tidying is None:
            self._tidying = self._loop.call_later(self._keep_alive, self._tidy)

    def _tidy(self) -> None:
        self._tidying = None
        oldest = self._loop.time() - self._keep_alive
        for connection in [connection for connection in self._idle if connection.idle_since <= oldest]:
            self._idle.remove(connection)
            connection.close()
        if self._idle:
            self._tidying = self._loop.call_later(self._keep_alive, self._tidy)

    # New ones

    async def _open(self) -> _Connection:
        sock = await start_connection(await self._addresses(), happy_eyeballs_delay=EYEBALLS_DELAY, loop=self._loop)
        try:
            _, connection = await self._loop.create_connection(
                lambda: _Connection(self._loop, self._body_limit),
                sock=sock,
                ssl=self._tls,
                server_hostname=self._host if self._tls else None,
            )
        except BaseException:
            sock.close()
            raise
        return connection

    async def _addresses(self) -> list[AddrInfoType]:
        try:
            return list(await self._loop.getaddrinfo(self._host, self._port, type=1, proto=6))
        except OSError:
            failure = OSError(0, "the host's name is not known")
        raise failure


async def _in_time(step: Coroutine[Any, Any, Result], until: float) -> Result:
    """Await a step on the way to a connection, until a time of the loop's clock.

    Raises:
        RetryLater: It failed: nothing was sent.
    """
    failure: RetryLater
    try:
        async with asyncio.timeout_at(until):
            return await step
    except TimeoutError:
        failure = RetryLater("No connection in time")
    except ssl.SSLCertVerificationError:
        failure = RetryLater("No connection: the server's certificate is not valid")
    except ssl.SSLError:
        failure = RetryLater("No connection: TLS failed")
    except OSError as error:
        failure = RetryLater(f"No connection: {error.strerror or type(error).__name__}")
    raise failure
