"""A lock that can be lost while its body runs: the body is cancelled, and the `async with` raises `LockLost`."""

import asyncio


class Held:
    """What a lock knows of the task that holds it. `begin` in `__aenter__`, `explains` in `__aexit__`."""

    __slots__ = ("_cancelling", "_task", "lost")

    def __init__(self) -> None:
        self._task: asyncio.Task[object] | None = None
        self.lost = False
        """Whether the body was cancelled for it."""

    def begin(self) -> None:
        """The current task holds the lock from now on."""
        task = self._task = asyncio.current_task()
        self._cancelling = task.cancelling() if task else 0

    @property
    def began(self) -> bool:
        """Whether the body runs, or has run."""
        return self._task is not None

    def lose(self) -> None:
        """Cancel the body. Always from the event loop, never from within the task: so it is met before the end."""
        assert self._task is not None
        self.lost = True
        self._task.cancel()

    def explains(self, error: BaseException | None) -> bool:
        """Whether the loss explains how the body ended; to be asked once, where it is lost.

        Whatever the body made of its cancellation, an error or nothing, the loss explains it. What is not ours is
        somebody else's cancellation, and the end of the process.
        """
        assert self._task is not None
        cancelled_by_us_alone = self._task.uncancel() <= self._cancelling
        return (
            error is None
            or isinstance(error, Exception)
            or (isinstance(error, asyncio.CancelledError) and cancelled_by_us_alone)
        )
