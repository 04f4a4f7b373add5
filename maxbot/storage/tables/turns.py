"""Turns: what is needed to run one, and the one transaction that ends it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, bindparam, delete, exists, func, literal_column, select, update
from sqlalchemy.dialects import sqlite

from maxbot.storage.json import decode, encode
from maxbot.storage.schema import dialogs, inbox, outbox
from maxbot.storage.statement import Row, Statement, Transaction
from maxbot.storage.tables import claims, timers
from maxbot.storage.tables.outbox import OutboxRow, Sent, put, remove, select_outbox
from maxbot.storage.tables.sessions import end_silent
from maxbot.types import Address, Begun, Command, Message, State, TimerChanges


class Said(NamedTuple):
    """What of an update's turn left before its end, in this run of it or in those before."""

    replies: int = 0
    commands: int = 0
    """That they became."""
    begun: Begun | None = None
    """A message that the next reply finishes; `{}` where nobody knows whether there is one."""


NOTHING = Said()


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
    said: Said = NOTHING
    """What the user has been told already by runs of its turn that did not end."""


class Load(NamedTuple):
    """Note what was sent, and look what is next for a dialog."""

    dialog: str
    sent: Sent | None = None

    @property
    def locks(self) -> tuple[str, ...]:
        """The dialogs that are locked first."""
        return (self.dialog,)


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
    elsewhere: float | None = None
    """Another worker has it, and is not to be taken for dead before so many seconds: nothing is to be done here."""
    claim: int | None = None
    """The session whose the dialog is; None where no other host uses the database."""
    taken_over: bool = False
    """Whether the one who had it was taken for dead, and may have died of what is next."""


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
        inbox.c.early,
        inbox.c.early_commands,
        inbox.c.begun,
    )
    .select_from(_one)
    .join(dialogs, dialogs.c.dialog == _name, isouter=True)
    .join(inbox, inbox.c.id == _oldest, isouter=True),
    postgresql="""
        SELECT item.n, dialogs.version, dialogs.state, dialogs.address,
            unsent.there IS NOT NULL,
            oldest.id, oldest.message, oldest.attempts, oldest.address,
            oldest.early, oldest.early_commands, oldest.begun,
            dialogs.owner, sessions.ended, sessions.until - extract(epoch FROM clock_timestamp())::float8
        FROM unnest(:name::text[]) WITH ORDINALITY AS item (name, n)
        LEFT JOIN dialogs ON dialogs.dialog = item.name
        LEFT JOIN sessions ON sessions.id = dialogs.owner
        LEFT JOIN LATERAL (
            SELECT id, message, attempts, address, early, early_commands, begun FROM inbox
            WHERE inbox.dialog = item.name
            ORDER BY inbox.dialog, inbox.id LIMIT 1
        ) AS oldest ON true
        LEFT JOIN LATERAL (  -- not EXISTS, for which the server may read all of the outbox
            SELECT true AS there FROM outbox WHERE outbox.dialog = item.name ORDER BY outbox.dialog LIMIT 1
        ) AS unsent ON true
    """,
    mysql="""
        SELECT item.n, dialogs.version, dialogs.state, dialogs.address,
            EXISTS (SELECT 1 FROM outbox FORCE INDEX (outbox_order) WHERE outbox.dialog = item.name),
            inbox.id, inbox.message, inbox.attempts, inbox.address, inbox.early, inbox.early_commands, inbox.begun,
            dialogs.owner, sessions.ended, sessions.until - UNIX_TIMESTAMP(NOW(6))
        FROM ITEMS(:name) LEFT JOIN dialogs FORCE INDEX (PRIMARY) ON dialogs.dialog = item.name
        LEFT JOIN sessions FORCE INDEX (PRIMARY) ON sessions.id = dialogs.owner
        LEFT JOIN inbox FORCE INDEX (PRIMARY) ON inbox.id = (
            SELECT MIN(id) FROM inbox AS waiting FORCE INDEX (inbox_order) WHERE waiting.dialog = item.name
        )
    """,
)


