"""Dead letters: updates and commands set aside so that their dialog goes on."""

from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, select

from maxbot.storage.schema import dead_letters, inbox
from maxbot.storage.tables import counters
from maxbot.storage.tables.outbox import OutboxRow, Sent, sent

_encode = msgspec.json.Encoder().encode


class SetAsideUpdate(NamedTuple):
    """An update whose turn fails for a reason that another attempt does not change."""

    dialog: str
    update_id: int
    reason: str
    traceback: str | None
    now: float


_message = select(inbox.c.message).where(inbox.c.id == bindparam("update_id"))
_done = delete(inbox).where(inbox.c.id == bindparam("update_id"))


def set_aside_update(connection: Connection, items: list[SetAsideUpdate]) -> list[bool]:
    """Move updates from the inbox to the dead letters.

    Returns:
        Whether it was still in the inbox.
    """
    results = []
    for item in items:
        message = connection.execute(_message, {"update_id": item.update_id}).scalar()
        if message is not None:
            connection.execute(_done, {"update_id": item.update_id})
            connection.execute(
                insert(dead_letters),
                {
                    "kind": "update",
                    "dialog": item.dialog,
                    "update_id": item.update_id,
                    "position": None,
                    "content": message,
                    "reason": _storable(item.reason),
                    "traceback": None if item.traceback is None else _storable(item.traceback),
                    "set_aside_at": item.now,
                },
            )
            counters.add(connection, "dead_updates")
        results.append(message is not None)
    return results


class SetAsideCommand(NamedTuple):
    """A command that never will arrive, or that must not be sent again."""

    dialog: str
    row: OutboxRow
    reason: str
    now: float


def set_aside_command(connection: Connection, items: list[SetAsideCommand]) -> list[bool]:
    """Move commands from the outbox to the dead letters.

    Returns:
        Whether it was still in the outbox.
    """
    results = sent(connection, [Sent(item.row.update_id, item.row.position) for item in items])
    for item, there in zip(items, results, strict=True):
        if not there:
            continue
        connection.execute(
            insert(dead_letters),
            {
                "kind": "command",
                "dialog": item.dialog,
                "update_id": item.row.update_id,
                "position": item.row.position,
                "content": _encode(item.row.content),
                "reason": _storable(item.reason),
                "traceback": None,
                "set_aside_at": item.now,
            },
        )
        counters.add(connection, "dead_commands")
    return results


def _storable(text: str) -> str:
    """Return a text as every database takes it: what a bot's error says may have half characters."""
    return text.encode("utf-8", "backslashreplace").decode()
