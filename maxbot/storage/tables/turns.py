"""Turns: what is needed to run one, and the one transaction that ends it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, bindparam, delete, exists, func, literal_column, select, update
from sqlalchemy.dialects import sqlite

from maxbot.storage.json import decode, encode
from maxbot.storage.schema import dialogs, inbox, outbox
from maxbot.storage.statement import Row, Statement, Transaction
from maxbot.storage.tables.outbox import OutboxRow, Sent, put, remove, select_outbox
from maxbot.types import Address, Command, Message, State


class PendingUpdate(NamedTuple):
    """An update in the inbox."""

    id: int
    message: Message
    attempts: int
    """How often it was started by somebody who found it left behind."""
    address: Address | None = None
    """Where to answer to, beyond the user's name; None where it brought none."""
    is_request: bool = False
    """Whether `message` is what another program asks for."""


class Load(NamedTuple):
    """Note what was sent, and look what is next for a dialog."""

    dialog: str
    sent: Sent | None = None


class Work(NamedTuple):
    """What is to do for a dialog, as it stands in the database."""

    version: int
    """How many turns were committed."""
    state: State
    outbox: list[OutboxRow]
    """Committed and not sent, in order. It goes first."""
    update: PendingUpdate | None
    """The oldest one in the inbox."""
    address: Address | None = None
    """The latest that an update brought."""


_name: BindParameter[str] = bindparam("name")
_oldest = select(func.min(inbox.c.id)).where(inbox.c.dialog == _name).scalar_subquery()
_unsent = exists().where(outbox.c.dialog == _name)
_one = select(literal_column("1").label("one")).subquery("one")  # a dialog before its first turn has no row
_load = Statement(
    select(
        dialogs.c.version,
        dialogs.c.state,
        dialogs.c.address,
        _unsent,
        inbox.c.id,
        inbox.c.message,
        inbox.c.attempts,
        inbox.c.address,
    )
    .select_from(_one)
    .join(dialogs, dialogs.c.dialog == _name, isouter=True)
    .join(inbox, inbox.c.id == _oldest, isouter=True),
    postgresql="""
        SELECT item.n, dialogs.version, dialogs.state, dialogs.address,
            unsent.there IS NOT NULL,
            oldest.id, oldest.message, oldest.attempts, oldest.address
        FROM unnest(:name::text[]) WITH ORDINALITY AS item (name, n)
        LEFT JOIN dialogs ON dialogs.dialog = item.name
        LEFT JOIN LATERAL (
            SELECT id, message, attempts, address FROM inbox WHERE inbox.dialog = item.name
            ORDER BY inbox.dialog, inbox.id LIMIT 1
        ) AS oldest ON true
        LEFT JOIN LATERAL (  -- not EXISTS, for which the server may read all of the outbox
            SELECT true AS there FROM outbox WHERE outbox.dialog = item.name ORDER BY outbox.dialog LIMIT 1
        ) AS unsent ON true
    """,
    mysql="""
        SELECT item.n, dialogs.version, dialogs.state, dialogs.address,
            EXISTS (SELECT 1 FROM outbox FORCE INDEX (outbox_order) WHERE outbox.dialog = item.name),
            inbox.id, inbox.message, inbox.attempts, inbox.address
        FROM ITEMS(:name) LEFT JOIN dialogs FORCE INDEX (PRIMARY) ON dialogs.dialog = item.name
        LEFT JOIN inbox FORCE INDEX (PRIMARY) ON inbox.id = (
            SELECT MIN(id) FROM inbox AS waiting FORCE INDEX (inbox_order) WHERE waiting.dialog = item.name
        )
    """,
)


def load(transaction: Transaction, items: list[Load]) -> list[Work]:
    """Remove what was sent from the outbox, then return what is next for each dialog."""
    remove(transaction, [item.sent for item in items if item.sent is not None])
    found = [_work(row) for row in transaction.row(_load, name=[item.dialog for item in items])]
    unsent = [index for index, (_, has_commands) in enumerate(found) if has_commands]
    commands = select_outbox(
        transaction, [items[index].dialog for index in unsent], [found[index][0].address for index in unsent]
    )
    for index, rows in zip(unsent, commands, strict=True):
        found[index][0].outbox.extend(rows)
    return [work for work, _ in found]


def _work(row: Row | None) -> tuple[Work, bool]:
    """Return what is to do, still without its commands, and whether there are some."""
    assert row is not None
    version, state, address, unsent, update_id, message, attempts, new_address = row
    pending = None if update_id is None else _pending(update_id, decode(message), attempts, _decoded(new_address))
    known = {} if state is None else decode(state)
    return Work(version or 0, known, [], pending, _decoded(address)), bool(unsent)


def _pending(update_id: int, message: Any, attempts: int, address: Address | None) -> PendingUpdate:
    is_request = isinstance(message, list)
    return PendingUpdate(update_id, message[0] if is_request else message, attempts, address, is_request)


def _decoded(address: bytes | None) -> Address | None:
    return None if address is None else decode(address)


