"""Many at once: a backlog that waits for a start, connections that stay open, and no memory that grows with them."""

import asyncio
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from maxbot.types import Dialog, Update
from tests.server.clients import Load, lines, say, serve
from tests.storage.support import opened
from tests.support import FULL
from tests.support.processes import PATIENCE, eventually, get

pytestmark = pytest.mark.faults


def store(file: Path, updates: Iterator[Update]) -> None:
    """Put updates into an inbox, as a server did that is gone."""

    async def main() -> None:
        async with opened(file) as store:
            batch: list[Update] = []
            for update in updates:
                batch.append(update)
                if len(batch) == 1000:
                    await store.accept(batch)
                    batch = []
            await store.accept(batch)

    asyncio.run(main())


def test_a_backlog_of_many_dialogs_and_of_one_is_worked_off_in_order_and_holds_up_nobody(tmp_path: Path) -> None:
    """1,000 dialogs with a message each and one with 1,000; full: 100,000 and 50,000."""
    many, deep = (100_000, 50_000) if FULL else (1_000, 1_000)
    store(
        tmp_path / "bot.db", (Update(Dialog("probe", f"u{n}"), f"u{n}", {"text": "hello"}, None) for n in range(many))
    )
    store(
        tmp_path / "bot.db", (Update(Dialog("probe", "deep"), f"deep {n}", {"text": str(n)}, None) for n in range(deep))
    )
    with serve(tmp_path) as server, Load(server.port, rate=20, connections=4, name="other") as load:
        waits = {f"deep {n}" for n in range(deep)} | {f"u{n} hello" for n in range(many)}
        eventually(lambda: waits <= set(lines(tmp_path / "sent")), 600, pause=0.5)
        load.stop()
        assert set(load.outcomes) == {"200"}
        eventually(lambda: set(load.accepted) <= set(lines(tmp_path / "sent")))
    sent = lines(tmp_path / "sent")
    assert [line for line in sent if line.startswith("deep ")] == [f"deep {n}" for n in range(deep)]
    assert len(sent) == many + deep + len(load.accepted), "each once"


def remember(file: Path, count: int) -> None:
    """Put the keys of so many updates into a database, as those who were accepted lately are."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)"
            " INSERT INTO seen (channel, key, accepted_at) SELECT 'probe', 'seen ' || n, ? FROM numbers",
            (count, time.time() - 60),
        )


def test_a_long_memory_of_what_was_seen_holds_up_no_start_and_no_message(tmp_path: Path) -> None:
    """Given 20,000 keys, full: a million: redeliveries are recognised among them, and what is new is answered."""
    count = 1_000_000 if FULL else 20_000
    store(tmp_path / "bot.db", iter(()))
    remember(tmp_path / "bot.db", count)
    with serve(tmp_path) as server:
        print(f"ready after {server.start_up:.1f} s")
        for number in (1, count // 2, count):
            assert say(server.port, "ada", f"again {number}", key=f"seen {number}") == 200
        with Load(server.port, rate=100) as load:
            eventually(lambda: len(load.accepted) >= 200)
        print(f"slowest answer {load.slowest * 1000:.0f} ms")
        assert set(load.outcomes) == {"200"}
        eventually(lambda: set(load.accepted) <= set(lines(tmp_path / "sent")))
    assert not [line for line in lines(tmp_path / "sent") if " again " in line]


def test_a_crowd_of_connections_shuts_nobody_out(tmp_path: Path) -> None:
    """150 slow heads, 150 slow bodies, 300 idle; full: 500, 500, 2,000. Those in the middle of a request are cut, and a
    stop waits for none of them."""
    slow, idle = (500, 2_000) if FULL else (150, 300)
    kinds = [
        (slow, b"POST /probe HT"),
        (slow, b"POST /probe HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n["),
        (idle, b""),
    ]
    with serve(tmp_path, workers=1) as server, ExitStack() as crowd:
        for count, begins in kinds:
            for _ in range(count):
                connection = crowd.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE))
                connection.sendall(begins)
            assert say(server.port, "ada", f"beside {count} {len(begins)}") == 200
            assert get(server.port, "/health/ready") == 200
        for _ in range(2_000 if FULL else 200):
            socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE).close()
        assert say(server.port, "ada", "after all") == 200
        eventually(lambda: "ada after all" in lines(tmp_path / "sent"))
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 25, "not the thirty seconds of a stop"


def test_many_users_leave_nothing_behind(tmp_path: Path) -> None:
    """Messages of 1,000 users; full: 200,000 of 50,000: nothing is left in memory of those who have been answered."""
    users, each = (50_000, 4) if FULL else (1_000, 2)
    with serve(tmp_path, workers=1) as server:
        (worker,) = server.workers()

        def deliver(first: int) -> None:
            store(
                tmp_path / "bot.db",
                (
                    Update(Dialog("probe", f"u{n}"), f"{first + turn} {n}", {"text": str(first + turn)}, None)
                    for turn in range(each)
                    for n in range(users)
                ),
            )

        deliver(0)
        eventually(lambda: len(lines(tmp_path / "sent")) == users * each, 600, pause=0.2)
        before = worker.memory_info().rss
        deliver(each)
        eventually(lambda: len(lines(tmp_path / "sent")) == 2 * users * each, 600, pause=0.2)
        assert worker.memory_info().rss - before < 16 * 2**20
