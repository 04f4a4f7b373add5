"""The HTTP server: uvicorn, with limits for hostile clients and a stop that resets no request.

uvicorn itself waits for ever for the rest of a request, and for a client that does not read its answers; and it closes
connections at a stop even where the next request is on its way already, or has arrived in part.
"""

import asyncio
import contextlib
import logging
import math
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from maxbot.server.descriptors import Budget
from maxbot.server.edge.connections import Connections
from maxbot.server.stopping import KEEP_ALIVE

logger = logging.getLogger(__name__)

HEAD_LIMIT = 16 * 1024
"""Bytes of request line and headers together."""

HEAD_TOO_LARGE = f"The request's head is larger than {HEAD_LIMIT} bytes."

REQUEST_LIMIT = 8 * 1024 * 1024
"""Bytes of a whole request as it travels: far above any body that is read, as a chunked one has its framing too."""

REQUEST_TIMEOUT = 10.0
"""Seconds in which a whole request must have arrived, from its first byte, or a new connection's, on."""

ANSWER_TIMEOUT = 30.0
"""Seconds for which a client may leave answers unread once they fill its connection."""

CUT_TIMEOUT = 0.2
"""Seconds that cancelled requests get to end."""


class BoundedHttp(HttpToolsProtocol):
    """A connection that must deliver its requests and take its answers in time, and within limits."""

    reading_since: float | None
    """When the request on its way began to arrive (monotonic); None while there is none."""
    blocked_since: float | None
    """Since when the client has not read its answers (monotonic)."""
    _arrived: int
    """Bytes of the request on its way."""
    _in_head: bool
    """Whether the next byte belongs to a head, or would begin one."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.reading_since = time.monotonic()
        self.blocked_since = None
        self._arrived = 0
        self._in_head = True
        self.server_state.admitted.add(self)  # type: ignore[attr-defined]

    def connection_lost(self, exc: Exception | None) -> None:
        self.server_state.admitted.remove(self)  # type: ignore[attr-defined]
        super().connection_lost(exc)

    @property
    def is_waited_for(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def cut(self) -> None:
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if self.reading_since is None:
            self.reading_since = time.monotonic()
        self._arrived += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._in_head and self._arrived > HEAD_LIMIT:
            self.send_400_response(HEAD_TOO_LARGE)
        elif self._arrived > REQUEST_LIMIT:
            logger.warning("Cut a connection: its request is larger than %d bytes", REQUEST_LIMIT)
            self.transport.abort()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self.reading_since is None:  # it came together with the end of the one before
            self.reading_since = time.monotonic()
            self._arrived = 1

    def on_headers_complete(self) -> None:
        # What arrived may be a head and a part of its body, which is not the head's. This is rare enough to count.
        if self._arrived > HEAD_LIMIT and self._head_size() > HEAD_LIMIT:
            raise ValueError(HEAD_TOO_LARGE)  # the parser stops, and the answer is a 400
        super().on_headers_complete()
        self._in_head = False
        if self.server_state.closing:  # type: ignore[attr-defined]
            self.cycle.keep_alive = False

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.reading_since = None
        self._arrived = 0
        self._in_head = True
        self.server_state.admitted.used(self)  # type: ignore[attr-defined]

    def pause_writing(self) -> None:
        super().pause_writing()
        self.blocked_since = time.monotonic()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.blocked_since = None

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing is upgraded here, and whoever asks for it is answered as if he had not."""

    def close_if_late(self, now: float) -> None:
        """Close the connection if its request should have been here by now, or its answers should have been read."""
        if self.reading_since is not None and self.flow.read_paused:
            self.reading_since = now  # it is we who do not read: an answer is due first
        elif self.reading_since is not None and now - self.reading_since > REQUEST_TIMEOUT:
            if self._arrived:
                logger.warning("Cut a connection: its request was not complete after %g seconds", REQUEST_TIMEOUT)
            self.transport.abort()
        elif self.blocked_since is not None and now - self.blocked_since > ANSWER_TIMEOUT:
            logger.warning("Cut a connection: its answers were not read for %g seconds", ANSWER_TIMEOUT)
            self.transport.abort()

    def shutdown(self) -> None:
        # A request of which something has arrived is answered, and its answer closes the connection.
        if not (self._in_head and self._arrived):
            super().shutdown()


class WebServer(uvicorn.Server):
    """Serves an ASGI application on sockets that others may listen on as well.

    Args:
        app: The application.
        descriptors: How many connections there may be.
    """

    def __init__(self, app: Any, descriptors: Budget) -> None:
        super().__init__(
            uvicorn.Config(
                _quiet_at_the_end(app),
                http=BoundedHttp,
                ws="none",
                lifespan="off",
                access_log=False,
                log_config=None,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=int(KEEP_ALIVE),
                backlog=descriptors.backlog,
            )
        )
        self.server_state.closing = False  # type: ignore[attr-defined]
        self.server_state.admitted = Connections(descriptors.clients)  # type: ignore[attr-defined]
        self._linger_until = math.inf
        self._ticking: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the supervisor's."""
        yield

    async def start(self, sockets: list[socket.socket]) -> None:
        """Listen.

        Raises:
            OSError: The port is in use, by somebody who was bound to it as well and listened first.
        """
        for sock in sockets:
            sock.listen(self.config.backlog)  # uvloop does it too, and tells nobody when it fails
        self.config.load()
        self.lifespan = self.config.lifespan_class(self.config)
        await self.on_tick(0)  # the first answer has its headers too
        await self.startup(sockets=sockets)
        self._ticking = asyncio.create_task(self.main_loop())

    def descriptors(self) -> list[int]:
        """Return those of all connections."""
        clients = [connection.transport.get_extra_info("socket") for connection in self.server_state.connections]
        return [sock.fileno() for sock in clients if sock is not None]

    async def on_tick(self, counter: int) -> bool:
        if counter % 10 == 0:
            now = time.monotonic()
            for connection in list(self.server_state.connections):
                connection.close_if_late(now)  # type: ignore[union-attr]
        return await super().on_tick(counter)

    async def stop(self, linger: float, timeout: float) -> None:
        """Accept no more connections, finish the requests under way, close.

        Args:
            linger: Seconds for which connections that are open may still send a request.
            timeout: Seconds after which connections are cut, and requests that are still worked on are cancelled.
        """
        deadline = time.monotonic() + timeout
        for server in self.servers:
            server.close()
        self.server_state.closing = True  # type: ignore[attr-defined]
        self.linger(min(linger, timeout))
        await self._until_connections_are_gone(lambda: self._linger_until)
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await self._until_connections_are_gone(lambda: deadline)
        await self._cut()
        self.should_exit = True
        if self._ticking is not None:
            await self._ticking

    def linger(self, seconds: float) -> None:
        """Let open connections send requests for so long and no longer; never prolongs it."""
        self._linger_until = min(self._linger_until, time.monotonic() + seconds)

    async def _until_connections_are_gone(self, deadline: Callable[[], float]) -> None:
        # uvicorn tells nobody when a connection is gone.
        while self.server_state.connections and time.monotonic() < deadline():
            await asyncio.sleep(0.02)

    async def _cut(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        gone = time.monotonic() + CUT_TIMEOUT
        await self._until_connections_are_gone(lambda: gone)
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CUT_TIMEOUT)


def _quiet_at_the_end(app: Any) -> Any:
    """A request that is cancelled, as the stop does not wait for it, is no error to be told about."""

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        try:  # noqa: SIM105  (an object less for each request)
            await app(scope, receive, send)
        except asyncio.CancelledError:
            pass

    return serve
