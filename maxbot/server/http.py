"""The HTTP server: uvicorn, with limits for hostile clients and a stop that resets no request.

uvicorn itself waits for ever for the rest of a request, and closes idle connections at a stop even where the next
request is on its way already.
"""

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from maxbot.server.control import KEEP_ALIVE

HEAD_LIMIT = 16 * 1024
"""Bytes of request line and headers together."""

REQUEST_TIMEOUT = 10.0
"""Seconds in which a whole request must have arrived, from its first byte, or a new connection's, on."""


class BoundedHttp(HttpToolsProtocol):
    """A connection that must deliver its request in time and within limits."""

    reading_since: float | None
    """When the request on its way began to arrive (monotonic); None while there is none."""
    _head: int | None
    """Bytes of the unfinished head; None while the body arrives or a response is due."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.reading_since = time.monotonic()
        self._head = 0

    def data_received(self, data: bytes) -> None:
        if self.reading_since is None:
            self.reading_since = time.monotonic()
        if self._head is not None:
            self._head += len(data)
        super().data_received(data)
        # What arrived may have been a head and a part of a body, which is not the head's: `_head` is None then.
        if self._head is not None and self._head > HEAD_LIMIT and not self.transport.is_closing():
            self.send_400_response(f"The request's head is larger than {HEAD_LIMIT} bytes.")

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._head = None
        if self.server_state.closing:  # type: ignore[attr-defined]
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.reading_since = None
        self._head = 0

    def close_if_late(self, now: float) -> None:
        """Close the connection if its request should have been here by now."""
        if self.reading_since is not None and now - self.reading_since > REQUEST_TIMEOUT:
            self.transport.abort()


class WebServer(uvicorn.Server):
    """Serves an ASGI application on sockets that others may listen on as well.

    Args:
        app: The application.
    """

    def __init__(self, app: Any) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=BoundedHttp,
                ws="none",
                lifespan="off",
                access_log=False,
                log_config=None,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=int(KEEP_ALIVE),
                backlog=2048,
            )
        )
        self.server_state.closing = False  # type: ignore[attr-defined]
        self._ticking: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the supervisor's."""
        yield

    async def start(self, sockets: list[socket.socket]) -> None:
        """Listen."""
        self.config.load()
        self.lifespan = self.config.lifespan_class(self.config)
        await self.on_tick(0)  # the first answer has its headers too
        await self.startup(sockets=sockets)
        self._ticking = asyncio.create_task(self.main_loop())

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
            timeout: Seconds after which connections are cut.
        """
        for server in self.servers:
            server.close()
        self.server_state.closing = True  # type: ignore[attr-defined]
        await self._until_connections_are_gone(min(linger, timeout))
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await self._until_connections_are_gone(timeout)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        self.should_exit = True
        if self._ticking is not None:
            await self._ticking

    async def _until_connections_are_gone(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        # uvicorn tells nobody when a connection is gone.
        while self.server_state.connections and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
