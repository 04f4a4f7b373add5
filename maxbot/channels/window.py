"""When a platform lets a bot write freely: for some hours after the user's last message.

The channel puts the platform's time of what a user says into the update's address, and the dialog keeps the latest:

    {"said_at": 1458692752478}    milliseconds since the epoch
"""

from collections.abc import Callable, Iterable

import msgspec

from maxbot.commands import Content
from maxbot.types import Address

KEY = "said_at"


class Window(msgspec.Struct, frozen=True):
    """What a platform allows."""

    seconds: float
    """After the user's last message."""
    passes: Callable[[Content], bool]
    """Whether it takes a message at any time."""
    advice: str
    """What a bot can do when it is closed."""

    def closed_for(self, addresses: Iterable[Address], now: float) -> float | None:
        """Return how long ago (seconds) a user wrote who must not be written to now; None for others.

        Args:
            addresses: That the user's messages brought. Nothing is known of those that have no time in them.
            now: Seconds since the epoch.
        """
        moments = [said_at for address in addresses if isinstance(said_at := address.get(KEY), int)]
        ago = now - max(moments) / 1000 if moments else 0.0
        return ago if ago > self.seconds else None


def latest(address: Address, before: Address | None) -> Address:
    """Return an address with the later time: what is delivered late does not close a window that is open."""
    said_at, known = address.get(KEY), (before or {}).get(KEY)
    if isinstance(said_at, int) and isinstance(known, int) and known > said_at:
        return {**address, KEY: known}
    return address


def said_at(milliseconds: int | None) -> Address:
    """Return what an address has of the time of a message; nothing where the platform does not say it."""
    return {} if milliseconds is None else {KEY: milliseconds}