def load(transaction: Transaction, items: list[Load]) -> list[Work]:
    """Remove what was sent from the outbox, then return what is next for each dialog.

    Where several hosts share the database, a dialog with something to do is this worker's from then on, unless another
    one has it; and with nothing to do it is nobody's: whoever accepts something for it looks after this.
    """
    remove(transaction, [item.sent for item in items if item.sent is not None])
    names, me = [item.dialog for item in items], transaction.session
    rows = transaction.row(_load, name=names)
    found = [_work(row) for row in rows] if me is None else _claimed(transaction, names, rows, me)
    unsent = [index for index, (_, has_commands) in enumerate(found) if has_commands]
    commands = select_outbox(
        transaction, [names[index] for index in unsent], [_answer_to(found[index][0]) for index in unsent]
    )
    for index, its in zip(unsent, commands, strict=True):
        found[index][0].outbox.extend(its)
    return [work for work, _ in found]


def _answer_to(work: Work) -> Address | None:
    """Return where what is unsent goes to: early replies of an update to where that came from."""
    update = work.update
    return update.address if update is not None and update.said.commands and update.address else work.address


def _claimed(transaction: Transaction, names: list[str], rows: list[Row | None], me: int) -> list[tuple[Work, bool]]:
    """Claim what is free and has something to do, give back what has nothing; what the silent have is taken over."""
    silent = [index for index, row in enumerate(rows) if row is not None and _is_silent(claims.holder(row), me)]
    if silent:
        end_silent(transaction)
        again = transaction.row(_load, name=[names[index] for index in silent])
        for index, row in zip(silent, again, strict=True):
            rows[index] = row
    found: list[tuple[Work, bool]] = []
    changed: dict[str, int | None] = {}
    for name, row in zip(names, rows, strict=True):
        assert row is not None
        holder = claims.holder(row)
        if holder.is_other(me):
            found.append((Work(0, {}, [], None, elsewhere=max(claims.SOON, holder.left or 0.0)), False))
            continue
        work, unsent = _work(row)
        found.append((work._replace(claim=me, taken_over=holder.is_dead(me)), unsent))
        owner = me if unsent or work.update is not None else None
        if owner != holder.session:
            changed[name] = owner
    claims.own(transaction, list(changed), list(changed.values()))
    return found


def _is_silent(holder: claims.Holder, me: int) -> bool:
    return holder.is_other(me) and (holder.left or 0.0) <= 0.0


def _work(row: Row | None) -> tuple[Work, bool]:
    """Return what is to do, still without its commands, and whether there are some."""
    assert row is not None
    version, state, address, unsent, update_id, message, attempts, new_address, *said = row[:11]
    pending = None
    if update_id is not None:
        pending = _pending(update_id, decode(message), attempts, _decoded(new_address), _said(*said))
    known = {} if state is None else decode(state)
    return Work(version or 0, known, [], pending, _decoded(address)), bool(unsent)


def _pending(update_id: int, message: Any, attempts: int, address: Address | None, said: Said) -> PendingUpdate:
    is_request = isinstance(message, list)
    return PendingUpdate(update_id, message[0] if is_request else message, attempts, address, is_request, said)


def _said(replies: int, commands: int, begun: bytes | None) -> Said:
    return Said(replies, commands, _decoded(begun)) if replies or begun is not None else NOTHING


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
    said: Said = NOTHING
    """What left before the end: with more in the database, somebody else runs the turn too."""
    timers: TimerChanges = TimerChanges()

    @property
    def locks(self) -> tuple[str, ...]:
        """The dialogs that are locked first."""
        return (self.dialog,)


