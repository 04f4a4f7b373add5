"""No statement on the path of a message reads a whole table, whatever the server believes of its size."""

import pytest

from maxbot.storage.postgresql import backend
from maxbot.storage.postgresql.words import words
from maxbot.storage.statement import Statement
from maxbot.storage.tables import claims, inbox, outbox, requests, turns
from tests.storage.support import PostgreSQLPlace

PATH = {
    "see": inbox._see,
    "load": turns._load,
    "lock": claims._lock,
    "make": claims._make,
    "own": claims._own,
    "remember": turns._remember,
    "done": turns._done,
    "outbox": outbox._outbox,
    "sent": outbox._sent,
    "outcome": requests._outcome,
}


@pytest.fixture
def there() -> PostgreSQLPlace:
    """A database with many dialogs, and tables of which nothing is known."""
    place = PostgreSQLPlace()
    place.prepared()
    with place.server.connected(place.database) as connection:
        connection.execute(
            "INSERT INTO dialogs (dialog, version, state) "
            "SELECT 'telegram:' || g, 1, '{}' FROM generate_series(1, 20000) g"
        )
    return place


@pytest.mark.parametrize("name", PATH)
def test_only_what_is_asked_for_is_read(there: PostgreSQLPlace, name: str) -> None:
    statement: Statement = PATH[name]
    text = words(statement).text
    with there.server.connected(there.database) as connection:
        connection.execute("BEGIN")
        connection.execute("INSERT INTO sessions VALUES (1, 'here', 1, '', true, '0001', 0, 0, false)")
        connection.pgconn.exec_params(backend._NEXT_GROUP.text, [b"1", b"1", b"10", b"10s"])
        connection.execute(b"PREPARE asked AS " + text)
        nothing = ", ".join(["NULL"] * len(words(statement).columns))
        plan = [str(line) for (line,) in connection.execute(f"EXPLAIN EXECUTE asked ({nothing})".encode()).fetchall()]
    for number, line in enumerate(plan):
        assert "Seq Scan" not in line, plan
        if "Index Scan" in line:
            assert "Cond" in plan[number + 1], plan
