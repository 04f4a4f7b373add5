"""A user who has another name now takes along what is stored under the old one."""

from typing import NamedTuple

from sqlalchemy import bindparam, delete, exists, literal_column, update

from maxbot.storage.schema import dialogs, inbox, outbox, timers
from maxbot.storage.statement import Statement, Transaction
from maxbot.storage.tables.claims import are_held


class Move(NamedTuple):
    """A dialog goes on under another name."""

    old: str
    new: str

    @property
    def locks(self) -> tuple[str, ...]:
        """The dialogs that are locked first."""
        return (self.old, self.new)


_old, _new = bindparam("old_name", type_=dialogs.c.dialog.type), bindparam("new_name", type_=dialogs.c.dialog.type)
_there = dialogs.alias("there")
_move_state = Statement(
    update(dialogs).where(dialogs.c.dialog == _old, ~exists().where(_there.c.dialog == _new)).values(dialog=_new),
    mysql="""
        UPDATE dialogs LEFT JOIN dialogs AS there ON there.dialog = :new_name SET dialogs.dialog = :new_name
        WHERE dialogs.dialog = :old_name AND there.dialog IS NULL
    """,
)
_forget_nothing = Statement(  # of a name that was locked, and has had no turn
    delete(dialogs).where(dialogs.c.dialog == _new, dialogs.c.version == literal_column("0"))
)
_move_updates = Statement(update(inbox).where(inbox.c.dialog == _old).values(dialog=_new))
_move_commands = Statement(update(outbox).where(outbox.c.dialog == _old).values(dialog=_new))
_move_timers = Statement(update(timers).where(timers.c.dialog == _old).values(dialog=_new))


def move(transaction: Transaction, items: list[Move]) -> list[None]:
    """Move updates, commands, timers and state of this worker's dialogs.

    Where the new name has a state, that one is kept.
    """
    held = are_held(transaction, [item.old for item in items])
    moved = [item for item, mine in zip(items, held, strict=True) if mine]
    columns = {"old_name": [item.old for item in moved], "new_name": [item.new for item in moved]}
    if transaction.session is not None:
        transaction.run(_forget_nothing, **columns)
    for statement in (_move_state, _move_updates, _move_commands, _move_timers):
        transaction.run(statement, **columns)
    return [None] * len(items)
