"""No statement on the path of a message reads a whole table, whatever the server believes of its size."""

from collections.abc import Iterator

import pytest

from maxbot.storage.mysql.backend import MySQL
from maxbot.storage.mysql.connection import Connection
from maxbot.storage.mysql.transaction import MySQLTransaction
from maxbot.storage.mysql.words import words
from maxbot.storage.statement import Statement
from maxbot.storage.tables import claims, inbox, outbox, requests, turns
from tests.storage.support import MySQLPlace

PATH = {
    "see": inbox._see,
    "accept": inbox._put,
    "load": turns._load,
    "lock": claims._lock,
    "make": claims._make,
    "own": claims._own,
    "remember": turns._remember,
    "done": turns._done,
    "outbox": outbox._outbox,
    "put": outbox._put,
    "sent": outbox._sent,
    "gone": outbox._gone,
    "postpone": outbox._postpone,
    "outcome": requests._outcome,
}

ROWS = 5000
"""In each table."""

ITEMS = 5

ENOUGH = 20 * ITEMS
"""Rows that a statement may read, those of its items and of what it joins them with included."""

_FILL = (
    "INSERT INTO dialogs (dialog, version, state) SELECT CONCAT('telegram:', seq), 1, '{}' FROM seq_1_to_5000",
    "INSERT INTO seen (channel, `key`, accepted_at) SELECT 'telegram', seq, 0 FROM seq_1_to_5000",
    "INSERT INTO inbox (id, dialog, message, accepted_at) "
    "SELECT seq, CONCAT('telegram:', seq), '{}', 0 FROM seq_1_to_5000",
    "INSERT INTO outbox (update_id, position, dialog, content, resend, committed_at, attempts, unknown, taken_up) "
    "SELECT seq, 0, CONCAT('telegram:', seq), '{}', 1, 0, 0, 0, 0 FROM seq_1_to_5000",
    "INSERT INTO dead_letters (kind, dialog, update_id, content, resend, reason, set_aside_at) "
    "SELECT 'update', CONCAT('telegram:', seq), seq, '{}', 1, '', 0 FROM seq_1_to_5000",
)
_TABLES = ("dialogs", "seen", "inbox", "outbox", "dead_letters")


@pytest.fixture(scope="module", params=["empty", "full"])
def connection(request: pytest.FixtureRequest) -> Iterator[Connection]:
    """A worker's connection to tables that are large, and that the server takes for empty or knows."""
    place = MySQLPlace()
    place.prepared()
    with place.server.connected(place.database) as cursor:
        for table in _TABLES:
            cursor.execute(f"ALTER TABLE {table} STATS_PERSISTENT = 1, STATS_AUTO_RECALC = 0")
            cursor.execute(f"ANALYZE TABLE {table}")
            cursor.fetchall()
        for fill in _FILL:
            cursor.execute(fill)
        if request.param == "full":
            cursor.execute(f"ANALYZE TABLE {', '.join(_TABLES)}")
            cursor.fetchall()
        cursor.execute("COMMIT")
    backend = MySQL(place.url)
    yield backend._connect()
    backend.disconnect()


def values(name: str) -> list[object]:
    """Return a column for items that are there, from the middle of the tables; new ones where rows are made."""
    numbers = range(ROWS // 2, ROWS // 2 + ITEMS)
    if name in ("name", "dialog"):
        return [f"telegram:{number}" for number in numbers]
    if name == "id" or name.endswith("update_id"):
        return list(numbers)
    texts = {"channel": "telegram", "content": b"{}", "message": b"{}", "next_state": b"{}"}
    if name == "key":
        return [str(number) for number in numbers]
    ones = {"loaded": 1, "place": 0, "position": 7}
    return [texts.get(name, ones.get(name, 0))] * ITEMS


def rows_read(connection: Connection) -> int:
    return sum(int(count) for _, count in connection.ask("SHOW SESSION STATUS LIKE 'Handler_read%'"))


@pytest.mark.parametrize("name", PATH)
def test_only_what_is_asked_for_is_read(connection: Connection, name: str) -> None:
    statement: Statement = PATH[name]
    columns = {column: values(column) for column in words(statement).columns}
    if name == "accept":
        columns["id"] = [ROWS + 1 + number for number in range(ITEMS)]
    connection.queue("START TRANSACTION")
    connection.exchange()
    before = rows_read(connection)
    overhead = rows_read(connection) - before  # of asking
    MySQLTransaction(connection, mark=1).run(statement, **columns)
    connection.exchange()
    read = rows_read(connection) - before - 2 * overhead
    connection.queue("ROLLBACK")
    connection.exchange()
    assert read < ENOUGH, f"{read} rows"
