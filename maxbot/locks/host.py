"""User locks in a worker: given out by its supervisor (`server.py`, over `wire.py`), or by the worker that is alone."""

import asyncio
import socket
from collections import deque

from maxbot.errors import LockLost
from maxbot.locks import Reach
from maxbot.locks.held import Held
from maxbot.locks.wire import ALONE, GRANT, MAX_NAME, REQUEST, SHARED, Wire
from maxbot.types import Dialog

SURELY_SHORT = MAX_NAME // 4
"""Characters: fewer than these are no more than `MAX_NAME` bytes."""


class UnixLocks(Wire):
    """The user locks of a worker, whose supervisor has the other end of `sock`.

    `await start()` first. Whoever waits or holds when the connection ends gets `LockLost`: a body is cancelled, and
    its `async with` raises `LockLost` (unless somebody else cancelled the task too: then `CancelledError`, as ever).

    A worker that is alone gives the locks out by itself, for as long as the supervisor says so. What it has asked the
    supervisor for it goes on asking there.
    """

    reach: Reach = "host"

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self.lost = asyncio.Event()
        """Set when the connection is gone, for good: whoever uses the locks must stop."""
        self._sock = sock
        self._requests: dict[int, _Lock] = {}
        self._asked: dict[Dialog, int] = {}
        """How many of the requests are for a dialog."""
        self._made = 0
        self._alone = False
        self._given: dict[Dialog, deque[_Lock]] = {}
        """What is given out here. Dialog → who wants it, never empty; the first one holds it."""

    async def start(self) -> None:
        """Take over the socket, on the running event loop."""
        await self.open(self._sock)

    async def close(self) -> None:
        """End the connection. All that is held is free; `lost` is set when this returns."""
        self._transport.abort()
        await self.lost.wait()

    def __call__(self, dialog: Dialog) -> "_Lock":
        return _Lock(self, dialog)

    def connection_lost(self, error: Exception | None) -> None:
        self.lost.set()
        requests, self._requests = self._requests, {}
        given, self._given = self._given, {}
        for lock in [*requests.values(), *(lock for queue in given.values() for lock in queue)]:
            lock._lose()

    def data_received(self, data: bytes) -> None:
        if self._incomplete:
            data = self._incomplete + data
        complete = len(data) - len(data) % GRANT.size
        for (request,) in GRANT.iter_unpack(data[:complete]):
            if request == ALONE:
                self._alone = True
            elif request == SHARED:
                self._hand_back()
            elif (lock := self._requests.get(request)) is not None:  # else it has left meanwhile
                lock._grant()
        self._incomplete = data[complete:]

    def _hand_back(self) -> None:
        if not self._alone:
            return
        self._alone = False
        given, self._given = self._given, {}
        for queue in given.values():
            for lock in queue:  # the first one holds it, and is the first to get it
                lock._request = self._ask(lock)
        self.send(REQUEST.pack(ALONE, 0))

    def _take(self, lock: "_Lock") -> bool:
        """Let a lock have its dialog in its turn; return whether it has it."""
        dialog = lock._dialog
        if not self._alone or dialog in self._asked:
            lock._request = self._ask(lock)
            return False
        queue = self._given.get(dialog)
        if queue is None:
            self._given[dialog] = deque((lock,))
            return True
        queue.append(lock)
        return False

    def _ask(self, lock: "_Lock") -> int:
        self._made += 1
        self._requests[self._made] = lock
        self._asked[lock._dialog] = self._asked.get(lock._dialog, 0) + 1
        name = _name(lock._dialog)
        self.send(REQUEST.pack(self._made, len(name)) + name)
        return self._made

    def _leave(self, lock: "_Lock") -> None:
        if self.lost.is_set():
            return
        dialog, request = lock._dialog, lock._request
        if request is None:
            self._give_on(dialog, lock)
        elif self._requests.pop(request, None) is not None:
            if self._asked[dialog] == 1:
                del self._asked[dialog]
            else:
                self._asked[dialog] -= 1
            self.send(REQUEST.pack(request, 0))

    def _give_on(self, dialog: Dialog, lock: "_Lock") -> None:
        queue = self._given[dialog]
        if queue[0] is not lock:
            queue.remove(lock)
            return
        queue.popleft()
        if queue:
            queue[0]._grant()
        else:
            del self._given[dialog]


class _Lock(Held):
    __slots__ = ("_dialog", "_granted", "_locks", "_request")

    def __init__(self, locks: UnixLocks, dialog: Dialog) -> None:
        super().__init__()
        self._locks = locks
        self._dialog = dialog
        self._request: int | None = None
        self._granted: asyncio.Future[None] | None = None

    async def __aenter__(self) -> None:
        locks, dialog = self._locks, self._dialog
        if len(dialog.user) + len(dialog.channel) >= SURELY_SHORT and len(name := _name(dialog)) > MAX_NAME:
            raise ValueError(f"the dialog's name is longer than {MAX_NAME} bytes: {name[:40]!r}...")
        if locks.lost.is_set():
            raise self._error()
        if not locks._take(self):
            await self._wait()
        self.begin()

    async def _wait(self) -> None:
        self._granted = self._locks._loop.create_future()
        try:
            await self._granted
        except BaseException:
            self._locks._leave(self)
            raise
        if self._locks.lost.is_set():
            raise self._error()

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not self.lost:
            self._locks._leave(self)
        elif self.explains(error):
            raise self._error() from error

    def _grant(self) -> None:
        # One that was given here holds it already; one that was cancelled has not run since.
        if self._granted is not None and not self._granted.done():
            self._granted.set_result(None)

    def _lose(self) -> None:
        if self.began:
            self.lose()
        else:
            self._grant()  # wakes it, and it finds what happened

    def _error(self) -> LockLost:
        return LockLost(f"the user lock of {self._dialog} is lost: the connection to the supervisor ended")


def _name(dialog: Dialog) -> bytes:
    # No text is refused here: what a platform calls its users is not ours to judge.
    return str(dialog).encode("utf-8", "surrogatepass")
