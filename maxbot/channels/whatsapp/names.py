"""By what name a user is known here: a phone number, or the id that WhatsApp gives to those who hide it.

Somebody may hide a number from one day to the next: the name under which a dialog began stays theirs. Where an update
has both, the number is the name of a new one.
"""

from maxbot.channels.notes import Notes

MOST_KNOWN = 10_000
"""Names that are remembered here; more are asked for again."""


class Names:
    """Remembers which id is whom.

    Args:
        notes: Keep it for all workers and further runs.
        channel: Name of the instance.
    """

    def __init__(self, notes: Notes, channel: str) -> None:
        self._notes = notes
        self._channel = channel
        self._known: dict[str, str] = {}

    async def of(self, id: str, number: str | None) -> str:
        """Return a user's name.

        Args:
            id: That WhatsApp gave.
            number: Where it is not hidden.

        Raises:
            StorageUnavailable: Nobody knows now.
        """
        name = self._known.get(id) or await self._notes.noted(self._channel, id)
        if name is None:
            name = number or id
            await self._notes.note(self._channel, id, name)
        if len(self._known) >= MOST_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[id] = name
        return name
