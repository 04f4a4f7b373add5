"""Claims: on a database that several hosts share, a dialog's row says whose session runs its turns.

    lock      all dialogs of a transaction, before anything else: what is read afterwards nobody changes meanwhile, and
              whoever wants a dialog waits for a release under way
    claim     what is free and has something to do
    release   what is this worker's, and has nothing to do

A claim is judged by whether its session has ended, never by the clock: who takes over ends the session first, and a
session that has ended commits nothing more. A session whose row is gone has stopped well.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select

from maxbot.storage.schema import dialogs
from maxbot.storage.statement import Row, Statement, Transaction

SOON = 0.1
"""Seconds after which a dialog is looked at again whose holder was about to say that it lives, or to release it."""

# In one order, or two wait for each other.
_lock = Statement(
    postgresql="SELECT FROM dialogs WHERE dialog = ANY(:name::text[]) ORDER BY dialog FOR NO KEY UPDATE",
    mysql="SELECT 1 FROM dialogs FORCE INDEX (PRIMARY) WHERE dialog IN (ROWS(:name)) ORDER BY dialog FOR UPDATE",
)
# Locks the row as well where somebody else makes it this moment.
_make = Statement(
    postgresql="""
        INSERT INTO dialogs (dialog, version, state)
        SELECT name, 0, '{}'::bytea FROM unnest(:name::text[]) AS item (name)
        WHERE NOT EXISTS (SELECT FROM dialogs WHERE dialogs.dialog = item.name)
        ORDER BY name COLLATE "C" ON CONFLICT (dialog) DO UPDATE SET version = dialogs.version
    """,
    mysql="""
        INSERT INTO dialogs (dialog, version, state)
        SELECT item.name, 0, '{}' FROM ITEMS(:name) LEFT JOIN dialogs AS there ON there.dialog = item.name
        WHERE there.dialog IS NULL ON DUPLICATE KEY UPDATE dialogs.version = dialogs.version
    """,
)
_own = Statement(
    postgresql="""
        UPDATE dialogs SET owner = item.owner FROM unnest(:name::text[], :owner::int8[]) AS item (name, owner)
        WHERE dialogs.dialog = item.name
    """,
    mysql="""
        INSERT INTO dialogs (dialog, version, state, owner) VALUES ROWS(:name, 0, '', :owner)
        ON DUPLICATE KEY UPDATE owner = VALUES(owner)
    """,
)
_owner = Statement(select(dialogs.c.owner).where(dialogs.c.dialog == bindparam("name")))


class Holder(NamedTuple):
    """Whose a dialog is, as its row and the session's say."""

    session: int | None
    ended: bool | None
    """None where there is no such session any more: it has stopped well, and left nothing."""
    left: float | None
    """Seconds of its lease."""

    def is_other(self, me: int) -> bool:
        """Whether somebody else has it, and lives as far as anybody knows."""
        return self.session not in (None, me) and self.ended is not None and not self.ended

    def is_dead(self, me: int) -> bool:
        """Whether it was left behind by somebody who died."""
        return self.session not in (None, me) and bool(self.ended)


def holder(row: Row) -> Holder:
    """Return what the last columns say of a row that was read for a claim."""
    return Holder(*row[-3:])


def lock(transaction: Transaction, names: Sequence[str]) -> None:
    """Wait for all others who change these dialogs, and keep them out until the end of the transaction.

    Args:
        names: Sorted; they have a row from then on.
    """
    transaction.run(_lock, name=names)
    transaction.run(_make, name=names)


def own(transaction: Transaction, names: Sequence[str], owners: Sequence[int | None]) -> None:
    """Write whose dialogs are, which are locked: a session's, or nobody's."""
    transaction.run(_own, name=names, owner=owners)


def are_held(transaction: Transaction, names: Sequence[str]) -> list[bool]:
    """Return of each dialog, which is locked, that nobody else has it. (What nobody has is judged by its version.)"""
    if transaction.session is None:
        return [True] * len(names)
    rows: list[Any] = transaction.row(_owner, name=names)
    return [row is not None and row[0] in (None, transaction.session) for row in rows]


class Release(NamedTuple):
    """What is next of a dialog is for another worker of the same host."""

    dialog: str

    @property
    def locks(self) -> tuple[str, ...]:
        """The dialogs that are locked first."""
        return (self.dialog,)


def release(transaction: Transaction, items: list[Release]) -> list[None]:
    """Give dialogs back though something is left to do."""
    names = [item.dialog for item in items]
    held = [name for name, mine in zip(names, are_held(transaction, names), strict=True) if mine]
    if transaction.session is not None:
        own(transaction, held, [None] * len(held))
    return [None] * len(items)