class Commit(NamedTuple):
    """The end of a turn."""

    dialog: str
    version: int
    """As it was loaded: with another one in the database, somebody else ran a turn meanwhile."""
    update_id: int
    state: State
    commands: Sequence[Command]
    address: Address | None
    """Where to answer to from now on."""
    now: float


_know = Statement(
    sqlite=sqlite.insert(dialogs)
    .values(dialog=_name, version=literal_column("0"), state=bindparam("next_state"))
    .on_conflict_do_nothing(),
    postgresql="""
        INSERT INTO dialogs (dialog, version, state)
        SELECT name, 0, next_state FROM unnest(:name::text[], :next_state::bytea[]) AS item (name, next_state)
        ORDER BY name COLLATE "C" ON CONFLICT DO NOTHING
    """,
    mysql="""
        INSERT INTO dialogs (dialog, version, state) SELECT name, 0, next_state FROM ITEMS(:name, :next_state)
        ON DUPLICATE KEY UPDATE dialogs.version = dialogs.version
    """,
)
_remember = Statement(
    update(dialogs)
    .where(
        dialogs.c.dialog == _name,
        dialogs.c.version == bindparam("loaded"),
        exists().where(inbox.c.id == bindparam("update_id")),
    )
    .values(
        version=dialogs.c.version + literal_column("1"),
        state=bindparam("next_state"),
        address=bindparam("next_address"),
    ),
    postgresql="""
        UPDATE dialogs SET version = dialogs.version + 1, state = next_state, address = next_address
        FROM unnest(:name::text[], :loaded::int8[], :update_id::int8[], :next_state::bytea[], :next_address::bytea[])
            WITH ORDINALITY AS item (name, loaded, update_id, next_state, next_address, n)
        WHERE dialogs.dialog = item.name AND dialogs.version = item.loaded
            AND EXISTS (SELECT FROM inbox WHERE inbox.id = item.update_id)
        RETURNING item.n
    """,
    # Locked first: what is written then has no condition any more.
    mysql="""
        SELECT MIN(item.n) FROM ITEMS(:name, :loaded, :update_id)
        STRAIGHT_JOIN dialogs FORCE INDEX (PRIMARY) ON dialogs.dialog = item.name AND dialogs.version = item.loaded
        STRAIGHT_JOIN inbox FORCE INDEX (PRIMARY) ON inbox.id = item.update_id
        GROUP BY dialogs.dialog FOR UPDATE;
        INSERT INTO dialogs (dialog, version, state, address) VALUES ROWS(:name, :loaded, :next_state, :next_address)
        ON DUPLICATE KEY UPDATE version = version + 1, state = VALUES(state), address = VALUES(address)
    """,
)
_done = Statement(
    delete(inbox).where(inbox.c.id == bindparam("update_id")),
    postgresql="DELETE FROM inbox WHERE id = ANY(:update_id::int8[])",
    mysql="DELETE inbox FROM inbox FORCE INDEX (PRIMARY) WHERE id IN (ROWS(:update_id))",
)
_leave = Statement(
    update(dialogs)
    .where(dialogs.c.dialog == _name, dialogs.c.version == bindparam("loaded"))
    .values(version=dialogs.c.version + literal_column("1"), state=bindparam("next_state"))
)


class Failed(NamedTuple):
    """What to remember of a dialog whose turn has failed."""

    dialog: str
    version: int
    """As it was loaded."""
    state: State


def remember_failures(transaction: Transaction, items: list[Failed]) -> None:
    """Store states, except where another turn was committed meanwhile."""
    first = [item.dialog for item in items if not item.version]
    transaction.run(_know, name=first, next_state=[b"{}"] * len(first))
    transaction.run(
        _leave,
        name=[item.dialog for item in items],
        loaded=[item.version for item in items],
        next_state=[encode(item.state) for item in items],
    )


def commit(transaction: Transaction, items: list[Commit]) -> list[list[OutboxRow] | None]:
    """Store state and commands of turns and take their updates from the inbox: all of a turn, or nothing.

    Returns:
        For each turn its commands as they stand in the outbox; None where nothing was stored, because the update is
        done already or another turn of the dialog was committed since this one was loaded.
    """
    first = [item.dialog for item in items if not item.version]
    transaction.run(_know, name=first, next_state=[b"{}"] * len(first))
    stored = transaction.changes(
        _remember,
        name=[item.dialog for item in items],
        loaded=[item.version for item in items],
        update_id=[item.update_id for item in items],
        next_state=[encode(item.state) for item in items],
        next_address=[None if item.address is None else encode(item.address) for item in items],
    )
    # A second commit of the same turn in this group found another version.
    transaction.run(_done, update_id=[item.update_id for item, count in zip(items, stored, strict=True) if count])
    results = [_rows(item) if count else None for item, count in zip(items, stored, strict=True)]
    put(
        transaction,
        [(item.dialog, row) for item, rows in zip(items, results, strict=True) for row in rows or ()],
    )
    return results


def _rows(item: Commit) -> list[OutboxRow]:
    return [
        OutboxRow(item.update_id, position, command.content, command.resend, item.now, address=item.address)
        for position, command in enumerate(item.commands)
    ]
