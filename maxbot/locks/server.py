"""User locks in the supervisor: who holds which dialog, and who waits for it. See `wire.py`."""

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Callable

from maxbot.locks.wire import ALONE, GRANT, MAX_NAME, REQUEST, SHARED, Wire

MAX_REQUESTS = 2**18
"""Requests of one worker at a time, waiting and held. Their tasks alone would fill a gigabyte of that worker."""

logger = logging.getLogger(__name__)


class LockServer:
    """The locks themselves: in the supervisor, for any number of workers. First come, first served for each dialog.

    Args:
        delegates: Whether a worker that is alone gives them out by itself: nobody else asks for any, and the way here
            costs more than all the rest of a lock. When a second one comes, a successor or the quarantine, the first
            hands them back, and nobody else is given any before. To be used where one is alone nearly always.
    """

    def __init__(self, *, delegates: bool = False) -> None:
        self._delegates = delegates
        self._alone: LockClient | None = None
        self._held_back: dict[tuple[LockClient, int], bytes] = {}
        """Requests that wait until the one that was alone has handed back."""
        # Name of a dialog → its requests in the order they came, never empty. The first one holds the lock.
        self._queues: dict[bytes, deque[tuple[LockClient, int]]] = {}
        self._clients: set[LockClient] = set()

    async def serve(self, sock: socket.socket, owner: str, ended: Callable[[], None] = lambda: None) -> "LockClient":
        """Serve a worker on the running event loop, until its end of the connection closes.

        Args:
            sock: One end of `socket.socketpair()`, from now on the server's. The worker alone has the other end.
            owner: Who that is, for the log.
            ended: Called when the connection has ended and before its locks are free: whoever gets one of them next
                sees what was done here.
        """
        client = LockClient(self, owner, ended)
        await client.open(sock)
        return client

    def held(self) -> int:
        """Return how many dialogs are held."""
        return len(self._queues)

    def waiting(self) -> int:
        """Return how many requests wait."""
        return sum(len(client._requests) for client in self._clients) - len(self._queues)

    def clients(self) -> int:
        """Return how many workers are connected."""
        return len(self._clients)

    def close(self) -> None:
        """End all connections: the workers lose their locks."""
        for client in self._clients:
            client.close()

    def _joined(self, client: "LockClient") -> None:
        self._clients.add(client)
        if self._alone is not None:
            self._alone._grant(SHARED)
        self._look_who_is_alone()

    def _gone(self, client: "LockClient") -> None:
        if client is self._alone:
            self._handed_back()
        self._look_who_is_alone()

    def _look_who_is_alone(self) -> None:
        if self._delegates and self._alone is None and len(self._clients) == 1:
            (self._alone,) = self._clients
            self._alone._grant(ALONE)

    def _handed_back(self) -> None:
        self._alone = None
        held_back, self._held_back = self._held_back, {}
        for (client, request), name in held_back.items():
            self._take(client, request, name)

    def _take(self, client: "LockClient", request: int, name: bytes) -> None:
        if self._alone is not None and self._alone is not client:
            self._held_back[client, request] = name
            return
        queue = self._queues.get(name)
        if queue is None:
            self._queues[name] = deque(((client, request),))
            client._grant(request)
        else:
            queue.append((client, request))

    def _leave(self, client: "LockClient", request: int, name: bytes) -> None:
        if self._held_back.pop((client, request), None) is not None:
            return
        queue = self._queues[name]
        if queue[0] != (client, request):
            queue.remove((client, request))
            return
        queue.popleft()
        if queue:
            following, request = queue[0]
            following._grant(request)
        else:
            del self._queues[name]


class LockClient(Wire):
    """A worker as the server sees it."""

    def __init__(self, server: LockServer, owner: str, ended: Callable[[], None]) -> None:
        super().__init__()
        self.owner = owner
        self._ended = ended
        self._server = server
        self._requests: dict[int, bytes] = {}  # number → name of the dialog; waiting or held

    def close(self) -> None:
        """End the connection and free all its locks, with the next iteration of the event loop."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._server._joined(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._server._clients.remove(self)
        self._ended()
        for request, name in self._requests.items():
            self._server._leave(self, request, name)
        self._requests.clear()
        self._server._gone(self)

    # A worker that does not read its grants is not read from either: it cannot fill our memory with them.
    def pause_writing(self) -> None:
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        if self._incomplete:
            data = self._incomplete + data
        start, end = 0, len(data)
        while end - start >= REQUEST.size:
            request, length = REQUEST.unpack_from(data, start)
            name_start = start + REQUEST.size
            name_end = name_start + length
            if length > MAX_NAME:
                return self._refuse(f"a name of {length} bytes")
            if name_end > end:
                break
            if length == 0 and request == ALONE and self._server._alone is self:
                self._server._handed_back()
                self._server._look_who_is_alone()
            elif length == 0:
                name = self._requests.pop(request, None)
                if name is None:
                    return self._refuse("left a request that it did not make")
                self._server._leave(self, request, name)
            elif request in self._requests:
                return self._refuse("made a request twice")
            elif len(self._requests) == MAX_REQUESTS:
                return self._refuse(f"more than {MAX_REQUESTS} requests at a time")
            else:
                name = self._requests[request] = data[name_start:name_end]
                self._server._take(self, request, name)
            start = name_end
        self._incomplete = data[start:]
        return None

    def _grant(self, request: int) -> None:
        self.send(GRANT.pack(request))

    def _refuse(self, reason: str) -> None:
        logger.error("user locks: ending the connection of %s, it sent nonsense: %s", self.owner, reason)
        self.close()
