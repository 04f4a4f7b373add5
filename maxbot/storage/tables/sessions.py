"""Sessions of workers, where several hosts share a database. What opens and renews one is the backend's matter."""

from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, bindparam, case, false, func, literal_column, select, text, true, update

from maxbot.storage.schema import sessions
from maxbot.storage.statement import Statement, Transaction

_POSTGRESQL_CLOCK = "extract(epoch FROM clock_timestamp())"
_MYSQL_CLOCK = "UNIX_TIMESTAMP(NOW(6))"

# A row that is locked is being renewed this moment: its worker lives.
_SILENT = "SELECT id FROM sessions WHERE NOT ended AND until < {} ORDER BY id FOR UPDATE SKIP LOCKED"
_silent = Statement(
    postgresql=text(_SILENT.format(_POSTGRESQL_CLOCK)),
    mysql=text(_SILENT.format(_MYSQL_CLOCK)),
)
_end = Statement(update(sessions).where(sessions.c.id == bindparam("its_id")).values(ended=true()))

_run = select(sessions.c.run).where(sessions.c.id == bindparam("me")).scalar_subquery()
_of_process = Statement(
    select(sessions.c.id).where(sessions.c.run == _run, sessions.c.pid == bindparam("its_pid"), ~sessions.c.ended)
)


def _alive(clock: str) -> list[ColumnElement[bool]]:
    return [sessions.c.serves, ~sessions.c.ended, sessions.c.until > literal_column(clock)]


def _oldest(clock: str) -> Select[tuple[int, int]]:
    of_run = case((sessions.c.run == _run, sessions.c.id))
    return select(func.min(sessions.c.id), func.min(of_run)).where(*_alive(clock))


def _count(clock: str) -> Select[int]:
    return select(func.count()).select_from(sessions).where(*_alive(clock))


_leaders = Statement(postgresql=_oldest(_POSTGRESQL_CLOCK), mysql=_oldest(_MYSQL_CLOCK))
_living = Statement(postgresql=_count(_POSTGRESQL_CLOCK), mysql=_count(_MYSQL_CLOCK))


def end_silent(transaction: Transaction) -> None:
    """End the sessions whose leases are over. What they had is free from then on."""
    (found,) = transaction.rows(_silent)
    transaction.run(_end, its_id=[number for (number,) in found])


class Bury(NamedTuple):
    """A worker of this run is dead: somebody saw its process end."""

    pid: int


def bury(transaction: Transaction, items: list[Bury]) -> list[None]:
    """End the sessions of workers that are dead, rather than wait until their leases are over."""
    found = transaction.rows(_of_process, me=[transaction.session] * len(items), its_pid=[item.pid for item in items])
    transaction.run(_end, its_id=sorted({number for rows in found for (number,) in rows}))
    return [None] * len(items)


class Leads(NamedTuple):
    """Whether a worker leads: the oldest that serves and is not known to be dead does what one is enough for."""

    everywhere: bool
    """Of all that share the database, not of its run."""


def leads(transaction: Transaction, items: list[Leads]) -> list[bool]:
    """Return whether this worker is it. For a moment two may be: nothing depends on it."""
    me = transaction.session
    (row,) = transaction.row(_leaders, me=[me])
    of_all, of_run = row or (None, None)
    return [me is not None and (of_all if item.everywhere else of_run) == me for item in items]


def serving(transaction: Transaction, items: list[None]) -> list[int]:
    """Return how many workers serve and are not known to be dead, on all hosts."""
    (row,) = transaction.row(_living)
    return [row[0] if row else 0] * len(items)


_resign = Statement(update(sessions).where(sessions.c.id == bindparam("its_id")).values(serves=false()))


def resign(transaction: Transaction, items: list[None]) -> list[None]:
    """Let another worker lead: this one stops."""
    transaction.run(_resign, its_id=[transaction.session])
    return [None] * len(items)
