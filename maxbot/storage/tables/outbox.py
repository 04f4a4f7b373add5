"""The outbox: commands committed and not yet sent."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import bindparam, case, delete, insert, literal_column, select, update

from maxbot.storage.json import decode, encode
from maxbot.storage.schema import outbox
from maxbot.storage.statement import Statement, Transaction
from maxbot.types import Address, Begun


class Sent(NamedTuple):
    """A command was sent."""

    update_id: int
    position: int


class OutboxRow(NamedTuple):
    """A command committed and not yet sent."""

    update_id: int
    position: int
    content: dict[str, Any]
    resend: bool
    committed_at: float
    attempts: int = 0
    """How many attempts were begun before the one that is on its way or waits."""
    unknown: int = 0
    """How many of them ended without anybody knowing whether it arrived."""
    taken_up: int = 0
    """How many of them ended with the death of whoever made them."""
    not_before: float | None = None
    """When the next attempt may start; None if one may be on its way."""
    postponed_at: float | None = None
    """When that was decided."""
    address: Address | None = None
    """Where to answer to, beyond the user's name."""
    begun: Begun | None = None
    """A message that the user sees already, and that this one finishes."""
    claim: int | None = None
    """The session that may send it; None where no other host uses the database."""

    @property
    def key(self) -> str:
        """The same at every attempt, and no other command's."""
        return f"{self.update_id}.{self.position}"

    @property
    def id(self) -> Sent:
        """What names it in the outbox."""
        return Sent(self.update_id, self.position)


_outbox = Statement(
    select(
        outbox.c.update_id,
        outbox.c.position,
        outbox.c.content,
        outbox.c.resend,
        outbox.c.committed_at,
        outbox.c.attempts,
        outbox.c.unknown,
        outbox.c.taken_up,
        outbox.c.not_before,
        outbox.c.postponed_at,
        outbox.c.begun,
    )
    .where(outbox.c.dialog == bindparam("dialog"))
    .order_by(outbox.c.update_id, outbox.c.position),
    postgresql="""
        SELECT item.n, update_id, position, content, resend, committed_at, attempts, unknown, taken_up,
            not_before, postponed_at, begun
        FROM unnest(:dialog::text[]) WITH ORDINALITY AS item (dialog, n) JOIN outbox ON outbox.dialog = item.dialog
        ORDER BY item.n, update_id, position
    """,
    mysql="""
        SELECT item.n, update_id, position, content, resend, committed_at, attempts, unknown, taken_up,
            not_before, postponed_at, begun
        FROM ITEMS(:dialog) STRAIGHT_JOIN outbox FORCE INDEX (outbox_order) ON outbox.dialog = item.dialog
        ORDER BY item.n, update_id, position
    """,
)


def select_outbox(
    transaction: Transaction, dialogs: list[str], addresses: list[Address | None]
) -> list[list[OutboxRow]]:
    """Return the unsent commands of each dialog, in order, with the address where to answer to."""
    return [
        [
            OutboxRow(update_id, position, decode(content), bool(resend), *rest)._replace(
                address=address, begun=None if begun is None else decode(begun), claim=transaction.session
            )
            for update_id, position, content, resend, *rest, begun in rows
        ]
        for rows, address in zip(transaction.rows(_outbox, dialog=dialogs), addresses, strict=True)
    ]


_put = Statement(
    insert(outbox),
    postgresql="""
        INSERT INTO outbox (update_id, position, dialog, content, resend, committed_at, attempts, unknown, taken_up,
            not_before, postponed_at, begun)
        SELECT * FROM unnest(:update_id::int8[], :position::int2[], :dialog::text[], :content::bytea[], :resend::bool[],
            :committed_at::float8[], :attempts::int4[], :unknown::int2[], :taken_up::int2[],
            :not_before::float8[], :postponed_at::float8[], :begun::bytea[])
    """,
    mysql="""
        INSERT INTO outbox (update_id, position, dialog, content, resend, committed_at, attempts, unknown, taken_up,
            not_before, postponed_at, begun)
        VALUES ROWS(:update_id, :position, :dialog, :content, :resend, :committed_at, :attempts, :unknown, :taken_up,
            :not_before, :postponed_at, :begun)
    """,
)


