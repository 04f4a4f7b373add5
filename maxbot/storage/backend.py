"""What differs between databases: a folder for each of them keeps this promise.

place       where the database is: checked and claimed by the supervisor, without a line of SQL
backend     transactions, for the one thread of a worker that asks for them; on a server also its session,
            of which `maxbot.storage.session` has what those databases share
"""

from typing import NamedTuple, Protocol

from sqlalchemy import Engine

from maxbot.errors import StorageError
from maxbot.settings import LEASE
from maxbot.storage.statement import Transaction


class Member(NamedTuple):
    """What a worker is to the others, on a database that several hosts share."""

    run: str = ""
    """Tells the workers of its `maxbot run` from those of another one."""
    lease: float = LEASE
    """Seconds after which it is taken for dead where nothing of it reaches the database."""
    serves: bool = True
    """Whether it may lead, see `maxbot.storage.tables.sessions.Leads`: the quarantine does not."""


class Backend(Protocol):
    """A database, as a worker's storage thread uses it."""

    name: str
    """As people may read it: without a password."""
    pace: float
    """Seconds from one transaction's start to the next one's, at least: see `maxbot.storage.database`."""
    offset: float
    """Seconds by which the database's clock is ahead of this host's, as far as it is known."""

    lease: float | None
    """Seconds for which a transaction says that this worker lives; None where no other host uses the database."""
    session: int | None
    """By which others know this worker, once a transaction has begun; None where there is no lease."""

    def engine(self) -> Engine:
        """Return an engine of SQLAlchemy's, for what is rare: making tables, an operator's questions."""

    def check(self) -> None:
        """Make sure that the database is there, and is the one with which the run began.

        Raises:
            OSError: It is not; nothing was made in its place.
        """

    def begin(self) -> Transaction:
        """Connect where nothing is connected, wait for one's turn to write, and start a transaction.

        Raises:
            Exception: Nothing was begun; `failure` says what it means.
        """

    def commit(self) -> None:
        """End the transaction; all of it is stored.

        Raises:
            CommitUnknown: It may be stored or not: `committed` tells, after `disconnect`.
            Exception: Nothing of it is stored.
        """

    def committed(self) -> bool:
        """Whether the last transaction, whose `commit` raised `CommitUnknown`, is stored; waits for its end.

        Raises:
            Exception: Nobody can tell yet.
        """

    def roll_back(self) -> None:
        """End the transaction, whatever state it is in; nothing of it is stored. Never raises."""

    def reading(self) -> Transaction:
        """Return what a question is asked with that writes nothing: it waits for no writer."""

    def disconnect(self) -> None:
        """Forget the connection, whatever is wrong with it; the next transaction makes a new one. Never raises."""

    def close(self) -> None:
        """Called last."""

    def leads(self) -> bool | None:
        """Whether this worker does what one is enough for (sweeping): one at a time, and another when it is gone.

        None where the sessions say it.
        """

    def failure(self, error: Exception) -> StorageError:
        """Return what an error of the driver's means: `StorageUnavailable` where the same call may work later."""
