"""Who is awake: at most one task of this worker for each dialog, which holds its user lock while it works."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from maxbot.errors import LockLost
from maxbot.locks import UserLocks
from maxbot.types import Dialog

logger = logging.getLogger(__name__)

MOST_AWAKE = 10_000
"""Tasks at once. Further dialogs wait for one to end; a task waiting for a slow platform costs a few kilobytes."""

AFTER_A_FAILURE = 1.0
"""Seconds until a dialog is woken again whose lock was lost or whose work failed."""

TO_BE_CANCELLED = 1.0
"""Seconds that a stop gives a cancelled turn to end; one whose code catches its cancellation does not hold it up."""

Work = Callable[[Dialog, bool], Awaitable[float | None]]
"""Does everything that is pending for a dialog, under its lock. Returns after how many seconds there will be more to
do (None: when it is woken). The flag says that whoever should have done it is gone."""

LOOK_UP = 0.5
"""Seconds between two looks at whether waiting is of use."""


class Dialogs:
    """Wakes dialogs and lets each do its work under its user lock.

    Args:
        user_locks: Exclude everybody else, in other workers too.
        work: What a dialog does while it is awake.
    """

    def __init__(self, user_locks: UserLocks, work: Work) -> None:
        self._user_locks = user_locks
        self._work = work
        self._awake: dict[Dialog, asyncio.Task[None]] = {}
        self._again: dict[Dialog, int] = {}
        self._backlog: dict[Dialog, bool] = {}
        self._alarms: dict[Dialog, asyncio.TimerHandle] = {}
        self._sure: dict[Dialog, Callable[[], bool]] = {}
        self.draining = False
        """Whether the server stops: who is awake ends after the turn under way and its sends."""

    @property
    def awake(self) -> int:
        """How many dialogs are at work or wait for their lock."""
        return len(self._awake) + len(self._backlog)

    def holds(self, dialog: Dialog) -> bool:
        """Whether the lock of a dialog at work is surely held: that of a process that was paused may be over by now."""
        is_sure = self._sure.get(dialog)
        return is_sure is None or is_sure()

    def wake(self, dialog: Dialog) -> None:
        """There is something new for the dialog: it will look into the inbox after this call."""
        if dialog in self._awake:
            self._again[dialog] = self.heard(dialog) + 1
        else:
            self._start(dialog, left_behind=False)

    def rouse(self, dialog: Dialog) -> bool:
        """Something new for the dialog is about to be stored by the next call to the database.

        A dialog that sleeps begins at once: its look into the inbox comes after that call, in the same transaction at
        best. Return whether it does; else it is to be woken once the new is stored.
        """
        if dialog in self._awake or dialog in self._backlog or self.draining:
            return False
        self._start(dialog, left_behind=False)
        return True

    def heard(self, dialog: Dialog) -> int:
        """Return how often there was something new for a dialog since it has looked into the inbox."""
        return self._again.get(dialog, 0)

    def take_up(self, dialog: Dialog) -> None:
        """The dialog has old work, and whoever should do it is perhaps gone."""
        if dialog not in self._awake and dialog not in self._alarms:
            self._start(dialog, left_behind=True)

    def _start(self, dialog: Dialog, *, left_behind: bool) -> None:
        if self.draining:
            return
        if len(self._awake) >= MOST_AWAKE:
            self._backlog[dialog] = self._backlog.get(dialog, False) or left_behind
        else:
            self._awake[dialog] = asyncio.create_task(self._stay_awake(dialog, left_behind))

    async def _stay_awake(self, dialog: Dialog, left_behind: bool) -> None:
        wake_after: float | None = None
        try:
            async with self._user_locks(dialog) as lock:
                if is_sure := getattr(lock, "is_sure", None):
                    self._sure[dialog] = is_sure
                while True:
                    self._again.pop(dialog, None)
                    wake_after = await self._work(dialog, left_behind)
                    if dialog not in self._again or self.draining:
                        break
        except LockLost:
            logger.warning("The user lock of %s was lost; its work is left to the next holder", dialog)
            wake_after = AFTER_A_FAILURE
        except Exception:
            logger.exception("The work of %s failed; it stays in the inbox and is tried again", dialog)
            wake_after = AFTER_A_FAILURE
        finally:
            self._sure.pop(dialog, None)
            del self._awake[dialog]
            self._go_on(dialog, wake_after)

    def _go_on(self, dialog: Dialog, wake_after: float | None) -> None:
        if self.draining:
            return
        if dialog in self._again:  # something came in while the lock was being released
            self._again.pop(dialog, None)
            self._start(dialog, left_behind=False)
        elif wake_after is not None:
            self._set_alarm(dialog, wake_after)
        if self._backlog and len(self._awake) < MOST_AWAKE:
            waiting = next(iter(self._backlog))
            self._start(waiting, left_behind=self._backlog.pop(waiting))

    def _set_alarm(self, dialog: Dialog, seconds: float) -> None:
        if alarm := self._alarms.pop(dialog, None):
            alarm.cancel()
        self._alarms[dialog] = asyncio.get_running_loop().call_later(seconds, self._ring, dialog)

    def _ring(self, dialog: Dialog) -> None:
        del self._alarms[dialog]
        self.wake(dialog)

    async def drain(self, timeout: float, is_hopeless: Callable[[], bool] = lambda: False) -> int:
        """Wake nobody any more, and let the dialogs that are awake end after the turn under way and its sends.

        Args:
            timeout: Seconds after which those still at work are cancelled; what they had not finished stays stored.
            is_hopeless: Whether they had better be cancelled before; asked every half second.

        Returns:
            How many did not finish.
        """
        self.draining = True
        deadline = asyncio.get_running_loop().time() + timeout
        while self._awake and (remaining := deadline - asyncio.get_running_loop().time()) > 0:
            await asyncio.wait(self._awake.values(), timeout=min(remaining, LOOK_UP))
            if is_hopeless():
                break
        for alarm in self._alarms.values():
            alarm.cancel()
        left = list(self._awake.values())
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=TO_BE_CANCELLED)
        return len(left) + len(self._backlog)
