"""User locks served by the supervisor over a Unix stream socket, one connection for each worker.

What travels, numbers in network order:

    worker → supervisor    request: uint64, length: uint16, name: `length` bytes
        length > 0    take: the request waits for the lock of the dialog with that name; its number is new
        length = 0    leave: the request is over, whether it waited or held
    supervisor → worker    request: uint64
        granted: the request holds its lock until it leaves or the connection ends

One connection carries everything, and nothing on it waits for an answer: a dialog that waits never holds up another
one, or the release that it waits for. A wait that is cancelled while its grant is on the way needs no care of its own:
the leave frees what waits and what holds alike, and the worker ignores the grant of a request it has left.

There is no lease, no timeout and no polling. The kernel closes the socket of a process that died, however it died, and
the end of the connection is what frees its locks. Hence nobody else may keep a copy of the worker's end: the supervisor
closes its own once the worker is started.
"""

import asyncio
import logging
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import cast

from maxbot.errors import LockLost
from maxbot.locks import Reach
from maxbot.locks.held import Held
from maxbot.types import Dialog

_REQUEST = struct.Struct("!QH")
_GRANT = struct.Struct("!Q")

MAX_NAME = 4096
"""Bytes of a dialog's name. A platform's user has at most 200 characters, which is 800 bytes."""

MAX_REQUESTS = 2**18
"""Requests of one worker at a time, waiting and held. Their tasks alone would fill a gigabyte of that worker."""

logger = logging.getLogger(__name__)


class _Wire(asyncio.Protocol):
    """What both ends share: all that one iteration of the event loop sends leaves in one write."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._outgoing: list[bytes] = []
        self._incomplete = b""

    async def _open(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._loop = asyncio.get_running_loop()
        await self._loop.create_unix_connection(lambda: self, sock=sock)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def eof_received(self) -> None:
        # A close would first try to deliver what is buffered, to an end that perhaps never reads it.
        self._transport.abort()

    def _send(self, frame: bytes) -> None:
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(frame)

    def _flush(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(b"".join(self._outgoing))
        self._outgoing.clear()


class LockServer:
    """The locks themselves: in the supervisor, for any number of workers. First come, first served for each dialog."""

    def __init__(self) -> None:
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
        await client._open(sock)
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

    def _take(self, client: "LockClient", request: int, name: bytes) -> None:
        queue = self._queues.get(name)
        if queue is None:
            self._queues[name] = deque(((client, request),))
            client._grant(request)
        else:
            queue.append((client, request))

    def _leave(self, client: "LockClient", request: int, name: bytes) -> None:
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


class LockClient(_Wire):
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
        self._server._clients.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._server._clients.remove(self)
        self._ended()
        for request, name in self._requests.items():
            self._server._leave(self, request, name)
        self._requests.clear()

    # A worker that does not read its grants is not read from either: it cannot fill our memory with them.
    def pause_writing(self) -> None:
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        if self._incomplete:
            data = self._incomplete + data
        start, end = 0, len(data)
        while end - start >= _REQUEST.size:
            request, length = _REQUEST.unpack_from(data, start)
            name_start = start + _REQUEST.size
            name_end = name_start + length
            if length > MAX_NAME:
                return self._refuse(f"a name of {length} bytes")
            if name_end > end:
                break
            if length == 0:
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
        self._send(_GRANT.pack(request))

    def _refuse(self, reason: str) -> None:
        logger.error("user locks: ending the connection of %s, it sent nonsense: %s", self.owner, reason)
        self.close()


class UnixLocks(_Wire):
    """The user locks of a worker, whose supervisor has the other end of `sock`.

    `await start()` first. Whoever waits or holds when the connection ends gets `LockLost`: a body is cancelled, and
    its `async with` raises `LockLost` (unless somebody else cancelled the task too: then `CancelledError`, as ever).
    """

    reach: Reach = "host"

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self.lost = asyncio.Event()
        """Set when the connection is gone, for good: whoever uses the locks must stop."""
        self._sock = sock
        self._requests: dict[int, _Lock] = {}
        self._made = 0

    async def start(self) -> None:
        """Take over the socket, on the running event loop."""
        await self._open(self._sock)

    async def close(self) -> None:
        """End the connection. All that is held is free; `lost` is set when this returns."""
        self._transport.abort()
        await self.lost.wait()

    def __call__(self, dialog: Dialog) -> "_Lock":
        return _Lock(self, dialog)

    def connection_lost(self, error: Exception | None) -> None:
        self.lost.set()
        requests, self._requests = self._requests, {}
        for lock in requests.values():
            lock._lose()

    def data_received(self, data: bytes) -> None:
        if self._incomplete:
            data = self._incomplete + data
        complete = len(data) - len(data) % _GRANT.size
        for (request,) in _GRANT.iter_unpack(data[:complete]):
            lock = self._requests.get(request)
            if lock is not None:  # else it has left meanwhile
                lock._grant()
        self._incomplete = data[complete:]

    def _take(self, lock: "_Lock", name: bytes) -> int:
        self._made += 1
        self._requests[self._made] = lock
        self._send(_REQUEST.pack(self._made, len(name)) + name)
        return self._made

    def _leave(self, request: int) -> None:
        if self._requests.pop(request, None) is not None:  # else lost
            self._send(_REQUEST.pack(request, 0))


class _Lock(Held):
    __slots__ = ("_dialog", "_granted", "_locks", "_request")

    def __init__(self, locks: UnixLocks, dialog: Dialog) -> None:
        super().__init__()
        self._locks = locks
        self._dialog = dialog

    async def __aenter__(self) -> None:
        locks = self._locks
        # No text is refused here: what a platform calls its users is not ours to judge.
        name = str(self._dialog).encode("utf-8", "surrogatepass")
        if len(name) > MAX_NAME:
            raise ValueError(f"the dialog's name is longer than {MAX_NAME} bytes: {name[:40]!r}...")
        if locks.lost.is_set():
            raise self._error()
        self._granted = locks._loop.create_future()
        self._request = locks._take(self, name)
        try:
            await self._granted
        except BaseException:
            locks._leave(self._request)
            raise
        if locks.lost.is_set():
            raise self._error()
        self.begin()

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not self.lost:
            self._locks._leave(self._request)
        elif self.explains(error):
            raise self._error() from error

    def _grant(self) -> None:
        if not self._granted.done():  # else cancelled, and its task has not run since
            self._granted.set_result(None)

    def _lose(self) -> None:
        if self.began:
            self.lose()
        else:
            self._grant()  # wakes it, and it finds what happened

    def _error(self) -> LockLost:
        return LockLost(f"the user lock of {self._dialog} is lost: the connection to the supervisor ended")
