"""Turns: what is needed to run one, and the one transaction that ends it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from maxbot.storage.outbox import OutboxRow, remove_sent, select_outbox
from maxbot.storage.schema import dialogs, inbox, outbox
from maxbot.types import Message, State

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
_load = (
    select(dialogs.c.dialog, dialogs.c.version, dialogs.c.state, inbox.c.id, inbox.c.message, inbox.c.attempts)
    .join_from(dialogs, inbox, inbox.c.id == _oldest, isouter=True)
    .where(dialogs.c.dialog.in_(bindparam("dialogs", expanding=True)))
)


def load(connection: Connection, items: list[Load]) -> list[Work]:
    """Remove what was sent from the outbox, then return what is next for each dialog."""
    remove_sent(connection, [key for item in items for key in item.sent])
    names = [item.dialog for item in items]
    unsent = select_outbox(connection, names)
    found = {}
    for row in connection.execute(_load, {"dialogs": names}):
        pending = None if row.id is None else PendingUpdate(row.id, _decode(row.message), row.attempts)
        found[row.dialog] = Work(row.version, _decode(row.state), unsent.get(row.dialog, []), pending)
    return [found.get(name, _NOTHING) for name in names]


class Commit(NamedTuple):
    """The end of a turn."""

    dialog: str
    version: int
    """As it was loaded: with another one in the database, somebody else ran a turn meanwhile."""
    update_id: int
    state: State
    commands: list[dict[str, Any]]
    now: float


_still_pending = (
    select(inbox.c.id, dialogs.c.version)
    .join_from(inbox, dialogs, dialogs.c.dialog == inbox.c.dialog)
    .where(inbox.c.id.in_(bindparam("ids", expanding=True)))
    .with_for_update()
)
_done = delete(inbox).where(inbox.c.id.in_(bindparam("ids", expanding=True)))
_remember = (
    update(dialogs)
    .where(dialogs.c.dialog == bindparam("name"))
    .values(version=bindparam("next_version"), state=bindparam("next_state"))
)


def commit(connection: Connection, items: list[Commit]) -> list[list[OutboxRow] | None]:
    """Store state and commands of turns and take their updates from the inbox: all of a turn, or nothing.

    Returns:
        For each turn its commands as they stand in the outbox; None where nothing was stored, because the update is
        done already or another turn of the dialog was committed since this one was loaded.
    """
    versions = {
        row.id: row.version for row in connection.execute(_still_pending, {"ids": [i.update_id for i in items]})
    }
    results: list[list[OutboxRow] | None] = []
    done, remembered, unsent = [], [], []
    for item in items:
        if versions.get(item.update_id) != item.version:
            results.append(None)
            continue
        # The same turn may stand here twice if two holders of a broken lock commit at one moment: only once.
        del versions[item.update_id]
        done.append(item.update_id)
        remembered.append({"name": item.dialog, "next_version": item.version + 1, "next_state": _encode(item.state)})
        rows = [
            OutboxRow(item.update_id, position, content, resend=content.pop("resend", True), committed_at=item.now)
            for position, content in enumerate(dict(command) for command in item.commands)
        ]
        unsent += [
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
            for row in rows
        ]
        results.append(rows)
    if done:
        connection.execute(_done, {"ids": done})
        connection.execute(_remember, remembered)
    if unsent:
        connection.execute(insert(outbox), unsent)
    return results
