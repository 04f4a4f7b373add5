"""What a channel must know again after a restart, or in another worker: a few words by key."""

from typing import Protocol


class Notes(Protocol):
    """Keeps them; shared by all workers."""

    async def note(self, channel: str, key: str, value: str) -> None:
        """Keep a value, in the place of what was kept under its key.

        Args:
            channel: Name of the instance.
            key: At most 200 characters.
            value: At most 400.

        Raises:
            StorageUnavailable: It is not kept.
        """

    async def noted(self, channel: str, key: str) -> str | None:
        """Return what was kept last; None for nothing.

        Raises:
            StorageUnavailable: Nobody knows now.
        """


class MemoryNotes:
    """Keeps them in memory: for tests, and where nobody lends others."""

    def __init__(self) -> None:
        self._notes: dict[tuple[str, str], str] = {}

    async def note(self, channel: str, key: str, value: str) -> None:
        """See `Notes`."""
        self._notes[channel, key] = value

    async def noted(self, channel: str, key: str) -> str | None:
        """See `Notes`."""
        return self._notes.get((channel, key))
