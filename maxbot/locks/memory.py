"""User locks within one process: for `--single-process`, and for everything that runs without a supervisor."""

import asyncio
from collections import deque

from maxbot.locks import Reach
from maxbot.types import Dialog


class MemoryLocks:
    """Locks among the tasks of one event loop; first come, first served. `len()` is the number of dialogs held.

    A dialog that nobody holds or waits for takes no memory.
    """

    reach: Reach = "process"

    def __init__(self) -> None:
        # Dialog held → who waits for it, in order; None as long as nobody did, which is nearly always.
        self._held: dict[Dialog, deque[asyncio.Future[None]] | None] = {}

    def __call__(self, dialog: Dialog) -> "_Lock":
        return _Lock(self._held, dialog)

    def __len__(self) -> int:
        return len(self._held)


class _Lock:
    __slots__ = ("_dialog", "_held")

    def __init__(self, held: dict[Dialog, deque[asyncio.Future[None]] | None], dialog: Dialog) -> None:
        self._held = held
        self._dialog = dialog

    async def __aenter__(self) -> None:
        held, dialog = self._held, self._dialog
        if dialog not in held:
            held[dialog] = None
            return
        queue = held[dialog]
        if queue is None:
            queue = held[dialog] = deque()
        granted = asyncio.get_running_loop().create_future()
        queue.append(granted)
        try:
            await granted
        except BaseException:
            if granted.done() and not granted.cancelled():
                self._hand_on()  # cancelled in the moment of the grant: the next one must not wait for us
            elif granted in queue:
                queue.remove(granted)
            raise

    async def __aexit__(self, *_error: object) -> None:
        self._hand_on()

    def _hand_on(self) -> None:
        queue = self._held[self._dialog]
        while queue:
            granted = queue.popleft()
            if not granted.done():  # else cancelled, and its task has not run since
                granted.set_result(None)
                return
        del self._held[self._dialog]
