"""Dead letters: updates and commands set aside so that their dialog goes on."""

from typing import NamedTuple

from sqlalchemy import bindparam, delete, insert

from maxbot.storage.json import encode
from maxbot.storage.schema import dead_letters, inbox
from maxbot.storage.statement import Statement, Transaction
from maxbot.storage.tables import counters
from maxbot.storage.tables.claims import are_held
from maxbot.storage.tables.oldest import Oldest
from maxbot.storage.tables.outbox import OutboxRow, sent
from maxbot.storage.tables.turns import Failed, remember_failures


class SetAsideUpdate(NamedTuple):
    """An update whose turn fails for a reason that another attempt does not change."""

    dialog: str
    update_id: int
    reason: str
    traceback: str | None
    now: float
    failed: Failed | None = None
    """What to remember from now on; None leaves the dialog as it is."""

    @property
    def locks(self) -> tuple[str, ...]:
        """The dialogs that are locked first."""
        return (self.dialog,)


_take = Statement(
    delete(inbox).where(inbox.c.id == bindparam("update_id")).returning(inbox.c.message, inbox.c.address),
    mysql="""
        SELECT message, address FROM inbox WHERE id = :update_id FOR UPDATE;
        DELETE FROM inbox WHERE id = :update_id
    """,
)
_put = Statement(
    insert(dead_letters).values(
        {column.name: bindparam(column.name) for column in dead_letters.c if column.name != "id"}
    )
)


def set_aside_update(transaction: Transaction, items: list[SetAsideUpdate]) -> list[bool]:
    """Move updates from the inbox to the dead letters.

    Returns:
        Whether it was still in the inbox, and the dialog this worker's.
    """
    held = are_held(transaction, [item.dialog for item in items])
    mine = [item for item, is_mine in zip(items, held, strict=True) if is_mine]
    found = iter(transaction.row(_take, update_id=[item.update_id for item in mine]))
    taken = [next(found) if is_mine else None for is_mine in held]
    letters = [(item, row) for item, row in zip(items, taken, strict=True) if row is not None]
    transaction.run(
        _put,
        kind=["update"] * len(letters),
        dialog=[item.dialog for item, _ in letters],
        update_id=[item.update_id for item, _ in letters],
        position=[None] * len(letters),
        content=[message for _, (message, _) in letters],
        address=[address for _, (_, address) in letters],
        resend=[False] * len(letters),
        reason=[_storable(item.reason) for item, _ in letters],
        traceback=[None if item.traceback is None else _storable(item.traceback) for item, _ in letters],
        set_aside_at=[item.now for item, _ in letters],
    )
    remember_failures(transaction, [item.failed for item, _ in letters if item.failed is not None])
    counters.add(transaction, "dead_updates", len(letters))
    return [row is not None for row in taken]


class SetAsideCommand(NamedTuple):
    """A command that never will arrive, or that must not be sent again."""

    dialog: str
    row: OutboxRow
    reason: str
    now: float


def set_aside_command(transaction: Transaction, items: list[SetAsideCommand]) -> list[bool]:
    """Move commands from the outbox to the dead letters.

    Returns:
        Whether it was still in the outbox, and the dialog this worker's.
    """
    mine = [item.row.claim == transaction.session for item in items]
    removed = iter(sent(transaction, [item.row.id for item, is_mine in zip(items, mine, strict=True) if is_mine]))
    there = [is_mine and next(removed) for is_mine in mine]
    letters = [item for item, was_there in zip(items, there, strict=True) if was_there]
    transaction.run(
        _put,
        kind=["command"] * len(letters),
        dialog=[item.dialog for item in letters],
        update_id=[item.row.update_id for item in letters],
        position=[item.row.position for item in letters],
        content=[encode(item.row.content) for item in letters],
        address=[None if item.row.address is None else encode(item.row.address) for item in letters],
        resend=[item.row.resend for item in letters],
        reason=[_storable(item.reason) for item in letters],
        traceback=[None] * len(letters),
        set_aside_at=[item.now for item in letters],
    )
    counters.add(transaction, "dead_commands", len(letters))
    return there


def _storable(text: str) -> str:
    """Return a text as every database takes it: what a bot's error says may have half characters, and NUL."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


forget = Oldest(dead_letters, dead_letters.c.set_aside_at).remove
"""Remove what was set aside before a time; return how many."""
