"""The outbox: commands committed and not yet sent."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, delete, select, update

from maxbot.storage.schema import outbox
from maxbot.storage.statement import Statement

_decode = msgspec.json.Decoder().decode


class OutboxRow(NamedTuple):
    """A command committed and not yet sent."""

    update_id: int
    position: int
    content: dict[str, Any]
    resend: bool
    committed_at: float
    attempts: int = 0
    not_before: float | None = None
    """When the next attempt may start; None if one may be on its way."""

    @property
    def key(self) -> str:
        """The same at every attempt, and no other command's."""
        return f"{self.update_id}.{self.position}"


_outbox = Statement(
    select(
        outbox.c.update_id,
        outbox.c.position,
        outbox.c.content,
        outbox.c.resend,
        outbox.c.committed_at,
        outbox.c.attempts,
        outbox.c.not_before,
    )
    .where(outbox.c.dialog == bindparam("name"))
    .order_by(outbox.c.update_id, outbox.c.position)
)


def select_outbox(connection: Connection, dialog: str) -> list[OutboxRow]:
    """Return the unsent commands of a dialog, in order."""
    return [
        OutboxRow(update_id, position, _decode(content), bool(resend), *rest)
        for update_id, position, content, resend, *rest in _outbox.rows(connection, {"name": dialog})
    ]


_this_command = (outbox.c.update_id == bindparam("id")) & (outbox.c.position == bindparam("place"))
_sent = Statement(delete(outbox).where(_this_command))


def remove_sent(connection: Connection, keys: Sequence[tuple[int, int]]) -> None:
    """Remove commands that were sent, named by (update_id, position)."""
    _sent.many(connection, [{"id": update_id, "place": position} for update_id, position in keys])


class Sent(NamedTuple):
    """A command was sent."""

    update_id: int
    position: int


def sent(connection: Connection, items: list[Sent]) -> list[bool]:
    """Remove commands that were sent.

    Returns:
        Whether it was still there: else somebody else sends the dialog's commands too.
    """
    return [_sent.changes(connection, {"id": item.update_id, "place": item.position}) > 0 for item in items]


class Postpone(NamedTuple):
    """An attempt failed and the command was not sent (or may be sent again)."""

    row: OutboxRow
    """As it is in the outbox."""
    attempts: int
    not_before: float | None
    """When the next attempt may start; None as that attempt starts."""


_postpone = (
    update(outbox)
    .where(
        _this_command,
        outbox.c.attempts == bindparam("known_attempts"),
        outbox.c.not_before.is_not_distinct_from(bindparam("known_not_before")),
    )
    .values(attempts=bindparam("tried"), not_before=bindparam("due"))
)


def postpone(connection: Connection, items: list[Postpone]) -> list[bool]:
    """Remember when the next attempt at a command may start, so that a restart keeps to it.

    Returns:
        Whether the command was as its sender knew it: else somebody else sends the dialog's commands too.
    """
    return [
        connection.execute(
            _postpone,
            {
                "id": item.row.update_id,
                "place": item.row.position,
                "known_attempts": item.row.attempts,
                "known_not_before": item.row.not_before,
                "tried": item.attempts,
                "due": item.not_before,
            },
        ).rowcount
        > 0
        for item in items
    ]
