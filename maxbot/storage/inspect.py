"""What an operator asks of a database and does with its dead letters, beside a running server or without one.

Synchronous, and with SQLAlchemy's own execution: none of it is on the path of a message.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, RowMapping, Select, delete, func, insert, inspect, select
from sqlalchemy.exc import DBAPIError

from maxbot.errors import StorageUnavailable
from maxbot.storage.backend import Backend
from maxbot.storage.json import decode
from maxbot.storage.schema import dead_letters, inbox, outbox, seen
from maxbot.storage.tables.counters import read_counters

Taken = TypeVar("Taken")


class Summary(NamedTuple):
    """What a database holds after a run."""

    updates: int
    """In the inbox: accepted, not yet answered."""
    commands: int
    """In the outbox: committed, not yet sent."""
    dead_letters: int
    counters: dict[str, int]


class Letter(NamedTuple):
    """An update or a command that was set aside."""

    id: int
    kind: str
    """`update` or `command`."""
    dialog: str
    update_id: int
    position: int | None
    content: Any
    """The message, or what was to be sent."""
    reason: str
    traceback: str | None
    set_aside_at: float


class Requeued(NamedTuple):
    """A dead letter that is tried again."""

    letter: Letter
    waiting: int
    """How many updates and replies of its dialog are before it."""


def summarize(backend: Backend) -> Summary | None:
    """Count what is left in a database; None where it does not answer."""
    try:
        with _connected(backend) as connection:
            if not inspect(connection).has_table(inbox.name):  # stopped before any worker came to make the tables
                return Summary(0, 0, 0, {})
            updates, commands, letters = (
                connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in (inbox, outbox, dead_letters)
            )
            return Summary(updates, commands, letters, read_counters(connection))
    except StorageUnavailable:
        return None


def find_letters(backend: Backend, ids: Sequence[int] = (), dialog: str | None = None) -> list[Letter]:
    """Return dead letters in the order in which they were set aside.

    Args:
        backend: The database.
        ids: Only these; empty for all.
        dialog: Only this dialog's.

    Raises:
        StorageUnavailable: The database does not answer.
    """
    with _connected(backend) as connection:
        return [_letter(row) for row in connection.execute(_chosen(ids, dialog)).mappings()]


def retry_letters(backend: Backend, ids: Sequence[int] = (), dialog: str | None = None) -> list[Requeued]:
    """Put dead letters back: each goes behind all that waits for its dialog.

    An update is run again as if it had just been accepted, a command is sent again as if a turn had just produced it.

    Args:
        backend: The database.
        ids: Only these; empty for all.
        dialog: Only this dialog's.

    Raises:
        StorageUnavailable: The database does not answer; nothing was changed.
    """
    return _take(backend, ids, dialog, _requeue)


def drop_letters(backend: Backend, ids: Sequence[int] = (), dialog: str | None = None) -> list[Letter]:
    """Delete dead letters for good, and return them. Arguments and errors as in `retry_letters`."""
    return _take(backend, ids, dialog, lambda connection, row: _letter(row))


def _take(
    backend: Backend, ids: Sequence[int], dialog: str | None, put: Callable[[Connection, RowMapping], Taken]
) -> list[Taken]:
    with _connected(backend) as connection:
        taken = []
        for row in connection.execute(_chosen(ids, dialog)).mappings().all():
            # Whoever deletes it has it: another operator may do the same at this moment.
            if connection.execute(delete(dead_letters).where(dead_letters.c.id == row["id"])).rowcount:
                taken.append(put(connection, row))
        return taken


@contextmanager
def _connected(backend: Backend) -> Iterator[Connection]:
    engine = backend.engine()
    try:
        with engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        raise StorageUnavailable(f"The database {backend.name} cannot be used now: {error.orig}") from None
    finally:
        engine.dispose()
        backend.close()


def _chosen(ids: Sequence[int], dialog: str | None) -> Select[Any]:
    query = select(dead_letters).order_by(dead_letters.c.id)
    if ids:
        query = query.where(dead_letters.c.id.in_(ids))
    return query if dialog is None else query.where(dead_letters.c.dialog == dialog)


def _letter(row: RowMapping) -> Letter:
    return Letter(**{name: decode(row[name]) if name == "content" else row[name] for name in Letter._fields})


def _requeue(connection: Connection, row: RowMapping) -> Requeued:
    dialog, now = row["dialog"], time.time()
    waiting = sum(
        connection.execute(select(func.count()).where(table.c.dialog == dialog)).scalar_one()
        for table in (inbox, outbox)
    )
    # A number above all that were accepted, under a key that no platform gives.
    accepted = {"channel": dialog.partition(":")[0], "key": f"again {secrets.token_hex(8)}", "accepted_at": now}
    number = connection.execute(insert(seen), accepted).inserted_primary_key[0]  # type: ignore[index]
    common = {"dialog": dialog, "attempts": 0}
    if row["kind"] == "update":
        update = {"id": number, "message": row["content"], "address": row["address"], "accepted_at": now}
        connection.execute(insert(inbox), {**common, **update})
    else:
        command = {"update_id": number, "position": 0, "content": row["content"], "resend": row["resend"]}
        # Its first attempt is due, and it is certain that it is not on its way.
        times = {"committed_at": now, "unknown": 0, "taken_up": 0, "not_before": now, "postponed_at": now}
        connection.execute(insert(outbox), {**common, **command, **times})
    return Requeued(_letter(row), waiting)
