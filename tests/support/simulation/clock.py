"""An event loop with virtual time: nobody waits, and all that waits is woken in its order."""

import asyncio
import random
import selectors
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import maxbot.backoff
import maxbot.storage.store

MOST_ROUNDS = 100_000
"""Of the event loop in one run; they usually have a few hundred."""

START = 1_700_000_000.0
"""What the clock on the wall says when the virtual one says 0."""


class _Jumping(selectors.SelectSelector):
    """Where nothing is ready, the time of the next timer has come."""

    now = 0.0
    rounds = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits, and nothing will ever happen")
        self.now += timeout
        self.rounds += 1
        if self.rounds > MOST_ROUNDS:
            raise RuntimeError("the engine turns in circles")
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time costs nothing."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


class _Clock:
    """Stands in for the module `time`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def time(self) -> float:
        return START + self._loop.time()


@contextmanager
def virtual_time(seed: int = 0) -> Iterator[VirtualLoop]:
    """Give a loop whose clock the engine goes by, on the wall too; backoff's chance comes from `seed`."""
    loop = VirtualLoop()
    with ExitStack() as stack:
        stack.enter_context(patch.object(maxbot.storage.store, "time", _Clock(loop)))
        stack.enter_context(patch.object(maxbot.backoff, "random", random.Random(seed)))
        try:
            yield loop
        finally:
            loop._jumping.rounds = 0
            while tasks := asyncio.all_tasks(loop):
                for task in tasks:
                    task.cancel()
                loop.run_until_complete(asyncio.wait(tasks))
            loop.close()
