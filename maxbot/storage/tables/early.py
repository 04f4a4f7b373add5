"""Early replies: what a turn says before it ends, counted with its update so that no later run of it says it again."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, exists, literal_column, update

from maxbot.storage.json import encode
from maxbot.storage.schema import dialogs, inbox
from maxbot.storage.statement import Statement, Transaction
from maxbot.storage.tables.claims import are_held
from maxbot.storage.tables.outbox import OutboxRow, put
from maxbot.storage.tables.turns import Said, know, rows_of
from maxbot.types import Begun, Command


class Early(NamedTuple):
    """The next early reply of a turn."""

    dialog: str
    version: int
    """As it was loaded, see `Commit`."""
    update_id: int
    commands: Sequence[Command]
    """That the reply became."""
    now: float
    said: Said
    """As the database has it: with more there, somebody else runs the turn too."""

    @property
    def locks(self) -> tuple[str, ...]:
        """The dialogs that are locked first."""
        return (self.dialog,)


_count = Statement(
    update(inbox)
    .where(
        inbox.c.id == bindparam("update_id"),
        inbox.c.early == bindparam("said"),
        exists().where(dialogs.c.dialog == bindparam("name"), dialogs.c.version == bindparam("loaded")),
    )
    .values(
        early=inbox.c.early + literal_column("1"),
        early_commands=inbox.c.early_commands + bindparam("commands"),
        begun=literal_column("NULL"),
    )
)


def say(transaction: Transaction, items: list[Early]) -> list[list[OutboxRow] | None]:
    """Count early replies and put them into the outbox: both or neither. Nothing else of a turn is stored.

    Returns:
        For each reply its commands as they stand in the outbox; None where nothing was stored, because the turn is not
        the caller's any more.
    """
    know(transaction, [item.dialog for item in items if not item.version])
    held = are_held(transaction, [item.dialog for item in items])
    mine = [item for item, is_mine in zip(items, held, strict=True) if is_mine]
    changes = iter(
        transaction.changes(
            _count,
            update_id=[item.update_id for item in mine],
            said=[item.said.replies for item in mine],
            name=[item.dialog for item in mine],
            loaded=[item.version for item in mine],
            commands=[len(item.commands) for item in mine],
        )
    )
    counted = [next(changes) if is_mine else 0 for is_mine in held]
    results = [
        rows_of(item.update_id, item.commands, None, item.now, item.said, transaction.session) if count else None
        for item, count in zip(items, counted, strict=True)
    ]
    put(transaction, [(item.dialog, row) for item, rows in zip(items, results, strict=True) for row in rows or ()])
    return results


class Begin(NamedTuple):
    """A message is about to be begun that the next reply will finish, or is begun."""

    update_id: int
    said: Said
    """As the database has it."""
    begun: Begun | None
    """The platform's name for it; `{}` until that is known, None where there is none after all."""


_begin = Statement(
    update(inbox)
    .where(inbox.c.id == bindparam("update_id"), inbox.c.early == bindparam("said"))
    .values(begun=bindparam("name"))
)


def begin(transaction: Transaction, items: list[Begin]) -> list[bool]:
    """Remember messages that were begun, so that a later run of their turn finishes them.

    Returns:
        Whether the turn was still as its runner knew it.
    """
    changes = transaction.changes(
        _begin,
        update_id=[item.update_id for item in items],
        said=[item.said.replies for item in items],
        name=[None if item.begun is None else encode(item.begun) for item in items],
    )
    return [count > 0 for count in changes]
