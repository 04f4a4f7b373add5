"""Turns: what is needed to run one, and the one transaction that ends it."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, delete, exists, func, insert, literal_column, select, update

from maxbot.storage.schema import dialogs, inbox, outbox
from maxbot.storage.statement import Statement
from maxbot.storage.tables.outbox import OutboxRow, remove_sent, select_outbox
from maxbot.types import Command, Message, State

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class PendingUpdate(NamedTuple):
    """An update in the inbox."""

    id: int
    message: Message
    attempts: int
    """How often it was started by somebody who found it left behind."""


class Load(NamedTuple):
    """Note what was sent, and look what is next for a dialog."""

    dialog: str
    sent: Sequence[tuple[int, int]] = ()
    """(update_id, position) of commands that were sent."""


class Work(NamedTuple):
    """What is to do for a dialog, as it stands in the database."""

    version: int
    state: State
    outbox: list[OutboxRow]
    """Committed and not sent, in order. It goes first."""
    update: PendingUpdate | None
    """The oldest one in the inbox."""


_NOTHING = Work(0, {}, [], None)

_oldest = select(func.min(inbox.c.id)).where(inbox.c.dialog == dialogs.c.dialog).correlate(dialogs).scalar_subquery()
_unsent = exists().where(outbox.c.dialog == dialogs.c.dialog).correlate(dialogs)
_load = Statement(
    select(dialogs.c.version, dialogs.c.state, _unsent, inbox.c.id, inbox.c.message, inbox.c.attempts)
    .join_from(dialogs, inbox, inbox.c.id == _oldest, isouter=True)
    .where(dialogs.c.dialog == bindparam("name"))
)


def load(connection: Connection, items: list[Load]) -> list[Work]:
    """Remove what was sent from the outbox, then return what is next for each dialog."""
    remove_sent(connection, [key for item in items for key in item.sent])
    return [_work(connection, item.dialog) for item in items]


def _work(connection: Connection, dialog: str) -> Work:
    row = _load.row(connection, {"name": dialog})
    if row is None:
        return _NOTHING
    version, state, unsent, update_id, message, attempts = row
    return Work(
        version,
        _decode(state),
        select_outbox(connection, dialog) if unsent else [],
        None if update_id is None else PendingUpdate(update_id, _decode(message), attempts),
    )


class Commit(NamedTuple):
    """The end of a turn."""

    dialog: str
    version: int
    """As it was loaded: with another one in the database, somebody else ran a turn meanwhile."""
    update_id: int
    state: State
    commands: list[Command]
    now: float


_remember = Statement(
    update(dialogs)
    .where(
        dialogs.c.dialog == bindparam("name"),
        dialogs.c.version == bindparam("loaded"),
        exists().where(inbox.c.id == bindparam("update_id")),
    )
    .values(version=dialogs.c.version + literal_column("1"), state=bindparam("next_state"))
)
_done = Statement(delete(inbox).where(inbox.c.id == bindparam("update_id")))
_put = Statement(insert(outbox))


def commit(connection: Connection, items: list[Commit]) -> list[list[OutboxRow] | None]:
    """Store state and commands of turns and take their updates from the inbox: all of a turn, or nothing.

    Returns:
        For each turn its commands as they stand in the outbox; None where nothing was stored, because the update is
        done already or another turn of the dialog was committed since this one was loaded.
    """
    results: list[list[OutboxRow] | None] = []
    for item in items:
        turn = {"name": item.dialog, "loaded": item.version, "update_id": item.update_id}
        if not _remember.changes(connection, {**turn, "next_state": _encode(item.state)}):
            results.append(None)
            continue
        _done.changes(connection, {"update_id": item.update_id})
        results.append(
            [
                OutboxRow(item.update_id, position, command.content, command.resend, item.now)
                for position, command in enumerate(item.commands)
            ]
        )
    _put.many(
        connection,
        [
            {
                "update_id": row.update_id,
                "position": row.position,
                "dialog": item.dialog,
                "content": _encode(row.content),
                "resend": row.resend,
                "committed_at": row.committed_at,
                "attempts": 0,
                "not_before": None,
            }
            for item, rows in zip(items, results, strict=True)
            for row in rows or ()
        ],
    )
    return results
