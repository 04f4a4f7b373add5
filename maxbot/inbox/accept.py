"""Accept updates: durable first, then whoever runs their dialog is woken.

A dialog that sleeps is roused a moment before: its look into the inbox comes after the updates are stored, as calls to
the database are done in their order, and nearly always in the same transaction.

The table `seen` recognises a redelivery, in the transaction that stores the update (`storage/tables/inbox.py`).
"""

from collections.abc import Callable, Sequence

from maxbot.errors import BadRequest
from maxbot.events import Observer, UpdateAccepted, nobody
from maxbot.storage.store import Store
from maxbot.types import Address, Dialog, Update


class Inbox:
    """Where updates come in, from webhooks and polling alike.

    Args:
        store: Keeps them.
        wake: Called for each dialog that got something new, once that is durable.
        observe: Told what was accepted.
        rouse: Called for each dialog right before something is stored for it; returns whether it will look for it.
    """

    def __init__(
        self,
        store: Store,
        wake: Callable[[Dialog], None],
        observe: Observer = nobody,
        rouse: Callable[[Dialog], bool] = lambda dialog: False,
    ) -> None:
        self._store = store
        self._wake = wake
        self._observe = observe
        self._rouse = rouse

    async def accept(self, updates: Sequence[Update]) -> list[bool]:
        """Store updates; when this returns they survive the kill of any process.

        Returns:
            For each update whether it was new. A redelivery counts as accepted, and changes nothing.

        Raises:
            StorageUnavailable: Nothing was stored: the platform must not be told that it was.
            BadRequest: A name has characters that not every database takes; nothing was stored.
        """
        if not updates:
            return []
        if not all(_storable(update.dialog.user) and _storable(update.key) for update in updates):
            raise BadRequest("A user's name or an update's key has a character that cannot be stored (U+0000, a half)")
        for update in updates:
            if not isinstance(update.message, dict):  # what is none could be taken for something else later
                raise TypeError(f"a message is a dict, not {type(update.message).__name__}")
        roused = {update.dialog for update in updates if self._rouse(update.dialog)}
        accepted = await self._store.accept(updates)
        for update, new in zip(updates, accepted, strict=True):
            self._observe(UpdateAccepted(update.dialog, new))
            if new and update.dialog not in roused:
                self._wake(update.dialog)
        return accepted

    async def knows(self, channel: str, key: str) -> bool:
        """Whether a request with this key was accepted."""
        return await self._store.outcome(channel, key) is not None

    async def addresses(self, dialog: Dialog) -> Sequence[Address]:
        """Return what the user's messages have brought as address, as far as it is kept."""
        return await self._store.addresses(str(dialog))

    def now(self) -> float:
        """Return the time by which stored moments are judged."""
        return self._store.now()


def _storable(name: str) -> bool:
    """Whether every database takes a name as text. Messages are JSON, which escapes what is rare."""
    try:
        return b"\0" not in name.encode()
    except UnicodeEncodeError:
        return False
