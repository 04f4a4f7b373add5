"""What channels must know again: a few words by key."""

from typing import Any, NamedTuple

from sqlalchemy import bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from maxbot.storage.schema import notes
from maxbot.storage.statement import Statement, Transaction


class Note(NamedTuple):
    """To keep, in the place of what was kept under the key."""

    channel: str
    key: str
    value: str
    now: float


_row: dict[str, Any] = {name: bindparam(name) for name in ("channel", "key", "value", "noted_at")}
_sqlite, _postgresql = sqlite.insert(notes).values(_row), postgresql.insert(notes).values(_row)
_note = Statement(
    sqlite=_sqlite.on_conflict_do_update(set_={"value": _sqlite.excluded.value, "noted_at": _sqlite.excluded.noted_at}),
    postgresql=_postgresql.on_conflict_do_update(
        index_elements=["channel", "key"],
        set_={"value": _postgresql.excluded.value, "noted_at": _postgresql.excluded.noted_at},
    ),
    mysql="""
        INSERT INTO notes (channel, `key`, value, noted_at) VALUES ROWS(:channel, :key, :value, :noted_at)
        ON DUPLICATE KEY UPDATE value = VALUES(value), noted_at = VALUES(noted_at)
    """,
)


def note(transaction: Transaction, items: list[Note]) -> list[None]:
    """Keep values; of several under one key the last."""
    # Each key once, as one statement cannot change a row twice; in one order, or two that note wait for each other.
    last = sorted({(item.channel, item.key): item for item in items}.values())
    transaction.run(
        _note,
        channel=[item.channel for item in last],
        key=[item.key for item in last],
        value=[item.value for item in last],
        noted_at=[item.now for item in last],
    )
    return [None] * len(items)


class Noted(NamedTuple):
    """To look up."""

    channel: str
    key: str


_noted = Statement(select(notes.c.value).where(notes.c.channel == bindparam("of"), notes.c.key == bindparam("under")))


def noted(transaction: Transaction, items: list[Noted]) -> list[str | None]:
    """Return what was kept last."""
    found = transaction.rows(_noted, of=[item.channel for item in items], under=[item.key for item in items])
    return [rows[0][0] if rows else None for rows in found]
