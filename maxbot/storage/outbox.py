"""The outbox: commands committed and not yet sent."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, delete, select, update

from maxbot.storage.schema import outbox

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


_outbox = (
    select(outbox)
    .where(outbox.c.dialog.in_(bindparam("dialogs", expanding=True)))
    .order_by(outbox.c.update_id, outbox.c.position)
)


def select_outbox(connection: Connection, dialogs: Sequence[str]) -> dict[str, list[OutboxRow]]:
    """Return the unsent commands of each dialog that has some, in order."""
    unsent: dict[str, list[OutboxRow]] = {}
    for row in connection.execute(_outbox, {"dialogs": dialogs}):
        unsent.setdefault(row.dialog, []).append(
            OutboxRow(
                row.update_id,
                row.position,
                _decode(row.content),
                row.resend,
                row.committed_at,
                row.attempts,
                row.not_before,
            )
        )
    return unsent


_this_command = (outbox.c.update_id == bindparam("id")) & (outbox.c.position == bindparam("place"))
_sent = delete(outbox).where(_this_command)


def remove_sent(connection: Connection, keys: Sequence[tuple[int, int]]) -> None:
    """Remove commands that were sent, named by (update_id, position)."""
    if keys:
        connection.execute(_sent, [{"id": update_id, "place": position} for update_id, position in keys])


class Sent(NamedTuple):
    """A command was sent."""

    update_id: int
    position: int


def sent(connection: Connection, items: list[Sent]) -> list[None]:
    """Remove commands that were sent."""
    remove_sent(connection, items)
    return [None] * len(items)


class Postpone(NamedTuple):
    """An attempt failed and the command was not sent (or may be sent again)."""

    update_id: int
    position: int
    attempts: int
    not_before: float | None
    """When the next attempt may start; None as that attempt starts."""


_postpone = update(outbox).where(_this_command).values(attempts=bindparam("tried"), not_before=bindparam("due"))


def postpone(connection: Connection, items: list[Postpone]) -> list[None]:
    """Remember when the next attempt at a command may start, so that a restart keeps to it."""
    connection.execute(
        _postpone,
        [
            {"id": item.update_id, "place": item.position, "tried": item.attempts, "due": item.not_before}
            for item in items
        ],
    )
    return [None] * len(items)
