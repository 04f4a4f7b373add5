"""What the messages of a user have brought as address: those that were answered, those that wait, those set aside."""

from sqlalchemy import BindParameter, bindparam, literal_column, select, union_all

from maxbot.storage.json import decode
from maxbot.storage.schema import dead_letters, dialogs, inbox
from maxbot.storage.statement import Statement, Transaction
from maxbot.types import Address

_whose: BindParameter[str] = bindparam("whose")
_brought = Statement(
    union_all(
        select(dialogs.c.address).where(dialogs.c.dialog == _whose),
        select(inbox.c.address).where(inbox.c.dialog == _whose),
        select(dead_letters.c.address).where(
            dead_letters.c.dialog == _whose, dead_letters.c.kind == literal_column("'update'")
        ),
    )
)


def brought(transaction: Transaction, items: list[str]) -> list[list[Address]]:
    """Return addresses of dialogs, in no order; none for one that is not known."""
    return [
        [decode(address) for (address,) in rows if address is not None]
        for rows in transaction.rows(_brought, whose=items)
    ]
