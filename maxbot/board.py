"""What outlives a worker: a board says which turns it had under way, a list which updates are suspected of its death.

Both are tables of 64-bit numbers in memory that supervisor and workers share. Each cell has one writer, and a write of
it is never seen by halves.

    board, one a worker, which writes it; read when it is dead
        0        the update whose turn, or a command of which, is on the event loop at this very moment; 0 for none
        1 …      updates with a turn under way; 0 where nothing is
    list, one a run, which the supervisor writes and all workers read
        0        grows with every change
        1 …      twice the update, and 1 more where it is guilty; 0 where nothing is
"""

import mmap
import os
import sys
import tempfile
from collections.abc import Awaitable, Generator
from enum import Enum
from types import coroutine
from typing import Any, NamedTuple, TypeVar

CELLS = 2**13
"""Of 8 bytes. A turn that finds none free is noted only while it is on the event loop. Memory is taken for those in use
only."""

T = TypeVar("T")


def anonymous_memory(name: str) -> int:
    """Return the descriptor of an empty file that no directory knows; it goes with the last process that has it."""
    if sys.platform == "linux":
        return os.memfd_create(name)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


class _Table:
    """Numbers in shared memory.

    Args:
        descriptor: Of anonymous memory; stays open.
    """

    def __init__(self, descriptor: int) -> None:
        if os.fstat(descriptor).st_size < 8 * CELLS:
            os.ftruncate(descriptor, 8 * CELLS)
        self.descriptor = descriptor
        self._memory = mmap.mmap(descriptor, 8 * CELLS)
        self._cells = memoryview(self._memory).cast("Q")
        self._free: list[int] = []
        self._used = 1

    def _place(self) -> int | None:
        """Return a free cell."""
        if self._free:
            return self._free.pop()
        if self._used == CELLS:
            return None
        self._used += 1
        return self._used - 1

    def _numbers(self) -> list[int]:
        return [number for number in self._cells[1:].tolist() if number]


class UnderWay(NamedTuple):
    """What a board says of a worker that is dead."""

    on_the_loop: int | None
    """The update whose turn, or a command of which, it ran when it died: it alone is suspected then."""
    turns: list[int]
    """Updates whose turns had begun and not ended."""

    @property
    def suspects(self) -> list[int]:
        """Those of which the worker may have died: of a thread of theirs, or of all the memory they took."""
        return self.turns if self.on_the_loop is None else [self.on_the_loop]


class Board(_Table):
    """What one worker has under way."""

    @classmethod
    def new(cls) -> "Board":
        """Make an empty one."""
        return cls(anonymous_memory("maxbot-turns"))

    @classmethod
    def kept(cls, path: str) -> tuple["Board", UnderWay]:
        """Open one that outlives everything, and return what the process before had under way when it died.

        Args:
            path: Of the file; made where it is missing, readable by its owner alone.

        Raises:
            OSError: It cannot be opened.
        """
        board = cls(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        found = board.read()
        board._memory[:] = bytes(8 * CELLS)
        return board, found

    async def watch(self, update: int, turn: Awaitable[T]) -> T:
        """Run a turn, and note it as long as it is under way, and when it is on the event loop."""
        place = self._place()
        if place is None:
            return await _stepped(self._cells, update, turn)
        self._cells[place] = update
        try:
            return await _stepped(self._cells, update, turn)
        finally:
            self._cells[place] = 0
            self._free.append(place)

    async def note(self, update: int, sending: Awaitable[T]) -> T:
        """Send what came of a turn, and note it when it is on the event loop: there it can do harm."""
        return await _stepped(self._cells, update, sending)

    def read(self) -> UnderWay:
        """Return what was under way when its worker died."""
        return UnderWay(self._cells[0] or None, self._numbers())

    def close(self) -> None:
        """Give the memory back, in the process that made it."""
        self._cells.release()
        self._memory.close()
        os.close(self.descriptor)


@coroutine
def _stepped(cells: "memoryview[int]", update: int, turn: Awaitable[T]) -> Generator[Any, Any, T]:
    """Await a turn, and note it before each of its steps and not after: two stores a step."""
    steps = turn.__await__()
    answer: Any = None
    error: BaseException | None = None
    while True:
        cells[0] = update
        try:
            waits_for = steps.send(answer) if error is None else steps.throw(error)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            cells[0] = 0
        answer, error = None, None
        try:
            answer = yield waits_for
        except BaseException as thrown:
            error = thrown


class Suspicion(Enum):
    """What is known of an update whose turn was under way when a worker died."""

    SUSPECTED = "perhaps it was the cause: nobody runs it but the quarantine"
    GUILTY = "it was: it is to be set aside"


class SuspectList(_Table):
    """The updates that no worker may run as if nothing had happened."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor)
        self._places: dict[int, int] = {}
        self._read_at = 0
        self._known: dict[int, Suspicion] = {}

    @classmethod
    def new(cls) -> "SuspectList":
        """Make an empty one."""
        return cls(anonymous_memory("maxbot-suspects"))

    # The supervisor's side.

    def put(self, update: int, suspicion: Suspicion = Suspicion.SUSPECTED) -> None:
        """Suspect an update, or know it guilty. Workers see it with the next user lock that they get."""
        place = self._places.get(update) or self._place()
        if place is not None:  # else thousands at once: none of them can be told from the innocent
            self._places[update] = place
            self._cells[place] = 2 * update + (suspicion is Suspicion.GUILTY)
            self._cells[0] += 1

    def remove(self, update: int) -> None:
        """Forget an update that is done."""
        if (place := self._places.pop(update, None)) is not None:
            self._cells[place] = 0
            self._cells[0] += 1
            self._free.append(place)

    # A worker's side.

    def find(self, update: int) -> Suspicion | None:
        """Return what is known of an update. Costs next to nothing as long as nothing changes."""
        changed_at = self._cells[0]
        if changed_at != self._read_at:
            self._read_at = changed_at  # before the numbers: what changes meanwhile is read again
            self._known = {
                number // 2: Suspicion.GUILTY if number % 2 else Suspicion.SUSPECTED for number in self._numbers()
            }
        return self._known.get(update)
