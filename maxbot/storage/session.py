"""What databases on servers have in common: a worker's session there, which counts its transactions, and the clock."""

import time
from typing import Generic, TypeVar

from maxbot.errors import SessionLost
from maxbot.storage.backend import Member
from maxbot.storage.url import parse, shown

ConnectionT = TypeVar("ConnectionT")


class OnServer(Generic[ConnectionT]):
    """A database on a server, with one connection a worker. See `maxbot.storage.backend.Backend`.

    Args:
        url: As `--database` takes it.
        password_file: Holds the password, where it is neither in the URL nor where the database's own programs look.
        member: What the worker is to others.
    """

    pace = 0.005
    """A transaction costs a server much more than SQLite's do."""

    def __init__(self, url: str, password_file: str | None = None, member: Member | None = None) -> None:
        self._member = member or Member()
        self.lease: float | None = self._member.lease
        self.session: int | None = None
        self.name = shown(url)
        self.offset = 0.0
        self._place = parse(url)
        self._password_file = password_file
        self._connection: ConnectionT | None = None
        self._group = 0
        self._counted = False

    def leads(self) -> None:
        return None

    def _compare_clocks(self, before: float, there: float) -> None:
        """Note how far the server's clock is ahead.

        Args:
            before: This host's, before the server was asked.
            there: What it said.
        """
        self.offset = there - (before + time.time()) / 2

    def _next_group(self, connection: ConnectionT) -> int:
        """Count the transaction that begins, in the session, which is opened where there is none."""
        if self.session is None:
            self.session, self._group = self._open_session(connection), 0
        self._group += 1
        self._counted = False
        return self.session

    def _open_session(self, connection: ConnectionT) -> int:
        """Make this worker's row in `sessions`, and return its number."""
        raise NotImplementedError

    def _see_session(self, renewed: int) -> Exception | None:
        """Note that the session was counted on; say so where it is no longer there.

        Args:
            renewed: How many rows of `sessions` that was: one.
        """
        self._counted = True
        if renewed == 1:
            return None
        self.session = None
        return SessionLost("the session of this worker was ended: it was not heard of for too long")
