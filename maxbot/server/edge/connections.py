"""Which connections stay open: they are bounded in number, and for each address, so that the door is never shut."""

import ipaddress
import logging
import time
from collections import Counter
from typing import Protocol

logger = logging.getLogger(__name__)

SHARE = 0.5
"""Of all connections, for one address of another machine. A proxy in front is usually on this one."""

SILENCE = 60.0
"""Seconds between two log lines about connections that were closed to make room."""


class Connection(Protocol):
    """A connection of a client."""

    client: tuple[str, int] | None

    @property
    def is_waited_for(self) -> bool:
        """Whether it is the client's turn: no request of it is being worked on."""

    def cut(self) -> None:
        """Close it at once."""


class Connections:
    """All open connections of a server, the one that was longest without a request first.

    Args:
        most: Above it, a new one takes the place of the first that waits for its client.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._of_address = max(1, int(most * SHARE))
        self._open: dict[Connection, str | None] = {}
        self._counts: Counter[str] = Counter()
        self._said_at = float("-inf")

    def __len__(self) -> int:
        return len(self._open)

    def add(self, connection: Connection) -> None:
        """Let a new connection in; close an old one where there are too many, or the new one where all are at work."""
        address = _address(connection)
        self._open[connection] = address
        if address is not None:
            self._counts[address] += 1
            if self._counts[address] > self._of_address:
                self._make_room(connection, address)
        if len(self._open) > self._most:
            self._make_room(connection, None)

    def used(self, connection: Connection) -> None:
        """Note that a connection has just had a request."""
        if connection in self._open:
            self._open[connection] = self._open.pop(connection)

    def remove(self, connection: Connection) -> None:
        """Forget a connection that is closed."""
        address = self._open.pop(connection, None)
        if address is not None:
            self._counts[address] -= 1
            if not self._counts[address]:
                del self._counts[address]

    def _make_room(self, newest: Connection, address: str | None) -> None:
        """Close the first connection (of an address) that waits for its client, or else the newest."""
        victim = next(
            (
                connection
                for connection, its in self._open.items()
                if (address is None or its == address) and connection.is_waited_for
            ),
            newest,
        )
        self.remove(victim)
        victim.cut()
        self._say(address)

    def _say(self, address: str | None) -> None:
        if time.monotonic() - self._said_at < SILENCE:
            return
        self._said_at = time.monotonic()
        if address is None:
            logger.warning(
                "All %d connections are in use: for each new one, one without a request is closed. The limit of open "
                "files (ulimit -n, LimitNOFILE) allows no more",
                self._most,
            )
        else:
            logger.warning("%s has %d connections open, and gets no more", address, self._of_address)


def _address(connection: Connection) -> str | None:
    """Return whose a connection is, as far as it is to be counted: a network of 64 bits is one owner's with IPv6."""
    if connection.client is None:
        return None
    try:
        address = ipaddress.ip_address(connection.client[0].partition("%")[0])
    except ValueError:
        return None
    if address.is_loopback or address.is_private:
        return None  # a proxy in front, or a load balancer: all clients come from there
    if address.version == 6:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