def put(transaction: Transaction, rows: list[tuple[str, OutboxRow]]) -> None:
    """Append new commands of dialogs."""
    transaction.run(
        _put,
        update_id=[row.update_id for _, row in rows],
        position=[row.position for _, row in rows],
        dialog=[dialog for dialog, _ in rows],
        content=[encode(row.content) for _, row in rows],
        resend=[row.resend for _, row in rows],
        committed_at=[row.committed_at for _, row in rows],
        attempts=[0] * len(rows),
        unknown=[0] * len(rows),
        taken_up=[0] * len(rows),
        not_before=[None] * len(rows),
        postponed_at=[None] * len(rows),
        begun=[None if row.begun is None else encode(row.begun) for _, row in rows],
    )


_this_command = (outbox.c.update_id == bindparam("id")) & (outbox.c.position == bindparam("place"))
_sent = Statement(
    delete(outbox).where(_this_command),
    postgresql="""
        DELETE FROM outbox USING unnest(:id::int8[], :place::int2[]) WITH ORDINALITY AS item (id, place, n)
        WHERE outbox.update_id = item.id AND outbox.position = item.place RETURNING item.n
    """,
    mysql="""
        SELECT MIN(item.n) FROM ITEMS(:id, :place) STRAIGHT_JOIN outbox FORCE INDEX (PRIMARY)
            ON outbox.update_id = item.id AND outbox.position = item.place
        GROUP BY outbox.update_id, outbox.position FOR UPDATE;
        DELETE outbox FROM outbox FORCE INDEX (PRIMARY) WHERE (update_id, position) IN (ROWS(:id, :place))
    """,
)
_gone = Statement(
    delete(outbox).where(_this_command),
    postgresql="""
        DELETE FROM outbox USING unnest(:id::int8[], :place::int2[]) AS item (id, place)
        WHERE outbox.update_id = item.id AND outbox.position = item.place
    """,
    mysql="DELETE outbox FROM outbox FORCE INDEX (PRIMARY) WHERE (update_id, position) IN (ROWS(:id, :place))",
)


def remove(transaction: Transaction, keys: list[Sent]) -> None:
    """Remove commands that were sent, whether they are still there or not."""
    transaction.run(_gone, id=[key.update_id for key in keys], place=[key.position for key in keys])


def sent(transaction: Transaction, items: Iterable[Sent]) -> list[bool]:
    """Remove commands that were sent.

    Returns:
        Whether it was still there: else somebody else sends the dialog's commands too.
    """
    keys = list(items)
    changes = transaction.changes(_sent, id=[key.update_id for key in keys], place=[key.position for key in keys])
    return [count > 0 for count in changes]


class Postpone(NamedTuple):
    """An attempt failed and its command waits; or a next attempt begins."""

    row: OutboxRow
    """As it is in the outbox."""
    then: OutboxRow
    """As it is to be: `attempts`, `unknown`, `taken_up`, `not_before` and `postponed_at`."""


_waits = case((outbox.c.not_before.is_(None), literal_column("0")), else_=literal_column("1"))
_postpone = Statement(
    update(outbox)
    # An attempt that begins counts, and one that fails waits: so the two tell each step from all others.
    .where(_this_command, outbox.c.attempts == bindparam("known_attempts"), _waits == bindparam("known_to_wait"))
    .values(
        attempts=bindparam("new_attempts"),
        unknown=bindparam("new_unknown"),
        taken_up=bindparam("new_taken_up"),
        not_before=bindparam("new_not_before"),
        postponed_at=bindparam("new_postponed_at"),
    )
)


def postpone(transaction: Transaction, items: list[Postpone]) -> list[bool]:
    """Remember when the next attempt at a command may start, so that a restart keeps to it.

    Returns:
        Whether the command was as its sender knew it, and the dialog still its own: else somebody else sends the
        dialog's commands too.
    """
    mine = [item for item in items if item.row.claim == transaction.session]
    changes = transaction.changes(
        _postpone,
        id=[item.row.update_id for item in mine],
        place=[item.row.position for item in mine],
        known_attempts=[item.row.attempts for item in mine],
        known_to_wait=[int(item.row.not_before is not None) for item in mine],
        new_attempts=[item.then.attempts for item in mine],
        new_unknown=[item.then.unknown for item in mine],
        new_taken_up=[item.then.taken_up for item in mine],
        new_not_before=[item.then.not_before for item in mine],
        new_postponed_at=[item.then.postponed_at for item in mine],
    )
    known = iter(changes)
    return [item.row.claim == transaction.session and next(known) > 0 for item in items]