# On the other databases a dialog that is locked has its row.
_know = Statement(
    sqlite=sqlite.insert(dialogs)
    .values(dialog=_name, version=literal_column("0"), state=bindparam("next_state"))
    .on_conflict_do_nothing(),
)
_remember = Statement(
    update(dialogs)
    .where(
        dialogs.c.dialog == _name,
        dialogs.c.version == bindparam("loaded"),
        exists().where(inbox.c.id == bindparam("update_id"), inbox.c.early == bindparam("said")),
    )
    .values(
        version=dialogs.c.version + literal_column("1"),
        state=bindparam("next_state"),
        address=bindparam("next_address"),
    ),
    postgresql="""
        UPDATE dialogs SET version = dialogs.version + 1, state = next_state, address = next_address
        FROM unnest(:name::text[], :loaded::int8[], :update_id::int8[], :said::int2[], :next_state::bytea[],
            :next_address::bytea[], :me::int8[])
            WITH ORDINALITY AS item (name, loaded, update_id, said, next_state, next_address, me, n)
        WHERE dialogs.dialog = item.name AND dialogs.version = item.loaded
            AND coalesce(dialogs.owner, item.me) = item.me
            AND EXISTS (SELECT FROM inbox WHERE inbox.id = item.update_id AND inbox.early = item.said)
        RETURNING item.n
    """,
    # Locked first: what is written then has no condition any more.
    mysql="""
        SELECT MIN(item.n) FROM ITEMS(:name, :loaded, :update_id, :said, :me)
        STRAIGHT_JOIN dialogs FORCE INDEX (PRIMARY)
            ON dialogs.dialog = item.name AND dialogs.version = item.loaded
            AND COALESCE(dialogs.owner, item.me) = item.me
        STRAIGHT_JOIN inbox FORCE INDEX (PRIMARY) ON inbox.id = item.update_id AND inbox.early = item.said
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


def know(transaction: Transaction, dialogs: list[str]) -> None:
    """Let dialogs that have had no turn yet have a row."""
    if transaction.session is None:
        transaction.run(_know, name=dialogs, next_state=[b"{}"] * len(dialogs))


def remember_failures(transaction: Transaction, items: list[Failed]) -> None:
    """Store states, except where another turn was committed meanwhile."""
    know(transaction, [item.dialog for item in items if not item.version])
    transaction.run(
        _leave,
        name=[item.dialog for item in items],
        loaded=[item.version for item in items],
        next_state=[encode(item.state) for item in items],
    )


def commit(transaction: Transaction, items: list[Commit]) -> list[list[OutboxRow] | None]:
    """Store state, commands and timers of turns, and take their updates from the inbox: all of a turn, or nothing.

    Returns:
        For each turn its commands as they stand in the outbox; None where nothing was stored, because the update is
        done already, or another turn of the dialog was committed since this one was loaded, or another worker has it.
    """
    know(transaction, [item.dialog for item in items if not item.version])
    stored = transaction.changes(
        _remember,
        name=[item.dialog for item in items],
        loaded=[item.version for item in items],
        update_id=[item.update_id for item in items],
        said=[item.said.replies for item in items],
        next_state=[encode(item.state) for item in items],
        next_address=[None if item.address is None else encode(item.address) for item in items],
        me=[transaction.session] * len(items),
    )
    # A second commit of the same turn in this group found another version.
    transaction.run(_done, update_id=[item.update_id for item, count in zip(items, stored, strict=True) if count])
    results = [
        rows_of(item.update_id, item.commands, item.address, item.now, item.said, transaction.session)
        if count
        else None
        for item, count in zip(items, stored, strict=True)
    ]
    put(
        transaction,
        [(item.dialog, row) for item, rows in zip(items, results, strict=True) for row in rows or ()],
    )
    timers.change(
        transaction,
        [
            timers.Change(item.dialog, item.timers, item.now)
            for item, rows in zip(items, results, strict=True)
            if rows is not None and item.timers
        ],
    )
    return results


def rows_of(
    update_id: int, commands: Sequence[Command], address: Address | None, now: float, said: Said, claim: int | None
) -> list[OutboxRow]:
    """Return commands of an update as rows of the outbox, behind those that left before.

    The first one finishes a message that was begun.
    """
    rows = [
        OutboxRow(update_id, position, command.content, command.resend, now, address=address, claim=claim)
        for position, command in enumerate(commands, said.commands)
    ]
    if rows and said.begun is not None:
        rows[0] = rows[0]._replace(begun=said.begun)
    return rows
