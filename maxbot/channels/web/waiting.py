"""Clients that wait for replies of their dialog.

A reply that this worker sends wakes them at once. Those of other workers are found by looking into the mailbox: one
task for all who wait, which exists only while somebody does.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from maxbot.channels.base import Mailbox
from maxbot.errors import StorageError
from maxbot.types import Dialog

logger = logging.getLogger(__name__)

LOOK_EVERY = 0.1
"""Seconds between looks for replies of other workers."""

LOOK_SHARE = 0.2
"""Looking takes at most this share of the time: with very many who wait it is done less often."""

Reply = tuple[int, dict[str, Any]]
"""A reply's number in the mailbox, and its content."""


class _Waiter:
    """One client. `woken` says that there may be something for it."""

    def __init__(self, after: int) -> None:
        self.after = after
        self.draft: str | None = None
        """What there is of a reply that is being written, if that is news."""
        self.woken = asyncio.Event()


class Waiting:
    """All clients of one worker that wait.

    Args:
        mailbox: Where all workers put their replies.
    """

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._waiters: dict[Dialog, set[_Waiter]] = {}
        self._looking: asyncio.Task[None] | None = None
        self.stopped = False
        """Whether nobody may wait any more."""

    def __len__(self) -> int:
        """Return how many clients wait."""
        return sum(len(waiters) for waiters in self._waiters.values())

    async def replies(
        self, dialog: Dialog, after: int, seconds: float, draft: Callable[[str], None] | None = None
    ) -> list[Reply]:
        """Return replies with a number above `after`, in order, as soon as there is one.

        Args:
            dialog: Whose.
            after: Number of the last reply that the client has; 0 for none.
            seconds: After which nothing is returned; 0 waits for nothing.
            draft: Told what there is of a reply that this worker's bot is writing; nothing else is returned then.

        Raises:
            StorageUnavailable: The mailbox cannot be read now.
        """
        if seconds <= 0 or self.stopped:
            return await self._mailbox.fetch(dialog, after)
        waiter = _Waiter(after)
        deadline = asyncio.get_running_loop().time() + seconds
        # Before the first look, so that no reply comes unnoticed between the two.
        self._enter(dialog, waiter)
        try:
            while True:
                waiter.woken.clear()
                last = self.stopped
                found = await self._mailbox.fetch(dialog, after)
                if found or last:
                    return found
                if draft is not None and waiter.draft is not None:
                    draft(waiter.draft)
                    return []
                try:
                    async with asyncio.timeout_at(deadline):
                        await waiter.woken.wait()
                except TimeoutError:
                    return []
        finally:
            self._leave(dialog, waiter)

    async def known(self, dialog: Dialog, after: int) -> int:
        """Return `after`, or 0 where no reply with this number is kept.

        A client may have its number from another database: without this, one that stayed open while the server was
        started anew would never see a reply again. Where the reply just was too old to be kept, all before it are gone
        as well, and 0 means the same.

        Raises:
            StorageUnavailable: The mailbox cannot be read now.
        """
        if after == 0:
            return 0
        found = await self._mailbox.fetch(dialog, after - 1, 1)
        return after if found and found[0][0] == after else 0

    def wake(self, dialog: Dialog) -> None:
        """A reply of this dialog was put into the mailbox."""
        for waiter in self._waiters.get(dialog, ()):
            waiter.woken.set()

    def show(self, dialog: Dialog, text: str) -> None:
        """A reply is being written, and this is what there is of it; empty where there is nothing to read yet."""
        for waiter in self._waiters.get(dialog, ()):
            waiter.draft = text or waiter.draft or ""
            waiter.woken.set()

    def stop(self) -> None:
        """Answer all who wait, with what there is; from now on nobody waits."""
        self.stopped = True
        for dialog in self._waiters:
            self.wake(dialog)

    def _enter(self, dialog: Dialog, waiter: _Waiter) -> None:
        self._waiters.setdefault(dialog, set()).add(waiter)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())

    def _leave(self, dialog: Dialog, waiter: _Waiter) -> None:
        waiters = self._waiters[dialog]
        waiters.remove(waiter)
        if not waiters:
            del self._waiters[dialog]
        if not self._waiters and self._looking is not None:
            self._looking.cancel()
            self._looking = None

    async def _look(self) -> None:
        """Wake those for whom there is something."""
        pause = LOOK_EVERY
        while True:
            await asyncio.sleep(pause)
            began = time.monotonic()
            # All at the same time: the storage makes one transaction of what is asked together.
            await asyncio.gather(*(self._look_for(dialog) for dialog in list(self._waiters)))
            pause = max(LOOK_EVERY, (time.monotonic() - began) / LOOK_SHARE)

    async def _look_for(self, dialog: Dialog) -> None:
        waiters = self._waiters.get(dialog)
        if not waiters:
            return
        try:
            found = await self._mailbox.fetch(dialog, min(waiter.after for waiter in waiters), 1)
        except StorageError as error:  # who waits goes on waiting: it may work at the next look
            logger.debug("Could not look for replies: %s", error)
            return
        if found:
            self.wake(dialog)
