"""How far VK's events were read, for the next start: VK itself says only where they are now.

It is kept where replies for visitors are, as replies to a user that no conversation can be. Nothing is overwritten
there, so the last one counts; old ones go with the old replies, and while nothing happens it is written each hour.
"""

import time

from maxbot.channels.base import Mailbox
from maxbot.types import Dialog

HOUR = 3600


class Bookmark:
    """The place up to which events were accepted.

    Args:
        mailbox: Keeps it.
        channel: Name of the instance.
    """

    def __init__(self, mailbox: Mailbox, channel: str) -> None:
        self._mailbox = mailbox
        self._dialog = Dialog(channel, "long poll")
        self._kept = ""

    async def keep(self, ts: str) -> None:
        """Write it down.

        Raises:
            StorageUnavailable: It is not written.
        """
        key = f"{ts} in hour {int(time.time()) // HOUR}"
        if key != self._kept:
            await self._mailbox.put(self._dialog, key, {"ts": ts})
            self._kept = key

    async def last(self) -> str | None:
        """Return what was written last; None for nothing, or nothing since a day or so."""
        after, beyond = 0, 1
        if not await self._mailbox.fetch(self._dialog, 0, 1):
            return None
        while await self._mailbox.fetch(self._dialog, beyond, 1):
            after, beyond = beyond, beyond * 2
        while beyond - after > 1:
            middle = (after + beyond) // 2
            if await self._mailbox.fetch(self._dialog, middle, 1):
                after = middle
            else:
                beyond = middle
        [(_, content)] = await self._mailbox.fetch(self._dialog, after, 1)
        return str(content["ts"])
