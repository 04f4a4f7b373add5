"""The connection between a worker and the user locks that its supervisor serves: a Unix stream socket.

What travels, numbers in network order:

    worker → supervisor    request: uint64, length: uint16, name: `length` bytes
        length > 0    take: the request waits for the lock of the dialog with that name; its number is new
        length = 0    leave: the request is over, whether it waited or held
        leave 0       all locks are handed back: what this worker has was taken before
    supervisor → worker    request: uint64
        granted: the request holds its lock until it leaves or the connection ends
        0        this worker is alone: it gives out all locks that it has not asked for by itself
        2⁶⁴ − 1  it is not any more: it takes what it has given out, and hands all back

One connection carries everything, and nothing on it waits for an answer: a dialog that waits never holds up another
one, or the release that it waits for. A wait that is cancelled while its grant is on the way needs no care of its own:
the leave frees what waits and what holds alike, and the worker ignores the grant of a request it has left.

There is no lease, no timeout and no polling. The kernel closes the socket of a process that died, however it died, and
the end of the connection is what frees its locks. Hence nobody else may keep a copy of the worker's end: the supervisor
closes its own once the worker is started.
"""

import asyncio
import socket
import struct
from typing import cast

REQUEST = struct.Struct("!QH")
GRANT = struct.Struct("!Q")

ALONE, SHARED = 0, 2**64 - 1
"""Grants that say who gives out the locks."""

MAX_NAME = 4096
"""Bytes of a dialog's name. A platform's user has at most 200 characters, which is 800 bytes."""


class Wire(asyncio.Protocol):
    """What both ends share: all that one iteration of the event loop sends leaves in one write."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._outgoing: list[bytes] = []
        self._incomplete = b""

    async def open(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._loop = asyncio.get_running_loop()
        await self._loop.create_unix_connection(lambda: self, sock=sock)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def eof_received(self) -> None:
        # A close would first try to deliver what is buffered, to an end that perhaps never reads it.
        self._transport.abort()

    def send(self, frame: bytes) -> None:
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(frame)

    def _flush(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(b"".join(self._outgoing))
        self._outgoing.clear()
