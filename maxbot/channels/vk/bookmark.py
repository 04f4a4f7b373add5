"""How far VK's events were read, for the next start: VK itself says only where they are now."""

from maxbot.channels.notes import Notes

KEY = "long poll"


class Bookmark:
    """The place up to which events were accepted.

    Args:
        notes: Keep it.
        channel: Name of the instance.
    """

    def __init__(self, notes: Notes, channel: str) -> None:
        self._notes = notes
        self._channel = channel
        self._kept = ""

    async def keep(self, ts: str) -> None:
        """Write it down.

        Raises:
            StorageUnavailable: It is not written.
        """
        if ts != self._kept:
            await self._notes.note(self._channel, KEY, ts)
            self._kept = ts

    async def last(self) -> str | None:
        """Return what was written last; None for nothing."""
        return await self._notes.noted(self._channel, KEY)
